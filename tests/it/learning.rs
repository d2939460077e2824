//! Learning from what agents answer: nothing without an agent's word, nothing twice, nothing of anybody's own.

use crate::support::scenario;

scenario!(nothing_is_learned_before_an_agent_approves_it_and_then_it_is_answered_from);
scenario!(what_is_proposed_names_nobody_and_goes_with_its_customer);
scenario!(what_was_taken_back_is_in_no_proposal_that_waits);
scenario!(what_is_known_is_not_proposed_again);
scenario!(one_decides_and_only_one_of_the_desk);
scenario!(a_page_that_cannot_be_written_is_not_approved);
scenario!(what_was_approved_before_a_crash_is_written_after_it);
scenario!(a_model_makes_the_page_and_a_failing_one_makes_none);

mod scenarios {
    use std::path::{Path, PathBuf};

    use deskbridge::helpdesk::Role;
    use sea_orm::ConnectionTrait;
    use serde_json::{Value, json};

    use crate::support::{
        client::Client,
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{Answer, DESK, Rest, Running, Setting, agent_of, lines, program, token},
    };

    const QUESTION: &str = "How do I descale the kettle? I want to talk to a person!";
    const ANSWER: &str = "Boil it with two spoons of citric acid, wait an hour, then rinse it well.";

    /// Where the desk's pages are: a folder of the test's own, with one page.
    fn pages(database: &Database) -> PathBuf {
        let folder = database.folder.path().join("pages");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("gift-cards.md"), "# Gift cards\nA gift card is valid for three years.\n").unwrap();
        folder
    }

    fn setting<'a>(server: &'a Server, database: &'a Database, model: Option<&'a Model>) -> Setting<'a> {
        let knowledge = Some(pages(database));
        Setting { knowledge, desk: "learning = true\n".to_owned(), ..Setting::new(server, database, model) }
    }

    fn learned(folder: &Path) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(folder.join("learned")) else { return Vec::new() };
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        // What has a dot before it is only about to be a page.
        names.filter(|name| !name.starts_with('.')).collect()
    }

    fn eve() -> String {
        token(Role::Agent, "eve@staff.example")
    }

    /// Somebody asks and gets this answer of an agent, who resolves the ticket.
    async fn settled(app: &Running, client: &mut Client, question: &str, answer: &str) -> String {
        let jid = client.jid.split('/').next().unwrap().to_owned();
        client.say(DESK, question).await;
        client.answer().await;
        let ticket = app.rest.ticket_in(&jid, "ESCALATED").await["ticket_id"].as_str().unwrap().to_owned();
        app.rest.reply(&ticket, answer).await;
        let resolved = app.rest.post(&eve(), &format!("/api/v1/xmpp/tickets/{ticket}/resolve"), &json!({})).await;
        assert_eq!(resolved.status, 200, "{}", resolved.json);
        ticket
    }

    async fn proposals(rest: &Rest, filter: &str) -> Vec<Value> {
        let answer = rest.get(&eve(), &format!("/api/v1/xmpp/desks/support/proposals{filter}")).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json.as_array().unwrap().clone()
    }

    /// The newest proposal, once the ticket has one.
    async fn proposal_of(rest: &Rest, ticket: &str) -> Value {
        eventually("something is made of the ticket", || async {
            proposals(rest, "").await.into_iter().find(|proposal| proposal["ticket_id"] == ticket)
        })
        .await
    }

    async fn decide(rest: &Rest, token: &str, proposal: &Value, what: &str, input: Value) -> Answer {
        let id = proposal["id"].as_str().unwrap();
        rest.post(token, &format!("/api/v1/xmpp/proposals/{id}/{what}"), &input).await
    }

    pub async fn nothing_is_learned_before_an_agent_approves_it_and_then_it_is_answered_from(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let folder = pages(&database);
        let app = setting(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let ticket = settled(&app, &mut alice, QUESTION, ANSWER).await;
        let proposal = proposal_of(&app.rest, &ticket).await;
        assert_eq!((&proposal["state"], &proposal["source"]), (&json!("proposed"), &json!("rules")), "{proposal}");
        assert_eq!(
            (&proposal["question"], &proposal["answer"]),
            (&json!("How do I descale the kettle?"), &json!(ANSWER))
        );
        assert_eq!((&proposal["page"], &proposal["decided_by"]), (&Value::Null, &Value::Null));
        assert_eq!(learned(&folder), Vec::<String>::new());
        assert_eq!(proposals(&app.rest, "?state=proposed&limit=1").await.len(), 1);
        assert_eq!(proposals(&app.rest, "?state=approved").await.len(), 0);

        // 200 means: on disk.
        let edits = json!({ "question": "How is the kettle descaled?", "title": "Descaling the kettle" });
        let approved = decide(&app.rest, &eve(), &proposal, "approve", edits).await;
        assert_eq!((approved.status, &approved.json["state"]), (200, &json!("approved")), "{}", approved.json);
        assert_eq!(approved.headers["etag"], format!("\"{}\"", approved.json["version"]).as_str());
        let page = approved.json["page"].as_str().unwrap();
        assert!(page.starts_with("learned/descaling-the-kettle-"), "{page}");
        let text = std::fs::read_to_string(folder.join(page)).unwrap();
        assert!(text.starts_with(
            "---\ntitle: \"Descaling the kettle\"\nsource: learned\napproved_by: \"eve@staff.example\"\n"
        ));
        assert!(text.ends_with(&format!("---\n## How is the kettle descaled?\n\n{ANSWER}\n")), "{text}");
        assert_eq!(approved.json["decided_by"], "eve@staff.example");
        assert_eq!(learned(&folder).len(), 1);

        // It is one of the pages from then on.
        let mut bob = Client::login(&server, "bob", "phone").await;
        bob.say(DESK, "how can I descale my kettle?").await;
        let answer = bob.answer_text().await;
        assert!(answer.contains(ANSWER) && answer.contains("[1] Descaling the kettle"), "{answer}");

        // What only the assistant answered teaches nothing, and no desk learns that was not told to.
        let billing = json!({ "jid": "carol@localhost", "message": "Hello there", "desk": "billing" });
        let opened = app.rest.post(&eve(), "/api/v1/xmpp/tickets", &billing).await.json;
        let by_assistant = app.rest.ticket_in("bob@localhost", "PENDING").await["ticket_id"].clone();
        for ticket in [&opened["ticket_id"], &by_assistant] {
            let path = format!("/api/v1/xmpp/tickets/{}/resolve", ticket.as_str().unwrap());
            assert_eq!(app.rest.post(&eve(), &path, &json!({})).await.status, 200);
        }
        assert_eq!(database.find("due").await.iter().filter(|row| row.starts_with("proposal")).count(), 0);
        assert_eq!(proposals(&app.rest, "").await.len(), 1);
        app.stop().await;
    }

    pub async fn what_is_proposed_names_nobody_and_goes_with_its_customer(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = setting(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let answer = "Dear Alice, order TK-48213 is found: call +49 30 1234567, or write to eve@staff.example.";
        let kept = settled(&app, &mut alice, "Alice here, where is 48213? I want to talk to a person!", answer).await;
        let proposal = proposal_of(&app.rest, &kept).await;
        let question = "[name] here, where is [number]?";
        let answer = "Dear [name], order [number] is found: call [number], or write to [address].";
        assert_eq!((&proposal["question"], &proposal["answer"]), (&json!(question), &json!(answer)));
        let approved = decide(&app.rest, &eve(), &proposal, "approve", json!({})).await;
        assert_eq!(approved.status, 200, "{}", approved.json);

        alice.say(DESK, "/new").await;
        let open = eventually("the new ticket is there", || async {
            let tickets = app.rest.tickets_of("alice@localhost").await;
            let open = tickets.iter().find(|ticket| ticket["id"] != kept.as_str())?;
            Some(open["id"].as_str().unwrap().to_owned())
        })
        .await;
        alice.say(DESK, "Is the blue tin a limited edition? I want to talk to a person!").await;
        eventually("a person is asked for", || async {
            (app.rest.sync_as_agent(&open).await["status"] == "ESCALATED").then_some(())
        })
        .await;
        app.rest.reply(&open, "The blue tin is a limited edition for the spring.").await;
        let path = format!("/api/v1/xmpp/tickets/{open}/resolve");
        assert_eq!(app.rest.post(&eve(), &path, &json!({})).await.status, 200);
        assert_eq!(proposal_of(&app.rest, &open).await["state"], "proposed");

        let erased = deskbridge::helpdesk::Caller::customer(&"alice@localhost".parse().unwrap());
        app.helpdesk.as_ref().unwrap().erase_customer(&erased, &"alice@localhost".parse().unwrap()).await.unwrap();
        let left = proposals(&app.rest, "").await;
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!((&left[0]["id"], &left[0]["ticket_id"]), (&proposal["id"], &Value::Null));
        assert_eq!(database.find("blue tin").await, Vec::<String>::new());
        app.stop().await;
    }

    pub async fn what_was_taken_back_is_in_no_proposal_that_waits(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = setting(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say_as("q1", DESK, "How do I descale it for my mother, who is ill?").await;
        alice.receipt("q1").await;
        let ticket =
            settled(&app, &mut alice, "How do I descale the kettle? I want to talk to a person!", ANSWER).await;
        let first = proposal_of(&app.rest, &ticket).await;
        assert_eq!(first["question"], "How do I descale it for my mother, who is ill?");
        let take_back = |id: &str| {
            format!(
                "<message type='chat' to='{DESK}' id='back-{id}'><retract xmlns='urn:xmpp:message-retract:1' id='{id}'/>\
                 <store xmlns='urn:xmpp:hints'/></message>"
            )
        };
        alice.send(&take_back("q1")).await;
        let second = eventually("another is made", || async {
            let found =
                proposals(&app.rest, "").await.into_iter().find(|proposal| proposal["ticket_id"] == ticket.as_str());
            found.filter(|proposal| proposal["id"] != first["id"])
        })
        .await;
        assert_eq!(
            (&second["state"], &second["question"]),
            (&json!("proposed"), &json!("How do I descale the kettle?"))
        );
        let kept = database.find("mother").await;
        assert!(!kept.is_empty() && !kept.iter().any(|row| row.starts_with("proposal")), "{kept:?}");
        assert_eq!(decide(&app.rest, &eve(), &first, "approve", json!({})).await.status, 404);
        app.stop().await;
    }

    pub async fn what_is_known_is_not_proposed_again(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = setting(&server, &database, None).start().await;
        let mut first = Client::login(&server, "alice", "phone").await;
        let first = proposal_of(&app.rest, &settled(&app, &mut first, QUESTION, ANSWER).await).await;
        let mut bob = Client::login(&server, "bob", "phone").await;
        let question = "how do i descale the kettle?? I want to talk to a person";
        let again = proposal_of(&app.rest, &settled(&app, &mut bob, question, ANSWER).await).await;
        assert_eq!((&again["state"], &again["similar_to"]), (&json!("discarded"), &first["id"]), "{again}");
        let mut carol = Client::login(&server, "carol", "phone").await;
        let question = "How long is a gift card valid? I want to talk to a person!";
        let known = settled(&app, &mut carol, question, "A gift card is valid for three years, by the way.").await;
        let known = proposal_of(&app.rest, &known).await;
        assert_eq!((&known["state"], &known["similar_to"]), (&json!("discarded"), &json!("gift-cards.md")), "{known}");
        let mut dave = Client::login(&server, "dave", "phone").await;
        let nothing = settled(&app, &mut dave, "I want to talk to a person!", "Hello!").await;
        let nothing = proposal_of(&app.rest, &nothing).await;
        assert_eq!((&nothing["state"], &nothing["question"]), (&json!("discarded"), &Value::Null), "{nothing}");
        // What goes on after all may still teach something.
        let ticket = nothing["ticket_id"].as_str().unwrap();
        app.rest.reply(ticket, "By the way: the tea shop is closed over the whole winter.").await;
        dave.say(DESK, "And in summer?").await;
        app.rest.ticket_in("dave@localhost", "OPEN").await;
        app.rest.reply(ticket, "In summer the tea shop is open every single day of the week.").await;
        let path = format!("/api/v1/xmpp/tickets/{ticket}/resolve");
        assert_eq!(app.rest.post(&eve(), &path, &json!({})).await.status, 200);
        eventually("a second look finds something", || async {
            (proposal_of(&app.rest, ticket).await["state"] == "proposed").then_some(())
        })
        .await;
        assert_eq!(proposals(&app.rest, "?state=proposed").await.len(), 2);
        app.stop().await;
    }

    pub async fn one_decides_and_only_one_of_the_desk(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let folder = pages(&database);
        let app = setting(&server, &database, None).start().await;
        let rest = &app.rest;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let proposal = proposal_of(rest, &settled(&app, &mut alice, QUESTION, ANSWER).await).await;
        for (who, token, listed, decided) in [
            ("the customer", token(Role::Customer, "alice@localhost"), 403, 403),
            ("a program", program(&["tickets:read", "tickets:write"]), 403, 403),
            ("another desk's agent", agent_of("billing"), 403, 404),
            ("nobody", "nonsense".to_owned(), 401, 401),
        ] {
            let list = rest.get(&token, "/api/v1/xmpp/desks/support/proposals").await;
            assert_eq!(list.status, listed, "{who}: {}", list.json);
            for what in ["approve", "reject"] {
                let answer = decide(rest, &token, &proposal, what, json!({})).await;
                assert_eq!(answer.status, decided, "{who} {what}: {}", answer.json);
            }
        }
        for (path, status) in [
            ("desks/nowhere/proposals", 404),
            ("desks/support/proposals?state=due", 400),
            ("desks/support/proposals?limit=0", 400),
            ("desks/support/proposals?limit=101", 400),
        ] {
            let list = rest.get(&token(Role::Admin, "root"), &format!("/api/v1/xmpp/{path}")).await;
            assert_eq!(list.status, status, "{path}: {}", list.json);
        }
        for id in ["nonsense".to_owned(), uuid::Uuid::now_v7().to_string()] {
            assert_eq!(decide(rest, &eve(), &json!({ "id": id }), "approve", json!({})).await.status, 404);
        }
        for edits in [json!({ "answer": " " }), json!({ "title": "x".repeat(201) }), json!({ "question": "" })] {
            assert_eq!(decide(rest, &eve(), &proposal, "approve", edits).await.status, 422);
        }
        let path = format!("/api/v1/xmpp/proposals/{}/approve", proposal["id"].as_str().unwrap());
        let stale = rest.request(reqwest::Method::POST, &path).bearer_auth(eve()).header("if-match", "\"1\"");
        assert_eq!(rest.ask(stale).await.status, 409);
        assert_eq!(learned(&folder), Vec::<String>::new());

        // Of many at once one decides.
        let agents: Vec<_> = (0..6).map(|n| token(Role::Agent, &format!("agent{n}"))).collect();
        let deciding = agents
            .iter()
            .enumerate()
            .map(|(n, agent)| decide(rest, agent, &proposal, if n % 2 == 0 { "approve" } else { "reject" }, json!({})));
        let answers = futures::future::join_all(deciding).await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 409)));
        let is_approved = won[0].json["state"] == "approved";
        assert_eq!(learned(&folder).len(), usize::from(is_approved));
        let again = decide(rest, &eve(), &proposal, "approve", json!({})).await;
        let by = won[0].json["decided_by"].as_str().unwrap();
        let expected = format!("this proposal was decided already by {by}");
        assert_eq!((again.status, &again.json["error"]["message"]), (409, &json!(expected)));

        // A rejected one keeps its reason, and is no page.
        let mut bob = Client::login(&server, "bob", "phone").await;
        let answer = "No, the shop sells tea and nothing but tea, every day.";
        let other = settled(&app, &mut bob, "Do you sell coffee? I want to talk to a person!", answer).await;
        let other = proposal_of(rest, &other).await;
        let rejected = decide(rest, &eve(), &other, "reject", json!({ "reason": "too obvious" })).await;
        assert_eq!((rejected.status, &rejected.json["reason"]), (200, &json!("too obvious")), "{}", rejected.json);
        assert_eq!(decide(rest, &eve(), &other, "approve", json!({})).await.status, 409);
        assert_eq!(learned(&folder).len(), usize::from(is_approved));
        app.stop().await;
    }

    pub async fn a_page_that_cannot_be_written_is_not_approved(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let folder = pages(&database);
        // A file where the folder should be.
        std::fs::write(folder.join("learned"), "in the way").unwrap();
        let app = setting(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let ticket = settled(&app, &mut alice, QUESTION, ANSWER).await;
        let proposal = proposal_of(&app.rest, &ticket).await;
        let refused = decide(&app.rest, &eve(), &proposal, "approve", json!({})).await;
        assert_eq!((refused.status, &refused.json["error"]["code"]), (503, &json!("UNAVAILABLE")), "{}", refused.json);
        let kept = proposal_of(&app.rest, &ticket).await;
        assert_eq!((&kept["state"], &kept["decided_by"]), (&json!("proposed"), &Value::Null), "{kept}");
        assert!(kept["reason"].is_string(), "{kept}");
        std::fs::remove_file(folder.join("learned")).unwrap();
        let approved = decide(&app.rest, &eve(), &proposal, "approve", json!({})).await;
        assert_eq!(approved.status, 200, "{}", approved.json);
        assert_eq!(learned(&folder).len(), 1);
        app.stop().await;
    }

    pub async fn what_was_approved_before_a_crash_is_written_after_it(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let folder = pages(&database);
        let app = setting(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let ticket = settled(&app, &mut alice, QUESTION, ANSWER).await;
        proposal_of(&app.rest, &ticket).await;
        app.stop().await;
        // As the approval's commit leaves it, with the lease of a process that is no more.
        let db = database.connect().await;
        db.execute_unprepared(
            "UPDATE proposal SET state = 'approved', version = 3, decided_by = 'eve', worker = id, \
             lease_until = '2020-01-01 00:00:00+00:00'",
        )
        .await
        .unwrap();
        let app = setting(&server, &database, None).start().await;
        let page = eventually("the page is written", || async { learned(&folder).pop() }).await;
        eventually("the page is noted", || async {
            (proposal_of(&app.rest, &ticket).await["page"] == format!("learned/{page}")).then_some(())
        })
        .await;
        app.stop().await;
    }

    pub async fn a_model_makes_the_page_and_a_failing_one_makes_none(database: Database) {
        const TASK: &str = "You write help pages for Tea Support";
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("NOTHING".into())).await;
        let app = setting(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let nothing = settled(&app, &mut alice, QUESTION, ANSWER).await;
        assert_eq!(proposal_of(&app.rest, &nothing).await["state"], "discarded");
        assert_eq!(model.asked(TASK), 1);
        let page = "# How is a kettle descaled?\n\nWith acid, says Bob: call 0301234567 or see https://evil.example.";
        model.always(Reply::Answer(page.into()));
        let mut bob = Client::login(&server, "bob", "phone").await;
        let ticket = settled(&app, &mut bob, QUESTION, ANSWER).await;
        let proposal = proposal_of(&app.rest, &ticket).await;
        assert_eq!((&proposal["state"], &proposal["source"]), (&json!("proposed"), &json!("model")), "{proposal}");
        assert_eq!(proposal["question"], "How is a kettle descaled?");
        assert_eq!(proposal["answer"], "With acid, says [name]: call [number] or see.");
        // A note is the staff's.
        let request = model.requests().last().unwrap().to_string();
        assert!(
            request.contains("<agent>") && !request.contains("<note>") && !request.contains("Next step"),
            "{request}"
        );
        // A model that is down: the ticket stays due, and the customer sees nothing of it.
        model.always(Reply::Status(400));
        let mut carol = Client::login(&server, "carol", "phone").await;
        let due = settled(&app, &mut carol, QUESTION, ANSWER).await;
        eventually("it is tried", || async { (model.asked(TASK) >= 3).then_some(()) }).await;
        assert!(proposals(&app.rest, "").await.iter().all(|proposal| proposal["ticket_id"] != due.as_str()));
        assert_eq!(lines(&app.rest.ticket_in("carol@localhost", "RESOLVED").await).len(), 5);
        app.stop().await;
    }
}
