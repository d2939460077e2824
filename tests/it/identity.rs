//! How the service and its desks show themselves to a client that we did not write.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::support::{
    database::Database,
    server::{Kind, Server},
    stage::{DESK, Setting},
};

/// What slixmpp sees of the desk `support`.
async fn seen(server: &Server, setting: &Setting<'_>) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/setup test", python.display());
    let app = setting.start().await;
    let mut look = Command::new(python);
    let port = server.client_port.to_string();
    look.arg(root.join("tests/clients/slixmpp_identity.py"));
    look.args(["127.0.0.1", &port, "alice@localhost/slixmpp", "pw", DESK]);
    // It bounds its own waiting.
    let output = tokio::task::spawn_blocking(move || look.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    app.stop().await;
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsing_the_domain_finds_the_desks_their_names_and_pictures() {
    let server = Server::start(Kind::Prosody).await;
    let database = Database::sqlite();
    let setting = Setting::new(&server, &database, None);
    let seen = seen(&server, &setting).await;
    assert_eq!(seen["domain"], json!([["component", "generic", "Deskbridge"]]));
    assert_eq!(
        seen["desks"],
        json!([["billing@help.localhost", null, "Billing"], ["support@help.localhost", null, "Tea Support"]])
    );
    assert_eq!(seen["desk"], json!([["client", "bot", "Tea Support"]]));
    assert_eq!(seen["by_caps"], seen["desk"]);
    assert_eq!(seen["nodes"], json!(["urn:xmpp:avatar:data", "urn:xmpp:avatar:metadata", "urn:xmpp:vcard4"]));
    assert_eq!(seen["leaf"], json!([["pubsub", "leaf", null]]));
    // slixmpp has hashed what disco#info says by itself, and believes it.
    assert_eq!(seen["caps_are_verified"], seen["features"]);
    assert!(seen["features"].as_array().unwrap().contains(&"http://jabber.org/protocol/caps".into()));
    for name in ["nick", "name", "vcard4_name"] {
        assert_eq!(seen[name], "Tea Support", "{name}");
    }
    assert_eq!(seen["nicknames"], json!(["Tea Support"]));
    // The picture of desks that have none of their own.
    assert_eq!((&seen["photo_type"], &seen["info"]["type"]), (&json!("image/png"), &json!("image/png")));
    assert_eq!(seen["photo_bytes"], include_bytes!("../../assets/desk.png").len());
    for hash in ["photo", "data", "shown_photo"] {
        assert_eq!(seen[hash], seen["info"]["id"], "{hash}");
    }
}

/// A description, and a picture as large as it may be: an answer of 87 KB goes through the server.
async fn a_desk_shows_what_is_its_own(kind: Kind) {
    let server = Server::start(kind).await;
    let database = Database::sqlite();
    let mut picture = b"\xff\xd8\xff\xe0".to_vec();
    picture.resize(64 * 1024, b'x');
    let path = database.folder.path().join("kettle.jpg");
    std::fs::write(&path, &picture).unwrap();
    let mut setting = Setting::new(&server, &database, None);
    setting.desk = format!("description = \"Tea & <sympathy>\"\navatar = \"{}\"\n", path.display());
    let seen = seen(&server, &setting).await;
    assert_eq!(seen["description"], "Tea & <sympathy>");
    assert_eq!((&seen["photo_type"], &seen["info"]["type"]), (&json!("image/jpeg"), &json!("image/jpeg")));
    assert_eq!((&seen["photo_bytes"], &seen["info"]["bytes"]), (&json!(65536), &json!(65536)));
    for hash in ["photo", "data", "shown_photo"] {
        assert_eq!(seen[hash], seen["info"]["id"], "{hash}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_shows_what_is_its_own_by_prosody() {
    a_desk_shows_what_is_its_own(Kind::Prosody).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_shows_what_is_its_own_by_ejabberd() {
    a_desk_shows_what_is_its_own(Kind::Ejabberd).await;
}
