//! What this process has stored since it began. Plain numbers, for whoever shows them.

use std::sync::atomic::{AtomicU64, Ordering};

use deskbridge_entity::message::{self, Author};

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the customer.
    In,
    /// To the customer.
    Out,
    /// To nobody outside: a note, or what the customer has seen already.
    Kept,
}

const AUTHORS: [Author; 4] = [Author::Customer, Author::Assistant, Author::Agent, Author::System];
const DIRECTIONS: [Direction; 3] = [Direction::In, Direction::Out, Direction::Kept];

/// Messages by author and direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written([[u64; 3]; 4]);

impl Written {
    pub(super) fn of(messages: &[message::Model]) -> Self {
        let mut written = Self::default();
        for message in messages {
            let direction = match (message.author, message.outbound) {
                (Author::Customer, _) => Direction::In,
                (_, true) => Direction::Out,
                (_, false) => Direction::Kept,
            };
            written.0[message.author as usize][direction as usize] += 1;
        }
        written
    }
}

/// What this process has stored.
#[derive(Debug, Default)]
pub struct Counts {
    messages: [[AtomicU64; 3]; 4],
    commits: AtomicU64,
    stored: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    /// Messages, by author and direction; pairs that do not occur are left out.
    pub fn messages(&self) -> impl Iterator<Item = (Author, Direction, u64)> + '_ {
        let pairs = AUTHORS.into_iter().flat_map(|author| DIRECTIONS.map(|direction| (author, direction)));
        let occurs =
            |(author, direction): &(Author, Direction)| (*author == Author::Customer) == (*direction == Direction::In);
        pairs.filter(occurs).map(|(author, direction)| {
            (author, direction, self.messages[author as usize][direction as usize].load(Ordering::Relaxed))
        })
    }

    /// Changes that were stored, changes that the database refused, and the commits that they took.
    #[must_use]
    pub fn changes(&self) -> (u64, u64, u64) {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (read(&self.stored), read(&self.failed), read(&self.commits))
    }

    pub(super) fn committed(&self, changes: usize, written: Written) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.stored.fetch_add(changes as u64, Ordering::Relaxed);
        for (counts, numbers) in self.messages.iter().zip(written.0) {
            for (count, number) in counts.iter().zip(numbers).filter(|(_, number)| *number > 0) {
                count.fetch_add(number, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
}
