//! A model that does what it is told: an OpenAI-compatible endpoint with a script.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use futures::stream;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
    time,
};

use super::{
    obedient::{self, Obeyed},
    server::free_port,
};

/// What the model does with one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A structured answer.
    Answer(String),
    /// The same, after a while.
    Slow(Duration, String),
    /// A structured object of the test's choice.
    Object(Value),
    /// This text as the message's content.
    Content(String),
    /// This HTTP status with a plain text.
    Status(u16),
    /// This HTTP status with a header.
    StatusWith(u16, &'static str, String),
    /// This as the whole body.
    Raw(&'static str),
    /// A web page, as a proxy answers for a server that is gone.
    Page(&'static str),
    /// A structured answer that is like no other, after a while.
    Counted(Duration),
    /// A structured answer, once the test says so.
    Gated(Arc<Notify>, String),
    /// This content piece by piece; before each but the first it waits until the test says so.
    Pieces(Arc<Notify>, Vec<String>),
    /// Whatever the prompt orders, see [`super::obedient`]; without an order, "Fine.".
    Obey,
    /// Half a body, and then nothing.
    Stall,
    /// Nothing at all.
    Hang,
}

#[derive(Default)]
struct Script {
    /// What comes next; afterwards `default`.
    next: VecDeque<Reply>,
    default: Option<Reply>,
    /// What requests with this text in them get, before all others.
    rules: Vec<(String, Reply)>,
    requests: Vec<Value>,
    /// Requests whose client went away before the answer.
    dropped: usize,
}

/// A running model.
#[derive(Clone)]
pub struct Model {
    script: Arc<Mutex<Script>>,
    pub url: String,
}

impl Model {
    /// A model that answers `default` to everything.
    pub async fn start(default: Reply) -> Self {
        let model = Self::down(default);
        model.up().await;
        model
    }

    /// The same, but nobody listens yet.
    pub fn down(default: Reply) -> Self {
        let script = Arc::new(Mutex::new(Script { default: Some(default), ..Script::default() }));
        Self { script, url: format!("http://127.0.0.1:{}/v1", free_port()) }
    }

    /// Begins to listen.
    pub async fn up(&self) {
        let router = Router::new()
            .route("/v1/chat/completions", post(complete))
            .route("/v1/models", get(|| async { Json(json!({ "data": [{ "id": "scripted" }] })) }))
            .with_state(Arc::clone(&self.script));
        let address = self.url.trim_start_matches("http://").trim_end_matches("/v1");
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    }

    /// One that breaks off in the middle of the answer's headers, and keeps the connection.
    pub async fn stuck() -> Self {
        let model = Self::down(Reply::Hang);
        let address = model.url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 1024]).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-ty").await.unwrap();
                kept.push(stream);
            }
        });
        model
    }

    /// The line of configuration that makes it an endpoint behind the first.
    pub fn endpoint(&self, name: &str, more: &str) -> String {
        let url = &self.url;
        format!("[[assistant.endpoints]]\nname = \"{name}\"\nbase_url = \"{url}\"\nmodel = \"{name}-model\"\n{more}\n")
    }

    /// What requests with this text in them get from now on.
    pub fn whenever(&self, text: &str, reply: Reply) {
        self.script.lock().unwrap().rules.push((text.to_owned(), reply));
    }

    /// How many requests have this text in them.
    pub fn asked(&self, text: &str) -> usize {
        self.requests().iter().filter(|request| request.to_string().contains(text)).count()
    }

    /// What it does next, once.
    pub fn then(&self, reply: Reply) {
        self.script.lock().unwrap().next.push_back(reply);
    }

    /// What it does from now on.
    pub fn always(&self, reply: Reply) {
        self.script.lock().unwrap().default = Some(reply);
    }

    /// The bodies of all requests so far.
    pub fn requests(&self) -> Vec<Value> {
        self.script.lock().unwrap().requests.clone()
    }

    /// How many requests were given up by the client.
    pub fn dropped(&self) -> usize {
        self.script.lock().unwrap().dropped
    }
}

/// Counts a request whose handler was dropped, as it is when the client goes away.
struct Watch {
    script: Arc<Mutex<Script>>,
    done: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.done {
            self.script.lock().unwrap().dropped += 1;
        }
    }
}

/// Answers that were counted, in all models of this process.
static COUNT: AtomicUsize = AtomicUsize::new(0);

async fn complete(State(script): State<Arc<Mutex<Script>>>, Json(request): Json<Value>) -> Response {
    let obeyed = obedient::content(&request);
    let mut watch = Watch { script: Arc::clone(&script), done: false };
    let is_plain;
    let reply = {
        let mut script = script.lock().unwrap();
        let text = request.to_string();
        is_plain = request.get("response_format").is_none();
        script.requests.push(request);
        let ruled = script.rules.iter().find(|(needle, _)| text.contains(needle)).map(|(_, reply)| reply.clone());
        ruled.or_else(|| script.next.pop_front()).or_else(|| script.default.clone()).unwrap()
    };
    let response = match reply {
        Reply::Answer(text) => answer(&text, is_plain),
        Reply::Slow(delay, text) => {
            time::sleep(delay).await;
            answer(&text, is_plain)
        }
        Reply::Counted(delay) => {
            time::sleep(delay).await;
            answer(&format!("Answer {}.", COUNT.fetch_add(1, Ordering::Relaxed)), is_plain)
        }
        Reply::Gated(gate, text) => {
            gate.notified().await;
            answer(&text, is_plain)
        }
        Reply::Pieces(gate, pieces) => in_pieces(gate, pieces),
        Reply::Obey => match obeyed {
            Some(Obeyed::Content(content)) => completion(&content),
            Some(Obeyed::Body(body)) => Json(body).into_response(),
            None => answer("Fine.", is_plain),
        },
        Reply::Page(html) => Html(html).into_response(),
        Reply::Object(object) => completion(&object.to_string()),
        Reply::Content(text) => completion(&text),
        Reply::Status(status) => (StatusCode::from_u16(status).unwrap(), "no, not now").into_response(),
        Reply::StatusWith(status, name, value) => {
            (StatusCode::from_u16(status).unwrap(), [(name, value)], "no, not now").into_response()
        }
        Reply::Raw(body) => ([("content-type", "application/json")], body).into_response(),
        Reply::Stall => {
            let half = stream::once(async { Ok::<_, Infallible>("{\"choices\":[{\"message\":{\"role\":\"assis") });
            Body::from_stream(futures::StreamExt::chain(half, stream::pending())).into_response()
        }
        Reply::Hang => std::future::pending().await,
    };
    watch.done = true;
    response
}

/// For who has asked for a stream.
fn in_pieces(gate: Arc<Notify>, pieces: Vec<String>) -> Response {
    let piece = |delta: Value, finish: Option<&str>| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        format!("data: {}\n\n", json!({ "object": "chat.completion.chunk", "choices": [choice] }))
    };
    let end = format!("{}data: [DONE]\n\n", piece(json!({}), Some("stop")));
    let pieces: Vec<String> = pieces.iter().map(|text| piece(json!({ "content": text }), None)).chain([end]).collect();
    let body = stream::unfold((pieces.into_iter(), gate, true), |(mut pieces, gate, is_first)| async move {
        let piece = pieces.next()?;
        if !is_first {
            gate.notified().await;
        }
        Some((Ok::<_, Infallible>(piece), (pieces, gate, false)))
    });
    ([("content-type", "text/event-stream")], Body::from_stream(body)).into_response()
}

/// Who asks for no structure gets the text alone.
fn answer(text: &str, is_plain: bool) -> Response {
    if is_plain {
        return completion(text);
    }
    completion(&json!({ "reply": text, "action": "continue", "reason": "", "citations": [] }).to_string())
}

fn completion(content: &str) -> Response {
    Json(json!({
        "id": "1", "object": "chat.completion", "created": 1, "model": "scripted",
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": content } }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 }
    }))
    .into_response()
}
