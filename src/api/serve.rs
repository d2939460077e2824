//! The listening side: HTTP/1.1 with limits on how long and how much a client may keep us waiting.
//!
//! axum's own `serve` sets no timer, so a client that never finishes its header would hold its connection for
//! ever.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
};
use futures::FutureExt;
use hyper::{
    Request,
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    events::LISTENERS,
    places::{Busy, Place, Places},
    visitor::Peer,
};

/// What a connection buffers, in bytes: a header that is much larger is answered 431.
const BUFFER: usize = 32 * 1024;
/// The pause after the system refused a connection, as when it has no file handles left.
const REFUSED_PAUSE: Duration = Duration::from_millis(200);

/// What an answer without an end may know of the connection that it goes by.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    /// The process is about to stop.
    pub shutdown: CancellationToken,
    gave_up: Arc<AtomicBool>,
}

impl Connection {
    /// Whether it ended because the client took nothing.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }
}

/// How long and how many clients may keep us waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How long a client may take to send a header, and how long an idle connection is kept.
    pub header: Duration,
    /// How long a client may take no byte of an answer.
    pub stall: Duration,
    /// Connections at once; the next takes the place of one that is idle, or waits.
    pub connections: usize,
    /// How long running requests may take to end after the shutdown began.
    pub drain: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            // Those who listen to events have places of their own beside the 1,024 for requests.
            connections: 1024 + LISTENERS,
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves `router` until `shutdown` is cancelled, then lets running requests end, for ten seconds at most.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    serve_within(Bounds::default(), listener, router, shutdown).await;
}

pub(super) async fn serve_within(bounds: Bounds, listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let places = Places::new(bounds.connections);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                // One waits for its place in our memory, the others in the system's queue.
                let place = tokio::select! {
                    place = places.take(peer.ip()) => place,
                    () = shutdown.cancelled() => break,
                };
                let served = (router.clone(), Peer(peer.ip()));
                connections.spawn(connection(bounds, stream, served, Arc::new(place), shutdown.clone()));
            }
            Err(error) => {
                // There may be fewer file handles than places.
                places.make_room();
                refused(&error).await;
            }
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(bounds.drain, drained).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

async fn refused(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(REFUSED_PAUSE).await;
}

async fn connection(
    bounds: Bounds,
    stream: TcpStream,
    (router, peer): (Router, Peer),
    place: Arc<Place>,
    shutdown: CancellationToken,
) {
    // Answers are small; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let connection = Connection { shutdown: shutdown.clone(), ..Connection::default() };
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(connection.clone());
        let busy = place.begin();
        let answer = router.call(request);
        async move { Ok::<_, Infallible>(answer.await?.map(|body| Answer { body, _busy: busy })) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Impatient::new(stream, bounds.stall, Arc::clone(&connection.gave_up))), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = place.is_wanted() => {
            serving.as_mut().graceful_shutdown();
            if place.is_busy() { serving.await } else { serving.now_or_never().unwrap_or(Ok(())) }
        }
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        // A client's doing: it went away, was too slow, or did not speak HTTP.
        tracing::debug!(%error, "a connection ended");
    }
}

/// The body of an answer, which keeps its connection busy until all of it was handed over.
struct Answer {
    body: Body,
    _busy: Busy,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that fails when the other side takes nothing for a while: else a client that asks and never reads
/// would keep its answer in our memory.
struct Impatient<S> {
    stream: S,
    patience: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    gave_up: Arc<AtomicBool>,
}

impl<S: Unpin> Impatient<S> {
    fn new(stream: S, patience: Duration, gave_up: Arc<AtomicBool>) -> Self {
        Self { stream, patience, stalled: None, gave_up }
    }

    /// Passes on what a write gave; one that waits is given up in time.
    fn bounded(&mut self, wrote: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if wrote.is_ready() {
            self.stalled = None;
            return wrote;
        }
        let patience = self.patience;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(timer.as_mut().poll(cx));
        self.gave_up.store(true, Ordering::Relaxed);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.bounded(wrote, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.bounded(wrote, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // On a socket this never waits.
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_write_is_given_up_only_when_the_other_side_takes_nothing() {
        let (ours, mut theirs) = tokio::io::duplex(4);
        let mut ours = Impatient::new(ours, Duration::from_millis(500), Arc::default());
        let reading = tokio::spawn(async move {
            let mut taken = [0; 2];
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(120)).await;
                theirs.read_exact(&mut taken).await.unwrap();
            }
            theirs
        });
        // Takes twice the patience in all, but never stands still for so long.
        ours.write_all(b"ten bytes.").await.unwrap();
        let _theirs = reading.await.unwrap();
        assert_eq!(ours.write_all(b"and more").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
