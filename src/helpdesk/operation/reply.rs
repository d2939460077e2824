//! An agent speaks to the customer.

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    attachment,
    message::Author,
    ticket::{self, Handler, Status},
};
use jid::BareJid;
use uuid::Uuid;

use super::{attachment::attach, hand_off::tell_on_duty, line::fingerprint, open, outbound, staff::check_version};
use crate::helpdesk::{
    Error, Received, lifecycle,
    lifecycle_feedback::Pace,
    unit::{Needs, Unit},
    writer::Operation,
};

/// The agent who speaks.
#[derive(Clone, Debug)]
pub(in crate::helpdesk) struct Speaker {
    /// The token's `sub`.
    pub id: String,
    /// The name that the customer sees.
    pub name: String,
}

/// Nobody speaks in a colleague's ticket.
fn check_free(ticket: &ticket::Model, speaker: &Speaker) -> Result<(), Error> {
    match &ticket.agent {
        Some(agent) if ticket.handler == Handler::Agent && *agent != speaker.id => Err(Error::Overtaken {
            reason: "a colleague has this ticket".to_owned(),
            current: Box::new(ticket.clone()),
        }),
        _ => Ok(()),
    }
}

fn speak(unit: &mut Unit, ticket: Uuid, speaker: &Speaker, body: &str, key: Option<&str>) -> Uuid {
    if unit.ticket(ticket).is_some_and(|row| row.status == Status::Escalated) {
        tell_on_duty(unit, ticket, Some(&speaker.id), |row| format!("{} has taken it: {}", speaker.name, row.subject));
    }
    unit.change(ticket, |row, now| lifecycle::agent_replied(row, &speaker.id, now));
    let mut message = outbound(ticket, Author::Agent, body.to_owned(), unit.now);
    message.author_id = Some(speaker.id.clone());
    message.author_name = Some(speaker.name.clone());
    message.sender_key = key.map(ToOwned::to_owned);
    let id = message.id;
    unit.say(message);
    id
}

/// An agent replies in a ticket: an implicit claim.
pub(in crate::helpdesk) struct Reply {
    pub ticket: Uuid,
    /// The version that the speaker has seen, if it must be that one.
    pub expected: Option<i64>,
    pub speaker: Speaker,
    pub body: String,
    /// A file that goes with it: its URL, which also stands in the text.
    pub link: Option<String>,
    /// Names the stanza it came in, to know a repeated one.
    pub key: Option<String>,
}

impl Reply {
    /// A reply from the speaker's chat client, whose stanza has this id.
    pub(in crate::helpdesk) fn from_chat(
        ticket: Uuid,
        speaker: Speaker,
        body: String,
        stanza_id: Option<&str>,
    ) -> Self {
        let key = stanza_id.map(|id| fingerprint(&["reply", &speaker.id, &ticket.to_string(), id, &body]));
        Self { ticket, expected: None, speaker, body, link: None, key }
    }
}

impl Operation for Reply {
    type Output = (Uuid, DateTime<Utc>);

    fn needs(&self, needs: &mut Needs) {
        needs.with_siblings.insert(self.ticket);
        needs.people = true;
        needs.stanza_keys.extend(self.key.clone());
    }

    fn apply(&self, unit: &mut Unit) -> Result<Self::Output, Error> {
        if let Some(known) = self.key.as_deref().and_then(|key| unit.known(key)) {
            return Ok((known.message, unit.now));
        }
        let ticket = unit.ticket(self.ticket).ok_or_else(|| Error::NotFound(format!("ticket {}", self.ticket)))?;
        if ticket.status == Status::Closed {
            return Err(Error::Conflict("this ticket is closed; open a new one".to_owned()));
        }
        unit.check_no_other(ticket)?;
        check_free(ticket, &self.speaker)?;
        check_version(ticket, self.expected)?;
        let message = speak(unit, self.ticket, &self.speaker, &self.body, self.key.as_deref());
        if let Some(url) = &self.link {
            attach(unit, self.ticket, message, url, attachment::State::Linked);
        }
        Ok((message, unit.now))
    }
}

/// An agent writes to a customer first: in the live ticket if there is one, else in a new one.
pub(in crate::helpdesk) struct Approach {
    pub desk: String,
    pub customer: BareJid,
    pub resource: Option<String>,
    pub speaker: Speaker,
    pub body: String,
}

impl Operation for Approach {
    type Output = Received;

    fn needs(&self, needs: &mut Needs) {
        needs.conversations.insert((self.desk.clone(), self.customer.to_string()));
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<Received, Error> {
        let current = unit.current(&(self.desk.clone(), self.customer.to_string()));
        let live = current.filter(|ticket| lifecycle::is_live(ticket.status));
        live.map_or(Ok(()), |ticket| check_free(ticket, &self.speaker))?;
        let live = live.map(|ticket| ticket.id);
        let ticket = match live {
            Some(id) => id,
            None => open(unit, &self.desk, &self.customer, &self.body),
        };
        if self.resource.is_some() {
            unit.change(ticket, |row, _| row.customer_resource.clone_from(&self.resource));
        }
        let message = speak(unit, ticket, &self.speaker, &self.body, None);
        Ok(Received { ticket, message, is_duplicate: false, opened: live.is_none(), pace: Pace::Other })
    }
}
