//! Files: customers' are fetched and kept, agents' go out as URLs.

use crate::support::scenario;

scenario!(a_customers_file_is_fetched_listed_and_downloaded_by_those_who_may);
scenario!(killed_between_the_commit_and_the_file_it_is_fetched_after_the_start);
scenario!(a_file_alone_goes_to_a_person_where_no_model_answers);
scenario!(an_agents_file_goes_out_as_its_url);
scenario!(a_file_that_was_taken_back_is_nobodys);

mod scenarios {
    use deskbridge::helpdesk::Role;
    use serde_json::json;
    use xmpp_parsers::minidom::Element;

    use crate::support::{
        client::{Client, body},
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Setting, agent_of, program, token},
        web::{LOCAL, PNG, Web, file, file_in},
    };

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

        for reader in [&ann, &root, &agent_of("support"), &program(&["tickets:read"])] {
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
            (agent_of("billing"), 404),
            (program(&[]), 403),
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
}
