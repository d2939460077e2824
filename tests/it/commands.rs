//! Commands: by forms with a client library that we did not write (XEP-0050), by plain words, and what nobody may.

use crate::support::{scenario, scenario_on_any_server};

scenario_on_any_server!(a_customer_uses_forms);
scenario_on_any_server!(an_agent_uses_forms);
scenario!(words_do_the_same_for_a_customer);
scenario!(words_do_the_same_for_an_agent);
scenario!(nobody_gets_what_is_not_theirs);
scenario!(an_erased_customer_is_gone_and_begins_anew);
scenario!(a_burst_of_forms_delays_nobody_else);
scenario!(a_long_export_comes_in_parts_and_once_in_a_while);

pub mod scenarios {
    use std::{path::Path, process::Command, time::Duration};

    use deskbridge::helpdesk::{Caller, NewAgent, Role};
    use serde_json::{Value, json};
    use xmpp_parsers::minidom::Element;

    use crate::support::{
        client::{Client, body, error_condition},
        component,
        database::Database,
        eventually,
        server::{ELSEWHERE, Kind, Server},
        stage::{DESK, Running, Setting, lines, token},
    };

    const COMMANDS: &str = "http://jabber.org/protocol/commands";

    /// What slixmpp makes of these steps.
    async fn steps(server: &Server, name: &str, steps: Value) -> Vec<Value> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join(".venv/bin/python");
        assert!(python.exists(), "{} is missing: run scripts/setup test", python.display());
        let mut person = Command::new(python);
        let port = server.client_port.to_string();
        person.arg(root.join("tests/clients/slixmpp_commands.py"));
        person.args(["127.0.0.1", &port, &format!("{name}@localhost/slixmpp"), "pw", &steps.to_string()]);
        // It bounds its own waiting.
        let output = tokio::task::spawn_blocking(move || person.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn run(node: &str) -> Value {
        json!({ "run": node, "at": DESK })
    }

    fn fill(node: &str, at: &str, values: Value) -> Value {
        json!({ "run": node, "at": at, "fill": values })
    }

    /// The only note of a command that is over.
    fn note(result: &Value) -> &str {
        assert_eq!(result["status"], "completed", "{result}");
        assert_eq!(result["notes"].as_array().map(Vec::len), Some(1), "{result}");
        assert_eq!(result["notes"][0][0], "info", "{result}");
        result["notes"][0][1].as_str().unwrap()
    }

    fn text(result: &Value) -> &str {
        assert_eq!(result["status"], "completed", "{result}");
        result["text"].as_str().unwrap_or_else(|| panic!("{result}"))
    }

    /// Bob is an agent of this desk, Carol of the other one.
    async fn staffed(setting: &mut Setting<'_>) -> Running {
        setting.desk = "agents = [{ jid = \"bob@localhost\", name = \"Bob\" }]\n".to_owned();
        let app = setting.start().await;
        let root = Caller { id: "root".into(), name: None, role: Role::Admin, desks: None, scopes: vec![] };
        let carol = NewAgent {
            id: "carol".to_owned(),
            jid: Some("carol@localhost".parse().unwrap()),
            name: None,
            desks: Some(vec!["billing".to_owned()]),
            is_admin: false,
            duty: deskbridge_entity::agent::Duty::Off,
        };
        app.helpdesk.as_ref().unwrap().bind_agent(&root, carol).await.unwrap();
        app
    }

    /// The short address of the only ticket of `jid`, once it is in this state.
    async fn ticket_address(app: &Running, jid: &str, status: &str) -> String {
        let ticket = app.rest.ticket_in(jid, status).await["ticket_id"].as_str().unwrap().replace('-', "");
        format!("t-{}@help.localhost", &ticket[20..])
    }

    pub async fn a_long_export_comes_in_parts_and_once_in_a_while(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app =
            Setting { limits: false, quiet_window: "60s", ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let id = alice.say(DESK, "How are you?").await;
        alice.receipt(&id).await;
        let token = token(Role::Customer, "alice@localhost");
        let ticket = app.rest.tickets(&token).await[0]["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/xmpp/tickets/{ticket}/messages");
        for number in 0..10 {
            let text = format!("{number} {}", "tea ".repeat(10_000));
            assert_eq!(app.rest.post(&token, &path, &json!({ "content": text })).await.status, 201);
        }
        alice.say(DESK, "/export").await;
        let mut export = String::new();
        for _ in 0..10 {
            export += &alice.answer_text().await;
        }
        let numbers: Vec<_> = (0..10).map(|number| export.find(&format!(" customer: {number} tea"))).collect();
        assert!(numbers.is_sorted() && numbers[0].is_some(), "{numbers:?}");
        alice.say(DESK, "/export").await;
        let refused = alice.answer_text().await;
        assert!(refused.starts_with("You were sent everything a moment ago"), "{}", refused.len());
        app.clock.advance(Duration::from_mins(6));
        alice.say(DESK, "/export").await;
        assert!(alice.answer_text().await.contains("How are you?"));
        app.stop().await;
    }

    /// Eight forms of one JID, then eight of each of thirty.
    pub async fn a_burst_of_forms_delays_nobody_else(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { limits: false, ..Setting::new(&server, &database, None) }.start().await;
        let mut mallory = component::connect(&server, ELSEWHERE).await;
        let mut bob = Client::login(&server, "bob", "phone").await;
        let status = format!("<command xmlns='{COMMANDS}' node='status'/>");
        let token = token(Role::Customer, "bob@localhost");
        for people in [1, 30] {
            let burst: String = (0..8 * people)
                .map(|number| {
                    let from = format!("user{}@{ELSEWHERE}/x", number % people);
                    format!("<iq type='set' id='{number}' from='{from}' to='{DESK}'>{status}</iq>")
                })
                .collect();
            mallory.send(&burst).await;
            for _ in 0..3 {
                let reply = bob.ask(DESK, "set", &status).await;
                assert_eq!(reply.attr("type"), Some("result"), "{}", String::from(&reply));
                app.rest.tickets(&token).await;
                app.rest.healthy().await;
            }
            for _ in 0..8 * people {
                mallory.expect("an answer", |stanza| stanza.name() == "iq").await;
            }
        }
        app.stop().await;
    }

    pub async fn a_customer_uses_forms(server: &Server, database: Database) {
        // The assistant must not get between two forms, however slow they are.
        let app = Setting { quiet_window: "60s", ..Setting::new(server, &database, None) }.start().await;
        let seen = steps(
            server,
            "alice",
            json!([
                { "list": DESK },
                run("help"),
                run("status"),
                run("tickets"),
                run("resolve"),
                fill("new", DESK, json!({ "message": "My parcel is late <3" })),
                fill("human", DESK, json!({})),
                run("status"),
                run("tickets"),
                run("export"),
                run("resolve"),
                run("status"),
                { "run": "erase", "at": DESK, "cancel": true },
                fill("erase", DESK, json!({ "sure": "0" })),
                fill("erase", DESK, json!({ "sure": "1" })),
                run("tickets"),
                run("queue"),
                run("no-such-command"),
            ]),
        )
        .await;
        let nodes: Vec<_> = seen[0].as_array().unwrap().iter().map(|item| item[0].as_str().unwrap()).collect();
        assert_eq!(nodes, ["erase", "export", "help", "human", "new", "reopen", "resolve", "status", "tickets"]);
        assert_eq!(seen[0][3][1], "Talk to a person");
        assert!(text(&seen[1]).contains("\n/human: talk to a person\n"), "{}", seen[1]);
        assert_eq!(note(&seen[2]), "There is no open conversation. Just write to begin one.");
        assert_eq!(note(&seen[3]), "You have no conversations with us.");
        assert_eq!(note(&seen[4]), "There is no open conversation. Just write to begin one.");
        assert_eq!(seen[5]["asked"], json!({ "message": "text-multi" }));
        // It has been said what it is about.
        assert_eq!(note(&seen[5]), "This is a new conversation.");
        assert_eq!(note(&seen[6]), "Done. A person will answer you in the chat.");
        let standing = note(&seen[7]);
        assert!(
            standing.starts_with("“My parcel is late <3”: waiting for a person. You are next in line."),
            "{standing}"
        );
        assert!(note(&seen[8]).ends_with(": My parcel is late <3 (waiting for a person)"), "{}", seen[8]);
        let export = text(&seen[9]);
        assert!(export.starts_with("Tea Support: My parcel is late <3 (waiting for a person)\n"), "{export}");
        assert!(export.contains("] customer: My parcel is late <3\n"), "{export}");
        // The note for the agent is none of the customer's.
        assert!(export.contains("] system: A person will answer") && !export.contains("Next step"), "{export}");
        assert!(note(&seen[10]).starts_with("Marked as resolved."));
        assert!(note(&seen[11]).starts_with("“My parcel is late <3”: resolved."), "{}", seen[11]);
        assert_eq!(seen[12]["status"], "canceled");
        assert_eq!(seen[13]["asked"], json!({ "sure": "boolean" }));
        assert_eq!(note(&seen[13]), "Nothing was erased.");
        assert_eq!(note(&seen[14]), "Everything is erased. Conversations: 1.");
        assert_eq!(note(&seen[15]), "You have no conversations with us.");
        assert_eq!(seen[16]["error"], "forbidden");
        assert_eq!(seen[17]["error"], "item-not-found");
        app.stop().await;
    }

    pub async fn an_agent_uses_forms(server: &Server, database: Database) {
        let mut setting = Setting::new(server, &database, None);
        let app = staffed(&mut setting).await;
        let mut alice = Client::login(server, "alice", "phone").await;
        alice.say(DESK, "/human My parcel is late").await;
        let ticket = &*ticket_address(&app, "alice@localhost", "ESCALATED").await;
        let at = |node: &str| json!({ "run": node, "at": ticket });
        let seen = steps(
            server,
            "bob",
            json!([
                { "list": DESK },
                { "list": ticket },
                run("queue"),
                run("mine"),
                fill("duty", DESK, json!({ "duty": "on" })),
                fill("duty", DESK, json!({ "duty": "perhaps" })),
                at("claim"),
                run("mine"),
                fill("note", ticket, json!({ "text": "Angry" })),
                fill("reply", ticket, json!({ "text": "I look it up." })),
                fill("priority", ticket, json!({ "priority": "high" })),
                fill("tags", ticket, json!({ "tags": "parcel, late" })),
                fill("snooze", ticket, json!({ "until": "2h" })),
                fill("history", ticket, json!({ "count": "50" })),
                at("summary"),
                fill("assign", ticket, json!({ "agent": "carol" })),
                fill("release", ticket, json!({ "to": "queue" })),
                at("claim"),
                at("resolve"),
                at("claim"),
            ]),
        )
        .await;
        let nodes = |list: &Value| -> Vec<String> {
            list.as_array().unwrap().iter().map(|item| item[0].as_str().unwrap().to_owned()).collect()
        };
        let own = ["erase", "export", "help", "human", "new", "reopen", "resolve", "status", "tickets"];
        let mut with_staff = [&own[..], &["duty", "mine", "queue"]].concat();
        with_staff.sort_unstable();
        assert_eq!(nodes(&seen[0]), with_staff);
        assert_eq!(
            nodes(&seen[1]),
            [
                "claim", "history", "note", "priority", "release", "reopen", "reply", "resolve", "room", "send",
                "snooze", "suggest", "summary", "tags"
            ]
        );
        let queue = note(&seen[2]);
        let line = format!("xmpp:{ticket} alice@localhost: My parcel is late (normal) – waits 0 min");
        assert_eq!(queue, line);
        assert_eq!(note(&seen[3]), "You have no tickets.");
        assert_eq!(note(&seen[4]), "You are on duty, until you say otherwise.");
        // What is wrong in a form is told, and the form comes again.
        assert_eq!(
            (&seen[5]["status"], &seen[5]["notes"][0][0]),
            (&json!("executing"), &json!("error")),
            "{}",
            seen[5]
        );
        assert_eq!(seen[5]["form"], json!({ "duty": "list-single" }));
        assert!(note(&seen[6]).starts_with("You have it: My parcel is late"), "{}", seen[6]);
        assert!(note(&seen[7]).starts_with(&format!("xmpp:{ticket} alice@localhost")), "{}", seen[7]);
        assert_eq!(note(&seen[8]), "Noted.");
        assert_eq!(note(&seen[9]), "Sent to the customer.");
        assert_eq!(note(&seen[10]), "The priority is high.");
        assert_eq!(note(&seen[11]), "Tags: parcel, late.");
        assert!(note(&seen[12]).starts_with("Snoozed until 20"), "{}", seen[12]);
        let history = text(&seen[13]);
        for said in ["] customer: My parcel is late", "] Bob, note: Angry", "] Bob: I look it up."] {
            assert!(history.contains(said), "{history}");
        }
        let summary = text(&seen[14]);
        for said in ["Subject: My parcel is late", "priority high", "With: Bob", "Tags: parcel, late"] {
            assert!(summary.contains(said), "{summary}");
        }
        assert_eq!(seen[15]["error"], "forbidden");
        assert_eq!(note(&seen[16]), "It is back in the queue.");
        assert!(note(&seen[17]).starts_with("You have it: "));
        assert_eq!(note(&seen[18]), "Resolved.");
        // What the domain refuses is told in its words.
        assert_eq!(seen[19]["notes"], json!([["error", "Not done: it is resolved: /reopen it first."]]));

        let conversation = app.rest.ticket_in("alice@localhost", "RESOLVED").await;
        let said = lines(&conversation);
        assert!(said.contains(&("agent".to_owned(), "I look it up.".to_owned())), "{said:?}");
        alice.expect("the reply", |stanza| body(stanza).as_deref() == Some("I look it up.")).await;
        app.stop().await;
    }

    async fn told(client: &mut Client, desk: &str, words: &str) -> String {
        let id = client.say(desk, words).await;
        client.receipt(&id).await;
        client.answer_text().await
    }

    pub async fn words_do_the_same_for_a_customer(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        assert!(told(&mut alice, DESK, "/help").await.contains("/export"));
        // Who is no agent is told nothing of agents' commands.
        for words in ["/queue", "/mine", "/on", "/xyzzy"] {
            let unknown = format!("I do not know {words}. /help lists what I know.");
            assert_eq!(told(&mut alice, DESK, words).await, unknown);
        }
        assert_eq!(told(&mut alice, DESK, "/status").await, "There is no open conversation. Just write to begin one.");
        // Nothing of that has opened a ticket.
        assert!(app.rest.tickets(&token(Role::Admin, "root")).await.is_empty());

        // Written in one go, they are taken in their order.
        let first = alice.say(DESK, "/new").await;
        let again = alice.say(DESK, "/new").await;
        let line = alice.say(DESK, "/etc/passwd is broken").await;
        for id in [&first, &again, &line] {
            alice.receipt(id).await;
        }
        let conversation = app.rest.ticket_in("alice@localhost", "ESCALATED").await;
        let said = lines(&conversation);
        let new = ("system".to_owned(), "This is a new conversation. What is it about?".to_owned());
        assert_eq!(said[..3], [new.clone(), new, ("customer".to_owned(), "/etc/passwd is broken".to_owned())]);
        alice.drain(Duration::from_millis(300)).await;
        assert!(told(&mut alice, DESK, "/status").await.starts_with("“/etc/passwd is broken”: waiting for a person."));
        assert!(told(&mut alice, DESK, "/mensch").await.starts_with("A person will answer you here."));
        assert!(told(&mut alice, DESK, "/tickets").await.ends_with("/etc/passwd is broken (waiting for a person)"));
        let answer = {
            let id = alice.say(DESK, "/export").await;
            alice.receipt(&id).await;
            alice.answer().await
        };
        assert!(body(&answer).unwrap().contains("] customer: /etc/passwd is broken"));
        // Nobody's archive needs it.
        assert!(answer.children().any(|child| child.name() == "no-permanent-store"));
        assert!(told(&mut alice, DESK, "/done").await.starts_with("Marked as resolved."));
        assert!(told(&mut alice, DESK, "/erase").await.ends_with("write: /erase confirm"));
        app.rest.ticket_in("alice@localhost", "RESOLVED").await;
        assert_eq!(told(&mut alice, DESK, "/erase confirm").await, "Everything is erased. Conversations: 1.");
        assert!(app.rest.tickets(&token(Role::Admin, "root")).await.is_empty());
        app.stop().await;
    }

    pub async fn words_do_the_same_for_an_agent(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let mut setting = Setting::new(&server, &database, None);
        let app = staffed(&mut setting).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "/human My parcel is late").await;
        let ticket = ticket_address(&app, "alice@localhost", "ESCALATED").await;
        let mut bob = Client::login(&server, "bob", "desktop").await;
        assert!(told(&mut bob, DESK, "/queue").await.starts_with(&format!("xmpp:{ticket} alice@localhost: My parcel")));
        assert_eq!(told(&mut bob, DESK, "/off").await.split(',').next(), Some("You are off duty"));
        assert!(told(&mut bob, DESK, "/help").await.contains("/queue"));
        // By this a client knows that it may ask for the commands.
        let info = bob.ask(&ticket, "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>").await;
        let features = info.children().next().unwrap().children();
        let features: Vec<_> = features.filter_map(|feature| feature.attr("var")).collect();
        assert!(features.contains(&COMMANDS), "{features:?}");
        assert!(told(&mut bob, &ticket, "/help").await.contains("/snooze 2h"));
        for (words, answer) in [
            ("/claim", "You have it: My parcel is late (alice@localhost)"),
            ("/note Angry", "Noted."),
            ("/nott Angry", "Not sent: I do not know /nott. Did you mean /note?"),
            ("/404", "Not sent: I do not know /404. /help"),
            ("/priority urgent", "The priority is urgent."),
            ("/priority huge", "Not done. It is: /priority low"),
            ("/tags", "No tags."),
            ("/snooze tomorrow", "Snoozed until 20"),
            ("/snooze off", "No longer snoozed."),
            ("/assign carol", "Not done: only admins assign tickets"),
            ("/release Paid already", "The assistant has it."),
            ("/release queue", "Not done: no agent has this ticket"),
            ("/claim", "You have it: "),
            ("/summary", "Subject: My parcel is late\nCustomer: alice@localhost at support"),
            ("/resolve", "Resolved."),
            ("/claim", "Not done: it is resolved: /reopen it first"),
            ("/reopen", "It is open again, and you have it."),
            ("/reopen", "Not done: only a resolved ticket can be reopened"),
        ] {
            // What is not done gets no receipt.
            bob.say(&ticket, words).await;
            let told = bob.answer_text().await;
            assert!(told.starts_with(answer), "{words}: {told}");
        }
        let history = told(&mut bob, &ticket, "/history").await;
        assert!(history.contains("] Bob, note: Angry\n") && !history.contains("nott"), "{history}");
        let told_to_alice: Vec<_> = alice.drain(Duration::from_millis(300)).await.iter().filter_map(body).collect();
        assert!(!told_to_alice.iter().any(|line| line.contains("Angry") || line.contains("Paid")), "{told_to_alice:?}");
        app.stop().await;
    }

    fn command(node: &str, attributes: &str, content: &str) -> String {
        format!("<command xmlns='{COMMANDS}' node='{node}' {attributes}>{content}</command>")
    }

    /// The stanza error, and the word of XEP-0050 in it.
    fn faults(reply: &Element) -> (Option<String>, Option<String>) {
        let error = reply.children().find(|child| child.name() == "error");
        let word = error.and_then(|error| error.children().find(|child| child.ns() == COMMANDS));
        (error_condition(reply), word.map(|word| word.name().to_owned()))
    }

    pub async fn nobody_gets_what_is_not_theirs(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let mut setting = Setting::new(&server, &database, None);
        let app = staffed(&mut setting).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut laptop = Client::login(&server, "alice", "laptop").await;
        let mut dave = Client::login(&server, "dave", "phone").await;
        let mut carol = Client::login(&server, "carol", "phone").await;
        alice.say(DESK, "/human My parcel is late").await;
        let ticket = &*ticket_address(&app, "alice@localhost", "ESCALATED").await;

        let reply = alice.ask(DESK, "set", &command("erase", "action='execute'", "")).await;
        let session = reply.children().next().unwrap().attr("sessionid").unwrap().to_owned();
        let form = "<x xmlns='jabber:x:data' type='submit'><field var='sure'><value>1</value></field></x>";
        let complete = command("erase", &format!("sessionid='{session}' action='complete'"), form);
        let other = |action: &str, form| command("erase", &format!("sessionid='{session}' action='{action}'"), form);
        let unknown = command("erase", "sessionid='0' action='complete'", form);
        let none = |condition: &str| (Some(condition.to_owned()), None);
        let bad = |word: &str| (Some("bad-request".to_owned()), Some(word.to_owned()));
        let disco = |kind: &str| format!("<query xmlns='http://jabber.org/protocol/disco#{kind}' node='{COMMANDS}'/>");
        for (who, to, kind, payload, faults_wanted) in [
            // Another customer, and even another client of the same, in a session.
            (1, DESK, "set", complete.clone(), bad("bad-sessionid")),
            (2, DESK, "set", complete.clone(), bad("bad-sessionid")),
            (0, "billing@help.localhost", "set", complete.clone(), bad("bad-sessionid")),
            (0, DESK, "set", other("next", form), bad("bad-action")),
            (0, DESK, "set", other("prev", form), bad("bad-action")),
            (0, DESK, "set", other("jump", form), bad("malformed-action")),
            (0, DESK, "set", other("complete", ""), bad("bad-payload")),
            (0, DESK, "set", command("erase", "action='complete'", form), bad("bad-action")),
            (0, DESK, "set", unknown, (Some("not-allowed".into()), Some("session-expired".into()))),
            // Agents' commands.
            (0, DESK, "set", command("queue", "", ""), none("forbidden")),
            (0, DESK, "set", command("duty", "", ""), none("forbidden")),
            (3, DESK, "set", command("queue", "", ""), none("forbidden")),
            (0, DESK, "set", command("claim", "", ""), none("item-not-found")),
            (0, ticket, "set", command("claim", "", ""), none("item-not-found")),
            (1, ticket, "set", command("history", "", ""), none("item-not-found")),
            (3, ticket, "set", command("claim", "", ""), none("item-not-found")),
            (3, ticket, "get", disco("items"), none("item-not-found")),
            (0, ticket, "get", disco("info"), none("item-not-found")),
            (0, "sales@help.localhost", "set", command("new", "", ""), none("item-not-found")),
            (0, "help.localhost", "set", command("new", "", ""), none("item-not-found")),
            (0, DESK, "get", command("new", "", ""), none("service-unavailable")),
        ] {
            let client = [&mut alice, &mut dave, &mut laptop, &mut carol].into_iter().nth(who).unwrap();
            let reply = client.ask(to, kind, &payload).await;
            assert_eq!(faults(&reply), faults_wanted, "{who} {to} {payload}");
        }
        // Carol is an agent of the other desk.
        for (to, count) in [(DESK, 9), ("billing@help.localhost", 12)] {
            let reply = carol.ask(to, "get", &disco("items")).await;
            assert_eq!(reply.children().next().unwrap().children().count(), count, "{to}");
        }
        let info = "<query xmlns='http://jabber.org/protocol/disco#info' node='queue'/>";
        assert_eq!(faults(&alice.ask(DESK, "get", info).await), none("item-not-found"));
        // Nothing of all that happened, and whose session it is goes on with it.
        app.rest.ticket_in("alice@localhost", "ESCALATED").await;
        app.clock.advance(Duration::from_secs(14 * 60));
        let reply = alice.ask(DESK, "set", &complete).await;
        assert_eq!(reply.children().next().unwrap().attr("status"), Some("completed"), "{}", String::from(&reply));
        assert!(app.rest.tickets(&token(Role::Admin, "root")).await.is_empty());
        // Once.
        let expired = (Some("not-allowed".to_owned()), Some("session-expired".to_owned()));
        assert_eq!(faults(&alice.ask(DESK, "set", &complete).await), expired);
        app.stop().await;
    }

    pub async fn an_erased_customer_is_gone_and_begins_anew(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut dave = Client::login(&server, "dave", "phone").await;
        alice.befriend(DESK).await;
        for (client, desk) in [(&mut alice, DESK), (&mut dave, DESK)] {
            let id = client.say(desk, "How long does shipping take?").await;
            client.receipt(&id).await;
        }
        let id = alice.say("billing@help.localhost", "/human My invoice").await;
        alice.receipt(&id).await;
        app.rest.tell_presence(json!({ "jid": "alice@localhost", "status": "available" })).await;
        alice.drain(Duration::from_millis(500)).await;
        assert_eq!(told(&mut alice, DESK, "/erase confirm").await, "Everything is erased. Conversations: 2.");
        // The server is told, too: neither sees the other any more.
        alice.presence(DESK, "unsubscribed").await;
        alice.presence(DESK, "unsubscribe").await;
        // What her server sent the desk on that is stored by then.
        alice.ping(DESK).await;
        alice.ping(DESK).await;
        let root = token(Role::Admin, "root");
        let left = app.rest.tickets(&root).await;
        assert_eq!(left.iter().map(|ticket| ticket["jid"].as_str().unwrap()).collect::<Vec<_>>(), ["dave@localhost"]);
        let helpdesk = app.helpdesk.as_ref().unwrap();
        assert!(!helpdesk.is_subscribed("support", &"alice@localhost".parse().unwrap()).await.unwrap());
        // Nothing in the database names her, but the word that she is gone.
        let found = database.find("alice").await;
        assert!(found.is_empty(), "{found:?}");
        // Whatever was being drafted for her is void, and a new line is one of somebody new.
        let id = alice.say(DESK, "Hello again").await;
        alice.receipt(&id).await;
        let conversation = eventually("a new ticket", || async {
            let answer = app.rest.get(&root, "/api/v1/xmpp/tickets?jid=alice@localhost").await;
            let ticket = answer.json.as_array().unwrap().first()?["id"].as_str().unwrap().to_owned();
            Some(app.rest.sync(&root, &ticket).await)
        })
        .await;
        assert_eq!(lines(&conversation)[0], ("customer".to_owned(), "Hello again".to_owned()));
        app.stop().await;
    }
}
