//! When a delivery that failed is tried again: ten tries over three days.

use std::time::Duration;

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// The pauses behind each try but the last, as Standard Webhooks proposes them: three days and three hours in all.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    minutes(5),
    minutes(30),
    minutes(2 * 60),
    minutes(5 * 60),
    minutes(10 * 60),
    minutes(14 * 60),
    minutes(20 * 60),
    minutes(24 * 60),
];

/// By how much of it a pause is longer or shorter at most: receivers that were down are not met by all at once.
const JITTER: f64 = 0.1;

/// The longest pause that a receiver can ask for.
const LONGEST: Duration = minutes(24 * 60);

/// The pause behind this many tries; `None` if they were enough. `chance` is from 0 to 1. A receiver that names a pause
/// (`Retry-After`) is given it, where it is longer.
pub(super) fn pause(tries: u32, chance: f64, asked: Option<Duration>) -> Option<Duration> {
    let place = usize::try_from(tries.checked_sub(1)?).ok()?;
    let pause = PAUSES.get(place)?.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance);
    Some(pause.max(asked.unwrap_or_default().min(LONGEST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_over_three_days() {
        let all = |chance| -> Vec<Duration> { (1..).map_while(|tries| pause(tries, chance, None)).collect() };
        assert_eq!(all(0.5).len() + 1, 10);
        let sum: Duration = all(0.5).iter().sum();
        assert!(sum > minutes(3 * 24 * 60) && sum < minutes(4 * 24 * 60), "{sum:?}");
        assert!(all(0.5).is_sorted() && pause(0, 0.5, None).is_none());
        for (low, high) in all(0.0).into_iter().zip(all(1.0)) {
            assert!(high > low && high.as_secs_f64() / low.as_secs_f64() < 1.23, "{low:?} {high:?}");
        }
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause_within_a_day() {
        assert_eq!(pause(1, 0.5, Some(minutes(7))), Some(minutes(7)));
        assert_eq!(pause(2, 0.5, Some(Duration::from_secs(1))), Some(minutes(5)));
        assert_eq!(pause(1, 0.5, Some(minutes(100_000))), Some(LONGEST));
        assert_eq!(pause(10, 0.5, Some(minutes(7))), None);
    }
}
