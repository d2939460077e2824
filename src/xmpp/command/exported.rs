//! Who was given a long export lately. In memory: who is given one more for a restart harms nobody.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use jid::BareJid;

/// From one long export to the next.
const PAUSE: TimeDelta = TimeDelta::minutes(5);

/// When those who had one lately had it.
#[derive(Debug, Default)]
pub struct Exported(HashMap<BareJid, DateTime<Utc>>);

impl Exported {
    /// One was made for this customer.
    pub fn note(&mut self, customer: BareJid, now: DateTime<Utc>) {
        self.0.retain(|_, at| now - *at < PAUSE);
        self.0.insert(customer, now);
    }

    /// Whether the customer had one a moment ago.
    #[must_use]
    pub fn is_recent(&self, customer: &BareJid, now: DateTime<Utc>) -> bool {
        self.0.get(customer).is_some_and(|at| now - *at < PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_while_for_each() {
        let (ann, bob) = (BareJid::new("ann@example.com").unwrap(), BareJid::new("bob@example.com").unwrap());
        let (mut exported, now) = (Exported::default(), DateTime::UNIX_EPOCH);
        exported.note(ann.clone(), now);
        assert!(exported.is_recent(&ann, now + PAUSE - TimeDelta::seconds(1)) && !exported.is_recent(&bob, now));
        assert!(!exported.is_recent(&ann, now + PAUSE));
        exported.note(bob, now + PAUSE);
        assert_eq!(exported.0.len(), 1);
    }
}
