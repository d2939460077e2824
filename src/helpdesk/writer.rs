//! Group commit: what has queued is written in one transaction, then everybody is told.
//!
//! A commit with `synchronous=FULL` costs a sync to disk whatever it carries. So the writer takes all that waits,
//! commits once and answers for all of it: under load the cost is shared, at rest nothing waits.

use std::sync::Arc;

use sea_orm::DbErr;
use tokio::sync::{broadcast, mpsc, oneshot};
use tracing::Span;

use super::{
    Counts, Desk, Error,
    clock::Clock,
    store::Store,
    unit::{Committed, Needs, Subscribers, Unit},
};

/// Operations in one commit, at most.
const BATCH: usize = 256;
/// Operations that may wait; beyond it callers wait, and the XMPP stream with them.
const QUEUE: usize = 1024;
/// Tries of a batch, without a pause: another process may have been in the way.
const BATCH_TRIES: u32 = 2;
/// Tries of an operation that is alone. A broken one must not hold up the others for long.
const TRIES: u32 = 3;

/// The pause before a third try.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// One change of the domain. `needs` names the rows, `apply` changes them; it checks before it changes.
pub(super) trait Operation: Send + 'static {
    /// What the caller learns.
    type Output: Send + 'static;
    /// Names the rows that `apply` looks at.
    fn needs(&self, needs: &mut Needs);
    /// Applies the change to the loaded rows. Runs again if the commit did not go through.
    fn apply(&self, unit: &mut Unit) -> Result<Self::Output, Error>;
}

/// An operation with the place to answer to, whatever its output.
trait Job: Send {
    /// What asked for it: a request's span has its id.
    fn span(&self) -> &Span;
    fn needs(&self, needs: &mut Needs);
    fn apply(&mut self, unit: &mut Unit);
    fn finish(self: Box<Self>, failed: Option<&DbErr>);
}

struct Pending<O: Operation> {
    operation: O,
    keys: Arc<[String]>,
    span: Span,
    outcome: Option<Result<O::Output, Error>>,
    reply: oneshot::Sender<Result<O::Output, Error>>,
}

impl<O: Operation> Job for Pending<O> {
    fn span(&self) -> &Span {
        &self.span
    }

    fn needs(&self, needs: &mut Needs) {
        self.operation.needs(needs);
        needs.heard.extend(self.keys.iter().cloned());
    }

    fn apply(&mut self, unit: &mut Unit) {
        self.outcome = Some(unit.once(&self.keys, |unit| self.operation.apply(unit)));
    }

    fn finish(self: Box<Self>, failed: Option<&DbErr>) {
        let outcome = match failed {
            Some(error) => Err(Error::WriteFailed(error.to_string())),
            None => self.outcome.unwrap_or(Err(Error::Stopping)),
        };
        // Nobody waits any more: the change stands all the same.
        let _ = self.reply.send(outcome);
    }
}

/// What changes are made in.
pub(super) struct Place {
    pub store: Store,
    pub clock: Clock,
    pub desks: Arc<[Arc<Desk>]>,
    pub counts: Arc<Counts>,
    pub subscribers: Subscribers,
}

/// The way to the writer.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    /// What the stanza is known by whose changes it takes; none of most.
    keys: Arc<[String]>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

/// An operation's coming answer.
pub(super) type Answer<T> = oneshot::Receiver<Result<T, Error>>;

impl Writer {
    /// The writer and the task that does its work until the last handle is gone.
    pub(super) fn new(
        place: Place,
        listeners: broadcast::Sender<Arc<Committed>>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (jobs, queue) = mpsc::channel(QUEUE);
        (Self { jobs, keys: Arc::default() }, work(queue, place, listeners))
    }

    /// The way to the same writer for the changes of one stanza: of them only the first is made.
    pub(super) fn once(&self, keys: Vec<String>) -> Self {
        Self { jobs: self.jobs.clone(), keys: keys.into() }
    }

    /// Whether anybody takes what is queued.
    pub(super) fn is_open(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// What the stanza is known by whose changes it takes.
    pub(super) fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Queues an operation, in order; waits only when the queue is full. The answer comes after the commit.
    pub(super) async fn queue<O: Operation>(&self, operation: O) -> Result<Answer<O::Output>, Error> {
        let (reply, answer) = oneshot::channel();
        let job =
            Box::new(Pending { operation, keys: Arc::clone(&self.keys), span: Span::current(), outcome: None, reply });
        self.jobs.send(job).await.map_err(|_| Error::Stopping)?;
        Ok(answer)
    }

    /// Queues an operation and waits for its commit.
    pub(super) async fn write<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        self.queue(operation).await?.await.map_err(|_| Error::Stopping)?
    }
}

async fn work(mut queue: mpsc::Receiver<Box<dyn Job>>, place: Place, listeners: broadcast::Sender<Arc<Committed>>) {
    let mut jobs = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut jobs, BATCH).await > 0 {
        let mut batch = std::mem::take(&mut jobs);
        if run(&mut batch, BATCH_TRIES, &place, &listeners).await.is_ok() {
            batch.into_iter().for_each(|job| job.finish(None));
            continue;
        }
        // One of them may be the cause: each on its own, so that the others go through.
        for job in batch {
            let mut alone = vec![job];
            let result = run(&mut alone, TRIES, &place, &listeners).await;
            if let Err(error) = &result {
                place.counts.failed();
                for job in &alone {
                    tracing::error!(parent: job.span(), %error, "a change could not be stored");
                }
            }
            alone.into_iter().for_each(|job| job.finish(result.as_ref().err()));
        }
    }
}

/// Commits a batch; tries again when another process was in the way.
async fn run(
    jobs: &mut [Box<dyn Job>],
    tries: u32,
    place: &Place,
    listeners: &broadcast::Sender<Arc<Committed>>,
) -> Result<(), DbErr> {
    let mut attempt = 1;
    loop {
        match run_once(jobs, place).await {
            Ok(committed) => {
                place.counts.committed(jobs.len(), committed.written);
                // No listener is no fault: the rows are the queue, this is only the doorbell.
                let _ = listeners.send(Arc::new(committed));
                return Ok(());
            }
            // What breaks a rule of the database breaks it again.
            Err(error) if attempt >= tries || error.sql_err().is_some() => return Err(error),
            Err(error) => {
                tracing::debug!(%error, attempt, "the commit did not go through; trying again");
                tokio::time::sleep(PAUSE * (attempt - 1)).await;
                attempt += 1;
            }
        }
    }
}

async fn run_once(jobs: &mut [Box<dyn Job>], place: &Place) -> Result<Committed, DbErr> {
    let mut needs = Needs::default();
    jobs.iter().for_each(|job| job.needs(&mut needs));
    let tx = place.store.begin().await?;
    let mut unit = Unit::load(&tx, needs, place.clock.now(), Arc::clone(&place.desks)).await?;
    jobs.iter_mut().for_each(|job| job.apply(&mut unit));
    unit.commit(tx, &place.subscribers).await
}
