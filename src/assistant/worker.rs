//! Answering what is due: several tickets at once, each by one worker, and none that the conversation has overtaken.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures::FutureExt;
use tokio::{
    sync::broadcast::error::RecvError,
    task::{self, JoinSet},
    time,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use super::{
    brain::{Brain, Failure},
    meter::Meter,
    model::{Model, ModelError},
    outcome::give_up,
    progress::Progress,
};
use crate::{
    health::{Health, Status},
    helpdesk::{Call, Committed, Drafted, Due, Error, Fate, Helpdesk, Stage},
    traces,
};

/// How long a dead worker's tickets wait for another; a living one renews in time.
const LEASE: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How often to look without having been rung: for what another process stored or left behind.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a model that is down is asked for a sign of life.
const PROBE_EVERY: Duration = Duration::from_secs(30);

/// The assistant of one process.
pub struct Worker {
    helpdesk: Helpdesk,
    brain: Arc<Brain>,
    health: Health,
    concurrency: usize,
    id: Uuid,
    running: HashMap<Uuid, Run>,
    runs: JoinSet<()>,
    /// When something is due.
    wake: time::Instant,
}

struct Run {
    epoch: i64,
    cancel: CancellationToken,
    task: task::Id,
}

impl Worker {
    /// A worker that answers up to `concurrency` tickets at once.
    #[must_use]
    pub fn new(helpdesk: Helpdesk, brain: Arc<Brain>, health: Health, concurrency: usize) -> Self {
        Self {
            helpdesk,
            brain,
            health,
            concurrency,
            id: Uuid::now_v7(),
            running: HashMap::new(),
            runs: JoinSet::new(),
            wake: time::Instant::now(),
        }
    }

    /// Works until `stop` is called; drafts that are running then are dropped and begun anew by the next process.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut commits = self.helpdesk.commits();
        let mut renew = time::interval(RENEW_EVERY);
        let prober =
            tokio_util::task::AbortOnDropHandle::new(tokio::spawn(probe(Arc::clone(&self.brain), self.health.clone())));
        loop {
            let is_free = self.runs.len() < self.concurrency;
            let next_look = self.wake.min(time::Instant::now() + LOOK_EVERY);
            tokio::select! {
                () = stop.cancelled() => break,
                commit = commits.recv() => match commit {
                    Ok(commit) => self.hear(&commit),
                    // The rows are the truth: a stale draft is refused when it commits.
                    Err(RecvError::Lagged(_)) => self.wake = time::Instant::now(),
                    Err(RecvError::Closed) => break,
                },
                Some(ended) = self.runs.join_next_with_id(), if !self.runs.is_empty() => self.forget(ended),
                _ = renew.tick() => self.renew().await,
                () = time::sleep_until(next_look), if is_free => self.claim().await,
            }
        }
        drop(prober);
        // Each notes what it has spent, which is not long.
        self.running.values().for_each(|run| run.cancel.cancel());
        while self.runs.join_next().await.is_some() {}
        // The next process need not wait for the leases' end.
        if let Err(error) = self.helpdesk.free_leases(self.id).await {
            tracing::warn!(%error, "tickets could not be given back; their leases end by themselves");
        }
    }

    fn hear(&mut self, commit: &Committed) {
        for (ticket, epoch) in &commit.epochs {
            if let Some(run) = self.running.get(ticket).filter(|run| run.epoch < *epoch) {
                run.cancel.cancel();
            }
        }
        if let Some(due) = commit.reply_due_at {
            self.wake = self.wake.min(self.instant_of(due));
        }
    }

    fn instant_of(&self, due: DateTime<Utc>) -> time::Instant {
        time::Instant::now() + (due - self.helpdesk.clock().now()).to_std().unwrap_or_default()
    }

    fn forget(&mut self, ended: Result<(task::Id, ()), task::JoinError>) {
        let ended = match ended {
            Ok((task, ())) => task,
            Err(error) => {
                // Its lease ends by itself, since nobody renews it any more: another run will try.
                tracing::error!(%error, "a draft failed unexpectedly");
                error.id()
            }
        };
        // By task, not by ticket: a newer run may have taken the ticket over.
        self.running.retain(|_, run| run.task != ended);
    }

    async fn renew(&self) {
        if self.running.is_empty() {
            return;
        }
        let tickets = self.running.keys().copied().collect();
        if let Err(error) = self.helpdesk.renew_leases(self.id, tickets, LEASE).await {
            tracing::error!(%error, "leases could not be renewed");
        }
    }

    async fn claim(&mut self) {
        let limit = u64::try_from(self.concurrency.saturating_sub(self.runs.len())).unwrap_or(u64::MAX);
        let running = self.running.iter().map(|(ticket, run)| (*ticket, run.epoch)).collect();
        let claimed = match self.helpdesk.claim_due(self.id, limit, LEASE, running).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "due tickets could not be claimed");
                self.wake = time::Instant::now() + LOOK_EVERY;
                return;
            }
        };
        self.wake = match claimed.next_due {
            Some(due) => self.instant_of(due),
            None => time::Instant::now() + LOOK_EVERY,
        };
        for due in claimed.due {
            self.start(due);
        }
    }

    fn start(&mut self, due: Due) {
        let cancel = CancellationToken::new();
        let (id, epoch) = (due.ticket.id, due.ticket.epoch);
        let cancelled = cancel.clone();
        let (helpdesk, brain, health) = (self.helpdesk.clone(), Arc::clone(&self.brain), self.health.clone());
        let span = traces::answer(id, &due.ticket.desk);
        let answering = async move {
            helpdesk.announce_draft(&due.ticket, Stage::Begun);
            let meter = Meter::new(&due.ticket.desk);
            tokio::select! {
                () = cancelled.cancelled() => {
                    helpdesk.announce_typing(&due.ticket, false);
                    // The draft is gone by now, and its requests with it.
                    record(&helpdesk, due.ticket.id, meter.take()).await;
                }
                () = answer(&helpdesk, &brain, &health, &due, &meter) => {}
            }
            helpdesk.announce_draft(&due.ticket, Stage::Ended);
        };
        let run = self.runs.spawn(answering.instrument(span));
        if let Some(older) = self.running.insert(id, Run { epoch, cancel, task: run.id() }) {
            // One worker a ticket: the draft that this one replaces ends now, not when it would notice.
            older.cancel.cancel();
        }
    }
}

async fn answer(helpdesk: &Helpdesk, brain: &Brain, health: &Health, due: &Due, meter: &Meter) {
    let ticket = &due.ticket;
    let began = Instant::now();
    let budget = match helpdesk.reached_budget(ticket).await {
        Ok(budget) => budget,
        Err(error) => {
            tracing::error!(%error, ticket.id = %ticket.id, "the budgets cannot be read; the answer is tried again");
            return;
        }
    };
    helpdesk.announce_reading(due);
    helpdesk.announce_typing(ticket, true);
    // A bug that one ticket touches must not come back with it for ever.
    let (teller, watched) = (helpdesk.clone(), ticket.clone());
    let progress = Progress::to(move |stage| teller.announce_draft(&watched, stage));
    let drafting = AssertUnwindSafe(brain.draft(due, budget, meter, &progress)).catch_unwind();
    let drafted = while_looking(helpdesk, due, drafting).await.unwrap_or(Err(Failure::Bug));
    let calls = meter.take();
    if let Some(model) = &brain.model {
        report(health, model, &calls, &drafted);
    }
    let drafted = match drafted {
        Ok(thought) => thought.drafted,
        Err(failure) => {
            tracing::warn!(ticket.id = %ticket.id, reason = %failure, "no answer; a person gets the ticket");
            Drafted::of(give_up(&failure, due))
        }
    };
    match helpdesk.commit_draft(ticket.id, ticket.epoch, Drafted { calls, ..drafted }).await {
        Ok(Fate::Committed) => tracing::debug!(
            ticket.id = %ticket.id,
            desk.name = ticket.desk,
            duration_ms = began.elapsed().as_millis(),
            "answered"
        ),
        Ok(Fate::Stale) => helpdesk.announce_typing(ticket, false),
        Err(error) => {
            tracing::error!(%error, ticket.id = %ticket.id, "an answer could not be stored; it is tried again")
        }
    }
}

/// Waits for a draft; if it takes long and the desk wants that, the customer is told so, once.
async fn while_looking<T>(helpdesk: &Helpdesk, due: &Due, drafting: impl Future<Output = T>) -> T {
    let after = helpdesk.desk(&due.ticket.desk).and_then(|desk| desk.still_looking_after);
    let mut drafting = pin!(drafting);
    let Some(after) = after else { return drafting.await };
    tokio::select! {
        drafted = &mut drafting => return drafted,
        () = time::sleep(after) => {}
    }
    // Both go on, and the line is on its way before the answer is committed.
    let (said, drafted) = tokio::join!(helpdesk.say_still_looking(due.ticket.id, due.ticket.epoch), drafting);
    said.unwrap_or_else(|error| tracing::warn!(%error, ticket.id = %due.ticket.id, "the customer is not told to wait"));
    drafted
}

/// Says how the model is, if this run has found out.
fn report<T>(health: &Health, model: &Model, calls: &[Call], drafted: &Result<T, Failure>) {
    if !calls.is_empty() || matches!(drafted, Err(Failure::Model(ModelError::Down(_)))) {
        health.set_assistant(model.status());
    }
}

/// Notes what a run has spent that led to nothing.
async fn record(helpdesk: &Helpdesk, ticket: Uuid, calls: Vec<Call>) {
    match helpdesk.record_calls(Some(ticket), calls).await {
        Ok(()) => {}
        Err(Error::Stopping) => tracing::debug!(ticket.id = %ticket, "calls could not be noted: we are stopping"),
        Err(error) => tracing::error!(%error, ticket.id = %ticket, "calls could not be noted"),
    }
}

/// Asks the model's endpoints for a sign of life: at the start, and while they are down.
async fn probe(brain: Arc<Brain>, health: Health) {
    let Some(model) = &brain.model else {
        health.set_assistant(Status::Healthy);
        return;
    };
    loop {
        if !health.assistant().is_healthy() {
            health.set_assistant(model.probe().await);
        }
        time::sleep(PROBE_EVERY).await;
    }
}
