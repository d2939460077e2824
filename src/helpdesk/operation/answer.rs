//! The assistant's side: claiming what is due, and committing what it drafted.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    message::Author,
    ticket::{self, Handler, Priority, Status},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use uuid::Uuid;

use super::{
    hand_off::{HandOff, hand_off},
    line::subject_of,
    outbound,
};
use crate::helpdesk::{
    Error,
    lifecycle::{self, Resolution},
    staff::TAGS,
    unit::{Needs, Unit},
    usage::Call,
    writer::Operation,
};

/// Takes due tickets for a worker, so that no other process does. Not needed on SQLite, where there is none.
pub(in crate::helpdesk) struct ClaimDue {
    pub worker: Uuid,
    pub limit: u64,
    /// How long a dead worker's ticket waits for another.
    pub lease: Duration,
    /// What the worker is at already, with the epochs it began on.
    pub running: HashMap<Uuid, i64>,
}

/// Due tickets, and when to look again.
pub(in crate::helpdesk) struct Leased {
    pub tickets: Vec<ticket::Model>,
    pub next_due: Option<DateTime<Utc>>,
}

impl Operation for ClaimDue {
    type Output = Leased;

    fn needs(&self, needs: &mut Needs) {
        needs.due += self.limit;
        needs.running.extend(&self.running);
    }

    fn apply(&self, unit: &mut Unit) -> Result<Leased, Error> {
        let until = unit.now + lifecycle::delta(self.lease);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX).min(unit.due.len());
        let ids: Vec<Uuid> = unit.due.drain(..limit).collect();
        // A line of the same batch may have moved one to later.
        let is_due = |id: &Uuid| unit.ticket(*id).and_then(|row| row.reply_due_at).is_some_and(|due| due <= unit.now);
        let ids: Vec<Uuid> = ids.into_iter().filter(is_due).collect();
        unit.lease(&ids, until, self.worker);
        let tickets = ids.iter().filter_map(|id| unit.ticket(*id)).cloned().collect();
        Ok(Leased { tickets, next_due: unit.next_due })
    }
}

/// Keeps leases of a worker alive.
pub(in crate::helpdesk) struct RenewLeases {
    pub worker: Uuid,
    pub tickets: Vec<Uuid>,
    pub lease: Duration,
}

impl Operation for RenewLeases {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let until = unit.now + lifecycle::delta(self.lease);
        unit.run(
            &ticket::Entity::update_many()
                .col_expr(ticket::Column::ReplyLeaseUntil, Expr::value(until))
                .filter(ticket::Column::Id.is_in(self.tickets.iter().copied()))
                .filter(ticket::Column::ReplyWorker.eq(self.worker))
                .filter(ticket::Column::ReplyLeaseUntil.is_not_null()),
        );
        Ok(())
    }
}

/// Ends a worker's leases before their time.
pub(in crate::helpdesk) struct FreeLeases {
    pub worker: Uuid,
}

impl Operation for FreeLeases {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        unit.run(
            &ticket::Entity::update_many()
                .col_expr(ticket::Column::ReplyLeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
                .col_expr(ticket::Column::ReplyWorker, Expr::value(Option::<Uuid>::None))
                .filter(ticket::Column::ReplyWorker.eq(self.worker))
                .filter(ticket::Column::ReplyLeaseUntil.is_not_null()),
        );
        Ok(())
    }
}

/// What the assistant found out about a ticket while answering.
#[derive(Clone, Debug, Default)]
pub struct Triage {
    /// A subject, at most 60 characters; taken if nobody has named the ticket.
    pub subject: Option<String>,
    /// A priority; it can only raise the ticket's.
    pub priority: Option<Priority>,
    /// Tags that are added, as far as there is room.
    pub tags: Vec<String>,
}

impl Triage {
    fn apply(&self, row: &mut ticket::Model) {
        if let Some(priority) = self.priority {
            lifecycle::propose_priority(row, priority);
        }
        if let serde_json::Value::Array(tags) = &mut row.tags {
            let (most, longest) = TAGS;
            let fits = |tag: &&String| !tag.is_empty() && tag.chars().count() <= longest;
            for tag in self.tags.iter().filter(fits).map(|tag| serde_json::Value::from(tag.as_str())) {
                if tags.len() < most && !tags.contains(&tag) {
                    tags.push(tag);
                }
            }
        }
        if let Some(subject) = self.subject.as_deref().filter(|s| !row.subject_is_named && !s.trim().is_empty()) {
            row.subject = subject_of(subject);
            row.subject_is_named = true;
        }
    }
}

/// What a draft becomes.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// An answer to the customer.
    Answer {
        /// The text.
        body: String,
    },
    /// People take over.
    HandOff(HandOff),
    /// An answer, and the customer has said that it is done.
    Resolve {
        /// The text.
        body: String,
    },
}

/// What the knowledge had for the customer's question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retrieval {
    /// It was not asked.
    #[default]
    NotAsked,
    /// Something.
    Found,
    /// Nothing.
    Nothing,
}

/// A summary that stands for what was said long ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condensed {
    /// The text.
    pub summary: String,
    /// The number of the last message that it covers.
    pub upto: i64,
}

/// A draft, and all that goes into the ticket with it.
#[derive(Clone, Debug)]
pub struct Drafted {
    /// What it becomes.
    pub outcome: Outcome,
    /// What was found out about the ticket.
    pub triage: Triage,
    /// What the knowledge had.
    pub retrieval: Retrieval,
    /// A new summary of what was said long ago.
    pub condensed: Option<Condensed>,
    /// The calls to the language model; they are noted also when the draft is void.
    pub calls: Vec<Call>,
}

impl Drafted {
    /// A draft that nothing else goes with.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, triage: Triage::default(), retrieval: Retrieval::default(), condensed: None, calls: Vec::new() }
    }

    fn note(&self, row: &mut ticket::Model) {
        self.triage.apply(row);
        row.episode_answers += i64::from(!matches!(self.outcome, Outcome::HandOff(_)));
        match self.retrieval {
            Retrieval::NotAsked => {}
            Retrieval::Found => row.nothing_found = 0,
            Retrieval::Nothing => row.nothing_found += 1,
        }
        if let Some(Condensed { summary, upto }) = &self.condensed {
            row.context_summary = Some(summary.clone());
            row.context_summary_upto = Some(*upto);
        }
    }
}

/// What became of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is a message now, and will be delivered.
    Committed,
    /// The conversation went on meanwhile; the draft is void.
    Stale,
}

/// Commits a draft, if the ticket's epoch is still the one it was begun on.
pub(in crate::helpdesk) struct CommitDraft {
    pub ticket: Uuid,
    pub epoch: i64,
    pub drafted: Drafted,
}

impl Operation for CommitDraft {
    type Output = Fate;

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.insert(self.ticket);
        needs.people |= matches!(self.drafted.outcome, Outcome::HandOff(_));
    }

    fn apply(&self, unit: &mut Unit) -> Result<Fate, Error> {
        // Whatever becomes of the draft, its calls were made.
        unit.record(Some(self.ticket), &self.drafted.calls);
        if !is_current(unit, self.ticket, self.epoch) {
            return Ok(Fate::Stale);
        }
        let now = unit.now;
        unit.change(self.ticket, |row, now| {
            self.drafted.note(row);
            lifecycle::assistant_answered(row, now);
        });
        match &self.drafted.outcome {
            Outcome::Answer { body } => unit.say(outbound(self.ticket, Author::Assistant, body.clone(), now)),
            Outcome::HandOff(why) => hand_off(unit, self.ticket, why),
            Outcome::Resolve { body } => {
                unit.say(outbound(self.ticket, Author::Assistant, body.clone(), now));
                unit.change(self.ticket, |row, now| lifecycle::resolved(row, Resolution::Assistant, now));
            }
        }
        Ok(Fate::Committed)
    }
}

/// Whether a draft that was begun on `epoch` may still speak.
fn is_current(unit: &Unit, ticket: Uuid, epoch: i64) -> bool {
    unit.ticket(ticket)
        .is_some_and(|row| row.epoch == epoch && row.handler == Handler::Assistant && row.status == Status::Open)
}

/// Tells the customer that an answer is still being made, if it is.
pub(in crate::helpdesk) struct SayStillLooking {
    pub ticket: Uuid,
    pub epoch: i64,
}

impl Operation for SayStillLooking {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.insert(self.ticket);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let Some(row) = unit.ticket(self.ticket).filter(|_| is_current(unit, self.ticket, self.epoch)) else {
            return Ok(());
        };
        // The ticket stays as it is: the draft goes on, and so does the question that is open.
        let line = unit.desk(&row.desk).texts.still_looking();
        unit.say(outbound(self.ticket, Author::System, line, unit.now));
        Ok(())
    }
}
