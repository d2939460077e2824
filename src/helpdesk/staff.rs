//! What the staff does with tickets, over REST or from a chat client.

use std::time::Duration;

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    message::Author,
    ticket::{Model, Priority},
};
use uuid::Uuid;

use super::{
    Caller, Error, Helpdesk, Role, Swept,
    conversation::check_body,
    operation::{
        customer::ResolveNamed,
        reply::AgentStanza,
        staff::{Change, ChangeTicket, Episode, NewNote},
        sweep::Sweep,
    },
    query, without_nul,
};

/// Tickets in one part of a sweep.
const SWEPT_AT_ONCE: u64 = 100;
/// The longest snooze.
const LONGEST_SNOOZE: Duration = Duration::from_hours(366 * 24);
/// Tags of a ticket, at most, and the characters of each.
pub(super) const TAGS: (usize, usize) = (20, 40);
/// How often a release is tried again when the customer writes at the same moment.
const RELEASE_TRIES: u32 = 5;

impl Helpdesk {
    /// Takes a ticket: ESCALATED or the assistant's. Of two who try one wins. `expected` is the version the caller has
    /// seen, if it must still be that one; so with all changes here.
    ///
    /// # Errors
    /// [`Error::Overtaken`] with the ticket as it is now; [`Error::NotFound`] unless the caller may see it.
    pub async fn claim(&self, caller: &Caller, ticket: Uuid, expected: Option<i64>) -> Result<Model, Error> {
        self.change(caller, ticket, expected, Change::Claim).await
    }

    /// Gives a ticket back: to the assistant, with a summary (one is made if none is given), or to the queue.
    ///
    /// # Errors
    /// [`Error::Overtaken`] unless the caller has the ticket; [`Error::Conflict`] at a desk without an assistant.
    pub async fn release(
        &self,
        caller: &Caller,
        ticket: Uuid,
        expected: Option<i64>,
        to_assistant: bool,
        summary: Option<String>,
    ) -> Result<Model, Error> {
        if !to_assistant {
            return self.change(caller, ticket, expected, Change::Requeue).await;
        }
        let summary = summary.map(|text| check_body("summary", text)).transpose()?;
        let mut tries = RELEASE_TRIES;
        loop {
            // The version holds the line that the assistant begins behind: a new line moves it.
            let row = self.ticket(caller, ticket).await?;
            let episode = self.episode(&row, summary.clone()).await?;
            let version = expected.unwrap_or(row.version);
            match self.change(caller, ticket, Some(version), Change::Release(episode)).await {
                Err(Error::Overtaken { current, .. })
                    if tries > 0 && expected.is_none() && current.version != version =>
                {
                    tries -= 1;
                }
                other => return other,
            }
        }
    }

    /// What the assistant is to see of a ticket that people had: the customer's unanswered lines, and a summary.
    async fn episode(&self, row: &Model, summary: Option<String>) -> Result<Episode, Error> {
        let (mut messages, _) = query::messages(&self.store, row.id, false, None).await?;
        messages.retain(|message| message.retracted_at.is_none());
        let is_word = |author| matches!(author, Author::Agent | Author::Assistant);
        let from = messages.iter().rev().find(|message| is_word(message.author)).map_or(0, |message| message.seq);
        let unanswered = messages.iter().any(|message| message.seq > from && message.author == Author::Customer);
        let summary = summary.unwrap_or_else(|| {
            let last = |wanted| messages.iter().rev().find(|message| message.author == wanted);
            let said = |wanted| last(wanted).map(|message| message.body.chars().take(500).collect::<String>());
            let mut summary = format!("Subject: {}", row.subject);
            for (who, text) in [("customer", said(Author::Customer)), ("colleague", said(Author::Agent))] {
                if let Some(text) = text {
                    summary.push_str(&format!("\nLast word of the {who}: {text}"));
                }
            }
            summary
        });
        Ok(Episode { from, summary, unanswered })
    }

    /// Gives a ticket to an agent. Admins only.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Invalid`] for an unknown agent or one of another desk; else as
    /// [`Helpdesk::claim`].
    pub async fn assign(
        &self,
        caller: &Caller,
        ticket: Uuid,
        expected: Option<i64>,
        agent: String,
    ) -> Result<Model, Error> {
        self.change(caller, ticket, expected, Change::Assign(agent)).await
    }

    /// Resolves a ticket; the customer is told. A customer may do it in its own live ticket, too.
    ///
    /// # Errors
    /// As [`Helpdesk::claim`].
    pub async fn resolve(&self, caller: &Caller, ticket: Uuid, expected: Option<i64>) -> Result<Model, Error> {
        if caller.role == Role::Customer {
            return self.writer.write(ResolveNamed { ticket, expected, caller: caller.clone() }).await;
        }
        self.change(caller, ticket, expected, Change::Resolve).await
    }

    /// Takes up a resolved ticket again; it is the caller's then.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the conversation goes on in another ticket; else as [`Helpdesk::claim`].
    pub async fn reopen(&self, caller: &Caller, ticket: Uuid, expected: Option<i64>) -> Result<Model, Error> {
        self.change(caller, ticket, expected, Change::Reopen).await
    }

    /// Closes a ticket for good. Admins only.
    ///
    /// # Errors
    /// As [`Helpdesk::assign`].
    pub async fn close(&self, caller: &Caller, ticket: Uuid, expected: Option<i64>) -> Result<Model, Error> {
        self.change(caller, ticket, expected, Change::Close).await
    }

    /// Hides a ticket until a time, at most a year, or shows it again (`None`). The customer's next line ends it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a time that is past or too far; else as [`Helpdesk::claim`].
    pub async fn snooze(
        &self,
        caller: &Caller,
        ticket: Uuid,
        expected: Option<i64>,
        until: Option<DateTime<Utc>>,
    ) -> Result<Model, Error> {
        let longest = self.clock.now() + super::lifecycle::delta(LONGEST_SNOOZE);
        if until.is_some_and(|until| until > longest) {
            return Err(Error::invalid("until", "must be within a year"));
        }
        self.change(caller, ticket, expected, Change::Snooze(until)).await
    }

    /// Sets a priority: people may lower one, too.
    ///
    /// # Errors
    /// As [`Helpdesk::claim`].
    pub async fn set_priority(
        &self,
        caller: &Caller,
        ticket: Uuid,
        expected: Option<i64>,
        priority: Priority,
    ) -> Result<Model, Error> {
        self.change(caller, ticket, expected, Change::Priority(priority)).await
    }

    /// Sets the tags: at most 20, each of at most 40 characters; spaces around and repetitions are dropped.
    ///
    /// # Errors
    /// [`Error::Invalid`]; else as [`Helpdesk::claim`].
    pub async fn set_tags(
        &self,
        caller: &Caller,
        ticket: Uuid,
        expected: Option<i64>,
        tags: Vec<String>,
    ) -> Result<Model, Error> {
        let (most, longest) = TAGS;
        let mut clean: Vec<String> = Vec::with_capacity(tags.len());
        for tag in tags {
            let tag = without_nul(tag).trim().to_owned();
            if tag.is_empty() || tag.chars().count() > longest || tag.contains(char::is_control) {
                return Err(Error::invalid("tags", format!("each has 1 to {longest} characters and no line breaks")));
            }
            if !clean.contains(&tag) {
                clean.push(tag);
            }
        }
        if clean.len() > most {
            return Err(Error::invalid("tags", format!("at most {most}")));
        }
        self.change(caller, ticket, expected, Change::Tags(clean)).await
    }

    /// Adds an internal note: the staff reads it, customer and assistant never do.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty or oversized text; else as [`Helpdesk::claim`].
    pub async fn note(&self, caller: &Caller, ticket: Uuid, text: String) -> Result<Model, Error> {
        self.note_on(caller, ticket, None, text).await
    }

    /// As [`Helpdesk::note`], on a version that the caller has seen.
    ///
    /// # Errors
    /// As [`Helpdesk::note`].
    pub async fn note_on(
        &self,
        caller: &Caller,
        ticket: Uuid,
        expected: Option<i64>,
        text: String,
    ) -> Result<Model, Error> {
        let text = check_body("content", text)?;
        let note = NewNote { text, stanza: AgentStanza::default() };
        self.change(caller, ticket, expected, Change::Note(note)).await
    }

    /// As [`Helpdesk::note`], from the caller's chat client: it can be corrected and taken back.
    ///
    /// # Errors
    /// As [`Helpdesk::note`]; [`Error::Conflict`] when it corrects what is no note of the caller's.
    pub async fn note_from_chat(
        &self,
        caller: &Caller,
        ticket: Uuid,
        text: String,
        stanza: AgentStanza,
    ) -> Result<(), Error> {
        let text = check_body("content", text)?;
        self.change(caller, ticket, None, Change::Note(NewNote { text, stanza })).await.map(drop)
    }

    async fn change(
        &self,
        caller: &Caller,
        ticket: Uuid,
        expected: Option<i64>,
        change: Change,
    ) -> Result<Model, Error> {
        if !caller.is_staff() {
            // Who may not see the ticket does not learn that it is there.
            self.ticket(caller, ticket).await?;
            return Err(Error::Forbidden("this is for the staff".to_owned()));
        }
        self.writer.write(ChangeTicket { ticket, expected, caller: caller.clone(), change }).await
    }

    /// Does what is due by time: nudges, resolves, closes, takes tickets from agents who do not answer, ends snoozes.
    /// Several processes may do it at once.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn sweep(&self) -> Result<Swept, Error> {
        let mut total = Swept::default();
        loop {
            let part = self.writer.write(Sweep { limit: SWEPT_AT_ONCE }).await?;
            total.add(part);
            if part.total() < SWEPT_AT_ONCE {
                total.forgotten = self.forget_old().await?;
                self.store.scrub_again().await;
                return Ok(total);
            }
        }
    }
}
