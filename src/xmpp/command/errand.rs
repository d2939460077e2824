//! Commands that are being carried out, apart from what only reads and answers, so that a long one holds up neither
//! lines nor presence: those of one customer one after the other, those of a few customers at a time. Nobody may have more
//! than a few waiting.
//!
//! All of them are polled all the time, those that wait, too: a future that is polled once and left keeps what it has
//! asked for meanwhile, such as a connection to the database, and nobody else gets it. Their turn is something that they
//! wait for themselves.

use std::{
    collections::HashMap,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use jid::BareJid;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::xmpp::outlet::SendError;

/// How many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Errands that may wait in all.
    waiting: usize,
    /// Errands of one bare JID that may wait.
    of_one: usize,
    /// Customers who have their turn at a time.
    at_once: usize,
}

/// Those of commands.
pub const COMMANDS: Bounds = Bounds { waiting: 256, of_one: 8, at_once: 8 };
/// Those of exports, each of which holds some megabytes and goes out slowly: others' commands must not wait behind them.
pub const EXPORTS: Bounds = Bounds { waiting: 64, of_one: 1, at_once: 2 };

type Errand = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send>>;

/// Where errands are handed in.
#[derive(Clone)]
pub struct Errands {
    queue: mpsc::UnboundedSender<Errand>,
    lanes: Lanes,
    places: Arc<Semaphore>,
    bounds: Bounds,
}

/// Too many wait.
#[derive(Debug, PartialEq, Eq)]
pub struct Busy;

impl Errands {
    /// The way in, and what runs them until the link is down.
    pub fn new(bounds: Bounds) -> (Self, impl Future<Output = ()> + Send + 'static) {
        // Bounded by what is counted.
        let (queue, errands) = mpsc::unbounded_channel();
        let places = Arc::new(Semaphore::new(bounds.at_once));
        (Self { queue, lanes: Lanes::default(), places, bounds }, run(errands))
    }

    /// Hands in an errand for somebody. Its first step is taken at once: a change that it queues comes before the lines
    /// behind it. It must wait for its [`Turn`] before it reads and before it answers.
    ///
    /// # Errors
    /// [`Busy`]; then nothing was done.
    pub fn hand_in<E>(&self, whose: &BareJid, errand: impl FnOnce(Turn) -> E) -> Result<(), Busy>
    where
        E: Future<Output = Result<(), SendError>> + Send + 'static,
    {
        let (before, waiting) = self.lanes.enter(whose.clone(), self.bounds).ok_or(Busy)?;
        let errand = errand(Turn { before, places: Arc::clone(&self.places) });
        let mut errand: Errand = Box::pin(async move {
            let _waiting = waiting;
            errand.await
        });
        if (&mut errand).now_or_never().is_none() {
            // Nobody runs them any more: the link is down.
            let _ = self.queue.send(errand);
        }
        Ok(())
    }
}

/// An errand's turn, which comes when its owner's errands before it are done and there is a place.
#[must_use]
pub struct Turn {
    /// Ends with the one before it.
    before: Option<oneshot::Receiver<Infallible>>,
    places: Arc<Semaphore>,
}

/// Held while an errand has its turn.
#[must_use]
pub struct Place {
    _held: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// The turn of what waits for nobody, because it is bounded elsewhere.
    pub fn aside() -> Self {
        Self { before: None, places: Arc::new(Semaphore::new(1)) }
    }

    /// Returns when the turn has come; it ends with what is returned.
    pub async fn come(self) -> Place {
        if let Some(before) = self.before {
            // It only ever ends.
            let _ = before.await;
        }
        // The places are never closed.
        Place { _held: self.places.acquire_owned().await.ok() }
    }
}

/// Who has how many errands, and the end of everybody's last.
#[derive(Clone, Default)]
struct Lanes(Arc<Mutex<HashMap<BareJid, Lane>>>);

#[derive(Default)]
struct Lane {
    count: usize,
    last: Option<oneshot::Receiver<Infallible>>,
}

impl Lanes {
    /// The end of the one before, if there is one, and a place in the lane; `None` when too many wait.
    fn enter(&self, whose: BareJid, bounds: Bounds) -> Option<(Option<oneshot::Receiver<Infallible>>, Waiting)> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = lanes.values().map(|lane| lane.count).sum();
        if all >= bounds.waiting || lanes.get(&whose).is_some_and(|lane| lane.count >= bounds.of_one) {
            return None;
        }
        let (end, ended) = oneshot::channel();
        let lane = lanes.entry(whose.clone()).or_default();
        lane.count += 1;
        let before = lane.last.replace(ended);
        Some((before, Waiting { whose, lanes: self.clone(), _end: end }))
    }
}

/// One that waits or runs; it is counted until it is dropped.
struct Waiting {
    whose: BareJid,
    lanes: Lanes,
    /// Dropping it lets the next one go.
    _end: oneshot::Sender<Infallible>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut lanes = self.lanes.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get_mut(&self.whose) {
            lane.count -= 1;
            if lane.count == 0 {
                lanes.remove(&self.whose);
            }
        }
    }
}

async fn run(mut errands: mpsc::UnboundedReceiver<Errand>) {
    let (mut running, mut is_open) = (FuturesUnordered::new(), true);
    while is_open || !running.is_empty() {
        tokio::select! {
            next = errands.recv(), if is_open => match next {
                Some(errand) => running.push(errand),
                None => is_open = false,
            },
            Some(result) = running.next() => {
                if result == Err(SendError::Down) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn jid(name: &str) -> BareJid {
        format!("{name}@example.com").parse().unwrap()
    }

    #[tokio::test]
    async fn the_first_step_is_taken_at_once_and_the_rest_in_turn() {
        let (errands, run) = Errands::new(COMMANDS);
        let steps = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let steps = Arc::clone(&steps);
            let errand = |turn: Turn| async move {
                steps.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                let _place = turn.come().await;
                steps.fetch_add(10, Ordering::Relaxed);
                Ok(())
            };
            errands.hand_in(&jid("ann"), errand).unwrap();
        }
        assert_eq!(steps.load(Ordering::Relaxed), 2);
        drop(errands);
        run.await;
        assert_eq!(steps.load(Ordering::Relaxed), 22);
    }

    #[tokio::test]
    async fn a_long_one_holds_up_only_its_owner() {
        let (errands, run) = Errands::new(COMMANDS);
        let (release, held) = oneshot::channel::<()>();
        let (done, mut order) = mpsc::unbounded_channel();
        let errand = |name: &'static str, first: Pin<Box<dyn Future<Output = ()> + Send>>| {
            let done = done.clone();
            move |turn: Turn| async move {
                let _place = turn.come().await;
                first.await;
                done.send(name).unwrap();
                Ok(())
            }
        };
        let pause = || Box::pin(tokio::task::yield_now());
        errands.hand_in(&jid("ann"), errand("long", Box::pin(held.map(drop)))).unwrap();
        errands.hand_in(&jid("ann"), errand("behind", pause())).unwrap();
        errands.hand_in(&jid("bob"), errand("other", pause())).unwrap();
        let run = tokio::spawn(run);
        assert_eq!(order.recv().await, Some("other"));
        release.send(()).unwrap();
        assert_eq!((order.recv().await, order.recv().await), (Some("long"), Some("behind")));
        drop(errands);
        run.await.unwrap();
    }

    #[tokio::test]
    async fn a_few_customers_have_their_turn_at_a_time() {
        let (errands, run) = Errands::new(COMMANDS);
        let (most, now) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for number in 0..3 * COMMANDS.at_once {
            let (most, now) = (Arc::clone(&most), Arc::clone(&now));
            let errand = |turn: Turn| async move {
                let _place = turn.come().await;
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::Relaxed);
                Ok(())
            };
            errands.hand_in(&jid(&format!("user{number}")), errand).unwrap();
        }
        drop(errands);
        run.await;
        assert_eq!((most.load(Ordering::Relaxed), now.load(Ordering::Relaxed)), (COMMANDS.at_once, 0));
    }

    fn done(_: Turn) -> std::future::Ready<Result<(), SendError>> {
        std::future::ready(Ok(()))
    }

    /// Such as a connection to the database: what one that waits has asked for before its turn must come back from it.
    #[tokio::test]
    async fn one_that_waits_for_its_turn_keeps_nothing_from_others() {
        let (errands, run) = Errands::new(COMMANDS);
        let run = tokio::spawn(run);
        let shared = Arc::new(Semaphore::new(0));
        let (release, held) = oneshot::channel::<()>();
        errands
            .hand_in(&jid("ann"), |turn: Turn| async move {
                let _place = turn.come().await;
                let _ = held.await;
                Ok(())
            })
            .unwrap();
        for _ in 1..COMMANDS.of_one {
            let shared = Arc::clone(&shared);
            let errand = |turn: Turn| async move {
                drop(shared.acquire().await);
                let _place = turn.come().await;
                Ok(())
            };
            errands.hand_in(&jid("ann"), errand).unwrap();
        }
        shared.add_permits(1);
        let free = tokio::time::timeout(std::time::Duration::from_secs(10), shared.acquire()).await;
        drop(free.expect("it has come back").unwrap());
        release.send(()).unwrap();
        drop(errands);
        run.await.unwrap();
    }

    #[tokio::test]
    async fn one_who_asks_too_much_waits_and_others_do_not() {
        let (errands, run) = Errands::new(COMMANDS);
        for _ in 0..COMMANDS.of_one {
            errands.hand_in(&jid("mallory"), |_| tokio::task::yield_now().map(Ok)).unwrap();
        }
        assert_eq!(errands.hand_in(&jid("mallory"), done), Err(Busy));
        assert_eq!(errands.hand_in(&jid("ann"), done), Ok(()));
        let run = tokio::spawn(run);
        // When they are done there is room again.
        while errands.hand_in(&jid("mallory"), done).is_err() {
            tokio::task::yield_now().await;
        }
        drop(errands);
        run.await.unwrap();
    }
}
