//! `[attachments]`: which of the files that customers send are fetched, and where they are kept.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{
    Error,
    value::{boolean, duration, list, number, size},
};

/// `[attachments]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attachments {
    /// The folder that they are kept in, and nothing else.
    pub folder: PathBuf,
    /// The largest file, in bytes.
    #[serde(deserialize_with = "size")]
    pub max_size: u64,
    /// Files of one ticket.
    #[serde(deserialize_with = "number")]
    pub max_per_ticket: usize,
    /// Files of one customer within 24 hours.
    #[serde(deserialize_with = "number")]
    pub max_per_day: usize,
    /// All files together, in bytes.
    #[serde(deserialize_with = "size")]
    pub max_total: u64,
    /// The time one try to fetch a file may take in all.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
    /// The media types that are kept.
    #[serde(deserialize_with = "list")]
    pub types: Vec<String>,
    /// Whether files are fetched by `http`, too.
    #[serde(deserialize_with = "boolean")]
    pub allow_http: bool,
    /// Whether files are fetched from addresses that only our own network reaches.
    #[serde(deserialize_with = "boolean")]
    pub allow_private_addresses: bool,
}

const TYPES: [&str; 18] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/heic",
    "image/avif",
    "application/pdf",
    "text/plain",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/aac",
    "audio/wav",
    "audio/flac",
    "video/mp4",
    "video/webm",
    "video/quicktime",
    "video/3gpp",
];

impl Default for Attachments {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("data/attachments"),
            max_size: 10 << 20,
            max_per_ticket: 50,
            max_per_day: 100,
            max_total: 5 << 30,
            timeout: Duration::from_secs(30),
            types: TYPES.map(str::to_owned).to_vec(),
            allow_http: false,
            allow_private_addresses: false,
        }
    }
}

impl Attachments {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.folder.as_os_str().is_empty() {
            return Err(Error::key("attachments.folder", "must name a folder"));
        }
        if self.timeout.is_zero() {
            return Err(Error::key("attachments.timeout", "must be longer than nothing"));
        }
        // A larger one would never find room.
        if self.max_size > self.max_total {
            return Err(Error::key("attachments.max_size", "must not be larger than attachments.max_total"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{complaint, parse};

    #[test]
    fn sizes_are_written_as_people_write_them() {
        let config = |text: &str| parse(&format!("[attachments]\nmax_size = {text}"), &[]).unwrap().attachments;
        for (text, bytes) in [("\"10 MiB\"", 10 << 20), ("\"500KiB\"", 500 << 10), ("12", 12), ("\"3 MB\"", 3_000_000)]
        {
            assert_eq!(config(text).max_size, bytes, "{text}");
        }
        for text in ["\"ten\"", "\"10 mib\"", "-1", "\"\"", "\"99999999999 GiB\"", "true"] {
            let message = complaint(&format!("[attachments]\nmax_size = {text}"), &[]);
            assert!(message.contains("attachments.max_size"), "{message}");
        }
        assert!(complaint("[attachments]\nmax_size = \"6 GiB\"", &[]).contains("attachments.max_size"));
        assert!(complaint("[attachments]\ntimeout = \"0s\"", &[]).contains("attachments.timeout"));
    }

    #[test]
    fn types_come_from_the_environment_as_well() {
        let vars = [("DESKBRIDGE_ATTACHMENTS__TYPES", "image/png; text/plain")];
        assert_eq!(parse("", &vars).unwrap().attachments.types, ["image/png", "text/plain"]);
    }
}
