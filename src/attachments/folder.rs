//! The files on disk: each under its id, never under a name that a sender chose.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    fs::{File, OpenOptions},
    io::AsyncWriteExt,
};
use uuid::Uuid;

/// What the name of a file ends with that is not whole yet.
const PART: &str = ".part";

/// The folder of the attachments. It must be this Deskbridge's alone: what it does not know is removed from it.
#[derive(Clone, Debug)]
pub struct Folder {
    path: Arc<Path>,
}

/// A file that is being written. Dropped before it is kept, it is removed.
#[derive(Debug)]
pub struct Part {
    file: File,
    path: PathBuf,
    to: PathBuf,
    is_kept: bool,
}

impl Folder {
    /// The folder at `path`, made if it is missing; then only its owner may look into it.
    ///
    /// # Errors
    /// When it cannot be made or written to.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(path)?;
        }
        let probe = path.join(format!("{}{PART}", Uuid::now_v7()));
        std::fs::write(&probe, b"")?;
        std::fs::remove_file(&probe)?;
        Ok(Self { path: path.into() })
    }

    /// Begins the file with this id.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn begin(&self, id: Uuid) -> io::Result<Part> {
        // Under a name of its own: another try of the same file may not have gone yet.
        let path = self.path.join(format!("{}{PART}", Uuid::now_v7()));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        Ok(Part { file: options.open(&path).await?, path, to: self.path.join(id.to_string()), is_kept: false })
    }

    /// The file with this id, and its size in bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&self, id: Uuid) -> io::Result<(File, u64)> {
        let file = File::open(self.path.join(id.to_string())).await?;
        let size = file.metadata().await?.len();
        Ok((file, size))
    }

    /// The ids of all files, with their sizes in bytes.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn files(&self) -> io::Result<Vec<(Uuid, u64)>> {
        let mut files = Vec::new();
        let mut entries = tokio::fs::read_dir(&self.path).await?;
        while let Some(entry) = entries.next_entry().await? {
            if let Some(id) = entry.file_name().to_str().and_then(id_of) {
                files.push((id, entry.metadata().await?.len()));
            }
        }
        Ok(files)
    }

    /// Removes the file with this id, if it is there.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub async fn remove(&self, id: Uuid) -> io::Result<()> {
        match tokio::fs::remove_file(self.path.join(id.to_string())).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes what a crash left half written. Nothing else may be writing.
    ///
    /// # Errors
    /// When the folder cannot be read, or a file in it not be removed.
    pub async fn remove_parts(&self) -> io::Result<()> {
        let mut entries = tokio::fs::read_dir(&self.path).await?;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            if name.to_str().and_then(|name| name.strip_suffix(PART)).and_then(id_of).is_some() {
                tokio::fs::remove_file(entry.path()).await?;
            }
        }
        Ok(())
    }
}

/// An id in exactly the form in which we write it: what has another name is not ours to touch.
fn id_of(name: &str) -> Option<Uuid> {
    Uuid::try_parse(name).ok().filter(|id| id.to_string() == name)
}

impl Part {
    /// Appends some bytes.
    ///
    /// # Errors
    /// When the disk is full, and the like.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await
    }

    /// Makes it whole: its bytes are on disk before its name is.
    ///
    /// # Errors
    /// As [`Part::write`].
    pub async fn keep(mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        tokio::fs::rename(&self.path, &self.to).await?;
        self.is_kept = true;
        // The name itself is the folder's content.
        match self.to.parent() {
            Some(folder) => File::open(folder).await?.sync_all().await,
            None => Ok(()),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed now is removed at the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn a_file_is_whole_or_not_there() {
        let home = TempDir::new().unwrap();
        let folder = Folder::open(&home.path().join("deep/down")).unwrap();
        let (kept, dropped) = (Uuid::now_v7(), Uuid::now_v7());
        let mut part = folder.begin(kept).await.unwrap();
        part.write(b"hello ").await.unwrap();
        part.write(b"world").await.unwrap();
        assert!(folder.read(kept).await.is_err(), "not before it is whole");
        part.keep().await.unwrap();
        let mut half = folder.begin(dropped).await.unwrap();
        half.write(b"half").await.unwrap();
        drop(half);
        assert_eq!(folder.files().await.unwrap(), [(kept, 11)]);
        assert_eq!(folder.read(kept).await.unwrap().1, 11);
        assert_eq!(std::fs::read_dir(home.path().join("deep/down")).unwrap().count(), 1, "nothing half is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&home.path().join("deep/down")), 0o700);
            assert_eq!(mode(&home.path().join(format!("deep/down/{kept}"))), 0o600);
        }
    }

    #[tokio::test]
    async fn only_what_has_our_names_is_touched() {
        let home = TempDir::new().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        let id = Uuid::now_v7();
        let others = ["notes.txt".to_owned(), format!("{id}.bak"), id.simple().to_string(), "x.part".to_owned()];
        for name in others.iter().cloned().chain([format!("{id}{PART}")]) {
            std::fs::write(home.path().join(name), b"x").unwrap();
        }
        folder.remove_parts().await.unwrap();
        assert_eq!(folder.files().await.unwrap(), []);
        for name in &others {
            assert!(home.path().join(name).exists(), "{name}");
        }
        assert!(!home.path().join(format!("{id}{PART}")).exists());
    }
}
