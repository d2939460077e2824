//! Whether an endpoint is worth asking. Pure: who uses it brings the time, and a number by chance.
//!
//! Three outages in a row open the breaker, and while it is open nobody is kept waiting for an endpoint that does not
//! answer. When its time is over one call may try: if that fails, the next pause is twice as long.

use chrono::{DateTime, TimeDelta, Utc};

/// Outages in a row that open it.
const OUTAGES: u32 = 3;
/// The first pause.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(30);
/// The longest pause.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);
/// How much longer a pause may be by chance, so that several processes do not try at the same moment: a fifth.
const JITTER: f64 = 0.2;

/// The breaker of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    state: State,
    /// Since when every call has been an outage.
    down_since: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Calls go through; so many of the last were outages.
    Closed { outages: u32 },
    /// None does until then.
    Open { until: DateTime<Utc>, pause: TimeDelta },
    /// One is under way, and decides.
    Trying { pause: TimeDelta },
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed { outages: 0 }, down_since: None }
    }
}

impl Breaker {
    /// Whether a call may be made now. Whoever gets a yes says afterwards how it went: [`Breaker::succeeded`],
    /// [`Breaker::failed`] or [`Breaker::left`].
    pub fn admits(&mut self, now: DateTime<Utc>) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Trying { .. } => false,
            // A clock that was set back must not keep it open for longer than any pause.
            State::Open { until, .. } if now < until && until - now <= LONGEST_PAUSE * 2 => false,
            State::Open { pause, .. } => {
                self.state = State::Trying { pause };
                true
            }
        }
    }

    /// The endpoint answered a call, well or not.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// The endpoint failed; `chance` is between 0 and 1.
    pub fn failed(&mut self, now: DateTime<Utc>, chance: f64) {
        self.down_since.get_or_insert(now);
        match self.state {
            State::Closed { outages } if outages + 1 < OUTAGES => self.state = State::Closed { outages: outages + 1 },
            State::Closed { .. } => self.open(now, FIRST_PAUSE, chance),
            State::Trying { pause } => self.open(now, (pause * 2).min(LONGEST_PAUSE), chance),
            // It was under way when others opened it: they have said so already.
            State::Open { .. } => {}
        }
    }

    /// A call ended without telling anything, as when it was given up.
    pub fn left(&mut self, now: DateTime<Utc>) {
        if let State::Trying { pause } = self.state {
            // The next one may try.
            self.state = State::Open { until: now, pause };
        }
    }

    /// Since when all calls have failed, if the last one did.
    #[must_use]
    pub fn down_since(&self) -> Option<DateTime<Utc>> {
        self.down_since
    }

    /// Whether calls are kept from the endpoint.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    fn open(&mut self, now: DateTime<Utc>, pause: TimeDelta, chance: f64) {
        let millis = pause.num_milliseconds() as f64 * JITTER * chance.clamp(0.0, 1.0);
        self.state = State::Open { until: now + pause + TimeDelta::milliseconds(millis as i64), pause };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + second, 0).unwrap()
    }

    /// One that three outages at second 0 have opened, for 30 seconds.
    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            assert!(breaker.admits(at(0)));
            breaker.failed(at(0), 0.0);
        }
        breaker
    }

    #[test]
    fn three_outages_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let mut breaker = Breaker::default();
        for second in 0..10 {
            assert!(breaker.admits(at(second)));
            breaker.failed(at(second), 0.0);
            breaker.failed(at(second), 0.0);
            assert_eq!(breaker.down_since(), Some(at(second)));
            breaker.succeeded();
            assert_eq!(breaker.down_since(), None);
        }
        let mut breaker = opened();
        assert!(breaker.is_open() && !breaker.admits(at(0)) && !breaker.admits(at(29)));
        assert_eq!(breaker.down_since(), Some(at(0)));
    }

    #[test]
    fn then_one_call_tries_and_an_answer_closes_it() {
        let mut breaker = opened();
        assert!(breaker.admits(at(30)));
        assert!(!breaker.admits(at(30)) && !breaker.admits(at(4000)), "one at a time");
        breaker.succeeded();
        assert_eq!(breaker, Breaker::default());
        assert!(breaker.admits(at(31)) && breaker.admits(at(31)));
    }

    #[test]
    fn each_failed_try_doubles_the_pause_up_to_five_minutes() {
        let mut breaker = opened();
        let mut now = 30;
        for pause in [60, 120, 240, 300, 300] {
            assert!(breaker.admits(at(now)));
            breaker.failed(at(now), 0.0);
            assert!(!breaker.admits(at(now + pause - 1)));
            now += pause;
        }
        assert_eq!(breaker.down_since(), Some(at(0)), "it has been down all the time");
    }

    #[test]
    fn a_try_that_was_given_up_decides_nothing() {
        let mut breaker = opened();
        assert!(breaker.admits(at(30)));
        breaker.left(at(31));
        assert!(breaker.is_open() && breaker.admits(at(31)));
        breaker.failed(at(31), 0.0);
        assert!(!breaker.admits(at(90)) && breaker.admits(at(91)), "the pause goes on from where it was");
        let mut closed = Breaker::default();
        closed.left(at(0));
        assert_eq!(closed, Breaker::default());
    }

    #[test]
    fn calls_that_were_under_way_do_not_make_the_pause_longer() {
        let mut breaker = opened();
        breaker.failed(at(20), 0.0);
        assert!(breaker.admits(at(30)));
    }

    #[test]
    fn chance_adds_a_fifth_at_most_and_a_clock_set_back_does_no_harm() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            breaker.failed(at(0), 1.0);
        }
        assert!(!breaker.admits(at(35)) && breaker.admits(at(36)));
        assert!(opened().admits(at(-100_000)));
    }
}
