//! The domain: tickets, messages, outbox, event log, and the rules between them. The only writer of tickets.
//!
//! Every change is an operation (`operation`) that the `writer` applies to a `unit` of loaded rows and commits
//! together with whatever else has queued. The rules themselves are pure (`lifecycle`). Reads are named queries
//! (`query`), scoped by the [`Caller`]. What others may ask of a [`Helpdesk`] stands in `conversation` (people),
//! `afterthought` (corrections and the like), `typing`, `answering` and `usage` (the assistant), `copilot` (the assistant for agents), `learning`
//! (from agents), `attachments` (files), `link` (XMPP), `presence` (REST; `appearance` is what of it is told), `feed` (what the XMPP server tells of its
//! rooms), `webhooks` (admins) and `deliveries` (what webhooks are told; `happening` names it), `measure` (metrics),
//! `api_keys` (the keys of programs, which are no part of the tickets), `own`, `redaction`, `retention` and `footprint` (where a
//! customer is, and how it goes), and `audit` (what the staff did). `desk` and `line` are what they say.

mod afterthought;
mod agents;
mod answering;
mod api_keys;
mod appearance;
mod attachments;
mod audit;
mod avatar;
mod caller;
mod clock;
mod conversation;
mod copilot;
mod counts;
mod deliveries;
mod desk;
mod error;
mod feed;
mod footprint;
pub mod happening;
pub mod hours;
mod learning;
pub mod lifecycle;
pub mod lifecycle_feedback;
mod line;
mod link;
mod measure;
mod once;
mod operation;
mod overview;
mod own;
pub mod phrases;
mod presence;
mod query;
mod redaction;
mod repeated;
mod retention;
mod rooms;
mod shown;
mod staff;
mod store;
pub mod texts;
pub mod typing;
mod unit;
mod usage;
mod webhooks;
mod writer;

use std::sync::Arc;

use deskbridge_entity::{message::Author, ticket};
use jid::{BareJid, Jid};
use tokio::sync::broadcast;
use uuid::Uuid;

pub use agents::{Agent, NewAgent};
pub use answering::{Claimed, Due};
pub use api_keys::{ApiKey, ApiKeys, Ended, Key, MOST_KEYS, NewApiKey, PREFIX};
pub use appearance::{Appearance, Teller, Who, main_row};
pub use attachments::{Fetched, PendingFile};
pub use audit::Way;
pub use avatar::{Avatar, AvatarError};
pub use caller::{Caller, Role, SCOPE_METRICS, SCOPE_READ, SCOPE_ROOMS, SCOPE_WRITE, SCOPES};
pub use clock::Clock;
pub use conversation::Conversation;
pub use copilot::{Aid, Made, Request, Said};
pub use counts::{Counts, Direction};
pub use deliveries::{DueDelivery, Made as MadeBody, Occurrence, Tried, Verdict};
pub use desk::{Desk, DeskAgent, Limits};
pub use error::Error;
pub use feed::{Came, Left, OccupantFilter, RoomEnded, RoomFilter, RoomMade, Told, Turned};
pub use footprint::{DeskPart, Export, Footprint};
pub use hours::Hours;
pub use learning::{Edits, Learned, Lesson, Work};
pub use lifecycle::Rules;
pub use lifecycle_feedback::Pace;
pub use line::{Line, Received, Stored};
pub use measure::{Backlog, Measured};
pub use once::Origin;
pub use operation::{
    answer::{Condensed, Drafted, Fate, Outcome, Retrieval, Triage},
    customer::Reopened,
    delivery::Report,
    hand_off::{Asked, HandOff, Words},
    presence::Presence,
    reply::AgentStanza,
    room::{Heard, RoomLine},
    sweep::Swept,
};
pub use overview::{DeskInside, DeskState, Queued};
pub use own::{Erased, Standing};
pub use query::{
    AuditFilter, Changes, Cursor, DeliveryFilter, Filter, Mark, Outgoing, Page, Reach, Replied, Usage, Utterance,
    shown_place,
};
pub use repeated::{ClientId, hash_of};
pub use retention::Retention;
pub use rooms::keeps_room;
pub use shown::{is_line_break, shown};
pub use store::Store;
pub use texts::Texts;
pub use unit::Committed;
pub use usage::{Budget, Call};
pub use webhooks::{Change as WebhookChange, LONGEST_OVERLAP, NewWebhook, SECRET_PREFIX};

use writer::{Place, Writer};

/// The longest message, in bytes of UTF-8.
pub const MAX_BODY: usize = 64 * 1024;

/// The longest JID of a customer, in bytes. RFC 7622 allows 2,047 for a bare one; indexes do not hold that, and no
/// person has one.
pub const MAX_JID: usize = 1023;

/// The domain. Clones share everything.
#[derive(Clone, Debug)]
pub struct Helpdesk {
    store: Store,
    clock: Clock,
    writer: Writer,
    domain: Arc<str>,
    desks: Arc<[Arc<Desk>]>,
    commits: broadcast::Sender<Arc<Committed>>,
    signals: broadcast::Sender<Signal>,
    counts: Arc<Counts>,
    retention: Retention,
}

/// What is worth telling but not storing.
#[derive(Clone, Debug)]
pub enum Signal {
    /// The desk has begun to work on an answer, or has dropped it.
    Typing {
        /// The desk's name.
        desk: String,
        /// Where the customer wrote from last.
        to: Jid,
        /// Begun, or dropped.
        typing: bool,
    },
    /// Somebody writes in a ticket, or has stopped, for those who watch it. What is written ends it, too.
    Writes {
        /// The ticket.
        ticket: Uuid,
        /// Who may know of it.
        reach: Reach,
        /// Who writes.
        author: Author,
        /// Begun, or stopped.
        typing: bool,
    },
    /// How far a draft of the assistant's is, for the staff who watch the ticket.
    Drafts {
        /// The ticket.
        ticket: Uuid,
        /// Who may know of it: not the customer, since nobody has checked it yet.
        reach: Reach,
        /// How far it is.
        stage: Stage,
    },
    /// The customer types, or has stopped, for the agent who has the ticket.
    CustomerTypes {
        /// The ticket.
        ticket: Arc<ticket::Model>,
        /// The agent's address.
        agent: BareJid,
        /// Begun, or stopped.
        typing: bool,
    },
    /// These show something else, for those whom it concerns: all that one commit tells, as there may be many.
    Appears(Arc<[Appearance]>),
    /// The desk has begun to read what a customer wrote, up to this message (XEP-0333).
    Reading {
        /// The desk's name.
        desk: String,
        /// Where the customer wrote from last.
        to: Jid,
        /// The id that the customer's client gave the message.
        stanza_id: String,
    },
    /// What a desk shows to its subscribers has changed.
    DeskPresence {
        /// The desk's name.
        desk: String,
    },
    /// A contact sees a desk's presence no longer, by nobody's stanza: it has to be told.
    Forgotten {
        /// The desk's name.
        desk: String,
        /// Who.
        contact: BareJid,
    },
}

/// How far a draft is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The assistant has taken the ticket up.
    Begun,
    /// It looks into the knowledge.
    Searching {
        /// The words that it looks by.
        query: String,
    },
    /// The model writes.
    Writing {
        /// All of the reply so far; the next one may be shorter, as when it is made anew.
        text: String,
    },
    /// Nothing more comes. What became of it stands in the log.
    Ended,
}

/// Commits that a slow listener may lag behind before it is told to look at the tables.
const COMMITS_KEPT: usize = 1024;

impl Helpdesk {
    /// The domain on a database, with the desks at `domain`, and the task that does its writing; it ends when
    /// the last clone is gone.
    pub fn new(
        store: Store,
        clock: Clock,
        domain: &str,
        desks: Vec<Desk>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (commits, _) = broadcast::channel(COMMITS_KEPT);
        let (signals, _) = broadcast::channel(COMMITS_KEPT);
        let desks: Arc<[Arc<Desk>]> = desks.into_iter().map(Arc::new).collect();
        let counts = Arc::new(Counts::default());
        let place = Place {
            store: store.clone(),
            clock: clock.clone(),
            desks: Arc::clone(&desks),
            counts: Arc::clone(&counts),
            subscribers: unit::Subscribers::default(),
        };
        let (writer, work) = Writer::new(place, commits.clone());
        let retention = Retention::default();
        (Self { store, clock, writer, domain: domain.into(), desks, commits, signals, counts, retention }, work)
    }

    /// The same domain, which forgets what is older than this.
    #[must_use]
    pub fn with_retention(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// The clock that the domain goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The component's domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// All desks; the first is the one that the bare domain stands for.
    #[must_use]
    pub fn desks(&self) -> &[Arc<Desk>] {
        &self.desks
    }

    /// The desk of this name.
    #[must_use]
    pub fn desk(&self, name: &str) -> Option<&Arc<Desk>> {
        self.desks.iter().find(|desk| desk.name == name)
    }

    /// The desk that an address of ours stands for; the bare domain's is the first.
    #[must_use]
    pub fn desk_at(&self, address: &BareJid) -> Option<&Arc<Desk>> {
        match address.node() {
            Some(name) => self.desk(name.as_str()),
            None => self.desks.first(),
        }
    }

    fn known_desk(&self, name: &str) -> Result<&Arc<Desk>, Error> {
        self.desk(name).ok_or_else(|| Error::NotFound(format!("desk '{name}'")))
    }

    /// Hears of every commit. A listener that lags must look at the tables: they are the truth.
    #[must_use]
    pub fn commits(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.commits.subscribe()
    }

    /// Hears of what is told but not stored.
    #[must_use]
    pub fn signals(&self) -> broadcast::Receiver<Signal> {
        self.signals.subscribe()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Database`] when it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.store.ping().await?)
    }

    /// The address of a desk.
    ///
    /// # Errors
    /// [`Error::Invalid`] when name and domain make no JID.
    pub fn desk_address(&self, desk: &str) -> Result<BareJid, Error> {
        BareJid::new(&format!("{desk}@{}", self.domain)).map_err(|e| Error::invalid("desk", e.to_string()))
    }
}

/// The localpart of a ticket's own address, where its agent talks.
#[must_use]
pub fn ticket_node(short_id: &str) -> String {
    format!("t-{short_id}")
}

/// The short id in the localpart of a ticket's own address.
#[must_use]
pub fn short_id_of(node: &str) -> Option<&str> {
    node.strip_prefix("t-").filter(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// PostgreSQL's text holds no NUL; nobody misses it.
fn without_nul(mut text: String) -> String {
    text.retain(|c| c != '\0');
    text
}

/// Whether normalising a JID again leaves it as it is. Some characters are normalised to others that are normalised
/// again: what changes on a second reading is nobody's address yet, and could become another's.
#[must_use]
pub fn is_settled(jid: &Jid) -> bool {
    // The same domain spelled with a root's dot, or with another script's dots (RFC 7622 §3.2), would be another customer.
    let has_odd_dots =
        jid.domain().as_str().ends_with('.') || jid.domain().as_str().contains(['\u{3002}', '\u{ff0e}', '\u{ff61}']);
    !has_odd_dots && Jid::new(jid.as_str()).as_ref() == Ok(jid)
}

fn check_jid(jid: &BareJid) -> Result<(), Error> {
    if !is_settled(&Jid::from(jid.clone())) {
        return Err(Error::invalid("jid", "is not in its normal form"));
    }
    if jid.as_str().len() > MAX_JID {
        return Err(Error::invalid("jid", format!("must not be longer than {MAX_JID} bytes")));
    }
    Ok(())
}
