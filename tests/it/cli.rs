//! The command line of the real binary: what it prints, what it refuses, and what it never writes into its log.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use deskbridge::helpdesk::Role;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::{
    client::Client,
    database::Database,
    model::{Model, Reply},
    scenario,
    server::{DOMAIN, Kind, SECRET, Server, free_port},
    stage::{DESK, JWT_SECRET, Setting, token},
};

scenario!(migrate_runs_once_and_refuses_a_newer_database);

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program in `folder`, with nothing but `env` in its environment, and waits for its end.
pub fn deskbridge(folder: &Path, env: &[(&str, &str)], args: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_deskbridge"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn help_teaches_and_version_tells() {
    let folder = tempfile::tempdir().unwrap();
    let help = deskbridge(folder.path(), &[], &["--help"]);
    assert_eq!(help.code, 0);
    for word in [
        "serve",
        "migrate",
        "token",
        "knowledge",
        "apikey",
        "sync",
        "doctor",
        "eval",
        "--config",
        "Examples:",
        "DESKBRIDGE_XMPP__SECRET",
        "Exit status",
    ] {
        assert!(help.out.contains(word), "{word} is not in\n{}", help.out);
    }
    for command in ["serve", "migrate", "token", "knowledge", "apikey", "sync", "doctor", "eval"] {
        let help = deskbridge(folder.path(), &[], &[command, "--help"]);
        assert!(help.code == 0 && help.out.contains(&format!("Usage: deskbridge {command}")), "{help:?}");
    }
    let version = deskbridge(folder.path(), &[], &["--version"]);
    assert_eq!((version.code, version.out), (0, format!("deskbridge {}\n", env!("CARGO_PKG_VERSION"))));
    for wrong in [&["sevre"][..], &["serve", "--port", "1"], &["token", "--role", "agent"], &[]] {
        let wrong = deskbridge(folder.path(), &[], wrong);
        assert!(wrong.code == 2 && wrong.err.contains("Usage:"), "{wrong:?}");
    }
}

fn claims(token: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lets_its_owner_in_and_says_what_was_asked_for() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let setting = Setting::new(&server, &database, None);
    let app = setting.start().await;
    let file = setting.write(0);
    let mint = |args: &[&str]| {
        let minted = deskbridge(database.folder.path(), &[("DESKBRIDGE_CONFIG", file.to_str().unwrap())], args);
        assert_eq!((minted.code, minted.err.as_str()), (0, ""), "{args:?}");
        minted.out.strip_suffix('\n').unwrap().to_owned()
    };
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp();
    let expires_in = |claims: &Value| claims["exp"].as_i64().unwrap() - now;

    let agent =
        mint(&["token", "--sub", "eve", "--role", "agent", "--name", "Eve", "--desk", "billing", "--ttl", "30m"]);
    let said = claims(&agent);
    assert_eq!(
        (&said["sub"], &said["role"], &said["name"], &said["desks"]),
        (&"eve".into(), &"agent".into(), &"Eve".into(), &json!(["billing"]))
    );
    assert!((1795..=1860).contains(&expires_in(&said)), "{said}");

    let program = mint(&["token", "--sub", "cron", "--role", "service", "--scope", "tickets:read"]);
    let said = claims(&program);
    assert_eq!((&said["role"], &said["scopes"]), (&"service".into(), &json!(["tickets:read"])));
    assert!((28_795..=28_860).contains(&expires_in(&said)), "eight hours if nothing is said: {said}");

    let customer = mint(&["token", "--sub", "Alice@LOCALHOST", "--role", "customer"]);
    let admin = mint(&["token", "--sub", "root", "--role", "admin"]);
    let question = json!({ "jid": "alice@localhost", "message": "How long is a gift card valid?" });
    let opened = app.rest.post(&customer, "/api/v1/xmpp/tickets", &question).await;
    assert_eq!(opened.status, 201, "{}", opened.json);
    // The agent's desk is another one, so the ticket is not there for her; a reading program writes nothing.
    for (who, sees) in [(&customer, 1), (&admin, 1), (&program, 1), (&agent, 0)] {
        assert_eq!(app.rest.tickets(who).await.len(), sees);
    }
    assert_eq!(app.rest.post(&program, "/api/v1/xmpp/tickets", &question).await.status, 403);
    app.stop().await;

    for (wrong, word) in [
        (&["token", "--sub", "alice", "--role", "customer"][..], "bare JID"),
        (&["token", "--sub", "eve", "--role", "agent", "--desk", "nowhere"], "nowhere"),
    ] {
        let refused = deskbridge(database.folder.path(), &[("DESKBRIDGE_CONFIG", file.to_str().unwrap())], wrong);
        assert!(refused.code == 1 && refused.err.contains(word) && refused.out.is_empty(), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_finds_what_is_broken_and_says_what_to_do() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let model = Model::start(Reply::Hang).await;
    let file = Setting::new(&server, &database, Some(&model)).write(0);
    let file = file.to_str().unwrap();
    let examine = |env: &[(&str, &str)]| deskbridge(database.folder.path(), env, &["doctor", "--config", file]);

    let well = examine(&[]);
    assert_eq!((well.code, well.err.as_str()), (0, ""), "{}", well.out);
    let lines: Vec<_> = well.out.lines().collect();
    assert_eq!(lines.len(), 5, "{}", well.out);
    assert!(lines.iter().all(|line| line.starts_with("ok ")), "{}", well.out);
    assert!(well.out.contains("support@help.localhost") && well.out.contains("scripted"), "{}", well.out);

    let (nobody, no_model) = (format!("127.0.0.1:{}", free_port()), format!("http://127.0.0.1:{}/v1", free_port()));
    for (name, value, part, advice) in [
        ("DESKBRIDGE_XMPP__SERVER", nobody.as_str(), "xmpp", "xmpp.server"),
        ("DESKBRIDGE_XMPP__SECRET", "another", "xmpp", "xmpp.secret"),
        ("DESKBRIDGE_XMPP__DOMAIN", "nowhere.localhost", "xmpp", "xmpp.domain"),
        ("DESKBRIDGE_DATABASE__URL", "sqlite:///dev/null/x.db?mode=rwc", "database", "database.url"),
        ("DESKBRIDGE_ASSISTANT__BASE_URL", no_model.as_str(), "assistant", "assistant.base_url"),
        ("DESKBRIDGE_DESK__0__KNOWLEDGE", "nowhere", "knowledge", "desk[0].knowledge"),
    ] {
        let ill = examine(&[(name, value)]);
        assert_eq!(ill.code, 1, "{name}: {ill:?}");
        let failed: Vec<_> = ill.out.lines().filter(|line| line.starts_with("FAIL ")).collect();
        assert_eq!(failed.len(), 1, "{name}: {}", ill.out);
        assert!(failed[0].contains(part) && failed[0].contains(advice), "{name}: {}", failed[0]);
        assert_eq!(ill.out.lines().count(), 5, "the others are looked at all the same: {}", ill.out);
        assert!(!ill.out.contains(SECRET) && !ill.out.contains(JWT_SECRET), "{}", ill.out);
    }

    let no_picture = examine(&[("DESKBRIDGE_DESK__0__AVATAR", "nowhere.png")]);
    let first = no_picture.out.lines().next().unwrap();
    assert!(no_picture.code == 1 && first.starts_with("FAIL  configuration"), "{no_picture:?}");
    assert!(first.contains("desk[0].avatar") && first.contains("nowhere.png"), "{first}");

    let empty = tempfile::tempdir().unwrap();
    let bare = deskbridge(empty.path(), &[], &["doctor"]);
    assert_eq!(bare.code, 1);
    let first = bare.out.lines().next().unwrap();
    assert!(first.starts_with("FAIL  configuration") && first.contains("xmpp.domain"), "{}", bare.out);
}

#[test]
fn a_bad_configuration_stops_the_start_and_names_the_key() {
    let folder = tempfile::tempdir().unwrap();
    // Whoever is asked notices.
    let xmpp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    xmpp.set_nonblocking(true).unwrap();
    let whole = format!(
        "[xmpp]\ndomain = \"help.localhost\"\nserver = \"{}\"\nsecret = \"hush\"\n[auth]\njwt_secret = \"{JWT_SECRET}\"\n\
         [database]\nurl = \"sqlite://db.sqlite?mode=rwc\"\n[http]\nlisten = \"127.0.0.1:0\"\n",
        xmpp.local_addr().unwrap()
    );
    let with = |more: &str| format!("{whole}{more}");
    let without = |line: &str| {
        let kept: Vec<_> = whole.lines().filter(|kept| !kept.starts_with(line)).collect();
        kept.join("\n")
    };
    let none: &[(&str, &str)] = &[];
    for (text, env, key) in [
        (with("[assistant]\nquiet_windw = \"3s\"\n"), none, "assistant.quiet_windw"),
        (with("[assistant]\nquiet_window = \"soon\"\n"), none, "assistant.quiet_window"),
        (with("[assistant]\nconcurrency = 0\n"), none, "assistant.concurrency"),
        (with("[assistant]\nbase_url = \"http://127.0.0.1:1/v1\"\n"), none, "assistant.model"),
        (with("[[desk]]\nname = \"Support\"\n"), none, "desk[0].name"),
        (with("[[desk]]\nname = \"support\"\nknowledge = \"nowhere\"\n"), none, "desk[0].knowledge"),
        (with("[[desk]]\nname = \"support\"\nagents = [\"eve@help.localhost\"]\n"), none, "desk[0].agents[0]"),
        (
            with("[[desk]]\nname = \"support\"\ntime_zone = \"UTC\"\nhours = [\"Mon 09:00-12:00\", \"Tue\"]\n"),
            none,
            "desk[0].hours[1]",
        ),
        (with("[[desk]]\nname = \"support\"\n[desk.texts]\nnudge = \"{name}?\"\n"), none, "desk[0].texts.nudge"),
        (with("[[desk]]\nname = \"support\"\nlanguage = \"xx\"\n"), none, "desk[0].language"),
        (with("[[desk]]\nname = \"support\"\navatar = \"nowhere.png\"\n"), none, "desk[0].avatar"),
        // It is there, but no picture.
        (with("[[desk]]\nname = \"support\"\navatar = \"deskbridge.toml\"\n"), none, "desk[0].avatar"),
        (with("[kitchen]\n"), none, "kitchen"),
        (without("secret"), none, "xmpp.secret"),
        (without("domain"), none, "xmpp.domain"),
        (without("jwt_secret"), none, "auth.jwt_secret"),
        (whole.clone(), &[("DESKBRIDGE_AUTH__JWKS_URL", "https://id.example.org/certs")], "auth.issuer"),
        (whole.clone(), &[("DESKBRIDGE_AUTH__JWKS_URL", "http://id.example.org/certs")], "auth.jwks_url"),
        (whole.clone(), &[("DESKBRIDGE_AUTH__AUDIENCE", "deskbridge")], "auth.audience"),
        (without("server"), &[("DESKBRIDGE_XMPP__SERVER", "localhost")], "xmpp.server"),
        (whole.clone(), &[("DESKBRIDGE_HTTP__LISTEN", "everywhere")], "http.listen"),
        (whole.clone(), &[("DESKBRIDGE_XMPP__SECRT", "x")], "xmpp.secrt"),
        (whole.clone(), &[("DESKBRIDGE_LOG_FORMAT", "xml")], "DESKBRIDGE_LOG_FORMAT"),
        (whole.clone(), &[("DESKBRIDGE_LOG", "=/=")], "DESKBRIDGE_LOG"),
        ("[xmpp".to_owned(), none, "deskbridge.toml"),
    ] {
        std::fs::write(folder.path().join("deskbridge.toml"), &text).unwrap();
        let refused = deskbridge(folder.path(), env, &["serve"]);
        assert!(refused.code == 1 && refused.err.contains(key), "{key}: {refused:?}\n{text}");
        assert!(!refused.err.contains("hush") && !refused.err.contains(JWT_SECRET), "{refused:?}");
        assert!(!folder.path().join("db.sqlite").exists(), "{key}: the database was opened");
        let asked = xmpp.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(asked, Err(std::io::ErrorKind::WouldBlock), "{key}: the XMPP server was asked");
    }
    let missing = deskbridge(folder.path(), &[], &["serve", "--config", "no-such.toml"]);
    assert!(missing.code == 1 && missing.err.contains("no-such.toml"), "{missing:?}");
}

#[test]
fn knowledge_is_listed_searched_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("pages");
    std::fs::create_dir(&pages).unwrap();
    std::fs::write(pages.join("returns.md"), "---\ntitle: Returns\n---\nSend tea back within 30 days.").unwrap();
    std::fs::write(pages.join("fraud.html"), "---\naudience: agents\n---\n<h1>Fraud</h1><p>Block stolen cards.")
        .unwrap();
    std::fs::write(pages.join("broken.txt"), "---\naudience: staff\n---\nSecret").unwrap();
    let env = [("DESKBRIDGE_DESK__0__NAME", "support"), ("DESKBRIDGE_DESK__0__KNOWLEDGE", "pages")];
    let run = |command: &[&str]| {
        let ended = deskbridge(folder.path(), &env, &[&["knowledge"], command].concat());
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.out
    };
    assert!(run(&["sync"]).starts_with("support: 2 pages, 2 passages; searched by words alone; 1 left out\n"));
    let list = run(&["list"]);
    for line in ["returns.md", "fraud.html", "agents", "left out: broken.txt has the audience \"staff\""] {
        assert!(list.contains(line), "{list}");
    }
    assert!(run(&["search", "stolen cards"]).starts_with("not found"));
    assert!(run(&["search", "stolen cards", "--audience", "agent"]).starts_with("found"));
    let json: Value = serde_json::from_str(&run(&["search", "send tea", "--json"])).unwrap();
    assert_eq!((&json["found"], &json["hits"][0]["path"]), (&json!(true), &json!("returns.md")));
    std::fs::write(
        folder.path().join("questions.json"),
        r#"[{"question": "Can I send tea back?", "page": "returns.md"}, {"question": "Any jobs?", "page": null}]"#,
    )
    .unwrap();
    assert!(run(&["measure", "questions.json"]).ends_with("|   | 1 | 1 | 1 | 1 | 0 | 1 | 0 |\n"));

    let nowhere = deskbridge(folder.path(), &env, &["knowledge", "search", "x", "--desk", "billing"]);
    assert!(nowhere.code == 1 && nowhere.err.contains("billing"), "{nowhere:?}");
    let empty = deskbridge(folder.path(), &[], &["knowledge", "sync"]);
    assert!(empty.code == 1 && empty.err.contains("desk.knowledge"), "{empty:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_is_enough_and_wins_over_the_file_and_a_taken_port_is_said() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let component = server.component();
    let env = [
        ("DESKBRIDGE_XMPP__DOMAIN", DOMAIN),
        ("DESKBRIDGE_XMPP__SERVER", component.as_str()),
        ("DESKBRIDGE_XMPP__SECRET", SECRET),
        ("DESKBRIDGE_AUTH__JWT_SECRET", JWT_SECRET),
        ("DESKBRIDGE_DATABASE__URL", database.url.as_str()),
        ("DESKBRIDGE_DESK__0__NAME", "garden"),
        ("DESKBRIDGE_HTTP__LISTEN", taken.as_str()),
    ];
    let empty = tempfile::tempdir().unwrap();
    let well = deskbridge(empty.path(), &env, &["doctor"]);
    assert!(well.code == 0 && well.out.contains("garden@help.localhost"), "{well:?}");
    std::fs::write(empty.path().join("deskbridge.toml"), "[xmpp]\nsecret = \"wrong\"\ndomain = \"x.localhost\"\n")
        .unwrap();
    let well = deskbridge(empty.path(), &env, &["doctor"]);
    assert_eq!(well.code, 0, "{well:?}");

    let refused = deskbridge(empty.path(), &env, &["serve"]);
    assert!(refused.code == 1 && refused.err.contains(&taken) && refused.err.contains("http.listen"), "{refused:?}");
}

/// All that a conversation has which is nobody's business but the parties'.
const PRIVATE: [&str; 9] =
    ["zebrafish", "quokka", "ocelot", "axolotl", "alice", "r0land", "hush-hush-key", SECRET, JWT_SECRET];

/// The log of a whole conversation, with a failure and a hand-off in it.
async fn log_of_a_conversation(format: &str) -> String {
    let (mut server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let model = Model::start(Reply::Answer("The quokka has it.".into())).await;
    model.whenever("axolotl", Reply::Content("{\"reply\": \"The axolotl".into()));
    let env = vec![
        ("DESKBRIDGE_LOG", "debug".to_owned()),
        ("DESKBRIDGE_LOG_FORMAT", format.to_owned()),
        ("DESKBRIDGE_ASSISTANT__API_KEY", "hush-hush-key".to_owned()),
    ];
    let (app, log) = {
        let setting = Setting { env, ..Setting::new(&server, &database, Some(&model)) };
        (setting.spawn().await, setting.log())
    };
    let mut alice = Client::login(&server, "alice", "phone").await;
    alice.send(&format!("<presence type='subscribe' to='{DESK}'/>")).await;
    alice.say(DESK, "Where is my zebrafish?").await;
    alice.answer().await;
    let ticket = app.rest.ticket_in("alice@localhost", "PENDING").await;
    let (eve, own) = (token(Role::Agent, "eve"), token(Role::Customer, "alice@localhost"));
    let path = format!("/api/v1/xmpp/tickets/{}/messages", ticket["ticket_id"].as_str().unwrap());
    assert_eq!(app.rest.post(&own, &path, &json!({ "content": "And my axolotl?" })).await.status, 201);
    app.rest.ticket_in("alice@localhost", "ESCALATED").await;
    assert_eq!(app.rest.post(&eve, &path, &json!({ "content": "Here is your ocelot." })).await.status, 201);
    // What comes bent: a bad stanza, an oversized one, a bad body, somebody else's ticket, a customer nobody can reach.
    alice.send(&format!("<message type='zebrafish' to='{DESK}' id='zebrafish'><body>zebrafish</body></message>")).await;
    let deep = format!("{}zebrafish{}", "<zebrafish>".repeat(200), "</zebrafish>".repeat(200));
    alice.send(&format!("<message type='chat' to='{DESK}' id='deep'>{deep}</message>")).await;
    alice.ping(DESK).await;
    let far = json!({ "jid": "r0land@elsewhere.localhost", "message": "Hello, ocelot." });
    assert_eq!(app.rest.post(&eve, "/api/v1/xmpp/tickets", &far).await.status, 201);
    assert_eq!(app.rest.post(&own, &path, &json!({ "content": 7, "jid": "zebrafish" })).await.status, 422);
    assert_eq!(app.rest.get(&own, "/api/v1/xmpp/tickets?jid=r0land@elsewhere.localhost").await.status, 200);
    assert_eq!(app.rest.get("zebrafish.zebrafish.zebrafish", "/api/v1/xmpp/tickets").await.status, 401);
    // The link breaks and comes back.
    server.kill();
    app.rest.becomes("xmpp", "unhealthy").await;
    server.restart().await;
    app.rest.healthy().await;
    assert_eq!(app.terminate().await.code(), Some(0));
    let log = std::fs::read_to_string(log).unwrap();
    for secret in PRIVATE.iter().copied().chain([eve.as_str(), own.as_str()]) {
        let lower = log.to_lowercase();
        let told = lower.find(&secret.to_lowercase()).map(|at| lower[..at].lines().count());
        assert!(told.is_none(), "'{secret}' is in the log: {}", log.lines().nth(told.unwrap() - 1).unwrap());
    }
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_has_no_word_of_a_conversation_and_no_secret() {
    let log = log_of_a_conversation("text").await;
    for line in ["Deskbridge is running", "the XMPP link is up", "the model answered", "no answer; a person", "stopped"]
    {
        assert!(log.contains(line), "{line} is not in\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_line_of_a_json_log_parses() {
    let log = log_of_a_conversation("json").await;
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["timestamp", "level", "target", "message"] {
            assert!(entry[key].is_string(), "{key}: {line}");
        }
    }
    assert!(log.lines().count() > 10, "{log}");
}

mod scenarios {
    use super::*;

    pub async fn migrate_runs_once_and_refuses_a_newer_database(database: Database) {
        let folder = database.folder.path();
        let env = [
            ("DESKBRIDGE_DATABASE__URL", database.url.as_str()),
            ("DESKBRIDGE_XMPP__DOMAIN", DOMAIN),
            ("DESKBRIDGE_XMPP__SECRET", SECRET),
            ("DESKBRIDGE_AUTH__JWT_SECRET", JWT_SECRET),
            ("DESKBRIDGE_HTTP__LISTEN", "127.0.0.1:0"),
        ];
        let first = deskbridge(folder, &env, &["migrate"]);
        assert_eq!((first.code, first.err.as_str()), (0, ""), "{first:?}");
        assert!(first.out.contains("step(s) were run"), "{first:?}");
        let again = deskbridge(folder, &env, &["migrate"]);
        assert_eq!((again.code, again.out.as_str()), (0, "the database is up to date\n"), "{again:?}");

        let connection = database.connect().await;
        let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_future', 0)";
        connection.execute_unprepared(newer).await.unwrap();
        connection.close().await.unwrap();
        for command in ["migrate", "serve", "doctor"] {
            let refused = deskbridge(folder, &env, &[command]);
            let said = format!("{}{}", refused.out, refused.err);
            assert!(refused.code == 1, "{command}: {refused:?}");
            assert!(said.contains("newer than this Deskbridge") && said.contains("m29990101_000001_future"), "{said}");
        }
    }
}
