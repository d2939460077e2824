//! What stands behind a word, or in a form.

use std::time::Duration;

use deskbridge_entity::{agent::Duty, ticket::Priority};

use crate::xmpp::command::Snooze;

/// Messages that `/history` shows, and the most it shows.
pub const HISTORY: (usize, usize) = (20, 200);

/// The longest snooze that words can name; the domain has a limit of its own.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// `30m`, `2h`, `1d`, `1w`, `tomorrow`, `off`.
#[must_use]
pub fn snooze(word: &str) -> Option<Snooze> {
    match word.to_lowercase().as_str() {
        "tomorrow" => return Some(Snooze::Tomorrow),
        "off" => return Some(Snooze::Off),
        _ => {}
    }
    let unit = word.chars().last()?;
    let minutes = match unit.to_ascii_lowercase() {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        'w' => 7 * 24 * 60,
        _ => return None,
    };
    let count: u64 = word[..word.len() - unit.len_utf8()].trim().parse().ok().filter(|count| *count > 0)?;
    let time = Duration::from_secs(count.checked_mul(minutes * 60)?);
    (time <= LONGEST).then_some(Snooze::For(time))
}

/// A priority by its name.
#[must_use]
pub fn priority(word: &str) -> Option<Priority> {
    match word.to_lowercase().as_str() {
        "low" => Some(Priority::Low),
        "normal" => Some(Priority::Normal),
        "high" => Some(Priority::High),
        "urgent" => Some(Priority::Urgent),
        _ => None,
    }
}

/// A duty by its name.
#[must_use]
pub fn duty(word: &str) -> Option<Duty> {
    match word.to_lowercase().as_str() {
        "on" => Some(Duty::On),
        "off" => Some(Duty::Off),
        "auto" => Some(Duty::Auto),
        _ => None,
    }
}

/// Tags with commas between them; nothing at all, `none` and `-` clear them.
#[must_use]
pub fn tags(words: &str) -> Vec<String> {
    if matches!(words.trim().to_lowercase().as_str(), "none" | "-") {
        return Vec::new();
    }
    words.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// How many messages.
#[must_use]
pub fn history(word: &str) -> Option<usize> {
    word.trim().parse().ok().filter(|count| (1..=HISTORY.1).contains(count))
}
