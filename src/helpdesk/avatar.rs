//! A desk's picture.

use std::sync::Arc;

use sha1::{Digest, Sha1};
use thiserror::Error;

/// A picture, small enough to be sent in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Avatar {
    bytes: Arc<[u8]>,
    media_type: &'static str,
    sha1: Arc<str>,
}

/// A picture that cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AvatarError {
    /// More than [`Avatar::MAX_BYTES`].
    #[error("must not be larger than 64 KiB: clients fetch it in one piece")]
    TooLarge,
    /// Neither of the formats that every client shows (XEP-0153 §4.6).
    #[error("is neither PNG nor JPEG")]
    UnknownFormat,
}

impl Avatar {
    /// The largest picture, in bytes. It is sent as one stanza, a third larger by Base64, and servers end the stream over
    /// stanzas from 256 KiB on.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// A picture by its bytes; their beginning tells the format.
    ///
    /// # Errors
    /// [`AvatarError`] when it is too large, or neither PNG nor JPEG.
    pub fn new(bytes: &[u8]) -> Result<Self, AvatarError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(AvatarError::TooLarge);
        }
        let media_type = match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            _ => return Err(AvatarError::UnknownFormat),
        };
        Ok(Self::of(bytes, media_type))
    }

    fn of(bytes: &[u8], media_type: &'static str) -> Self {
        let sha1: String = Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes: bytes.into(), media_type, sha1: sha1.into() }
    }

    /// The picture's file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// `image/png` or `image/jpeg`.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// The file's SHA-1 in lower-case hex: what the protocols call a picture by (XEP-0153 §3.1, XEP-0084 §3.1).
    #[must_use]
    pub fn sha1(&self) -> &str {
        &self.sha1
    }
}

/// The picture of a desk that has none of its own.
impl Default for Avatar {
    fn default() -> Self {
        Self::of(include_bytes!("../../assets/desk.png"), "image/png")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_told_by_the_bytes() {
        let jpeg = Avatar::new(b"\xff\xd8\xff\xe0 and so on").unwrap();
        assert_eq!(jpeg.media_type(), "image/jpeg");
        assert_eq!(Avatar::new(b"GIF89a"), Err(AvatarError::UnknownFormat));
        assert_eq!(Avatar::new(b""), Err(AvatarError::UnknownFormat));
        let mut large = b"\xff\xd8\xff".to_vec();
        large.resize(Avatar::MAX_BYTES, 0);
        assert!(Avatar::new(&large).is_ok());
        large.push(0);
        assert_eq!(Avatar::new(&large), Err(AvatarError::TooLarge));
    }

    #[test]
    fn the_hash_is_that_of_the_file() {
        // FIPS 180-4's example.
        assert_eq!(Avatar::of(b"abc", "image/png").sha1(), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn the_default_is_a_small_png() {
        let avatar = Avatar::default();
        assert_eq!(Avatar::new(avatar.bytes()), Ok(avatar.clone()));
        assert!(avatar.bytes().len() <= 4096 && avatar.media_type() == "image/png");
    }
}
