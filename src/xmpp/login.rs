//! Logging in as a component (XEP-0114): connect, open the stream, shake hands.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time,
};
use tokio_xmpp::xmlstream::{ReadError, StreamHeader, Timeouts, XmlStream, initiate_stream};
use xmpp_parsers::{component::Handshake, minidom::Element, ns};

use super::gate::{Gate, Limits, Rate, Rejected};

/// Where and as what to log in.
#[derive(Clone, Debug)]
pub struct Account {
    /// The server's component port, as `host:port`.
    pub server: String,
    /// Our domain.
    pub domain: String,
    /// The secret that the server knows, too.
    pub secret: String,
    /// The domain of a service of rooms (XEP-0045), if there is one.
    pub rooms: Option<String>,
    /// Whether one sender's share of our time is limited (`limits.enabled`).
    pub limited: bool,
}

/// How long a connection may take to become a stream.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence after which the server is asked for a sign of life, and how long it has for the answer.
const TIMEOUTS: Timeouts =
    Timeouts { read_timeout: Duration::from_secs(20), response_timeout: Duration::from_secs(20) };

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum Down {
    /// Nobody listens there.
    #[error("cannot connect: {0}")]
    Unreachable(io::Error),
    /// The server did not answer in time.
    #[error("the server did not complete the login within {} s", LOGIN_TIMEOUT.as_secs())]
    LoginTimeout,
    /// The server knows another secret (`not-authorized`).
    #[error("wrong secret: the server refused the handshake; compare xmpp.secret with the server's configuration")]
    WrongSecret,
    /// The server has no such component (`host-unknown`).
    #[error("unknown host: the server has no component of this name; compare xmpp.domain with its configuration")]
    UnknownHost,
    /// The domain is connected already (`conflict`).
    #[error("conflict: another connection holds this domain, or an old one of ours has not ended yet")]
    Conflict,
    /// The server ended the stream with another condition (RFC 6120 §4.9.3).
    #[error("stream error: {0}")]
    StreamError(String),
    /// The server said goodbye.
    #[error("the server closed the stream")]
    Closed,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    /// The server spoke no XMPP.
    #[error("the server did not speak XMPP: {0}")]
    Protocol(String),
    /// We ended it.
    #[error("Deskbridge is stopping")]
    Stopping,
}

impl Down {
    /// The word for health and logs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::LoginTimeout => "login timeout",
            Self::WrongSecret => "wrong secret",
            Self::UnknownHost => "unknown host",
            Self::Conflict => "conflict",
            Self::StreamError(_) => "stream error",
            Self::Closed => "closed by the server",
            Self::Broken(_) => "connection broken",
            Self::Protocol(_) => "protocol error",
            Self::Stopping => "stopping",
        }
    }

    /// Whether the server may have lost what it had in its buffers.
    #[must_use]
    pub fn is_abrupt(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Protocol(_) | Self::StreamError(_))
    }

    fn from_stream_error(error: &Element) -> Self {
        let condition = error.children().find(|child| child.name() != "text").map_or("unknown", Element::name);
        match condition {
            "not-authorized" => Self::WrongSecret,
            "host-unknown" | "host-gone" => Self::UnknownHost,
            "conflict" => Self::Conflict,
            other => Self::StreamError(other.chars().take(64).collect()),
        }
    }
}

/// The stream's transport: the gated read half, and the write half until the login is done.
pub struct Io {
    read: Gate<OwnedReadHalf>,
    write: Arc<Mutex<Option<OwnedWriteHalf>>>,
}

impl Io {
    fn with_write<T>(&self, act: impl FnOnce(Pin<&mut OwnedWriteHalf>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        match self.write.lock() {
            Ok(mut half) => half.as_mut().map_or_else(|| Poll::Ready(Err(gone())), |half| act(Pin::new(half))),
            Err(_) => Poll::Ready(Err(gone())),
        }
    }
}

impl AsyncRead for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buf)
    }
}

impl AsyncBufRead for Io {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Pin::new(&mut self.get_mut().read).poll_fill_buf(cx)
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        Pin::new(&mut self.read).consume(amount);
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with_write(|half| half.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with_write(|half| half.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with_write(|half| half.poll_shutdown(cx))
    }
}

/// A stream that has shaken hands. Stanzas come as elements: the typed parser refuses what is ill-typed, and with it
/// the answer that its sender is owed.
pub struct Stream {
    /// What comes in.
    pub read: XmlStream<Io, Element>,
    /// What the gate kept back.
    pub rejected: mpsc::Receiver<Rejected>,
    /// The other direction, ours alone: every stanza is encoded by itself, so that a bad one harms no other.
    pub write: OwnedWriteHalf,
}

/// Logs in.
///
/// # Errors
/// [`Down`] tells a wrong secret, an unknown host and a conflict apart.
pub async fn log_in(account: &Account) -> Result<Stream, Down> {
    time::timeout(LOGIN_TIMEOUT, shake_hands(account)).await.unwrap_or(Err(Down::LoginTimeout))
}

async fn shake_hands(account: &Account) -> Result<Stream, Down> {
    let tcp = TcpStream::connect(&account.server).await.map_err(Down::Unreachable)?;
    // Stanzas are small and each of them is waited for.
    tcp.set_nodelay(true).map_err(Down::Broken)?;
    let (read, write) = tcp.into_split();
    let (mut read, rejected) = Gate::new(read, Limits::default());
    if account.limited {
        read = read.limited(Rate::default(), &account.domain);
    }
    let write = Arc::new(Mutex::new(Some(write)));
    let io = Io { read, write: Arc::clone(&write) };
    let header = StreamHeader { to: Some(account.domain.as_str().into()), from: None, id: None };
    let mut pending = initiate_stream(io, ns::COMPONENT, header, TIMEOUTS).await.map_err(broken)?;
    let id = pending.take_header().id.map(std::borrow::Cow::into_owned).unwrap_or_default();
    let mut read: XmlStream<Io, Element> = pending.skip_features();
    // The server may refuse the host before the handshake is sent; its answer tells, not our write.
    let _ = read.send(&Handshake::from_stream_id_and_password(id, &account.secret)).await;
    loop {
        match next(&mut read).await? {
            Some(element) if element.is("handshake", ns::COMPONENT) => break,
            Some(other) => return Err(Down::Protocol(format!("<{}/> instead of a handshake", other.name()))),
            None => {}
        }
    }
    let write = write.lock().ok().and_then(|mut half| half.take());
    let write = write.ok_or_else(|| Down::Protocol("the write half is gone".to_owned()))?;
    Ok(Stream { read, rejected, write })
}

fn broken(error: io::Error) -> Down {
    if error.kind() == io::ErrorKind::InvalidData { Down::Protocol(error.to_string()) } else { Down::Broken(error) }
}

/// The next element; `None` when the stream was silent for so long that the server should be asked for a sign of
/// life.
///
/// # Errors
/// [`Down`] when the stream is over.
pub async fn next(stream: &mut XmlStream<Io, Element>) -> Result<Option<Element>, Down> {
    match stream.next().await {
        Some(Ok(element)) if element.is("error", ns::STREAM) => Err(Down::from_stream_error(&element)),
        Some(Ok(element)) => Ok(Some(element)),
        Some(Err(ReadError::SoftTimeout)) => Ok(None),
        Some(Err(ReadError::StreamFooterReceived)) => Err(Down::Closed),
        Some(Err(ReadError::HardError(error))) => Err(broken(error)),
        Some(Err(ReadError::ParseError(error))) => Err(Down::Protocol(error.to_string())),
        None => Err(Down::Broken(io::ErrorKind::UnexpectedEof.into())),
    }
}
