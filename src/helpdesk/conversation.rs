//! What customers and agents do with tickets, and what they may see.

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    attachment,
    message::{self, Visibility},
    ticket,
};
use jid::{BareJid, Jid};
use uuid::Uuid;

use super::{
    AgentStanza, Asked, Caller, Changes, ClientId, Error, Filter, Helpdesk, Line, MAX_BODY, Mark, Page, Received,
    Reopened, Role, Stored, check_jid,
    operation::{
        customer::{BeginAnew, ReopenOwn, ResolveOwn},
        hand_off::AskForPerson,
        line::{AppendLine, ReceiveLine},
        reply::{Approach, Reply, Speaker, TakeBack},
        staff::check_version,
    },
    phrases, query, without_nul,
};

/// A ticket with a part of its messages.
#[derive(Debug)]
pub struct Conversation {
    /// The ticket.
    pub ticket: ticket::Model,
    /// In their order, at most 500 and two million characters.
    pub messages: Vec<message::Model>,
    /// Their files, in order.
    pub attachments: Vec<attachment::Model>,
    /// What to ask for to get the part before this one, if there is one.
    pub earlier: Option<i64>,
    /// The number of the last event that this takes account of: what to ask for to get what is newer.
    pub seq: i64,
    /// Of what is newer: messages that the caller is shown no more.
    pub removed: Vec<Uuid>,
    /// Whether there is more that is newer.
    pub has_more: bool,
}

impl Helpdesk {
    /// Takes a line in, in the order of the calls. The future it returns ends when the line is on disk.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown desk, [`Error::Invalid`] for an empty or oversized text; the returned
    /// future fails when it could not be stored.
    pub async fn receive(
        &self,
        line: Line,
    ) -> Result<impl Future<Output = Result<Received, Error>> + Send + 'static, Error> {
        let assistant = self.known_desk(&line.desk)?.assistant;
        check_jid(&line.customer)?;
        let body = check_body("message", line.body)?;
        let line = Line { body, ..line };
        let asks =
            phrases::asks_for_person(&line.body).then(|| (self.clone(), line.desk.clone(), line.customer.clone()));
        let answer = self.writer.queue(ReceiveLine::new(line, assistant)).await?;
        Ok(async move {
            let received = answer.await.map_err(|_| Error::Stopping)??;
            if let Some((helpdesk, desk, customer)) = asks.filter(|_| !received.is_duplicate)
                && let Err(error) = helpdesk.tell_place(&desk, &customer).await
            {
                tracing::warn!(%error, "a customer who waits could not be told the place in the queue");
            }
            Ok(received)
        })
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
        self.open_as(caller, desk, customer, resource, body, None).await
    }

    /// As [`Helpdesk::open`], once for each id that the caller's program gives its messages.
    ///
    /// # Errors
    /// As [`Helpdesk::open`]; [`Error::Invalid`] when another message has the id.
    pub async fn open_as(
        &self,
        caller: &Caller,
        desk: &str,
        customer: &Jid,
        resource: Option<String>,
        body: String,
        client_id: Option<ClientId>,
    ) -> Result<Received, Error> {
        if caller.is_staff() {
            caller.require_desk(desk)?;
        } else {
            caller.require_voice_of(customer.to_bare().as_str())?;
        }
        let assistant = self.known_desk(desk)?.assistant;
        let body = check_body("message", body)?;
        check_jid(&customer.to_bare())?;
        let resource = resource.or_else(|| customer.resource().map(ToString::to_string));
        let (desk, customer) = (desk.to_owned(), customer.to_bare());
        if caller.is_staff() {
            let speaker = speaker(caller);
            return self.writer.write(Approach { desk, customer, resource, speaker, body, client_id }).await;
        }
        let line = Line { client_id, ..Line::plain(desk, customer, resource, body) };
        self.writer.write(ReceiveLine::new(line, assistant)).await
    }

    /// Adds a message to a ticket: the customer's own line, or an agent's reply. Gives its id and time.
    ///
    /// # Errors
    /// [`Error::NotFound`] unless the caller may read the ticket, [`Error::Forbidden`] unless it may speak in
    /// it, [`Error::Conflict`] when the ticket takes no more messages.
    pub async fn say(&self, caller: &Caller, ticket: Uuid, body: String) -> Result<(Uuid, DateTime<Utc>), Error> {
        let Stored { message, at, .. } = self.say_as(caller, ticket, None, body, None, None).await?;
        Ok((message, at))
    }

    /// As [`Helpdesk::say`]; an agent's reply may come with the `link` of a file, an https URL. Then it needs no text. It is said
    /// once for each id that the caller's program gives its messages.
    ///
    /// # Errors
    /// As [`Helpdesk::say`]; [`Error::Overtaken`] unless the ticket is at the version `expected`; [`Error::Invalid`] for a customer's `link`, and when another message of the ticket has the id.
    pub async fn say_as(
        &self,
        caller: &Caller,
        ticket: Uuid,
        expected: Option<i64>,
        body: String,
        link: Option<String>,
        client_id: Option<ClientId>,
    ) -> Result<Stored, Error> {
        let row = self.ticket(caller, ticket).await?;
        let body = check_body("content", with_link(body, link.as_deref()))?;
        if caller.is_staff() {
            let speaker = speaker(caller);
            let stanza = AgentStanza::default();
            return self.writer.write(Reply { ticket, expected, speaker, body, link, stanza, client_id }).await;
        }
        caller.require_voice_of(&row.customer)?;
        check_version(&row, caller.role, expected)?;
        if link.is_some() {
            return Err(Error::invalid("attachment_url", "only staff send files this way; customers do by XMPP"));
        }
        self.writer.write(AppendLine { ticket, body, client_id }).await
    }

    /// An agent's line from a chat client: as [`Helpdesk::say`], a repeated stanza counts once, and a correction goes to the
    /// customer as one.
    ///
    /// # Errors
    /// As [`Helpdesk::say`]; [`Error::Conflict`] when it corrects what is no line of the caller's.
    pub async fn reply_from_chat(
        &self,
        caller: &Caller,
        ticket: Uuid,
        body: String,
        link: Option<String>,
        stanza: AgentStanza,
    ) -> Result<(), Error> {
        self.ticket(caller, ticket).await?;
        let body = check_body("message", with_link(body, link.as_deref()))?;
        let reply = Reply { ticket, expected: None, speaker: speaker(caller), body, link, stanza, client_id: None };
        self.writer.write(reply).await.map(drop)
    }

    /// Who reads the line of the caller's that its chat client gave this id; `None` when there is none, or no more.
    ///
    /// # Errors
    /// As [`Helpdesk::ticket`].
    pub async fn readers_of(
        &self,
        caller: &Caller,
        ticket: Uuid,
        stanza_id: &str,
    ) -> Result<Option<Visibility>, Error> {
        self.ticket(caller, ticket).await?;
        query::readers_of(&self.store, ticket, &caller.id, stanza_id).await
    }

    /// The message of the ticket that the caller's chat client knows by this id: the caller's own line, or one that it was told.
    ///
    /// # Errors
    /// As [`Helpdesk::ticket`].
    pub async fn known_to_agent(&self, caller: &Caller, ticket: Uuid, stanza_id: &str) -> Result<Option<Uuid>, Error> {
        self.ticket(caller, ticket).await?;
        query::known_to_agent(&self.store, ticket, &caller.id, stanza_id).await
    }

    /// The caller takes back the line or note that its chat client gave this id (XEP-0424). It is marked, not erased, and
    /// nobody is shown its text any more; what went to the customer is taken back there, too.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is none, or no more; else as [`Helpdesk::ticket`].
    pub async fn take_back(&self, caller: &Caller, ticket: Uuid, stanza_id: String) -> Result<(), Error> {
        self.ticket(caller, ticket).await?;
        self.writer.write(TakeBack { ticket, caller: caller.clone(), stanza_id }).await.map(drop)
    }

    /// The ticket with this short id, as in its own address.
    ///
    /// # Errors
    /// As [`Helpdesk::ticket`].
    pub async fn ticket_at(&self, caller: &Caller, short_id: &str) -> Result<ticket::Model, Error> {
        query::ticket_at(&self.store, caller, short_id).await
    }

    /// A customer asks a desk for a person; `issue` is what came along with that.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown desk, [`Error::WriteFailed`].
    pub async fn ask_for_person(
        &self,
        desk: &str,
        customer: &BareJid,
        reason: &str,
        issue: Option<String>,
    ) -> Result<Asked, Error> {
        let (desk, _) = self.conversation_of(desk, customer)?;
        self.writer.write(AskForPerson { desk, customer: customer.clone(), reason: reason.to_owned(), issue }).await
    }

    /// A customer says that the matter is settled. Gives the ticket, if one was live.
    ///
    /// # Errors
    /// As [`Helpdesk::ask_for_person`].
    pub async fn resolve_own(&self, desk: &str, customer: &BareJid) -> Result<Option<Uuid>, Error> {
        let conversation = self.conversation_of(desk, customer)?;
        self.writer.write(ResolveOwn { conversation }).await
    }

    /// A customer goes on with what was resolved a while ago, as long as a line would reopen it, too.
    ///
    /// # Errors
    /// As [`Helpdesk::ask_for_person`].
    pub async fn reopen_own(&self, desk: &str, customer: &BareJid) -> Result<Reopened, Error> {
        let conversation = self.conversation_of(desk, customer)?;
        self.writer.write(ReopenOwn { conversation }).await
    }

    /// A customer begins a new ticket, whatever the old one is about, and gets an answer that asks for its subject, unless it
    /// comes along (`has_words`). Gives the new one.
    ///
    /// # Errors
    /// As [`Helpdesk::ask_for_person`].
    pub async fn begin_anew(&self, desk: &str, customer: &BareJid, has_words: bool) -> Result<Uuid, Error> {
        let (desk, _) = self.conversation_of(desk, customer)?;
        self.writer.write(BeginAnew { desk, customer: customer.clone(), has_words }).await
    }

    pub(super) fn conversation_of(&self, desk: &str, customer: &BareJid) -> Result<(String, String), Error> {
        check_jid(customer)?;
        Ok((self.known_desk(desk)?.name.clone(), customer.to_string()))
    }

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

    /// A ticket with its newest messages, or with the part of them before `before`; notes only for staff and programs.
    ///
    /// # Errors
    /// As [`Helpdesk::ticket`].
    pub async fn conversation(&self, caller: &Caller, id: Uuid, before: Option<i64>) -> Result<Conversation, Error> {
        let with_notes = caller.role != Role::Customer;
        // First of all: what changes meanwhile is newer than this, and is given to who asks for that.
        let seq = query::newest_in(&self.store, id, with_notes).await?;
        let ticket = self.ticket(caller, id).await?;
        let before = before.map_or(seq + 1, |before| before.min(seq + 1));
        let (messages, earlier) = query::messages(&self.store, id, with_notes, Some(before)).await?;
        let attachments = query::attachments(&self.store, &messages).await?;
        Ok(Conversation { ticket, messages, attachments, earlier, seq, removed: Vec::new(), has_more: false })
    }

    /// A ticket with those of its messages that are new or have changed since the event `after`.
    ///
    /// # Errors
    /// As [`Helpdesk::ticket`]; [`Error::Invalid`] when there is no such event yet.
    pub async fn news(&self, caller: &Caller, id: Uuid, after: i64) -> Result<Conversation, Error> {
        let news = query::news(&self.store, id, caller.role != Role::Customer, after).await?;
        let ticket = self.ticket(caller, id).await?;
        let query::News { messages, removed, seq, has_more } = news;
        let attachments = query::attachments(&self.store, &messages).await?;
        Ok(Conversation { ticket, messages, attachments, earlier: None, seq, removed, has_more })
    }

    /// What happened in all tickets that the caller may read, in the order of the event log, behind `after`; at most `limit`
    /// changes and two million characters. None is left out and none comes twice, whoever writes meanwhile.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a program without the scope, [`Error::Invalid`] when `after` is of another log.
    pub async fn changes(&self, caller: &Caller, after: Mark, limit: u64) -> Result<Changes, Error> {
        query::changes(&self.store, caller, after, limit).await
    }

    /// The same of all tickets, for one who tells each caller what it may know of ([`Changes::reach`]).
    ///
    /// # Errors
    /// As [`Helpdesk::changes`].
    pub async fn all_changes(&self, after: Mark, limit: u64) -> Result<Changes, Error> {
        query::changes(&self.store, &Caller::operator(), after, limit).await
    }

    /// The place in the event log behind the last event.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn head(&self) -> Result<Mark, Error> {
        query::newest(&self.store, i64::MAX).await
    }

    /// The place in the event log behind the event with this number.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such event yet, which customers are not told; [`Error::Database`].
    pub async fn mark(&self, caller: &Caller, seq: i64) -> Result<Mark, Error> {
        query::mark(&self.store, caller, seq).await
    }

    /// The number of the newest event up to a place in the log that a caller may know of; 0 if there is none. For others than
    /// customers that is the place itself.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn newest_known(&self, caller: &Caller, upto: Mark) -> Result<i64, Error> {
        query::newest_known(&self.store, caller, upto).await
    }
}

pub(super) fn speaker(caller: &Caller) -> Speaker {
    Speaker { id: caller.id.clone(), name: caller.display_name(), role: caller.role }
}

/// A text in which the file's URL stands, for clients that look at nothing else.
fn with_link(body: String, link: Option<&str>) -> String {
    match link {
        Some(link) if body.trim().is_empty() => link.to_owned(),
        Some(link) if !body.contains(link) => format!("{}\n{link}", body.trim_end()),
        _ => body,
    }
}

pub(super) fn check_body(field: &'static str, body: String) -> Result<String, Error> {
    let body = without_nul(body);
    if body.trim().is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    if body.len() > MAX_BODY {
        return Err(Error::invalid(field, format!("must not be longer than {MAX_BODY} bytes")));
    }
    Ok(body)
}
