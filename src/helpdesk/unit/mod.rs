//! A unit of work: the rows a batch of operations needs, loaded at once; the changes they make, written at once.
//!
//! Operations run on the rows in memory, one after the other, so the second of two lines finds the ticket that
//! the first one opened. An operation checks everything before it changes anything: one that fails leaves the
//! unit as it was, and the rest of the batch commits.

mod commit;
mod forget;
mod learning;
mod load;
mod recent;
mod usage;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    attachment, llm_call, message, notice, presence, proposal, subscription,
    ticket::{self, Handler, Priority, Status},
};
use jid::BareJid;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter, QueryTrait, Statement,
    sea_query::Expr,
};
use uuid::Uuid;

use super::{Agent, Desk, Error, agents, lifecycle, texts::Wait, ticket_node, usage::Sums};

/// Who writes to which desk: desk name and bare JID.
pub(super) type Conversation = (String, String);

/// What a batch needs before it can run.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub tickets: BTreeSet<Uuid>,
    /// Tickets whose conversation's live ticket matters, too, because it may be another one.
    pub with_siblings: BTreeSet<Uuid>,
    pub conversations: HashSet<Conversation>,
    pub messages: BTreeSet<Uuid>,
    /// Of these messages' conversations the live ticket matters, too, because it may be another one.
    pub messages_with_siblings: BTreeSet<Uuid>,
    /// Conversations whose recent messages matter, without their texts.
    pub recent: HashSet<Conversation>,
    pub stanza_keys: HashSet<String>,
    /// How many due tickets to claim; with it comes the time when the next one is due.
    pub due: u64,
    /// Due tickets that their claimant is at already, on this epoch.
    pub running: HashMap<Uuid, i64>,
    /// Agents, and how many tickets wait at each desk. Loaded anyway where people have a ticket.
    pub people: bool,
    /// How many tickets that time has something to do to.
    pub steps: u64,
    /// Customers of whom everything goes.
    pub erased: BTreeSet<String>,
    pub proposals: BTreeSet<Uuid>,
}

/// What there is of a customer who is to be erased.
#[derive(Debug, Default)]
pub(super) struct Traces {
    pub tickets: Vec<Uuid>,
    pub attachments: Vec<Uuid>,
    /// Desks whose presence the customer sees.
    pub subscribed: Vec<String>,
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
    /// Whether there are files to fetch.
    pub files: bool,
    /// Whether files may have lost their message.
    pub files_gone: bool,
    /// Desks whose people on duty may have changed.
    pub duty: bool,
    /// Whether something was asked of the copilot, or answered.
    pub copilot: bool,
    /// Whether there is something to learn, or something learned was decided or written down.
    pub learning: bool,
    /// Whether a ticket with a room has changed, or one that may have had one is gone.
    pub rooms: bool,
    /// The last event's number.
    pub last_seq: Option<i64>,
}

struct Tracked {
    row: ticket::Model,
    epoch_before: i64,
    changed: bool,
    /// The place of its `ticket.created` event, if it was opened here.
    announced: Option<usize>,
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
    desks: Arc<[Arc<Desk>]>,
    tickets: HashMap<Uuid, Tracked>,
    /// The live ticket of a conversation, else its latest.
    current: HashMap<Conversation, Uuid>,
    /// How many tickets a conversation has had in the last 24 hours.
    opened_lately: HashMap<Conversation, u32>,
    loaded_messages: HashMap<Uuid, message::Model>,
    /// In their order, where they were asked for.
    recent: HashMap<Uuid, Vec<recent::Said>>,
    known: HashMap<String, Known>,
    pub due: Vec<Uuid>,
    pub next_due: Option<DateTime<Utc>>,
    /// Tickets that time has something to do to, oldest first.
    pub steps: Vec<Uuid>,
    pub agents: Vec<Agent>,
    /// How many tickets wait for a person, by desk.
    waiting: HashMap<String, u64>,
    new_messages: Vec<message::Model>,
    events: Vec<PendingEvent>,
    /// Index into `events` for each new message, to give it its number.
    message_events: Vec<usize>,
    /// Run before the rows are written: a line of the same batch takes a lease away again, and a customer who was erased
    /// may come back in it.
    first: Vec<Statement>,
    /// Run after the rows are written.
    statements: Vec<Statement>,
    /// The earliest time to which an answer was moved.
    moved_due: Option<DateTime<Utc>>,
    presences: HashMap<String, presence::Model>,
    /// Desk and contact; `None` ends the subscription.
    subscriptions: HashMap<(String, String), Option<subscription::Model>>,
    notices: Vec<notice::Model>,
    attachments: Vec<attachment::Model>,
    calls: Vec<llm_call::Model>,
    tokens: Sums,
    pub files_gone: bool,
    /// Of customers who are to be erased, by their bare JIDs.
    traces: HashMap<String, Traces>,
    /// Tickets that were erased: whatever is drafted for them is void.
    erased: Vec<Uuid>,
    /// Whether people on duty may have changed.
    pub duty_changed: bool,
    proposals: HashMap<Uuid, proposal::Model>,
    /// As in [`Committed`].
    pub copilot: bool,
    /// As in [`Committed`].
    pub learning: bool,
}

impl Unit {
    pub(super) async fn load(
        tx: &DatabaseTransaction,
        needs: Needs,
        now: DateTime<Utc>,
        desks: Arc<[Arc<Desk>]>,
    ) -> Result<Self, DbErr> {
        let backend = sea_orm::ConnectionTrait::get_database_backend(tx);
        let mut unit = Self {
            now,
            backend,
            desks,
            tickets: HashMap::new(),
            current: HashMap::new(),
            opened_lately: HashMap::new(),
            loaded_messages: HashMap::new(),
            recent: HashMap::new(),
            known: HashMap::new(),
            due: Vec::new(),
            next_due: None,
            steps: Vec::new(),
            agents: Vec::new(),
            waiting: HashMap::new(),
            new_messages: Vec::new(),
            events: Vec::new(),
            message_events: Vec::new(),
            first: Vec::new(),
            statements: Vec::new(),
            moved_due: None,
            presences: HashMap::new(),
            subscriptions: HashMap::new(),
            notices: Vec::new(),
            attachments: Vec::new(),
            calls: Vec::new(),
            tokens: Sums::new(),
            files_gone: false,
            traces: HashMap::new(),
            erased: Vec::new(),
            duty_changed: false,
            proposals: HashMap::new(),
            copilot: false,
            learning: false,
        };
        unit.fill(tx, needs).await?;
        Ok(unit)
    }

    fn track(&mut self, row: ticket::Model) {
        let epoch_before = row.epoch;
        self.tickets.insert(row.id, Tracked { row, epoch_before, changed: false, announced: None });
    }

    pub(super) fn ticket(&self, id: Uuid) -> Option<&ticket::Model> {
        self.tickets.get(&id).map(|tracked| &tracked.row)
    }

    /// The conversation's live ticket, else its latest.
    pub(super) fn current(&self, conversation: &Conversation) -> Option<&ticket::Model> {
        self.current.get(conversation).and_then(|id| self.ticket(*id))
    }

    /// The conversation's live ticket, if it is another one than `row`. Needs the ticket's siblings.
    pub(super) fn other_live(&self, row: &ticket::Model) -> Option<&ticket::Model> {
        let current = self.current(&(row.desk.clone(), row.customer.clone()));
        current.filter(|other| other.id != row.id && lifecycle::is_live(other.status))
    }

    /// A conversation has one live ticket: no other may become it.
    ///
    /// # Errors
    /// [`Error::Conflict`] names the live one.
    pub(super) fn check_no_other(&self, row: &ticket::Model) -> Result<(), Error> {
        match self.other_live(row) {
            Some(other) => Err(Error::Conflict(format!("the conversation goes on in ticket {}", other.id))),
            None => Ok(()),
        }
    }

    /// The agent with this id. Needs `people`, as everything about agents does.
    pub(super) fn agent(&self, id: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.id == id)
    }

    /// The agent who has the ticket.
    pub(super) fn holder(&self, row: &ticket::Model) -> Option<&Agent> {
        row.agent.as_deref().filter(|_| row.handler == Handler::Agent).and_then(|id| self.agent(id))
    }

    pub(super) fn message(&self, id: Uuid) -> Option<&message::Model> {
        self.loaded_messages.get(&id)
    }

    pub(super) fn known(&self, key: &str) -> Option<Known> {
        self.known.get(key).copied()
    }

    /// The desk, or one with the default rules where it is gone from the configuration.
    pub(super) fn desk(&self, name: &str) -> Arc<Desk> {
        let known = self.desks.iter().find(|desk| desk.name == name);
        known.cloned().unwrap_or_else(|| Arc::new(Desk::new(name, name)))
    }

    /// What a customer who waits behind `ahead` others can be told. Needs `people`.
    pub(super) fn wait<'a>(&self, desk: &'a Desk, ahead: u64) -> Wait<'a> {
        // Of a desk whose people use nothing but REST, nobody knows who is there.
        let on_duty = agents::on_duty(&self.agents, &desk.name).unwrap_or(true);
        Wait { ahead: Some(ahead), hours: &desk.hours, now: self.now, on_duty }
    }

    /// How many tickets wait for a person at a desk.
    pub(super) fn waiting(&self, desk: &str) -> u64 {
        self.waiting.get(desk).copied().unwrap_or_default()
    }

    /// The desks of an agent where somebody waits, and how many do.
    pub(super) fn waiting_at(&self, agent: &Agent) -> Vec<(String, u64)> {
        let served = self.waiting.iter().filter(|(desk, waiting)| **waiting > 0 && agent.serves(desk));
        let mut served: Vec<_> = served.map(|(desk, waiting)| (desk.clone(), *waiting)).collect();
        served.sort_unstable();
        served
    }

    /// One more waits, or one less.
    fn count_waiting(&mut self, desk: &str, joins: bool) {
        let waiting = self.waiting.entry(desk.to_owned()).or_default();
        *waiting = if joins { *waiting + 1 } else { waiting.saturating_sub(1) };
    }

    /// Queues a message to an agent.
    pub(super) fn tell(&mut self, recipient: &BareJid, ticket: Uuid, message: Option<Uuid>, body: String) {
        let Some(row) = self.ticket(ticket) else { return };
        let sender = ticket_node(&row.short_id);
        self.notify(sender, recipient, Some(ticket), message, body);
    }

    /// Queues a message to an agent from a localpart of ours.
    pub(super) fn notify(
        &mut self,
        sender: String,
        recipient: &BareJid,
        ticket_id: Option<Uuid>,
        message_id: Option<Uuid>,
        body: String,
    ) {
        self.notices.push(notice::Model {
            id: Uuid::now_v7(),
            seq: 0,
            ticket_id,
            message_id,
            sender,
            recipient: recipient.to_string(),
            body,
            created_at: self.now,
            sent_at: None,
        });
    }

    /// Changes a ticket: raises its version and says so in the event log.
    pub(super) fn change(&mut self, id: Uuid, change: impl FnOnce(&mut ticket::Model, DateTime<Utc>)) {
        let now = self.now;
        let Some(tracked) = self.tickets.get_mut(&id) else { return };
        let before = tracked.row.status;
        change(&mut tracked.row, now);
        tracked.row.version += 1;
        tracked.row.updated_at = now;
        tracked.changed = true;
        let (after, desk) = (tracked.row.status, tracked.row.desk.clone());
        if (after == Status::Escalated) != (before == Status::Escalated) {
            self.count_waiting(&desk, after == Status::Escalated);
        }
        if after == Status::Resolved && before != Status::Resolved {
            self.learn_from(id, &desk);
        }
        self.reschedule(id);
    }

    /// Notes when time will have something to do to a ticket.
    pub(super) fn reschedule(&mut self, id: Uuid) {
        let Some(desk) = self.ticket(id).map(|row| self.desk(&row.desk)) else { return };
        let Some(tracked) = self.tickets.get_mut(&id) else { return };
        tracked.row.step_at = lifecycle::next_step(&tracked.row, &desk.rules).map(|(_, at)| at);
        tracked.changed = true;
    }

    /// Changes what only workers look at: no new version, no event, and no other column is written.
    pub(super) fn lease(&mut self, ids: &[Uuid], until: DateTime<Utc>, worker: Uuid) {
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
    pub(super) fn move_due(&mut self, id: Uuid, due: DateTime<Utc>) {
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
    pub(super) fn take_up(&mut self, conversation: Conversation, id: Uuid) {
        self.current.insert(conversation, id);
    }

    /// Whether the customer may open one more ticket at the desk today.
    ///
    /// # Errors
    /// [`Error::Limited`] in the desk's words.
    pub(super) fn check_opening(&self, desk: &Desk, customer: &BareJid) -> Result<(), Error> {
        let opened = self.opened_lately.get(&(desk.name.clone(), customer.to_string())).copied().unwrap_or_default();
        match desk.limits.new_tickets_per_day {
            Some(limit) if opened >= limit => Err(Error::Limited(desk.texts.too_many_tickets(limit))),
            _ => Ok(()),
        }
    }

    /// Opens a ticket as the live one of its conversation.
    pub(super) fn open(&mut self, row: ticket::Model) {
        *self.opened_lately.entry((row.desk.clone(), row.customer.clone())).or_default() += 1;
        self.current.insert((row.desk.clone(), row.customer.clone()), row.id);
        // First in the log; what it says of the ticket follows at the commit.
        let announced = Some(self.events.len());
        self.event("ticket.created", Some(row.id), None, serde_json::Value::Null);
        // Below every real epoch, so that the row counts as new to listeners.
        self.recent.insert(row.id, Vec::new());
        self.tickets.insert(row.id, Tracked { epoch_before: -1, row, changed: true, announced });
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
        if let Some(recent) = self.recent.get_mut(&message.ticket_id) {
            recent.push(recent::Said::of(&message));
        }
        self.new_messages.push(message);
    }

    /// Adds a file to a message.
    pub(super) fn attach(&mut self, file: attachment::Model) {
        self.attachments.push(file);
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

    /// Runs a statement before the rows are written.
    pub(super) fn run_first(&mut self, statement: &impl QueryTrait) {
        self.first.push(statement.build(self.backend));
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
