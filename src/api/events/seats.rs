//! How many listen at once: in all, and of one caller.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::super::ApiError;
use crate::{
    helpdesk::{Caller, Error, Role},
    metrics,
};

/// Listeners at once.
pub(in crate::api) const LISTENERS: usize = 1_000;
/// The same, of one caller.
const OF_ONE: usize = 20;

type Callers = HashMap<(Role, String), usize>;

/// The seats. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Seats(Arc<Mutex<Callers>>);

/// One of them, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    of: (Role, String),
    metrics: metrics::Events,
}

impl Seats {
    /// A seat for this caller.
    ///
    /// # Errors
    /// [`ApiError::Crowded`] when it has enough of them, [`ApiError::Unavailable`] when all are taken.
    pub(super) fn take(&self, caller: &Caller, metrics: &metrics::Events) -> Result<Seat, ApiError> {
        let of = (caller.role, caller.id.clone());
        let mut callers = self.callers();
        let own = callers.get(&of).copied().unwrap_or_default();
        if own >= OF_ONE {
            return Err(ApiError::Crowded);
        }
        if callers.values().sum::<usize>() >= LISTENERS {
            return Err(Error::Busy.into());
        }
        callers.insert(of.clone(), own + 1);
        metrics.joined();
        Ok(Seat { seats: self.clone(), of, metrics: metrics.clone() })
    }

    fn callers(&self) -> MutexGuard<'_, Callers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut callers = self.seats.callers();
        if let Some(own) = callers.get_mut(&self.of) {
            *own -= 1;
        }
        callers.retain(|_, own| *own > 0);
        self.metrics.left();
    }
}
