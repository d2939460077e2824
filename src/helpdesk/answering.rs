//! What the assistant does: it claims what is due, and commits what it drafted.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use deskbridge_entity::{message::Author, ticket};
use uuid::Uuid;

use super::{
    Condensed, Drafted, Error, Fate, HandOff, Helpdesk, Outcome, Reach, Signal, Stage, Triage, Utterance, Words,
    operation::{
        answer::{ClaimDue, CommitDraft, FreeLeases, Leased, RenewLeases, SayStillLooking},
        line::subject_of,
    },
    query,
    typing::client_of,
    unit::new_ticket,
    without_nul,
};

/// Messages of a ticket that the assistant looks at; a prompt's budget cuts further.
const TRANSCRIPT: u64 = 60;

/// A ticket that is owed an answer.
#[derive(Debug)]
pub struct Due {
    /// The ticket; the claim's alone until its lease ends.
    pub ticket: ticket::Model,
    /// Its last public messages, oldest first.
    pub transcript: Vec<Utterance>,
}

impl Due {
    /// A ticket that stands in no database, with what was said in it: for trying out how it would be answered.
    #[must_use]
    pub fn imagined(desk: &str, customer: &str, said: &[(Author, String)], now: DateTime<Utc>) -> Self {
        let first = said.iter().find(|(author, _)| *author == Author::Customer);
        let subject = subject_of(first.map(|(_, body)| body.as_str()).unwrap_or_default());
        let mut ticket = new_ticket(Uuid::now_v7(), desk, customer, &subject, now);
        ticket.episode_answers =
            said.iter().filter(|(author, _)| *author == Author::Assistant).fold(0, |count, _| count + 1);
        let numbered = (1..).zip(said);
        let transcript =
            numbered.map(|(seq, (author, body))| Utterance::imagined(ticket.id, seq, *author, body)).collect();
        Self { ticket, transcript }
    }
}

/// What a claim brought.
#[derive(Debug)]
pub struct Claimed {
    /// The tickets, the longest due first.
    pub due: Vec<Due>,
    /// When the next answer is due, if one is known.
    pub next_due: Option<DateTime<Utc>>,
}

impl Helpdesk {
    /// Claims due tickets for a worker, oldest first, each with its last messages, leaving out what the worker is at
    /// already. On a shared database the claim holds for as long as `lease`.
    ///
    /// # Errors
    /// [`Error::WriteFailed`], [`Error::Database`].
    pub async fn claim_due(
        &self,
        worker: Uuid,
        limit: u64,
        lease: Duration,
        running: HashMap<Uuid, i64>,
    ) -> Result<Claimed, Error> {
        let (tickets, next_due) = if self.store.is_embedded() {
            // With the database to itself a process knows what it is at, and after a crash nobody is: a look is enough.
            let now = self.clock.now();
            let rows = query::due(now, limit, &running).all(self.store.house()).await?;
            query::pick_due(rows, now, limit, &running)
        } else {
            let Leased { tickets, next_due } = self.writer.write(ClaimDue { worker, limit, lease, running }).await?;
            (tickets, next_due)
        };
        let ids: Vec<Uuid> = tickets.iter().map(|ticket| ticket.id).collect();
        let mut transcripts = query::transcripts(&self.store, &ids, TRANSCRIPT).await?;
        let with_transcript = |ticket: ticket::Model| {
            let transcript = transcripts.remove(&ticket.id).unwrap_or_default();
            Due { ticket, transcript }
        };
        Ok(Claimed { due: tickets.into_iter().map(with_transcript).collect(), next_due })
    }

    /// Keeps tickets that a worker holds and still works on.
    ///
    /// # Errors
    /// [`Error::Stopping`].
    pub async fn renew_leases(&self, worker: Uuid, tickets: Vec<Uuid>, lease: Duration) -> Result<(), Error> {
        if self.store.is_embedded() {
            return Ok(());
        }
        self.writer.queue(RenewLeases { worker, tickets, lease }).await.map(drop)
    }

    /// Gives back what a worker still holds and will not answer.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn free_leases(&self, worker: Uuid) -> Result<(), Error> {
        if self.store.is_embedded() {
            return Ok(());
        }
        self.writer.write(FreeLeases { worker }).await
    }

    /// Tells a customer once that the answer is still being made, unless it is there or the conversation went on since
    /// `epoch`.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn say_still_looking(&self, ticket: Uuid, epoch: i64) -> Result<(), Error> {
        self.writer.write(SayStillLooking { ticket, epoch }).await
    }

    /// Commits a draft that was begun on `epoch`, unless the conversation went on meanwhile. Its calls are noted in
    /// either case.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn commit_draft(&self, ticket: Uuid, epoch: i64, drafted: Drafted) -> Result<Fate, Error> {
        let Drafted { triage, outcome, condensed, .. } = drafted;
        let triage = Triage {
            subject: triage.subject.map(without_nul),
            tags: triage.tags.into_iter().map(without_nul).collect(),
            ..triage
        };
        let condensed = condensed.map(|new| Condensed { summary: without_nul(new.summary), ..new });
        let outcome = match outcome {
            Outcome::Answer { body } => Outcome::Answer { body: without_nul(body) },
            Outcome::Resolve { body } => Outcome::Resolve { body: without_nul(body) },
            Outcome::HandOff(HandOff { words, reason, summary, issue }) => Outcome::HandOff(HandOff {
                words: match words {
                    Words::Own(words) => Words::Own(without_nul(words)),
                    fixed => fixed,
                },
                reason: without_nul(reason),
                summary: without_nul(summary),
                issue: without_nul(issue),
            }),
        };
        let drafted = Drafted { triage, outcome, condensed, ..drafted };
        self.writer.write(CommitDraft { ticket, epoch, drafted }).await
    }

    /// Tells those of the staff who watch a ticket how far the assistant's draft is.
    pub fn announce_draft(&self, ticket: &ticket::Model, stage: Stage) {
        let reach = Reach::inside(ticket);
        let _ = self.signals.send(Signal::Drafts { ticket: ticket.id, reach, stage });
    }

    /// Tells a ticket's customer that its newest line is being read, if the client would like to know.
    pub fn announce_reading(&self, due: &Due) {
        let newest = due.transcript.iter().rev().find(|message| message.author == Author::Customer);
        let Some(stanza_id) = newest.and_then(|line| line.markable_id.clone()) else { return };
        let Some(to) = client_of(&due.ticket) else { return };
        let _ = self.signals.send(Signal::Reading { desk: due.ticket.desk.clone(), to, stanza_id });
    }
}
