//! An agent speaks to the customer, and has second thoughts (XEP-0308, XEP-0424).

use deskbridge_entity::{
    attachment,
    message::{self, Author, Visibility},
    ticket::{self, Handler, Status},
};
use jid::BareJid;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{
    attachment::attach,
    hand_off::tell_on_duty,
    line::{fingerprint, name, opened_before},
    open, outbound,
    staff::{check_version, has_it},
    webhook_delivery,
};
use crate::helpdesk::{
    Caller, ClientId, Error, Received, Role, Stored,
    audit::Deed,
    lifecycle,
    lifecycle_feedback::{self, Pace},
    unit::{Needs, Unit, Within},
    writer::Operation,
};

/// The agent who speaks.
#[derive(Clone, Debug)]
pub(in crate::helpdesk) struct Speaker {
    /// The token's `sub`.
    pub id: String,
    /// The name that the customer sees.
    pub name: String,
    /// As in the token.
    pub role: Role,
}

/// How the line of an agent's chat client is known again: when it is repeated, corrected or taken back.
#[derive(Clone, Debug, Default)]
pub struct AgentStanza {
    /// The id that the client gave it.
    pub id: Option<String>,
    /// The id of the agent's earlier line that it corrects (XEP-0308).
    pub corrects: Option<String>,
    /// The message of the ticket that it answers (XEP-0461).
    pub reply_to: Option<Uuid>,
}

/// An agent's line that is corrected.
pub(super) struct Corrected {
    /// The version that stood until now.
    version: Uuid,
    /// The line as it was first written, which is the one that the customer's client knows.
    pub origin: Uuid,
}

/// The agent's own line that the stanza corrects, if it corrects one. What was a note stays one, and what was none becomes
/// none.
///
/// # Errors
/// [`Error::Conflict`] when the agent has no such line.
pub(super) fn corrected(
    unit: &Unit,
    ticket: Uuid,
    agent: &str,
    stanza: &AgentStanza,
    visibility: Visibility,
) -> Result<Option<Corrected>, Error> {
    let Some(id) = &stanza.corrects else { return Ok(None) };
    let line = unit.word_with(ticket, agent, id).filter(|line| line.visibility == visibility).ok_or_else(unknown)?;
    Ok(Some(Corrected { version: line.id, origin: line.origin() }))
}

/// A correction has taken its line's place.
pub(super) fn supersede(unit: &mut Unit, ticket: Uuid, line: &Corrected, by: Uuid) {
    unit.supersede(ticket, line.version);
    unit.event("message.corrected", Some(ticket), Some(line.version), serde_json::json!({ "by": by }));
    forget_summary(unit, ticket, line.origin);
}

/// A summary that a line is a part of is not true any more when the line is not.
fn forget_summary(unit: &mut Unit, ticket: Uuid, origin: Uuid) {
    let upto = unit.ticket(ticket).and_then(|row| row.context_summary_upto);
    if unit.is_summarised(ticket, origin, upto) {
        unit.adjust(ticket, |row, _| lifecycle::forget_context(row));
    }
}

fn unknown() -> Error {
    Error::Conflict("you have no such line here, or have taken it back".to_owned())
}

/// Nobody speaks in a colleague's ticket.
fn check_free(unit: &Unit, ticket: &ticket::Model, speaker: &Speaker) -> Result<(), Error> {
    match &ticket.agent {
        Some(agent) if ticket.handler == Handler::Agent && *agent != speaker.id => Err(has_it(unit, ticket)),
        _ => Ok(()),
    }
}

/// What the agent says, not said yet.
fn word(unit: &Unit, ticket: Uuid, speaker: &Speaker, body: &str) -> message::Model {
    message::Model {
        author_id: Some(speaker.id.clone()),
        author_name: Some(speaker.name.clone()),
        ..outbound(ticket, Author::Agent, body.to_owned(), unit.now)
    }
}

fn speak(unit: &mut Unit, speaker: &Speaker, message: message::Model) -> Uuid {
    let ticket = message.ticket_id;
    if unit.ticket(ticket).is_some_and(|row| row.status == Status::Escalated) {
        tell_on_duty(unit, ticket, Some(&speaker.id), |row| format!("{} has taken it: {}", speaker.name, row.subject));
    }
    unit.change(ticket, |row, now| lifecycle::agent_replied(row, &speaker.id, now));
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
    /// The stanza it came in, if it came from the speaker's chat client.
    pub stanza: AgentStanza,
    /// What the program knows it by that sent it over REST.
    pub client_id: Option<ClientId>,
}

impl Reply {
    /// Names the stanza, to know a repeated one.
    fn key(&self) -> Option<String> {
        let id = self.stanza.id.as_deref()?;
        Some(fingerprint(&["reply", &self.speaker.id, &self.ticket.to_string(), id, &self.body]))
    }
}

impl Operation for Reply {
    type Output = Stored;

    fn needs(&self, needs: &mut Needs) {
        needs.with_siblings.insert(self.ticket);
        needs.people = true;
        needs.stanza_keys.extend(self.key());
        needs.written.extend(self.client_id.as_ref().map(|by| (by.key.clone(), Within::Ticket(self.ticket))));
        if self.stanza.corrects.is_some() {
            needs.recent_in.insert(self.ticket);
        }
    }

    fn apply(&self, unit: &mut Unit) -> Result<Self::Output, Error> {
        let key = self.key();
        if let Some(known) = key.as_deref().and_then(|key| unit.known(key)) {
            return Ok(Stored { message: known.message, at: unit.now, is_duplicate: true });
        }
        let ticket = unit.ticket(self.ticket).ok_or_else(|| Error::NotFound(format!("ticket {}", self.ticket)))?;
        if let Some(known) = unit.written(self.ticket, self.client_id.as_ref(), &self.body)? {
            return Ok(Stored::before(known));
        }
        if ticket.status == Status::Closed {
            return Err(Error::Conflict("this ticket is closed; open a new one".to_owned()));
        }
        let corrected = corrected(unit, self.ticket, &self.speaker.id, &self.stanza, Visibility::Public)?;
        if corrected.is_none() {
            unit.check_no_other(ticket)?;
        }
        check_free(unit, ticket, &self.speaker)?;
        check_version(ticket, self.speaker.role, self.expected)?;
        let mut message = message::Model {
            sender_key: key,
            stanza_id: self.stanza.id.clone(),
            reply_to: self.stanza.reply_to,
            corrects: corrected.as_ref().map(|line| line.origin),
            ..word(unit, self.ticket, &self.speaker, &self.body)
        };
        name(&mut message, self.client_id.as_ref());
        let message = match corrected {
            Some(line) => {
                // What the customer has asked since is still to be answered.
                unit.change(self.ticket, |row, now| lifecycle_feedback::agent_corrected(row, &self.speaker.id, now));
                let id = message.id;
                unit.say(message);
                supersede(unit, self.ticket, &line, id);
                unit.learn_anew(self.ticket);
                id
            }
            None => speak(unit, &self.speaker, message),
        };
        if let Some(url) = &self.link {
            attach(unit, self.ticket, message, url, attachment::State::Linked);
        }
        Ok(Stored::now(message, unit.now))
    }

    fn deed(&self, stored: &Stored, unit: &Unit) -> Option<Deed> {
        // A repeated stanza has changed nothing.
        let deed = Deed::by(self.speaker.role, &self.speaker.id, "ticket.reply").in_ticket(self.ticket);
        unit.adds(stored.message).then_some(deed.to(stored.message))
    }
}

/// An agent takes back what it wrote from its chat client, to the customer or as a note; also when a colleague has the
/// ticket by now.
pub(in crate::helpdesk) struct TakeBack {
    pub ticket: Uuid,
    pub caller: Caller,
    /// The id that the agent's client gave the line.
    pub stanza_id: String,
}

impl Operation for TakeBack {
    /// What was taken back.
    type Output = Uuid;

    fn needs(&self, needs: &mut Needs) {
        needs.recent_in.insert(self.ticket);
    }

    fn apply(&self, unit: &mut Unit) -> Result<Uuid, Error> {
        let row = unit.ticket(self.ticket).ok_or_else(|| Error::NotFound(format!("ticket {}", self.ticket)))?;
        let desk = unit.desk(&row.desk);
        let line = unit.word_with(self.ticket, &self.caller.id, &self.stanza_id).cloned().ok_or_else(unknown)?;
        forget_summary(unit, self.ticket, line.origin());
        unit.retract(self.ticket, line.origin());
        webhook_delivery::take_back(unit, self.ticket);
        unit.change(self.ticket, |row, now| lifecycle_feedback::agent_retracted(row, &self.caller.id, now));
        unit.event("message.retracted", Some(self.ticket), Some(line.id), serde_json::json!({}));
        if line.visibility == Visibility::Public {
            unit.learn_anew(self.ticket);
            keep_in(unit, self.ticket, line.origin());
            unit.take_back(self.ticket, line.origin(), desk.texts.taken_back());
        }
        Ok(line.id)
    }

    fn deed(&self, message: &Uuid, _: &Unit) -> Option<Deed> {
        Some(Deed::of(&self.caller, "ticket.take_back").in_ticket(self.ticket).to(message))
    }
}

/// What was taken back before it was sent stays here. It may be on its way all the same, so the customer is told anyway.
fn keep_in(unit: &mut Unit, ticket: Uuid, origin: Uuid) {
    let of_line = message::Column::Id.eq(origin).or(message::Column::Corrects.eq(origin));
    unit.run(
        &message::Entity::update_many()
            .col_expr(message::Column::Outbound, Expr::value(false))
            .filter(message::Column::TicketId.eq(ticket))
            .filter(message::Column::SentAt.is_null())
            .filter(of_line),
    );
}

/// An agent writes to a customer first: in the live ticket if there is one, else in a new one.
pub(in crate::helpdesk) struct Approach {
    pub desk: String,
    pub customer: BareJid,
    pub resource: Option<String>,
    pub speaker: Speaker,
    pub body: String,
    /// What the program knows it by that sent it.
    pub client_id: Option<ClientId>,
}

impl Operation for Approach {
    type Output = Received;

    fn needs(&self, needs: &mut Needs) {
        needs.conversations.insert((self.desk.clone(), self.customer.to_string()));
        needs.people = true;
        let customer = || Within::Customer(self.customer.to_string());
        needs.written.extend(self.client_id.as_ref().map(|by| (by.key.clone(), customer())));
    }

    fn apply(&self, unit: &mut Unit) -> Result<Received, Error> {
        let conversation = (self.desk.clone(), self.customer.to_string());
        if let Some(known) = opened_before(unit, &conversation, self.client_id.as_ref(), &self.body)? {
            return Ok(known);
        }
        let current = unit.current(&conversation);
        let live = current.filter(|ticket| lifecycle::is_live(ticket.status));
        live.map_or(Ok(()), |ticket| check_free(unit, ticket, &self.speaker))?;
        let live = live.map(|ticket| ticket.id);
        let ticket = match live {
            Some(id) => id,
            None => open(unit, &self.desk, &self.customer, &self.body),
        };
        if self.resource.is_some() {
            unit.change(ticket, |row, _| row.customer_resource.clone_from(&self.resource));
        }
        let mut message = word(unit, ticket, &self.speaker, &self.body);
        name(&mut message, self.client_id.as_ref());
        let message = speak(unit, &self.speaker, message);
        Ok(Received { ticket, message, is_duplicate: false, opened: live.is_none(), pace: Pace::Other })
    }

    fn deed(&self, done: &Received, _: &Unit) -> Option<Deed> {
        let word = if done.opened { "ticket.open" } else { "ticket.reply" };
        Some(Deed::by(self.speaker.role, &self.speaker.id, word).in_ticket(done.ticket).to(done.message))
    }
}
