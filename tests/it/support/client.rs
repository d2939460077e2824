//! A plain XMPP client over TCP: it can send what no library would.

use std::{collections::VecDeque, time::Duration};

use base64::Engine;
use futures::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncWriteExt, BufStream},
    net::TcpStream,
    time,
};
use tokio_xmpp::xmlstream::{ReadError, StreamHeader, Timeouts, XmlStream, initiate_stream};
use xmpp_parsers::minidom::Element;

use super::{PATIENCE, server::Server};

const CLIENT: &str = "jabber:client";
const RECEIPTS: &str = "urn:xmpp:receipts";

/// A logged-in account.
pub struct Client {
    pub jid: String,
    pub(super) stream: XmlStream<BufStream<TcpStream>, Element>,
    /// The same socket, for text of our own.
    pub(super) raw: TcpStream,
    /// Read, but not yet looked for.
    pub(super) seen: VecDeque<Element>,
    pub(super) sent: u64,
}

fn header() -> StreamHeader<'static> {
    StreamHeader { to: Some("localhost".into()), from: None, id: None }
}

impl Client {
    /// Logs in as `name@localhost/resource` and becomes available.
    pub async fn login(server: &Server, name: &str, resource: &str) -> Self {
        let mut client = Self::login_silently(server, name, resource).await;
        client.send("<presence/>").await;
        client
    }

    /// Logs in without presence.
    pub async fn login_silently(server: &Server, name: &str, resource: &str) -> Self {
        let tcp = TcpStream::connect(("127.0.0.1", server.client_port)).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let std = tcp.into_std().unwrap();
        let raw = TcpStream::from_std(std.try_clone().unwrap()).unwrap();
        let io = BufStream::new(TcpStream::from_std(std).unwrap());
        let timeouts = Timeouts { read_timeout: PATIENCE * 4, response_timeout: PATIENCE };
        let pending = initiate_stream(io, CLIENT, header(), timeouts).await.unwrap();
        let (_, mut stream) = pending.recv_features::<Element>().await.unwrap();
        let plain = base64::engine::general_purpose::STANDARD.encode(format!("\0{name}\0pw"));
        let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>");
        stream.send(&auth.parse::<Element>().unwrap()).await.unwrap();
        let success = stream.next().await.unwrap().unwrap();
        assert_eq!(success.name(), "success", "login as {name}");
        let pending = stream.initiate_reset().send_header(header()).await.unwrap();
        let (_, stream) = pending.recv_features::<Element>().await.unwrap();
        let jid = format!("{name}@localhost/{resource}");
        let mut client = Self { jid, stream, raw, seen: VecDeque::new(), sent: 0 };
        client
            .send(&format!(
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
                 <resource>{resource}</resource></bind></iq>"
            ))
            .await;
        client.expect("the bound resource", |stanza| stanza.attr("id") == Some("bind")).await;
        client
    }

    /// Sends text as it is.
    pub async fn send(&mut self, xml: &str) {
        self.raw.write_all(xml.as_bytes()).await.unwrap();
    }

    /// Says something to a desk as a chat client does: with a receipt asked for and a chat state. Gives the id.
    pub async fn say(&mut self, to: &str, body: &str) -> String {
        self.sent += 1;
        let id = format!("{}-{}-{}", self.jid, self.sent, uuid::Uuid::new_v4().simple());
        self.say_as(&id, to, body).await;
        id
    }

    /// The same under an id of the test's choice.
    pub async fn say_as(&mut self, id: &str, to: &str, body: &str) {
        self.send(&chat_line(id, to, body)).await;
    }

    /// Sends text as it is, unless the stream has ended.
    pub async fn try_send(&mut self, xml: &str) -> std::io::Result<()> {
        self.raw.write_all(xml.as_bytes()).await
    }

    /// The next stanza, whatever it is, if one comes in time; an error when the stream has ended.
    pub async fn next(&mut self, patience: Duration) -> Result<Option<Element>, ReadError> {
        if let Some(stanza) = self.seen.pop_front() {
            return Ok(Some(stanza));
        }
        match time::timeout(patience, self.stream.next()).await {
            Ok(Some(Ok(stanza))) => Ok(Some(stanza)),
            Ok(Some(Err(ReadError::SoftTimeout))) | Err(_) => Ok(None),
            Ok(Some(Err(error))) => Err(error),
            Ok(None) => Err(ReadError::StreamFooterReceived),
        }
    }

    /// The next stanza that fits, within [`PATIENCE`]; others are kept for later.
    pub async fn expect(&mut self, what: &str, fits: impl Fn(&Element) -> bool) -> Element {
        match self.wait_for(PATIENCE, &fits).await {
            Some(stanza) => stanza,
            None => {
                let seen: Vec<String> = self.seen.iter().map(String::from).collect();
                panic!("{} never got {what}; it got {seen:#?}", self.jid)
            }
        }
    }

    /// The next stanza that fits, if one comes in time.
    pub async fn wait_for(&mut self, patience: Duration, fits: impl Fn(&Element) -> bool) -> Option<Element> {
        if let Some(place) = self.seen.iter().position(&fits) {
            return self.seen.remove(place);
        }
        let deadline = time::Instant::now() + patience;
        while let Ok(next) = time::timeout_at(deadline, self.stream.next()).await {
            match next {
                Some(Ok(stanza)) if fits(&stanza) => return Some(stanza),
                Some(Ok(stanza)) => self.seen.push_back(stanza),
                Some(Err(ReadError::SoftTimeout)) => {}
                other => panic!("{}: the stream ended: {other:?}", self.jid),
            }
        }
        None
    }

    /// The next message with a body from a desk.
    pub async fn answer(&mut self) -> Element {
        self.expect("an answer", |stanza| body(stanza).is_some() && stanza.attr("type") == Some("chat")).await
    }

    /// The text of the next answer.
    pub async fn answer_text(&mut self) -> String {
        body(&self.answer().await).unwrap()
    }

    /// The receipt for `id`.
    pub async fn receipt(&mut self, id: &str) {
        self.expect("a receipt", |stanza| receipt_for(stanza).as_deref() == Some(id)).await;
    }

    /// Everything that has come until now, and what comes within a moment.
    pub async fn drain(&mut self, moment: Duration) -> Vec<Element> {
        self.wait_for(moment, |_| false).await;
        self.seen.drain(..).collect()
    }

    /// A round trip through the desk's link: what was sent before it has been read by then.
    pub async fn ping(&mut self, to: &str) {
        self.sent += 1;
        let id = format!("ping-{}", self.sent);
        self.send(&format!("<iq type='get' to='{to}' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>")).await;
        let reply = self.expect("a pong", |stanza| stanza.attr("id") == Some(&id)).await;
        assert_eq!(reply.attr("type"), Some("result"), "{}", String::from(&reply));
    }
}

/// A line as chat clients send it.
pub fn chat_line(id: &str, to: &str, body: &str) -> String {
    let body = body.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<message type='chat' to='{to}' id='{id}'><body>{body}</body><request xmlns='{RECEIPTS}'/>\
         <active xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
}

/// The message's text, if it has one.
pub fn body(stanza: &Element) -> Option<String> {
    stanza.children().find(|child| child.name() == "body").map(Element::text).filter(|_| stanza.name() == "message")
}

/// Which message a receipt is for.
pub fn receipt_for(stanza: &Element) -> Option<String> {
    stanza.get_child("received", RECEIPTS).and_then(|received| received.attr("id")).map(str::to_owned)
}

/// The chat state it carries.
pub fn chat_state(stanza: &Element) -> Option<&str> {
    stanza.children().find(|child| child.ns() == "http://jabber.org/protocol/chatstates").map(Element::name)
}

/// The stanza error's condition.
pub fn error_condition(stanza: &Element) -> Option<String> {
    let error = stanza.children().find(|child| child.name() == "error")?;
    error.children().next().map(|condition| condition.name().to_owned())
}
