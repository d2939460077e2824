//! The provider's keys as they were fetched last. One task fetches; requests only ask it to.
//!
//! So a fetch does not end with the request that wanted it, and however many wait for one key, it is asked for once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jsonwebtoken::Algorithm;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};

use super::{TokenError, keys::Key, source::Source};
use crate::{
    health::{Health, Status},
    metrics,
};

/// How often keys that nobody knows are asked for, at most, by all tokens together: anybody can make up the name of a key.
const ONCE: Duration = Duration::from_secs(60);
/// How long a request waits for them: longer than a fetch may take.
const PATIENCE: Duration = Duration::from_secs(6);
/// When the keys are fetched again, unless the provider says how long they hold, within these bounds.
const REFRESH: Duration = Duration::from_secs(600);
const REFRESH_SOONEST: Duration = Duration::from_secs(60);
const REFRESH_LATEST: Duration = Duration::from_secs(3600);
/// When it is tried again after a failure; twice as long after each further one.
const RETRY: Duration = Duration::from_secs(2);
const RETRY_LATEST: Duration = Duration::from_secs(60);

/// The keys. What was fetched stays while the provider is down: who cannot publish keys cannot have new ones in use.
#[derive(Debug)]
pub(super) struct Ring {
    source: Source,
    /// Changes with every round of fetching, also with one that failed.
    keys: watch::Sender<Arc<[Key]>>,
    wish: Mutex<Wish>,
    bell: Notify,
    /// [`ONCE`], but for tests.
    pub once: Duration,
}

/// What requests want of the one who fetches.
#[derive(Debug, Default)]
struct Wish {
    at: Option<Instant>,
    is_open: bool,
}

impl Ring {
    pub(super) fn new(source: Source) -> Self {
        let keys = watch::Sender::new(Arc::default());
        Self { source, keys, wish: Mutex::default(), bell: Notify::new(), once: ONCE }
    }

    /// The key of this name for this algorithm. One that is not there is waited for, if it may be fetched.
    pub(super) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Key, TokenError> {
        let mut rounds = self.keys.subscribe();
        let mut may_ask = true;
        loop {
            let keys = Arc::clone(&rounds.borrow_and_update());
            match pick(&keys, id, algorithm) {
                Picked::Key(key) => return Ok(key),
                Picked::Never => return Err(TokenError::Invalid),
                Picked::Unknown => {}
            }
            // Without any key nothing is known about this one.
            let unknown = if keys.is_empty() { TokenError::Unavailable } else { TokenError::Invalid };
            if !self.wants_round(std::mem::take(&mut may_ask)) {
                // The round that was wanted may have ended just now.
                if rounds.has_changed().is_ok_and(|changed| changed) {
                    continue;
                }
                return Err(unknown);
            }
            if !matches!(timeout(PATIENCE, rounds.changed()).await, Ok(Ok(()))) {
                return Err(unknown);
            }
        }
    }

    /// Whether to wait for a round: one that was asked for, by this request, if it may, or another.
    fn wants_round(&self, may_ask: bool) -> bool {
        let mut wish = self.wish.lock().unwrap_or_else(PoisonError::into_inner);
        if may_ask && !wish.is_open && wish.at.is_none_or(|at| at.elapsed() >= self.once) {
            *wish = Wish { at: Some(Instant::now()), is_open: true };
            self.bell.notify_one();
        }
        wish.is_open
    }

    fn is_wanted(&self) -> bool {
        self.wish.lock().unwrap_or_else(PoisonError::into_inner).is_open
    }

    /// Fetches for ever.
    pub(super) async fn keep(&self, health: &Health, counts: &metrics::Identity) {
        let mut failures: u32 = 0;
        loop {
            let answers = self.is_wanted();
            let fetched = self.source.fetch().await;
            counts.fetched(fetched.is_ok());
            let pause = match fetched {
                Ok(fetched) => {
                    if failures > 0 {
                        tracing::info!(keys = fetched.keys.len(), "the identity provider's keys are there");
                    }
                    failures = 0;
                    health.set_identity(Status::Healthy);
                    self.publish(Some(fetched.keys), answers);
                    fetched.fresh.unwrap_or(REFRESH).clamp(REFRESH_SOONEST, REFRESH_LATEST)
                }
                Err(error) => {
                    let known = self.keys.borrow().len();
                    if failures == 0 {
                        tracing::warn!(%error, known, "the identity provider's keys cannot be fetched; it is tried again");
                    }
                    let words = if known == 0 { "no keys" } else { "keys cannot be refreshed" };
                    health.set_identity(Status::Unhealthy(words.into()));
                    let pause = RETRY * 2_u32.saturating_pow(failures.min(8));
                    failures = failures.saturating_add(1);
                    self.publish(None, answers);
                    pause.min(RETRY_LATEST)
                }
            };
            self.rest(Instant::now() + pause).await;
        }
    }

    /// Ends a round, with new keys or with the old. In one step with the wish, or a request could see one and not the other. A wish
    /// that was made while the round was on its way may want newer keys than it brings: that stays open.
    fn publish(&self, keys: Option<Vec<Key>>, answers: bool) {
        let mut wish = self.wish.lock().unwrap_or_else(PoisonError::into_inner);
        self.keys.send_modify(|known| {
            if let Some(keys) = keys {
                *known = keys.into();
            }
        });
        wish.is_open &= !answers;
    }

    /// Until then, or until somebody wants a round. A ring that the round before has answered already is none.
    async fn rest(&self, until: Instant) {
        loop {
            tokio::select! {
                () = sleep_until(until) => return,
                () = self.bell.notified() => if self.is_wanted() { return },
            }
        }
    }
}

enum Picked {
    Key(Key),
    /// No fetch would help: the name is that of a key for another algorithm, or of several.
    Never,
    Unknown,
}

/// A token without a name for its key can only be checked where there is one.
fn pick(keys: &[Key], id: Option<&str>, algorithm: Algorithm) -> Picked {
    let named = || keys.iter().filter(|key| id.is_none_or(|id| key.id.as_deref() == Some(id)));
    let mut fitting = named().filter(|key| key.algorithm == algorithm);
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Picked::Key(key.clone()),
        (None, _) if id.is_none() || named().next().is_none() => Picked::Unknown,
        _ => Picked::Never,
    }
}
