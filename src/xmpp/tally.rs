//! Counting what is not worth a line of log each: a flood must not become a flood of log.

use std::{collections::HashMap, time::Duration};

use jid::Jid;
use tokio::time::Instant;

/// How long like things are counted before they make a line. The first of them makes one at once.
const WINDOW: Duration = Duration::from_secs(10);
/// Different things in one window, at most; more are counted together.
const KINDS: usize = 64;
/// Characters of a domain that are logged.
const DOMAIN_CHARS: usize = 100;

/// What happened to a stanza.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    /// Kept back before the parser.
    Refused,
    /// Kept back before the parser, without a look at who sent it.
    Unreported,
    /// It means nothing to us.
    Ignored,
    /// Its answer, receipt or turn was lost: too many wait.
    Dropped,
}

type Kind = (Fate, String, String);

/// Counts by fate, reason and the sender's domain. Never by whom: localparts are not for the log.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: HashMap<Kind, u64>,
    ends: Option<Instant>,
}

impl Tally {
    /// One more, or some.
    pub fn note(&mut self, fate: Fate, reason: impl ToString, from: Option<&Jid>, count: u64) {
        if count == 0 {
            return;
        }
        let domain = from.map_or("", |from| from.domain().as_str()).chars().take(DOMAIN_CHARS).collect();
        let mut kind = (fate, reason.to_string(), domain);
        if self.counts.len() >= KINDS && !self.counts.contains_key(&kind) {
            kind.2 = "others".to_owned();
        }
        self.ends.get_or_insert_with(|| Instant::now() + WINDOW);
        match self.counts.get_mut(&kind) {
            Some(more) => *more += count,
            None => {
                log(&kind, count);
                self.counts.insert(kind, 0);
            }
        }
    }

    /// Waits until the window ends, and logs what was counted in it. Never returns when there is nothing.
    pub async fn settle(&mut self) {
        match self.ends {
            Some(ends) => tokio::time::sleep_until(ends).await,
            None => std::future::pending().await,
        }
        self.ends = None;
        for (kind, count) in self.counts.drain() {
            if count > 0 {
                log(&kind, count);
            }
        }
    }
}

fn log((fate, reason, domain): &Kind, count: u64) {
    match fate {
        Fate::Refused => tracing::warn!(reason, domain, count, "stanzas were refused before the parser"),
        Fate::Unreported => tracing::warn!(count, "more stanzas were refused before the parser, unanswered"),
        Fate::Ignored => tracing::debug!(reason, domain, count, "stanzas were ignored"),
        Fate::Dropped => tracing::warn!(reason, domain, count, "answers were dropped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(tally: &Tally, fate: Fate, reason: &str, domain: &str) -> Option<u64> {
        tally.counts.get(&(fate, reason.to_owned(), domain.to_owned())).copied()
    }

    #[tokio::test]
    async fn like_things_make_one_line_at_once_and_one_for_the_rest() {
        let mut tally = Tally::default();
        let (eve, ann) = (Jid::new("eve@evil.example/x").unwrap(), Jid::new("ann@tea.example").unwrap());
        for _ in 0..100 {
            tally.note(Fate::Refused, "too large", Some(&eve), 1);
        }
        tally.note(Fate::Refused, "too large", Some(&ann), 1);
        tally.note(Fate::Ignored, "no body", None, 3);
        tally.note(Fate::Ignored, "no body", None, 2);
        tally.note(Fate::Unreported, "", None, 0);
        // What has its line already is not counted again.
        assert_eq!(count(&tally, Fate::Refused, "too large", "evil.example"), Some(99));
        assert_eq!(count(&tally, Fate::Refused, "too large", "tea.example"), Some(0));
        assert_eq!(count(&tally, Fate::Ignored, "no body", ""), Some(2));
        assert_eq!(tally.counts.len(), 3);
        assert!(tally.ends.is_some_and(|ends| ends > Instant::now()));
        tally.ends = Some(Instant::now());
        tally.settle().await;
        assert!(tally.counts.is_empty() && tally.ends.is_none());
    }

    #[test]
    fn domains_without_end_are_counted_together() {
        let mut tally = Tally::default();
        for number in 0..1000 {
            tally.note(Fate::Ignored, "no body", Jid::new(&format!("eve@d{number}.example")).ok().as_ref(), 1);
        }
        assert_eq!(tally.counts.len(), KINDS + 1);
        assert_eq!(count(&tally, Fate::Ignored, "no body", "others"), Some(1000 - KINDS as u64 - 1));
    }
}
