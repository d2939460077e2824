//! How many lines a minute one customer may write to a desk. In memory: a restart forgives.

use std::collections::HashMap;

use jid::BareJid;
use tokio::time::{Duration, Instant};

/// Customers remembered at a time; forgetting one forgives it.
const MAX: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is taken.
    Taken,
    /// It is one too many, the first since the last calm minute: the customer is told.
    Warned,
    /// The customer has been told.
    Refused,
}

/// A bucket a customer and desk: as many lines as the desk allows at once, and as many again in each minute.
#[derive(Debug, Default)]
pub(super) struct Floods {
    buckets: HashMap<(String, BareJid), Bucket>,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    filled_at: Instant,
    is_warned: bool,
}

impl Floods {
    /// Counts a line; `None` is no limit.
    pub(super) fn count(&mut self, desk: &str, from: BareJid, per_minute: Option<u32>, now: Instant) -> Verdict {
        let Some(limit) = per_minute.map(f64::from) else { return Verdict::Taken };
        if self.buckets.len() >= MAX {
            self.buckets.retain(|_, bucket| now - bucket.filled_at < MINUTE);
        }
        if self.buckets.len() >= MAX {
            self.buckets.clear();
        }
        let fresh = Bucket { left: limit, filled_at: now, is_warned: false };
        let bucket = self.buckets.entry((desk.to_owned(), from)).or_insert(fresh);
        let passed = (now - bucket.filled_at).as_secs_f64() / MINUTE.as_secs_f64();
        bucket.left = (bucket.left + limit * passed).min(limit);
        bucket.filled_at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            // Told again only after half a calm minute, not at each drop that fits.
            bucket.is_warned &= bucket.left < limit / 2.0;
            return Verdict::Taken;
        }
        if std::mem::replace(&mut bucket.is_warned, true) { Verdict::Refused } else { Verdict::Warned }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_a_flood_and_others_are_not_touched() {
        let mut floods = Floods::default();
        let (ann, bob) = (BareJid::new("ann@a.example").unwrap(), BareJid::new("bob@a.example").unwrap());
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut ann_at = |seconds| floods.count("support", ann.clone(), Some(4), at(seconds));
        for _ in 0..4 {
            assert_eq!(ann_at(0), Verdict::Taken);
        }
        assert_eq!([ann_at(0), ann_at(1), ann_at(2)], [Verdict::Warned, Verdict::Refused, Verdict::Refused]);
        // A line every fifteen seconds is what the limit means.
        assert_eq!([ann_at(16), ann_at(17), ann_at(18)], [Verdict::Taken, Verdict::Refused, Verdict::Refused]);
        // After a calm minute it begins anew.
        assert_eq!((0..5).map(|_| ann_at(90)).filter(|verdict| *verdict == Verdict::Taken).count(), 4);
        assert_eq!([ann_at(90), ann_at(160)], [Verdict::Refused, Verdict::Taken]);
        assert_eq!(floods.count("support", bob, Some(4), at(2)), Verdict::Taken);
        assert_eq!(floods.count("billing", ann.clone(), Some(4), at(90)), Verdict::Taken);
        for _ in 0..1000 {
            assert_eq!(floods.count("support", ann.clone(), None, at(90)), Verdict::Taken);
        }
    }
}
