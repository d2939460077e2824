//! Which files are to be tried again, and when one has cost enough.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;
use uuid::Uuid;

/// Tries of a file whose server is in trouble.
const TRIES: u32 = 3;
/// The pause before a second try; it doubles with each.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// Files that may wait for another try; with more, one try must do.
const MAX_WAITING: usize = 1000;
/// How long after it was due a try is forgotten: nobody may want the file any more.
const FORGET: Duration = Duration::from_secs(3600);

/// The files that were tried in vain and are tried again.
#[derive(Debug)]
pub(super) struct Retries {
    /// The time that all tries of a file may take together.
    budget: Duration,
    tried: HashMap<Uuid, Tried>,
}

#[derive(Clone, Copy, Debug)]
struct Tried {
    times: u32,
    /// All tries together.
    took: Duration,
    /// When to try again.
    at: Instant,
}

impl Retries {
    pub fn new(budget: Duration) -> Self {
        Self { budget, tried: HashMap::new() }
    }

    /// One more try took so long and was of no use. Gives how many there were if that must do.
    pub fn fail(&mut self, id: Uuid, took: Duration, now: Instant) -> Option<u32> {
        let before = self.tried.get(&id);
        let times = before.map_or(0, |tried| tried.times) + 1;
        let took = before.map_or(Duration::ZERO, |tried| tried.took) + took;
        let has_place = before.is_some() || self.tried.len() < MAX_WAITING;
        if !has_place || times >= TRIES || took >= self.budget {
            self.tried.remove(&id);
            return Some(times);
        }
        self.tried.insert(id, Tried { times, took, at: now + TRY_AGAIN * 2_u32.pow(times - 1) });
        None
    }

    /// It is known what becomes of this file.
    pub fn settle(&mut self, id: Uuid) {
        self.tried.remove(&id);
    }

    /// Every file that was tried.
    pub fn all(&self) -> impl Iterator<Item = Uuid> {
        self.tried.keys().copied()
    }

    /// Those whose time has not come.
    pub fn not_yet(&self, now: Instant) -> impl Iterator<Item = Uuid> {
        self.tried.iter().filter(move |(_, tried)| tried.at > now).map(|(id, _)| *id)
    }

    /// When the next one's time comes.
    pub fn next(&self, now: Instant) -> Option<Instant> {
        self.tried.values().map(|tried| tried.at).filter(|at| *at > now).min()
    }

    /// Forgets those that nobody has asked for.
    pub fn forget(&mut self, now: Instant) {
        self.tried.retain(|_, tried| now < tried.at + FORGET);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_file_has_three_tries_with_growing_pauses() {
        let (mut retries, id, now) = (Retries::new(60 * SECOND), Uuid::now_v7(), Instant::now());
        assert_eq!(retries.fail(id, SECOND, now), None);
        assert_eq!(retries.next(now), Some(now + 2 * SECOND));
        assert_eq!(retries.not_yet(now).count(), 1);
        let now = now + 2 * SECOND;
        assert_eq!((retries.not_yet(now).count(), retries.all().count(), retries.next(now)), (0, 1, None));
        assert_eq!(retries.fail(id, SECOND, now), None);
        assert_eq!(retries.next(now), Some(now + 4 * SECOND));
        assert_eq!(retries.fail(id, SECOND, now + 4 * SECOND), Some(3));
        assert_eq!(retries.all().count(), 0);
    }

    #[test]
    fn a_file_has_a_budget_of_time_whatever_its_tries() {
        let (mut retries, id, now) = (Retries::new(60 * SECOND), Uuid::now_v7(), Instant::now());
        assert_eq!(retries.fail(id, 30 * SECOND, now), None);
        assert_eq!(retries.fail(id, 30 * SECOND, now), Some(2));
        assert_eq!(retries.fail(id, 61 * SECOND, now), Some(1));
    }

    #[test]
    fn what_waits_is_bounded_and_forgotten() {
        let (mut retries, now) = (Retries::new(60 * SECOND), Instant::now());
        for _ in 0..MAX_WAITING {
            assert_eq!(retries.fail(Uuid::now_v7(), SECOND, now), None);
        }
        assert_eq!(retries.fail(Uuid::now_v7(), SECOND, now), Some(1));
        retries.forget(now + FORGET);
        assert_eq!(retries.all().count(), MAX_WAITING);
        retries.forget(now + FORGET + 2 * SECOND);
        assert_eq!(retries.all().count(), 0);
    }
}
