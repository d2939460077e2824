//! What a customer does to a conversation besides writing.

use deskbridge_entity::{
    message::Author,
    ticket::{Model, Status},
};
use jid::BareJid;
use uuid::Uuid;

use super::{
    hand_off::{tell_holder, tell_holder_of_step, tell_on_duty, was_told},
    line::subject_of,
    open, outbound,
    staff::{check_version, overtaken, resolve},
};
use crate::helpdesk::{
    Caller, Error,
    lifecycle::{self, Resolution},
    unit::{Conversation, Needs, Unit},
    writer::Operation,
};

/// The customer says that it is done.
pub(in crate::helpdesk) struct ResolveOwn {
    pub conversation: Conversation,
}

impl Operation for ResolveOwn {
    type Output = Option<Uuid>;

    fn needs(&self, needs: &mut Needs) {
        needs.conversations.insert(self.conversation.clone());
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<Option<Uuid>, Error> {
        let live = unit.current(&self.conversation).filter(|ticket| lifecycle::is_live(ticket.status));
        let Some(row) = live.cloned() else { return Ok(None) };
        resolve(unit, &row, Resolution::Customer);
        Ok(Some(row.id))
    }
}

/// The customer takes up again what was done.
pub(in crate::helpdesk) struct ReopenOwn {
    pub conversation: Conversation,
}

/// What the wish to go on has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reopened {
    /// The conversation of this subject goes on; the customer is told in it.
    Again(String),
    /// Another one runs: its subject.
    Runs(String),
    /// There is none, or it is too long ago.
    TooLate,
}

impl Operation for ReopenOwn {
    type Output = Reopened;

    fn needs(&self, needs: &mut Needs) {
        needs.conversations.insert(self.conversation.clone());
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<Reopened, Error> {
        let Some(row) = unit.current(&self.conversation).cloned() else { return Ok(Reopened::TooLate) };
        if lifecycle::is_live(row.status) {
            return Ok(Reopened::Runs(row.subject));
        }
        let desk = unit.desk(&row.desk);
        if !lifecycle::takes_lines(&row, unit.now, &desk.rules) {
            return Ok(Reopened::TooLate);
        }
        unit.change(row.id, lifecycle::taken_up);
        unit.say(outbound(row.id, Author::System, desk.texts.reopened(&row.subject), unit.now));
        let text = format!("The customer has reopened this ticket, and it is yours: {}", row.subject);
        tell_holder_of_step(unit, row.id, text);
        Ok(Reopened::Again(row.subject))
    }
}

/// The customer says that the ticket it names is done.
pub(in crate::helpdesk) struct ResolveNamed {
    pub ticket: Uuid,
    /// The version that the customer has seen, if it must be that one.
    pub expected: Option<i64>,
    pub caller: Caller,
}

impl Operation for ResolveNamed {
    type Output = Model;

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.insert(self.ticket);
    }

    fn apply(&self, unit: &mut Unit) -> Result<Model, Error> {
        let missing = || Error::NotFound(format!("ticket {}", self.ticket));
        let row = unit.ticket(self.ticket).filter(|row| self.caller.may_read(row)).ok_or_else(missing)?.clone();
        self.caller.require_voice_of(&row.customer)?;
        check_version(&row, self.caller.role, self.expected)?;
        if row.status == Status::Resolved {
            return Ok(row);
        }
        if row.status == Status::Closed {
            return Err(overtaken(&row, "this ticket is closed".to_owned()));
        }
        resolve(unit, &row, Resolution::Customer);
        unit.ticket(self.ticket).cloned().ok_or_else(missing)
    }
}

/// The customer begins a new conversation, whatever the old one is about.
pub(in crate::helpdesk) struct BeginAnew {
    pub desk: String,
    pub customer: BareJid,
    /// The customer says at once what it is about, so nobody asks.
    pub has_words: bool,
}

impl Operation for BeginAnew {
    type Output = Uuid;

    fn needs(&self, needs: &mut Needs) {
        needs.conversations.insert((self.desk.clone(), self.customer.to_string()));
        needs.people = true;
        needs.opens = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<Uuid, Error> {
        let conversation = (self.desk.clone(), self.customer.to_string());
        let old = unit.current(&conversation).filter(|ticket| lifecycle::is_live(ticket.status)).cloned();
        // Nothing was said in it yet: asked for twice, as by a stanza that is sent again, there is one.
        if let Some(fresh) = old.as_ref().filter(|old| old.status == Status::Pending && old.subject == subject_of("")) {
            if !self.has_words {
                let line = unit.desk(&self.desk).texts.new_ticket();
                unit.say(outbound(fresh.id, Author::System, line, unit.now));
            }
            return Ok(fresh.id);
        }
        unit.check_opening(&unit.desk(&self.desk), &self.customer)?;
        if let Some(old) = &old {
            let text = "The customer has begun a new conversation; this one is done.";
            if was_told(old) {
                tell_on_duty(unit, old.id, None, |row| format!("{text} ({})", row.subject));
            }
            tell_holder(unit, old.id, None, text.to_owned());
            unit.change(old.id, |row, now| lifecycle::resolved(row, Resolution::Customer, now));
        }
        let waited = old.as_ref().filter(|old| old.waiting_since.is_some()).map(|old| old.subject.clone());
        // Without a first line the subject is open, too.
        let id = open(unit, &self.desk, &self.customer, "");
        if let Some(old) = old {
            unit.change(id, |row, _| {
                row.customer_resource = old.customer_resource;
                row.customer_has_chat_states = old.customer_has_chat_states;
            });
        }
        unit.change(id, lifecycle::assistant_answered);
        let texts = &unit.desk(&self.desk).texts;
        let line = match (waited, self.has_words) {
            (None, false) => Some(texts.new_ticket()),
            (None, true) => None,
            (Some(subject), false) => Some(texts.new_instead(&subject)),
            (Some(subject), true) => Some(texts.no_longer_waits(&subject)),
        };
        if let Some(line) = line {
            unit.say(outbound(id, Author::System, line, unit.now));
        }
        Ok(id)
    }
}
