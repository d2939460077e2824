//! The whole way with a real language model on this machine (`make model`).

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use deskbridge::helpdesk::Role;

use crate::support::{
    client::{Client, body},
    database::Database,
    server::{Killed, Kind, Server, free_port},
    stage::{DESK, Setting, lines, token},
};

/// A busy machine without a graphics card takes its time.
const LONG: Duration = Duration::from_secs(300);

/// `make test` runs this when the model is there, and says whether it did.
#[ignore = "needs the local model: make model"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_model_answers_from_the_sample_knowledge() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_there = Command::new(root.join("scripts/model")).arg("ready").status().unwrap().success();
    assert!(is_there, "there is no local model: fetch it with `make model`");
    let port = free_port();
    let serve = Command::new(root.join("scripts/model"))
        .args(["serve", "--port", &port.to_string()])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let _serve = Killed(serve);
    // Nextest gives each test its process, but a plain `cargo test` does not.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();
    let began = Instant::now();
    loop {
        let health = http.get(format!("http://127.0.0.1:{port}/health")).send().await;
        if health.is_ok_and(|health| health.status() == 200) {
            break;
        }
        assert!(began.elapsed() < LONG, "the model's server does not start");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let env = vec![
        ("DESKBRIDGE_ASSISTANT__BASE_URL", format!("http://127.0.0.1:{port}/v1")),
        ("DESKBRIDGE_ASSISTANT__MODEL", "local".to_owned()),
    ];
    let app = Setting { timeout: "280s", env, ..Setting::new(&server, &database, None) }.spawn().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    let asked = Instant::now();
    alice.say(DESK, "How long is a gift card valid?").await;
    let answer = loop {
        let is_answer = |stanza: &_| body(stanza).is_some();
        if let Some(answer) = alice.wait_for(Duration::from_secs(10), is_answer).await {
            break body(&answer).unwrap();
        }
        assert!(asked.elapsed() < LONG, "no answer");
        // Keeps the stream from counting as dead.
        alice.ping(DESK).await;
    };
    eprintln!("the local model's answer after {:.1} s: {answer}", asked.elapsed().as_secs_f64());
    assert!(!answer.trim().is_empty() && !answer.contains("\"reply\""), "{answer}");

    // The text is the model's; the shape is ours.
    let tickets = app.rest.tickets(&token(Role::Admin, "root")).await;
    assert_eq!(tickets.len(), 1);
    let status = tickets[0]["status"].as_str().unwrap();
    let conversation = app.rest.ticket_in("alice@localhost", status).await;
    let spoken = lines(&conversation);
    assert_eq!(spoken[0], ("customer".to_owned(), "How long is a gift card valid?".to_owned()));
    let author = match status {
        "PENDING" => "assistant",
        "ESCALATED" => "system",
        other => panic!("{other}: {conversation:#}"),
    };
    assert_eq!(spoken[1], (author.to_owned(), answer));
    // Also when the model decides to hand off: it must be its decision, not a failure to understand each other.
    let failed = conversation["hand_off_reason"].as_str().is_some_and(|reason| reason.contains("the model"));
    assert!(!failed, "{conversation:#}");
    assert!(tickets[0]["subject"].as_str().unwrap().chars().count() <= 60);
    assert_eq!(app.terminate().await.code(), Some(0));
}
