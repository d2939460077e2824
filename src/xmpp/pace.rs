//! Presence, and answers in many parts, go out no faster than the server takes them.
//!
//! A desk's new status for ten thousand contacts, or a crowd that subscribes at once, would stand in the server's queue
//! before everybody's answers. So behind every few presences goes a ping to ourselves, as behind a batch of the outbox,
//! and only its return lets more of them out. An export of some megabytes goes part by part, each behind the return of
//! the last one's ping: what others are told goes between.

use std::sync::atomic::{AtomicU64, Ordering};

use jid::BareJid;
use tokio::sync::watch;

use super::{
    outbox::Fences,
    outlet::{Outlet, SendError},
};

/// Presences between two fences. A server takes a few milliseconds for them.
const BATCH: u64 = 64;
/// Fences that may be out: one comes back while the next presences go out.
const FENCES: u64 = 2;

/// The pace of one session, shared by all that send the same kind of thing.
#[derive(Debug)]
pub(super) struct Pace {
    fences: Fences,
    /// Stanzas between two fences.
    batch: u64,
    /// Fences that may be out.
    out: u64,
    sent: AtomicU64,
    returned: watch::Sender<u64>,
}

impl Pace {
    /// That of presence. `address` is our own domain.
    pub fn of_presence(address: BareJid) -> Self {
        Self::new(address, BATCH, FENCES)
    }

    /// That of long answers: each part waits until the server has the one before.
    pub fn of_parts(address: BareJid) -> Self {
        Self::new(address, 1, 1)
    }

    fn new(address: BareJid, batch: u64, out: u64) -> Self {
        Self { fences: Fences::new(address), batch, out, sent: AtomicU64::new(0), returned: watch::Sender::new(0) }
    }

    /// One was sent: waits until the next one may be.
    ///
    /// # Errors
    /// [`SendError::Down`] when the link is over.
    pub async fn keep(&self, outlet: &Outlet) -> Result<(), SendError> {
        let sent = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        if !sent.is_multiple_of(self.batch) {
            return Ok(());
        }
        let fence = sent / self.batch;
        outlet.send(&self.fences.ping(fence)).await?;
        let enough = |returned: &u64| *returned + self.out > fence;
        self.returned.subscribe().wait_for(enough).await.map(drop).map_err(|_| SendError::Down)
    }

    /// Whether the iq with this id is one of these fences; then it has come back.
    pub fn came_back(&self, id: &str) -> bool {
        let Some(number) = self.fences.number(id) else { return false };
        self.returned.send_if_modified(|returned| {
            let is_news = number > *returned;
            *returned = number.max(*returned);
            is_news
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::xmpp::outlet::Frame;

    #[test]
    fn two_batches_go_out_and_the_rest_waits_for_the_first_fence() {
        let pace = Pace::of_presence(BareJid::new("help.example.org").unwrap());
        let (outlet, mut frames) = Outlet::new();
        let keep = || pace.keep(&outlet).now_or_never();
        for _ in 1..2 * BATCH {
            assert_eq!(keep(), Some(Ok(())));
        }
        assert_eq!(keep(), None);
        let fence = |frame: Frame| {
            let frame = String::from_utf8(frame.bytes.to_vec()).unwrap();
            let (_, id) = frame.split_once("id='").or_else(|| frame.split_once("id=\"")).unwrap();
            id[..id.find(['\'', '"']).unwrap()].to_owned()
        };
        let first = fence(frames.try_recv().unwrap());
        let second = fence(frames.try_recv().unwrap());
        assert!(frames.try_recv().is_err());
        // Out of order or made up: nothing is taken back, and nobody else's ids count.
        assert!(!pace.came_back("fence-1") && !pace.came_back("x"));
        assert!(pace.came_back(&second) && pace.came_back(&first));
        for _ in 1..=2 * BATCH - 1 {
            assert_eq!(keep(), Some(Ok(())));
        }
        assert_eq!(keep(), None);
    }

    #[test]
    fn a_part_waits_for_the_one_before() {
        let pace = Pace::of_parts(BareJid::new("help.example.org").unwrap());
        let (outlet, _frames) = Outlet::new();
        let keep = pace.keep(&outlet);
        let mut keep = std::pin::pin!(keep);
        assert_eq!(keep.as_mut().now_or_never(), None);
        assert!(pace.came_back(pace.fences.ping(1).attr("id").unwrap()));
        assert_eq!(keep.now_or_never(), Some(Ok(())));
    }
}
