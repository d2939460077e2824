//! A unit of work: the rows a batch of operations needs, loaded at once; the changes they make, written at once.
//!
//! Operations run on the rows in memory, one after the other, so the second of two lines finds the ticket that
//! the first one opened. An operation checks everything before it changes anything: one that fails leaves the
//! unit as it was, and the rest of the batch commits.

mod appearances;
mod commit;
mod feed;
mod forget;
mod heard;
mod learning;
mod load;
mod needs;
mod people;
mod recent;
mod tickets;
mod usage;
mod waiting;
mod webhooks;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use deskbridge_entity::{attachment, audit, hint, llm_call, message, notice, presence, proposal, subscription, ticket};
use sea_orm::{DatabaseTransaction, DbBackend, DbErr, QueryTrait, Statement};
use uuid::Uuid;

use super::{
    Agent, ClientId, Desk, Error,
    audit::{Deed, Way},
    counts::Written,
    footprint::{self, Footprint},
    happening::Standing,
    usage::Sums,
};

pub(super) use {
    load::REMEMBERED,
    needs::{Conversation, Needs, Within},
    tickets::new_ticket,
    webhooks::{Subscriber, Subscribers, new_delivery},
};

/// What there is of a customer who is to be erased.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// With their desks.
    pub tickets: Vec<(Uuid, String)>,
    pub attachments: Vec<Uuid>,
    /// Desks whose presence the customer sees.
    pub subscribed: Vec<String>,
    /// All of it, counted.
    pub footprint: Footprint,
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
    /// Bare JIDs whose presence was told.
    pub presences: Vec<String>,
    /// Whether something was asked of the copilot, or answered.
    pub copilot: bool,
    /// Whether there is something to learn, or something learned was decided or written down.
    pub learning: bool,
    /// Whether a ticket with a room has changed, or one that may have had one is gone.
    pub rooms: bool,
    /// Whether there is something to deliver to webhooks.
    pub webhooks: bool,
    /// The last event's number.
    pub last_seq: Option<i64>,
    /// The new messages.
    pub(super) written: Written,
}

struct Tracked {
    row: ticket::Model,
    epoch_before: i64,
    /// What customers knew it by.
    shown_before: i64,
    /// Where it stood before this batch; `None` if it was opened here.
    before: Option<Standing>,
    changed: bool,
    /// The place of its `ticket.created` event, if it was opened here.
    announced: Option<usize>,
}

struct PendingEvent {
    kind: &'static str,
    ticket_id: Option<Uuid>,
    message_id: Option<Uuid>,
    data: serde_json::Value,
    /// What webhooks are told that it is; empty is its kind.
    told_as: Vec<&'static str>,
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
    /// Until when notices count of what was erased of a conversation.
    told_before_erasing: HashMap<Conversation, DateTime<Utc>>,
    loaded_messages: HashMap<Uuid, message::Model>,
    /// In their order, where they were asked for.
    recent: HashMap<Uuid, Vec<recent::Said>>,
    known: HashMap<String, Known>,
    /// Messages by their ticket and what their writers know them by.
    written: HashMap<(Uuid, String), message::Model>,
    /// Keys of stanzas whose commands were carried out.
    heard: HashSet<String>,
    pub due: Vec<Uuid>,
    pub next_due: Option<DateTime<Utc>>,
    /// Tickets that time has something to do to, oldest first.
    pub steps: Vec<Uuid>,
    pub agents: Vec<Agent>,
    waiting: waiting::Waiting,
    /// The first tickets that wait for each agent who comes, by the agent's id.
    queues: HashMap<String, Vec<ticket::Model>>,
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
    /// Who was told what is said once; with a row where that is new.
    hints: HashMap<Conversation, Option<hint::Model>>,
    calls: Vec<llm_call::Model>,
    tokens: Sums,
    /// What the staff did.
    deeds: Vec<audit::Model>,
    pub files_gone: bool,
    /// Of customers who are to be erased, by their bare JIDs.
    traces: HashMap<String, Traces>,
    /// Tickets that were erased: whatever is drafted for them is void.
    erased: Vec<Uuid>,
    /// Whether people on duty may have changed.
    pub duty_changed: bool,
    proposals: HashMap<Uuid, proposal::Model>,
    /// What the XMPP server tells of its rooms.
    pub feed: feed::Feed,
    /// Webhooks and deliveries.
    pub hooks: webhooks::Hooks,
    /// What somebody shows, as others are told of it.
    pub appearances: appearances::Appearances,
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
            told_before_erasing: HashMap::new(),
            loaded_messages: HashMap::new(),
            recent: HashMap::new(),
            known: HashMap::new(),
            written: HashMap::new(),
            heard: HashSet::new(),
            due: Vec::new(),
            next_due: None,
            steps: Vec::new(),
            agents: Vec::new(),
            waiting: waiting::Waiting::default(),
            queues: HashMap::new(),
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
            hints: HashMap::new(),
            calls: Vec::new(),
            tokens: Sums::new(),
            deeds: Vec::new(),
            files_gone: false,
            traces: HashMap::new(),
            erased: Vec::new(),
            duty_changed: false,
            proposals: HashMap::new(),
            feed: feed::Feed::default(),
            hooks: webhooks::Hooks::default(),
            appearances: appearances::Appearances::default(),
            copilot: false,
            learning: false,
        };
        unit.fill(tx, needs).await?;
        Ok(unit)
    }

    pub(super) fn message(&self, id: Uuid) -> Option<&message::Model> {
        self.loaded_messages.get(&id)
    }

    pub(super) fn known(&self, key: &str) -> Option<Known> {
        self.known.get(key).copied()
    }

    /// The message of a ticket that its writer knows by this.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it says something else than `body`.
    pub(super) fn written(
        &self,
        ticket: Uuid,
        by: Option<&ClientId>,
        body: &str,
    ) -> Result<Option<&message::Model>, Error> {
        let Some(by) = by else { return Ok(None) };
        let Some(known) = self.written.get(&(ticket, by.key.clone())) else { return Ok(None) };
        if known.body != body {
            return Err(Error::invalid("client_message_id", "is that of another message in this ticket"));
        }
        Ok(Some(known))
    }

    /// The desk, or one with the default rules where it is gone from the configuration.
    pub(super) fn desk(&self, name: &str) -> Arc<Desk> {
        let known = self.desks.iter().find(|desk| desk.name == name);
        known.cloned().unwrap_or_else(|| Arc::new(Desk::new(name, name)))
    }

    /// Adds a message to a ticket; its number follows from its event.
    pub(super) fn say(&mut self, message: message::Model) {
        for key in [&message.sender_key, &message.archive_key].into_iter().flatten() {
            self.known.insert(key.clone(), Known { ticket: message.ticket_id, message: message.id });
        }
        if let Some(key) = &message.client_key {
            self.written.insert((message.ticket_id, key.clone()), message.clone());
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
        self.events.push(PendingEvent { kind, ticket_id, message_id, data, told_as: Vec::new() });
    }

    /// Notes what somebody did, with the desk of its ticket.
    pub(super) fn note(&mut self, mut deed: Deed, way: &Way) {
        let of_ticket = || deed.ticket.and_then(|id| self.ticket(id)).map(|row| row.desk.clone());
        deed.desk = deed.desk.take().or_else(of_ticket);
        self.deeds.push(deed.row(self.now, way));
    }

    /// Whether this batch adds the message.
    pub(super) fn adds(&self, message: Uuid) -> bool {
        self.new_messages.iter().any(|new| new.id == message)
    }

    /// Runs a statement after the rows are written.
    pub(super) fn run(&mut self, statement: &impl QueryTrait) {
        self.statements.push(statement.build(self.backend));
    }

    /// Runs a statement before the rows are written.
    pub(super) fn run_first(&mut self, statement: &impl QueryTrait) {
        self.first.push(statement.build(self.backend));
    }

    /// Takes everything of a customer out of the tables, before the rows of this batch are written: what comes behind is of
    /// somebody we have never heard of.
    pub(super) fn remove_all_of(&mut self, customer: &str, is_agent: bool) {
        self.first.extend(footprint::removal(self.backend, customer, is_agent));
    }

    /// Takes everything in these tickets out of the tables, but for the tickets themselves.
    pub(super) fn remove_all_in(&mut self, tickets: &[Uuid]) {
        self.first.extend(footprint::removal_in(self.backend, tickets));
    }

    pub(super) fn set_presence(&mut self, row: presence::Model) {
        self.presences.insert(row.jid.clone(), row);
    }

    /// Whether the contact is told for the first time what is said once.
    pub(super) fn hint(&mut self, conversation: &Conversation) -> bool {
        if self.hints.contains_key(conversation) {
            return false;
        }
        let (desk, jid) = conversation.clone();
        let row = hint::Model { desk, jid, created_at: self.now };
        self.hints.insert(conversation.clone(), Some(row));
        true
    }

    /// The last word of a batch counts.
    pub(super) fn set_subscription(&mut self, desk: &str, jid: String, subscribed: bool) {
        let row =
            subscribed.then(|| subscription::Model { desk: desk.to_owned(), jid: jid.clone(), created_at: self.now });
        self.subscriptions.insert((desk.to_owned(), jid), row);
    }
}
