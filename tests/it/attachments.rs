//! Files: customers' are fetched and kept, agents' go out as URLs.

use crate::support::scenario;

scenario!(a_customers_file_is_fetched_listed_and_downloaded_by_those_who_may);
scenario!(by_default_nothing_in_our_own_network_is_asked);
scenario!(killed_between_the_commit_and_the_file_it_is_fetched_after_the_start);
scenario!(a_file_alone_goes_to_a_person_where_no_model_answers);
scenario!(a_server_in_trouble_is_asked_again_and_a_ticket_has_its_limit);
scenario!(an_agents_file_goes_out_as_its_url);
scenario!(a_file_that_was_taken_back_is_nobodys);
scenario!(a_refused_file_is_told_in_one_line_that_tells_nothing_of_our_network);
scenario!(slow_servers_hold_up_nobody_elses_file);

mod scenarios {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use deskbridge::{
        api::{Claims, Tokens},
        helpdesk::{
            Role,
            texts::{Text, Texts},
        },
    };
    use serde_json::{Value, json};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::watch,
    };
    use xmpp_parsers::minidom::Element;

    use crate::support::{
        client::{Client, body, chat_line},
        component,
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{ELSEWHERE, Kind, Server},
        stage::{DESK, JWT_SECRET, Rest, Setting, token},
    };

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a cat";
    /// Upload servers of these tests are on this machine and have no certificate.
    const LOCAL: &str = "allow_http = true\nallow_private_addresses = true\n";

    /// An upload server with one picture under every path.
    struct Web {
        url: String,
        asked: Arc<AtomicUsize>,
        /// How many requests are still to be turned away.
        busy: Arc<AtomicUsize>,
        open: watch::Sender<bool>,
    }

    impl Web {
        /// It answers once it is open.
        async fn start(is_open: bool) -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let asked = Arc::new(AtomicUsize::new(0));
            let (open, opened) = watch::channel(is_open);
            let busy = Arc::new(AtomicUsize::new(0));
            let (count, troubles) = (Arc::clone(&asked), Arc::clone(&busy));
            tokio::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let (count, troubles, mut opened) = (Arc::clone(&count), Arc::clone(&troubles), opened.clone());
                    tokio::spawn(async move {
                        let mut request = [0; 4096];
                        let _ = stream.read(&mut request).await;
                        count.fetch_add(1, Ordering::SeqCst);
                        let _ = opened.wait_for(|open| *open).await;
                        let left =
                            troubles.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                        if left.is_ok() {
                            let _ = stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await;
                            return;
                        }
                        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", PNG.len());
                        let _ = stream.write_all(head.as_bytes()).await;
                        let _ = stream.write_all(PNG).await;
                    });
                }
            });
            Self { url, asked, busy, open }
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    /// A file as clients send it after an upload (XEP-0363 §5, XEP-0066 §3).
    fn file(id: &str, url: &str) -> String {
        let line = chat_line(id, DESK, url);
        line.replace("</message>", &format!("<x xmlns='jabber:x:oob'><url>{url}</url></x></message>"))
    }

    /// Waits until the only file of the ticket has this state; gives it.
    async fn file_in(rest: &Rest, reader: &str, ticket: &str, state: &str) -> Value {
        eventually(&format!("the file is {state}"), || async {
            let conversation = rest.sync(reader, ticket).await;
            let files: Vec<Value> = conversation["messages"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|message| message["attachments"].as_array())
                .flatten()
                .cloned()
                .collect();
            assert_eq!(files.len(), 1, "{conversation}");
            (files[0]["state"] == state).then(|| files[0].clone())
        })
        .await
    }

    fn limited_token(role: Role, desks: Option<&str>, scopes: &[&str]) -> String {
        let claims = Claims {
            sub: "somebody".to_owned(),
            role,
            exp: 4_000_000_000,
            name: None,
            desks: desks.map(|desk| vec![desk.to_owned()]),
            scopes: scopes.iter().map(ToString::to_string).collect(),
        };
        Tokens::new(JWT_SECRET).mint(&claims).unwrap()
    }

    pub async fn a_customers_file_is_fetched_listed_and_downloaded_by_those_who_may(database: Database) {
        let (server, web) = (Server::start(Kind::Prosody).await, Web::start(true).await);
        let model = Model::start(Reply::Answer("What does it show?".into())).await;
        let setting = Setting { attachments: LOCAL.into(), ..Setting::new(&server, &database, Some(&model)) };
        let app = setting.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let url = format!("{}/upload/k%C3%A4tzchen.exe", web.url);
        alice.send(&file("f1", &url)).await;
        alice.receipt("f1").await;
        // A file without words owes an answer like every line.
        assert_eq!(alice.answer_text().await, "What does it show?");

        // The assistant learns that there is a file, and its name; nothing of the URL.
        let asked = model.requests().last().unwrap().to_string();
        assert!(asked.contains("[file: kätzchen.exe]") && !asked.contains(&web.url), "{asked}");

        let rest = &app.rest;
        let ticket = rest.ticket_in("alice@localhost", "PENDING").await["ticket_id"].as_str().unwrap().to_owned();
        let (ann, root) = (token(Role::Customer, "alice@localhost"), token(Role::Admin, "root"));
        let listed = file_in(rest, &ann, &ticket, "stored").await;
        let path = listed["url"].as_str().unwrap();
        assert_eq!(path, format!("/api/v1/xmpp/attachments/{}", listed["id"].as_str().unwrap()));
        assert_eq!((&listed["media_type"], &listed["size"]), (&json!("image/png"), &json!(PNG.len())));
        assert_eq!(listed["name"], "kätzchen.exe.png", "a name that fits what it is");
        let conversation = rest.sync(&root, &ticket).await;
        assert_eq!(conversation["messages"][0]["content"], url.as_str(), "people see where it came from");
        assert_eq!(conversation["subject"], "[file: kätzchen.exe]");
        assert!(conversation["messages"][1].get("attachments").is_none(), "{conversation}");

        for reader in [
            &ann,
            &root,
            &limited_token(Role::Agent, Some("support"), &[]),
            &limited_token(Role::Service, None, &["tickets:read"]),
        ] {
            let request = rest.request(reqwest::Method::GET, path).bearer_auth(reader);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200);
            let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header("content-type"), "image/png");
            assert_eq!(header("content-length"), PNG.len().to_string());
            assert_eq!(
                header("content-disposition"),
                "attachment; filename=\"k_tzchen.exe.png\"; filename*=UTF-8''k%C3%A4tzchen.exe.png"
            );
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert!(header("content-security-policy").starts_with("sandbox"));
            assert_eq!(&*response.bytes().await.unwrap(), PNG);
        }
        for (stranger, status) in [
            (token(Role::Customer, "bob@localhost"), 404),
            (limited_token(Role::Agent, Some("billing"), &[]), 404),
            (limited_token(Role::Service, None, &[]), 403),
            ("no token".to_owned(), 401),
        ] {
            let answer = rest.get(&stranger, path).await;
            assert_eq!(answer.status, status, "{}", answer.json);
            assert!(answer.json["error"]["message"].is_string());
        }
        assert_eq!(rest.ask(rest.request(reqwest::Method::GET, path)).await.status, 401);
        for unknown in ["nothing", "019abcde-0000-7000-8000-000000000000", "..%2f..%2fdeskbridge.toml"] {
            assert_eq!(rest.get(&root, &format!("/api/v1/xmpp/attachments/{unknown}")).await.status, 404, "{unknown}");
        }

        // With words around it, the words stay.
        alice
            .send(&file("f2", &url).replace(&format!("<body>{url}"), &format!("<body>My kettle looks so: {url}")))
            .await;
        alice.answer().await;
        let asked = model.requests().last().unwrap().to_string();
        assert!(asked.contains("My kettle looks so: [file: kätzchen.exe]"), "{asked}");
        app.stop().await;
    }

    pub async fn by_default_nothing_in_our_own_network_is_asked(database: Database) {
        let (server, web) = (Server::start(Kind::Prosody).await, Web::start(true).await);
        let model = Model::start(Reply::Answer("Thank you.".into())).await;
        // Even where http will do.
        let attachments = "allow_http = true\n".to_owned();
        let app = Setting { attachments, ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&file("f1", &format!("{}/cat.png", web.url))).await;
        alice.answer().await;
        let rest = &app.rest;
        let ticket = rest.ticket_in("alice@localhost", "PENDING").await["ticket_id"].as_str().unwrap().to_owned();
        let (ann, root) = (token(Role::Customer, "alice@localhost"), token(Role::Admin, "root"));
        let seen = file_in(rest, &root, &ticket, "refused").await;
        assert_eq!(seen["failure"], "the address is not one of the public internet");
        // To the customer it would tell what our network looks like.
        let path = seen["url"].as_str().unwrap();
        assert!(file_in(rest, &ann, &ticket, "refused").await.get("failure").is_none());
        let (told, kept) = (rest.get(&root, path).await, rest.get(&ann, path).await);
        assert_eq!((told.status, kept.status), (404, 404));
        assert_eq!(
            told.json["error"]["message"],
            "this file was not kept: the address is not one of the public internet"
        );
        assert_eq!(kept.json["error"]["message"], "this file was not kept");
        assert_eq!(web.asked(), 0);
        app.stop().await;
    }

    pub async fn killed_between_the_commit_and_the_file_it_is_fetched_after_the_start(database: Database) {
        let (server, web) = (Server::start(Kind::Prosody).await, Web::start(false).await);
        let model = Model::start(Reply::Answer("Thank you.".into())).await;
        let setting = Setting { attachments: LOCAL.into(), ..Setting::new(&server, &database, Some(&model)) };
        let app = setting.spawn().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&file("f1", &format!("{}/cat.png", web.url))).await;
        alice.receipt("f1").await;
        eventually("the file is asked for", || async { (web.asked() > 0).then_some(()) }).await;
        alice.answer().await;
        let (ann, root) = (token(Role::Customer, "alice@localhost"), token(Role::Admin, "root"));
        let ticket = app.rest.ticket_in("alice@localhost", "PENDING").await["ticket_id"].as_str().unwrap().to_owned();
        let pending = file_in(&app.rest, &root, &ticket, "pending").await;
        let path = pending["url"].as_str().unwrap();
        let early = app.rest.get(&ann, path).await;
        assert_eq!((early.status, &early.json["error"]["code"]), (409, &json!("CONFLICT")));
        app.kill();

        // What a crash may leave, and what somebody put there.
        let folder = database.folder.path().join("attachments");
        let orphan = folder.join("019abcde-0000-7000-8000-000000000000");
        let half = folder.join("019abcde-0000-7000-8000-000000000001.part");
        let foreign = folder.join("notes.txt");
        for path in [&orphan, &half, &foreign] {
            std::fs::write(path, "x").unwrap();
        }
        web.open.send(true).unwrap();
        let app = setting.spawn().await;
        file_in(&app.rest, &ann, &ticket, "stored").await;
        assert_eq!(app.rest.get(&ann, path).await.status, 200);
        assert!(!orphan.exists() && !half.exists() && foreign.exists());

        // A stored file outlives the next start.
        app.kill();
        let app = setting.spawn().await;
        let asked = web.asked();
        assert_eq!(app.rest.get(&ann, path).await.status, 200);
        assert_eq!(web.asked(), asked);
        app.kill();
    }

    pub async fn a_file_alone_goes_to_a_person_where_no_model_answers(database: Database) {
        let (server, web) = (Server::start(Kind::Prosody).await, Web::start(true).await);
        let app = Setting { attachments: LOCAL.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&file("f1", &format!("{}/shipping.png", web.url))).await;
        let told = alice.answer_text().await;
        assert!(told.starts_with("A person will answer you here."), "no page is quoted by a file's name: {told}");
        let conversation = app.rest.ticket_in("alice@localhost", "ESCALATED").await;
        assert_eq!(conversation["hand_off_reason"], "the customer sent a file without a word");
        app.stop().await;
    }

    pub async fn a_server_in_trouble_is_asked_again_and_a_ticket_has_its_limit(database: Database) {
        let (server, web) = (Server::start(Kind::Prosody).await, Web::start(true).await);
        web.busy.store(2, Ordering::SeqCst);
        let model = Model::start(Reply::Answer("Thank you.".into())).await;
        let attachments = format!("{LOCAL}max_per_ticket = 1\n");
        let app = Setting { attachments, ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&file("f1", &format!("{}/one.png", web.url))).await;
        alice.answer().await;
        let root = token(Role::Admin, "root");
        let ticket = app.rest.ticket_in("alice@localhost", "PENDING").await["ticket_id"].as_str().unwrap().to_owned();
        file_in(&app.rest, &root, &ticket, "stored").await;
        assert_eq!(web.asked(), 3);

        alice.send(&file("f2", &format!("{}/two.png", web.url))).await;
        let refused = eventually("the second is refused", || async {
            let conversation = app.rest.sync(&root, &ticket).await;
            let messages = conversation["messages"].as_array().unwrap().clone();
            let files: Vec<Value> = messages.iter().map(|message| message["attachments"][0].clone()).collect();
            files.into_iter().find(|file| file["state"] == "refused")
        })
        .await;
        assert_eq!(refused["failure"], "the ticket has as many files as it may (1)");
        assert_eq!((&refused["name"], web.asked()), (&json!("two.png"), 3));

        // One that never gets well is given up, in words.
        web.busy.store(100, Ordering::SeqCst);
        let mut bob = Client::login(&server, "bob", "phone").await;
        bob.send(&file("f1", &format!("{}/three.png", web.url))).await;
        let ticket = app.rest.ticket_in("bob@localhost", "PENDING").await["ticket_id"].as_str().unwrap().to_owned();
        let given_up = file_in(&app.rest, &root, &ticket, "refused").await;
        assert_eq!(given_up["failure"], "its server answered 503 (tried 3 times)");
        assert_eq!(web.asked(), 6);
        app.stop().await;
    }

    pub async fn an_agents_file_goes_out_as_its_url(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Hello!".into())).await;
        let desk = "agents = [\"bob@localhost\"]\n".to_owned();
        let app = Setting { desk, ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "Do you have a manual?").await;
        alice.answer().await;
        let rest = &app.rest;
        let ticket = rest.ticket_in("alice@localhost", "PENDING").await["ticket_id"].as_str().unwrap().to_owned();
        let (ann, agent) = (token(Role::Customer, "alice@localhost"), token(Role::Agent, "bob@localhost"));
        let messages = format!("/api/v1/xmpp/tickets/{ticket}/messages");
        let url = "https://files.example/manual%201.pdf?v=2&w=3";

        let said = rest.post(&agent, &messages, &json!({ "attachment_url": url })).await;
        assert_eq!(said.status, 201, "{}", said.json);
        let alone = alice.answer().await;
        let link = |stanza: &Element| {
            stanza.get_child("x", "jabber:x:oob")?.get_child("url", "jabber:x:oob").map(|url| url.text())
        };
        assert_eq!((body(&alone).as_deref(), link(&alone).as_deref()), (Some(url), Some(url)));
        // From an agent's own chat client, too: the client has uploaded it and sends the URL.
        let address = format!("t-{}@help.localhost", ticket.rsplit('-').next().unwrap());
        let mut bob = Client::login(&server, "bob", "desk").await;
        let shared = "https://up.example/a/photo.jpg";
        bob.send(&file("b1", shared).replace(DESK, &address)).await;
        let shown = alice.answer().await;
        assert_eq!((body(&shown).as_deref(), link(&shown).as_deref()), (Some(shared), Some(shared)));
        let with_words = json!({ "content": "Here it is:", "attachment_url": url });
        assert_eq!(rest.post(&agent, &messages, &with_words).await.status, 201);
        let both = alice.answer().await;
        assert_eq!(body(&both).unwrap(), format!("Here it is:\n{url}"));
        assert_eq!(link(&both).as_deref(), Some(url));
        assert_eq!(rest.post(&agent, &messages, &json!({ "content": "Anything else?" })).await.status, 201);
        assert_eq!(link(&alice.answer().await), None);

        let conversation = rest.sync(&ann, &ticket).await;
        let message = conversation["messages"].as_array().unwrap().iter().find(|m| m["id"] == said.json["message_id"]);
        let listed = &message.unwrap()["attachments"][0];
        assert_eq!(
            (&listed["state"], &listed["url"], &listed["name"]),
            (&json!("linked"), &json!(url), &json!("manual 1.pdf"))
        );
        let here = format!("/api/v1/xmpp/attachments/{}", listed["id"].as_str().unwrap());
        assert_eq!(rest.get(&ann, &here).await.status, 404);

        for (who, wrong, what) in [
            (&agent, json!({ "attachment_url": "http://files.example/x" }), "attachment_url"),
            (&agent, json!({ "attachment_url": "javascript:alert(1)" }), "attachment_url"),
            (&agent, json!({}), "content"),
            (&ann, json!({ "content": "look", "attachment_url": url }), "attachment_url"),
        ] {
            let answer = rest.post(who, &messages, &wrong).await;
            assert_eq!(answer.status, 422, "{wrong}: {}", answer.json);
            assert!(answer.json["error"]["message"].as_str().unwrap().contains(what), "{}", answer.json);
        }
        app.stop().await;
    }

    pub async fn a_file_that_was_taken_back_is_nobodys(database: Database) {
        let (server, web) = (Server::start(Kind::Prosody).await, Web::start(true).await);
        let model = Model::start(Reply::Answer("Thank you.".into())).await;
        let setting = Setting { attachments: LOCAL.into(), ..Setting::new(&server, &database, Some(&model)) };
        let app = setting.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&file("f1", &format!("{}/cat.png", web.url))).await;
        alice.answer().await;
        let root = token(Role::Admin, "root");
        let ticket = app.rest.ticket_in("alice@localhost", "PENDING").await["ticket_id"].as_str().unwrap().to_owned();
        let stored = file_in(&app.rest, &root, &ticket, "stored").await;
        let path = stored["url"].as_str().unwrap().to_owned();
        alice
            .send(&format!(
                "<message type='chat' to='{DESK}' id='r1'><retract xmlns='urn:xmpp:message-retract:1' id='f1'/></message>"
            ))
            .await;
        alice.ping(DESK).await;
        eventually("the file is gone", || async { (app.rest.get(&root, &path).await.status == 404).then_some(()) })
            .await;
        let conversation = app.rest.sync(&root, &ticket).await;
        assert!(conversation["messages"][0].get("attachments").is_none(), "{conversation}");
        app.stop().await;
        // Its bytes go with the next start.
        let on_disk = || std::fs::read_dir(database.folder.path().join("attachments")).unwrap().count();
        assert_eq!(on_disk(), 1);
        let app = setting.start().await;
        eventually("the bytes are gone", || async { (on_disk() == 0).then_some(()) }).await;
        app.stop().await;
    }

    pub async fn a_refused_file_is_told_in_one_line_that_tells_nothing_of_our_network(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Thank you.".into())).await;
        let mut setting = Setting::new(&server, &database, Some(&model));
        setting.attachments = "allow_http = true\n".to_owned();
        setting.desk = "agents = [{ jid = \"bob@localhost\", name = \"Bob\" }]\n".to_owned();
        let app = setting.start().await;
        let refused = Texts::default().plain(Text::FileRefused);
        let is_told = |stanza: &Element| body(stanza).as_deref() == Some(&refused);
        let rest = &app.rest;
        let all_are = async |jid: &str, count: usize| {
            let ticket = rest.tickets_of(jid).await[0]["id"].as_str().unwrap().to_owned();
            eventually("the files are refused", || async {
                let conversation = rest.sync_as_agent(&ticket).await.to_string();
                (conversation.matches("\"state\":\"refused\"").count() == count).then_some(())
            })
            .await;
            rest.sync_as_agent(&ticket).await
        };

        // A bunch, at an address that only our own network reaches.
        let mut alice = Client::login(&server, "alice", "phone").await;
        for number in 1..=3 {
            alice.send(&file(&format!("f{number}"), &format!("http://127.0.0.1/{number}.png"))).await;
        }
        alice.expect("an honest line", is_told).await;
        alice.expect("an answer", |stanza| body(stanza).as_deref() == Some("Thank you.")).await;
        let conversation = all_are("alice@localhost", 3).await;
        alice.ping(DESK).await;
        let more = alice.drain(Duration::from_millis(300)).await;
        assert!(!more.iter().any(is_told), "{more:?}");
        // It is no step of the conversation.
        assert_eq!((&conversation["status"], rest.tickets_of("alice@localhost").await.len()), (&json!("PENDING"), 1));
        assert_eq!(model.requests().len(), 1);

        // A name that leads nowhere reads the same.
        let mut carol = Client::login(&server, "carol", "phone").await;
        carol.send(&file("f1", "http://nowhere.invalid/cat.png")).await;
        carol.expect("the same line", is_told).await;
        all_are("carol@localhost", 1).await;

        // Later it is another bunch; who has the ticket learns why.
        let mut bob = Client::login(&server, "bob", "desk").await;
        let ticket = conversation["ticket_id"].as_str().unwrap();
        let address = format!("t-{}@help.localhost", ticket.rsplit('-').next().unwrap());
        bob.say(&address, "/claim").await;
        let said = |stanza: &Element, begins: &str| {
            stanza.attr("from") == Some(&*address) && body(stanza).is_some_and(|text| text.starts_with(begins))
        };
        bob.expect("the ticket", |stanza| said(stanza, "You have it")).await;
        app.clock.advance(Duration::from_secs(60));
        alice.send(&file("f4", "http://127.0.0.1/4.png")).await;
        alice.expect("an honest line", is_told).await;
        let why = "4.png of the customer was not kept: the address is not one of the public internet.";
        bob.expect("the reason", |stanza| said(stanza, why)).await;
        bob.say(&address, "/history").await;
        let history =
            bob.expect("the history", |stanza| body(stanza).is_some_and(|text| text.contains("system: "))).await;
        let history = body(&history).unwrap();
        let why = "(1.png was not kept: the address is not one of the public internet)";
        assert_eq!(history.matches(why).count(), 1, "{history}");
        assert_eq!(history.matches(&refused).count(), 2, "{history}");
        app.stop().await;
    }

    pub async fn slow_servers_hold_up_nobody_elses_file(database: Database) {
        const STRANGERS: usize = 40;
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Thank you.".into())).await;
        let mut setting = Setting::new(&server, &database, Some(&model));
        // Nobody who waits for that waits here.
        setting.attachments = format!("{LOCAL}timeout = \"10m\"\n");
        let app = setting.start().await;
        let mut slow = Vec::new();
        for _ in 0..STRANGERS / 4 {
            slow.push(Web::start(false).await);
        }
        let mut elsewhere = component::connect(&server, ELSEWHERE).await;
        for number in 0..STRANGERS {
            let line = file(&format!("f{number}"), &format!("{}/{number}.png", slow[number % slow.len()].url));
            let from = format!("<message from='mallory{number}@{ELSEWHERE}/x'");
            elsewhere.send(&line.replacen("<message", &from, 1)).await;
        }
        let asked = || slow.iter().map(Web::asked).sum::<usize>();
        eventually("all places are taken", || async { (asked() >= 32).then_some(()) }).await;
        assert!(slow.iter().all(|web| web.asked() <= 4), "few of a host at once");

        let web = Web::start(true).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&file("f1", &format!("{}/cat.png", web.url))).await;
        alice.receipt("f1").await;
        let ticket = app.rest.tickets_of("alice@localhost").await[0]["id"].as_str().unwrap().to_owned();
        file_in(&app.rest, &token(Role::Admin, "root"), &ticket, "stored").await;
        app.stop().await;
    }
}
