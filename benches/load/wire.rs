//! XEP-0114 streams, from both ends, and the cutting of a stream into stanzas.
//!
//! Not a parser: a scanner that trusts the well-formed XML of the server or of the subject, so that the generator costs
//! a small part of what it measures.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::{Buf, BytesMut};
use memchr::{memchr, memchr3, memmem};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use xmpp_parsers::component::Handshake;

const PATIENCE: Duration = Duration::from_secs(30);

/// A component stream past its handshake, and what was read beyond it.
pub struct Stream {
    /// The connection, without Nagle's delay.
    pub tcp: TcpStream,
    /// Bytes that are not stanzas yet.
    pub unread: BytesMut,
}

impl Stream {
    /// Connects to a server as the component `domain`.
    pub async fn connect(server: &str, domain: &str, secret: &str) -> anyhow::Result<Self> {
        let tcp = TcpStream::connect(server).await.with_context(|| format!("no XMPP server at {server}"))?;
        tcp.set_nodelay(true)?;
        let mut stream = Self { tcp, unread: BytesMut::with_capacity(64 << 10) };
        stream.tcp.write_all(header(&format!("to='{domain}'")).as_bytes()).await?;
        let id = stream.header_attribute("id").await?;
        stream.tcp.write_all(format!("<handshake>{}</handshake>", digest(id, secret)?).as_bytes()).await?;
        let reply = stream.stanza().await?;
        ensure!(reply.starts_with("<handshake"), "the server refused {domain}: {reply}");
        Ok(stream)
    }

    /// Waits for one component and accepts it, as a server would.
    pub async fn accept(listener: &TcpListener, secret: &str) -> anyhow::Result<Self> {
        let (tcp, _) = timeout(PATIENCE, listener.accept()).await.context("the subject did not connect")??;
        tcp.set_nodelay(true)?;
        let mut stream = Self { tcp, unread: BytesMut::with_capacity(64 << 10) };
        let domain = stream.header_attribute("to").await?;
        let id = "bench".to_owned();
        stream.tcp.write_all(header(&format!("from='{domain}' id='{id}'")).as_bytes()).await?;
        let handshake = stream.stanza().await?;
        ensure!(handshake.contains(&digest(id, secret)?), "the subject has another secret: {handshake}");
        stream.tcp.write_all(b"<handshake/>").await?;
        Ok(stream)
    }

    async fn header_attribute(&mut self, name: &str) -> anyhow::Result<String> {
        loop {
            if let Some(start) = memmem::find(&self.unread, b"<stream:stream")
                && let Some(end) = tag_end(&self.unread[start..])
            {
                let header = self.unread.split_to(start + end);
                let value = attribute(&header[start..], name).context("a stream header without its attribute")?;
                return Ok(String::from_utf8(value.to_vec())?);
            }
            self.read().await?;
        }
    }

    async fn stanza(&mut self) -> anyhow::Result<String> {
        loop {
            if let Some(stanza) = next_stanza(&mut self.unread) {
                return Ok(String::from_utf8(stanza.to_vec())?);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        let read = timeout(PATIENCE, self.tcp.read_buf(&mut self.unread)).await.context("the stream is silent")??;
        if read == 0 {
            bail!("the stream was closed: {}", String::from_utf8_lossy(&self.unread));
        }
        Ok(())
    }
}

fn header(attributes: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
         xmlns:stream='http://etherx.jabber.org/streams' {attributes}>"
    )
}

/// XEP-0114 §3: the hexadecimal SHA-1 of the stream id and the secret.
fn digest(id: String, secret: &str) -> anyhow::Result<String> {
    let digest = Handshake::from_stream_id_and_password(id, secret).data.context("a handshake without a digest")?;
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Takes the first whole stanza from `unread`; `None` when there is none yet. The end of the stream counts as one.
pub fn next_stanza(unread: &mut BytesMut) -> Option<BytesMut> {
    // Between stanzas there may be white space: keep-alives.
    unread.advance(memchr(b'<', unread).unwrap_or(unread.len()));
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        let start = at + memchr(b'<', &unread[at..])?;
        at = start + tag_end(&unread[start..])?;
        match (unread[start + 1], unread[at - 2]) {
            (b'/', _) => depth = depth.saturating_sub(1),
            (_, b'/') => {}
            _ => depth += 1,
        }
        if depth == 0 {
            return Some(unread.split_to(at));
        }
    }
}

/// Length of the tag at the start of `xml`; a `>` within quotes does not end it.
fn tag_end(xml: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr3(b'>', b'\'', b'"', &xml[at..])?;
        if xml[at] == b'>' {
            return Some(at + 1);
        }
        at += 2 + memchr(xml[at], &xml[at + 1..])?;
    }
}

/// The value of an attribute of the first tag in `xml`, still escaped.
pub fn attribute<'xml>(xml: &'xml [u8], name: &str) -> Option<&'xml [u8]> {
    let tag = &xml[..tag_end(xml)?];
    let mut at = 0;
    loop {
        at += memchr(b'=', &tag[at..])?;
        let quote = *tag.get(at + 1)?;
        let end = at + 2 + memchr(quote, tag.get(at + 2..)?)?;
        if tag[..at].ends_with(name.as_bytes()) && tag[at - name.len() - 1].is_ascii_whitespace() {
            return Some(&tag[at + 2..end]);
        }
        at = end;
    }
}

/// Whether the first tag in `xml` is named `name`.
pub fn is(xml: &[u8], name: &str) -> bool {
    xml.get(1..).is_some_and(|tag| tag.starts_with(name.as_bytes()) && !tag[name.len()].is_ascii_alphanumeric())
}

/// Whether `xml` contains `text`.
pub fn has(xml: &[u8], text: &str) -> bool {
    memmem::find(xml, text.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_are_cut_where_they_end_however_they_arrive() {
        let stream = "\n <iq id='1'/> <message to=\"a>b\"><body>x</body><x><y/></x></message>\
                      <message><body>half</bo";
        for step in 1..stream.len() {
            let (mut unread, mut stanzas) = (BytesMut::new(), Vec::new());
            for piece in stream.as_bytes().chunks(step) {
                unread.extend_from_slice(piece);
                while let Some(stanza) = next_stanza(&mut unread) {
                    stanzas.push(stanza);
                }
            }
            assert_eq!(
                stanzas,
                ["<iq id='1'/>", "<message to=\"a>b\"><body>x</body><x><y/></x></message>"],
                "in pieces of {step}"
            );
            assert_eq!(unread, "<message><body>half</bo");
        }
    }

    #[test]
    fn the_end_of_the_stream_is_a_stanza() {
        let mut unread = BytesMut::from("</stream:stream>");
        assert_eq!(next_stanza(&mut unread).unwrap(), "</stream:stream>");
    }

    #[test]
    fn attributes_are_found_by_their_whole_name_in_the_first_tag_only() {
        let stanza = br#"<message xml:id='no' id="x=' id='1" to='u1@d/r'><received id='m1'/></message>"#;
        assert_eq!(attribute(stanza, "id"), Some(&b"x=' id='1"[..]));
        assert_eq!(attribute(stanza, "to"), Some(&b"u1@d/r"[..]));
        assert_eq!(attribute(stanza, "from"), None);
        assert_eq!(attribute(b"<iq/>", "id"), None);
    }

    #[test]
    fn names_are_whole_names() {
        assert!(is(b"<iq id='1'/>", "iq") && is(b"<iq/>", "iq"));
        assert!(!is(b"<iqs/>", "iq") && !is(b"<presence/>", "iq"));
    }
}
