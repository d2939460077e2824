//! The ceiling: a component that sends what a chat's answer takes, and does nothing else.
//!
//! Receipt, typing notice and answer, as any subject sends them, without storage and without a model.

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    model,
    wire::{self, Stream},
};

/// Where to connect.
#[derive(clap::Args)]
pub struct Options {
    /// Component port of the server.
    #[arg(long)]
    server: String,
    /// The component's domain.
    #[arg(long)]
    domain: String,
    /// The component's secret.
    #[arg(long)]
    secret: String,
    /// Only acknowledge lines that ask for it, and answer nothing.
    #[arg(long)]
    receipts_only: bool,
}

/// Answers until the stream ends.
pub async fn echo(options: Options) -> anyhow::Result<()> {
    let Stream { mut tcp, mut unread } = Stream::connect(&options.server, &options.domain, &options.secret).await?;
    let mut out = BytesMut::with_capacity(256 << 10);
    loop {
        while let Some(stanza) = wire::next_stanza(&mut unread) {
            answer(&stanza, options.receipts_only, &mut out);
        }
        tcp.write_all(&out).await?;
        out.clear();
        if tcp.read_buf(&mut unread).await? == 0 {
            return Ok(());
        }
    }
}

fn answer(stanza: &[u8], receipts_only: bool, out: &mut BytesMut) {
    let attribute = |name| wire::attribute(stanza, name).map(String::from_utf8_lossy);
    let (Some(to), Some(from), Some(id)) = (attribute("from"), attribute("to"), attribute("id")) else { return };
    let head = format!("from='{from}' to='{to}'");
    if wire::is(stanza, "iq") && attribute("type").as_deref() == Some("get") {
        out.put_slice(format!("<iq {head} type='result' id='{id}'/>").as_bytes());
    } else if receipts_only {
        if wire::has(stanza, "urn:xmpp:receipts") {
            let receipt = format!("<message {head}><received xmlns='urn:xmpp:receipts' id='{id}'/></message>");
            out.put_slice(receipt.as_bytes());
        }
    } else if wire::is(stanza, "message") && wire::has(stanza, "<body") {
        out.put_slice(
            format!(
                "<message {head} type='chat' id='{id}-r'><received xmlns='urn:xmpp:receipts' id='{id}'/></message>\
                 <message {head} type='chat' id='{id}-c'>\
                 <composing xmlns='http://jabber.org/protocol/chatstates'/></message>\
                 <message {head} type='chat' id='{id}-a'><body>{} → Addresses; the next invoice then shows the new \
                 one. Shall I change it for you?</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
                model::REPLY
            )
            .as_bytes(),
        );
    }
}
