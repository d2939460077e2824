//! How much one address may write, over all that is said to desks and tickets.

use jid::{BareJid, Jid};
use tokio::time::Instant;
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

/// Lines a minute that one address may write to tickets' own addresses, as agents do.
const AGENT_LINES: u32 = 60;

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
        let verdict = self.floods.count("", from.to_bare(), Some(AGENT_LINES), Instant::now());
        if verdict == Verdict::Taken {
            return true;
        }
        self.tally.note(Fate::Refused, "more lines to tickets than a person writes", Some(from), 1);
        self.answer_error(stanza, Refusal::TOO_MUCH);
        false
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
