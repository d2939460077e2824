//! Vectors on disk, so that a restart embeds only what is new.
//!
//! One file for each desk: a line with the embedder's id, the numbers of a vector, then for each text its key and its
//! vector, and at the end a checksum of it all. A file that does not fit is as none.

use std::{collections::HashMap, fs, io, io::Write, path::Path};

use sha2::{Digest, Sha256};

use super::embedder::Vector;

/// What the vector was made of: SHA-256 of the text.
pub(super) type Key = [u8; 32];

const MAGIC: &[u8] = b"deskbridge vectors 1\n";

pub(super) fn key(text: &str) -> Key {
    Sha256::digest(text).into()
}

/// What is cached for this embedder; nothing when there is no file, another's, or a damaged one.
pub(super) fn read(path: &Path, embedder: &str) -> HashMap<Key, Vector> {
    match fs::read(path) {
        Ok(bytes) => parse(&bytes, embedder).unwrap_or_else(|| {
            tracing::info!(path = %path.display(), "the cached embeddings are another model's or damaged; made anew");
            HashMap::new()
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the cached embeddings cannot be read; made anew");
            HashMap::new()
        }
    }
}

fn parse(bytes: &[u8], embedder: &str) -> Option<HashMap<Key, Vector>> {
    let (body, sum) = bytes.split_last_chunk::<32>()?;
    if Sha256::digest(body)[..] != sum[..] {
        return None;
    }
    let rest = body.strip_prefix(MAGIC)?.strip_prefix(embedder.as_bytes())?.strip_prefix(b"\n")?;
    let (numbers, entries) = rest.split_first_chunk::<4>()?;
    let width = usize::try_from(u32::from_le_bytes(*numbers)).ok()?.checked_mul(4)?;
    let entry = width.checked_add(32)?;
    if !entries.len().is_multiple_of(entry) {
        return None;
    }
    let vectors = entries.chunks_exact(entry).filter_map(|entry| {
        let (key, numbers) = entry.split_first_chunk::<32>()?;
        let numbers = numbers.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number));
        Some((*key, numbers.collect::<Vector>()))
    });
    Some(vectors.collect())
}

/// Replaces the file at once: whoever reads sees the old one or the new one.
///
/// # Errors
/// As the operating system says; the old file is then as it was.
pub(super) fn write(path: &Path, embedder: &str, vectors: &[(Key, Vector)]) -> io::Result<()> {
    let numbers = vectors.first().map_or(0, |(_, vector)| vector.len());
    let width = u32::try_from(numbers).map_err(io::Error::other)?;
    let mut bytes = [MAGIC, embedder.as_bytes(), b"\n", &width.to_le_bytes()].concat();
    for (key, vector) in vectors.iter().filter(|(_, vector)| vector.len() == numbers) {
        bytes.extend_from_slice(key);
        bytes.extend(vector.iter().flat_map(|number| number.to_le_bytes()));
    }
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum);
    replace(path, &bytes)
}

/// Writes beside the file, and renames.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let beside = folder.join(format!(".{}.new", uuid::Uuid::now_v7()));
    let written = (|| {
        let mut file = fs::File::create_new(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        // The new name must outlive a power cut as well.
        fs::File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> Vec<(Key, Vector)> {
        vec![(key("a"), [0.6, 0.8].into()), (key("b"), [1.0, 0.0].into())]
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/support.vectors");
        assert!(read(&path, "m").is_empty());
        write(&path, "m", &vectors()).unwrap();
        assert_eq!(read(&path, "m"), vectors().into_iter().collect());
        write(&path, "m", &[]).unwrap();
        assert!(read(&path, "m").is_empty());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn another_models_or_a_damaged_file_is_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("support.vectors");
        write(&path, "m", &vectors()).unwrap();
        for other in ["", "n", "m\n", "mm"] {
            assert!(read(&path, other).is_empty(), "{other:?}");
        }
        let whole = fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            assert_eq!(parse(&damaged, "m"), None, "byte {place}");
            assert_eq!(parse(&whole[..place], "m"), None, "{place} bytes");
        }
    }
}
