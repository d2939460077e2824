//! The domain: tickets, messages, outbox, event log, and the rules between them. The only writer of tickets.
//!
//! Every change is an operation (`operation`) that the `writer` applies to a `unit` of loaded rows and commits
//! together with whatever else has queued. The rules themselves are pure (`lifecycle`). Reads are named queries
//! (`query`), scoped by the [`Caller`].

mod caller;
mod clock;
mod error;
pub mod lifecycle;
mod operation;
mod query;
mod store;
mod unit;
mod writer;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use deskbridge_entity::{message, presence::Model as PresenceRow, presence::Source, ticket};
use jid::{BareJid, Jid};
use tokio::sync::broadcast;
use uuid::Uuid;

pub use caller::{Caller, Role, SCOPE_READ, SCOPE_WRITE};
pub use clock::Clock;
pub use error::Error;
pub use lifecycle::Rules;
pub use operation::{
    answer::{Claimed, Fate, Outcome, Triage},
    delivery::Report,
    line::{Line, Received},
    presence::Presence,
};
pub use query::{Cursor, Filter, Outgoing, Page};
pub use store::Store;
pub use unit::Committed;

use operation::{
    answer::{ClaimDue, CommitDraft, FreeLeases, RenewLeases},
    delivery::{MarkSent, NoteReport, Resend},
    line::{AppendLine, ReceiveLine},
    presence::{ForgetXmppPresence, SetPresence, SetSubscription},
    reply::{Approach, Reply, Speaker},
};
use writer::Writer;

/// The longest message, in bytes of UTF-8.
pub const MAX_BODY: usize = 64 * 1024;

/// The longest JID of a customer, in bytes. RFC 7622 allows 2,047 for a bare one; indexes do not hold that, and no
/// person has one.
pub const MAX_JID: usize = 1023;

/// A desk as the domain knows it.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The localpart of its address.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The times of its lifecycle.
    pub rules: Rules,
}

/// The domain. Clones share everything.
#[derive(Clone, Debug)]
pub struct Helpdesk {
    store: Store,
    clock: Clock,
    writer: Writer,
    domain: Arc<str>,
    desks: Arc<[Desk]>,
    commits: broadcast::Sender<Arc<Committed>>,
    signals: broadcast::Sender<Signal>,
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
    /// What a desk shows to its subscribers has changed.
    DeskPresence {
        /// The desk's name.
        desk: String,
    },
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
        let (writer, work) = Writer::new(store.clone(), clock.clone(), commits.clone());
        (Self { store, clock, writer, domain: domain.into(), desks: desks.into(), commits, signals }, work)
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
    pub fn desks(&self) -> &[Desk] {
        &self.desks
    }

    /// The desk of this name.
    #[must_use]
    pub fn desk(&self, name: &str) -> Option<&Desk> {
        self.desks.iter().find(|desk| desk.name == name)
    }

    fn known_desk(&self, name: &str) -> Result<&Desk, Error> {
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

    /// Tells a ticket's customer that an answer is being written, or no longer, if the client can show it.
    pub fn announce_typing(&self, ticket: &ticket::Model, typing: bool) {
        let Ok(bare) = BareJid::new(&ticket.customer) else { return };
        if !ticket.customer_has_chat_states {
            return;
        }
        let full = ticket.customer_resource.as_deref().and_then(|part| bare.with_resource_str(part).ok());
        let to = full.map_or_else(|| Jid::from(bare), Jid::from);
        // Without a link there is nobody to show it.
        let _ = self.signals.send(Signal::Typing { desk: ticket.desk.clone(), to, typing });
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Database`] when it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.store.ping().await?)
    }

    // Customers.

    /// Takes a line in, in the order of the calls. The future it returns ends when the line is on disk.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown desk, [`Error::Invalid`] for an empty or oversized text; the returned
    /// future fails when it could not be stored.
    pub async fn receive(
        &self,
        line: Line,
    ) -> Result<impl Future<Output = Result<Received, Error>> + Send + 'static, Error> {
        let rules = self.known_desk(&line.desk)?.rules.clone();
        check_jid(&line.customer)?;
        let body = check_body("message", line.body)?;
        let line = Line { body, ..line };
        let answer = self.writer.queue(ReceiveLine::new(line, rules)).await?;
        Ok(async move { answer.await.map_err(|_| Error::Stopping)? })
    }

    /// Opens a conversation over REST: the customer (or a program for it) speaks, or an agent writes first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the caller may not, [`Error::NotFound`] for an unknown desk,
    /// [`Error::Invalid`] for a bad text.
    pub async fn open(
        &self,
        caller: &Caller,
        desk: &str,
        customer: &Jid,
        resource: Option<String>,
        body: String,
    ) -> Result<Received, Error> {
        if caller.is_staff() {
            caller.require_desk(desk)?;
        } else {
            caller.require_voice_of(customer.to_bare().as_str())?;
        }
        let rules = self.known_desk(desk)?.rules.clone();
        let body = check_body("message", body)?;
        check_jid(&customer.to_bare())?;
        let resource = resource.or_else(|| customer.resource().map(ToString::to_string));
        let (desk, customer) = (desk.to_owned(), customer.to_bare());
        if caller.is_staff() {
            let speaker = speaker(caller);
            return self.writer.write(Approach { desk, customer, resource, speaker, body }).await;
        }
        let line = Line {
            desk,
            customer,
            resource,
            chat_states: None,
            body,
            stanza_id: None,
            archive_id: None,
            written_at: None,
        };
        self.writer.write(ReceiveLine::new(line, rules)).await
    }

    /// Adds a message to a ticket: the customer's own line, or an agent's reply. Gives its id and time.
    ///
    /// # Errors
    /// [`Error::NotFound`] unless the caller may read the ticket, [`Error::Forbidden`] unless it may speak in
    /// it, [`Error::Conflict`] when the ticket takes no more messages.
    pub async fn say(&self, caller: &Caller, ticket: Uuid, body: String) -> Result<(Uuid, DateTime<Utc>), Error> {
        let row = self.ticket(caller, ticket).await?;
        let body = check_body("content", body)?;
        if caller.is_staff() {
            return self.writer.write(Reply { ticket, speaker: speaker(caller), body }).await;
        }
        caller.require_voice_of(&row.customer)?;
        let rules = self.desk(&row.desk).map(|desk| desk.rules.clone()).unwrap_or_default();
        self.writer.write(AppendLine { ticket, body, rules }).await
    }

    // Reading.

    /// One page of the tickets the caller may see, newest activity first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a program without the scope, [`Error::Database`].
    pub async fn tickets(&self, caller: &Caller, filter: &Filter) -> Result<Page<ticket::Model>, Error> {
        query::tickets(&self.store, caller, filter).await
    }

    /// One ticket.
    ///
    /// # Errors
    /// [`Error::NotFound`] also when it is somebody else's.
    pub async fn ticket(&self, caller: &Caller, id: Uuid) -> Result<ticket::Model, Error> {
        query::ticket(&self.store, caller, id).await
    }

    /// A ticket with its messages; notes only for staff and programs.
    ///
    /// # Errors
    /// As [`Helpdesk::ticket`].
    pub async fn conversation(&self, caller: &Caller, id: Uuid) -> Result<(ticket::Model, Vec<message::Model>), Error> {
        let ticket = self.ticket(caller, id).await?;
        let messages = query::messages(&self.store, id, caller.role != Role::Customer).await?;
        Ok((ticket, messages))
    }

    // The assistant.

    /// Claims due tickets for a worker, oldest first, for as long as `lease`.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn claim_due(&self, worker: Uuid, limit: u64, lease: Duration) -> Result<Claimed, Error> {
        self.writer.write(ClaimDue { worker, limit, lease }).await
    }

    /// Keeps tickets that a worker holds and still works on.
    ///
    /// # Errors
    /// [`Error::Stopping`].
    pub async fn renew_leases(&self, worker: Uuid, tickets: Vec<Uuid>, lease: Duration) -> Result<(), Error> {
        self.writer.queue(RenewLeases { worker, tickets, lease }).await.map(drop)
    }

    /// After a start: where this process has the database to itself, a lease can only be a dead process's.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn free_dead_leases(&self) -> Result<(), Error> {
        if self.store.is_embedded() {
            self.writer.write(FreeLeases).await?;
        }
        Ok(())
    }

    /// The last `limit` public messages of a ticket, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn transcript(&self, ticket: Uuid, limit: u64) -> Result<Vec<message::Model>, Error> {
        query::transcript(&self.store, ticket, limit).await
    }

    /// Commits a draft that was begun on `epoch`, unless the conversation went on meanwhile.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn commit_draft(
        &self,
        ticket: Uuid,
        epoch: i64,
        triage: Triage,
        outcome: Outcome,
    ) -> Result<Fate, Error> {
        let triage = Triage { subject: triage.subject.map(without_nul), ..triage };
        let outcome = match outcome {
            Outcome::Answer { body } => Outcome::Answer { body: without_nul(body) },
            Outcome::HandOff { line, reason, summary } => {
                Outcome::HandOff { line: without_nul(line), reason: without_nul(reason), summary: without_nul(summary) }
            }
        };
        self.writer.write(CommitDraft { ticket, epoch, triage, outcome }).await
    }

    // The XMPP link.

    /// Unsent messages behind `after` in commit order.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn unsent(&self, after: i64, limit: u64) -> Result<Vec<Outgoing>, Error> {
        query::unsent(&self.store, after, limit).await
    }

    /// The server has confirmed these messages.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn mark_sent(&self, messages: Vec<Uuid>) -> Result<(), Error> {
        // If it cannot be stored they go out once more, under the same ids: nobody needs to wait for it.
        self.writer.queue(MarkSent { messages }).await.map(drop)
    }

    /// Puts messages back into the outbox that the server confirmed within this time but no customer's client
    /// did: for when the server broke off and may have lost them.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn resend_unconfirmed(&self, confirmed_within: Duration) -> Result<(), Error> {
        self.writer.write(Resend { confirmed_within }).await
    }

    /// Notes what the customer's side reported about a message of ours. Reports from anybody but the customer
    /// it went to change nothing.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn note_report(&self, message: Uuid, from: &BareJid, report: Report) -> Result<(), Error> {
        // In order with the rest, but nobody needs to wait for it.
        self.writer.queue(NoteReport { message, from: from.to_string(), report }).await.map(drop)
    }

    /// Notes what the XMPP server says of a customer's resource.
    ///
    /// # Errors
    /// [`Error::Stopping`].
    pub async fn note_presence(&self, presence: Presence) -> Result<(), Error> {
        if check_jid(&presence.jid.to_bare()).is_err() {
            return Ok(());
        }
        self.writer.queue(SetPresence { presence, source: Source::Xmpp }).await.map(drop)
    }

    /// A new link has no knowledge of who is there.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn forget_xmpp_presence(&self) -> Result<(), Error> {
        self.writer.write(ForgetXmppPresence).await
    }

    /// Lets a contact see a desk's presence, or no longer.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown desk, [`Error::WriteFailed`].
    pub async fn set_subscription(&self, desk: &str, contact: BareJid, subscribed: bool) -> Result<(), Error> {
        let desk = self.known_desk(desk)?.name.clone();
        check_jid(&contact)?;
        self.writer.write(SetSubscription { desk, contact, subscribed }).await
    }

    /// Everybody who sees a desk's presence.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn subscribers(&self, desk: &str) -> Result<Vec<BareJid>, Error> {
        query::subscribers(&self.store, desk).await
    }

    // Presence over REST.

    /// The address of a desk.
    ///
    /// # Errors
    /// [`Error::Invalid`] when name and domain make no JID.
    pub fn desk_address(&self, desk: &str) -> Result<BareJid, Error> {
        BareJid::new(&format!("{desk}@{}", self.domain)).map_err(|e| Error::invalid("desk", e.to_string()))
    }

    /// Sets a presence as told over REST. A desk's subscribers are told, too.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless it is the caller's own JID, or a desk's or customer's told by its staff;
    /// [`Error::NotFound`] for a JID of our domain that is no desk.
    pub async fn set_presence(&self, caller: &Caller, presence: Presence) -> Result<(), Error> {
        check_jid(&presence.jid.to_bare())?;
        let presence = Presence { text: presence.text.map(without_nul), ..presence };
        if presence.jid.domain().as_str() != &*self.domain {
            if !caller.is_staff() {
                caller.require_voice_of(presence.jid.to_bare().as_str())?;
            }
            return self.writer.write(SetPresence { presence, source: Source::Rest }).await;
        }
        let desk = self.known_desk(presence.jid.node().map_or("", |node| node.as_str()))?.name.clone();
        caller.require_desk(&desk)?;
        let jid = Jid::from(presence.jid.to_bare());
        self.writer.write(SetPresence { presence: Presence { jid, ..presence }, source: Source::Rest }).await?;
        // Without a link nobody is told now; a new link begins by telling everybody.
        let _ = self.signals.send(Signal::DeskPresence { desk });
        Ok(())
    }

    /// What is known of a JID, newest first: its resources for a bare one.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a customer who asks about others than itself and the desks.
    pub async fn presence(&self, caller: &Caller, jid: &Jid) -> Result<Vec<PresenceRow>, Error> {
        let ours = jid.domain().as_str() == &*self.domain;
        if caller.role == Role::Customer && !ours && caller.id != jid.to_bare().as_str() {
            return Err(Error::Forbidden("a customer's token reads its own presence and the desks' only".to_owned()));
        }
        caller.require_reader()?;
        query::presence(&self.store, jid).await
    }

    /// What a desk shows to its subscribers, as set over REST; plainly available if never set.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn desk_presence(&self, desk: &str) -> Result<Presence, Error> {
        let jid = Jid::from(self.desk_address(desk)?);
        let row = query::presence(&self.store, &jid).await?.into_iter().next();
        Ok(match row {
            Some(row) => Presence { jid, available: row.available, show: row.show, text: row.text },
            None => Presence { jid, available: true, show: None, text: None },
        })
    }
}

fn speaker(caller: &Caller) -> Speaker {
    Speaker { id: caller.id.clone(), name: caller.display_name() }
}

/// PostgreSQL's text holds no NUL; nobody misses it.
fn without_nul(mut text: String) -> String {
    text.retain(|c| c != '\0');
    text
}

fn check_jid(jid: &BareJid) -> Result<(), Error> {
    if jid.as_str().len() > MAX_JID {
        return Err(Error::invalid("jid", format!("must not be longer than {MAX_JID} bytes")));
    }
    Ok(())
}

fn check_body(field: &'static str, body: String) -> Result<String, Error> {
    let body = without_nul(body);
    if body.trim().is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    if body.len() > MAX_BODY {
        return Err(Error::invalid(field, format!("must not be longer than {MAX_BODY} bytes")));
    }
    Ok(body)
}
