//! The assistant for agents: a suggested reply, and a summary, each made once and kept until the conversation changes.
//!
//! The row is the queue, as everywhere: who asks stores a request, the commit rings the assistant, and who asked waits
//! for the row. Nothing here changes a ticket.

use std::{collections::HashSet, time::Duration};

use deskbridge_entity::{
    copilot::{Kind, Model, Source, State},
    message::{Author, Visibility},
    ticket,
};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time,
};
use uuid::Uuid;

use super::{
    AgentStanza, Caller, Error, Helpdesk,
    attachments::described,
    conversation::{check_body, speaker},
    operation::{
        copilot::{AskCopilot, SettleCopilot},
        job::{ClaimJobs, HoldJobs},
        reply::Reply,
    },
    query, without_nul,
};

/// The longest hint, in characters: a part of an index.
const MAX_HINT: usize = 500;
/// How often to look without having been rung: another process may have made it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Messages of a ticket that staff's texts are made from; a prompt's budget cuts further.
const BACKGROUND: usize = 100;

/// What an agent gets.
#[derive(Clone, Debug)]
pub struct Aid {
    /// What was made.
    pub row: Model,
    /// Whether it was there already.
    pub is_cached: bool,
}

/// What was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// For the agent; empty when there is nothing to say.
    pub text: String,
    /// The pages it rests on, as `[{"title", "url"}]`.
    pub citations: serde_json::Value,
    /// Who made it.
    pub source: Source,
}

/// One message of a ticket as the staff sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who spoke.
    pub author: Author,
    /// An agent's name.
    pub name: Option<String>,
    /// A note, which the customer does not see.
    pub is_note: bool,
    /// The text; a file that came with it is `[file: its name]`.
    pub body: String,
}

/// Something that an agent waits for.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked for.
    pub row: Model,
    /// In which ticket.
    pub ticket: ticket::Model,
    /// Its last messages and notes, oldest first.
    pub said: Vec<Said>,
}

impl Helpdesk {
    /// A suggestion or a summary for the staff of a ticket's desk, as it is for the present conversation: the one there
    /// is, else one that is made now, for which this waits as long as `patience`. `hint` is what the agent wants to say.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it could not be made, [`Error::NotReady`] when patience ended first,
    /// [`Error::Forbidden`] unless the caller is of the staff, [`Error::NotFound`] unless it may see the ticket.
    pub async fn ask_copilot(
        &self,
        caller: &Caller,
        ticket: Uuid,
        kind: Kind,
        hint: Option<String>,
        patience: Duration,
    ) -> Result<Aid, Error> {
        self.ticket(caller, ticket).await?;
        if !caller.is_staff() {
            return Err(Error::Forbidden("this is for the staff".to_owned()));
        }
        let hint = check_hint(hint)?;
        let mut commits = self.commits();
        let deadline = time::Instant::now() + patience;
        let (mut based_on, mut asked) = (query::content_state(&self.store, ticket).await?, false);
        loop {
            match query::copilot(&self.store, ticket, kind, &based_on, &hint).await? {
                Some(row) if row.state == State::Done => return Ok(Aid { row, is_cached: !asked }),
                Some(row) if row.state == State::Failed && asked => {
                    let reason = row.reason.unwrap_or_default();
                    return Err(Error::Unavailable(format!("the assistant could not make it: {reason}")));
                }
                Some(row) if row.state == State::Pending => {}
                // Not asked for yet; or failed before; or the conversation went on, and somebody has asked since.
                _ => {
                    based_on = query::content_state(&self.store, ticket).await?;
                    let (hint, based_on) = (hint.clone(), based_on.clone());
                    self.writer.write(AskCopilot { ticket, caller: caller.clone(), kind, hint, based_on }).await?;
                }
            }
            asked = true;
            if time::timeout_at(deadline, ring(&mut commits, |commit| commit.copilot)).await.is_err() {
                return Err(Error::NotReady);
            }
        }
    }

    /// Sends a suggestion to the customer as the agent's reply, if nothing was said since it was made.
    ///
    /// # Errors
    /// [`Error::Conflict`] or [`Error::Overtaken`] when the conversation went on, or there is nothing to send; else as
    /// [`Helpdesk::say`].
    pub async fn send_suggestion(&self, caller: &Caller, ticket: Uuid, suggestion: Uuid) -> Result<(), Error> {
        // In this order: a line behind the first look moves the version, one before it the state.
        let version = self.ticket(caller, ticket).await?.version;
        let state = query::content_state(&self.store, ticket).await?;
        let row = query::copilot_by_id(&self.store, suggestion).await?;
        let is_present = |row: &Model| {
            row.ticket_id == ticket && row.kind == Kind::Suggestion && row.state == State::Done && row.based_on == state
        };
        let stale = || Error::Conflict("the conversation went on since: ask for another suggestion".to_owned());
        let row = row.filter(is_present).ok_or_else(stale)?;
        if row.citations.as_array().into_iter().flatten().any(|page| page["internal"] == true) {
            let why = "the suggestion rests on a page for agents: send by /reply what the customer may know of it";
            return Err(Error::Conflict(why.to_owned()));
        }
        let text = row.text.ok_or_else(stale)?;
        if let Some(gap) = gap(&text) {
            let why = format!("the suggestion has a gap: {gap}. Send it by /reply, with the gap filled");
            return Err(Error::Conflict(why));
        }
        let body = check_body("suggestion", text)?;
        let reply = Reply {
            ticket,
            expected: Some(version),
            speaker: speaker(caller),
            body,
            link: None,
            stanza: AgentStanza::default(),
            client_id: None,
        };
        self.writer.write(reply).await.map(drop)
    }

    /// Takes requests of agents for a worker, oldest first, leaving out what it is at already. On a shared database they
    /// are the worker's for as long as `lease`, unless it keeps them.
    ///
    /// # Errors
    /// [`Error::WriteFailed`], [`Error::Database`].
    pub async fn claim_requests(
        &self,
        worker: Uuid,
        limit: u64,
        lease: Duration,
        running: &HashSet<Uuid>,
    ) -> Result<Vec<Request>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.claim_jobs(ClaimJobs { worker, lease, copilots: limit, proposals: 0 }).await?;
        let rows = query::copilots_of(&self.store, self.claimant(worker), self.clock.now()).await?;
        let places = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut requests = Vec::new();
        for row in rows.into_iter().filter(|row| !running.contains(&row.id)).take(places) {
            // Erased meanwhile.
            let Some(ticket) = query::ticket_by_id(&self.store, row.ticket_id).await? else { continue };
            let said = self.said(row.ticket_id).await?;
            requests.push(Request { row, ticket, said });
        }
        Ok(requests)
    }

    /// Notes what was made of a request, or why nothing was, in words for an agent.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn settle_request(&self, id: Uuid, outcome: Result<Made, String>) -> Result<(), Error> {
        let outcome = outcome.map(|made| Made { text: without_nul(made.text), ..made }).map_err(without_nul);
        self.writer.write(SettleCopilot { id, outcome }).await
    }

    /// Keeps what a worker is at.
    ///
    /// # Errors
    /// [`Error::Stopping`].
    pub async fn hold_jobs(&self, worker: Uuid, lease: Duration) -> Result<(), Error> {
        if self.store.is_embedded() {
            return Ok(());
        }
        self.writer.queue(HoldJobs { worker, lease: Some(lease) }).await.map(drop)
    }

    /// Gives back what a worker still has.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn free_jobs(&self, worker: Uuid) -> Result<(), Error> {
        if self.store.is_embedded() {
            return Ok(());
        }
        self.writer.write(HoldJobs { worker, lease: None }).await
    }

    /// With the database to itself a process knows what it is at: then nothing is claimed. Nor is it where nothing is
    /// free, which a look tells that keeps nobody waiting.
    pub(super) async fn claim_jobs(&self, claim: ClaimJobs) -> Result<(), Error> {
        if self.store.is_embedded() || !query::has_free_jobs(&self.store, self.clock.now()).await? {
            return Ok(());
        }
        self.writer.write(claim).await
    }

    /// Whose jobs to look for; `None` is everybody's.
    pub(super) fn claimant(&self, worker: Uuid) -> Option<Uuid> {
        (!self.store.is_embedded()).then_some(worker)
    }

    /// The last messages and notes of a ticket that still stand.
    pub(super) async fn said(&self, ticket: Uuid) -> Result<Vec<Said>, Error> {
        let (mut messages, _) = query::messages(&self.store, ticket, true, None).await?;
        messages.retain(|message| message.retracted_at.is_none() && message.superseded_at.is_none());
        messages.drain(..messages.len().saturating_sub(BACKGROUND));
        let files = query::attachments(&self.store, &messages).await?;
        let said = messages.into_iter().map(|message| {
            let files = files.iter().filter(|file| file.message_id == message.id).map(|file| file.url.as_str());
            Said {
                author: message.author,
                body: described(&message.body, files),
                name: message.author_name,
                is_note: message.visibility == Visibility::Internal,
            }
        });
        Ok(said.collect())
    }
}

/// Returns when a commit that concerns the caller was made, or may have been.
pub(super) async fn ring(
    commits: &mut broadcast::Receiver<std::sync::Arc<super::Committed>>,
    concerns: impl Fn(&super::Committed) -> bool,
) {
    let rung = async {
        loop {
            match commits.recv().await {
                Ok(commit) if !concerns(&commit) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                // The process is ending; the next look at the database says so.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    // Not rung: a look all the same.
    let _ = time::timeout(LOOK_EVERY, rung).await;
}

fn check_hint(hint: Option<String>) -> Result<String, Error> {
    let hint = without_nul(hint.unwrap_or_default());
    let hint = hint.trim();
    if hint.chars().count() > MAX_HINT {
        return Err(Error::invalid("hint", format!("must not be longer than {MAX_HINT} characters")));
    }
    Ok(hint.to_owned())
}

/// The first place that a model has left to the agent, such as `[date]`. A number in brackets is a mark.
fn gap(text: &str) -> Option<&str> {
    text.match_indices('[').find_map(|(start, _)| {
        let end = start + text[start..].find(']')?;
        let inner = &text[start + 1..end];
        let is_link = text[end + 1..].starts_with('(');
        (inner.contains(char::is_alphabetic) && !inner.contains('\n') && !is_link).then(|| &text[start..=end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_words_in_brackets() {
        assert_eq!(gap("The code is [voucher_code], see [1]."), Some("[voucher_code]"));
        assert_eq!(gap("See [1] and [the page](https://a.example). [ ]"), None);
        assert_eq!(gap("a [ b"), None);
    }
}
