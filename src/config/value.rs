//! Kinds of values: secrets, durations, and numbers that may come as text.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};
use toml::Value;

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(super) String);

impl Secret {
    /// The value itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = String::deserialize(deserializer)?;
        // Files and shells add newlines; no secret ends in one.
        let value = value.trim();
        if value.is_empty() {
            return Err(D::Error::custom("must not be empty"));
        }
        if value.starts_with("change me") {
            return Err(D::Error::custom("still has the example's value, which everybody knows"));
        }
        Ok(Self(value.to_owned()))
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(text.trim())
        .map_err(|error| D::Error::custom(format!("'{text}' is no duration such as 500ms, 30s or 7d: {error}")))
}

/// A number, or its text as the environment has it.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Integer(number) => usize::try_from(number).map_err(|_| D::Error::custom("must not be negative")),
        Value::String(text) => {
            text.trim().parse().map_err(|_| D::Error::custom(format!("'{text}' is no whole number")))
        }
        other => Err(D::Error::custom(format!("must be a whole number, not {}", other.type_str()))),
    }
}

/// `true` or `false`, or the text as the environment has it.
pub(super) fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Boolean(value) => Ok(value),
        Value::String(text) => {
            text.trim().parse().map_err(|_| D::Error::custom(format!("'{text}' is not true or false")))
        }
        other => Err(D::Error::custom(format!("must be true or false, not {}", other.type_str()))),
    }
}
