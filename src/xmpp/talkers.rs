//! Who talks to us right now, as far as it is worth remembering: whose typing matters, and who may be a machine.

use std::{collections::HashMap, time::Duration};

use jid::BareJid;
use tokio::time::Instant;
use uuid::Uuid;

use crate::helpdesk::{Pace, lifecycle_feedback::LONGEST_WAIT};

/// Remembered at a time; forgetting one costs little.
const MAX: usize = 10_000;
/// How often one contact's typing is taken note of: each note is a commit.
const NOTE_EVERY: Duration = Duration::from_secs(2);
/// Echoes in a row until we take the other side for a machine.
const ECHOES: u8 = 3;

/// Contacts whose typing puts an answer off.
#[derive(Debug, Default)]
pub(super) struct Typists {
    by_address: HashMap<(BareJid, BareJid), Typist>,
}

#[derive(Debug)]
struct Typist {
    wrote_at: Instant,
    noted_at: Option<Instant>,
    types: bool,
}

impl Typists {
    /// The contact has written a line, which is what its typing may put the answer to off.
    pub(super) fn wrote(&mut self, desk: &BareJid, contact: BareJid, now: Instant) {
        if self.by_address.len() >= MAX {
            self.by_address.retain(|_, typist| now - typist.wrote_at < LONGEST_WAIT);
        }
        if self.by_address.len() >= MAX {
            self.by_address.clear();
        }
        let key = (desk.clone(), contact);
        let noted_at = self.by_address.get(&key).and_then(|typist| typist.noted_at);
        self.by_address.insert(key, Typist { wrote_at: now, noted_at, types: false });
    }

    /// The contact types, or has stopped. Whether that is worth a note.
    pub(super) fn says(&mut self, desk: &BareJid, contact: BareJid, types: bool, now: Instant) -> bool {
        let Some(typist) = self.by_address.get_mut(&(desk.clone(), contact)) else { return false };
        if typist.types == types || now - typist.wrote_at >= LONGEST_WAIT {
            return false;
        }
        // Having stopped is always worth it: an answer waits.
        if types && typist.noted_at.is_some_and(|at| now - at < NOTE_EVERY) {
            return false;
        }
        // By the last beginning: a stop in between must not keep the next one back.
        if types {
            typist.noted_at = Some(now);
        }
        typist.types = types;
        true
    }
}

/// Tickets in which something answers the assistant faster than a person can read.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    in_a_row: HashMap<Uuid, u8>,
}

impl Echoes {
    /// A line has come. Whether it is one too many.
    pub(super) fn heard(&mut self, ticket: Uuid, pace: Pace) -> bool {
        match pace {
            Pace::Echo => {}
            Pace::Reply => {
                self.in_a_row.remove(&ticket);
                return false;
            }
            Pace::Other => return false,
        }
        if self.in_a_row.len() >= MAX {
            self.in_a_row.clear();
        }
        let echoes = self.in_a_row.entry(ticket).or_default();
        *echoes += 1;
        let too_many = *echoes >= ECHOES;
        if too_many {
            self.in_a_row.remove(&ticket);
        }
        too_many
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_is_noted_after_a_line_and_not_too_often() {
        let mut typists = Typists::default();
        let (desk, ann) = (BareJid::new("support@help.example").unwrap(), BareJid::new("ann@example.org").unwrap());
        let start = Instant::now();
        let says = |typists: &mut Typists, types, after| {
            typists.says(&desk, ann.clone(), types, start + Duration::from_millis(after))
        };
        assert!(!says(&mut typists, true, 0));
        typists.wrote(&desk, ann.clone(), start);
        assert!(!says(&mut typists, false, 100));
        assert!(says(&mut typists, true, 200));
        assert!(!says(&mut typists, true, 300));
        assert!(says(&mut typists, false, 400));
        assert!(!says(&mut typists, true, 500));
        assert!(says(&mut typists, true, 2300));
        assert!(!says(&mut typists, false, 20_000));
    }

    #[test]
    fn three_echoes_in_a_row_are_one_too_many() {
        let mut echoes = Echoes::default();
        let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
        assert!(!echoes.heard(one, Pace::Echo));
        assert!(!echoes.heard(other, Pace::Echo));
        // Its second line to the same answer is no reply.
        assert!(!echoes.heard(one, Pace::Other));
        assert!(!echoes.heard(one, Pace::Echo));
        assert!(!echoes.heard(other, Pace::Reply));
        assert!(echoes.heard(one, Pace::Echo));
        assert!(!echoes.heard(other, Pace::Echo));
        assert!(!echoes.heard(other, Pace::Echo));
    }
}
