//! Telling who is there, as it changes.

use std::{collections::BTreeSet, mem, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{
    pin,
    sync::broadcast::{Receiver, error::RecvError},
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::helpdesk::{Committed, Error, Helpdesk};

/// How often to look whether something is to be looked at again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long changes are gathered after a look, however many there are: each look is a commit, or a read at least.
const GATHER: Duration = Duration::from_millis(50);
/// Bare JIDs that are looked up at once. Most are nobody's business, which costs no commit.
const LOOKED_UP: usize = 1000;
/// Bare JIDs that are told of at once: everybody's commits wait meanwhile.
const TOLD: usize = 300;

/// What has changed since it was told, as far as commits say.
#[derive(Debug, Default)]
struct Changes {
    /// Bare JIDs, whosever.
    heard: BTreeSet<String>,
    /// Of them those that somebody is told of, when all in `turn` are.
    later: BTreeSet<String>,
    /// The same, whose turn it is.
    turn: BTreeSet<String>,
    /// Also agents and desks.
    any: bool,
}

impl Changes {
    /// Whether there is more to come.
    fn hear(&mut self, commit: Result<Arc<Committed>, RecvError>) -> bool {
        match commit {
            Ok(commit) => {
                self.any |= commit.duty;
                self.heard.extend(commit.presences.iter().cloned());
            }
            // Of customers who changed meanwhile the next presence tells.
            Err(RecvError::Lagged(_)) => self.any = true,
            Err(RecvError::Closed) => return false,
        }
        true
    }

    /// Whether there is something to look at.
    fn is_any(&self) -> bool {
        self.any || !(self.heard.is_empty() && self.later.is_empty() && self.turn.is_empty())
    }

    /// Whom to tell of now. Who changes all the time is behind those who have waited.
    fn whom(&mut self) -> BTreeSet<String> {
        if self.turn.is_empty() {
            self.turn = mem::take(&mut self.later);
        }
        first(&self.turn, TOLD)
    }

    fn looked_up(&mut self, heard: &BTreeSet<String>, concerned: BTreeSet<String>) {
        remove(&mut self.heard, heard);
        self.later.extend(concerned);
    }

    fn told(&mut self, of: &BTreeSet<String>) {
        remove(&mut self.turn, of);
        self.any = false;
    }

    /// One look. What fails is left for the next.
    async fn look(&mut self, helpdesk: &Helpdesk, next: &mut Option<DateTime<Utc>>) -> Result<(), Error> {
        let heard = first(&self.heard, LOOKED_UP);
        if !heard.is_empty() {
            let concerned = helpdesk.concerned(&heard).await?;
            self.looked_up(&heard, concerned);
        }
        let of = self.whom();
        if self.any || !of.is_empty() || is_due(helpdesk, *next) {
            *next = helpdesk.tell_appearances(of.clone()).await?;
            self.told(&of);
        }
        Ok(())
    }
}

fn first(of: &BTreeSet<String>, count: usize) -> BTreeSet<String> {
    of.iter().take(count).cloned().collect()
}

fn remove(from: &mut BTreeSet<String>, of: &BTreeSet<String>) {
    for jid in of {
        from.remove(jid);
    }
}

fn is_due(helpdesk: &Helpdesk, next: Option<DateTime<Utc>>) -> bool {
    next.is_some_and(|at| at <= helpdesk.clock().now())
}

/// Tells until `stop` is called. What is not told by then, or when the process dies, is looked at on the next link.
pub(super) async fn keep_telling(helpdesk: Helpdesk, stop: CancellationToken) {
    let mut commits = helpdesk.commits();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // What has changed while nobody looked.
    let (mut changes, mut next) = (Changes { any: true, ..Changes::default() }, None);
    loop {
        if changes.is_any() || is_due(&helpdesk, next) {
            let pause = match changes.look(&helpdesk, &mut next).await {
                Ok(()) => GATHER,
                Err(error) => {
                    tracing::error!(%error, "who is there could not be told; it is tried again");
                    LOOK_EVERY
                }
            };
            if !gather(&mut changes, &mut commits, &stop, pause).await {
                return;
            }
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            commit = commits.recv() => if !changes.hear(commit) {
                return;
            },
            _ = ticks.tick() => match helpdesk.next_appearance().await {
                Ok(then) => next = then,
                Err(error) => tracing::warn!(%error, "whom to look at again could not be read"),
            },
        }
    }
}

/// Hears of changes for a while. Gives whether to go on.
async fn gather(
    changes: &mut Changes,
    commits: &mut Receiver<Arc<Committed>>,
    stop: &CancellationToken,
    pause: Duration,
) -> bool {
    let over = sleep(pause);
    pin!(over);
    loop {
        tokio::select! {
            () = stop.cancelled() => return false,
            () = &mut over => return true,
            commit = commits.recv() => if !changes.hear(commit) {
                return false;
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jids(numbers: std::ops::Range<usize>) -> BTreeSet<String> {
        numbers.map(|number| format!("c{number:05}@example.com")).collect()
    }

    #[test]
    fn however_many_have_changed_some_are_told_of_at_once_and_all_in_their_turn() {
        let mut changes = Changes::default();
        let all = jids(0..40_000);
        changes.looked_up(&BTreeSet::new(), all.clone());
        let mut told = BTreeSet::new();
        while told.len() < all.len() {
            let of = changes.whom();
            assert!(!of.is_empty() && of.len() <= TOLD && told.is_disjoint(&of));
            // What failed is tried again.
            assert_eq!(changes.whom(), of);
            changes.told(&of);
            told.extend(of);
            // These change all the time.
            changes.looked_up(&BTreeSet::new(), jids(0..10));
        }
        assert_eq!(told, all);
        assert_eq!(changes.whom(), jids(0..10));
        changes.told(&jids(0..10));
        assert!(!changes.is_any());
    }

    #[test]
    fn who_is_looked_up_is_not_looked_up_again() {
        let mut changes = Changes { heard: jids(0..LOOKED_UP + 1), ..Changes::default() };
        let heard = first(&changes.heard, LOOKED_UP);
        changes.looked_up(&heard, jids(7..8));
        assert_eq!((changes.heard.clone(), changes.whom()), (jids(LOOKED_UP..LOOKED_UP + 1), jids(7..8)));
    }
}
