//! What a collector of OpenTelemetry gets from the real binary.

use std::sync::{Arc, Mutex};

use deskbridge::helpdesk::Role;
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::support::{
    client::Client,
    database::Database,
    eventually,
    model::{Model, Reply},
    server::{Kind, Server},
    stage::{DESK, Setting, token},
};

/// A collector that keeps what it is sent.
struct Collector {
    url: String,
    got: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&got);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&kept)));
            }
        });
        Self { url, got }
    }

    /// Names and values stand in a protocol buffer as they are.
    fn has(&self, text: &[u8]) -> bool {
        self.got.lock().unwrap().windows(text.len()).any(|part| part == text)
    }
}

async fn serve(stream: TcpStream, got: Arc<Mutex<Vec<u8>>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let lower = line.trim().to_ascii_lowercase();
            if let Some(digits) = lower.strip_prefix("content-length:") {
                length = digits.trim().parse().unwrap();
            }
            if lower.starts_with("post") {
                assert!(lower.starts_with("post /v1/traces "), "{lower}");
            }
            if lower.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        got.lock().unwrap().extend(body);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_answers_and_model_calls_reach_a_collector_and_no_word_of_a_customer_does() {
    let server = Server::start(Kind::Prosody).await;
    let database = Database::sqlite();
    let model = Model::start(Reply::Answer("At nine, dear customer.".into())).await;
    let collector = Collector::start().await;
    let env = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.clone()),
        ("OTEL_SERVICE_NAME", "the-helpdesk".to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
        ("DESKBRIDGE_HTTP__TRUSTED_PROXIES", "127.0.0.1".to_owned()),
    ];
    let app = Setting { env, ..Setting::new(&server, &database, Some(&model)) }.spawn().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    let line = alice.say(DESK, "When does the teahouse open?").await;
    alice.receipt(&line).await;
    alice.answer().await;
    let post =
        app.rest.request(Method::POST, "/api/v1/xmpp/tickets").bearer_auth(token(Role::Customer, "bo@example.com"));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let body = json!({ "jid": "bo@example.com", "message": "Is the teahouse far?" }).to_string();
    let post = post.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    assert_eq!(app.rest.ask(post.header("content-type", "application/json").body(body)).await.status, 201);

    let trace: Vec<u8> = (0..16).map(|n| u8::from_str_radix(&trace[2 * n..2 * n + 2], 16).unwrap()).collect();
    let expected: [&[u8]; 9] = [
        b"the-helpdesk",
        b"answer",
        b"desk.name",
        b"call",
        b"scripted",
        b"POST /api/v1/xmpp/tickets",
        b"http.response.status_code",
        b"request_id",
        &trace,
    ];
    for text in expected {
        let name = String::from_utf8_lossy(text).into_owned();
        eventually(&format!("the collector has {name}"), || async { collector.has(text).then_some(()) }).await;
    }
    // What is left goes out at the end.
    assert_eq!(app.rest.get(&token(Role::Admin, "root"), "/api/v1/xmpp/queue").await.status, 200);
    assert!(app.terminate().await.success());
    assert!(collector.has(b"GET /api/v1/xmpp/queue"));
    for text in ["teahouse", "alice", "bo@example.com", "dear customer"] {
        assert!(!collector.has(text.as_bytes()), "{text}");
    }
}
