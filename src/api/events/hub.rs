//! Reads each new stretch of the log once, for all who listen.
//!
//! It runs while somebody listens. What it hands out is shared and kept only until everybody has it, in a ring of bounded
//! size: who falls behind the ring reads the log again by itself.

use std::{mem, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{
        Mutex, Notify,
        broadcast::{self, error::RecvError},
        mpsc, oneshot,
    },
    time::MissedTickBehavior,
};

use super::{
    super::wire::Timestamp,
    frame::{self, Seen, Told},
};
use crate::helpdesk::{Error, Helpdesk, Mark, Reach, Signal, Stage};

/// Posts that a listener may be behind.
const RING: usize = 64;
/// What a post may hold, in bytes; one event in any case.
const POST: usize = 512 * 1024;
/// Events that are read at once.
const STRETCH: u64 = 100;
/// How often the log is looked at anyway: another process may write to it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What goes to all listeners.
#[derive(Debug)]
pub(super) enum Post {
    /// A stretch of the log.
    Log {
        /// The number that it begins behind.
        after: i64,
        /// Where it ends.
        upto: Mark,
        told: Vec<Told>,
    },
    /// What is told but not stored.
    Aside { reach: Reach, frame: Bytes },
    /// The same of who is there: one for all of a commit, or many would push the rest out of the ring.
    Seen(Vec<Seen>),
}

/// A place among the listeners: what comes, and behind which place in the log that begins.
pub(super) type Joined = (broadcast::Receiver<Arc<Post>>, Mark);

/// The way to the task, which is started when it is needed. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Hub {
    running: Arc<Mutex<Option<mpsc::Sender<oneshot::Sender<Joined>>>>>,
    left: Arc<Notify>,
}

impl Hub {
    /// Joins the listeners.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(super) async fn join(&self, helpdesk: &Helpdesk) -> Result<Joined, Error> {
        let mut running = self.running.lock().await;
        if let Some(requests) = &*running {
            let (answer, joined) = oneshot::channel();
            if requests.send(answer).await.is_ok()
                && let Ok(joined) = joined.await
            {
                return Ok(joined);
            }
        }
        // Before the place: what is committed behind it is heard of.
        let reader = Reader::new(helpdesk.clone());
        let place = helpdesk.head().await?;
        let (posts, first) = broadcast::channel(RING);
        let (requests, asked) = mpsc::channel(1);
        tokio::spawn(reader.run(place, posts, asked, Arc::clone(&self.left)));
        *running = Some(requests);
        Ok((first, place))
    }

    /// Somebody has left.
    pub(super) fn leave(&self) {
        self.left.notify_one();
    }
}

struct Reader {
    helpdesk: Helpdesk,
    commits: broadcast::Receiver<Arc<crate::helpdesk::Committed>>,
    signals: broadcast::Receiver<Signal>,
}

impl Reader {
    fn new(helpdesk: Helpdesk) -> Self {
        Self { commits: helpdesk.commits(), signals: helpdesk.signals(), helpdesk }
    }

    /// Until nobody listens any more.
    async fn run(
        mut self,
        mut place: Mark,
        posts: broadcast::Sender<Arc<Post>>,
        mut asked: mpsc::Receiver<oneshot::Sender<Joined>>,
        left: Arc<Notify>,
    ) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut has_more = false;
        loop {
            tokio::select! {
                // Who asks goes first, or a busy log would keep it out.
                biased;
                Some(answer) = asked.recv() => {
                    // It may have gone again.
                    let _ = answer.send((posts.subscribe(), place));
                    continue;
                }
                () = left.notified() => {
                    if posts.receiver_count() == 0 {
                        return;
                    }
                    continue;
                }
                signal = self.signals.recv() => {
                    match signal {
                        // What has become of it is told first: who shows drafts would have nothing to show in between.
                        Ok(signal @ Signal::Drafts { stage: Stage::Ended, .. }) => {
                            has_more = self.read_on(&mut place, &posts).await;
                            self.pass_on(signal, &posts);
                        }
                        Ok(signal) => self.pass_on(signal, &posts),
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return,
                    }
                    continue;
                }
                () = std::future::ready(()), if has_more => {}
                commit = self.commits.recv() => match commit {
                    Ok(commit) if commit.last_seq.is_none_or(|last| last <= place.seq()) => continue,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                _ = ticks.tick() => {
                    if posts.receiver_count() == 0 {
                        return;
                    }
                }
            }
            has_more = self.read_on(&mut place, &posts).await;
        }
    }

    /// Hands out what is new, if it can be read. Gives whether there is more.
    async fn read_on(&self, place: &mut Mark, posts: &broadcast::Sender<Arc<Post>>) -> bool {
        self.read(place, posts).await.unwrap_or_else(|error| {
            // The next tick tries again; who listens waits, and misses nothing.
            tracing::warn!(%error, "the log could not be read for those who listen");
            false
        })
    }

    /// Hands out what is new. Gives whether there is more.
    async fn read(&self, place: &mut Mark, posts: &broadcast::Sender<Arc<Post>>) -> Result<bool, Error> {
        let page = self.helpdesk.all_changes(*place, STRETCH).await?;
        if page.next == *place {
            return Ok(false);
        }
        let (mut after, mut told, mut size, mut upto) = (place.seq(), Vec::new(), 0, *place);
        for event in &page.events {
            let next = Told::of(event, &page, &self.helpdesk);
            let more = next.as_ref().map_or(0, Told::size);
            if size > 0 && size + more > POST {
                let _ = posts.send(Arc::new(Post::Log { after, upto, told: mem::take(&mut told) }));
                (after, size) = (upto.seq(), 0);
            }
            size += more;
            told.extend(next);
            upto = Mark::behind(event);
        }
        *place = page.next;
        let _ = posts.send(Arc::new(Post::Log { after, upto: page.next, told }));
        Ok(page.has_more)
    }

    fn pass_on(&self, signal: Signal, posts: &broadcast::Sender<Arc<Post>>) {
        let at = Timestamp(self.helpdesk.clock().now());
        let post = match signal {
            Signal::Writes { ticket, reach, author, typing } => {
                Post::Aside { reach, frame: frame::typing(ticket, author, typing, at) }
            }
            Signal::Drafts { ticket, reach, stage } => Post::Aside { reach, frame: frame::draft(ticket, stage, at) },
            Signal::Appears(seen) => Post::Seen(seen.iter().map(|seen| Seen::new(seen, at)).collect()),
            _ => return,
        };
        let _ = posts.send(Arc::new(post));
    }
}
