//! A tester that we did not write: schemathesis makes requests of the OpenAPI document, good and bad ones, and looks whether
//! the answers are as it says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use deskbridge::helpdesk::{Role, SCOPE_METRICS, SCOPE_READ, SCOPE_ROOMS, SCOPE_WRITE};
use serde_json::json;

use crate::support::{
    database::Database,
    receiver::LOCAL,
    scenario,
    server::{Kind, Server},
    stage::{Rest, Setting, program, token},
};

const CUSTOMER: &str = "ann@example.com";
/// The same requests in each run.
const SEED: &str = "20261126";
/// Requests made up for each operation, beside those that go through its parameters one by one.
const EXAMPLES: &str = "8";

scenario!(the_document_says_what_the_program_does);

/// Names of things that there are, so that not every answer is 404.
async fn things(rest: &Rest, program: &str, folder: &Path) -> PathBuf {
    let opening = json!({ "jid": CUSTOMER, "message": "Is tea hot?" });
    let ticket = rest.post(program, "/api/v1/xmpp/tickets", &opening).await.json["ticket_id"].clone();
    let room = json!({ "name": "tea", "session": "s1", "jid": "tea@rooms.example.org" });
    assert_eq!(rest.post(program, "/api/v1/rooms", &room).await.status, 200);
    let hook = json!({ "url": "http://127.0.0.1:9999/", "events": ["*"] });
    let hook = rest.post(&token(Role::Admin, "root"), "/api/v1/xmpp/webhooks", &hook).await.json["id"].clone();
    let path = folder.join("schemathesis.toml");
    let named = [
        ("tickets/.id.", "id", ticket.as_str().unwrap()),
        ("desks/.desk.", "desk", "support"),
        ("rooms/.session.", "session", "s1"),
        ("webhooks/.id.", "id", hook.as_str().unwrap()),
    ];
    let operations = named.map(|(path, name, value)| {
        format!("[[operations]]\ninclude-path-regex = \"/{path}\"\nparameters = {{ \"path.{name}\" = \"{value}\" }}\n")
    });
    fs::write(&path, operations.concat()).unwrap();
    path
}

fn tested(config: &Path, document: &str, token: &str) -> Output {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/schemathesis");
    assert!(program.exists(), "{} is missing: run scripts/setup test", program.display());
    let mut run = Command::new(program);
    run.arg("--config-file").arg(config).args(["run", document, "--no-color", "--seed", SEED]);
    // What a JID is, a schema cannot say: a sound body with nonsense for one is refused, and rightly.
    run.args(["--checks", "all", "--exclude-checks", "positive_data_acceptance"]);
    // A stream has no end.
    run.args(["--exclude-operation-id", "event_listen"]);
    run.args(["--max-examples", EXAMPLES, "--continue-on-failure", "--no-shrink", "--header"]);
    run.arg(format!("Authorization: Bearer {token}")).current_dir(config.parent().unwrap());
    run.output().unwrap()
}

mod scenarios {
    use super::*;

    pub async fn the_document_says_what_the_program_does(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let home = database.folder.path().to_owned();
        let pages = home.join("pages");
        fs::create_dir(&pages).unwrap();
        fs::write(pages.join("tea.md"), "# Tea\n\nIt is hot.\n").unwrap();
        let setting = Setting {
            knowledge: Some(pages),
            limits: false,
            webhooks: LOCAL,
            ..Setting::new(&server, &database, None)
        };
        let app = setting.spawn().await;
        let program = program(&[SCOPE_READ, SCOPE_WRITE, SCOPE_ROOMS, SCOPE_METRICS]);
        let config = things(&app.rest, &program, &home).await;
        let nothing = home.join("nothing.toml");
        fs::write(&nothing, "").unwrap();
        let document = app.rest.url("/openapi.json");
        let admin = token(Role::Admin, "root");
        for (who, token, config) in [
            ("a customer", token(Role::Customer, CUSTOMER), &config),
            ("a program", program, &config),
            ("an admin", admin.clone(), &config),
            ("an admin who knows no ids", admin, &nothing),
        ] {
            let (config, document) = (config.clone(), document.clone());
            let output = tokio::task::spawn_blocking(move || tested(&config, &document, &token)).await.unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "by {who}:\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
            // It has done something.
            assert!(said.contains("Test cases:") && !said.contains("Tested: 0"), "{said}");
        }
        app.kill();
    }
}
