//! Erasing leaves no trace: every byte of the data folder, every table and the log are searched for a customer who has been
//! everywhere.

use crate::support::scenario;

scenario!(nothing_is_left_of_a_customer_whom_an_admin_erases);
scenario!(nothing_is_left_of_a_customer_who_is_erased_on_the_command_line_beside_the_service);
scenario!(a_redacted_text_is_nowhere_and_the_customer_is_told);
scenario!(what_is_closed_longer_than_the_desk_keeps_it_goes);

mod scenarios {
    use std::{
        path::{Path, PathBuf},
        process::{Command, Stdio},
        time::Duration,
    };

    use deskbridge::{
        api::{Claims, Tokens},
        helpdesk::Role,
    };
    use sea_orm::{ConnectionTrait, DbBackend, Statement};
    use serde_json::{Value, json};

    use crate::support::{
        client::{Client, body},
        component,
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{ELSEWHERE, Kind, Server},
        stage::{DESK, JWT_SECRET, Process, Rest, Setting, lines, token},
        web::{LOCAL, PNG, Web},
    };

    /// The customer's localpart, in small letters: it is found in every form of the JID.
    const NAME: &str = "quillwanda";
    const RESOURCE: &str = "telescope7";
    /// What must be in the data before, or nothing is proved by its absence.
    const KEPT: [&str; 13] = [
        NAME,
        RESOURCE,
        "zebrafishword",
        "narwhalcorrected",
        "pangolinretracted",
        "wombatfile",
        "okapireply",
        "axolotlnote",
        "quokkaanswer",
        "capybarapage",
        "meerkatnick",
        "tapirmail",
        "lemurstatus",
    ];
    /// What was heard, and stored nowhere in the first place.
    const HEARD: [&str; 2] = ["yakrefused", "ibisbounce"];

    fn eve() -> String {
        token(Role::Agent, "eve@staff.example")
    }

    fn admin() -> String {
        token(Role::Admin, "root")
    }

    fn xmpp_server() -> String {
        let claims = Claims {
            sub: "prosody".to_owned(),
            role: Role::Service,
            exp: 4_000_000_000,
            name: None,
            desks: None,
            scopes: vec!["rooms:write".to_owned()],
        };
        Tokens::new(JWT_SECRET).mint(&claims).unwrap()
    }

    /// Every file below a folder.
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }

    /// Every row of every table of a PostgreSQL, as text; SQLite's are in its file.
    async fn tables(database: &Database) -> Vec<(String, String)> {
        let db = database.connect().await;
        if db.get_database_backend() == DbBackend::Sqlite {
            return Vec::new();
        }
        let names = database.texts("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'").await;
        assert!(names.len() > 15, "{names:?}");
        let mut rows = Vec::new();
        for name in names {
            let all = Statement::from_string(DbBackend::Postgres, format!("SELECT t::text FROM \"{name}\" t"));
            for row in db.query_all_raw(all).await.unwrap() {
                rows.push((name.clone(), row.try_get_by_index(0).unwrap()));
            }
        }
        rows
    }

    fn contains(bytes: &[u8], needle: &str) -> bool {
        let needle = needle.as_bytes();
        bytes.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
    }

    /// Where a word stands: in which files (their names count, too) and tables.
    async fn places(database: &Database, needle: &str) -> Vec<String> {
        let mut found = Vec::new();
        files(database.folder.path(), &mut found);
        found.retain(|path| {
            contains(path.to_string_lossy().as_bytes(), needle)
                || contains(&std::fs::read(path).unwrap_or_default(), needle)
        });
        let mut places: Vec<String> = found.iter().map(|path| path.display().to_string()).collect();
        let rows = tables(database).await.into_iter().filter(|(_, row)| contains(row.as_bytes(), needle));
        places.extend(rows.map(|(table, row)| format!("{table}: {row}")));
        places
    }

    fn setting<'a>(server: &'a Server, database: &'a Database, model: &'a Model) -> Setting<'a> {
        let pages = database.folder.path().join("pages");
        std::fs::create_dir_all(&pages).unwrap();
        std::fs::write(pages.join("gift-cards.md"), "# Gift cards\nA gift card is valid for three years.\n").unwrap();
        let mut setting = Setting::new(server, database, Some(model));
        setting.knowledge = Some(pages);
        setting.attachments = LOCAL.into();
        setting.desk = "learning = true\nagents = [\"bob@localhost\"]\n".to_owned();
        setting.env = vec![("DESKBRIDGE_LOG", "debug".to_owned())];
        setting
    }

    async fn post(rest: &Rest, token: &str, path: &str, input: Value) -> Value {
        let answer = rest.post(token, path, &input).await;
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.json);
        answer.json
    }

    /// The customer does what a customer can do, and the staff what can be done about it.
    async fn live(app: &Process, model: &Model, web: &Web, elsewhere: &mut Client, bob: &mut Client) -> String {
        let (rest, jid) = (&app.rest, format!("{NAME}@{ELSEWHERE}"));
        let from = format!("{jid}/{RESOURCE}");
        let chat =
            |id: &str, rest: &str| format!("<message type='chat' from='{from}' to='{DESK}' id='{id}'>{rest}</message>");
        elsewhere.send(&format!("<presence type='subscribe' from='{jid}' to='{DESK}'/>")).await;
        elsewhere.send(&format!("<presence from='{from}' to='{DESK}'><status>lemurstatus</status></presence>")).await;
        let line = "<body>zebrafishword is what I have. What now?</body><request xmlns='urn:xmpp:receipts'/>";
        elsewhere.send(&chat("l1", line)).await;
        let answer = elsewhere.answer().await;
        // The answer comes back undelivered. Nothing of the rest is waited for: who replies to every answer at once is taken for a machine.
        let id = answer.attr("id").unwrap();
        elsewhere
            .send(&format!(
                "<message type='error' from='{from}' to='{DESK}' id='{id}'><error type='cancel'>\
                 <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
                 <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>ibisbounce</text></error></message>"
            ))
            .await;
        let corrected =
            "<body>narwhalcorrected, I mean. What now?</body><replace xmlns='urn:xmpp:message-correct:0' id='l1'/>";
        elsewhere.send(&chat("l2", corrected)).await;
        elsewhere.send(&chat("l3", "<body>pangolinretracted, should I?</body>")).await;
        elsewhere.send(&chat("l4", "<retract xmlns='urn:xmpp:message-retract:1' id='l3'/>")).await;
        let url = format!("{}/upload/wombatfile.png", web.url);
        let file = format!("<body>{url}</body><x xmlns='jabber:x:oob'><url>{url}</url></x>");
        elsewhere.send(&chat("l5", &file)).await;
        let secret =
            "<body>secret</body><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>";
        elsewhere.send(&chat("l6", secret)).await;
        let depth = 40;
        let nested = format!("{}yakrefused{}", "<d>".repeat(depth), "</d>".repeat(depth));
        elsewhere.send(&chat("l7", &nested)).await;
        elsewhere.send(&chat("l8", "<body>I want to talk to a person!</body>")).await;
        // Bob, who is on duty, is told of whom.
        bob.expect("a notice", |stanza| body(stanza).is_some_and(|text| text.contains(NAME))).await;

        let ticket = rest.ticket_in(&jid, "ESCALATED").await["ticket_id"].as_str().unwrap().to_owned();
        let at = |what: &str| format!("/api/v1/xmpp/tickets/{ticket}/{what}");
        post(rest, &eve(), &at("claim"), json!({})).await;
        post(rest, &eve(), &at("notes"), json!({ "content": format!("axolotlnote about {jid}") })).await;
        post(rest, &eve(), &at("suggestion"), json!({})).await;
        post(rest, &eve(), &at("summary"), json!({})).await;
        post(rest, &eve(), &at("messages"), json!({ "content": "quokkaanswer: rinse it well, then boil it twice." }))
            .await;
        let reaction = "<reactions xmlns='urn:xmpp:reactions:0' id='l5'><reaction>👍</reaction></reactions>";
        elsewhere.send(&chat("l9", reaction)).await;
        model.always(Reply::Answer("# What is a capybarapage?\n\nIt is rinsed well, then boiled twice.".into()));
        post(rest, &eve(), &at("resolve"), json!({})).await;
        eventually("a page is proposed", || async {
            let proposals = rest.get(&eve(), "/api/v1/xmpp/desks/support/proposals?state=proposed").await;
            proposals.json.as_array().filter(|all| !all.is_empty()).map(drop)
        })
        .await;
        let stored = format!("/api/v1/xmpp/tickets/{ticket}/sync");
        eventually("the file is stored", || async {
            let read = rest.get(&admin(), &stored).await.json.to_string();
            read.contains("\"state\":\"stored\"").then_some(())
        })
        .await;
        let room = json!({ "name": "tea", "session": "s1", "jid": "tea@rooms.localhost" });
        post(rest, &xmpp_server(), "/api/v1/rooms", room).await;
        let occupant = json!({ "jid": from, "roomJid": "tea@rooms.localhost", "nick": "meerkatnick", "role": "participant",
            "email": "tapirmail@mail.example", "ip": "192.0.2.77" });
        post(rest, &xmpp_server(), "/api/v1/occupants", occupant).await;
        let own = token(Role::Customer, &jid);
        post(rest, &own, "/api/v1/xmpp/presence", json!({ "jid": jid, "status": "available", "text": "lemurstatus" }))
            .await;
        // What is asked for and fails is logged, too.
        for path in [format!("/api/v1/xmpp/tickets?jid={jid}"), format!("/api/v1/xmpp/nothing/{NAME}%40{ELSEWHERE}")] {
            rest.get(&admin(), &path).await;
        }
        ticket
    }

    async fn nothing_is_left(database: &Database, model: &Model, erase: impl AsyncFn(&Process, &Path, &str)) {
        let server = Server::start(Kind::Prosody).await;
        let web = Web::start(true).await;
        let setting = setting(&server, database, model);
        let app = setting.spawn().await;
        let mut elsewhere = component::connect(&server, ELSEWHERE).await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        bob.befriend(DESK).await;
        eventually("Bob is on duty", || async {
            let agents = app.rest.get(&admin(), "/api/v1/xmpp/agents").await.json;
            agents.to_string().contains("\"on_duty\":true").then_some(())
        })
        .await;
        alice.say(DESK, "Where is my hippopotamustea?").await;
        alice.answer().await;
        let ticket = live(&app, model, &web, &mut elsewhere, &mut bob).await;
        for word in KEPT {
            assert!(!places(database, word).await.is_empty(), "'{word}' is stored nowhere: the test proves nothing");
        }
        let content = std::str::from_utf8(&PNG[8..]).unwrap();
        assert!(!places(database, content).await.is_empty(), "the file is kept");

        let jid = format!("{NAME}@{ELSEWHERE}");
        let before = app.rest.get(&admin(), "/api/v1/xmpp/sync?limit=1").await.json["next_cursor"].clone();
        erase(&app, &database.folder.path().join("deskbridge.toml"), &jid).await;
        model.always(Reply::Answer("What does it look like?".into()));
        // Also while it runs: nothing waits for a restart.
        for word in KEPT.iter().chain(&HEARD).chain(&[content, "192.0.2.77"]) {
            assert_eq!(places(database, word).await, Vec::<String>::new(), "'{word}' is left");
        }
        let known = app.rest.get(&admin(), &format!("/api/v1/xmpp/customers/{NAME}%40{ELSEWHERE}")).await;
        assert!(known.json["rows"].as_object().unwrap().values().all(|count| *count == 0), "{}", known.json);
        // Who reads the log learns that it is gone, and the act is noted without a name.
        let after = format!("/api/v1/xmpp/sync?limit=500&cursor={}", before.as_str().unwrap());
        let log = app.rest.get(&admin(), &after).await.json;
        let is_tombstone =
            |change: &&Value| change["type"] == "ticket.erased" && change["ticket_id"] == ticket.as_str();
        assert_eq!(log["changes"].as_array().unwrap().iter().filter(is_tombstone).count(), 1, "{log}");
        let acts = app.rest.get(&admin(), "/api/v1/xmpp/audit?action=customer.erase").await.json;
        assert_eq!(acts.as_array().unwrap().len(), 1, "{acts}");
        // The neighbour is untouched, and the customer may come again.
        assert_eq!(lines(&app.rest.ticket_in("alice@localhost", "PENDING").await).len(), 2);
        let again = "<body>Hello again, what now?</body>";
        elsewhere.drain(Duration::from_millis(200)).await;
        elsewhere.send(&format!("<message type='chat' from='{jid}/x' to='{DESK}' id='n1'>{again}</message>")).await;
        elsewhere.answer().await;
        app.rest.ticket_in(&jid, "PENDING").await;
        erase(&app, &database.folder.path().join("deskbridge.toml"), &jid).await;
        assert!(app.terminate().await.success());
        for word in KEPT.iter().chain(&HEARD).chain(&[content]) {
            assert_eq!(places(database, word).await, Vec::<String>::new(), "'{word}' is left after the end");
        }
        let log = std::fs::read_to_string(setting.log()).unwrap();
        assert!(log.contains("DEBUG") && log.contains("answered a request"), "the log says what it can");
    }

    async fn modest() -> Model {
        let model = Model::start(Reply::Answer("What does it look like?".into())).await;
        model.whenever("zebrafishword", Reply::Answer("What does the okapireply look like?".into()));
        model
    }

    pub async fn nothing_is_left_of_a_customer_whom_an_admin_erases(database: Database) {
        let model = modest().await;
        nothing_is_left(&database, &model, async |app, _, jid| {
            let path = format!("/api/v1/xmpp/customers/{}", jid.replace('@', "%40"));
            let request = app.rest.request(reqwest::Method::DELETE, &path).bearer_auth(admin());
            let erased = app.rest.ask(request).await;
            assert_eq!(erased.status, 200, "{}", erased.json);
            assert_eq!(erased.json["rows"]["tickets"], 1, "{}", erased.json);
        })
        .await;
    }

    pub async fn nothing_is_left_of_a_customer_who_is_erased_on_the_command_line_beside_the_service(
        database: Database,
    ) {
        let model = modest().await;
        nothing_is_left(&database, &model, async |_, config, jid| {
            let run = |args: &[&str]| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_deskbridge"));
                command.args(args).arg("--config").arg(config).stdin(Stdio::null());
                let output = command.output().unwrap();
                (
                    output.status.code(),
                    String::from_utf8(output.stdout).unwrap(),
                    String::from_utf8(output.stderr).unwrap(),
                )
            };
            let out = tempfile::tempdir().unwrap();
            let file = out.path().join("all.jsonl");
            let (code, _, error) = run(&["export", jid, "--out", file.to_str().unwrap()]);
            assert_eq!(code, Some(0), "{error}");
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.contains(jid) && text.ends_with("{\"kind\":\"end\"}\n"), "{text}");
            let (code, _, error) = run(&["export", jid, "--out", file.to_str().unwrap()]);
            assert_eq!((code, error.contains("cannot make the file")), (Some(1), true), "{error}");
            let (code, shown, _) = run(&["erase", jid, "--dry-run"]);
            assert!(
                code == Some(0) && shown.contains("support: 1 ticket(s)") && shown.contains("nothing was erased"),
                "{shown}"
            );
            let (code, _, error) = run(&["erase", jid]);
            assert_eq!((code, error.contains("--yes")), (Some(1), true), "{error}");
            let (code, shown, error) = run(&["erase", jid, "--yes"]);
            assert!(code == Some(0) && shown.contains("erased: 1 ticket(s)"), "{shown} {error}");
        })
        .await;
    }

    pub async fn a_redacted_text_is_nowhere_and_the_customer_is_told(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = modest().await;
        let app = setting(&server, &database, &model).spawn().await;
        let rest = &app.rest;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        bob.befriend(DESK).await;
        let card = "My card is zebrafishnumber. I want to talk to a person!";
        alice.say(DESK, card).await;
        alice.answer().await;
        bob.expect("a notice", |stanza| body(stanza).is_some_and(|text| text.contains("alice"))).await;
        let waiting = rest.ticket_in("alice@localhost", "ESCALATED").await;
        let ticket = waiting["ticket_id"].as_str().unwrap().to_owned();
        let at = |what: &str| format!("/api/v1/xmpp/tickets/{ticket}/{what}");
        post(rest, &eve(), &at("claim"), json!({})).await;
        model.always(Reply::Answer("Did you say zebrafishnumber?".into()));
        post(rest, &eve(), &at("suggestion"), json!({})).await;
        post(rest, &eve(), &at("summary"), json!({})).await;
        let reply = rest.reply(&ticket, "Your password is quokkaword.").await;
        alice.expect("the reply", |stanza| body(stanza).is_some_and(|text| text.contains("quokkaword"))).await;
        rest.reached(&ticket, &reply, "sent_at").await;
        for word in ["zebrafishnumber", "quokkaword"] {
            assert!(!places(&database, word).await.is_empty(), "{word}");
        }
        let line = waiting["messages"][0]["id"].as_str().unwrap();
        for (message, reason) in [(line, "a card number"), (&reply, "a password")] {
            post(rest, &eve(), &at(&format!("messages/{message}/redact")), json!({ "reason": reason })).await;
        }
        let retraction = |stanza: &xmpp_parsers::minidom::Element| {
            stanza.children().any(|child| child.name() == "retract" && child.attr("id") == Some(&reply))
        };
        alice.expect("the retraction", retraction).await;
        for word in ["zebrafishnumber", "quokkaword"] {
            assert_eq!(places(&database, word).await, Vec::<String>::new(), "{word}");
        }
        let read = rest.sync(&token(Role::Customer, "alice@localhost"), &ticket).await;
        let redacted = |message: &&Value| message["redacted"] == true && message["content"] == "";
        assert_eq!(read["messages"].as_array().unwrap().iter().filter(redacted).count(), 2, "{read}");
        assert!(app.terminate().await.success());
    }

    pub async fn what_is_closed_longer_than_the_desk_keeps_it_goes(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = modest().await;
        let mut setting = Setting::new(&server, &database, Some(&model));
        setting.desk =
            "retention = \"30d\"\n[retention]\nusage = \"60d\"\nrooms = \"10d\"\naudit = \"90d\"\n".to_owned();
        let app = setting.start().await;
        let (rest, helpdesk) = (&app.rest, app.helpdesk.clone().unwrap());
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "Where is my zebrafishtea?").await;
        alice.answer().await;
        alice.say("billing@help.localhost", "What does the walrusbill say?").await;
        alice.answer().await;
        let tickets = rest.tickets_of("alice@localhost").await;
        for ticket in &tickets {
            let path = format!("/api/v1/xmpp/tickets/{}/close", ticket["id"].as_str().unwrap());
            post(rest, &admin(), &path, json!({})).await;
        }
        let room = json!({ "name": "tea", "session": "s1", "jid": "tea@rooms.localhost" });
        post(rest, &xmpp_server(), "/api/v1/rooms", room).await;
        let occupant = json!({ "jid": "alice@localhost/x", "roomJid": "tea@rooms.localhost", "nick": "meerkatnick", "role": "participant" });
        post(rest, &xmpp_server(), "/api/v1/occupants", occupant).await;
        let path = "/api/v1/occupants/alice%40localhost%2Fx";
        let left = rest.request(reqwest::Method::DELETE, path).bearer_auth(xmpp_server());
        let left = left
            .header("content-type", "application/json")
            .body(json!({ "roomJid": "tea@rooms.localhost" }).to_string());
        assert_eq!(rest.ask(left).await.status, 200);
        let cursor = rest.get(&admin(), "/api/v1/xmpp/sync?limit=500").await.json["next_cursor"].clone();

        let day = Duration::from_secs(24 * 3600);
        let counts = async || {
            let mut counts = Vec::new();
            for table in ["ticket", "message", "llm_call", "server_occupant", "audit"] {
                let sql = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}");
                counts.push(database.texts(&sql).await.remove(0).parse::<u64>().unwrap());
            }
            counts
        };
        let [tickets, messages, calls, occupants, acts] = counts().await[..] else { panic!() };
        assert_eq!((tickets, occupants, acts), (2, 1, 2));
        assert!(messages >= 4 && calls >= 2, "{messages} {calls}");
        app.clock.advance(day * 9);
        helpdesk.sweep().await.unwrap();
        assert_eq!(counts().await, [2, messages, calls, 1, 2]);
        app.clock.advance(day * 2);
        helpdesk.sweep().await.unwrap();
        assert_eq!(counts().await, [2, messages, calls, 0, 2], "who left the room");
        app.clock.advance(day * 20);
        assert_eq!(helpdesk.sweep().await.unwrap().forgotten, 1);
        assert_eq!(counts().await[0], 1, "the other desk keeps its own");
        assert_eq!(database.find("zebrafishtea").await, Vec::<String>::new());
        assert!(!database.find("walrusbill").await.is_empty());
        assert_eq!(counts().await[2], calls);
        // The cursor goes on behind what is gone, and says so.
        let after = format!("/api/v1/xmpp/sync?limit=500&cursor={}", cursor.as_str().unwrap());
        let log = rest.get(&token(Role::Admin, "root"), &after).await;
        assert_eq!(log.status, 200, "{}", log.json);
        assert!(log.json.to_string().contains("ticket.erased"), "{}", log.json);
        app.clock.advance(day * 30);
        helpdesk.sweep().await.unwrap();
        assert_eq!((counts().await[2], counts().await[4]), (0, 2), "calls go, acts stay");
        app.clock.advance(day * 30);
        helpdesk.sweep().await.unwrap();
        assert_eq!(counts().await[4], 0);
        drop(helpdesk);
        app.stop().await;
    }
}
