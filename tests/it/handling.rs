//! What agents can rely on while others act in the same conversation: the customer, a colleague, an admin.

use crate::support::scenario;

scenario!(what_the_customer_has_left_is_not_given_back);
scenario!(a_colleagues_ticket_is_left_alone);
scenario!(the_holder_learns_what_others_do_to_the_ticket);
scenario!(who_was_told_that_a_ticket_waits_learns_that_it_does_no_longer);
scenario!(a_tickets_command_at_the_desk_is_shown_its_place);
scenario!(what_people_did_stands_in_the_next_hand_off);

pub mod scenarios {
    use deskbridge::helpdesk::Role;
    use serde_json::json;
    use xmpp_parsers::minidom::Element;

    use crate::support::{
        client::{Client, body, error_condition},
        database::Database,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Running, Setting, lines, token},
    };

    const AGENTS: &str = "agents = [{ jid = \"bob@localhost\", name = \"Bob\" }, { jid = \"carol@localhost\", name = \
                          \"Carol\" }]\n";

    fn is_of_ticket(stanza: &Element) -> bool {
        stanza.attr("type") == Some("chat") && stanza.attr("from").is_some_and(|from| from.starts_with("t-"))
    }

    /// The next words from a ticket's own address: the address, and the text.
    async fn notice(agent: &mut Client) -> (String, String) {
        let stanza = agent.expect("a notice", |stanza| body(stanza).is_some() && is_of_ticket(stanza)).await;
        (stanza.attr("from").unwrap().to_owned(), body(&stanza).unwrap())
    }

    /// What the agent reads next at the ticket after these words.
    async fn told(agent: &mut Client, address: &str, words: &str) -> String {
        agent.say(address, words).await;
        notice(agent).await.1
    }

    /// Bob, on duty whatever his client shows.
    async fn on_duty(server: &Server, name: &str) -> Client {
        let mut agent = Client::login(server, name, "desk").await;
        agent.say(DESK, "/on").await;
        assert!(agent.answer_text().await.starts_with("You are on duty"));
        agent
    }

    /// Alice asks for a person, and Bob has the ticket: its address and its id.
    async fn taken(app: &Running, alice: &mut Client, bob: &mut Client) -> (String, String) {
        alice.say(DESK, "/human My kettle leaks").await;
        alice.answer().await;
        let (address, _) = notice(bob).await;
        assert!(told(bob, &address, "/claim").await.starts_with("You have it"));
        let seen = app.rest.ticket_in("alice@localhost", "OPEN").await;
        (address, seen["ticket_id"].as_str().unwrap().to_owned())
    }

    pub async fn what_the_customer_has_left_is_not_given_back(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut bob = on_duty(&server, "bob").await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let (address, ticket) = taken(&app, &mut alice, &mut bob).await;
        // What is done is not given back either: nothing of it would be seen.
        assert_eq!(told(&mut bob, &address, "/resolve").await, "Resolved.");
        for words in ["/release", "/release queue", "/release It was the cable"] {
            assert_eq!(told(&mut bob, &address, words).await, "Not done: it is resolved: /reopen it first.");
        }
        app.rest.ticket_in("alice@localhost", "RESOLVED").await;
        assert_eq!(told(&mut bob, &address, "/reopen").await, "It is open again, and you have it.");

        alice.say(DESK, "/new My cup is broken").await;
        assert!(notice(&mut bob).await.1.starts_with("The customer has begun a new conversation"));
        let other = crate::support::eventually("another ticket", || async {
            let tickets = app.rest.tickets(&token(Role::Admin, "root")).await;
            let other = tickets.iter().find(|known| known["id"] != ticket.as_str())?;
            Some(other["id"].as_str().unwrap().to_owned())
        })
        .await;
        let place = format!("xmpp:t-{}@help.localhost", &other.replace('-', "")[20..]);
        for words in ["/release", "/release queue", "/claim", "/reopen"] {
            let answer = told(&mut bob, &address, words).await;
            assert_eq!(answer, format!("Not done: the conversation goes on at {place}"), "{words}");
        }
        let release = format!("/api/v1/xmpp/tickets/{ticket}/release");
        for to in ["queue", "assistant"] {
            let answer = app.rest.post(&token(Role::Agent, "bob@localhost"), &release, &json!({ "to": to })).await;
            assert_eq!(answer.status, 409, "{}", answer.json);
            let text = answer.json.to_string();
            assert!(text.contains(&format!("the conversation goes on in ticket {other}")), "{text}");
        }
        app.stop().await;
    }

    pub async fn a_colleagues_ticket_is_left_alone(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut bob = on_duty(&server, "bob").await;
        let mut carol = Client::login(&server, "carol", "desk").await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let (address, ticket) = taken(&app, &mut alice, &mut bob).await;
        assert_eq!(told(&mut bob, &address, "/tags tea, late").await, "Tags: tea, late.");
        for words in ["/tags mine", "/priority low", "/snooze 2h", "/claim", "I know better"] {
            assert_eq!(told(&mut carol, &address, words).await, "Not done: Bob has this ticket.", "{words}");
        }
        let (sue, root) = (token(Role::Agent, "sue"), token(Role::Admin, "root"));
        for (what, value) in [("tags", json!({ "tags": ["x"] })), ("priority", json!({ "priority": "LOW" }))] {
            let path = format!("/api/v1/xmpp/tickets/{ticket}/{what}");
            assert_eq!(app.rest.post(&sue, &path, &value).await.status, 409, "{what}");
        }
        // Alone it asks, whoever asks.
        for agent in [&mut bob, &mut carol] {
            assert_eq!(told(agent, &address, "/tags").await, "Tags: tea, late.");
        }
        assert_eq!(told(&mut bob, &address, "/tags none").await, "No tags.");
        let path = format!("/api/v1/xmpp/tickets/{ticket}/tags");
        assert_eq!(app.rest.post(&root, &path, &json!({ "tags": ["vip"] })).await.status, 200);
        assert_eq!(told(&mut bob, &address, "/tags").await, "Tags: vip.");

        // What there is to ask for is what works here, for this agent.
        let help = told(&mut bob, &address, "/hilfe").await;
        assert!(help.contains("/tags none") && !help.contains("/room") && !help.contains("/assign"), "{help}");
        bob.say(&address, "/snooze 2h").await;
        notice(&mut bob).await;
        bob.say(DESK, "/mine").await;
        let mine = bob.answer_text().await;
        assert!(mine.contains(", snoozed until 20"), "{mine}");
        app.stop().await;
    }

    pub async fn the_holder_learns_what_others_do_to_the_ticket(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut bob = on_duty(&server, "bob").await;
        let mut carol = Client::login(&server, "carol", "desk").await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let (address, ticket) = taken(&app, &mut alice, &mut bob).await;
        alice.say(DESK, "/resolve").await;
        assert_eq!(notice(&mut bob).await.1, "The customer has resolved this ticket: My kettle leaks");
        // Thanks do not open it again.
        alice.say(DESK, "Thank you!").await;
        assert_eq!(notice(&mut bob).await.1, "Thank you!");
        alice.say(DESK, "It leaks again").await;
        assert_eq!(notice(&mut bob).await.1, "The customer has reopened this ticket, and it is yours: My kettle leaks");
        assert_eq!(notice(&mut bob).await.1, "It leaks again");

        let assign = format!("/api/v1/xmpp/tickets/{ticket}/assign");
        let to = json!({ "agent": "carol@localhost" });
        assert_eq!(app.rest.post(&token(Role::Admin, "root"), &assign, &to).await.status, 200);
        let text = "root has given this ticket to Carol: it is no longer yours. (My kettle leaks)";
        assert_eq!(notice(&mut bob).await, (address.clone(), text.to_owned()));
        assert!(notice(&mut carol).await.1.starts_with("root has given you this ticket"));

        // Who settles and reopens it in turn does not ring her telephone each time.
        for _ in 0..3 {
            alice.say(DESK, "/resolve").await;
            alice.say(DESK, "/reopen").await;
        }
        alice.say(DESK, "/erase confirm").await;
        let mut heard = Vec::new();
        while heard.last().is_none_or(|text: &String| !text.contains("erased")) {
            heard.push(notice(&mut carol).await.1);
        }
        assert_eq!(heard.pop().as_deref(), Some("The customer has erased this conversation."));
        assert!(heard.len() < 3, "{heard:?}");
        carol.say(&address, "Hello?").await;
        let error = carol.expect("an error", |stanza| stanza.attr("type") == Some("error")).await;
        assert_eq!(error_condition(&error).as_deref(), Some("item-not-found"));
        assert!(String::from(&error).contains("There is no ticket at this address: it was erased"));
        let found = database.find("alice").await;
        assert!(found.is_empty(), "{found:?}");
        app.stop().await;
    }

    pub async fn who_was_told_that_a_ticket_waits_learns_that_it_does_no_longer(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut bob = on_duty(&server, "bob").await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "/human My kettle leaks").await;
        let (address, _) = notice(&mut bob).await;
        alice.say(DESK, "/resolve").await;
        let text = "The customer has resolved it: My kettle leaks".to_owned();
        assert_eq!(notice(&mut bob).await, (address, text));
        app.stop().await;
    }

    pub async fn a_tickets_command_at_the_desk_is_shown_its_place(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut bob = on_duty(&server, "bob").await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "/human My kettle leaks").await;
        let (address, _) = notice(&mut bob).await;
        for word in ["claim", "history"] {
            bob.say(DESK, &format!("/{word}")).await;
            let answer = bob.answer_text().await;
            let place =
                format!("Write /{word} at the ticket's own address. These wait:\nxmpp:{address} alice@localhost");
            assert!(answer.starts_with(&place), "{answer}");
        }
        // A customer is told nothing of that.
        alice.say(DESK, "/claim").await;
        let is_answer = |stanza: &Element| body(stanza).is_some_and(|text| text.contains("/claim"));
        let answer = body(&alice.expect("an answer", is_answer).await).unwrap();
        assert!(answer.starts_with("I do not know /claim."), "{answer}");
        app.stop().await;
    }

    pub async fn what_people_did_stands_in_the_next_hand_off(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Fine.".into())).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut bob = on_duty(&server, "bob").await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let (address, _) = taken(&app, &mut alice, &mut bob).await;
        bob.say(&address, "Is the lid closed?").await;
        assert!(told(&mut bob, &address, "/summary").await.contains("\nWith: Bob\n"));
        assert_eq!(told(&mut bob, &address, "/release It was the lid").await, "The assistant has it.");
        let summary = told(&mut bob, &address, "/summary").await;
        assert!(summary.contains("\nA colleague told the assistant: It was the lid"), "{summary}");
        alice.say(DESK, "Let me talk to a human!").await;
        notice(&mut bob).await;
        let seen = app.rest.ticket_in("alice@localhost", "ESCALATED").await;
        let note = lines(&seen).into_iter().map(|(_, text)| text).rfind(|text| text.contains("Tried so far")).unwrap();
        let tried = "Tried so far: a colleague had it, and told the assistant: It was the lid\n";
        assert!(note.contains(tried), "{note}");
        app.stop().await;
    }
}
