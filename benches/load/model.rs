//! The scripted model: an OpenAI-compatible endpoint that gives the same good answer at once.

use std::{cell::Cell, rc::Rc};

use anyhow::{Context, bail};
use bytes::{Buf, BytesMut};
use memchr::memmem;
use serde_json::Value;
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
    let answers = Rc::new(Answers::new());
    loop {
        let (tcp, _) = listener.accept().await?;
        let (tally, answers) = (Rc::clone(&tally), Rc::clone(&answers));
        tokio::task::spawn_local(async move {
            if let Err(error) = converse(tcp, &tally, &answers).await {
                tally.fault.set(Some(format!("{error:#}")));
            }
        });
    }
}

/// The answer to who asks whether we are there.
const MODELS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"data\":[]}";

/// One kept-alive connection. HTTP by hand, because a framework would cost as much as a fast subject does.
async fn converse(mut tcp: TcpStream, tally: &Tally, answers: &Answers) -> anyhow::Result<()> {
    tcp.set_nodelay(true)?;
    let mut unread = BytesMut::with_capacity(16 << 10);
    loop {
        while let Some(length) = request_length(&unread)? {
            let wants_stream = wire::has(&unread[..length], "\"stream\":true");
            let is_probe = unread.starts_with(b"GET ");
            unread.advance(length);
            if is_probe {
                tcp.write_all(MODELS).await?;
                continue;
            }
            tcp.write_all(if wants_stream { &answers.streamed } else { &answers.whole }).await?;
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

/// The one answer, in both ways that it can be asked for.
struct Answers {
    whole: Vec<u8>,
    /// In pieces of some letters, as models write.
    streamed: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        // Every field that a subject may ask for: readers take what they know.
        let content = serde_json::json!({
            "reply": format!("{REPLY} → Addresses; the next invoice then shows the new one. Shall I change it for you?"),
            "action": "continue",
            "reason": "the question is answered",
            "citations": [],
            "subject": "Address on the invoice",
            "priority": "NORMAL",
        })
        .to_string();
        let usage = serde_json::json!({ "prompt_tokens": 120, "completion_tokens": 40, "total_tokens": 160 });
        let body = |object: &str, choice: Option<Value>, usage: Option<&Value>| {
            let choices: Vec<Value> = choice.into_iter().collect();
            serde_json::json!({
                "id": "chatcmpl-bench",
                "object": object,
                "created": 1_700_000_000,
                "model": "scripted",
                "choices": choices,
                "usage": usage,
            })
        };
        let message = serde_json::json!({ "role": "assistant", "content": content });
        let choice = serde_json::json!({ "index": 0, "message": message, "finish_reason": "stop" });
        let whole = body("chat.completion", Some(choice), Some(&usage)).to_string();

        let piece = |delta: Value, finish: Option<&str>| {
            let choice = serde_json::json!({ "index": 0, "delta": delta, "finish_reason": finish });
            body("chat.completion.chunk", Some(choice), None)
        };
        let letters: Vec<char> = content.chars().collect();
        let pieces =
            letters.chunks(4).map(|part| piece(serde_json::json!({ "content": String::from_iter(part) }), None));
        let end = [piece(serde_json::json!({}), Some("stop")), body("chat.completion.chunk", None, Some(&usage))];
        let events: String = pieces.chain(end).map(|event| format!("data: {event}\n\n")).collect();
        let streamed = events + "data: [DONE]\n\n";
        Self { whole: response("application/json", &whole), streamed: response("text/event-stream", &streamed) }
    }
}

fn response(kind: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
