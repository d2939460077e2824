//! How many requests one caller may make: a token bucket each, of the token's owner or, without a valid token, of the address.
//!
//! A bucket is a number, known by a hash that only this process can compute. One that is full again is the same as none, so
//! where there are too many of them, those go; when that does not help, newcomers share one.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock, Reference},
    middleware::StateInformationMiddleware,
    state::keyed::HashMapStateStore,
};

use super::{Api, ApiError, visitor};
use crate::helpdesk::{Caller, Role};

/// Buckets of one role, at most: some 600 KiB.
const BUCKETS: usize = 16 * 1024;
/// How often full buckets are looked for when there are so many.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// The bucket of those for whom there is no place.
const CROWD: u64 = 0;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// How many requests one caller may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In each second on the long run.
    pub per_second: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

/// The limits of all roles. Clones share the buckets.
#[derive(Clone, Debug)]
pub struct Rates(Arc<ByRole>);

#[derive(Debug)]
struct ByRole {
    hasher: RandomState,
    anonymous: Option<Buckets>,
    customer: Option<Buckets>,
    agent: Option<Buckets>,
    admin: Option<Buckets>,
    service: Option<Buckets>,
}

impl Rates {
    /// Limits by what `of` gives for each role, and for `None`: for those without a valid token.
    #[must_use]
    pub fn new(of: impl Fn(Option<Role>) -> Option<Rate>) -> Self {
        let buckets = |role, word| of(role).map(|rate| Buckets::new(word, rate, MonotonicClock));
        Self(Arc::new(ByRole {
            hasher: RandomState::new(),
            anonymous: buckets(None, "anonymous"),
            customer: buckets(Some(Role::Customer), "customer"),
            agent: buckets(Some(Role::Agent), "agent"),
            admin: buckets(Some(Role::Admin), "admin"),
            service: buckets(Some(Role::Service), "service"),
        }))
    }

    /// Takes one request of this caller's; without a caller, of the address. `None` where there is no limit.
    fn take(&self, caller: Option<&Caller>, address: IpAddr) -> Option<Standing> {
        let ByRole { hasher, anonymous, customer, agent, admin, service } = &*self.0;
        let (buckets, key) = match caller {
            None => (anonymous, hasher.hash_one(address)),
            Some(caller) => {
                let buckets = match caller.role {
                    Role::Customer => customer,
                    Role::Agent => agent,
                    Role::Admin => admin,
                    Role::Service => service,
                };
                (buckets, hasher.hash_one(&caller.id))
            }
        };
        buckets.as_ref().map(|buckets| buckets.take(key))
    }
}

/// How somebody stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// A role's word, or `anonymous`.
    role: &'static str,
    rate: Rate,
    /// What is left at once.
    remaining: u32,
    /// When the bucket is full again.
    full_in: Duration,
    /// How long to wait, where the request is one too many.
    wait: Option<Duration>,
}

/// The buckets of one role.
#[derive(Debug)]
struct Buckets<C: Clock = MonotonicClock> {
    role: &'static str,
    rate: Rate,
    limiter: RateLimiter<u64, HashMapStateStore<u64>, C, StateInformationMiddleware>,
    clock: C,
    swept: Mutex<C::Instant>,
}

impl<C: Clock + Clone> Buckets<C> {
    fn new(role: &'static str, rate: Rate, clock: C) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        let limiter = RateLimiter::new(quota, HashMapStateStore::default(), clock.clone());
        let swept = Mutex::new(clock.now());
        Self { role, rate, limiter, clock, swept }
    }

    fn take(&self, key: u64) -> Standing {
        let (role, rate) = (self.role, self.rate);
        let each = Duration::from_secs(1) / self.rate.per_second.get();
        match self.limiter.check_key(&self.placed(key)) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let full_in = each * self.rate.burst.get().saturating_sub(remaining);
                Standing { role, rate, remaining, full_in, wait: None }
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                let full_in = each * self.rate.burst.get().saturating_sub(1) + wait;
                Standing { role, rate, remaining: 0, full_in, wait: Some(wait) }
            }
        }
    }

    /// The key itself, while there is a place for one more.
    fn placed(&self, key: u64) -> u64 {
        if self.limiter.len() < BUCKETS {
            return key;
        }
        let now = self.clock.now();
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if Duration::from(now.duration_since(*swept)) >= SWEEP_EVERY {
            *swept = now;
            self.limiter.retain_recent();
        }
        if self.limiter.len() < BUCKETS { key } else { CROWD }
    }
}

impl Standing {
    /// The caller's role, where the request was one too many.
    pub(super) fn refused(self) -> Option<&'static str> {
        self.wait.map(|_| self.role)
    }

    /// Says so in the answer to a request at `now`.
    pub(super) fn note(self, headers: &mut HeaderMap, now: DateTime<Utc>) {
        let full = now.timestamp().saturating_add_unsigned(seconds(self.full_in));
        headers.insert(LIMIT, self.rate.per_second.get().into());
        headers.insert(REMAINING, self.remaining.into());
        headers.insert(RESET, HeaderValue::from(full));
    }
}

/// Whole seconds, at least as long.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Finds out who asks, and lets nobody in more often than agreed. `request::frame` tells how the caller stands.
pub(super) async fn limit(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let checked = visitor::check(&api, request.headers()).await;
    let caller = checked.0.as_ref().ok();
    let standing = api.rates.take(caller, visitor::origin(&api.proxies, &request));
    let wait = standing.and_then(|standing| standing.wait);
    let mut response = if let Some(wait) = wait {
        ApiError::TooFast { seconds: seconds(wait).max(1) }.into_response()
    } else {
        request.extensions_mut().insert(checked);
        next.run(request).await
    };
    if let Some(standing) = standing {
        response.extensions_mut().insert(standing);
    }
    response
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        let number = |number| NonZeroU32::new(number).unwrap();
        Rate { per_second: number(per_second), burst: number(burst) }
    }

    #[test]
    fn a_burst_at_once_then_the_rate_and_each_has_its_own() {
        let clock = FakeRelativeClock::default();
        let buckets = Buckets::new("agent", rate(5, 50), clock.clone());
        for left in (0..50).rev() {
            let standing = buckets.take(1);
            assert_eq!((standing.remaining, standing.wait), (left, None));
            assert_eq!(standing.full_in, Duration::from_millis(200) * (50 - left));
        }
        let late = buckets.take(1);
        assert_eq!((late.remaining, late.wait), (0, Some(Duration::from_millis(200))));
        assert_eq!(late.full_in, Duration::from_secs(10));
        assert_eq!(buckets.take(2).remaining, 49);
        // Refusals cost nothing, and time brings one each 200 ms, never more than the burst.
        clock.advance(Duration::from_millis(199));
        assert_eq!(buckets.take(1).wait, Some(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(buckets.take(1).wait, None);
        assert!(buckets.take(1).wait.is_some());
        clock.advance(Duration::from_secs(3600));
        assert_eq!(buckets.take(1).remaining, 49);
    }

    #[test]
    fn keys_without_end_take_no_memory_without_end_and_newcomers_share() {
        let clock = FakeRelativeClock::default();
        let buckets = Buckets::new("agent", rate(5, 50), clock.clone());
        let mut taken = 0;
        for key in 1..=u64::try_from(BUCKETS).unwrap() * 4 {
            taken += u32::from(buckets.take(key).wait.is_none());
        }
        assert!(buckets.limiter.len() <= BUCKETS + 1, "{}", buckets.limiter.len());
        // All that found a place, and one burst for those who found none.
        assert_eq!(taken, u32::try_from(BUCKETS).unwrap() + 50);
        // As soon as buckets are full again there is room.
        clock.advance(Duration::from_secs(2));
        assert_eq!(buckets.take(u64::MAX).remaining, 49);
        assert!(buckets.limiter.len() < 10, "{}", buckets.limiter.len());
    }

    #[test]
    fn a_standing_is_told_in_whole_seconds() {
        let now = DateTime::from_timestamp(1_234_567_890, 0).unwrap();
        let mut headers = HeaderMap::new();
        let standing = Standing {
            role: "agent",
            rate: rate(20, 50),
            remaining: 15,
            full_in: Duration::from_millis(1750),
            wait: None,
        };
        standing.note(&mut headers, now);
        let told = [LIMIT, REMAINING, RESET].map(|name| headers[name].to_str().unwrap().to_owned());
        assert_eq!(told, ["20", "15", "1234567892"]);
    }
}
