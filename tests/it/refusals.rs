//! Files that are not kept: what is not even asked for, what is given up, who is told, and whom it holds up.

use crate::support::scenario;

scenario!(by_default_nothing_in_our_own_network_is_asked);
scenario!(a_server_in_trouble_is_asked_again_and_a_ticket_has_its_limit);
scenario!(a_refused_file_is_told_by_name_in_a_line_that_tells_nothing_of_our_network);
scenario!(slow_servers_hold_up_nobody_elses_file);

mod scenarios {
    use std::{sync::atomic::Ordering, time::Duration};

    use deskbridge::helpdesk::{Role, texts::Texts};
    use serde_json::{Value, json};
    use xmpp_parsers::minidom::Element;

    use crate::support::{
        client::{Client, body},
        component,
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{ELSEWHERE, Kind, Server},
        stage::{DESK, Setting, token},
        web::{LOCAL, Web, file, file_in},
    };

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

    pub async fn a_refused_file_is_told_by_name_in_a_line_that_tells_nothing_of_our_network(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Thank you.".into())).await;
        let mut setting = Setting::new(&server, &database, Some(&model));
        setting.attachments = "allow_http = true\n".to_owned();
        setting.desk = "agents = [{ jid = \"bob@localhost\", name = \"Bob\" }]\n".to_owned();
        let app = setting.start().await;
        let refused = |name: &str| Texts::default().file_refused(Some(name));
        let tells = |stanza: &Element, name: &str| body(stanza).is_some_and(|text| text == refused(name));
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

        // A bunch, at an address that only our own network reaches: each is named, once.
        let mut alice = Client::login(&server, "alice", "phone").await;
        for number in 1..=3 {
            alice.send(&file(&format!("f{number}"), &format!("http://127.0.0.1/{number}.png"))).await;
        }
        let mut said = Vec::new();
        while said.len() < 4 {
            said.push(alice.answer_text().await);
        }
        said.sort_unstable();
        assert_eq!(said, [refused("1.png"), refused("2.png"), refused("3.png"), "Thank you.".to_owned()]);
        let conversation = all_are("alice@localhost", 3).await;
        alice.ping(DESK).await;
        let more = alice.drain(Duration::from_millis(300)).await;
        assert!(!more.iter().any(|stanza| (1..=3).any(|n| tells(stanza, &format!("{n}.png")))), "{more:?}");
        // It is no step of the conversation.
        assert_eq!((&conversation["status"], rest.tickets_of("alice@localhost").await.len()), (&json!("PENDING"), 1));
        assert_eq!(model.requests().len(), 1);

        // A name that leads nowhere reads the same.
        let mut carol = Client::login(&server, "carol", "phone").await;
        carol.send(&file("f1", "http://nowhere.invalid/cat.png")).await;
        carol.expect("the same line", |stanza| tells(stanza, "cat.png")).await;
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
        alice.expect("an honest line", |stanza| tells(stanza, "4.png")).await;
        let why = "4.png of the customer was not kept: the address is not one of the public internet.";
        bob.expect("the reason", |stanza| said(stanza, why)).await;
        bob.say(&address, "/history").await;
        let history =
            bob.expect("the history", |stanza| body(stanza).is_some_and(|text| text.contains("system: "))).await;
        let history = body(&history).unwrap();
        let why = "(1.png was not kept: the address is not one of the public internet)";
        assert_eq!(history.matches(why).count(), 1, "{history}");
        assert_eq!(history.matches("did not reach us").count(), 4, "{history}");
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
