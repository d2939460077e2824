//! Finds the pages of a knowledge folder, within bounds.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::page::{Format, Page};

/// The largest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The most pages one folder may hold.
pub const MAX_FILES: usize = 10_000;

/// Why a knowledge folder could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder, or one inside it, cannot be read.
    #[error("the knowledge folder {} cannot be read: {source}", path.display())]
    Folder {
        /// The folder in question.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder holds more pages than [`MAX_FILES`]; it is probably not the folder that was meant.
    #[error("the knowledge folder {} holds more than {MAX_FILES} pages", path.display())]
    TooManyFiles {
        /// The folder that was to be loaded.
        path: PathBuf,
    },
}

/// A file that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its path relative to the knowledge folder.
    pub page: String,
    /// Why, for the person who keeps the pages.
    pub reason: String,
}

/// What a folder gave.
pub(super) struct Found {
    pub(super) pages: Vec<Page>,
    pub(super) skipped: Vec<Skipped>,
}

/// Reads all pages below `root`, sorted by path.
pub(super) fn read(root: &Path) -> Result<Found, Error> {
    let root = &root.canonicalize().map_err(unreadable(root))?;
    let files = files(root)?;
    let mut found = Found { pages: Vec::new(), skipped: Vec::new() };
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        match read_text(root, &file).and_then(|text| Page::parse(name.clone(), &text)) {
            Ok(page) => found.pages.push(page),
            Err(reason) => found.skipped.push(Skipped { page: name, reason }),
        }
    }
    Ok(found)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Folder { path, source }
}

/// The paths of all pages, sorted.
fn files(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(unreadable(&folder))? {
            let entry = entry.map_err(unreadable(&folder))?;
            // Editors, version control and mounted volumes keep their second copies under dot names.
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let path = entry.path();
            let kind = entry.file_type().map_err(unreadable(&path))?;
            // A linked folder is never entered: inside the root it would give every page twice, or a loop.
            if kind.is_dir() {
                folders.push(path);
            } else if is_page(&path) && !(kind.is_symlink() && path.is_dir()) {
                files.push(path);
            }
            if files.len() > MAX_FILES {
                return Err(Error::TooManyFiles { path: root.to_owned() });
            }
        }
    }
    files.sort();
    Ok(files)
}

/// What differs when a page was changed: paths, sizes and times. None when the folder cannot be read.
pub(super) fn state(root: &Path) -> Option<Vec<(PathBuf, u64, Option<SystemTime>)>> {
    let files = files(root).ok()?.into_iter();
    let states = files.map(|path| {
        let metadata = fs::metadata(&path).ok();
        let size = metadata.as_ref().map_or(0, fs::Metadata::len);
        (path, size, metadata.and_then(|metadata| metadata.modified().ok()))
    });
    Some(states.collect())
}

fn is_page(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| Format::of(name).is_some())
}

fn read_text(root: &Path, file: &Path) -> Result<String, String> {
    let cannot_read = |error: io::Error| format!("cannot be read: {error}");
    let target = file.canonicalize().map_err(cannot_read)?;
    if !target.starts_with(root) {
        return Err("is a link that leads out of the knowledge folder".to_owned());
    }
    // Before opening: a FIFO would block the start for ever.
    let metadata = fs::metadata(&target).map_err(cannot_read)?;
    if !metadata.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(format!("is larger than 1 MiB ({} bytes)", metadata.len()));
    }
    let bytes = fs::read(&target).map_err(cannot_read)?;
    String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("is not UTF-8 (line {line}); save it as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is removed when the test ends.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("deskbridge-knowledge-{}", uuid::Uuid::now_v7()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }

        fn names(&self) -> Vec<String> {
            read(&self.0).unwrap().pages.into_iter().map(|page| page.name).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn reads_pages_at_any_depth_in_order() {
        let folder = Folder::new();
        folder.write("b.md", "# B");
        folder.write("a/deep/c.markdown", "# C");
        folder.write("c.HTML", "<p>C");
        folder.write("notes.txt", "a page");
        folder.write("notes.pdf", "no page");
        folder.write(".git/d.md", "hidden");
        assert_eq!(folder.names(), ["a/deep/c.markdown", "b.md", "c.HTML", "notes.txt"]);
    }

    #[test]
    fn names_the_line_that_is_not_utf8() {
        let folder = Folder::new();
        folder.write("good.md", "# Good");
        folder.write("latin1.md", b"# Tea\n\nCaf\xe9");
        let found = read(&folder.0).unwrap();
        assert_eq!(found.pages.len(), 1);
        assert_eq!(
            found.skipped,
            [Skipped { page: "latin1.md".into(), reason: "is not UTF-8 (line 3); save it as UTF-8".into() }]
        );
    }

    #[test]
    fn leaves_out_a_file_over_one_mebibyte() {
        let folder = Folder::new();
        folder.write("fits.md", vec![b'a'; 1024 * 1024]);
        folder.write("large.md", vec![b'a'; 1024 * 1024 + 1]);
        let found = read(&folder.0).unwrap();
        assert_eq!(found.pages[0].name, "fits.md");
        assert_eq!(found.skipped[0].reason, "is larger than 1 MiB (1048577 bytes)");
    }

    #[cfg(unix)]
    #[test]
    fn follows_links_to_files_inside_the_folder_only() {
        use std::os::unix::fs::symlink;
        let outside = Folder::new();
        outside.write("secret.md", "# Secret");
        let folder = Folder::new();
        folder.write("page.md", "# Page");
        symlink(folder.0.join("page.md"), folder.0.join("same.md")).unwrap();
        symlink(outside.0.join("secret.md"), folder.0.join("secret.md")).unwrap();
        symlink(&outside.0, folder.0.join("elsewhere")).unwrap();
        symlink(&folder.0, folder.0.join("loop")).unwrap();
        symlink("/nonexistent", folder.0.join("broken.md")).unwrap();

        let found = read(&folder.0).unwrap();
        let names: Vec<_> = found.pages.iter().map(|page| page.name.as_str()).collect();
        assert_eq!(names, ["page.md", "same.md"]);
        let skipped: Vec<_> = found.skipped.iter().map(|skipped| skipped.page.as_str()).collect();
        assert_eq!(skipped, ["broken.md", "secret.md"]);
        assert_eq!(found.skipped[1].reason, "is a link that leads out of the knowledge folder");
    }

    #[test]
    fn refuses_more_files_than_the_limit() {
        let folder = Folder::new();
        for number in 0..=MAX_FILES {
            fs::write(folder.0.join(format!("{number}.md")), "").unwrap();
        }
        assert!(matches!(read(&folder.0), Err(Error::TooManyFiles { .. })));
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_it() {
        let Err(error) = read(Path::new("/nonexistent/knowledge")) else { panic!("it was read") };
        assert!(error.to_string().starts_with("the knowledge folder /nonexistent/knowledge cannot be read: "));
    }
}
