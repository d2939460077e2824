//! What one sender may take of the time that all share.
//!
//! All customers' stanzas pass through one gate, one parser and one writer, in order. Who sends more than these can take
//! would let everybody behind wait; so each sender has an allowance of their time, and what goes beyond it is kept back
//! before it has cost more than being cut out of the stream.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use tokio::time::Instant;

/// How much of our time one sender may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At once: this long others may have to wait for one sender.
    pub burst: Duration,
    /// In the long run, in each second.
    pub each_second: Duration,
    /// Kept-back stanzas that are reported, and so answered, in each second.
    pub reports: u32,
}

/// Some 800 lines of a chat at once, or 60 screens of text; then 400 lines a second.
impl Default for Rate {
    fn default() -> Self {
        Self { burst: Duration::from_millis(60), each_second: Duration::from_millis(30), reports: 20 }
    }
}

/// Senders that are remembered. A hundred thousand who write at once are no flood of one.
const SENDERS: usize = 10_000;

/// What a stanza costs.
///
/// Estimated after measurements in a release build on one core: 75 ns a byte in both parsers, 2 µs an element, 1.5 µs an
/// attribute; and for each stanza what becomes of it behind the gate, mostly a row in a shared commit.
pub(super) fn cost(bytes: usize, elements: u32, attributes: u32) -> Duration {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(75);
    Duration::from_nanos(bytes + u64::from(elements) * 2000 + u64::from(attributes) * 1500) + Duration::from_micros(40)
}

/// The same for a stanza that goes no further than here.
pub(super) fn cost_of_refusal(bytes: usize) -> Duration {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    Duration::from_nanos(bytes.saturating_mul(5)) + Duration::from_micros(20)
}

/// Whether a stanza may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    /// Too much; whether its sender may be told.
    KeepBack {
        tell: bool,
    },
}

#[derive(Debug)]
struct Account {
    /// Time that the sender has taken and that has not been forgiven yet.
    taken: Duration,
    at: Instant,
    told: u32,
    told_since: Instant,
}

/// What every sender has left. They are known by a keyed hash: nobody can make this grow, or meet another's account on
/// purpose.
#[derive(Debug)]
pub(super) struct Allowances {
    rate: Rate,
    hasher: RandomState,
    accounts: HashMap<u64, Account>,
}

impl Allowances {
    pub fn new(rate: Rate) -> Self {
        Self { rate, hasher: RandomState::new(), accounts: HashMap::new() }
    }

    /// Charges `sender` with a stanza. A sender with anything left may send one more, whatever it costs.
    pub fn charge(&mut self, sender: &[u8], cost: Duration, now: Instant) -> Verdict {
        let rate = self.rate;
        let account = self.account(sender, now);
        account.forgive(rate, now);
        if account.taken < rate.burst {
            account.taken += cost;
            return Verdict::Pass;
        }
        Verdict::KeepBack { tell: account.tell(rate, now) }
    }

    /// Charges `sender` with a stanza that is refused in any case; whether its sender may be told.
    pub fn charge_refusal(&mut self, sender: &[u8], cost: Duration, now: Instant) -> bool {
        let rate = self.rate;
        let account = self.account(sender, now);
        account.forgive(rate, now);
        // Beyond twice the burst nothing more is owed: refusing goes on being cheap, and a penalty must end.
        account.taken = (account.taken + cost).min(rate.burst * 2);
        account.tell(rate, now)
    }

    fn account(&mut self, sender: &[u8], now: Instant) -> &mut Account {
        let key = self.hasher.hash_one(sender);
        if self.accounts.len() >= SENDERS && !self.accounts.contains_key(&key) {
            let rate = self.rate;
            self.accounts.retain(|_, account| {
                account.forgive(rate, now);
                !account.taken.is_zero()
            });
            // Not again for each newcomer.
            if self.accounts.len() > SENDERS / 2 {
                self.accounts.clear();
            }
        }
        self.accounts.entry(key).or_insert(Account { taken: Duration::ZERO, at: now, told: 0, told_since: now })
    }
}

impl Account {
    fn forgive(&mut self, rate: Rate, now: Instant) {
        let share = rate.each_second.mul_f64(now.duration_since(self.at).as_secs_f64().min(1e6));
        self.taken = self.taken.saturating_sub(share);
        self.at = now;
    }

    fn tell(&mut self, rate: Rate, now: Instant) -> bool {
        if now.duration_since(self.told_since) >= Duration::from_secs(1) {
            self.told_since = now;
            self.told = 0;
        }
        self.told = self.told.saturating_add(1);
        self.told <= rate.reports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn rate() -> Rate {
        Rate { burst: 10 * MS, each_second: 5 * MS, reports: 2 }
    }

    #[test]
    fn a_flood_of_one_is_kept_back_and_others_pass() {
        let (mut allowances, now) = (Allowances::new(rate()), Instant::now());
        for _ in 0..10 {
            assert_eq!(allowances.charge(b"eve@evil.example", MS, now), Verdict::Pass);
        }
        for tell in [true, true, false, false] {
            assert_eq!(allowances.charge(b"eve@evil.example", MS, now), Verdict::KeepBack { tell });
        }
        assert_eq!(allowances.charge(b"ann@evil.example", MS, now), Verdict::Pass);
        // A second later five more, and two more answers.
        let now = now + Duration::from_secs(1);
        for _ in 0..5 {
            assert_eq!(allowances.charge(b"eve@evil.example", MS, now), Verdict::Pass);
        }
        assert_eq!(allowances.charge(b"eve@evil.example", MS, now), Verdict::KeepBack { tell: true });
    }

    #[test]
    fn one_stanza_is_never_too_much() {
        let (mut allowances, now) = (Allowances::new(rate()), Instant::now());
        assert_eq!(allowances.charge(b"eve", 100 * MS, now), Verdict::Pass);
        assert_eq!(allowances.charge(b"eve", MS, now), Verdict::KeepBack { tell: true });
        // 100 ms at 5 ms a second.
        assert_eq!(allowances.charge(b"eve", MS, now + Duration::from_secs(17)), Verdict::KeepBack { tell: true });
        assert_eq!(allowances.charge(b"eve", MS, now + Duration::from_secs(19)), Verdict::Pass);
    }

    #[test]
    fn refusals_count_but_the_penalty_ends() {
        let (mut allowances, now) = (Allowances::new(rate()), Instant::now());
        for number in 0..1000 {
            assert_eq!(allowances.charge_refusal(b"eve", MS, now), number < 2);
        }
        assert_eq!(allowances.charge(b"eve", MS, now + Duration::from_secs(1)), Verdict::KeepBack { tell: true });
        assert_eq!(allowances.charge(b"eve", MS, now + Duration::from_secs(3)), Verdict::Pass);
    }

    #[test]
    fn senders_without_end_take_no_memory_without_end() {
        let (mut allowances, now) = (Allowances::new(rate()), Instant::now());
        for number in 0..SENDERS * 3 {
            assert_eq!(allowances.charge(&number.to_le_bytes(), MS, now), Verdict::Pass);
        }
        assert!(allowances.accounts.len() <= SENDERS);
    }

    #[test]
    fn the_costliest_stanza_that_passes_is_within_the_burst() {
        let limits = super::super::Limits::default();
        assert!(cost(limits.stanza_bytes, limits.elements, limits.attributes) < Rate::default().burst);
    }
}
