//! What is looked up when somebody asks for metrics: tickets, queues, messages, pages, and how the parts are.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The metrics of what is looked up. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    up: Family<Service, Gauge>,
    tickets: Family<Tickets, Gauge>,
    lengths: Family<InQueue, Gauge>,
    ages: Family<InQueue, Gauge<f64, AtomicU64>>,
    messages: Family<Messages, Counter>,
    changes: Family<Changes, Counter>,
    commits: Counter,
    passages: Family<Pages, Gauge>,
}

/// What was found. Where the database did not answer, there are no tickets and no queues.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Services, and whether they do their work.
    pub up: Vec<(&'static str, bool)>,
    /// Tickets, by desk and status.
    pub tickets: Vec<(String, &'static str, u64)>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// Messages that this process has stored, by author and direction.
    pub messages: Vec<(&'static str, &'static str, u64)>,
    /// Changes that this process has stored, and those that could not be; and the commits that it took.
    pub changes: (u64, u64, u64),
    /// What the desks know.
    pub passages: Vec<Passages>,
}

/// Rows that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// What for.
    pub name: &'static str,
    /// How many.
    pub length: u64,
    /// How long the first of them has waited; nothing where none waits.
    pub oldest: Duration,
}

/// Passages of a desk's pages.
#[derive(Clone, Debug)]
pub struct Passages {
    /// The desk.
    pub desk: String,
    /// Who is answered from them.
    pub audience: &'static str,
    /// How many.
    pub count: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Service {
    service: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tickets {
    desk: String,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InQueue {
    queue: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Messages {
    author: &'static str,
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Changes {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Pages {
    desk: String,
    audience: &'static str,
}

impl Desk {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let desk = Self {
            up: Family::default(),
            tickets: Family::default(),
            lengths: Family::default(),
            ages: Family::default(),
            messages: Family::default(),
            changes: Family::default(),
            commits: Counter::default(),
            passages: Family::default(),
        };
        registry.register("up", "Whether a part does its work, as /healthz says", desk.up.clone());
        registry.register("tickets", "Tickets", desk.tickets.clone());
        let help = "What waits: answers that the assistant owes, tickets for people, messages and notices to be sent, files to fetch, deliveries to webhooks";
        registry.register("queue_length", help, desk.lengths.clone());
        registry.register("queue_oldest_seconds", "How long the first in the queue has waited", desk.ages.clone());
        registry.register("messages", "Messages that this process has stored", desk.messages.clone());
        registry.register("changes", "Changes of the database by this process", desk.changes.clone());
        registry.register("commits", "Commits that the changes took", desk.commits.clone());
        registry.register("knowledge_passages", "Passages of the desks' pages", desk.passages.clone());
        desk
    }

    /// Shows what was found instead of what was found before.
    pub(super) fn show(&self, sample: &Sample) {
        self.tickets.clear();
        self.lengths.clear();
        self.ages.clear();
        for &(service, is_up) in &sample.up {
            self.up.get_or_create(&Service { service }).set(is_up.into());
        }
        for (desk, status, count) in &sample.tickets {
            let labels = Tickets { desk: desk.clone(), status };
            self.tickets.get_or_create(&labels).set(signed(*count));
        }
        for queue in &sample.queues {
            let labels = InQueue { queue: queue.name };
            self.lengths.get_or_create(&labels).set(signed(queue.length));
            self.ages.get_or_create(&labels).set(queue.oldest.as_secs_f64());
        }
        for &(author, direction, count) in &sample.messages {
            raise(&self.messages.get_or_create(&Messages { author, direction }), count);
        }
        let (stored, failed, commits) = sample.changes;
        raise(&self.changes.get_or_create(&Changes { outcome: "stored" }), stored);
        raise(&self.changes.get_or_create(&Changes { outcome: "failed" }), failed);
        raise(&self.commits, commits);
        for Passages { desk, audience, count } in &sample.passages {
            let labels = Pages { desk: desk.clone(), audience };
            self.passages.get_or_create(&labels).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
    }
}

/// A counter that is counted elsewhere.
fn raise(counter: &Counter, to: u64) {
    counter.inner().store(to, Ordering::Relaxed);
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
