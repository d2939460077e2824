//! The rows of the lifecycle: what time and the staff do to a ticket, seen by the customer and over REST.

use crate::support::scenario;

scenario!(a_ticket_left_alone_is_nudged_once_then_resolved_then_closed);
scenario!(many_sweeps_at_once_nudge_once);
scenario!(a_ticket_that_waits_for_us_is_never_nudged);
scenario!(thanks_do_not_reopen_a_resolved_ticket_and_a_question_does);
scenario!(an_agent_who_does_not_answer_loses_the_ticket_to_the_queue);
scenario!(a_released_ticket_is_the_assistants_from_there_on);
scenario!(a_snooze_ends_by_time_or_by_a_line);
scenario!(a_greeting_comes_once_and_hides_no_question);
scenario!(a_thumb_down_on_an_older_ticket_is_feedback_and_no_more);
scenario!(a_new_conversation_begins_whatever_the_old_one_was);

mod scenarios {
    use std::time::Duration;

    use deskbridge::helpdesk::{Caller, Error, Helpdesk, Role, Swept};
    use jid::BareJid;
    use serde_json::Value;
    use uuid::Uuid;

    use crate::support::{
        client::{Client, body},
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Running, Setting, lines},
    };

    const HOUR: Duration = Duration::from_hours(1);
    const DAY: Duration = Duration::from_hours(24);
    const ALICE: &str = "alice@localhost";

    struct Stage {
        app: Running,
        alice: Client,
        model: Model,
        _server: Server,
    }

    impl Stage {
        async fn new(database: &Database) -> Self {
            let server = Server::start(Kind::Prosody).await;
            let model = Model::start(Reply::Answer("Two to three working days.".into())).await;
            let app = Setting::new(&server, database, Some(&model)).start().await;
            let alice = Client::login(&server, "alice", "phone").await;
            Self { app, alice, model, _server: server }
        }

        fn helpdesk(&self) -> &Helpdesk {
            self.app.helpdesk.as_ref().unwrap()
        }

        /// Time passes, and is looked at.
        async fn pass(&self, time: Duration) -> Swept {
            self.app.clock.advance(time);
            self.helpdesk().sweep().await.unwrap()
        }

        /// Alice's only ticket, once it is in this status.
        async fn ticket(&self, status: &str) -> (Uuid, Value) {
            let conversation = self.app.rest.ticket_in(ALICE, status).await;
            (conversation["ticket_id"].as_str().unwrap().parse().unwrap(), conversation)
        }

        async fn ask(&mut self, text: &str) -> (Uuid, Value) {
            self.alice.say(DESK, text).await;
            self.alice.answer().await;
            self.ticket("PENDING").await
        }
    }

    fn agent(name: &str) -> Caller {
        Caller {
            id: format!("{name}@staff.example"),
            name: Some(name.to_owned()),
            role: Role::Agent,
            desks: None,
            scopes: vec![],
        }
    }

    pub async fn a_ticket_left_alone_is_nudged_once_then_resolved_then_closed(database: Database) {
        let mut stage = Stage::new(&database).await;
        let (ticket, _) = stage.ask("How long does shipping take?").await;
        assert_eq!(stage.pass(23 * HOUR).await, Swept::default());
        assert_eq!(stage.pass(2 * HOUR).await, Swept { nudged: 1, ..Swept::default() });
        let nudge = stage.alice.answer_text().await;
        assert!(nudge.starts_with("Did this help?"), "{nudge}");
        assert_eq!(stage.pass(DAY).await, Swept::default(), "once");
        assert_eq!(stage.pass(2 * DAY).await, Swept { resolved: 1, ..Swept::default() });
        let notice = stage.alice.answer_text().await;
        assert!(notice.contains("marked this as resolved"), "{notice}");
        assert_eq!(stage.ticket("RESOLVED").await.0, ticket, "the notices open no ticket");
        assert_eq!(stage.pass(8 * DAY).await, Swept { closed: 1, ..Swept::default() });
        stage.ticket("CLOSED").await;
        // What comes now is a new matter.
        stage.alice.say(DESK, "Hello again, where is my order?").await;
        stage.alice.answer().await;
        let tickets = stage.app.rest.tickets_of(ALICE).await;
        assert_eq!((tickets.len(), &tickets[0]["status"]), (2, &"PENDING".into()));
        let new: Uuid = tickets[0]["id"].as_str().unwrap().parse().unwrap();
        let row = stage.helpdesk().ticket(&agent("eve"), new).await.unwrap();
        assert_eq!(row.previous_ticket_id, Some(ticket));
        stage.app.stop().await;
    }

    pub async fn many_sweeps_at_once_nudge_once(database: Database) {
        let mut stage = Stage::new(&database).await;
        let (_, before) = stage.ask("How long does shipping take?").await;
        stage.app.clock.advance(25 * HOUR);
        let sweeps = (0..8).map(|_| {
            let helpdesk = stage.helpdesk().clone();
            tokio::spawn(async move { helpdesk.sweep().await.unwrap().nudged })
        });
        let nudged = futures::future::join_all(sweeps).await.into_iter().map(Result::unwrap).sum::<u64>();
        assert_eq!(nudged, 1);
        let (_, after) = stage.ticket("PENDING").await;
        assert_eq!(lines(&after).len(), lines(&before).len() + 1);
        stage.app.stop().await;
    }

    pub async fn a_ticket_that_waits_for_us_is_never_nudged(database: Database) {
        let mut stage = Stage::new(&database).await;
        stage.alice.say(DESK, "Let me talk to a human, please").await;
        stage.alice.answer().await;
        stage.ticket("ESCALATED").await;
        assert_eq!(stage.pass(30 * DAY).await, Swept::default());
        stage.model.whenever("stuck", Reply::Hang);
        let mut bob = Client::login(&stage._server, "bob", "phone").await;
        bob.say(DESK, "I am stuck").await;
        stage.app.rest.ticket_in("bob@localhost", "OPEN").await;
        assert_eq!(stage.pass(30 * DAY).await, Swept::default());
        stage.app.stop().await;
    }

    pub async fn thanks_do_not_reopen_a_resolved_ticket_and_a_question_does(database: Database) {
        let mut stage = Stage::new(&database).await;
        let (ticket, _) = stage.ask("How long does shipping take?").await;
        stage.helpdesk().resolve(&agent("eve"), ticket, None).await.unwrap();
        let notice = stage.alice.answer_text().await;
        assert!(notice.contains("resolved"), "{notice}");
        let id = stage.alice.say(DESK, "Thank you very much!").await;
        stage.alice.receipt(&id).await;
        let (_, conversation) = stage.ticket("RESOLVED").await;
        assert_eq!(lines(&conversation).last().unwrap().1, "Thank you very much!");
        assert_eq!(stage.model.requests().len(), 1, "nobody answers to thanks");
        stage.ask("But does that hold for Norway?").await;
        assert_eq!(stage.ticket("PENDING").await.0, ticket);
        stage.app.stop().await;
    }

    pub async fn an_agent_who_does_not_answer_loses_the_ticket_to_the_queue(database: Database) {
        let mut stage = Stage::new(&database).await;
        stage.alice.say(DESK, "Let me talk to a human, please").await;
        stage.alice.answer().await;
        let (ticket, _) = stage.ticket("ESCALATED").await;
        let waiting = stage.helpdesk().ticket(&agent("eve"), ticket).await.unwrap().waiting_since;
        stage.helpdesk().claim(&agent("eve"), ticket, None).await.unwrap();
        let lost = stage.helpdesk().claim(&agent("finn"), ticket, None).await.unwrap_err();
        assert!(matches!(&lost, Error::Overtaken { reason, .. } if reason == "eve has this ticket"), "{lost}");
        assert_eq!(stage.pass(Duration::from_mins(29)).await, Swept::default());
        assert_eq!(stage.pass(Duration::from_mins(2)).await, Swept { timed_out: 1, ..Swept::default() });
        let row = stage.helpdesk().ticket(&agent("eve"), ticket).await.unwrap();
        assert_eq!((row.agent, row.waiting_since), (None, waiting), "the customer has waited all the time");
        stage.helpdesk().claim(&agent("finn"), ticket, None).await.unwrap();
        stage.helpdesk().say(&agent("finn"), ticket, "Here I am.".to_owned()).await.unwrap();
        assert_eq!(stage.alice.answer_text().await, "Here I am.");
        assert_eq!(stage.pass(Duration::from_hours(2)).await, Swept::default(), "now the customer owes");
        stage.app.stop().await;
    }

    pub async fn a_released_ticket_is_the_assistants_from_there_on(database: Database) {
        let mut stage = Stage::new(&database).await;
        let (ticket, _) = stage.ask("My name is Rumpelstiltskin").await;
        let eve = agent("eve");
        stage.helpdesk().say(&eve, ticket, "I have looked at it.".to_owned()).await.unwrap();
        assert_eq!(stage.alice.answer_text().await, "I have looked at it.");
        let id = stage.alice.say(DESK, "And the kettle?").await;
        stage.alice.receipt(&id).await;
        let stranger = stage.helpdesk().release(&agent("finn"), ticket, None, true, None).await;
        assert!(matches!(stranger, Err(Error::Overtaken { .. })), "only who has it");
        let released =
            stage.helpdesk().release(&eve, ticket, None, true, Some("Eve talked about tea.".to_owned())).await.unwrap();
        assert_eq!((released.status, released.agent), (deskbridge_entity::ticket::Status::Open, None));
        assert_eq!(stage.alice.answer_text().await, "Two to three working days.");
        let requests = stage.model.requests();
        let last = requests.last().unwrap().to_string();
        assert!(last.contains("And the kettle?") && last.contains("Eve talked about tea."), "{last}");
        assert!(!last.contains("Rumpelstiltskin") && !last.contains("I have looked at it."), "{last}");
        // Nothing unanswered: the customer is told, and owes the next step.
        stage.helpdesk().claim(&eve, ticket, None).await.unwrap();
        stage.helpdesk().release(&eve, ticket, None, true, None).await.unwrap();
        let line = stage.alice.answer_text().await;
        assert!(line.contains("assistant again"), "{line}");
        stage.ticket("PENDING").await;
        stage.app.stop().await;
    }

    pub async fn a_snooze_ends_by_time_or_by_a_line(database: Database) {
        let mut stage = Stage::new(&database).await;
        let (ticket, _) = stage.ask("How long does shipping take?").await;
        let eve = agent("eve");
        stage.helpdesk().say(&eve, ticket, "I will look on Friday.".to_owned()).await.unwrap();
        stage.alice.answer().await;
        let until = stage.app.clock.now() + chrono::TimeDelta::days(5);
        stage.helpdesk().snooze(&eve, ticket, None, Some(until)).await.unwrap();
        assert_eq!(stage.pass(4 * DAY).await, Swept::default(), "no nudge meanwhile");
        assert_eq!(stage.pass(2 * DAY).await, Swept { woken: 1, ..Swept::default() });
        let row = stage.helpdesk().ticket(&eve, ticket).await.unwrap();
        assert_eq!((row.status, row.snoozed_until), (deskbridge_entity::ticket::Status::Open, None));
        let until = stage.app.clock.now() + chrono::TimeDelta::days(5);
        stage.helpdesk().snooze(&eve, ticket, None, Some(until)).await.unwrap();
        let id = stage.alice.say(DESK, "Any news?").await;
        stage.alice.receipt(&id).await;
        let row = stage.helpdesk().ticket(&eve, ticket).await.unwrap();
        assert_eq!((row.status, row.snoozed_until), (deskbridge_entity::ticket::Status::Open, None));
        let past = stage.helpdesk().snooze(&eve, ticket, None, Some(stage.app.clock.now())).await;
        assert!(matches!(past, Err(Error::Invalid { field: "until", .. })));
        stage.app.stop().await;
    }

    pub async fn a_greeting_comes_once_and_hides_no_question(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let desk = "[desk.texts]\ngreeting = \"Welcome to {desk}!\"\n".to_owned();
        let app = Setting { desk, ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "How long is a gift card valid?").await;
        assert_eq!(alice.answer_text().await, "Welcome to Tea Support!");
        let answer = alice.answer_text().await;
        assert!(answer.to_lowercase().contains("gift card"), "{answer}");
        alice.say(DESK, "Ich will einen Menschen sprechen").await;
        assert_eq!(alice.answer_text().await, "A person will answer you here. You are next in line.");
        app.stop().await;
    }

    pub async fn a_thumb_down_on_an_older_ticket_is_feedback_and_no_more(database: Database) {
        let mut stage = Stage::new(&database).await;
        stage.alice.say(DESK, "How long does shipping take?").await;
        let answered = stage.alice.answer().await;
        stage.ticket("PENDING").await;
        let alice = BareJid::new(ALICE).unwrap();
        stage.helpdesk().begin_anew("support", &alice, false).await.unwrap();
        stage.alice.answer().await;
        let message: Uuid = answered.attr("id").unwrap().parse().unwrap();
        stage.helpdesk().react(message, &alice, vec!["👎".to_owned()]).await.unwrap();
        let id = stage.alice.say(DESK, "About my gift card").await;
        stage.alice.receipt(&id).await;
        let rows = stage.app.rest.tickets_of(ALICE).await;
        let statuses: Vec<&str> = rows.iter().map(|row| row["status"].as_str().unwrap()).collect();
        assert!(statuses[0] != "RESOLVED" && statuses[1] == "RESOLVED", "{statuses:?}");
        let old = stage.app.rest.sync_as_agent(rows[1]["id"].as_str().unwrap()).await;
        let reaction = old["messages"].as_array().unwrap().iter().find_map(|message| message["reaction"].as_str());
        assert_eq!(reaction, Some("👎"));
        stage.app.stop().await;
    }

    pub async fn a_new_conversation_begins_whatever_the_old_one_was(database: Database) {
        let mut stage = Stage::new(&database).await;
        let (old, _) = stage.ask("How long does shipping take?").await;
        let alice = BareJid::new(ALICE).unwrap();
        let new = stage.helpdesk().begin_anew("support", &alice, false).await.unwrap();
        assert!(stage.alice.answer_text().await.contains("new conversation"));
        let id = stage.alice.say(DESK, "About my gift card").await;
        stage.alice.receipt(&id).await;
        assert_eq!(stage.alice.answer_text().await, "Two to three working days.");
        let rows = eventually("the new ticket is answered", || async {
            let rows = stage.app.rest.tickets_of(ALICE).await;
            (rows[0]["status"] == "PENDING").then_some(rows)
        })
        .await;
        let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [new.to_string(), old.to_string()]);
        assert_eq!((&rows[0]["subject"], &rows[1]["status"]), (&"About my gift card".into(), &"RESOLVED".into()));
        assert!(stage.alice.drain(Duration::from_millis(300)).await.iter().all(|stanza| body(stanza).is_none()));
        stage.app.stop().await;
    }
}
