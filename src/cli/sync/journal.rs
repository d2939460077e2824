//! The file of changes and the file of how far it has come, which agree after a crash at any point.
//!
//! Lines are added and synced first; then the state, which holds the cursor behind them and the file's length, takes the
//! place of the old one in one step. What stands behind that length was never noted: it is cut off, and fetched again.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Failure;

const VERSION: u8 = 1;
/// By how many of its last bytes a file is known again.
const TAIL: u64 = 4096;

/// Both files, locked.
#[derive(Debug)]
pub(super) struct Journal {
    out: File,
    state_path: PathBuf,
    state: State,
    /// Holds the lock: the state itself is replaced by each page.
    _lock: File,
}

/// How far the file has come.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u8,
    /// Behind the last line; `None` at the beginning.
    cursor: Option<String>,
    /// Bytes that are known to be complete.
    length: u64,
    /// Of the last of these bytes, SHA-256 in hexadecimal: whether it is still the same file.
    tail: String,
    /// Whose view of the log the lines are; `None` before the first page, and in a state that an older version has left.
    #[serde(default)]
    reader: Option<String>,
}

impl Journal {
    /// Opens both, cuts off what was not noted, and keeps every other run away until it is dropped.
    ///
    /// # Errors
    /// [`Failure::Locked`], [`Failure::Other`] when the two do not belong together.
    pub(super) fn open(out_path: &Path, state_path: &Path) -> Result<Self, Failure> {
        let lock = locked(&beside(state_path, ".lock"))?;
        // Another state may stand for the same file.
        let mut out = locked(out_path)?;
        let name = out_path.display();
        let found = out.metadata().with_context(|| format!("cannot read {name}"))?;
        if !found.is_file() {
            return Err(anyhow::anyhow!("{name} is no file (--out)").into());
        }
        let noted = read(state_path)?;
        let state = match noted {
            None if found.len() > 0 => {
                let advice =
                    format!("{name} holds something, and {} is missing: name another --out", state_path.display());
                return Err(anyhow::anyhow!(advice).into());
            }
            None => State { version: VERSION, tail: tail(&out, 0)?, ..State::default() },
            // It was taken away: another begins.
            Some(noted) if found.len() == 0 => State { length: 0, tail: tail(&out, 0)?, ..noted },
            Some(noted) => {
                let is_same = found.len() >= noted.length && tail(&out, noted.length)? == noted.tail;
                if !is_same {
                    let advice = format!(
                        "{name} is not the file that {} is about, or was changed: put it back, or move it away and go on \
                         with a new one",
                        state_path.display()
                    );
                    return Err(anyhow::anyhow!(advice).into());
                }
                noted
            }
        };
        out.set_len(state.length)
            .and_then(|()| out.seek(SeekFrom::End(0)))
            .with_context(|| format!("cannot write {name}"))?;
        sync_folder(out_path)?;
        let journal = Self { out, state_path: state_path.to_owned(), state, _lock: lock };
        // Before the first line: a file without a state is nobody's.
        journal.note()?;
        Ok(journal)
    }

    /// Where to go on.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.state.cursor.as_deref()
    }

    /// Whose lines these are: whoever was the first to bring some.
    ///
    /// # Errors
    /// [`Failure::Reader`] for another's, whose lines do not fit to those that are there.
    pub(super) fn is_for(&mut self, reader: &str) -> Result<(), Failure> {
        match &self.state.reader {
            Some(noted) if noted != reader => Err(Failure::Reader(self.state_path.clone())),
            Some(_) => Ok(()),
            None => {
                self.state.reader = Some(reader.to_owned());
                self.note()
            }
        }
    }

    /// Adds whole lines, and notes the cursor behind them. When this returns, both are on disk.
    pub(super) fn append(&mut self, lines: &[u8], cursor: String) -> Result<(), Failure> {
        if lines.is_empty() && self.cursor() == Some(&cursor) {
            return Ok(());
        }
        if !lines.is_empty() {
            self.out.write_all(lines).and_then(|()| self.out.sync_data()).context("cannot write into --out")?;
            self.state.length += lines.len() as u64;
            self.state.tail = tail(&self.out, self.state.length)?;
        }
        self.state.cursor = Some(cursor);
        self.note()
    }

    /// Puts the state in the place of the old one.
    fn note(&self) -> Result<(), Failure> {
        let fresh = beside(&self.state_path, ".new");
        let bytes = serde_json::to_vec(&self.state).context("the state makes no JSON")?;
        let written = File::create(&fresh).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&fresh, &self.state_path)
        });
        written.with_context(|| format!("cannot write {} (--state)", self.state_path.display()))?;
        sync_folder(&self.state_path)
    }
}

/// The path with something behind its name.
fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(what);
    name.into()
}

/// A file of our own, which is made where there is none.
fn locked(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::Locked(path.to_owned())),
        Err(TryLockError::Error(error)) => {
            Err(anyhow::Error::new(error).context(format!("cannot lock {}", path.display())).into())
        }
    }
}

fn read(path: &Path) -> Result<Option<State>, Failure> {
    let name = path.display();
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(anyhow::Error::new(error).context(format!("cannot read {name}")).into()),
    };
    let state = || -> anyhow::Result<State> {
        let state: State = serde_json::from_slice(&bytes)?;
        ensure!(state.version == VERSION, "it is of another version of Deskbridge");
        Ok(state)
    };
    Ok(Some(state().with_context(|| format!("{name} is no state of `deskbridge sync` (--state)"))?))
}

/// What the file is known by if it ends at `length`.
fn tail(file: &File, length: u64) -> Result<String, Failure> {
    let from = length.saturating_sub(TAIL);
    let mut bytes = vec![0; usize::try_from(length - from).unwrap_or_default()];
    file.read_exact_at(&mut bytes, from).context("cannot read --out")?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A name is on disk when its folder is.
fn sync_folder(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("cannot write into {}", folder.display())).map_err(Failure::Other)
}

#[cfg(test)]
mod tests;
