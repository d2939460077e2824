//! Commands that are being carried out: one after the other, apart from what only reads and answers, so that a long
//! one holds up neither lines nor presence. Nobody may have more than a few waiting.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures::FutureExt;
use jid::BareJid;
use tokio::sync::mpsc;

use crate::xmpp::outlet::SendError;

/// Errands that may wait in all.
const WAITING: usize = 256;
/// Errands of one bare JID that may wait.
const OF_ONE: usize = 8;

type Errand = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send>>;

/// Where errands are handed in.
#[derive(Clone)]
pub struct Errands {
    queue: mpsc::Sender<Errand>,
    waiting: Arc<Mutex<HashMap<BareJid, usize>>>,
}

/// Too many wait.
#[derive(Debug, PartialEq, Eq)]
pub struct Busy;

impl Errands {
    /// The way in, and what runs them until the link is down.
    pub fn new() -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, errands) = mpsc::channel(WAITING);
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
        let place = self.queue.try_reserve().map_err(|_| Busy)?;
        let ticket = self.count(whose.clone()).ok_or(Busy)?;
        let mut errand: Errand = Box::pin(async move {
            let _ticket = ticket;
            errand.await
        });
        if (&mut errand).now_or_never().is_none() {
            place.send(errand);
        }
        Ok(())
    }

    fn count(&self, whose: BareJid) -> Option<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(whose.clone()).or_default();
        if *count >= OF_ONE {
            return None;
        }
        *count += 1;
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

async fn run(mut errands: mpsc::Receiver<Errand>) {
    while let Some(errand) = errands.recv().await {
        if errand.await == Err(SendError::Down) {
            return;
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
