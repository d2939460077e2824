//! A unit of work: the rows a batch of operations needs, loaded at once; the changes they make, written at once.
//!
//! Operations run on the rows in memory, one after the other, so the second of two lines finds the ticket that
//! the first one opened. An operation checks everything before it changes anything: one that fails leaves the
//! unit as it was, and the rest of the batch commits.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    counter, event, message, presence, subscription,
    ticket::{self, Handler, Priority, Status},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IntoActiveModel,
    Iterable, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Statement,
    sea_query::{Expr, ExprTrait, LockBehavior, LockType, OnConflict},
};
use uuid::Uuid;

use super::lifecycle::is_live;

/// Rows written by one statement: SQLite takes 32,766 parameters, PostgreSQL 65,535.
const ROWS_PER_STATEMENT: usize = 500;

/// Who writes to which desk: desk name and bare JID.
pub(super) type Conversation = (String, String);

/// What a batch needs before it can run.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub tickets: BTreeSet<Uuid>,
    pub conversations: HashSet<Conversation>,
    pub messages: BTreeSet<Uuid>,
    pub stanza_keys: HashSet<String>,
    /// How many due tickets to claim.
    pub due: u64,
    /// Whether to look when the next answer is due.
    pub next_due: bool,
}

/// A message that is already stored under the same stanza key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub ticket: Uuid,
    pub message: Uuid,
}

/// What a commit changed, for those who listen.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// Tickets whose epoch was raised, with the new one: drafts begun before it are void.
    pub epochs: Vec<(Uuid, i64)>,
    /// The earliest time at which one of the changed tickets is owed an answer.
    pub reply_due_at: Option<DateTime<Utc>>,
    /// Whether there is something new to send.
    pub outbox: bool,
    /// The last event's number.
    pub last_seq: Option<i64>,
}

struct Tracked {
    row: ticket::Model,
    epoch_before: i64,
    changed: bool,
    announce: bool,
}

struct PendingEvent {
    kind: &'static str,
    ticket_id: Option<Uuid>,
    message_id: Option<Uuid>,
    data: serde_json::Value,
}

/// The rows and changes of one batch.
pub(super) struct Unit {
    pub now: DateTime<Utc>,
    backend: DbBackend,
    tickets: HashMap<Uuid, Tracked>,
    /// The live ticket of a conversation, else its latest.
    current: HashMap<Conversation, Uuid>,
    loaded_messages: HashMap<Uuid, message::Model>,
    known: HashMap<String, Known>,
    pub due: Vec<Uuid>,
    pub next_due: Option<DateTime<Utc>>,
    new_messages: Vec<message::Model>,
    events: Vec<PendingEvent>,
    /// Index into `events` for each new message, to give it its number.
    message_events: Vec<usize>,
    statements: Vec<Statement>,
    presences: HashMap<String, presence::Model>,
    /// Desk and contact; `None` ends the subscription.
    subscriptions: HashMap<(String, String), Option<subscription::Model>>,
}

/// How long a stanza is remembered: longer than any client or server replays, shorter than it takes a client
/// that counts its ids from one to say the same words under the same id again.
const REMEMBERED: chrono::TimeDelta = chrono::TimeDelta::hours(24);

impl Unit {
    pub(super) async fn load(tx: &DatabaseTransaction, mut needs: Needs, now: DateTime<Utc>) -> Result<Self, DbErr> {
        let backend = sea_orm::ConnectionTrait::get_database_backend(tx);
        let mut unit = Self {
            now,
            backend,
            tickets: HashMap::new(),
            current: HashMap::new(),
            loaded_messages: HashMap::new(),
            known: HashMap::new(),
            due: Vec::new(),
            next_due: None,
            new_messages: Vec::new(),
            events: Vec::new(),
            message_events: Vec::new(),
            statements: Vec::new(),
            presences: HashMap::new(),
            subscriptions: HashMap::new(),
        };
        if !needs.messages.is_empty() {
            let rows = message::Entity::find().filter(message::Column::Id.is_in(needs.messages)).all(tx).await?;
            for row in rows {
                needs.tickets.insert(row.ticket_id);
                unit.loaded_messages.insert(row.id, row);
            }
        }
        if !needs.stanza_keys.is_empty() {
            unit.load_known(tx, needs.stanza_keys).await?;
        }
        if needs.due > 0 {
            let rows = ticket::Entity::find()
                .filter(ticket::Column::ReplyDueAt.lte(now))
                .filter(free_of_lease(now))
                .order_by_asc(ticket::Column::ReplyDueAt)
                .limit(needs.due)
                .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
                .all(tx)
                .await?;
            unit.due = rows.iter().map(|row| row.id).collect();
            rows.into_iter().for_each(|row| unit.track(row));
        }
        if !needs.tickets.is_empty() {
            // In the order of their ids, so that two processes cannot wait for each other.
            let rows = ticket::Entity::find()
                .filter(ticket::Column::Id.is_in(needs.tickets))
                .order_by_asc(ticket::Column::Id)
                .lock_exclusive()
                .all(tx)
                .await?;
            rows.into_iter().for_each(|row| {
                needs.conversations.insert((row.desk.clone(), row.customer.clone()));
                unit.track(row);
            });
        }
        if !needs.conversations.is_empty() {
            unit.load_conversations(tx, &needs.conversations).await?;
        }
        if needs.next_due {
            unit.load_next_due(tx).await?;
        }
        Ok(unit)
    }

    async fn load_known(&mut self, tx: &DatabaseTransaction, keys: HashSet<String>) -> Result<(), DbErr> {
        let rows: Vec<(Option<String>, Option<String>, Uuid, Uuid)> = message::Entity::find()
            .select_only()
            .columns([
                message::Column::SenderKey,
                message::Column::ArchiveKey,
                message::Column::TicketId,
                message::Column::Id,
            ])
            .filter(
                Condition::any()
                    .add(message::Column::SenderKey.is_in(keys.iter().cloned()))
                    .add(message::Column::ArchiveKey.is_in(keys)),
            )
            .into_tuple()
            .all(tx)
            .await?;
        for (sender_key, archive_key, ticket, message) in rows {
            if received_at(message).is_some_and(|at| self.now - at > REMEMBERED) {
                continue;
            }
            for key in [sender_key, archive_key].into_iter().flatten() {
                self.known.insert(key, Known { ticket, message });
            }
        }
        Ok(())
    }

    async fn load_conversations(
        &mut self,
        tx: &DatabaseTransaction,
        conversations: &HashSet<Conversation>,
    ) -> Result<(), DbErr> {
        let customers: BTreeSet<&str> = conversations.iter().map(|(_, customer)| customer.as_str()).collect();
        // Ids and places only: a customer may have years of old tickets.
        let mut rows: Vec<(Uuid, String, String, Status, DateTime<Utc>)> = ticket::Entity::find()
            .select_only()
            .columns([
                ticket::Column::Id,
                ticket::Column::Desk,
                ticket::Column::Customer,
                ticket::Column::Status,
                ticket::Column::LastMessageAt,
            ])
            .filter(ticket::Column::Customer.is_in(customers))
            .into_tuple()
            .all(tx)
            .await?;
        // The live one is the last in this order; where none lives, the latest is.
        rows.sort_by_key(|&(id, .., status, last)| (is_live(status), last, id));
        for (id, desk, customer, ..) in rows {
            let conversation = (desk, customer);
            if conversations.contains(&conversation) {
                self.current.insert(conversation, id);
            }
        }
        let missing: BTreeSet<Uuid> =
            self.current.values().filter(|id| !self.tickets.contains_key(id)).copied().collect();
        if !missing.is_empty() {
            let rows = ticket::Entity::find()
                .filter(ticket::Column::Id.is_in(missing))
                .order_by_asc(ticket::Column::Id)
                .lock_exclusive()
                .all(tx)
                .await?;
            rows.into_iter().for_each(|row| self.track(row));
        }
        Ok(())
    }

    async fn load_next_due(&mut self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        self.next_due = ticket::Entity::find()
            .select_only()
            .column(ticket::Column::ReplyDueAt)
            .filter(ticket::Column::ReplyDueAt.is_not_null())
            .filter(free_of_lease(self.now))
            .filter(ticket::Column::Id.is_not_in(self.due.iter().copied()))
            .order_by_asc(ticket::Column::ReplyDueAt)
            .limit(1)
            .into_tuple::<Option<DateTime<Utc>>>()
            .one(tx)
            .await?
            .flatten();
        Ok(())
    }

    fn track(&mut self, row: ticket::Model) {
        let epoch_before = row.epoch;
        self.tickets.insert(row.id, Tracked { row, epoch_before, changed: false, announce: false });
    }

    pub(super) fn ticket(&self, id: Uuid) -> Option<&ticket::Model> {
        self.tickets.get(&id).map(|tracked| &tracked.row)
    }

    /// The conversation's live ticket, else its latest.
    pub(super) fn current(&self, conversation: &Conversation) -> Option<&ticket::Model> {
        self.current.get(conversation).and_then(|id| self.ticket(*id))
    }

    pub(super) fn message(&self, id: Uuid) -> Option<&message::Model> {
        self.loaded_messages.get(&id)
    }

    pub(super) fn known(&self, key: &str) -> Option<Known> {
        self.known.get(key).copied()
    }

    /// Changes a ticket: raises its version and says so in the event log.
    pub(super) fn change<T>(
        &mut self,
        id: Uuid,
        change: impl FnOnce(&mut ticket::Model, DateTime<Utc>) -> T,
    ) -> Option<T> {
        let now = self.now;
        let tracked = self.tickets.get_mut(&id)?;
        let result = change(&mut tracked.row, now);
        tracked.row.version += 1;
        tracked.row.updated_at = now;
        tracked.changed = true;
        tracked.announce = true;
        Some(result)
    }

    /// Changes what only workers look at: no new version, no event.
    pub(super) fn lease(&mut self, id: Uuid, until: Option<DateTime<Utc>>, worker: Option<Uuid>) {
        if let Some(tracked) = self.tickets.get_mut(&id) {
            tracked.row.reply_lease_until = until;
            tracked.row.reply_worker = worker;
            tracked.changed = true;
        }
    }

    /// Opens a ticket as the live one of its conversation.
    pub(super) fn open(&mut self, row: ticket::Model) {
        self.current.insert((row.desk.clone(), row.customer.clone()), row.id);
        self.event("ticket.created", Some(row.id), None, serde_json::json!({ "desk": row.desk }));
        // Below every real epoch, so that the row counts as new to listeners.
        self.tickets.insert(row.id, Tracked { epoch_before: -1, row, changed: true, announce: true });
    }

    /// Adds a message to a ticket; its number follows from its event.
    pub(super) fn say(&mut self, message: message::Model) {
        for key in [&message.sender_key, &message.archive_key].into_iter().flatten() {
            self.known.insert(key.clone(), Known { ticket: message.ticket_id, message: message.id });
        }
        self.message_events.push(self.events.len());
        let author = sea_orm::ActiveEnum::to_value(&message.author);
        self.event(
            "message.created",
            Some(message.ticket_id),
            Some(message.id),
            serde_json::json!({ "author": author }),
        );
        self.new_messages.push(message);
    }

    pub(super) fn event(
        &mut self,
        kind: &'static str,
        ticket_id: Option<Uuid>,
        message_id: Option<Uuid>,
        data: serde_json::Value,
    ) {
        self.events.push(PendingEvent { kind, ticket_id, message_id, data });
    }

    /// Runs a statement after the rows are written.
    pub(super) fn run(&mut self, statement: &impl QueryTrait) {
        self.statements.push(statement.build(self.backend));
    }

    pub(super) fn set_presence(&mut self, row: presence::Model) {
        self.presences.insert(row.jid.clone(), row);
    }

    /// The last word of a batch counts.
    pub(super) fn set_subscription(&mut self, desk: &str, jid: String, subscribed: bool) {
        let row =
            subscribed.then(|| subscription::Model { desk: desk.to_owned(), jid: jid.clone(), created_at: self.now });
        self.subscriptions.insert((desk.to_owned(), jid), row);
    }

    /// Writes everything and commits.
    pub(super) async fn commit(mut self, tx: DatabaseTransaction) -> Result<Committed, DbErr> {
        let mut committed = Committed { outbox: self.new_messages.iter().any(|m| m.outbound), ..Committed::default() };
        self.announce_tickets(&mut committed);
        self.write_tickets(&tx).await?;
        self.write_events(&tx, &mut committed).await?;
        for chunk in self.new_messages.chunks(ROWS_PER_STATEMENT) {
            let rows = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
            message::Entity::insert_many(rows).exec_without_returning(&tx).await?;
        }
        self.write_presence(&tx).await?;
        for statement in std::mem::take(&mut self.statements) {
            sea_orm::ConnectionTrait::execute_raw(&tx, statement).await?;
        }
        tx.commit().await?;
        Ok(committed)
    }

    fn announce_tickets(&mut self, committed: &mut Committed) {
        let mut events = Vec::new();
        for tracked in self.tickets.values().filter(|tracked| tracked.changed) {
            let row = &tracked.row;
            if row.epoch != tracked.epoch_before {
                committed.epochs.push((row.id, row.epoch));
            }
            if row.reply_lease_until.is_none()
                && let Some(at) = row.reply_due_at
            {
                committed.reply_due_at = Some(committed.reply_due_at.map_or(at, |earlier| Ord::min(earlier, at)));
            }
            if tracked.announce {
                let data = serde_json::json!({
                    "status": sea_orm::ActiveEnum::to_value(&row.status),
                    "handler": sea_orm::ActiveEnum::to_value(&row.handler),
                    "priority": sea_orm::ActiveEnum::to_value(&row.priority),
                    "version": row.version,
                });
                events.push((row.id, data));
            }
        }
        for (id, data) in events {
            self.event("ticket.updated", Some(id), None, data);
        }
    }

    async fn write_tickets(&self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let changed: Vec<_> = self.tickets.values().filter(|t| t.changed).map(|t| t.row.clone()).collect();
        for chunk in changed.chunks(ROWS_PER_STATEMENT) {
            let rows = chunk.iter().cloned().map(|row| row.into_active_model().reset_all());
            let every_column_but_id = ticket::Column::iter().filter(|column| !matches!(column, ticket::Column::Id));
            ticket::Entity::insert_many(rows)
                .on_conflict(OnConflict::column(ticket::Column::Id).update_columns(every_column_but_id).to_owned())
                .exec_without_returning(tx)
                .await?;
        }
        Ok(())
    }

    /// Numbers the events. The counter's row stays locked until the commit, so numbers are in commit order.
    async fn write_events(&mut self, tx: &DatabaseTransaction, committed: &mut Committed) -> Result<(), DbErr> {
        if self.events.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(self.events.len()).unwrap_or(i64::MAX);
        let last = counter::Entity::update_many()
            .col_expr(counter::Column::Value, Expr::col(counter::Column::Value).add(count))
            .filter(counter::Column::Name.eq("event"))
            .exec_with_returning(tx)
            .await?
            .first()
            .map(|row| row.value)
            .ok_or_else(|| DbErr::RecordNotFound("the counter 'event' is missing".to_owned()))?;
        let first = last - count + 1;
        for (message, index) in self.new_messages.iter_mut().zip(&self.message_events) {
            message.seq = first + i64::try_from(*index).unwrap_or(i64::MAX);
        }
        let now = self.now;
        let rows: Vec<event::ActiveModel> = (first..)
            .zip(self.events.drain(..))
            .map(|(seq, pending)| {
                event::Model {
                    seq,
                    kind: pending.kind.to_owned(),
                    ticket_id: pending.ticket_id,
                    message_id: pending.message_id,
                    data: pending.data,
                    created_at: now,
                }
                .into_active_model()
            })
            .collect();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            event::Entity::insert_many(chunk.to_vec()).exec_without_returning(tx).await?;
        }
        committed.last_seq = Some(last);
        Ok(())
    }

    async fn write_presence(&mut self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let rows: Vec<_> = self.presences.drain().map(|(_, row)| row.into_active_model()).collect();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            presence::Entity::insert_many(chunk.to_vec())
                .on_conflict(
                    OnConflict::column(presence::Column::Jid)
                        .update_columns(presence::Column::iter().filter(|c| !matches!(c, presence::Column::Jid)))
                        .to_owned(),
                )
                .exec_without_returning(tx)
                .await?;
        }
        let mut begun = Vec::new();
        for ((desk, jid), row) in self.subscriptions.drain() {
            match row {
                Some(row) => begun.push(row.into_active_model()),
                None => {
                    subscription::Entity::delete_by_id((desk, jid)).exec(tx).await?;
                }
            }
        }
        if !begun.is_empty() {
            let key = [subscription::Column::Desk, subscription::Column::Jid];
            subscription::Entity::insert_many(begun)
                .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
                .exec_without_returning(tx)
                .await?;
        }
        Ok(())
    }
}

/// When a message with this UUIDv7 was received.
fn received_at(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

fn free_of_lease(now: DateTime<Utc>) -> Condition {
    Condition::any().add(ticket::Column::ReplyLeaseUntil.is_null()).add(ticket::Column::ReplyLeaseUntil.lt(now))
}

/// A fresh ticket in the state in which a customer's first line finds it.
pub(super) fn new_ticket(id: Uuid, desk: &str, customer: &str, subject: &str, now: DateTime<Utc>) -> ticket::Model {
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
        reply_due_at: None,
        reply_lease_until: None,
        reply_worker: None,
        waiting_since: None,
        hand_off_reason: None,
        previous_ticket_id: None,
        created_at: now,
        updated_at: now,
        last_message_at: now,
        resolved_at: None,
        closed_at: None,
    }
}
