//! Who talks to us right now, as far as it is worth remembering: whose typing matters, and who may be a machine.

use std::{collections::HashMap, time::Duration};

use jid::BareJid;
use tokio::time::Instant;
use uuid::Uuid;

use super::flood::{Floods, Verdict};
use crate::helpdesk::{Pace, lifecycle_feedback::LONGEST_WAIT};

/// Remembered at a time; forgetting one costs little.
const MAX: usize = 10_000;
/// How often one contact's typing is taken note of: each note is a commit.
const NOTE_EVERY: Duration = Duration::from_secs(2);
/// Echoes in a row until we take the other side for a machine.
const ECHOES: u8 = 3;
/// What one address may do in a minute at tickets' own addresses, as agents do: lines, commands and chat states together.
const DEEDS: u32 = 60;
/// Chat states a minute that one server may send to tickets' own addresses: those of its agents, who may be many.
const STATES_OF_SERVER: u32 = 600;

/// Contacts whose typing matters: it puts an answer off, and is shown to who has the ticket.
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
    /// The contact has written something: of who never has, typing means nothing.
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
        // Who begins anew has written elsewhere meanwhile, as over REST.
        if !typist.types && !types {
            return false;
        }
        // Having stopped is always worth it: an answer waits, or a person.
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

/// Who does something at tickets' own addresses, as agents do, and who types there, each at one at a time. Who is an agent is
/// known only further on, so anybody has to be held to a number here.
#[derive(Debug, Default)]
pub(super) struct AtTickets {
    by_sender: HashMap<BareJid, AtTicket>,
    deeds: Floods,
    states: Floods,
}

#[derive(Debug)]
struct AtTicket {
    ticket: String,
    noted_at: Instant,
    types: bool,
    /// Whether a beginning was passed on, and no end since. What has been written may not have ended it.
    is_open: bool,
}

impl AtTickets {
    /// Whether somebody may do one thing more at tickets now.
    pub(super) fn bears(&mut self, sender: &BareJid, now: Instant) -> bool {
        self.deeds.count("", sender.clone(), Some(DEEDS), now) == Verdict::Taken
    }

    /// The same for a chat state. Each is looked into, so a server's senders share a number, too.
    pub(super) fn bears_state(&mut self, sender: &BareJid, now: Instant) -> bool {
        let server = BareJid::from_parts(None, sender.domain());
        self.states.count("", server, Some(STATES_OF_SERVER), now) == Verdict::Taken && self.bears(sender, now)
    }

    /// Somebody has written at a ticket: typing that follows is new.
    pub(super) fn wrote(&mut self, sender: &BareJid) {
        if let Some(known) = self.by_sender.get_mut(sender) {
            known.types = false;
        }
    }

    /// Somebody types at a ticket, or has stopped. Whether that is worth passing on.
    pub(super) fn says(&mut self, ticket: &str, sender: BareJid, types: bool, now: Instant) -> bool {
        let known = self.by_sender.get_mut(&sender);
        if !types {
            let Some(known) = known.filter(|known| known.ticket == ticket) else { return false };
            known.types = false;
            return std::mem::take(&mut known.is_open);
        }
        if known.is_some_and(|known| known.types && known.ticket == ticket || now - known.noted_at < NOTE_EVERY) {
            return false;
        }
        if self.by_sender.len() >= MAX {
            self.by_sender.retain(|_, known| now - known.noted_at < NOTE_EVERY);
        }
        if self.by_sender.len() >= MAX {
            self.by_sender.clear();
        }
        self.by_sender.insert(sender, AtTicket { ticket: ticket.to_owned(), noted_at: now, types, is_open: true });
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
        // To an agent's ticket it matters however long ago the last line is.
        assert!(says(&mut typists, false, 20_000));
        assert!(!says(&mut typists, false, 20_100));
        assert!(says(&mut typists, true, 21_000));
        assert!(says(&mut typists, true, 24_000), "begun anew");
    }

    #[test]
    fn typing_at_tickets_is_passed_on_at_one_at_a_time_and_not_too_often() {
        let (mut typists, bob, start) =
            (AtTickets::default(), BareJid::new("bob@example.org").unwrap(), Instant::now());
        let says = |typists: &mut AtTickets, ticket, types, after| {
            typists.says(ticket, bob.clone(), types, start + Duration::from_millis(after))
        };
        assert!(!says(&mut typists, "1", false, 0));
        assert!(says(&mut typists, "1", true, 0));
        assert!(!says(&mut typists, "1", true, 5000));
        assert!(!says(&mut typists, "2", false, 5000));
        assert!(says(&mut typists, "2", true, 5000));
        assert!(!says(&mut typists, "1", true, 5100));
        assert!(says(&mut typists, "2", false, 5200));
        assert!(!says(&mut typists, "2", false, 5300));
        assert!(says(&mut typists, "2", true, 7000));
        typists.wrote(&bob);
        // It may have been a note: the end is still to be told, once.
        assert!(says(&mut typists, "2", false, 7100));
        assert!(!says(&mut typists, "2", false, 7200));
        assert!(says(&mut typists, "2", true, 9000));
        typists.wrote(&bob);
        assert!(says(&mut typists, "2", true, 11_000));
        assert!(says(&mut typists, "2", false, 11_100));
    }

    #[test]
    fn chat_states_at_tickets_count_with_the_lines_there_and_for_the_server() {
        let (mut tickets, now) = (AtTickets::default(), Instant::now());
        let jid = |name: &str| BareJid::new(name).unwrap();
        let bob = jid("bob@example.org");
        for _ in 0..DEEDS / 2 {
            assert!(tickets.bears(&bob, now));
            assert!(tickets.bears_state(&bob, now));
        }
        assert!(!tickets.bears_state(&bob, now));
        assert!(!tickets.bears(&bob, now));
        let later = now + Duration::from_secs(1);
        assert!(tickets.bears(&bob, later));
        assert!(!tickets.bears(&bob, later));

        let passed = (0..2000).filter(|n| tickets.bears_state(&jid(&format!("eve{n}@evil.example")), now)).count();
        assert_eq!(passed, STATES_OF_SERVER as usize);
        // Their lines are no chat states, and other servers no part of it.
        assert!(tickets.bears(&jid("eve1999@evil.example"), now));
        assert!(tickets.bears_state(&jid("carol@example.org"), now));
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
