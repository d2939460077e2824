//! What is wrong with a configuration; every complaint names its key.

use std::path::PathBuf;

use super::{DEFAULT_FILE, PREFIX};

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the configuration file {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The file is no TOML.
    #[error("{0} is not valid TOML: {1}")]
    Syntax(PathBuf, Box<toml::de::Error>),
    /// A key is unknown, or its value is not acceptable.
    #[error("configuration key {key}: {problem}")]
    Key {
        /// The key with its section, such as `xmpp.server`.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A key that this command needs is not set.
    #[error("configuration key {key} is missing: set it in {DEFAULT_FILE}, or as {variable} in the environment")]
    Missing {
        /// The key with its section.
        key: &'static str,
        /// The environment variable of the same meaning.
        variable: String,
    },
}

impl Error {
    pub(super) fn key(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Key { key: key.into(), problem: problem.into() }
    }

    pub(super) fn missing(key: &'static str) -> Self {
        Self::Missing { key, variable: format!("{PREFIX}{}", key.to_uppercase().replace('.', "__")) }
    }
}
