//! The assistant for agents: suggestions and summaries, made once for each state of the conversation.

use crate::support::scenario;

scenario!(two_agents_who_ask_at_once_make_one_call);
scenario!(what_was_made_is_kept_until_the_conversation_changes);
scenario!(only_a_desks_staff_is_helped);
scenario!(a_model_that_is_down_is_told_and_changes_nothing);
scenario!(without_a_model_pages_are_quoted_and_rules_sum_up);
scenario!(a_suggestion_never_answers_a_line_that_it_has_not_seen);
scenario!(a_page_for_agents_helps_an_agent_and_stays_with_the_staff);
scenario!(an_agent_asks_in_the_chat_and_sends_what_was_suggested);

mod scenarios {
    use std::{sync::Arc, time::Duration};

    use deskbridge::helpdesk::{Caller, Line, Role};
    use deskbridge_entity::{copilot, message::Author};
    use serde_json::{Value, json};
    use tokio::{sync::Notify, time};
    use xmpp_parsers::minidom::Element;

    use crate::support::{
        PATIENCE,
        client::{Client, body, chat_state},
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{Answer, DESK, Rest, Running, Setting, agent_of, lines, program, token},
    };

    const HUMAN: &str = "My kettle leaks. I want to talk to a person!";

    /// A ticket of Alice's that waits for a person: the model was not asked.
    async fn waiting(app: &Running, alice: &mut Client) -> String {
        alice.say(DESK, HUMAN).await;
        alice.answer().await;
        app.rest.ticket_in("alice@localhost", "ESCALATED").await["ticket_id"].as_str().unwrap().to_owned()
    }

    async fn ask(rest: &Rest, token: &str, ticket: &str, what: &str, input: Value) -> Answer {
        rest.post(token, &format!("/api/v1/xmpp/tickets/{ticket}/{what}"), &input).await
    }

    /// A suggestion for Eve, which there must be: its text, and whether it was there already.
    async fn suggested(rest: &Rest, ticket: &str, input: Value) -> (String, bool) {
        let answer = ask(rest, &token(Role::Agent, "eve"), ticket, "suggestion", input).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        (answer.json["text"].as_str().unwrap().to_owned(), answer.json["cached"].as_bool().unwrap())
    }

    pub async fn two_agents_who_ask_at_once_make_one_call(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let gate = Arc::new(Notify::new());
        let model = Model::start(Reply::Gated(Arc::clone(&gate), "We send a new lid [1].".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let ticket = waiting(&app, &mut alice).await;
        let agents = ["eve", "max", "noor", "ida"].map(|name| token(Role::Agent, name));
        let asking = agents.iter().map(|agent| ask(&app.rest, agent, &ticket, "suggestion", json!({})));
        let release = async {
            eventually("the model is asked", || async { (!model.requests().is_empty()).then_some(()) }).await;
            // All four have asked by then, or find it done.
            gate.notify_one();
        };
        let (answers, ()) = futures::join!(futures::future::join_all(asking), release);
        for answer in &answers {
            assert_eq!(answer.status, 200, "{}", answer.json);
            assert_eq!(answer.json["id"], answers[0].json["id"]);
            assert_eq!((&answer.json["text"], &answer.json["source"]), (&json!("We send a new lid."), &json!("model")));
            assert_eq!(answer.json["kind"], "suggestion");
        }
        let again = ask(&app.rest, &agents[1], &ticket, "suggestion", json!({})).await.json;
        assert_eq!((&again["cached"], &again["id"]), (&json!(true), &answers[0].json["id"]));
        assert_eq!(model.requests().len(), 1);
        // And it is noted what it cost.
        let usage = |query: &'static str| app.rest.get(&agents[0], query);
        let noted = usage("/api/v1/xmpp/usage?desk=support").await.json;
        assert_eq!(noted.as_array().map(Vec::len), Some(1), "{noted}");
        for (name, value) in [("desk", json!("support")), ("model", json!("scripted")), ("calls", json!(1))] {
            assert_eq!(noted[0][name], value, "{noted}");
        }
        assert_eq!((&noted[0]["prompt_tokens"], &noted[0]["completion_tokens"]), (&json!(10), &json!(5)));
        assert_eq!(usage("/api/v1/xmpp/usage").await.json, noted);
        assert_eq!(usage("/api/v1/xmpp/usage?desk=billing").await.json, json!([]));
        assert_eq!(usage("/api/v1/xmpp/usage?from=2020-01-01&to=2020-12-31").await.json, json!([]));
        for query in ["from=2020-01-01", "from=x", "to=9999-01-01", "from=2021-01-02&to=2021-01-01", "day=2020-01-01"] {
            let answer = app.rest.get(&agents[0], &format!("/api/v1/xmpp/usage?{query}")).await;
            assert_eq!(answer.status, 400, "{query}: {}", answer.json);
        }
        // Nobody but the agents has seen it.
        assert_eq!(lines(&app.rest.ticket_in("alice@localhost", "ESCALATED").await).len(), 3);
        app.stop().await;
    }

    pub async fn what_was_made_is_kept_until_the_conversation_changes(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Counted(Duration::ZERO)).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let rest = &app.rest;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let ticket = waiting(&app, &mut alice).await;
        let (eve, path) = (token(Role::Agent, "eve"), format!("/api/v1/xmpp/tickets/{ticket}"));
        let (mut known, cached) = suggested(rest, &ticket, json!({})).await;
        assert!(!cached);
        // Tags, priority and a claim are no part of what was said.
        for (what, input) in
            [("tags", json!({ "tags": ["leak"] })), ("priority", json!({ "priority": "HIGH" })), ("claim", json!({}))]
        {
            assert_eq!(rest.post(&eve, &format!("{path}/{what}"), &input).await.status, 200);
            assert_eq!(suggested(rest, &ticket, json!({})).await, (known.clone(), true), "{what}");
        }
        for (what, stanza) in [
            ("a line", "<message type='chat' to='{DESK}' id='a'><body>It is red</body></message>"),
            (
                "a correction",
                "<message type='chat' to='{DESK}' id='b'><body>It is green</body>\
                 <replace xmlns='urn:xmpp:message-correct:0' id='a'/></message>",
            ),
            (
                "a retraction",
                "<message type='chat' to='{DESK}' id='c'><retract xmlns='urn:xmpp:message-retract:1' id='a'/></message>",
            ),
        ] {
            alice.send(&stanza.replace("{DESK}", DESK)).await;
            let (text, seen) = eventually(&format!("{what} makes another"), || async {
                Some(suggested(rest, &ticket, json!({})).await).filter(|(text, _)| *text != known)
            })
            .await;
            assert!(!seen, "{what}");
            assert_eq!(suggested(rest, &ticket, json!({})).await, (text.clone(), true), "{what}");
            known = text;
        }
        assert!(!model.requests().last().unwrap().to_string().contains("It is green"), "it was taken back");
        assert_eq!(rest.post(&eve, &format!("{path}/notes"), &json!({ "content": "Broken seal" })).await.status, 200);
        let (text, cached) = suggested(rest, &ticket, json!({})).await;
        assert!(text != known && !cached);
        let request = model.requests().last().unwrap().to_string();
        assert!(request.contains("<note>\\nBroken seal\\n</note>"), "{request}");

        // What the agent wants to say makes it another one.
        let hint = json!({ "hint": " Ask for a photo " });
        let (hinted, cached) = suggested(rest, &ticket, hint.clone()).await;
        assert!(hinted != text && !cached);
        assert_eq!(model.asked("Ask for a photo"), 1);
        assert_eq!(suggested(rest, &ticket, hint).await, (hinted, true));
        assert_eq!(suggested(rest, &ticket, json!({})).await, (text, true));
        let too_long = ask(rest, &eve, &ticket, "suggestion", json!({ "hint": "x".repeat(501) })).await;
        assert_eq!((too_long.status, &too_long.json["error"]["code"]), (422, &json!("INVALID")));

        // A summary is another thing, and needs no body at all.
        let before = model.requests().len();
        for cached in [false, true] {
            let request = rest.request(reqwest::Method::POST, &format!("{path}/summary")).bearer_auth(&eve);
            let summary = rest.ask(request).await;
            assert_eq!((summary.status, &summary.json["cached"]), (200, &json!(cached)), "{}", summary.json);
            assert_eq!((&summary.json["kind"], &summary.json["citations"]), (&json!("summary"), &json!([])));
        }
        assert_eq!(model.requests().len(), before + 1);
        // Nothing stays of what was made for an older state, and nothing of it when the customer goes.
        let kept: Vec<_> = database.find("Answer ").await;
        assert_eq!(kept.iter().filter(|row| row.starts_with("copilot")).count(), 3, "{kept:?}");
        alice.say(DESK, "/erase confirm").await;
        eventually("it is gone", || async { database.find("Answer ").await.is_empty().then_some(()) }).await;
        app.stop().await;
    }

    pub async fn only_a_desks_staff_is_helped(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("No.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let ticket = waiting(&app, &mut alice).await;
        for (who, token, status) in [
            ("the customer", token(Role::Customer, "alice@localhost"), 403),
            ("another customer", token(Role::Customer, "bob@localhost"), 403),
            ("a program", program(&["tickets:read", "tickets:write"]), 403),
            ("another desk's agent", agent_of("billing"), 404),
            ("nobody", "nonsense".to_owned(), 401),
        ] {
            for what in ["suggestion", "summary"] {
                let answer = ask(&app.rest, &token, &ticket, what, json!({})).await;
                assert_eq!(answer.status, status, "{who}: {}", answer.json);
            }
        }
        assert_eq!(model.requests().len(), 0);
        app.stop().await;
    }

    pub async fn a_model_that_is_down_is_told_and_changes_nothing(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Raw("{}")).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let ticket = waiting(&app, &mut alice).await;
        let (admin, path) = (token(Role::Admin, "root"), format!("/api/v1/xmpp/tickets/{ticket}"));
        let before = app.rest.get(&admin, &path).await.json;
        for what in ["suggestion", "summary"] {
            let answer = ask(&app.rest, &admin, &ticket, what, json!({})).await;
            assert_eq!((answer.status, &answer.json["error"]["code"]), (503, &json!("UNAVAILABLE")), "{}", answer.json);
            let message = answer.json["error"]["message"].as_str().unwrap();
            assert!(message.contains("the model failed: ") && message.contains("no choices"), "{message}");
        }
        assert_eq!(app.rest.get(&admin, &path).await.json, before);
        // Who asks again has it tried again.
        model.always(Reply::Answer("Try https://evil.example/x to turn it off.".into()));
        let answer = ask(&app.rest, &admin, &ticket, "suggestion", json!({})).await;
        assert_eq!((answer.status, &answer.json["cached"]), (200, &json!(false)), "{}", answer.json);
        assert_eq!(answer.json["text"], "Try to turn it off.");
        assert_eq!(app.rest.get(&admin, &path).await.json, before);
        app.stop().await;
    }

    pub async fn without_a_model_pages_are_quoted_and_rules_sum_up(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "How long is a gift card valid? I want to talk to a person!").await;
        alice.answer().await;
        let ticket = app.rest.ticket_in("alice@localhost", "ESCALATED").await["ticket_id"].as_str().unwrap().to_owned();
        let eve = token(Role::Agent, "eve");
        let suggestion = ask(&app.rest, &eve, &ticket, "suggestion", json!({ "hint": "gift card valid" })).await.json;
        assert_eq!(suggestion["source"], "rules", "{suggestion}");
        assert!(suggestion["text"].as_str().unwrap().contains("gift card"), "{suggestion}");
        assert!(suggestion["citations"][0]["title"].as_str().unwrap().contains("ift card"), "{suggestion}");
        assert!(suggestion["citations"][0]["url"].as_str().unwrap().starts_with("https://"), "{suggestion}");
        let summary = ask(&app.rest, &eve, &ticket, "summary", json!({})).await.json;
        let text = summary["text"].as_str().unwrap();
        assert!(text.starts_with("Issue: ") && text.contains("Tried so far: nothing was answered yet"), "{text}");
        assert_eq!(summary["source"], "rules");
        // What no page says is not made up.
        app.rest.reply(&ticket, "Three years.").await;
        alice.say(DESK, "Do you repair bicycles?").await;
        eventually("the line is there", || async {
            let said = lines(&app.rest.sync_as_agent(&ticket).await);
            said.iter().any(|(_, text)| text.contains("bicycles")).then_some(())
        })
        .await;
        let nothing = ask(&app.rest, &eve, &ticket, "suggestion", json!({})).await.json;
        assert_eq!((&nothing["text"], &nothing["citations"]), (&json!(""), &json!([])), "{nothing}");
        app.stop().await;
    }

    pub async fn a_suggestion_never_answers_a_line_that_it_has_not_seen(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { limits: false, ..Setting::new(&server, &database, None) }.start().await;
        let helpdesk = app.helpdesk.as_ref().unwrap();
        let (customer, eve) = (
            "ann@example.com".parse::<jid::BareJid>().unwrap(),
            Caller { id: "eve".into(), name: None, role: Role::Agent, desks: None, scopes: vec![] },
        );
        let line = |body: String| {
            let line = Line::plain("support".into(), customer.clone(), None, body);
            async { helpdesk.receive(line).await.unwrap().await.unwrap() }
        };
        let ticket = line("How long is a gift card valid?".into()).await.ticket;
        helpdesk.claim(&eve, ticket, None).await.unwrap();
        let (mut sent, mut refused) = (0, 0);
        for round in 0..40 {
            let asked = helpdesk.ask_copilot(&eve, ticket, copilot::Kind::Suggestion, None, PATIENCE).await.unwrap();
            let question = format!("Is it valid for a gift card of round {round}?");
            let sending = async {
                // Now the one is first, now the other.
                time::sleep(Duration::from_micros(round * 50)).await;
                helpdesk.send_suggestion(&eve, ticket, asked.row.id).await
            };
            let (outcome, _) = futures::join!(sending, line(question.clone()));
            let said = helpdesk.conversation(&eve, ticket, None).await.unwrap().messages;
            let place = said.iter().position(|message| message.body == question).unwrap();
            let is_answered = said[place..].iter().any(|message| message.author == Author::Agent);
            assert!(!is_answered, "round {round}: {outcome:?}");
            *(if outcome.is_ok() { &mut sent } else { &mut refused }) += 1;
        }
        assert!(sent + refused == 40 && refused > 0, "{sent} sent, {refused} refused");
        app.stop().await;
    }

    pub async fn a_page_for_agents_helps_an_agent_and_stays_with_the_staff(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let pages = tempfile::TempDir::new().unwrap();
        let page = "---\ntitle: Lids\nurl: https://intern.example/lids\naudience: agents\n---\n\
            A new lid does cost 4 euro. Who wants it cheaper may want to talk to a person.";
        std::fs::write(pages.path().join("lids.md"), page).unwrap();
        let model = Model::start(Reply::Answer("4 euro [1], see https://intern.example/lids.".into())).await;
        let setting =
            |model| Setting { knowledge: Some(pages.path().to_owned()), ..Setting::new(&server, &database, model) };
        let app = setting(Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "What does a new lid cost? I want to talk to a person!").await;
        alice.answer().await;
        let ticket = app.rest.ticket_in("alice@localhost", "ESCALATED").await["ticket_id"].as_str().unwrap().to_owned();
        let eve = token(Role::Agent, "eve");
        let made = ask(&app.rest, &eve, &ticket, "suggestion", json!({})).await.json;
        assert_eq!(made["text"], "4 euro, see.", "{made}");
        let source = json!([{ "title": "Lids", "url": "https://intern.example/lids", "internal": true }]);
        assert_eq!(made["citations"], source, "{made}");
        app.stop().await;
        // Pages are quoted as they are: those for agents not at all.
        let app = setting(None).start().await;
        let made = ask(&app.rest, &eve, &ticket, "suggestion", json!({ "hint": "the price" })).await.json;
        assert_eq!((&made["text"], &made["citations"]), (&json!(""), &json!([])), "{made}");
        app.stop().await;
    }

    /// What a ticket's address tells next.
    async fn told(bob: &mut Client, address: &str) -> String {
        let stanza = bob
            .expect("a word of the ticket", |stanza| stanza.attr("from") == Some(address) && body(stanza).is_some())
            .await;
        body(&stanza).unwrap()
    }

    pub async fn an_agent_asks_in_the_chat_and_sends_what_was_suggested(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let gate = Arc::new(Notify::new());
        let model = Model::start(Reply::Answer("We send a new lid.".into())).await;
        let desk = "agents = [{ jid = \"bob@localhost\", name = \"Bob\" }]\n".to_owned();
        let app = Setting { desk, ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let ticket = waiting(&app, &mut alice).await.replace('-', "");
        let address = format!("t-{}@help.localhost", &ticket[20..]);
        let mut bob = Client::login(&server, "bob", "desk").await;
        bob.say(&address, "/send").await;
        assert!(told(&mut bob, &address).await.contains("there is no suggestion to send"));

        // While the model works, the agent's other lines go through.
        model.then(Reply::Gated(Arc::clone(&gate), "We send a new lid.".into()));
        let slow = bob.say(&address, "/suggest").await;
        let is_typing =
            |stanza: &Element| stanza.attr("from") == Some(&address) && chat_state(stanza) == Some("composing");
        bob.expect("it is being made", is_typing).await;
        // What the agent says before the model is asked, it is asked with.
        eventually("the model is asked", || async { (!model.requests().is_empty()).then_some(()) }).await;
        bob.say(&address, "One moment, please.").await;
        assert_eq!(alice.answer_text().await, "One moment, please.");
        gate.notify_one();
        bob.receipt(&slow).await;
        let text = told(&mut bob, &address).await;
        assert!(text.starts_with("A suggestion, not sent:\n\nWe send a new lid.\n\n/send sends it"), "{text}");
        // It was made before that line.
        bob.say(&address, "/send").await;
        assert!(told(&mut bob, &address).await.starts_with("Not done: the conversation went on since"));
        bob.say(&address, "/suggest Say that it is free").await;
        assert!(told(&mut bob, &address).await.contains("We send a new lid."));
        assert_eq!(model.asked("Say that it is free"), 1);
        alice.say(DESK, "It is urgent").await;
        assert_eq!(told(&mut bob, &address).await, "It is urgent");
        bob.say(&address, "/send").await;
        assert!(told(&mut bob, &address).await.starts_with("Not done: the conversation went on since"));
        bob.say(&address, "/suggest").await;
        told(&mut bob, &address).await;
        let send = bob.say(&address, "/send").await;
        bob.receipt(&send).await;
        assert_eq!(told(&mut bob, &address).await, "Sent to the customer.");
        assert_eq!(alice.answer_text().await, "We send a new lid.");
        // The same stanza again is confirmed, and that is all: what follows is the next answer.
        bob.say_as(&send, &address, "/send").await;
        bob.receipt(&send).await;

        model.always(Reply::Answer("Issue: a leak.\nNext step: send a lid.".into()));
        bob.say(&address, "/summary").await;
        let text = told(&mut bob, &address).await;
        assert!(
            text.starts_with("Subject: ") && text.ends_with("\n\nIssue: a leak.\nNext step: send a lid."),
            "{text}"
        );
        model.always(Reply::Raw("{}"));
        bob.say(&address, "//made in 2020").await;
        bob.say(&address, "/summary").await;
        let text = told(&mut bob, &address).await;
        assert!(text.starts_with("Subject: ") && text.contains("\n\nThere is no summary: "), "{text}");
        // Alice saw nothing of all that but what was sent.
        let seen: Vec<_> = alice.drain(Duration::from_millis(200)).await.iter().filter_map(body).collect();
        assert_eq!(seen, Vec::<String>::new());

        // The ad-hoc twin waits for the model, too, and tells in its form.
        model.always(Reply::Answer("Anything else?".into()));
        let command = "<command xmlns='http://jabber.org/protocol/commands' node='summary' action='execute'/>";
        let answer = String::from(&bob.ask(&address, "set", command).await);
        assert!(answer.contains("completed") && answer.contains("Anything else?"), "{answer}");
        app.stop().await;
    }
}
