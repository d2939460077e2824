//! From the assistant to people: one line to the customer, one summary for the agent, and a word to all on duty.

use chrono::TimeDelta;
use deskbridge_entity::{
    agent::Duty,
    message::{Author, Visibility},
    ticket::{Handler, Model, Status},
};
use jid::BareJid;
use uuid::Uuid;

use super::{line::subject_of, new_message, open, outbound};
use crate::helpdesk::{
    Agent, Error, lifecycle,
    unit::{Needs, Unit},
    writer::Operation,
};

/// What the customer is told when people take over. The place in the queue and the hours follow in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// A person will answer.
    Person,
    /// The assistant failed; a person will answer.
    Failure,
    /// The assistant's own words.
    Own(String),
}

/// Why and how a ticket goes to people.
#[derive(Clone, Debug)]
pub struct HandOff {
    /// What the customer is told.
    pub words: Words,
    /// Why, in words for an agent.
    pub reason: String,
    /// For the agent who takes it: an internal note.
    pub summary: String,
    /// What it is about, for the notice to agents: what was asked last.
    pub issue: String,
}

/// Hands a ticket to people. Needs `people`.
pub(super) fn hand_off(unit: &mut Unit, ticket: Uuid, hand_off: &HandOff) {
    let Some(row) = unit.ticket(ticket) else { return };
    let desk = unit.desk(&row.desk);
    let now = unit.now;
    let wait = unit.wait(&desk, row);
    let line = match &hand_off.words {
        Words::Person => desk.texts.hand_off(&wait),
        Words::Failure => desk.texts.failure(&wait),
        Words::Own(words) => desk.texts.hand_off_in(words, &wait),
    };
    unit.change(ticket, |row, now| lifecycle::handed_off(row, &hand_off.reason, now));
    unit.say(outbound(ticket, Author::System, line, now));
    let mut note = new_message(ticket, Author::Assistant, hand_off.summary.clone(), now);
    note.visibility = Visibility::Internal;
    unit.say(note);
    tell_waits_with(unit, ticket, |row| waits_with(row, &hand_off.issue));
}

/// Tells every agent on duty that a ticket waits, now or when that is not one notice too many.
pub(super) fn tell_waits(unit: &mut Unit, ticket: Uuid) {
    tell_waits_with(unit, ticket, waits);
}

fn tell_waits_with(unit: &mut Unit, ticket: Uuid, text: impl Fn(&Model) -> String) {
    let mut is_told = false;
    unit.adjust(ticket, |row, now| is_told = lifecycle::may_tell(row, now));
    if is_told {
        tell_on_duty(unit, ticket, None, text);
    }
}

/// Tells every agent on duty at the ticket's desk, but not `except`, nor one who is the customer.
pub(super) fn tell_on_duty(unit: &mut Unit, ticket: Uuid, except: Option<&str>, text: impl Fn(&Model) -> String) {
    let Some(row) = unit.ticket(ticket) else { return };
    let body = text(row);
    let told = unit.agents.iter().filter(|agent| agent.serves(&row.desk) && agent.is_on_duty());
    let told = told.filter(|agent| Some(agent.id.as_str()) != except).filter_map(|a| a.jid.clone());
    let told: Vec<_> = told.filter(|jid| jid.as_str() != row.customer).collect();
    for jid in told {
        unit.tell(&jid, ticket, None, body.clone());
    }
}

/// Tells the agent who has the ticket, unless that agent wants to hear nothing.
pub(super) fn tell_holder(unit: &mut Unit, ticket: Uuid, message: Option<Uuid>, body: String) {
    let holder = unit.ticket(ticket).and_then(|row| unit.holder(row));
    if let Some(jid) = holder.filter(|agent| agent.duty != Duty::Off).and_then(|agent| agent.jid.clone()) {
        unit.tell(&jid, ticket, message, body);
    }
}

/// Tells the agent who has the ticket of what the customer did with it, unless that is one notice too many: who settles
/// and reopens it in turn must not ring a telephone each time.
pub(super) fn tell_holder_of_step(unit: &mut Unit, ticket: Uuid, text: String) {
    if unit.ticket(ticket).is_none_or(|row| row.handler != Handler::Agent) {
        return;
    }
    let mut is_told = false;
    unit.adjust(ticket, |row, now| {
        is_told = lifecycle::may_tell(row, now);
        // It is not told later: what the customer says next reaches the agent in any case.
        row.notice_due_at = None;
    });
    if is_told {
        tell_holder(unit, ticket, None, text);
    }
}

/// Whether agents were told that the ticket waits: who was not need not know that it does no longer.
pub(super) fn was_told(ticket: &Model) -> bool {
    ticket.status == Status::Escalated && ticket.notice_due_at.is_none()
}

/// What agents read when a ticket waits.
pub(super) fn waits(ticket: &Model) -> String {
    waits_with(ticket, &ticket.subject)
}

fn waits_with(ticket: &Model, issue: &str) -> String {
    let reason = ticket.hand_off_reason.as_deref().unwrap_or("nobody handles it");
    format!(
        "{} waits for a person at {}: {issue}\nReason: {reason}.\n/claim takes it, /history shows what was said, /help lists \
         what else you can do.",
        ticket.customer, ticket.desk
    )
}

/// The customer asks for a person, by a command or in so many words.
pub(in crate::helpdesk) struct AskForPerson {
    pub desk: String,
    pub customer: BareJid,
    pub reason: String,
    /// What came along with the wish.
    pub issue: Option<String>,
}

/// What the wish for a person has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The ticket waits for a person now; the customer is told in it.
    HandedOff(Uuid),
    /// It waited already.
    Waiting(Uuid),
    /// A person has the ticket.
    WithPerson(Uuid),
}

impl Operation for AskForPerson {
    type Output = Asked;

    fn needs(&self, needs: &mut Needs) {
        needs.conversations.insert((self.desk.clone(), self.customer.to_string()));
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<Asked, Error> {
        let conversation = (self.desk.clone(), self.customer.to_string());
        let live = unit.current(&conversation).filter(|ticket| lifecycle::is_live(ticket.status));
        let ticket = match live {
            Some(row) if row.status == Status::Escalated => {
                return Ok(Asked::Waiting(row.id));
            }
            // An agent who is off duty need not come back to it: a colleague may take it.
            Some(row) if row.handler == Handler::Agent && unit.holder(row).is_none_or(Agent::is_on_duty) => {
                return Ok(Asked::WithPerson(row.id));
            }
            Some(row) => row.id,
            None => {
                unit.check_opening(&unit.desk(&self.desk), &self.customer)?;
                open(unit, &self.desk, &self.customer, "Asks for a person")
            }
        };
        let subject = unit.ticket(ticket).map(|row| row.subject.clone()).unwrap_or_default();
        let issue = self.issue.as_deref().map_or(subject, subject_of);
        let summary = format!(
            "Handed off: {}\nIssue: {issue}\nNext step: read the customer's last lines and answer.",
            self.reason
        );
        hand_off(unit, ticket, &HandOff { words: Words::Person, reason: self.reason.clone(), summary, issue });
        Ok(Asked::HandedOff(ticket))
    }
}

/// How long a customer who waits, and asks for a person again, has not been told anything.
const TOLD_AGAIN: TimeDelta = TimeDelta::minutes(3);

/// Tells a customer the place in the queue, if that was not just said.
pub(in crate::helpdesk) struct TellPlace {
    pub ticket: Uuid,
    pub line: String,
}

impl Operation for TellPlace {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.insert(self.ticket);
        needs.recent_in.insert(self.ticket);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let waits = unit.ticket(self.ticket).is_some_and(|row| row.status == Status::Escalated);
        let was_told = unit.last_told(self.ticket).is_some_and(|at| unit.now - at < TOLD_AGAIN);
        if waits && !was_told {
            unit.say(outbound(self.ticket, Author::System, self.line.clone(), unit.now));
        }
        Ok(())
    }
}
