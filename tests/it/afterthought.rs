//! Second thoughts: corrections, retractions, reactions, replies to what is long past, typing, read markers, machines.

use crate::support::{scenario, scenario_on_any_server};

scenario_on_any_server!(a_corrected_question_is_answered_once_and_as_corrected);
scenario!(a_correction_is_answered_anew_only_if_nothing_came_after);
scenario!(nobody_corrects_or_retracts_another_s_line);
scenario!(a_retracted_question_is_not_answered_and_nobody_sees_it);
scenario!(thumbs_are_feedback_and_doubt_a_resolution);
scenario!(a_reply_to_an_older_ticket_continues_it_unless_another_lives);
scenario!(an_answer_waits_while_the_customer_types);
scenario!(the_newest_markable_line_is_marked_when_it_is_read);
scenario!(a_machine_that_answers_us_is_left_to_people);
scenario!(markdown_is_styled_on_the_wire_and_kept_in_the_database);

pub mod scenarios {
    use std::time::Duration;

    use deskbridge::helpdesk::Role;
    use jid::BareJid;
    use serde_json::Value;

    use crate::support::{
        client::{Client, body, chat_state},
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Rest, Setting, lines, token},
    };

    const MOMENT: Duration = Duration::from_millis(700);

    fn line(id: &str, text: &str, beside: &str) -> String {
        format!(
            "<message type='chat' to='{DESK}' id='{id}'><body>{text}</body>{beside}\
             <active xmlns='http://jabber.org/protocol/chatstates'/></message>"
        )
    }

    fn correction(id: &str, of: &str, text: &str) -> String {
        line(id, text, &format!("<replace xmlns='urn:xmpp:message-correct:0' id='{of}'/>"))
    }

    fn retraction(of: &str) -> String {
        format!(
            "<message type='chat' to='{DESK}' id='r-{of}'><retract xmlns='urn:xmpp:message-retract:1' id='{of}'/>\
             <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>\
             <body>/me took a message back, but your client does not know how</body></message>"
        )
    }

    fn reaction(to: &str, emoji: &str) -> String {
        format!(
            "<message type='chat' to='{DESK}' id='e-{to}'><reactions xmlns='urn:xmpp:reactions:0' id='{to}'>\
             <reaction>{emoji}</reaction></reactions><store xmlns='urn:xmpp:hints'/></message>"
        )
    }

    fn state(name: &str) -> String {
        format!("<message type='chat' to='{DESK}'><{name} xmlns='http://jabber.org/protocol/chatstates'/></message>")
    }

    fn texts(conversation: &Value) -> Vec<String> {
        lines(conversation).into_iter().map(|(_, text)| text).collect()
    }

    async fn conversation(rest: &Rest, ticket: &str) -> Value {
        rest.sync(&token(Role::Admin, "root"), ticket).await
    }

    pub async fn a_corrected_question_is_answered_once_and_as_corrected(server: &Server, database: Database) {
        let model = Model::start(Reply::Slow(Duration::from_millis(1500), "It is on its way.".into())).await;
        let app = Setting::new(server, &database, Some(&model)).start().await;
        let mut alice = Client::login(server, "alice", "phone").await;
        alice.send(&line("c1", "Where is order 17?", "")).await;
        // The draft has begun when the correction comes.
        eventually("the model is asked", || async { (!model.requests().is_empty()).then_some(()) }).await;
        alice.send(&correction("c2", "c1", "Where is order 18?")).await;
        assert_eq!(alice.answer_text().await, "It is on its way.");
        let came = alice.drain(MOMENT).await;
        assert!(came.iter().all(|stanza| body(stanza).is_none()), "{came:?}");
        let asked = model.requests().last().unwrap().to_string();
        assert!(asked.contains("order 18") && !asked.contains("order 17"), "{asked}");

        let seen = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(texts(&seen), ["Where is order 17?", "Where is order 18?", "It is on its way."]);
        assert_eq!((&seen["messages"][0]["superseded"], &seen["messages"][1]["edited"]), (&true.into(), &true.into()));
        assert_eq!(seen["subject"], "Where is order 18?");
        let own = app.rest.sync(&token(Role::Customer, "alice@localhost"), seen["ticket_id"].as_str().unwrap()).await;
        assert_eq!(texts(&own), ["Where is order 18?", "It is on its way."]);
        app.stop().await;
    }

    pub async fn a_correction_is_answered_anew_only_if_nothing_came_after(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Counted(Duration::ZERO)).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        for (id, text) in [("c1", "How much is green tea?"), ("c2", "And black tea?")] {
            alice.send(&line(id, text, "")).await;
            alice.answer().await;
        }
        // A second correction names the first version, or the one before it.
        alice.send(&correction("c3", "c2", "And white tea?")).await;
        alice.answer().await;
        alice.send(&correction("c4", "c2", "And red tea?")).await;
        alice.answer().await;
        alice.send(&correction("c5", "c4", "And blue tea?")).await;
        alice.answer().await;
        assert_eq!(model.requests().len(), 5);
        let asked = model.requests()[4].to_string();
        assert!(asked.contains("blue") && !asked.contains("black") && !asked.contains("white"), "{asked}");
        // The first question is long past.
        alice.send(&correction("c6", "c1", "How much is grey tea?")).await;
        alice.ping(DESK).await;
        let came = alice.drain(MOMENT).await;
        assert!(came.iter().all(|stanza| body(stanza).is_none()), "{came:?}");
        let seen = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(texts(&seen).last().unwrap(), "How much is grey tea?");
        assert_eq!(model.requests().len(), 5);
        app.stop().await;
    }

    pub async fn nobody_corrects_or_retracts_another_s_line(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Yes.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "phone").await;
        alice.send(&line("c1", "Mine", "")).await;
        let answer = alice.answer().await;
        bob.send(&correction("c2", "c1", "Not yours")).await;
        bob.answer().await;
        bob.send(&retraction("c1")).await;
        bob.send(&reaction(answer.attr("id").unwrap(), "👎")).await;
        bob.ping(DESK).await;
        let of_alice = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(texts(&of_alice), ["Mine", "Yes."]);
        assert!(of_alice["messages"][1]["reaction"].is_null(), "{of_alice:#}");
        // To a stranger's ear it is a new line.
        let of_bob = app.rest.ticket_in("bob@localhost", "PENDING").await;
        assert_eq!(texts(&of_bob), ["Not yours", "Yes."]);
        // A reply to another's message reaches no ticket but one's own.
        let quote = format!("<reply xmlns='urn:xmpp:reply:0' to='{DESK}' id='{}'/>", answer.attr("id").unwrap());
        bob.send(&line("c3", "And this?", &quote)).await;
        bob.answer().await;
        let of_bob = app.rest.ticket_in("bob@localhost", "PENDING").await;
        assert!(of_bob["messages"][2]["reply_to"].is_null(), "{of_bob:#}");
        app.stop().await;
    }

    pub async fn a_retracted_question_is_not_answered_and_nobody_sees_it(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Gladly.".into())).await;
        let app = Setting { quiet_window: "900ms", ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&line("t1", "My password is hunter2", "")).await;
        alice.send(&retraction("t1")).await;
        let seen = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(texts(&seen), [""]);
        assert_eq!(seen["messages"][0]["retracted"], true);
        assert!(!seen.to_string().contains("hunter2"), "{seen:#}");
        alice.drain(MOMENT * 2).await;
        assert!(model.requests().is_empty());
        // The older way to say it; and what is left is answered.
        alice.send(&line("t2", "How long does shipping take?", "")).await;
        alice.send(&line("t3", "I live at 7 Elm Street", "")).await;
        alice
            .send(&format!(
                "<message type='chat' to='{DESK}' id='r3'><apply-to xmlns='urn:xmpp:fasten:0' id='t3'>\
                 <retract xmlns='urn:xmpp:message-retract:0'/></apply-to></message>"
            ))
            .await;
        assert_eq!(alice.answer_text().await, "Gladly.");
        let asked = model.requests()[0].to_string();
        assert!(asked.contains("shipping") && !asked.contains("hunter2") && !asked.contains("Elm"), "{asked}");
        assert_eq!(model.requests().len(), 1);
        app.stop().await;
    }

    pub async fn thumbs_are_feedback_and_doubt_a_resolution(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Two days.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&line("q1", "How long?", "")).await;
        let answer = alice.answer().await.attr("id").unwrap().to_owned();
        alice.send(&reaction(&answer, "👎🏽")).await;
        let reacted = |emoji: &'static str| {
            let rest = &app.rest;
            async move {
                eventually("the reaction is stored", || async {
                    let seen = rest.ticket_in("alice@localhost", "PENDING").await;
                    (seen["messages"][1]["reaction"] == emoji).then_some(())
                })
                .await;
            }
        };
        reacted("👎🏽").await;
        alice.send(&reaction(&answer, "👍")).await;
        reacted("👍").await;

        let helpdesk = app.helpdesk.clone().unwrap();
        let customer = BareJid::new("alice@localhost").unwrap();
        let ticket = helpdesk.resolve_own("support", &customer).await.unwrap().unwrap().to_string();
        alice.answer().await;
        alice.send(&reaction(&answer, "❤️")).await;
        alice.ping(DESK).await;
        assert_eq!(conversation(&app.rest, &ticket).await["status"], "RESOLVED");
        alice.send(&reaction(&answer, "👎")).await;
        let doubted = app.rest.ticket_in("alice@localhost", "ESCALATED").await;
        assert_eq!(doubted["messages"][1]["reaction"], "👎");
        let sorry = "I am sorry that this did not help. A person will look at it. You are next in line.";
        assert_eq!(alice.answer_text().await, sorry);
        assert_eq!(model.requests().len(), 1);
        drop(helpdesk);
        app.stop().await;
    }

    pub async fn a_reply_to_an_older_ticket_continues_it_unless_another_lives(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Certainly.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let helpdesk = app.helpdesk.clone().unwrap();
        let customer = BareJid::new("alice@localhost").unwrap();
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&line("q1", "About tea", "")).await;
        let about_tea = alice.answer().await.attr("id").unwrap().to_owned();
        let first = helpdesk.resolve_own("support", &customer).await.unwrap().unwrap().to_string();
        alice.answer().await;
        let second = helpdesk.begin_anew("support", &customer, false).await.unwrap().to_string();
        assert_ne!(first, second);
        let reply = |id: &str, text: &str| {
            let quoted = format!("&gt; Certainly.\n{text}");
            line(
                id,
                &quoted,
                &format!(
                    "<reply xmlns='urn:xmpp:reply:0' to='{DESK}' id='{about_tea}'/>\
                     <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='13'/></fallback>"
                ),
            )
        };
        // One live ticket: a reply to the past is said in it.
        alice.send(&reply("q2", "More of that")).await;
        eventually("an answer in the live one", || async {
            let seen = conversation(&app.rest, &second).await;
            texts(&seen).contains(&"More of that".to_owned()).then_some(())
        })
        .await;
        let seen = conversation(&app.rest, &second).await;
        let said = seen["messages"].as_array().unwrap().iter().find(|message| message["content"] == "More of that");
        assert_eq!(said.unwrap()["reply_to"], *about_tea);
        eventually("it is answered", || async {
            (conversation(&app.rest, &second).await["status"] == "PENDING").then_some(())
        })
        .await;
        // None lives: the old one goes on.
        helpdesk.resolve_own("support", &customer).await.unwrap().unwrap();
        alice.send(&reply("q3", "Again about tea")).await;
        eventually("the old one goes on", || async {
            let seen = conversation(&app.rest, &first).await;
            (seen["status"] == "PENDING" && texts(&seen).contains(&"Again about tea".to_owned())).then_some(())
        })
        .await;
        assert_eq!(conversation(&app.rest, &second).await["status"], "RESOLVED");
        // And is the conversation's live one from then on.
        alice.send(&line("q4", "Without a quote", "")).await;
        eventually("it is in the old one", || async {
            texts(&conversation(&app.rest, &first).await).contains(&"Without a quote".to_owned()).then_some(())
        })
        .await;
        drop(helpdesk);
        app.stop().await;
    }

    pub async fn an_answer_waits_while_the_customer_types(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("All at once.".into())).await;
        let app = Setting { quiet_window: "800ms", ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&line("q1", "Hello", "")).await;
        alice.send(&state("composing")).await;
        let early = alice.wait_for(Duration::from_secs(3), |stanza| body(stanza).is_some()).await;
        assert!(early.is_none(), "{early:?}");
        assert!(model.requests().is_empty());
        // A thought better of; the answer need not wait any longer.
        alice.send(&state("paused")).await;
        let began = tokio::time::Instant::now();
        alice.answer().await;
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        app.stop().await;
    }

    pub async fn the_newest_markable_line_is_marked_when_it_is_read(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Yes.".into())).await;
        let app = Setting { quiet_window: "500ms", ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let markable = "<markable xmlns='urn:xmpp:chat-markers:0'/>";
        for id in ["m1", "m2"] {
            alice.send(&line(id, "Hello", markable)).await;
        }
        let answer = alice.answer().await;
        // A marker is no question, and is not answered by a marker.
        let id = answer.attr("id").unwrap();
        alice
            .send(&format!(
                "<message type='chat' to='{DESK}' id='d1'><displayed xmlns='urn:xmpp:chat-markers:0' id='{id}'/></message>"
            ))
            .await;
        alice.ping(DESK).await;
        let marks = |stanzas: Vec<xmpp_parsers::minidom::Element>| -> Vec<String> {
            let marker = |stanza: &xmpp_parsers::minidom::Element| {
                stanza.get_child("displayed", "urn:xmpp:chat-markers:0")?.attr("id").map(str::to_owned)
            };
            stanzas.iter().filter_map(marker).collect()
        };
        assert_eq!(marks(alice.drain(MOMENT).await), ["m2"]);
        alice.send(&line("m3", "Who does not want to know is not told", "")).await;
        alice.answer().await;
        assert!(marks(alice.drain(MOMENT).await).is_empty());

        // An agent who replies has read it, too.
        let seen = app.rest.ticket_in("alice@localhost", "PENDING").await;
        let ticket = seen["ticket_id"].as_str().unwrap();
        let agent = token(Role::Agent, "eve");
        let path = format!("/api/v1/xmpp/tickets/{ticket}/messages");
        app.rest.post(&agent, &path, &serde_json::json!({ "content": "I take over." })).await;
        alice.answer().await;
        alice.send(&line("m4", "Thank you, Eve, but", markable)).await;
        alice.ping(DESK).await;
        assert!(marks(alice.drain(MOMENT).await).is_empty());
        for text in ["Yes?", "Still there?"] {
            app.rest.post(&agent, &path, &serde_json::json!({ "content": text })).await;
            alice.answer().await;
        }
        assert_eq!(marks(alice.drain(MOMENT).await), ["m4"]);
        app.stop().await;
    }

    pub async fn a_machine_that_answers_us_is_left_to_people(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("How can I help?".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut machine = Client::login(&server, "alice", "bot").await;
        machine.send(&line("a0", "I am out of office.", "")).await;
        let mut heard = 0;
        while let Some(_answer) = machine.wait_for(Duration::from_secs(3), |stanza| body(stanza).is_some()).await {
            heard += 1;
            assert!(heard < 10, "it goes on and on");
            machine.send(&line(&format!("a{heard}"), "I am out of office.", "")).await;
        }
        assert_eq!(heard, 3);
        let seen = app.rest.ticket_in("alice@localhost", "ESCALATED").await;
        let notes: Vec<&Value> =
            seen["messages"].as_array().unwrap().iter().filter(|message| message["visibility"] == "internal").collect();
        assert_eq!(notes.len(), 1, "{seen:#}");
        assert!(notes[0]["content"].as_str().unwrap().contains("program"), "{notes:?}");
        app.stop().await;
    }

    pub async fn markdown_is_styled_on_the_wire_and_kept_in_the_database(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let markdown = "## Shipping\n\n**Two** days for 2*3*4 boxes:\n\n- `a_b*c`\n- __all__ others";
        let model = Model::start(Reply::Answer(markdown.into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&line("q1", "How long?", "")).await;
        let answer = alice.answer().await;
        assert_eq!(body(&answer).unwrap(), "*Shipping*\n\n*Two* days for 2*3*4 boxes:\n\n• `a_b*c`\n• __all__ others");
        assert_eq!(chat_state(&answer), Some("active"));
        let seen = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(texts(&seen)[1], markdown);
        app.stop().await;
    }
}

/// The same, by a client library that we did not write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_library_client_corrects_replies_reacts_and_takes_back() {
    use crate::support::{
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Setting, lines},
    };

    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/setup test", python.display());
    let server = Server::start(Kind::Prosody).await;
    let database = Database::sqlite();
    let model = Model::start(Reply::Answer("It is on its way.".into())).await;
    let app = Setting { quiet_window: "1s", ..Setting::new(&server, &database, Some(&model)) }.start().await;
    let mut talk = std::process::Command::new(python);
    let port = server.client_port.to_string();
    talk.arg(root.join("tests/clients/slixmpp_afterthought.py"));
    talk.args(["127.0.0.1", &port, "alice@localhost/slixmpp", "pw", DESK]);
    // It bounds its own waiting.
    let output = tokio::task::spawn_blocking(move || talk.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();

    let retracted = || async {
        let seen = app.rest.ticket_in("alice@localhost", "PENDING").await;
        let is_retracted = seen["messages"].as_array().unwrap().iter().any(|message| message["retracted"] == true);
        is_retracted.then_some(seen)
    };
    let seen = eventually("the card number is gone", retracted).await;
    let texts: Vec<String> = lines(&seen).into_iter().map(|(_, text)| text).collect();
    assert_eq!(
        texts,
        ["Where is order 17?", "Where is order 18?", "It is on its way.", "And order 19?", "It is on its way.", ""]
    );
    let messages = seen["messages"].as_array().unwrap();
    assert_eq!((&messages[0]["superseded"], &messages[1]["edited"]), (&true.into(), &true.into()));
    assert_eq!(messages[2]["id"], said["answers"][0]);
    assert_eq!(messages[2]["reaction"], "👍🏽");
    assert_eq!(messages[3]["reply_to"], said["answers"][0]);
    assert_eq!(said["marked"], said["ids"][1]);
    assert_eq!(model.requests().len(), 2);
    assert!(!model.requests().iter().any(|asked| asked.to_string().contains("order 17")));
    app.stop().await;
}
