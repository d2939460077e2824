//! The tickets of a batch.

use chrono::{DateTime, Utc};
use deskbridge_entity::ticket::{self, Handler, Priority, Status};
use jid::BareJid;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryTrait, sea_query::Expr};
use uuid::Uuid;

use super::{Conversation, Tracked, Unit, waiting};
use crate::helpdesk::{Desk, Error, lifecycle};

impl Unit {
    pub(super) fn track(&mut self, row: ticket::Model) {
        let (epoch_before, before) = (row.epoch, Some((row.status, row.handler)));
        let shown_before = row.shown_version;
        let tracked = Tracked { row, epoch_before, shown_before, before, changed: false, announced: None };
        self.tickets.insert(tracked.row.id, tracked);
    }

    pub(in crate::helpdesk) fn ticket(&self, id: Uuid) -> Option<&ticket::Model> {
        self.tickets.get(&id).map(|tracked| &tracked.row)
    }

    /// All of a customer's, as far as they are loaded.
    pub(in crate::helpdesk) fn tickets_of(&self, customer: &str) -> impl Iterator<Item = &ticket::Model> {
        self.tickets.values().map(|tracked| &tracked.row).filter(move |row| row.customer == customer)
    }

    /// What an agent has, oldest first: all but closed tickets, as far as they are loaded.
    pub(in crate::helpdesk) fn held_by(&self, agent: &str) -> Vec<Uuid> {
        let is_held = |row: &&ticket::Model| {
            row.handler == Handler::Agent && row.status != Status::Closed && row.agent.as_deref() == Some(agent)
        };
        let mut held: Vec<Uuid> =
            self.tickets.values().map(|tracked| &tracked.row).filter(is_held).map(|row| row.id).collect();
        held.sort_unstable();
        held
    }

    /// The conversation's live ticket, else its latest.
    pub(in crate::helpdesk) fn current(&self, conversation: &Conversation) -> Option<&ticket::Model> {
        self.current.get(conversation).and_then(|id| self.ticket(*id))
    }

    /// The conversation's live ticket, if it is another one than `row`. Needs the ticket's siblings.
    pub(in crate::helpdesk) fn other_live(&self, row: &ticket::Model) -> Option<&ticket::Model> {
        let current = self.current(&(row.desk.clone(), row.customer.clone()));
        current.filter(|other| other.id != row.id && lifecycle::is_live(other.status))
    }

    /// A conversation has one live ticket: no other may become it.
    ///
    /// # Errors
    /// [`Error::GoesOn`] names the live one.
    pub(in crate::helpdesk) fn check_no_other(&self, row: &ticket::Model) -> Result<(), Error> {
        match self.other_live(row) {
            Some(other) => Err(Error::GoesOn { ticket: other.id, short_id: other.short_id.clone() }),
            None => Ok(()),
        }
    }

    /// Changes a ticket: raises its version and says so in the event log.
    pub(in crate::helpdesk) fn change(&mut self, id: Uuid, change: impl FnOnce(&mut ticket::Model, DateTime<Utc>)) {
        let now = self.now;
        let Some(tracked) = self.tickets.get_mut(&id) else { return };
        let waited = waiting::place_of(&tracked.row, now);
        let (before, as_shown) = (tracked.row.status, shown(&tracked.row));
        change(&mut tracked.row, now);
        tracked.row.version += 1;
        tracked.row.updated_at = now;
        if shown(&tracked.row) != as_shown {
            tracked.row.shown_version += 1;
            tracked.row.shown_at = now;
        }
        tracked.changed = true;
        self.waiting.moved(&tracked.row.desk, waited, waiting::place_of(&tracked.row, now));
        let (after, desk) = (tracked.row.status, tracked.row.desk.clone());
        if after == Status::Resolved && before != Status::Resolved {
            self.learn_from(id, &desk);
        }
        self.reschedule(id);
    }

    /// Changes what is nobody's but ours: no new version.
    pub(in crate::helpdesk) fn adjust(&mut self, id: Uuid, change: impl FnOnce(&mut ticket::Model, DateTime<Utc>)) {
        let now = self.now;
        let Some(tracked) = self.tickets.get_mut(&id) else { return };
        change(&mut tracked.row, now);
        self.reschedule(id);
    }

    /// Notes when time will have something to do to a ticket.
    pub(in crate::helpdesk) fn reschedule(&mut self, id: Uuid) {
        let Some(desk) = self.ticket(id).map(|row| self.desk(&row.desk)) else { return };
        let Some(tracked) = self.tickets.get_mut(&id) else { return };
        tracked.row.step_at = lifecycle::next_step(&tracked.row, &desk.rules).map(|(_, at)| at);
        tracked.changed = true;
    }

    /// Changes what only workers look at: no new version, no event, and no other column is written.
    pub(in crate::helpdesk) fn lease(&mut self, ids: &[Uuid], until: DateTime<Utc>, worker: Uuid) {
        if ids.is_empty() {
            return;
        }
        for id in ids {
            if let Some(tracked) = self.tickets.get_mut(id) {
                tracked.row.reply_lease_until = Some(until);
                tracked.row.reply_worker = Some(worker);
            }
        }
        self.first.push(
            ticket::Entity::update_many()
                .col_expr(ticket::Column::ReplyLeaseUntil, Expr::value(until))
                .col_expr(ticket::Column::ReplyWorker, Expr::value(worker))
                .filter(ticket::Column::Id.is_in(ids.iter().copied()))
                .build(self.backend),
        );
    }

    /// Moves the time when an answer is due: like a lease of no interest to others.
    pub(in crate::helpdesk) fn move_due(&mut self, id: Uuid, due: DateTime<Utc>) {
        let Some(tracked) = self.tickets.get_mut(&id) else { return };
        tracked.row.reply_due_at = Some(due);
        self.moved_due = Some(self.moved_due.map_or(due, |earlier| Ord::min(earlier, due)));
        self.first.push(
            ticket::Entity::update_many()
                .col_expr(ticket::Column::ReplyDueAt, Expr::value(due))
                .filter(ticket::Column::Id.eq(id))
                .build(self.backend),
        );
    }

    /// Makes a ticket the conversation's own, which is about to be live.
    pub(in crate::helpdesk) fn take_up(&mut self, conversation: Conversation, id: Uuid) {
        self.current.insert(conversation, id);
    }

    /// Whether the customer may open one more ticket at the desk today.
    ///
    /// # Errors
    /// [`Error::Limited`] in the desk's words.
    pub(in crate::helpdesk) fn check_opening(&self, desk: &Desk, customer: &BareJid) -> Result<(), Error> {
        let opened = self.opened_lately.get(&(desk.name.clone(), customer.to_string())).copied().unwrap_or_default();
        match desk.limits.new_tickets_per_day {
            Some(limit) if opened >= limit => Err(Error::Limited(desk.texts.too_many_tickets(limit))),
            _ => Ok(()),
        }
    }

    /// Opens a ticket as the live one of its conversation.
    pub(in crate::helpdesk) fn open(&mut self, row: ticket::Model) {
        *self.opened_lately.entry((row.desk.clone(), row.customer.clone())).or_default() += 1;
        self.current.insert((row.desk.clone(), row.customer.clone()), row.id);
        // First in the log; what it says of the ticket follows at the commit.
        let announced = Some(self.events.len());
        self.event("ticket.created", Some(row.id), None, serde_json::Value::Null);
        // Below every real epoch, so that the row counts as new to listeners.
        self.recent.insert(row.id, Vec::new());
        let tracked = Tracked { epoch_before: -1, shown_before: 0, before: None, row, changed: true, announced };
        self.tickets.insert(tracked.row.id, tracked);
    }
}

/// What customers are shown of a ticket that can change. All else of it is none of their business, nor that it has changed.
fn shown(row: &ticket::Model) -> (String, Status, Handler, Priority, DateTime<Utc>) {
    (row.subject.clone(), row.status, row.handler, row.priority, row.last_message_at)
}

/// A fresh ticket in the state in which a customer's first line finds it.
pub(in crate::helpdesk) fn new_ticket(
    id: Uuid,
    desk: &str,
    customer: &str,
    subject: &str,
    now: DateTime<Utc>,
) -> ticket::Model {
    ticket::Model {
        id,
        desk: desk.to_owned(),
        customer: customer.to_owned(),
        customer_resource: None,
        customer_has_chat_states: false,
        subject: subject.to_owned(),
        subject_is_named: false,
        status: Status::Open,
        handler: Handler::Assistant,
        priority: Priority::Normal,
        agent: None,
        epoch: 0,
        version: 1,
        shown_version: 1,
        shown_at: now,
        reply_due_at: None,
        reply_lease_until: None,
        reply_worker: None,
        waiting_since: None,
        hand_off_reason: None,
        short_id: short_id(id),
        snoozed_until: None,
        nudged_at: None,
        claimed_at: None,
        step_at: None,
        episode_from: None,
        episode_summary: None,
        context_summary: None,
        context_summary_upto: None,
        episode_answers: 0,
        nothing_found: 0,
        resolution: None,
        tags: serde_json::Value::Array(Vec::new()),
        room: None,
        notices_until: None,
        notice_due_at: None,
        previous_ticket_id: None,
        created_at: now,
        updated_at: now,
        last_message_at: now,
        resolved_at: None,
        closed_at: None,
    }
}

/// The part of a ticket's id that its own address shows.
fn short_id(id: Uuid) -> String {
    let hex = id.simple().to_string();
    hex[hex.len() - 12..].to_owned()
}
