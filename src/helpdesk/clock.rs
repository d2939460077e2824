//! Where the domain takes the time from. Tests move it by hand instead of sleeping.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// A clock in UTC, cut to microseconds: what PostgreSQL keeps, so both databases store the same.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Microseconds that tests have added.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
        let now = Utc::now().trunc_subsecs(6);
        now + TimeDelta::microseconds(self.ahead.load(Ordering::Relaxed))
    }

    /// Moves this clock and its clones forward, for tests.
    pub fn advance(&self, by: std::time::Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.ahead.fetch_add(micros, Ordering::Relaxed);
    }
}
