//! What a client does beyond chatting: requests, subscriptions, presence.

use futures::StreamExt;
use tokio::time;
use tokio_xmpp::xmlstream::ReadError;
use xmpp_parsers::minidom::Element;

use super::{
    PATIENCE,
    client::{Client, body},
};

/// What a presence stanza says: its type (`None`: available), its show and its text.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    pub kind: Option<String>,
    pub show: Option<String>,
    pub status: Option<String>,
}

impl Shown {
    pub fn available() -> Self {
        Self { kind: None, show: None, status: None }
    }

    pub fn unavailable() -> Self {
        Self { kind: Some("unavailable".to_owned()), show: None, status: None }
    }
}

impl Client {
    /// Sends a request and gives its answer, a result or an error.
    pub async fn ask(&mut self, to: &str, kind: &str, payload: &str) -> Element {
        let id = uuid::Uuid::new_v4().to_string();
        self.send(&format!("<iq type='{kind}' to='{to}' id='{id}'>{payload}</iq>")).await;
        self.expect("an answer to a request", |stanza| stanza.name() == "iq" && stanza.attr("id") == Some(&id)).await
    }

    /// Subscribes to a desk and lets it see us, as clients do when they add a contact. Gives what the desk shows.
    pub async fn befriend(&mut self, desk: &str) -> Shown {
        self.open_roster().await;
        self.send(&format!("<presence type='subscribe' to='{desk}'/>")).await;
        self.presence(desk, "subscribed").await;
        self.presence(desk, "subscribe").await;
        self.send(&format!("<presence type='subscribed' to='{desk}'/>")).await;
        // The server may probe the desk once more: what it showed before the round trip ended is one answer.
        self.presence_round_trip().await;
        let shown = self.shown(desk).await;
        self.seen.retain(|stanza| !is_presence_of(stanza, desk));
        shown
    }

    /// Only who has asked for the roster is told of changes in it (RFC 6121 §2.2).
    pub async fn open_roster(&mut self) {
        self.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>").await;
        self.expect("the roster", |stanza| stanza.attr("id") == Some("roster")).await;
    }

    /// The next presence of this type from a desk.
    pub async fn presence(&mut self, desk: &str, kind: &str) -> Element {
        self.expect(&format!("presence {kind}"), |stanza| {
            is_presence_of(stanza, desk) && stanza.attr("type") == Some(kind)
        })
        .await
    }

    /// What the desk shows next: available or unavailable.
    pub async fn shown(&mut self, desk: &str) -> Shown {
        let stanza = self
            .expect("a desk's presence", |stanza| {
                is_presence_of(stanza, desk) && matches!(stanza.attr("type"), None | Some("unavailable"))
            })
            .await;
        let text = |name| stanza.children().find(|child| child.name() == name).map(Element::text);
        Shown { kind: stanza.attr("type").map(str::to_owned), show: text("show"), status: text("status") }
    }

    /// A round trip behind all presences that were sent before: requests are answered apart from presences. Leaving a desk
    /// that one never joined is confirmed, and changes nothing.
    pub async fn presence_round_trip(&mut self) {
        const NEVER_JOINED: &str = "billing@help.localhost";
        self.send(&format!("<presence type='unsubscribe' to='{NEVER_JOINED}'/>")).await;
        self.presence(NEVER_JOINED, "unavailable").await;
    }

    /// Everything that has come from `desk` before round trips of both kinds ended: also answers to presences.
    pub async fn seen_until_met(&mut self, desk: &str) -> Vec<Element> {
        self.presence_round_trip().await;
        self.seen_until_pong(desk).await
    }

    /// Everything that has come from `desk` before a round trip to it ended, but for answers to presences: these are apart.
    pub async fn seen_until_pong(&mut self, desk: &str) -> Vec<Element> {
        self.ping(desk).await;
        self.seen.drain(..).filter(|stanza| stanza.attr("from") == Some(desk)).collect()
    }

    /// Logs out, and waits until the server has seen it.
    pub async fn leave(mut self) {
        self.send("</stream:stream>").await;
        let end = time::Instant::now() + PATIENCE;
        while !matches!(
            time::timeout_at(end, self.stream.next()).await.expect("the server says goodbye"),
            None | Some(Err(ReadError::StreamFooterReceived | ReadError::HardError(_)))
        ) {}
    }

    /// A round trip to the desk whatever it brings; whether the stream still stood. For those who send what may end
    /// their stream.
    pub async fn survives(&mut self, desk: &str) -> bool {
        self.survives_as(&self.jid.clone(), desk).await
    }

    /// The same for a component, which must say who asks.
    pub async fn survives_as(&mut self, from: &str, desk: &str) -> bool {
        let id = uuid::Uuid::new_v4().to_string();
        self.send_unsure(&format!(
            "<iq type='get' from='{from}' to='{desk}' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>"
        ))
        .await;
        let end = time::Instant::now() + PATIENCE;
        loop {
            match time::timeout_at(end, self.stream.next()).await.expect("an answer or an end") {
                Some(Ok(stanza)) if stanza.attr("id") == Some(&id) => return true,
                Some(Ok(stanza)) if stanza.name() == "error" => return false,
                Some(Ok(stanza)) => self.seen.push_back(stanza),
                Some(Err(ReadError::SoftTimeout)) => {}
                None | Some(Err(_)) => return false,
            }
        }
    }

    /// Sends on a stream that the server may have ended.
    pub async fn send_unsure(&mut self, xml: &str) {
        // A broken pipe is an answer, too: `survives` will tell.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut self.raw, xml.as_bytes()).await;
    }
}

fn is_presence_of(stanza: &Element, desk: &str) -> bool {
    stanza.name() == "presence" && stanza.attr("from").is_some_and(|from| from.split('/').next() == Some(desk))
}

/// The texts among some stanzas.
pub fn texts(stanzas: &[Element]) -> Vec<String> {
    stanzas.iter().filter_map(body).collect()
}
