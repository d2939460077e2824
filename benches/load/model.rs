//! The scripted model: an OpenAI-compatible endpoint that gives the same good answer at once.

use std::{cell::Cell, rc::Rc};

use anyhow::{Context, bail, ensure};
use bytes::{Buf, BytesMut};
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::wire;

/// The answer's text: what a customer must get to count as answered.
pub const REPLY: &str = "You can change the address of an invoice under Account";

/// What the scripted model did.
#[derive(Default)]
pub struct Tally {
    /// Questions answered.
    pub answered: Cell<usize>,
    /// The first thing that went wrong.
    pub fault: Cell<Option<String>>,
}

/// Serves `POST …/chat/completions` on the listener until the runtime ends.
///
/// Call it within a [`tokio::task::LocalSet`].
pub async fn serve(listener: TcpListener, tally: Rc<Tally>) -> anyhow::Result<()> {
    let response: Rc<[u8]> = response().into();
    loop {
        let (tcp, _) = listener.accept().await?;
        let (tally, response) = (Rc::clone(&tally), Rc::clone(&response));
        tokio::task::spawn_local(async move {
            if let Err(error) = converse(tcp, &tally, &response).await {
                tally.fault.set(Some(format!("{error:#}")));
            }
        });
    }
}

/// The answer to who asks whether we are there.
const MODELS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"data\":[]}";

/// One kept-alive connection. HTTP by hand, because a framework would cost as much as a fast subject does.
async fn converse(mut tcp: TcpStream, tally: &Tally, response: &[u8]) -> anyhow::Result<()> {
    tcp.set_nodelay(true)?;
    let mut unread = BytesMut::with_capacity(16 << 10);
    loop {
        while let Some(length) = request_length(&unread)? {
            ensure!(!wire::has(&unread[..length], "\"stream\":true"), "the scripted model does not stream");
            let is_probe = unread.starts_with(b"GET ");
            unread.advance(length);
            if is_probe {
                tcp.write_all(MODELS).await?;
                continue;
            }
            tcp.write_all(response).await?;
            tally.answered.set(tally.answered.get() + 1);
        }
        match tcp.read_buf(&mut unread).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // A subject that is stopped drops its connections.
            Err(_) => return Ok(()),
        }
    }
}

/// Length of the whole request at the start of `unread`; `None` when it is not all there.
fn request_length(unread: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = memmem::find(unread, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&unread[..end])?;
    let mut lines = head.split("\r\n");
    let request = lines.next().unwrap_or_default();
    if request.starts_with("GET /v1/models ") {
        return Ok(Some(end + 4));
    }
    if !request.starts_with("POST /v1/chat/completions ") {
        bail!("the scripted model was asked {request:?}");
    }
    let length: usize = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("a request to the model without its length")?
        .1
        .trim()
        .parse()?;
    let whole = end + 4 + length;
    Ok((unread.len() >= whole).then_some(whole))
}

fn response() -> Vec<u8> {
    // Every field that a subject may ask for: readers take what they know.
    let content = serde_json::json!({
        "reply": format!("{REPLY} → Addresses; the next invoice then shows the new one. Shall I change it for you?"),
        "action": "continue",
        "reason": "the question is answered",
        "citations": [],
        "subject": "Address on the invoice",
        "priority": "NORMAL",
    });
    let body = serde_json::json!({
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "scripted",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": content.to_string() },
            "finish_reason": "stop",
        }],
        "usage": { "prompt_tokens": 120, "completion_tokens": 40, "total_tokens": 160 },
    })
    .to_string();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}
