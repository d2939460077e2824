//! The sending half of the link: every stanza is encoded by itself and written in order.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time,
};
use xmpp_parsers::minidom::Element;

use super::{login::Down, outgoing};

/// Stanzas that may wait to be written.
const QUEUE: usize = 4096;
/// Bytes of theirs: what stands before an answer must be short in time, not in number.
const ROOM: u32 = 4 * 1024 * 1024;
/// How long a write may take before the link counts as dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Stanzas in one write.
const BATCH: usize = 256;

/// Where stanzas go to be sent.
#[derive(Clone, Debug)]
pub struct Outlet {
    frames: mpsc::Sender<Frame>,
    room: Arc<Semaphore>,
}

/// A stanza in writing, with the room that it takes while it waits.
#[derive(Debug)]
pub struct Frame {
    pub(super) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

/// The stanza cannot be sent.
#[derive(Debug, PartialEq, Eq)]
pub enum SendError {
    /// The link is down.
    Down,
    /// This one stanza cannot be written as XML.
    Unwritable,
}

impl Outlet {
    /// An outlet and what comes out of it.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Frame>) {
        let (frames, queue) = mpsc::channel(QUEUE);
        (Self { frames, room: Arc::new(Semaphore::new(ROOM as usize)) }, queue)
    }

    /// Sends a stanza; waits while the server reads slowly. Never call this where stanzas are read: a server that
    /// waits for us to read would wait for ever.
    ///
    /// # Errors
    /// [`SendError::Down`] when the link is over.
    pub async fn send(&self, stanza: &Element) -> Result<(), SendError> {
        let bytes = encode(stanza)?;
        let room = Arc::clone(&self.room).acquire_many_owned(room_of(&bytes)).await.map_err(|_| SendError::Down)?;
        self.frames.send(Frame { bytes, _room: room }).await.map_err(|_| SendError::Down)
    }

    /// Sends a stanza that may be lost when the server reads too slowly, such as a reply to a request. Whether it is on
    /// its way.
    #[must_use]
    pub fn offer(&self, stanza: &Element) -> bool {
        let Ok(bytes) = encode(stanza) else { return false };
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(room_of(&bytes)) else { return false };
        self.frames.try_send(Frame { bytes, _room: room }).is_ok()
    }
}

/// One that is larger than all the room takes all of it.
fn room_of(bytes: &Bytes) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(ROOM).min(ROOM)
}

fn encode(stanza: &Element) -> Result<Bytes, SendError> {
    let mut buffer = BytesMut::with_capacity(512);
    outgoing::encode(stanza, &mut buffer).map_err(|error| {
        tracing::error!(%error, "a stanza of ours could not be written as XML");
        SendError::Unwritable
    })?;
    Ok(buffer.freeze())
}

/// Writes what comes, until every outlet is gone; then closes the stream.
pub(super) async fn write(mut queue: mpsc::Receiver<Frame>, mut socket: impl AsyncWrite + Unpin) -> Down {
    let mut frames = Vec::with_capacity(BATCH);
    let mut buffer = BytesMut::with_capacity(16 * 1024);
    while queue.recv_many(&mut frames, BATCH).await > 0 {
        frames.drain(..).for_each(|frame| buffer.extend_from_slice(&frame.bytes));
        match time::timeout(WRITE_TIMEOUT, socket.write_all(&buffer)).await {
            Ok(Ok(())) => buffer.clear(),
            Ok(Err(error)) => return Down::Broken(error),
            Err(_) => return Down::Broken(std::io::ErrorKind::TimedOut.into()),
        }
    }
    // A farewell to one who may have gone already.
    let _ = time::timeout(Duration::from_secs(1), async {
        socket.write_all(b"</stream:stream>").await?;
        socket.shutdown().await
    })
    .await;
    Down::Stopping
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_is_bounded_by_its_bytes_too() {
        let (outlet, mut queue) = Outlet::new();
        let large = Element::builder("message", "jabber:component:accept").append("x".repeat(50_000)).build();
        let small = Element::bare("presence", "jabber:component:accept");
        let taken = (0..QUEUE).take_while(|_| outlet.offer(&large)).count();
        assert_eq!(taken, ROOM as usize / encode(&large).unwrap().len());
        while outlet.offer(&small) {}
        drop(queue.recv().await);
        assert!(outlet.offer(&small));
    }
}
