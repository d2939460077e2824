//! What the staff does with a ticket. Every change is compare-and-set: of two agents who claim, one learns who won.

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    message::{self, Author, Visibility},
    ticket::{Handler, Model, Priority, Status},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    hand_off::{tell_holder, tell_holder_of_step, tell_on_duty, waits, was_told},
    new_message, outbound,
    redact::RELEASE_NOTE,
    reply::{AgentStanza, corrected, supersede},
};
use crate::helpdesk::{
    Caller, Error, Role,
    audit::Deed,
    lifecycle::{self, Resolution},
    unit::{Needs, Unit},
    writer::Operation,
};

/// What the assistant sees of a ticket that is given back to it.
#[derive(Clone, Debug)]
pub(in crate::helpdesk) struct Episode {
    /// Messages behind this number are in its context.
    pub from: i64,
    /// What it is told of those before.
    pub summary: String,
    /// Whether a line of the customer waits for an answer.
    pub unanswered: bool,
}

/// One change.
#[derive(Clone, Debug)]
pub(in crate::helpdesk) enum Change {
    Claim,
    Release(Episode),
    /// Back into the queue, for a colleague.
    Requeue,
    /// To the agent of this id.
    Assign(String),
    Resolve,
    Reopen,
    Close,
    Snooze(Option<DateTime<Utc>>),
    Priority(Priority),
    Tags(Vec<String>),
    Note(NewNote),
}

/// A note to be added.
#[derive(Clone, Debug)]
pub(in crate::helpdesk) struct NewNote {
    pub text: String,
    /// The stanza it came in, if it came from a chat client.
    pub stanza: AgentStanza,
}

/// A change by a person of the staff.
pub(in crate::helpdesk) struct ChangeTicket {
    pub ticket: Uuid,
    /// The version that the caller has seen, if it must be that one.
    pub expected: Option<i64>,
    pub caller: Caller,
    pub change: Change,
}

impl Operation for ChangeTicket {
    type Output = Model;

    fn needs(&self, needs: &mut Needs) {
        needs.with_siblings.insert(self.ticket);
        needs.people = true;
        if let Change::Note(NewNote { stanza: AgentStanza { corrects: Some(_), .. }, .. }) = &self.change {
            needs.recent_in.insert(self.ticket);
        }
    }

    fn apply(&self, unit: &mut Unit) -> Result<Model, Error> {
        let missing = || Error::NotFound(format!("ticket {}", self.ticket));
        let row = unit.ticket(self.ticket).filter(|row| self.caller.may_read(row)).ok_or_else(missing)?;
        self.caller.require_desk(&row.desk)?;
        check_version(row, self.caller.role, self.expected)?;
        let row = row.clone();
        self.change(unit, &row)?;
        unit.ticket(self.ticket).cloned().ok_or_else(missing)
    }

    fn deed(&self, _: &Model, _: &Unit) -> Option<Deed> {
        let deed = Deed::of(&self.caller, self.change.word()).in_ticket(self.ticket);
        Some(match &self.change {
            Change::Assign(agent) => deed.to(agent),
            Change::Snooze(Some(until)) => deed.with(json!({ "until": until })),
            Change::Priority(priority) => deed.with(json!({ "priority": sea_orm::ActiveEnum::to_value(priority) })),
            Change::Tags(tags) => deed.with(json!({ "tags": tags.len() })),
            _ => deed,
        })
    }
}

impl Change {
    /// The word for it in the audit log.
    fn word(&self) -> &'static str {
        match self {
            Self::Claim => "ticket.claim",
            Self::Release(_) => "ticket.release",
            Self::Requeue => "ticket.requeue",
            Self::Assign(_) => "ticket.assign",
            Self::Resolve => "ticket.resolve",
            Self::Reopen => "ticket.reopen",
            Self::Close => "ticket.close",
            Self::Snooze(Some(_)) => "ticket.snooze",
            Self::Snooze(None) => "ticket.wake",
            Self::Priority(_) => "ticket.priority",
            Self::Tags(_) => "ticket.tags",
            Self::Note(_) => "ticket.note",
        }
    }
}

impl ChangeTicket {
    fn change(&self, unit: &mut Unit, row: &Model) -> Result<(), Error> {
        match &self.change {
            Change::Claim => self.claim(unit, row),
            Change::Release(episode) => self.release(unit, row, episode),
            Change::Requeue => self.requeue(unit, row),
            Change::Assign(agent) => self.assign(unit, row, agent),
            Change::Resolve => self.resolve(unit, row),
            Change::Reopen => self.reopen(unit, row),
            Change::Close => self.close(unit, row),
            Change::Snooze(until) => self.snooze(unit, row, *until),
            Change::Priority(priority) => {
                self.require_no_colleague(unit, row)?;
                unit.change(row.id, |row, _| row.priority = *priority);
                Ok(())
            }
            Change::Tags(tags) => {
                self.require_no_colleague(unit, row)?;
                unit.change(row.id, |row, _| row.tags = tags.iter().cloned().collect());
                Ok(())
            }
            Change::Note(new) => {
                let corrected = corrected(unit, row.id, &self.caller.id, &new.stanza, Visibility::Internal)?;
                unit.change(row.id, |row, now| {
                    // Who works on it does not lose it.
                    if row.agent.as_ref() == Some(&self.caller.id) {
                        row.claimed_at = Some(now);
                    }
                });
                let note = message::Model {
                    stanza_id: new.stanza.id.clone(),
                    corrects: corrected.as_ref().map(|line| line.origin),
                    ..note(unit.now, row.id, Some(&self.caller), new.text.clone())
                };
                let id = note.id;
                unit.say(note);
                if let Some(line) = corrected {
                    supersede(unit, row.id, &line, id);
                }
                Ok(())
            }
        }
    }

    fn claim(&self, unit: &mut Unit, row: &Model) -> Result<(), Error> {
        require_live(unit, row)?;
        if row.handler == Handler::Agent {
            if row.agent.as_ref() == Some(&self.caller.id) {
                return Ok(());
            }
            return Err(has_it(unit, row));
        }
        let who = self.caller.display_name();
        if row.status == Status::Escalated {
            tell_on_duty(unit, row.id, Some(&self.caller.id), |row| format!("{who} has taken it: {}", row.subject));
        }
        unit.change(row.id, |row, now| lifecycle::claimed(row, &self.caller.id, now));
        if let Some(jid) = unit.agent(&self.caller.id).and_then(|agent| agent.jid.clone()) {
            let text = format!(
                "You have it: {} ({}). What you write here goes to the customer; // before a line makes it a note. \
                 /history shows what was said.",
                row.subject, row.customer
            );
            unit.tell(&jid, row.id, None, text);
        }
        Ok(())
    }

    fn release(&self, unit: &mut Unit, row: &Model, episode: &Episode) -> Result<(), Error> {
        require_live(unit, row)?;
        self.require_holder(unit, row)?;
        let desk = unit.desk(&row.desk);
        if !desk.assistant {
            return Err(Error::Conflict("this desk has no assistant: give the ticket back to the queue".to_owned()));
        }
        let text = format!("{RELEASE_NOTE}\n{}", episode.summary);
        unit.say(note(unit.now, row.id, Some(&self.caller), text));
        unit.change(row.id, |row, now| {
            lifecycle::released(row, episode.from, episode.summary.clone(), episode.unanswered, now);
        });
        if !episode.unanswered
            && let Some(line) = desk.texts.released()
        {
            unit.say(outbound(row.id, Author::System, line, unit.now));
        }
        Ok(())
    }

    fn requeue(&self, unit: &mut Unit, row: &Model) -> Result<(), Error> {
        require_live(unit, row)?;
        self.require_holder(unit, row)?;
        requeue(unit, row, &format!("{} gave it back", self.caller.display_name()));
        Ok(())
    }

    fn assign(&self, unit: &mut Unit, row: &Model, agent: &str) -> Result<(), Error> {
        self.caller.require_admin("assign tickets")?;
        require_live(unit, row)?;
        let known = unit.agent(agent).ok_or_else(|| Error::invalid("agent", format!("there is no agent '{agent}'")))?;
        if !known.serves(&row.desk) {
            return Err(Error::invalid("agent", format!("'{agent}' does not answer at the desk '{}'", row.desk)));
        }
        let (jid, to) = (known.jid.clone(), known.display_name());
        let who = self.caller.display_name();
        if row.status == Status::Escalated {
            tell_on_duty(unit, row.id, Some(agent), |row| format!("{who} has given it to {to}: {}", row.subject));
        }
        if row.agent.as_deref().is_some_and(|holder| holder != agent && holder != self.caller.id) {
            let text = format!("{who} has given this ticket to {to}: it is no longer yours. ({})", row.subject);
            tell_holder(unit, row.id, None, text);
        }
        unit.change(row.id, |row, now| lifecycle::claimed(row, agent, now));
        if let Some(jid) = jid.filter(|_| agent != self.caller.id) {
            let text = format!(
                "{who} has given you this ticket of {}: {}\n/history shows what was said.",
                row.customer, row.subject
            );
            unit.tell(&jid, row.id, None, text);
        }
        Ok(())
    }

    fn resolve(&self, unit: &mut Unit, row: &Model) -> Result<(), Error> {
        if row.status == Status::Resolved {
            return Ok(());
        }
        require_live(unit, row)?;
        self.require_no_colleague(unit, row)?;
        if was_told(row) {
            let who = self.caller.display_name();
            let text = |row: &Model| format!("{who} has resolved it: {}", row.subject);
            tell_on_duty(unit, row.id, Some(&self.caller.id), text);
        }
        resolve(unit, row, Resolution::Agent);
        Ok(())
    }

    fn reopen(&self, unit: &mut Unit, row: &Model) -> Result<(), Error> {
        if row.status != Status::Resolved {
            return Err(overtaken(row, "only a resolved ticket can be reopened".to_owned()));
        }
        unit.check_no_other(row)?;
        unit.change(row.id, |row, now| lifecycle::reopened(row, &self.caller.id, now));
        Ok(())
    }

    fn close(&self, unit: &mut Unit, row: &Model) -> Result<(), Error> {
        self.caller.require_admin("close tickets")?;
        if row.status != Status::Closed {
            unit.change(row.id, lifecycle::closed);
        }
        Ok(())
    }

    fn snooze(&self, unit: &mut Unit, row: &Model, until: Option<DateTime<Utc>>) -> Result<(), Error> {
        require_live(unit, row)?;
        self.require_no_colleague(unit, row)?;
        if until.is_some_and(|until| until <= unit.now) {
            return Err(Error::invalid("until", "must be in the future"));
        }
        unit.change(row.id, |row, _| row.snoozed_until = until);
        Ok(())
    }

    /// Nobody acts in a colleague's ticket, but admins.
    fn require_no_colleague(&self, unit: &Unit, row: &Model) -> Result<(), Error> {
        if row.handler == Handler::Agent { self.require_holder(unit, row) } else { Ok(()) }
    }

    /// Only who has the ticket gives it back, and admins.
    fn require_holder(&self, unit: &Unit, row: &Model) -> Result<(), Error> {
        if row.handler != Handler::Agent {
            return Err(overtaken(row, "no agent has this ticket: claim it first".to_owned()));
        }
        if row.agent.as_ref() == Some(&self.caller.id) || self.caller.role == Role::Admin {
            return Ok(());
        }
        Err(has_it(unit, row))
    }
}

/// Resolves a ticket, and says so to the customer.
pub(super) fn resolve(unit: &mut Unit, row: &Model, by: Resolution) {
    let desk = unit.desk(&row.desk);
    let line = match by {
        Resolution::Agent => desk.texts.resolved(),
        Resolution::Customer => Some(desk.texts.resolved_by_you()),
        Resolution::Idle => desk.texts.resolved_idle(),
        // The assistant's own answer says it.
        Resolution::Assistant => None,
    };
    if by == Resolution::Customer {
        if was_told(row) {
            tell_on_duty(unit, row.id, None, |row| format!("The customer has resolved it: {}", row.subject));
        }
        tell_holder_of_step(unit, row.id, format!("The customer has resolved this ticket: {}", row.subject));
    }
    unit.change(row.id, |row, now| lifecycle::resolved(row, by, now));
    if let Some(line) = line {
        unit.say(outbound(row.id, Author::System, line, unit.now));
    }
}

/// Puts a ticket back into the queue and tells all on duty.
pub(super) fn requeue(unit: &mut Unit, row: &Model, reason: &str) {
    unit.change(row.id, lifecycle::claim_timed_out);
    unit.change(row.id, |row, _| row.hand_off_reason = Some(reason.to_owned()));
    tell_on_duty(unit, row.id, None, waits);
}

fn note(now: DateTime<Utc>, ticket: Uuid, by: Option<&Caller>, text: String) -> message::Model {
    message::Model {
        visibility: Visibility::Internal,
        author_id: by.map(|caller| caller.id.clone()),
        author_name: by.map(Caller::display_name),
        ..new_message(ticket, if by.is_some() { Author::Agent } else { Author::System }, text, now)
    }
}

/// The ticket runs; what was done before is not worked on beside the conversation that follows it.
fn require_live(unit: &Unit, row: &Model) -> Result<(), Error> {
    unit.check_no_other(row)?;
    match row.status {
        Status::Resolved => Err(overtaken(row, "it is resolved: /reopen it first".to_owned())),
        Status::Closed => Err(overtaken(row, "this ticket is closed".to_owned())),
        Status::Open | Status::Pending | Status::Escalated => Ok(()),
    }
}

/// The ticket is as such a caller has seen it.
pub(in crate::helpdesk) fn check_version(row: &Model, role: Role, expected: Option<i64>) -> Result<(), Error> {
    let present = role.version_of(row);
    if expected.is_some_and(|version| version != present) {
        return Err(overtaken(row, format!("the ticket has changed: it is at version {present} now")));
    }
    Ok(())
}

pub(super) fn overtaken(row: &Model, reason: String) -> Error {
    Error::Overtaken { reason, current: Box::new(row.clone()) }
}

/// A colleague has the ticket.
pub(super) fn has_it(unit: &Unit, row: &Model) -> Error {
    overtaken(row, format!("{} has this ticket", name_of(unit, row.agent.as_deref())))
}

fn name_of(unit: &Unit, agent: Option<&str>) -> String {
    let id = agent.unwrap_or("a colleague");
    unit.agent(id).map_or_else(|| id.split('@').next().unwrap_or(id).to_owned(), super::super::Agent::display_name)
}
