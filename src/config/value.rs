//! Kinds of values: secrets, durations, and numbers and lists that may come as text.

use std::{fmt, marker::PhantomData, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{
        Error as _, IntoDeserializer, SeqAccess, Visitor,
        value::{SeqAccessDeserializer, StrDeserializer},
    },
};
use toml::Value;

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(super) String);

impl Secret {
    /// The value of an environment variable; `None` when it is not set, empty, or no text.
    #[must_use]
    pub fn from_variable(name: &str) -> Option<Self> {
        let value = std::env::var_os(name)?.into_string().ok()?.trim().to_owned();
        (!value.is_empty()).then_some(Self(value))
    }

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

/// A time after which something happens by itself, or `never` (`0s` means the same).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// It does not happen.
    Never,
    /// It happens after so long.
    After(Duration),
}

impl Timeout {
    /// The time, if there is one.
    #[must_use]
    pub fn duration(self) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::After(duration) => Some(duration),
        }
    }
}

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim() == "never" {
            return Ok(Self::Never);
        }
        let duration = parse_duration(&text)?;
        Ok(if duration.is_zero() { Self::Never } else { Self::After(duration) })
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?)
}

pub(super) fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

fn parse_duration<E: serde::de::Error>(text: &str) -> Result<Duration, E> {
    humantime::parse_duration(text.trim())
        .map_err(|error| E::custom(format!("'{text}' is no duration such as 500ms, 30s or 7d: {error}")))
}

/// A list, or its text as the environment has it: `first, second`. Where there is a `;`, that alone separates.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(ListVisitor { has_commas: false, of: PhantomData })
}

/// As [`list`], of things that have commas in them: their text is `first; second`.
pub(super) fn list_with_commas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(ListVisitor { has_commas: true, of: PhantomData })
}

struct ListVisitor<T> {
    has_commas: bool,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
        let separator = if self.has_commas || text.contains(';') { ';' } else { ',' };
        let parts = text.split(separator).map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let part: StrDeserializer<'_, E> = part.into_deserializer();
                T::deserialize(part)
            })
            .collect()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq))
    }
}

pub(super) fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    number(deserializer).map(Some)
}

/// A decimal number, or its text as the environment has it.
pub(super) fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::Float(number) => number.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        other => return Err(D::Error::custom(format!("must be a number, not {}", other.type_str()))),
    };
    let number: f32 = text.parse().map_err(|_| D::Error::custom(format!("'{text}' is no number such as 0.2")))?;
    Ok(Some(number))
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

/// A share from 0 to 1, or its text as the environment has it.
pub(super) fn optional_share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::Float(number) => number.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        other => return Err(D::Error::custom(format!("must be a number from 0 to 1, not {}", other.type_str()))),
    };
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.map(Some).ok_or_else(|| D::Error::custom(format!("'{text}' is no number from 0 to 1")))
}

/// A size in bytes, or a text such as `10 MiB`.
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    const UNITS: [(&str, u64); 7] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("kB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("", 1),
    ];
    let text = match Value::deserialize(deserializer)? {
        Value::Integer(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        other => return Err(D::Error::custom(format!("must be a size such as \"10 MiB\", not {}", other.type_str()))),
    };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = UNITS.iter().find(|(name, _)| *name == unit.trim()).map(|(_, factor)| *factor);
    let size = factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor));
    size.ok_or_else(|| D::Error::custom(format!("'{text}' is no size such as 500 KiB, 10 MiB or 5 GiB")))
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
