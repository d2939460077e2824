//! Changing a knowledge folder from outside: one page at a time, never beyond the folder, and never by halves.

use std::{
    fmt, fs, io,
    path::{Component, Path, PathBuf},
};

use super::{
    cache::replace,
    folder::MAX_FILE_BYTES,
    page::{Format, Page},
};

/// The longest path of a page, in bytes.
const MAX_PATH: usize = 500;

/// The longest name of a file or folder, in bytes, as file systems have it.
const MAX_NAME: usize = 255;

/// Where a page is in its folder: such as `orders/returns.md`, and never out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagePath(String);

impl PagePath {
    /// Checks a path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(path: &str) -> Result<Self, String> {
        if path.len() > MAX_PATH {
            return Err(format!("is longer than {MAX_PATH} bytes"));
        }
        if path.contains('\\') || path.chars().any(char::is_control) {
            return Err("must not hold \\ or control characters".to_owned());
        }
        if path.contains(is_unseen) {
            return Err("must not hold characters that are not seen or change the direction".to_owned());
        }
        if path.split('/').any(|part| part.len() > MAX_NAME) {
            return Err(format!("must not have a part that is longer than {MAX_NAME} bytes"));
        }
        // As the operating system takes it apart: "a//b" and "a/./b" are other words for "a/b".
        let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || path.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
            return Err("must be relative, and no part of it may be empty or begin with a dot".to_owned());
        }
        if Format::of(path).is_none() {
            return Err("must end in .md, .markdown, .html, .htm or .txt".to_owned());
        }
        Ok(Self(path.to_owned()))
    }

    /// With `/` between its parts.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it is. Links are not followed: they may lead anywhere.
    fn within(&self, root: &Path) -> Result<PathBuf, EditError> {
        let mut path = root.to_owned();
        let mut parts = self.0.split('/').peekable();
        while let Some(part) = parts.next() {
            path.push(part);
            let is_last = parts.peek().is_none();
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() => return Err(EditError::refused("leads over a link")),
                Ok(found) if is_last && !found.is_file() => return Err(EditError::refused("is no regular file")),
                Ok(found) if !is_last && !found.is_dir() => {
                    return Err(EditError::refused(format!("has '{part}' in it, which is a file")));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(path)
    }
}

/// What makes one name look like another (UAX #9 §2 and the like). Joiners stay: Persian and emoji are written with them.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

impl fmt::Display for PagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a page could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// There is no such desk, or it has no folder.
    #[error("this desk has no knowledge folder")]
    NoFolder,
    /// There is no such page.
    #[error("there is no such page")]
    NoPage,
    /// The page or its place is not acceptable; the text says why.
    #[error("the page {0}")]
    Refused(String),
    /// The file system failed.
    #[error("the knowledge folder cannot be changed: {0}")]
    Io(#[from] io::Error),
    /// The folder could not be read after the change.
    #[error(transparent)]
    Folder(#[from] super::Error),
    /// A task ended unexpectedly.
    #[error("the change was cut off")]
    CutOff(#[from] tokio::task::JoinError),
}

impl EditError {
    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}

/// Stores a page, after a check that it can be used; gives whether it is new.
pub(super) fn put(root: &Path, path: &PagePath, bytes: &[u8]) -> Result<bool, EditError> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(EditError::refused("is larger than 1 MiB"));
    }
    let text = str::from_utf8(bytes).map_err(|_| EditError::refused("is not UTF-8"))?;
    if text.contains('\0') {
        return Err(EditError::refused("holds a NUL character"));
    }
    Page::parse(path.0.clone(), text).map_err(EditError::Refused)?;
    let file = path.within(root)?;
    let is_new = !file.exists();
    replace(&file, bytes)?;
    Ok(is_new)
}

/// Deletes a page, also one that could not be used.
pub(super) fn remove(root: &Path, path: &PagePath) -> Result<(), EditError> {
    let file = path.within(root)?;
    match fs::remove_file(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(EditError::NoPage),
        removed => Ok(removed?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_the_folder() {
        for path in ["a.md", "a b/ü.html", "orders/2026/returns.TXT", "a..b.md"] {
            assert!(PagePath::new(path).is_ok(), "{path}");
        }
        for path in [
            "",
            "/a.md",
            "../a.md",
            "a/../b.md",
            "a/./b.md",
            "a//b.md",
            "a.md/",
            ".a.md",
            ".git/a.md",
            "a\\b.md",
            "a\0.md",
            "a\n.md",
            "..",
            "a",
            "a.exe",
            "a.md.new",
            ".md",
            "C:\\a.md",
            "..\\a.md",
            "a\u{202e}dm.exe.md",
            "a\u{200b}.md",
        ] {
            assert!(PagePath::new(path).is_err(), "{path:?}");
        }
        let named = |length: usize| format!("{}.md", "a".repeat(length - 3));
        assert!(PagePath::new(&named(MAX_NAME)).is_ok());
        assert!(PagePath::new(&named(MAX_NAME + 1)).is_err());
        assert!(PagePath::new(&format!("{}/{}", named(MAX_NAME), named(MAX_NAME))).is_err());
    }

    #[test]
    fn a_page_is_stored_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = PagePath::new("orders/returns.md").unwrap();
        assert!(put(folder.path(), &path, b"# Returns\n\nOne").unwrap());
        assert!(!put(folder.path(), &path, b"# Returns\n\nTwo").unwrap());
        assert_eq!(fs::read_to_string(folder.path().join("orders/returns.md")).unwrap(), "# Returns\n\nTwo");
        assert_eq!(fs::read_dir(folder.path().join("orders")).unwrap().count(), 1);
        remove(folder.path(), &path).unwrap();
        assert!(matches!(remove(folder.path(), &path), Err(EditError::NoPage)));
        assert!(matches!(remove(folder.path(), &PagePath::new("no/such.md").unwrap()), Err(EditError::NoPage)));
    }

    #[test]
    fn what_could_not_be_used_is_not_stored() {
        let folder = tempfile::tempdir().unwrap();
        let path = PagePath::new("a.md").unwrap();
        let large = vec![b'a'; 1024 * 1024 + 1];
        for bytes in [&b"---\naudience: staff\n---\n"[..], b"---\nopen", b"\xff", b"a\0b", &large] {
            assert!(matches!(put(folder.path(), &path, bytes), Err(EditError::Refused(_))), "{bytes:?}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        use std::os::unix::fs::symlink;
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("a.md"), "secret").unwrap();
        symlink(outside.path(), folder.path().join("out")).unwrap();
        symlink(outside.path().join("a.md"), folder.path().join("a.md")).unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        fs::create_dir(folder.path().join("folder.md")).unwrap();
        for path in ["out/a.md", "out/b.md", "a.md", "file/a.md", "folder.md"] {
            let path = PagePath::new(path).unwrap();
            assert!(matches!(put(folder.path(), &path, b"x"), Err(EditError::Refused(_))), "{path}");
            assert!(matches!(remove(folder.path(), &path), Err(EditError::Refused(_))), "{path}");
        }
        assert_eq!(fs::read_to_string(outside.path().join("a.md")).unwrap(), "secret");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }
}
