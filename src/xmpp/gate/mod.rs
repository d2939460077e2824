//! The filter in front of the parser: only whole, harmless stanzas pass.
//!
//! All customers share one stream, and its parser cannot defend itself: nested elements overflow its stack, a long
//! attribute or an illegal character ends the stream for everybody. So the gate holds each top-level stanza back
//! until its last byte is there, and then releases all of it or nothing. What it keeps back it reports, so that the
//! sender can be answered. And it counts what each sender takes of everybody's time: a flood of one is kept back, too.

mod allowance;
mod limits;
mod rejected;
mod scanner;
#[cfg(test)]
mod tests;
mod twin;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
    time::Instant,
};

pub(crate) use self::rejected::is_xml_char;
pub use self::{
    allowance::Rate,
    limits::Limits,
    rejected::{Head, Reason, Rejected},
};
use self::{
    allowance::{Allowances, Verdict, cost, cost_of_refusal},
    rejected::sender,
    scanner::{Ended, Place, Scanner},
    twin::Twin,
};

/// Bytes read from the socket at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// Bytes kept of a refused stanza, to find out whom to answer. An 8 KB attribute may stand before `from`.
const HEAD_BYTES: usize = 32 * 1024;
/// The longest stream header; real ones have 200 bytes.
const PROLOG_BYTES: usize = 16 * 1024;
/// Reports that wait to be read. Further ones are dropped: a flood is not worth an answer each.
const REPORTS: usize = 128;

/// An adapter around the read half of a component stream; see the [module](self).
///
/// The stream header, `<handshake/>`, `<stream:error>`, white space and the footer pass. A stream header or footer that
/// is not well-formed is an [`io::ErrorKind::InvalidData`] error: then the server, not a customer, is at fault.
#[derive(Debug)]
pub struct Gate<T> {
    io: T,
    limits: Limits,
    scanner: Scanner,
    twin: Twin,
    /// None: nobody is limited.
    allowances: Option<Allowances>,
    /// Who is never limited: ourselves, whose pings are the fences.
    exempt: Vec<u8>,
    chunk: Box<[u8]>,
    /// The stanza that is not yet complete, or its first bytes once it is refused.
    held: BytesMut,
    /// Bytes seen of that stanza.
    seen: usize,
    refused: Option<Reason>,
    /// What may be read.
    out: BytesMut,
    reports: mpsc::Sender<Rejected>,
    /// Stanzas kept back without a report of their own since the last report.
    unreported: u64,
    junk_reported: bool,
    broken: bool,
}

impl<T> Gate<T> {
    /// Puts a gate before `io`. The receiver tells of what was kept back; at most 128 reports wait in it.
    pub fn new(io: T, limits: Limits) -> (Self, mpsc::Receiver<Rejected>) {
        let (reports, rejected) = mpsc::channel(REPORTS);
        let gate = Self {
            io,
            limits,
            scanner: Scanner::new(limits),
            twin: Twin::default(),
            allowances: None,
            exempt: Vec::new(),
            chunk: vec![0; CHUNK_BYTES].into_boxed_slice(),
            held: BytesMut::new(),
            seen: 0,
            refused: None,
            out: BytesMut::new(),
            reports,
            unreported: 0,
            junk_reported: false,
            broken: false,
        };
        (gate, rejected)
    }

    /// Limits each sender, known by its bare JID, to `rate`; only `own_domain` itself is not limited.
    #[must_use]
    pub fn limited(mut self, rate: Rate, own_domain: &str) -> Self {
        self.allowances = Some(Allowances::new(rate));
        self.exempt = own_domain.as_bytes().to_vec();
        self
    }

    /// Sorts newly read bytes into what may pass and what may not.
    fn sift(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let step = self.scanner.scan(bytes);
            let (part, rest) = bytes.split_at(step.len);
            bytes = rest;
            match step.place {
                Place::Prolog if self.held.len() + part.len() > PROLOG_BYTES => return Err(broken("no stream header")),
                Place::Prolog => self.held.extend_from_slice(part),
                Place::Between => self.between(part),
                Place::Markup => self.hold(part),
                Place::After => {}
            }
            match step.ended {
                None => {}
                Some(Ended::Header) => {
                    self.twin.open(&self.held).map_err(broken)?;
                    self.release();
                }
                Some(Ended::Stanza) => self.decide(),
                Some(Ended::Footer) => {
                    self.twin.close(&self.held).map_err(broken)?;
                    self.release();
                }
                Some(Ended::Junk) => {
                    self.report_junk();
                    self.forget();
                }
            }
        }
        Ok(())
    }

    /// White space is a sign of life and passes; other text would end the stream.
    fn between(&mut self, part: &[u8]) {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        if part.iter().all(is_space) {
            self.out.extend_from_slice(part);
        } else {
            self.report_junk();
        }
    }

    fn hold(&mut self, part: &[u8]) {
        self.seen = self.seen.saturating_add(part.len());
        if self.refused.is_none() {
            let too_large = self.seen > self.limits.stanza_bytes;
            self.refused = self.scanner.violation().or(too_large.then_some(Reason::TooLarge));
        }
        let room = match self.refused {
            None => part.len(),
            Some(_) => part.len().min(HEAD_BYTES.saturating_sub(self.held.len())),
        };
        self.held.extend_from_slice(&part[..room]);
    }

    /// The stanza is complete: it passes or is reported.
    fn decide(&mut self) {
        self.junk_reported = false;
        let verdict = match self.refused {
            Some(reason) => {
                let price = cost_of_refusal(self.seen);
                let tell = self.charge(|allowances, sender| allowances.charge_refusal(sender, price, Instant::now()));
                Err((reason, tell.unwrap_or(true)))
            }
            // Who has nothing left is kept back before the parser has any work with it.
            None => self.afford().and_then(|()| self.twin.judge(&self.held).map_err(|reason| (reason, true))),
        };
        match verdict {
            Ok(()) => self.release(),
            Err((reason, tell)) => {
                if tell {
                    self.report(Rejected { reason, head: Head::read(&self.held), unreported: 0 });
                } else {
                    self.unreported += 1;
                }
                self.forget();
            }
        }
    }

    /// Whether the held stanza's sender may send it now; if not, whether it may be told.
    fn afford(&mut self) -> Result<(), (Reason, bool)> {
        let price = cost(self.seen, self.scanner.elements(), self.scanner.attributes());
        match self.charge(|allowances, sender| allowances.charge(sender, price, Instant::now())) {
            None | Some(Verdict::Pass) => Ok(()),
            Some(Verdict::KeepBack { tell }) => Err((Reason::TooMuch, tell)),
        }
    }

    fn charge<V>(&mut self, charge: impl FnOnce(&mut Allowances, &[u8]) -> V) -> Option<V> {
        let allowances = self.allowances.as_mut()?;
        // Without a sender it is the server's own word: a handshake or a stream error.
        let sender = sender(&self.held)?;
        (sender != self.exempt).then(|| charge(allowances, sender))
    }

    fn release(&mut self) {
        self.out.extend_from_slice(&self.held);
        self.forget();
    }

    fn forget(&mut self) {
        self.seen = 0;
        self.refused = None;
        self.held.clear();
        if self.held.capacity() > HEAD_BYTES {
            self.held = BytesMut::new();
        }
    }

    fn report_junk(&mut self) {
        if !self.junk_reported {
            self.junk_reported = true;
            self.report(Rejected { reason: Reason::OutsideStanza, head: None, unreported: 0 });
        }
    }

    fn report(&mut self, rejected: Rejected) {
        let rejected = Rejected { unreported: self.unreported, ..rejected };
        match self.reports.try_send(rejected) {
            Ok(()) => self.unreported = 0,
            Err(_) => self.unreported += 1,
        }
    }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl<T: AsyncRead + Unpin> AsyncBufRead for Gate<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.out.is_empty() {
            if this.broken {
                return Poll::Ready(Err(broken("the stream lost its structure")));
            }
            let mut buffer = ReadBuf::new(&mut this.chunk);
            ready!(Pin::new(&mut this.io).poll_read(cx, &mut buffer))?;
            let len = buffer.filled().len();
            if len == 0 {
                break;
            }
            let chunk = std::mem::take(&mut this.chunk);
            let sifted = this.sift(&chunk[..len]);
            this.chunk = chunk;
            if let Err(error) = sifted {
                this.broken = true;
                if this.out.is_empty() {
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(Ok(&this.out))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().out.advance(amount);
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Gate<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let available = ready!(self.as_mut().poll_fill_buf(cx))?;
        let len = available.len().min(buffer.remaining());
        buffer.put_slice(&available[..len]);
        self.consume(len);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Gate<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
