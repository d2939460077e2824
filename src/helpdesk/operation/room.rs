//! A ticket is taken to a room, and what is said there becomes part of it.

use deskbridge_entity::{
    message::{self, Author, Visibility},
    ticket::{self, Handler},
};
use jid::BareJid;
use uuid::Uuid;

use super::{
    line::{after_line, fingerprint, is_done, take},
    new_message, outbound,
};
use crate::helpdesk::{
    Caller, Error,
    audit::Deed,
    lifecycle,
    unit::{Needs, Unit},
    writer::Operation,
};

/// A ticket has a room from now on: the customer is told in its chat, too, since not every client shows invitations.
pub(in crate::helpdesk) struct OpenRoom {
    pub ticket: Uuid,
    pub room: BareJid,
    pub caller: Caller,
}

impl Operation for OpenRoom {
    type Output = ticket::Model;

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.insert(self.ticket);
    }

    fn apply(&self, unit: &mut Unit) -> Result<ticket::Model, Error> {
        let missing = || Error::NotFound(format!("ticket {}", self.ticket));
        let row = unit.ticket(self.ticket).filter(|row| self.caller.may_read(row)).ok_or_else(missing)?;
        let is_held = row.handler == Handler::Agent && row.agent.as_ref() == Some(&self.caller.id);
        if !is_held || !lifecycle::is_live(row.status) {
            return Err(Error::Conflict("you have this ticket no longer".to_owned()));
        }
        let desk = unit.desk(&row.desk);
        if row.room.as_deref() != Some(self.room.as_str()) {
            unit.change(self.ticket, |row, now| {
                row.room = Some(self.room.to_string());
                row.claimed_at = Some(now);
            });
            let line = desk.texts.room_invitation(&self.caller.display_name(), self.room.as_str());
            unit.say(outbound(self.ticket, Author::System, line, unit.now));
        }
        unit.ticket(self.ticket).cloned().ok_or_else(missing)
    }

    fn deed(&self, _: &ticket::Model, _: &Unit) -> Option<Deed> {
        Some(Deed::of(&self.caller, "ticket.room").in_ticket(self.ticket))
    }
}

/// A ticket has this room no longer.
pub(in crate::helpdesk) struct CloseRoom {
    pub ticket: Uuid,
    pub room: BareJid,
}

impl Operation for CloseRoom {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.insert(self.ticket);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        if unit.ticket(self.ticket).is_some_and(|row| row.room.as_deref() == Some(self.room.as_str())) {
            unit.change(self.ticket, |row, _| row.room = None);
        }
        Ok(())
    }
}

/// What goes on in a ticket's room, for the staff.
pub(in crate::helpdesk) struct NoteOfRoom {
    pub ticket: Uuid,
    pub room: BareJid,
    pub text: String,
}

impl Operation for NoteOfRoom {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.insert(self.ticket);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let row = unit.ticket(self.ticket).filter(|row| row.room.as_deref() == Some(self.room.as_str()));
        row.ok_or_else(|| Error::NotFound(format!("the room of ticket {}", self.ticket)))?;
        let note = new_message(self.ticket, Author::System, self.text.clone(), unit.now);
        unit.say(message::Model { visibility: Visibility::Internal, ..note });
        Ok(())
    }
}

/// What somebody said in a ticket's room.
#[derive(Clone, Debug)]
pub struct RoomLine {
    /// The ticket.
    pub ticket: Uuid,
    /// The room, which must be the ticket's.
    pub room: BareJid,
    /// The name by which the room shows the speaker.
    pub nick: String,
    /// Who that is, by the room's own word; `None` where it has not said so, as of what was said before we came.
    pub speaker: Option<BareJid>,
    /// The text.
    pub body: String,
    /// The id that the speaker's client gave it.
    pub stanza_id: Option<String>,
    /// Whether the agent who has the ticket is in the room; else the agent is told elsewhere.
    pub agent_is_there: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The customer's line.
    Customer,
    /// An agent's reply.
    Agent,
    /// A note: nobody whom we know for certain.
    Note,
    /// It was stored before.
    Known,
}

pub(in crate::helpdesk) struct HearRoom {
    line: RoomLine,
    key: Option<String>,
}

impl HearRoom {
    pub(in crate::helpdesk) fn new(line: RoomLine) -> Self {
        // The room repeats it to those who come later: then it has the same id, name and text.
        let key = line.stanza_id.as_deref().map(|id| {
            let ticket = line.ticket.to_string();
            fingerprint(&["room", &ticket, line.room.as_str(), &line.nick, id, &line.body])
        });
        Self { line, key }
    }

    fn message(&self, author: Author, unit: &Unit) -> message::Model {
        message::Model {
            sender_key: self.key.clone(),
            ..new_message(self.line.ticket, author, self.line.body.clone(), unit.now)
        }
    }
}

impl Operation for HearRoom {
    type Output = Heard;

    fn needs(&self, needs: &mut Needs) {
        needs.with_siblings.insert(self.line.ticket);
        needs.people = true;
        needs.stanza_keys.extend(self.key.clone());
    }

    fn apply(&self, unit: &mut Unit) -> Result<Heard, Error> {
        if self.key.as_deref().is_some_and(|key| unit.known(key).is_some()) {
            return Ok(Heard::Known);
        }
        let id = self.line.ticket;
        let row = unit.ticket(id).filter(|row| row.room.as_deref() == Some(self.line.room.as_str()));
        let row = row.ok_or_else(|| Error::NotFound(format!("the room of ticket {id}")))?.clone();
        let desk = unit.desk(&row.desk);
        let speaker = self.line.speaker.as_ref();
        let is_taken = lifecycle::takes_lines(&row, unit.now, &desk.rules) && unit.other_live(&row).is_none();
        if is_taken && speaker.is_some_and(|jid| jid.as_str() == row.customer) {
            let was_done = is_done(unit, id);
            unit.change(id, |row, now| take(row, &self.line.body, now, &desk.rules));
            let message = self.message(Author::Customer, unit);
            let message_id = message.id;
            unit.say(message);
            if !self.line.agent_is_there {
                after_line(unit, id, message_id, self.line.body.clone(), was_done);
            }
            return Ok(Heard::Customer);
        }
        let agent = unit.agents.iter().find(|agent| agent.jid.is_some() && agent.jid.as_ref() == speaker);
        let agent = agent.filter(|agent| agent.serves(&row.desk)).map(|agent| (agent.id.clone(), agent.display_name()));
        if is_taken && let Some((agent, name)) = agent {
            unit.change(id, |row, now| {
                // A colleague who helps in the room does not take the ticket away.
                if row.handler == Handler::Agent && row.agent.as_ref() == Some(&agent) {
                    lifecycle::agent_replied(row, &agent, now);
                } else {
                    row.last_message_at = now;
                }
            });
            let message = self.message(Author::Agent, unit);
            unit.say(message::Model { author_id: Some(agent), author_name: Some(name), ..message });
            return Ok(Heard::Agent);
        }
        let who = speaker.map_or_else(String::new, |jid| format!(" ({jid})"));
        let body = format!("In the room {}{who} said: {}", self.line.nick, self.line.body);
        let note = self.message(Author::System, unit);
        unit.say(message::Model { visibility: Visibility::Internal, body, ..note });
        Ok(Heard::Note)
    }
}
