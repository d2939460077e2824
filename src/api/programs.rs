//! Keys of programs as they were looked up last.
//!
//! All of them are read at once, by one small query, at most every five seconds, and when somebody brings one that is not known, at most every second.
//! So a key that is revoked opens nothing after five seconds, one that is made opens after one, and however many invented keys come, the
//! database is asked no more often.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use super::TokenError;
use crate::helpdesk::{ApiKey, ApiKeys, Caller, Ended, Key};

/// For how long what was looked up holds.
const FRESH: Duration = Duration::from_secs(5);
/// And when a key is not among it.
const FRESH_FOR_UNKNOWN: Duration = Duration::from_secs(1);
/// How often it is written when keys were used last.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// The keys of programs. Clones share what was looked up.
#[derive(Clone, Debug)]
pub struct Programs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: ApiKeys,
    known: tokio::sync::Mutex<Option<Known>>,
    /// When keys were used since it was written last.
    uses: Mutex<BTreeMap<String, DateTime<Utc>>>,
}

#[derive(Clone, Debug)]
struct Known {
    at: Instant,
    keys: Arc<BTreeMap<String, ApiKey>>,
}

impl Programs {
    /// By these keys. [`Programs::keep`] writes when they were used.
    #[must_use]
    pub fn new(keys: ApiKeys) -> Self {
        Self(Arc::new(Inner { keys, known: tokio::sync::Mutex::default(), uses: Mutex::default() }))
    }

    /// Whose key this is.
    pub(super) async fn check(&self, token: &str) -> Result<Caller, TokenError> {
        let key = Key::parse(token).ok_or(TokenError::Invalid)?;
        let mut known = self.known(FRESH).await?;
        if !known.contains_key(key.id()) {
            known = self.known(FRESH_FOR_UNKNOWN).await?;
        }
        // To who does not have the whole key, one that has ended is like one that never was.
        let row = known.get(key.id()).filter(|row| row.is(&key)).ok_or(TokenError::Invalid)?;
        let now = self.0.keys.clock().now();
        match row.ended(now) {
            Some(Ended::Revoked) => return Err(TokenError::Revoked),
            Some(Ended::Expired) => return Err(TokenError::Expired),
            None => {}
        }
        self.0.uses.lock().unwrap_or_else(PoisonError::into_inner).insert(row.row().id.clone(), now);
        Ok(row.caller())
    }

    /// The keys, as they were at most so long ago. Who finds them too old looks them up, and the others wait for that.
    async fn known(&self, fresh: Duration) -> Result<Arc<BTreeMap<String, ApiKey>>, TokenError> {
        let mut known = self.0.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.at.elapsed() < fresh) {
            return Ok(Arc::clone(&known.keys));
        }
        let at = Instant::now();
        let keys = self.0.keys.known().await.map_err(|error| {
            tracing::error!(%error, "the keys of programs cannot be looked up");
            TokenError::Unavailable
        })?;
        let keys = Arc::new(keys);
        *known = Some(Known { at, keys: Arc::clone(&keys) });
        Ok(keys)
    }

    /// Writes when keys were used last, each minute until `stop`, and then once more.
    pub async fn keep(self, stop: CancellationToken) {
        let mut ticks = time::interval(NOTE_EVERY);
        ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.note().await;
        }
        self.note().await;
    }

    async fn note(&self) {
        let uses = std::mem::take(&mut *self.0.uses.lock().unwrap_or_else(PoisonError::into_inner));
        if uses.is_empty() {
            return;
        }
        if let Err(error) = self.0.keys.note_used(&uses).await {
            tracing::warn!(%error, "when keys of programs were used last could not be written; it is tried again");
            let mut newer = self.0.uses.lock().unwrap_or_else(PoisonError::into_inner);
            for (id, at) in uses {
                newer.entry(id).or_insert(at);
            }
        }
    }
}
