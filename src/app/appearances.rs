//! Telling who is there, as it changes.

use std::{collections::BTreeSet, time::Duration};

use tokio::{
    sync::broadcast::error::{RecvError, TryRecvError},
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::helpdesk::{Committed, Helpdesk};

/// How often to look whether something is to be looked at again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What has changed since it was told, as far as commits say.
#[derive(Default)]
struct Changes {
    /// Bare JIDs.
    of: BTreeSet<String>,
    /// Also of agents and desks.
    any: bool,
}

impl Changes {
    fn add(&mut self, commit: &Committed) {
        self.any |= commit.duty || !commit.presences.is_empty();
        self.of.extend(commit.presences.iter().cloned());
    }
}

/// Tells until `stop` is called. What is not told by then, or when the process dies, is looked at on the next link.
pub(super) async fn keep_telling(helpdesk: Helpdesk, stop: CancellationToken) {
    let mut commits = helpdesk.commits();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // What has changed while nobody looked.
    let (mut changes, mut next) = (Changes { any: true, ..Changes::default() }, None);
    loop {
        let is_due = next.is_some_and(|at| at <= helpdesk.clock().now());
        if changes.any || is_due {
            match helpdesk.tell_appearances(changes.of.clone()).await {
                Ok(then) => (changes, next) = (Changes::default(), then),
                Err(error) => {
                    tracing::error!(%error, "who is there could not be told; it is tried again");
                    if stop.run_until_cancelled(sleep(LOOK_EVERY)).await.is_none() {
                        return;
                    }
                }
            }
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            commit = commits.recv() => match commit {
                Ok(commit) => changes.add(&commit),
                // Of customers who changed meanwhile the next presence tells.
                Err(RecvError::Lagged(_)) => changes.any = true,
                Err(RecvError::Closed) => return,
            },
            _ = ticks.tick() => match helpdesk.next_appearance().await {
                Ok(then) => next = then,
                Err(error) => tracing::warn!(%error, "whom to look at again could not be read"),
            },
        }
        // Many share a commit of ours.
        loop {
            match commits.try_recv() {
                Ok(commit) => changes.add(&commit),
                Err(TryRecvError::Lagged(_)) => changes.any = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }
}
