//! How much one address may write, over all that is said to desks and tickets.

use jid::{BareJid, Jid};
use tokio::{sync::mpsc::Sender, time::Instant};
use xmpp_parsers::{minidom::Element, stanza_error::DefinedCondition};

use super::Intake;
use crate::{
    helpdesk::{Desk, short_id_of},
    xmpp::{
        flood::Verdict,
        stanza::{Iq, IqKind, Refusal, Request},
        tally::Fate,
    },
};

impl Intake {
    /// Whether the customer may write another line now, or begin another command; one warning says why not.
    pub(super) fn bears(
        &mut self,
        desk: &Desk,
        to: &BareJid,
        from: &Jid,
        thread: Option<&str>,
        stanza: &Element,
    ) -> bool {
        if self.bears_quietly(desk, to, from, thread) {
            return true;
        }
        let text = desk.texts.too_fast(desk.limits.messages_per_minute.unwrap_or_default());
        self.answer_error(stanza, Refusal::new(DefinedCondition::PolicyViolation, text).for_now());
        false
    }

    /// The same for what needs no error, as reactions and what is taken back: nobody's client would show one.
    pub(super) fn bears_quietly(&mut self, desk: &Desk, to: &BareJid, from: &Jid, thread: Option<&str>) -> bool {
        let limit = desk.limits.messages_per_minute;
        let verdict = self.floods.count(&desk.name, from.to_bare(), limit, Instant::now());
        if verdict == Verdict::Taken {
            return true;
        }
        self.tally.note(Fate::Refused, "more lines than one customer may write in a minute", Some(from), 1);
        if verdict == Verdict::Warned {
            self.tell(to, from, thread, &desk.texts.too_fast(limit.unwrap_or_default()));
        }
        false
    }

    /// Who is an agent is known only further on, so strangers are held to a number here.
    pub(super) fn bears_at_ticket(&mut self, from: &Jid, stanza: &Element) -> bool {
        if self.at_tickets.bears(&from.to_bare(), Instant::now()) {
            return true;
        }
        self.tally.note(Fate::Refused, "more lines to tickets than a person writes", Some(from), 1);
        self.answer_error(stanza, Refusal::TOO_MUCH);
        false
    }

    /// The same for a chat state, which needs no error: nobody's client would show one. Lines go before: where many wait, chat
    /// states do not.
    pub(super) fn bears_state_at_ticket(&mut self, from: &Jid) -> bool {
        if is_half_full(&self.spoken) {
            self.tally.note(Fate::Dropped, "chat states at tickets behind too many lines", Some(from), 1);
            return false;
        }
        if !self.at_tickets.bears_state(&from.to_bare(), Instant::now()) {
            self.tally.note(Fate::Refused, "more chat states at tickets than people type", Some(from), 1);
            return false;
        }
        true
    }

    /// A command by form counts as one in words does, once: what goes on with a form does not count again.
    pub(super) fn bears_command(&mut self, iq: &Iq, stanza: &Element) -> bool {
        let begins = matches!(&iq.kind, IqKind::Set(Request::Command(ask)) if ask.session.is_none());
        if !begins {
            return true;
        }
        if iq.to.node().is_some_and(|node| short_id_of(node.as_str()).is_some()) {
            return self.bears_at_ticket(&iq.from, stanza);
        }
        match self.helpdesk.desk_at(&iq.to).cloned() {
            Some(desk) => self.bears(&desk, &iq.to, &iq.from, None, stanza),
            None => true,
        }
    }
}

/// Whether more than half of a queue is taken.
fn is_half_full<T>(queue: &Sender<T>) -> bool {
    queue.capacity() < queue.max_capacity() / 2
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn half_of_a_queue_is_kept_for_lines() {
        let (queue, mut taken) = mpsc::channel(8);
        for _ in 0..4 {
            assert!(!is_half_full(&queue));
            queue.send(()).await.unwrap();
        }
        assert!(!is_half_full(&queue));
        queue.send(()).await.unwrap();
        assert!(is_half_full(&queue));
        taken.recv().await.unwrap();
        assert!(!is_half_full(&queue));
    }
}
