//! The assistant's second worker: what agents ask for, what is to be learned, and pages that were approved.
//!
//! Apart from the one that answers customers, so that neither waits for the other. The row is the queue, and the commit's
//! ring only a doorbell.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use deskbridge_entity::{proposal, ticket};
use futures::FutureExt;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    task::{self, JoinSet},
    time,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    brain::{Brain, Failure},
    copilot, learning,
    meter::Meter,
    model::ModelError,
    page,
};
use crate::{
    helpdesk::{Call, Committed, Error, Helpdesk, Learned, Lesson, Request, Work},
    knowledge::EditError,
};

/// Requests of agents that are worked on at once.
const AT_ONCE: usize = 2;
/// How long a dead worker's jobs wait for another; a living one keeps them in time.
const LEASE: Duration = Duration::from_secs(15);
const HOLD_EVERY: Duration = Duration::from_secs(5);
/// How often to look without having been rung: for what another process stored or left behind.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pause before a ticket is tried again that nothing could be learned from; it doubles with each try.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// Tries of a ticket when it is not the endpoint that is down.
const TRIES: u32 = 3;

/// The worker of one process.
pub struct Aide {
    helpdesk: Helpdesk,
    brain: Arc<Brain>,
    id: Uuid,
    runs: JoinSet<Ended>,
    /// Requests that are being made.
    requests: HashSet<Uuid>,
    /// The proposal that is being made or written.
    lesson: Option<Uuid>,
    /// Tickets that are to be tried again: how often they were, and when.
    later: HashMap<Uuid, (u32, time::Instant)>,
}

/// What has ended.
enum Ended {
    Request(Uuid),
    /// With the failure, if it is to be tried again.
    Lesson(Uuid, Option<Failure>),
}

impl Aide {
    /// A worker.
    #[must_use]
    pub fn new(helpdesk: Helpdesk, brain: Arc<Brain>) -> Self {
        Self {
            helpdesk,
            brain,
            id: Uuid::now_v7(),
            runs: JoinSet::new(),
            requests: HashSet::new(),
            lesson: None,
            later: HashMap::new(),
        }
    }

    /// Works until `stop` is called; what runs then is begun anew by the next process.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut commits = self.helpdesk.commits();
        let mut hold = time::interval(HOLD_EVERY);
        loop {
            if let Err(error) = self.start_some().await {
                tracing::error!(%error, "what agents ask for could not be read");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = self.runs.join_next(), if !self.runs.is_empty() => self.end(ended),
                _ = hold.tick() => self.hold().await,
                () = ring(&mut commits) => {}
                () = time::sleep(LOOK_EVERY) => {}
            }
        }
        self.runs.shutdown().await;
        // The next process need not wait for the leases' end.
        if let Err(error) = self.helpdesk.free_jobs(self.id).await {
            tracing::warn!(%error, "what agents ask for could not be given back; the leases end by themselves");
        }
    }

    async fn start_some(&mut self) -> Result<(), Error> {
        let free = u64::try_from(AT_ONCE.saturating_sub(self.requests.len())).unwrap_or(u64::MAX);
        for request in self.helpdesk.claim_requests(self.id, free, LEASE, &self.requests).await? {
            self.requests.insert(request.row.id);
            let (helpdesk, brain) = (self.helpdesk.clone(), Arc::clone(&self.brain));
            self.runs.spawn(async move { help(&helpdesk, &brain, &request).await });
        }
        if self.lesson.is_some() {
            return Ok(());
        }
        let now = time::Instant::now();
        let not: HashSet<Uuid> = self.later.iter().filter(|(_, (_, at))| *at > now).map(|(id, _)| *id).collect();
        let Some(work) = self.helpdesk.claim_learning(self.id, LEASE, &not).await? else { return Ok(()) };
        self.lesson = Some(work.id());
        let (helpdesk, brain) = (self.helpdesk.clone(), Arc::clone(&self.brain));
        match work {
            Work::Lesson(lesson) => {
                let is_last = self.later.get(&lesson.id).is_some_and(|(tries, _)| *tries + 1 >= TRIES);
                self.runs.spawn(async move { learn(&helpdesk, &brain, &lesson, is_last).await });
            }
            Work::Page(row) => {
                self.runs.spawn(async move { write(&helpdesk, &brain, *row).await });
            }
        }
        Ok(())
    }

    fn end(&mut self, ended: Result<Ended, task::JoinError>) {
        match ended {
            Ok(Ended::Request(id)) => drop(self.requests.remove(&id)),
            Ok(Ended::Lesson(id, failure)) => {
                self.lesson = None;
                let tries = self.later.remove(&id).map_or(0, |(tries, _)| tries);
                if failure.is_some() {
                    let pause = TRY_AGAIN * 2_u32.pow(tries.min(6));
                    self.later.insert(id, (tries + 1, time::Instant::now() + pause));
                }
            }
            Err(error) => {
                tracing::error!(%error, "helping an agent failed unexpectedly");
                // Which one it was is not known: what is begun twice is stored once.
                self.requests.clear();
                self.lesson = None;
            }
        }
    }

    async fn hold(&self) {
        if self.requests.is_empty() && self.lesson.is_none() {
            return;
        }
        if let Err(error) = self.helpdesk.hold_jobs(self.id, LEASE).await {
            tracing::error!(%error, "leases could not be renewed");
        }
    }
}

async fn help(helpdesk: &Helpdesk, brain: &Brain, request: &Request) -> Ended {
    let (ticket, meter) = (&request.ticket, Meter::new(&request.ticket.desk));
    let making = async {
        check_budget(helpdesk, brain, ticket).await?;
        copilot::make(brain, request, &meter).await
    };
    // A bug that one ticket touches must not come back with it for ever.
    let made = AssertUnwindSafe(making).catch_unwind().await.unwrap_or(Err(Failure::Bug));
    record(helpdesk, ticket.id, meter.take()).await;
    let outcome = made.map_err(|failure| {
        tracing::warn!(ticket.id = %ticket.id, reason = %failure, "an agent's request could not be met");
        failure.to_string()
    });
    if let Err(error) = helpdesk.settle_request(request.row.id, outcome).await {
        tracing::error!(%error, ticket.id = %ticket.id, "what was made for an agent could not be stored; it is tried again");
    }
    Ended::Request(request.row.id)
}

/// `is_last`: a failure that is not the endpoint's ends it.
async fn learn(helpdesk: &Helpdesk, brain: &Brain, lesson: &Lesson, is_last: bool) -> Ended {
    let meter = Meter::new(&lesson.ticket.desk);
    let making = async {
        check_budget(helpdesk, brain, &lesson.ticket).await?;
        learning::make(brain, lesson, &meter).await
    };
    let made = AssertUnwindSafe(making).catch_unwind().await.unwrap_or(Err(Failure::Bug));
    record(helpdesk, lesson.ticket.id, meter.take()).await;
    let learned = match made {
        Err(failure) if may_pass(&failure) || !is_last => {
            tracing::info!(reason = %failure, "a ticket could not be learned from; it is tried again");
            return Ended::Lesson(lesson.id, Some(failure));
        }
        Err(failure) => Learned::Nothing { reason: failure.to_string(), similar_to: None },
        Ok(learned) => learned,
    };
    if let Err(error) = helpdesk.settle_lesson(lesson.id, learned).await {
        tracing::error!(%error, "a proposal could not be stored; it is tried again");
        return Ended::Lesson(lesson.id, Some(Failure::Bug));
    }
    Ended::Lesson(lesson.id, None)
}

/// Whether the desk's month has tokens left. The other budgets bound what customers cause.
async fn check_budget(helpdesk: &Helpdesk, brain: &Brain, ticket: &ticket::Model) -> Result<(), Failure> {
    if brain.model.is_none() {
        return Ok(());
    }
    match helpdesk.desk_budget(&ticket.desk).await {
        Ok(None) => Ok(()),
        Ok(Some(budget)) => Err(Failure::Budget(budget)),
        Err(error) => {
            tracing::error!(%error, "the budgets cannot be read");
            Err(Failure::Bug)
        }
    }
}

/// Whether a failure has nothing to do with what was asked.
fn may_pass(failure: &Failure) -> bool {
    match failure {
        Failure::Timeout(_) | Failure::Budget(_) => true,
        Failure::Model(ModelError::Failed(error)) => error.is_outage(),
        Failure::Model(ModelError::Down(_) | ModelError::OutOfTime) => true,
        Failure::Model(ModelError::OutOfTokens(_)) | Failure::Prompt(_) | Failure::Bug => false,
    }
}

/// Notes what was spent.
async fn record(helpdesk: &Helpdesk, ticket: Uuid, calls: Vec<Call>) {
    if let Err(error) = helpdesk.record_calls(Some(ticket), calls).await {
        tracing::error!(%error, ticket.id = %ticket, "calls could not be noted");
    }
}

/// Writes an approved page; it can be found at once.
async fn write(helpdesk: &Helpdesk, brain: &Brain, row: proposal::Model) -> Ended {
    let (id, desk) = (row.id, row.desk.clone());
    let written = match brain.library.shelf(&desk) {
        None => Err(EditError::NoFolder),
        Some(shelf) => page::write(shelf, &row).await,
    }
    .map_err(|error| error.to_string());
    match &written {
        Ok(page) => tracing::info!(desk.name = desk, knowledge.page = page, "a page was learned"),
        Err(reason) => tracing::error!(desk.name = desk, reason, "an approved page could not be written"),
    }
    if let Err(error) = helpdesk.note_page(id, written).await {
        tracing::error!(%error, "that a page was written could not be stored; it is tried again");
        return Ended::Lesson(id, Some(Failure::Bug));
    }
    Ended::Lesson(id, None)
}

/// Returns when a commit has left something to do.
async fn ring(commits: &mut broadcast::Receiver<Arc<Committed>>) {
    loop {
        match commits.recv().await {
            Ok(commit) if !commit.copilot && !commit.learning => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // The process is ending; the other branches will say so.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
