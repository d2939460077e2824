//! One who listens: first what it has missed, page by page, then what comes.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep, sleep_until},
};

use super::{
    super::{
        Api,
        portion::{Portion, Portions},
        serve::Connection,
    },
    frame,
    hub::{Hub, Joined, Post},
    seats::Seat,
};
use crate::helpdesk::{Caller, Mark, shown_place};

/// How often a listener that is told nothing gets a sign of life: proxies end what is silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client may take for what it is handed at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// Events that one who is behind reads at once.
const PAGE: u64 = 100;
/// The pause before the log is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Where somebody listens, and for how long.
pub(super) struct Place {
    pub hub: Hub,
    pub portions: Portions,
    pub connection: Connection,
    #[expect(dead_code, reason = "held, and free again when it is dropped")]
    pub seat: Seat,
    pub until: Instant,
}

/// It is asked for the next bytes when its client has taken those before, and not earlier.
pub(super) struct Listener {
    api: Api,
    caller: Caller,
    posts: Option<broadcast::Receiver<Arc<Post>>>,
    /// What is known to the client, or to come from `waiting`.
    seen: Mark,
    /// The number that the client comes back with. Of a customer's it does not tell how far the log goes.
    told: i64,
    /// There is more in the log than comes by itself.
    is_behind: bool,
    waiting: VecDeque<Bytes>,
    /// The place among large answers, while one is being taken.
    portion: Option<Portion>,
    beat: Instant,
    /// When it was handed what it has not asked beyond yet.
    handed: Option<Instant>,
    place: Place,
}

impl Listener {
    pub(super) fn new(
        api: Api,
        caller: Caller,
        place: Place,
        (posts, position): Joined,
        (seen, told): (Mark, i64),
    ) -> Self {
        Self {
            waiting: VecDeque::from([frame::opening(told)]),
            is_behind: seen.seq() < position.seq(),
            posts: Some(posts),
            portion: None,
            beat: Instant::now() + HEARTBEAT,
            handed: None,
            api,
            caller,
            seen,
            told,
            place,
        }
    }

    /// The next bytes; `None` when the process stops or the token's time is over.
    pub(super) async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if self.handed.take().is_some_and(|handed| handed.elapsed() > PATIENCE) {
            self.api.metrics.events.cut_off();
            return Some((Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")), self));
        }
        loop {
            if self.place.connection.shutdown.is_cancelled() || Instant::now() >= self.place.until {
                return None;
            }
            if let Some(bytes) = self.waiting.pop_front() {
                let now = Instant::now();
                (self.handed, self.beat) = (Some(now), now + HEARTBEAT);
                return Some((Ok(bytes), self));
            }
            self.portion = None;
            let (shutdown, until) = (self.place.connection.shutdown.clone(), self.place.until);
            let is_open = tokio::select! {
                biased;
                () = shutdown.cancelled() => false,
                () = sleep_until(until) => false,
                is_open = self.fill() => is_open,
            };
            if !is_open {
                return None;
            }
        }
    }

    /// Waits for something to hand over. What it finds is kept at once, so it may be dropped while it waits.
    async fn fill(&mut self) -> bool {
        if self.is_behind {
            self.read_on().await;
            return true;
        }
        let Some(posts) = &mut self.posts else { return false };
        tokio::select! {
            // First, or a busy log that is nothing for this one would keep it silent.
            biased;
            () = sleep_until(self.beat) => self.beat(),
            post = posts.recv() => match post {
                Ok(post) => self.hear(&post),
                Err(RecvError::Lagged(_)) => {
                    // What is handed out from now on, and before it what the log has by now.
                    *posts = posts.resubscribe();
                    self.is_behind = true;
                }
                Err(RecvError::Closed) => return false,
            },
        }
        true
    }

    fn hear(&mut self, post: &Post) {
        match post {
            Post::Aside { reach, frame } => {
                if reach.includes(&self.caller) {
                    self.waiting.push_back(frame.clone());
                }
            }
            Post::Seen(seen) => self.waiting.extend(seen.iter().filter_map(|seen| seen.to(&self.caller))),
            Post::Log { upto, .. } if upto.seq() <= self.seen.seq() => {}
            Post::Log { after, .. } if *after > self.seen.seq() => self.is_behind = true,
            Post::Log { upto, told, .. } => {
                for told in told.iter().filter(|told| told.seq > self.seen.seq()) {
                    if let Some(frame) = told.to(&self.caller) {
                        self.told = told.seq;
                        self.waiting.push_back(frame.clone());
                    }
                }
                self.seen = *upto;
            }
        }
    }

    /// A sign of life.
    fn beat(&mut self) {
        self.told = shown_place(&self.caller, self.told, self.seen.seq());
        self.waiting.push_back(frame::heartbeat(self.told));
    }

    /// Reads a page of what was missed, when there is a place for it.
    async fn read_on(&mut self) {
        let read = async {
            let portion = self.place.portions.take(&self.caller).await.ok()?;
            match self.api.helpdesk.changes(&self.caller, self.seen, PAGE).await {
                Ok(page) => Some((portion, page)),
                Err(error) => {
                    tracing::warn!(%error, "the log could not be read for one who listens");
                    None
                }
            }
        };
        let Some((portion, page)) = read.await else {
            // Too many read, or the database is away. Meanwhile the client sees that we are here.
            sleep(PAUSE).await;
            self.beat();
            return;
        };
        let told = page.events.iter();
        self.waiting.extend(told.map(|event| frame::change(event.clone(), &page, &self.caller, &self.api.helpdesk)));
        (self.seen, self.is_behind) = (page.next, page.has_more);
        self.told = page.events.last().map_or(self.told, |event| event.seq);
        if self.waiting.is_empty() {
            // What others did was passed over: said, so that nobody looks through it again.
            self.beat();
        }
        self.portion = Some(portion);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.place.connection.gave_up() {
            self.api.metrics.events.cut_off();
        }
        // Before the hub looks who is left.
        self.posts = None;
        self.place.hub.leave();
    }
}
