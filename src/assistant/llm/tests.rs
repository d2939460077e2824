//! `Llm` against a small server on the loopback that answers by the model's name.

mod pieces;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tokio::{net::TcpListener, sync::mpsc};

use super::{
    super::{
        draft::{Action, Draft, Priority, Step},
        prompt::Role,
        wire::{self, Usage},
    },
    *,
};

/// What the server saw.
#[derive(Clone)]
struct Seen {
    requests: Arc<AtomicUsize>,
    last: Arc<Mutex<(HeaderMap, String)>>,
    /// Rings when a hanging request's connection is closed.
    closed: mpsc::UnboundedSender<()>,
}

struct Server {
    address: String,
    seen: Seen,
    closed: mpsc::UnboundedReceiver<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start() -> Self {
        // A second test finds it installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (sender, closed) = mpsc::unbounded_channel();
        let seen = Seen { requests: Arc::default(), last: Arc::default(), closed: sender };
        let router = Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/models", get(models))
            .with_state(seen.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, seen, closed, task }
    }

    fn llm(&self, model: &str) -> Llm {
        Llm::new(Settings {
            base_url: format!("{}/ ", self.address),
            api_key: Some("secret-key\n".into()),
            model: model.into(),
            temperature: Some(0.5),
            max_tokens: Some(9),
            ..Settings::default()
        })
        .unwrap()
    }

    async fn draft(&self, model: &str) -> Result<(Draft, Usage), LlmError> {
        draft(&self.llm(model)).await
    }

    async fn reply(&self, model: &str) -> String {
        self.draft(model).await.unwrap().0.reply
    }

    fn requests(&self) -> usize {
        self.seen.requests.load(SeqCst)
    }
}

const FORM: Form = Form::Draft { triage: true, search: true, passages: 2 };

async fn draft(llm: &Llm) -> Result<(Draft, Usage), LlmError> {
    let body = llm.complete(&question(), FORM, None).await?;
    match wire::read_step(&body, true)? {
        Step::Draft(draft) => Ok((draft, wire::usage(&body))),
        Step::Search(query) => panic!("{query}"),
    }
}

fn question() -> Vec<ChatMessage> {
    vec![
        ChatMessage { role: Role::System, content: "sys".into() },
        ChatMessage { role: Role::User, content: "customer words".into() },
    ]
}

const DRAFT: &str =
    r#"{"reply":"Hi","action":"continue","reason":"r","citations":[1],"subject":"Greeting","priority":"low"}"#;

fn answered(content: &str) -> Response {
    with_message(json!({ "role": "assistant", "content": content }), "stop")
}

fn with_message(message: Value, finish: &str) -> Response {
    let choice = json!({ "index": 0, "message": message, "finish_reason": finish });
    json_body(
        json!({ "choices": [choice], "usage": { "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10 } }),
    )
}

fn json_body(body: Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Rings when it is dropped, which is when the server notices that the client has gone.
struct Bell(mpsc::UnboundedSender<()>);

impl Drop for Bell {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

async fn chat(State(seen): State<Seen>, headers: HeaderMap, body: String) -> Response {
    let number = seen.requests.fetch_add(1, SeqCst);
    let request: Value = serde_json::from_str(&body).unwrap();
    *seen.last.lock().unwrap() = (headers, body);
    let structured = !request["response_format"].is_null();
    let model = request["model"].as_str().unwrap();
    if let Some(response) = pieces::respond(model, request["stream"] == true) {
        return response;
    }
    match model {
        "good" => answered(DRAFT),
        "plain" => answered("Just words."),
        "fenced" => answered(&format!("```json\n{DRAFT}\n```")),
        "empty" => answered(""),
        "huge" => answered(&format!("{DRAFT}{}", " ".repeat(2 << 20))),
        "no content" => with_message(json!({ "role": "assistant", "content": null }), "stop"),
        "garbage" => "<html>proxy error</html>".into_response(),
        "other json" => json_body(json!({ "error": { "message": "no" } })),
        "half" => answered("{\"reply\":\"Hel"),
        "cut" => with_message(json!({ "content": "{\"reply\":\"Hel" }), "length"),
        "429" => (StatusCode::TOO_MANY_REQUESTS, "Too many").into_response(),
        "429 once" if number == 0 => (StatusCode::TOO_MANY_REQUESTS, "Too many").into_response(),
        "429 once" => answered(DRAFT),
        "500" => (StatusCode::INTERNAL_SERVER_ERROR, "boom").into_response(),
        "no schema" if structured => {
            let vllm = json!({ "object": "error", "message": "bad", "type": "BadRequestError", "code": 400 });
            (StatusCode::BAD_REQUEST, vllm.to_string()).into_response()
        }
        "no schema" => answered("Just words."),
        "only objects" if request["response_format"]["type"] == "json_schema" => {
            (StatusCode::BAD_REQUEST, "'response_format.type' must be 'json_object'").into_response()
        }
        "only objects" => answered(DRAFT),
        "new names" if !request["max_tokens"].is_null() => {
            let text = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
            (StatusCode::BAD_REQUEST, json!({ "error": { "message": text } }).to_string()).into_response()
        }
        "new names" if !request["temperature"].is_null() => {
            let text = "Unsupported value: 'temperature' does not support 0.5 with this model.";
            (StatusCode::BAD_REQUEST, json!({ "error": { "message": text } }).to_string()).into_response()
        }
        "new names" => answered(DRAFT),
        "too long" => (StatusCode::BAD_REQUEST, "maximum context length is 8 tokens").into_response(),
        "429 for a day" => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "86400")], "later").into_response(),
        "429 for a second" if number == 0 => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], "soon").into_response()
        }
        "429 for a second" => answered(DRAFT),
        "hang" => {
            let _bell = Bell(seen.closed.clone());
            std::future::pending().await
        }
        "refusal" => with_message(json!({ "content": null, "refusal": "I cannot" }), "stop"),
        "filtered" => with_message(json!({ "content": "x" }), "content_filter"),
        "reasoning" => with_message(json!({ "content": DRAFT, "reasoning_content": "hm", "x": 1 }), "eos"),
        "bare" => json_body(json!({ "choices": [{ "message": { "content": DRAFT } }] })),
        "parts" => with_message(json!({ "content": [{ "type": "text", "text": DRAFT }] }), "stop"),
        "redirect" => (StatusCode::FOUND, [(header::LOCATION, "/v1/models")]).into_response(),
        _ => (StatusCode::NOT_FOUND, "no such model").into_response(),
    }
}

async fn models(State(seen): State<Seen>, headers: HeaderMap) -> Response {
    *seen.last.lock().unwrap() = (headers.clone(), String::new());
    if headers[header::AUTHORIZATION] != "Bearer secret-key" {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    json_body(json!({ "data": [] }))
}

#[tokio::test]
async fn asks_for_the_structure_and_reads_it() {
    let server = Server::start().await;
    let (draft, usage) = server.draft("good").await.unwrap();
    assert_eq!(draft.reply, "Hi");
    assert_eq!((draft.subject.as_deref(), draft.priority), (Some("Greeting"), Some(Priority::Low)));
    assert_eq!(usage, Usage { prompt_tokens: Some(7), completion_tokens: Some(3) });
    let (headers, body) = server.seen.last.lock().unwrap().clone();
    assert_eq!(headers[header::AUTHORIZATION], "Bearer secret-key");
    insta::assert_snapshot!(body);
}

#[tokio::test]
async fn reads_what_servers_really_send() {
    let server = Server::start().await;
    for model in ["fenced", "reasoning", "parts"] {
        assert_eq!(server.reply(model).await, "Hi", "{model}");
    }
    let (draft, usage) = server.draft("bare").await.unwrap();
    assert_eq!((draft.reply.as_str(), usage), ("Hi", Usage::default()));
    let (plain, _) = server.draft("plain").await.unwrap();
    assert_eq!(plain, Draft::new("Just words.", Action::Continue));
}

#[tokio::test]
async fn what_is_no_answer_is_malformed() {
    let server = Server::start().await;
    for (model, why) in [
        ("empty", "empty"),
        ("no content", "empty"),
        ("garbage", "not JSON"),
        ("other json", "no choices"),
        ("half", "broken JSON"),
        ("cut", "cut off"),
        ("refusal", "refused"),
        ("filtered", "refused"),
    ] {
        assert_eq!(server.draft(model).await, Err(LlmError::Malformed(why)), "{model}");
    }
}

#[tokio::test]
async fn retries_what_may_pass_and_keeps_the_status_of_what_does_not() {
    let server = Server::start().await;
    assert_eq!(server.reply("429 once").await, "Hi");
    assert_eq!(server.requests(), 2);
    assert_eq!(server.draft("429").await, Err(LlmError::RateLimited));
    assert_eq!(server.requests(), 6);
    assert_eq!(server.draft("500").await, Err(LlmError::Rejected { status: 500 }));
    assert_eq!(server.requests(), 10);
    assert_eq!(server.draft("redirect").await, Err(LlmError::Rejected { status: 302 }));
    assert_eq!(server.requests(), 11);
}

#[tokio::test]
async fn a_short_wait_is_waited_for_and_a_long_one_is_not() {
    let server = Server::start().await;
    assert_eq!(server.reply("429 for a second").await, "Hi");
    assert_eq!(server.requests(), 2);
    assert_eq!(server.draft("429 for a day").await, Err(LlmError::RateLimited));
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn what_an_endpoint_does_not_understand_is_left_out_from_then_on() {
    let server = Server::start().await;
    for (model, reply, first, later) in
        [("no schema", "Just words.", 3, 1), ("only objects", "Hi", 2, 1), ("new names", "Hi", 3, 1)]
    {
        let llm = server.llm(model);
        for expected in [first, later, later] {
            let before = server.requests();
            assert_eq!(draft(&llm).await.unwrap().0.reply, reply);
            assert_eq!(server.requests() - before, expected, "{model}");
        }
    }
    let request: Value = serde_json::from_str(&server.seen.last.lock().unwrap().1).unwrap();
    assert_eq!((&request["max_completion_tokens"], &request["max_tokens"]), (&json!(9), &Value::Null));
    assert_eq!(request["response_format"]["type"], "json_schema", "what was understood is still asked for");
}

#[tokio::test]
async fn what_no_plainer_request_would_help_is_asked_once() {
    let server = Server::start().await;
    for (model, status) in [("unknown", 404), ("too long", 400)] {
        let llm = server.llm(model);
        for _ in 0..2 {
            let before = server.requests();
            assert_eq!(draft(&llm).await, Err(LlmError::Rejected { status }));
            assert_eq!(server.requests() - before, 1, "{model}");
        }
    }
}

#[tokio::test]
async fn dropping_the_future_closes_the_request() {
    let mut server = Server::start().await;
    let llm = server.llm("hang");
    let messages = question();
    tokio::select! {
        answered = llm.complete(&messages, FORM, None) => panic!("{answered:?}"),
        () = async {
            while server.requests() == 0 {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    // The future is dropped here. The server must see it, well before anyone's timeout.
    tokio::time::timeout(Duration::from_secs(5), server.closed.recv()).await.unwrap().unwrap();
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn an_outer_timeout_ends_a_hanging_request() {
    let mut server = Server::start().await;
    let hanging = tokio::time::timeout(Duration::from_millis(200), server.draft("hang")).await;
    assert!(hanging.is_err());
    tokio::time::timeout(Duration::from_secs(5), server.closed.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let server = Server::start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let llm = Llm::new(Settings { base_url, model: "m".into(), ..server.llm("m").settings.clone() }).unwrap();
    assert_eq!(draft(&llm).await, Err(LlmError::Unreachable));
    assert_eq!(llm.probe().await, Err(LlmError::Unreachable));
}

#[tokio::test]
async fn a_probe_asks_for_the_models_with_the_key() {
    let server = Server::start().await;
    assert_eq!(server.llm("good").probe().await, Ok(()));
    let other = Settings { api_key: Some("wrong".into()), ..server.llm("good").settings.clone() };
    assert_eq!(Llm::new(other).unwrap().probe().await, Err(LlmError::Rejected { status: 401 }));
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_once() {
    let server = Server::start().await;
    let good = server.llm("good").settings.clone();
    for settings in [
        Settings { api_key: Some("a\nb".into()), ..good.clone() },
        Settings { api_key: Some("schlüssel".into()), ..good.clone() },
        Settings { base_url: "localhost:8080".into(), ..good.clone() },
        Settings { base_url: String::new(), ..good.clone() },
        Settings { model: " ".into(), ..good.clone() },
    ] {
        assert!(matches!(Llm::new(settings), Err(LlmError::Settings(_))));
    }
    Llm::new(Settings { api_key: None, ..good }).unwrap();
}

#[tokio::test]
async fn neither_errors_nor_debug_texts_hold_the_key() {
    let server = Server::start().await;
    assert!(!format!("{:?}", server.llm("good")).contains("secret"));
    let error = server.draft("500").await.unwrap_err();
    assert_eq!(error.to_string(), "the model endpoint answered with HTTP status 500");
    assert!(error.is_outage() && LlmError::Rejected { status: 401 }.is_outage());
    assert!(!LlmError::Rejected { status: 400 }.is_outage() && !LlmError::Malformed("empty").is_outage());
}

#[tokio::test]
async fn cuts_off_an_answer_larger_than_any_honest_one() {
    let server = Server::start().await;
    assert_eq!(server.draft("huge").await.unwrap_err(), LlmError::Unreachable);
}
