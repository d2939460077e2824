//! The sending half of the link: every stanza is encoded by itself and written in order.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    time,
};
use xmpp_parsers::minidom::Element;

use super::{login::Down, outgoing};

/// Stanzas that may wait to be written.
const QUEUE: usize = 4096;
/// How long a write may take before the link counts as dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Stanzas in one write.
const BATCH: usize = 256;

/// Where stanzas go to be sent.
#[derive(Clone, Debug)]
pub struct Outlet {
    frames: mpsc::Sender<Bytes>,
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
    pub fn new() -> (Self, mpsc::Receiver<Bytes>) {
        let (frames, queue) = mpsc::channel(QUEUE);
        (Self { frames }, queue)
    }

    /// Sends a stanza; waits while the server reads slowly. Never call this where stanzas are read: a server that
    /// waits for us to read would wait for ever.
    ///
    /// # Errors
    /// [`SendError::Down`] when the link is over.
    pub async fn send(&self, stanza: &Element) -> Result<(), SendError> {
        self.frames.send(encode(stanza)?).await.map_err(|_| SendError::Down)
    }

    /// Sends a stanza that may be lost when the server reads too slowly, such as a reply to a request. Whether it is on
    /// its way.
    #[must_use]
    pub fn offer(&self, stanza: &Element) -> bool {
        let sent = encode(stanza).map(|frame| self.frames.try_send(frame));
        matches!(sent, Ok(Ok(())))
    }
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
pub(super) async fn write(mut queue: mpsc::Receiver<Bytes>, mut socket: impl AsyncWrite + Unpin) -> Down {
    let mut frames = Vec::with_capacity(BATCH);
    let mut buffer = BytesMut::with_capacity(16 * 1024);
    while queue.recv_many(&mut frames, BATCH).await > 0 {
        frames.drain(..).for_each(|frame| buffer.extend_from_slice(&frame));
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
