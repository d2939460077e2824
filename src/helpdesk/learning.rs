//! Learning from what people have answered: a page is proposed, an agent decides, and only then it is written.
//!
//! A ticket that is resolved, and in which a person has answered, leaves a row (`unit::learning`). The assistant makes
//! question and answer of it; an agent approves or rejects them; the assistant writes what was approved. An approval is
//! answered when the page is on disk.

use std::{collections::HashSet, time::Duration};

use deskbridge_entity::{
    copilot::Source,
    proposal::{Model, State},
    ticket,
};
use tokio::time;
use uuid::Uuid;

use super::{
    Caller, Error, Helpdesk, MAX_BODY,
    copilot::{Said, ring},
    operation::{
        job::ClaimJobs,
        proposal::{Decide, Decision, NotePage, SettleLesson},
    },
    query, without_nul,
};

/// Proposals that a new one is compared with.
const COMPARED: u64 = 500;
/// The longest title, in characters.
const MAX_TITLE: usize = 200;
/// The longest question, in characters.
const MAX_QUESTION: usize = 1000;

/// What an agent changes in approving; what is missing stays.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    /// The page's title; without one the question is.
    pub title: Option<String>,
    /// The question.
    pub question: Option<String>,
    /// The answer, Markdown.
    pub answer: Option<String>,
}

/// A ticket to learn from.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// The proposal that is due.
    pub id: Uuid,
    /// The ticket; resolved or closed.
    pub ticket: ticket::Model,
    /// Its last messages and notes, oldest first.
    pub said: Vec<Said>,
    /// What the desk was proposed before, but for what was discarded.
    pub others: Vec<Model>,
}

/// What was made of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// A page, for an agent to decide on.
    Proposal {
        /// In general words.
        question: String,
        /// Markdown.
        answer: String,
        /// Who made it; by rules it is quoted from the ticket.
        source: Source,
    },
    /// No page.
    Nothing {
        /// Why, in words for an agent.
        reason: String,
        /// The page or the proposal that says it already.
        similar_to: Option<String>,
    },
}

/// What there is to do for learning.
#[derive(Clone, Debug)]
pub enum Work {
    /// Something to make a proposal of.
    Lesson(Box<Lesson>),
    /// A page that was approved, to be written.
    Page(Box<Model>),
}

impl Work {
    /// The proposal that it is about.
    #[must_use]
    pub fn id(&self) -> Uuid {
        match self {
            Self::Lesson(lesson) => lesson.id,
            Self::Page(row) => row.id,
        }
    }
}

impl Helpdesk {
    /// A desk's proposals, newest first, for its staff.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown desk, [`Error::Forbidden`] unless the caller answers there.
    pub async fn proposals(
        &self,
        caller: &Caller,
        desk: &str,
        state: Option<State>,
        limit: u64,
    ) -> Result<Vec<Model>, Error> {
        if !caller.is_staff() {
            return Err(Error::Forbidden("this is for the staff".to_owned()));
        }
        caller.require_desk(desk)?;
        let desk = self.known_desk(desk)?;
        query::proposals(&self.store, &desk.name, state, limit).await
    }

    /// One proposal, for the staff of its desk; to others it does not exist.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] unless the caller is of the staff.
    pub async fn proposal(&self, caller: &Caller, id: Uuid) -> Result<Model, Error> {
        if !caller.is_staff() {
            return Err(Error::Forbidden("this is for the staff".to_owned()));
        }
        let row = query::proposal(&self.store, id).await?;
        let is_shown = |row: &Model| row.state != State::Due && caller.serves(&row.desk);
        row.filter(is_shown).ok_or_else(|| Error::NotFound(format!("proposal {id}")))
    }

    /// Makes a page of a proposal. Ends when the page is on disk, or when `patience` does.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it was decided before or is not at the version `expected`; [`Error::Unavailable`] when the
    /// page could not be written: then nothing is approved; [`Error::NotReady`]; [`Error::Invalid`]; else as
    /// [`Helpdesk::proposal`].
    pub async fn approve_proposal(
        &self,
        caller: &Caller,
        id: Uuid,
        expected: Option<i64>,
        edits: Edits,
        patience: Duration,
    ) -> Result<Model, Error> {
        self.proposal(caller, id).await?;
        let edits = Edits {
            title: edits.title.map(|text| checked("title", text, MAX_TITLE)).transpose()?,
            question: edits.question.map(|text| checked("question", text, MAX_QUESTION)).transpose()?,
            answer: edits.answer.map(|text| checked("answer", text, MAX_BODY / 4)).transpose()?,
        };
        let mut commits = self.commits();
        let deadline = time::Instant::now() + patience;
        let decide = Decide { id, expected, caller: caller.clone(), decision: Decision::Approve(edits) };
        let approved = self.writer.write(decide).await?;
        loop {
            let row = self.proposal(caller, id).await?;
            match row.state {
                State::Approved if row.page.is_some() => return Ok(row),
                State::Approved if row.version == approved.version => {}
                _ => {
                    let reason = row.reason.unwrap_or_default();
                    return Err(Error::Unavailable(format!("the page could not be written: {reason}")));
                }
            }
            if time::timeout_at(deadline, ring(&mut commits, |commit| commit.learning)).await.is_err() {
                return Err(Error::NotReady);
            }
        }
    }

    /// Decides that nothing is learned from a proposal.
    ///
    /// # Errors
    /// As [`Helpdesk::approve_proposal`], but for the page.
    pub async fn reject_proposal(
        &self,
        caller: &Caller,
        id: Uuid,
        expected: Option<i64>,
        reason: Option<String>,
    ) -> Result<Model, Error> {
        self.proposal(caller, id).await?;
        let reason = reason.map(|text| checked("reason", text, MAX_QUESTION)).transpose()?;
        let decide = Decide { id, expected, caller: caller.clone(), decision: Decision::Reject(reason) };
        self.writer.write(decide).await
    }

    /// Takes one job for a worker that is not at one of `running`: a page to be written before a ticket to learn from. As
    /// for `lease`, see [`Helpdesk::claim_requests`].
    ///
    /// # Errors
    /// [`Error::WriteFailed`], [`Error::Database`].
    pub async fn claim_learning(
        &self,
        worker: Uuid,
        lease: Duration,
        running: &HashSet<Uuid>,
    ) -> Result<Option<Work>, Error> {
        self.claim_jobs(ClaimJobs { worker, lease, copilots: 0, proposals: 1 }).await?;
        let rows = query::proposals_of(&self.store, self.claimant(worker), self.clock.now()).await?;
        for row in rows.into_iter().filter(|row| !running.contains(&row.id)) {
            if row.state == State::Approved {
                return Ok(Some(Work::Page(Box::new(row))));
            }
            let Some(id) = row.ticket_id else { continue };
            // Erased between two looks.
            let Some(ticket) = query::ticket_by_id(&self.store, id).await? else { continue };
            let said = self.said(ticket.id).await?;
            let mut others = query::proposals(&self.store, &row.desk, None, COMPARED).await?;
            others.retain(|other| other.state != State::Discarded);
            return Ok(Some(Work::Lesson(Box::new(Lesson { id: row.id, ticket, said, others }))));
        }
        Ok(None)
    }

    /// Notes what was made of a ticket.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn settle_lesson(&self, id: Uuid, learned: Learned) -> Result<(), Error> {
        let learned = match learned {
            Learned::Proposal { question, answer, source } => {
                Learned::Proposal { question: without_nul(question), answer: without_nul(answer), source }
            }
            nothing @ Learned::Nothing { .. } => nothing,
        };
        self.writer.write(SettleLesson { id, learned }).await
    }

    /// Notes that an approved page is on disk, by its path in the desk's folder, or why it is not: then it is to be
    /// decided again.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn note_page(&self, id: Uuid, written: Result<String, String>) -> Result<(), Error> {
        self.writer.write(NotePage { id, written }).await
    }
}

fn checked(field: &'static str, text: String, longest: usize) -> Result<String, Error> {
    let text = without_nul(text);
    let text = text.trim();
    if text.is_empty() || text.chars().count() > longest {
        return Err(Error::invalid(field, format!("must have 1 to {longest} characters")));
    }
    Ok(text.to_owned())
}
