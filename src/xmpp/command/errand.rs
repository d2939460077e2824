//! Commands that are being carried out, apart from what only reads and answers, so that a long one holds up neither
//! lines nor presence: those of one customer one after the other, those of a few customers at a time. Nobody may have more
//! than a few waiting.

use std::{
    collections::{HashMap, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use jid::BareJid;
use tokio::sync::mpsc;

use crate::xmpp::outlet::SendError;

/// Errands that may wait in all.
const WAITING: usize = 256;
/// Errands of one bare JID that may wait.
const OF_ONE: usize = 8;
/// Customers whose errands run at a time; a long one may hold some megabytes.
const AT_ONCE: usize = 8;

type Errand = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send>>;

/// Where errands are handed in.
#[derive(Clone)]
pub struct Errands {
    queue: mpsc::UnboundedSender<(BareJid, Errand)>,
    waiting: Arc<Mutex<HashMap<BareJid, usize>>>,
}

/// Too many wait.
#[derive(Debug, PartialEq, Eq)]
pub struct Busy;

impl Errands {
    /// The way in, and what runs them until the link is down.
    pub fn new() -> (Self, impl Future<Output = ()> + Send + 'static) {
        // Bounded by what is counted.
        let (queue, errands) = mpsc::unbounded_channel();
        (Self { queue, waiting: Arc::default() }, run(errands))
    }

    /// Hands in an errand for somebody. Its first step is taken at once: a change that it queues comes before the lines
    /// behind it.
    ///
    /// # Errors
    /// [`Busy`]; then nothing was done.
    pub fn hand_in(
        &self,
        whose: &BareJid,
        errand: impl Future<Output = Result<(), SendError>> + Send + 'static,
    ) -> Result<(), Busy> {
        let ticket = self.count(whose.clone()).ok_or(Busy)?;
        let mut errand: Errand = Box::pin(async move {
            let _ticket = ticket;
            errand.await
        });
        if (&mut errand).now_or_never().is_none() {
            // Nobody runs them any more: the link is down.
            let _ = self.queue.send((whose.clone(), errand));
        }
        Ok(())
    }

    fn count(&self, whose: BareJid) -> Option<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.values().sum::<usize>() >= WAITING || waiting.get(&whose).is_some_and(|count| *count >= OF_ONE) {
            return None;
        }
        *waiting.entry(whose.clone()).or_default() += 1;
        Some(Waiting { whose, waiting: Arc::clone(&self.waiting) })
    }
}

/// One that waits or runs; it is counted until it is dropped.
struct Waiting {
    whose: BareJid,
    waiting: Arc<Mutex<HashMap<BareJid, usize>>>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.whose);
            }
        }
    }
}

/// What waits behind each customer's running errand, and whose turn is next.
#[derive(Default)]
struct Lanes {
    /// Of everybody who has an errand running or ready; the errands are those behind it.
    behind: HashMap<BareJid, VecDeque<Errand>>,
    ready: VecDeque<(BareJid, Errand)>,
}

impl Lanes {
    fn take(&mut self, whose: BareJid, errand: Errand) {
        match self.behind.get_mut(&whose) {
            Some(behind) => behind.push_back(errand),
            None => {
                self.behind.insert(whose.clone(), VecDeque::new());
                self.ready.push_back((whose, errand));
            }
        }
    }

    /// One is done: the customer's next is ready, behind those of others.
    fn done(&mut self, whose: BareJid) {
        match self.behind.get_mut(&whose).and_then(VecDeque::pop_front) {
            Some(next) => self.ready.push_back((whose, next)),
            None => {
                self.behind.remove(&whose);
            }
        }
    }
}

async fn run(mut errands: mpsc::UnboundedReceiver<(BareJid, Errand)>) {
    let (mut lanes, mut running, mut is_open) = (Lanes::default(), FuturesUnordered::new(), true);
    while is_open || !running.is_empty() {
        tokio::select! {
            next = errands.recv(), if is_open => match next {
                Some((whose, errand)) => lanes.take(whose, errand),
                None => is_open = false,
            },
            Some((whose, result)) = running.next() => {
                if result == Err(SendError::Down) {
                    return;
                }
                lanes.done(whose);
            }
        }
        while running.len() < AT_ONCE
            && let Some((whose, errand)) = lanes.ready.pop_front()
        {
            running.push(async move { (whose, errand.await) });
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
        let (errands, run) = Errands::new();
        let steps = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let steps = Arc::clone(&steps);
            let errand = async move {
                steps.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
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
        let (errands, run) = Errands::new();
        let (release, held) = tokio::sync::oneshot::channel::<()>();
        let (done, mut order) = mpsc::unbounded_channel();
        let errand = |name: &'static str, first: Pin<Box<dyn Future<Output = ()> + Send>>| {
            let done = done.clone();
            async move {
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
        let (errands, run) = Errands::new();
        let (most, now) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for number in 0..3 * AT_ONCE {
            let (most, now) = (Arc::clone(&most), Arc::clone(&now));
            let errand = async move {
                // Its first step is taken where it is handed in.
                tokio::task::yield_now().await;
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::Relaxed);
                Ok(())
            };
            errands.hand_in(&jid(&format!("user{number}")), errand).unwrap();
        }
        drop(errands);
        run.await;
        assert_eq!((most.load(Ordering::Relaxed), now.load(Ordering::Relaxed)), (AT_ONCE, 0));
    }

    #[tokio::test]
    async fn one_who_asks_too_much_waits_and_others_do_not() {
        let (errands, run) = Errands::new();
        for _ in 0..OF_ONE {
            errands.hand_in(&jid("mallory"), tokio::task::yield_now().map(Ok)).unwrap();
        }
        assert_eq!(errands.hand_in(&jid("mallory"), std::future::ready(Ok(()))), Err(Busy));
        assert_eq!(errands.hand_in(&jid("ann"), std::future::ready(Ok(()))), Ok(()));
        let run = tokio::spawn(run);
        // When they are done there is room again.
        while errands.hand_in(&jid("mallory"), std::future::ready(Ok(()))).is_err() {
            tokio::task::yield_now().await;
        }
        drop(errands);
        run.await.unwrap();
    }
}
