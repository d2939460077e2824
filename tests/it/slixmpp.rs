//! A client that we did not write: slixmpp.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::support::{
    database::Database,
    model::{Model, Reply},
    server::{Kind, Server},
    stage::{DESK, Setting, lines},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_library_client_chats_with_a_desk() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/setup test", python.display());
    let server = Server::start(Kind::Prosody).await;
    let database = Database::sqlite();
    let model = Model::start(Reply::Answer("Two days – “at most” 🍵.".into())).await;
    let app = Setting::new(&server, &database, Some(&model)).start().await;
    let question = "How long does shipping take? ☕ <b>&amp;";
    let mut chat = Command::new(python);
    chat.arg(root.join("tests/clients/slixmpp_chat.py")).args([
        "127.0.0.1",
        &server.client_port.to_string(),
        "alice@localhost/slixmpp",
        "pw",
        DESK,
        question,
    ]);
    // It bounds its own waiting.
    let output = tokio::task::spawn_blocking(move || chat.output()).await.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["identities"], json!([["client", "bot", "Tea Support"]]));
    let features = seen["features"].as_array().unwrap();
    for feature in ["urn:xmpp:receipts", "http://jabber.org/protocol/chatstates", "urn:xmpp:ping"] {
        assert!(features.contains(&feature.into()), "{features:?}");
    }
    assert_eq!(seen["items"], json!(["billing@help.localhost", "support@help.localhost"]));
    assert_eq!(seen["version"], json!(["Deskbridge", env!("CARGO_PKG_VERSION")]));
    assert_eq!(seen["receipt_is_for_the_question"], true);
    assert_eq!(seen["typing"], DESK);
    assert_eq!(seen["answer"], "Two days – “at most” 🍵.");
    assert_eq!(seen["answer_state"], "active");

    let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
    assert_eq!(lines(&conversation)[0], ("customer".to_owned(), question.to_owned()));
    // slixmpp confirms by itself what it gets.
    let ticket = conversation["ticket_id"].as_str().unwrap();
    app.rest.reached(ticket, seen["answer_id"].as_str().unwrap(), "delivered_at").await;
    app.stop().await;
}
