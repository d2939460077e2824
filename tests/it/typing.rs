//! Typing between a customer and the agent who has the ticket (XEP-0085), in their clients and for those who listen.

use crate::support::scenario;

scenario!(an_agents_typing_is_shown_to_the_customer_while_it_has_the_ticket);
scenario!(a_customers_typing_is_shown_to_the_client_of_who_has_the_ticket);
scenario!(a_hand_over_ends_what_is_shown_and_the_next_agent_is_shown_the_customer);

pub mod scenarios {
    use std::time::Duration;

    use deskbridge::helpdesk::Role;
    use serde_json::json;
    use xmpp_parsers::minidom::Element;

    use crate::support::{
        PATIENCE,
        client::{Client, body, chat_state},
        database::Database,
        listening::Stream,
        server::{Kind, Server},
        stage::{DESK, Running, Setting, token},
    };

    const AGENTS: &str = "agents = [{ jid = \"bob@localhost\", name = \"Bob\" }, { jid = \"carol@localhost\", name = \
                          \"Carol\" }]\n";

    /// Beginnings that follow each other faster are not passed on.
    const BETWEEN_BEGINNINGS: Duration = Duration::from_secs(2);

    /// Says it as a client does.
    async fn state(client: &mut Client, to: &str, state: &str) {
        if state == "composing" {
            tokio::time::sleep(BETWEEN_BEGINNINGS).await;
        }
        at_once(client, to, state).await;
    }

    async fn at_once(client: &mut Client, to: &str, state: &str) {
        client
            .send(&format!(
                "<message type='chat' to='{to}'><{state} xmlns='http://jabber.org/protocol/chatstates'/></message>"
            ))
            .await;
    }

    /// A line of a client that knows no chat states.
    async fn plain(client: &mut Client, to: &str, text: &str) {
        client.send(&format!("<message type='chat' to='{to}' id='{text}'><body>{text}</body></message>")).await;
    }

    /// The next chat state from this address, and the text that it comes with.
    async fn shown(client: &mut Client, from: &str) -> (String, Option<String>) {
        let fits = |stanza: &Element| stanza.attr("from") == Some(from) && chat_state(stanza).is_some();
        let stanza = client.expect("a chat state", fits).await;
        (chat_state(&stanza).unwrap().to_owned(), body(&stanza))
    }

    fn alone(state: &str) -> (String, Option<String>) {
        (state.to_owned(), None)
    }

    async fn told(client: &mut Client, from: &str, beginning: &str) {
        let fits = |stanza: &Element| {
            stanza.attr("from") == Some(from) && body(stanza).is_some_and(|text| text.starts_with(beginning))
        };
        client.expect(beginning, fits).await;
    }

    /// The chat states that have come.
    fn left(stanzas: &[Element]) -> Vec<&str> {
        stanzas.iter().filter_map(chat_state).collect()
    }

    /// Alice's ticket is with Bob: its address and its id.
    async fn taken(app: &Running, alice: &mut Client, bob: &mut Client) -> (String, String) {
        alice.say(DESK, "/human My kettle leaks").await;
        alice.answer().await;
        let ticket = app.rest.ticket_in("alice@localhost", "ESCALATED").await["ticket_id"].as_str().unwrap().to_owned();
        let address = format!("t-{}@help.localhost", &ticket.replace('-', "")[20..]);
        bob.say(&address, "/claim").await;
        told(bob, &address, "You have it").await;
        alice.say(DESK, "It drips").await;
        told(bob, &address, "It drips").await;
        (address, ticket)
    }

    /// What a listener is told next of the agents' typing.
    async fn agents_typing(stream: &mut Stream, ticket: &str, count: usize) -> Vec<bool> {
        let mut heard = Vec::new();
        let listening = async {
            while heard.len() < count {
                let (_, kind, data) = stream.next().await.unwrap();
                if kind == "typing" && data["by"] == "agent" {
                    assert_eq!(data["ticket_id"], ticket);
                    heard.push(data["typing"].as_bool().unwrap());
                }
            }
        };
        // What does not come is missed in what came.
        let _ = tokio::time::timeout(PATIENCE, listening).await;
        heard
    }

    async fn assign(app: &Running, ticket: &str, agent: &str) {
        let path = format!("/api/v1/xmpp/tickets/{ticket}/assign");
        let answer = app.rest.post(&token(Role::Admin, "root"), &path, &json!({ "agent": agent })).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
    }

    pub async fn an_agents_typing_is_shown_to_the_customer_while_it_has_the_ticket(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        let mut carol = Client::login(&server, "carol", "desk").await;
        let (address, ticket) = taken(&app, &mut alice, &mut bob).await;
        let port = app.rest.port();
        let mut watching = Vec::new();
        for who in [token(Role::Admin, "root"), token(Role::Customer, "alice@localhost")] {
            let mut stream = Stream::open(port, &who, None, None).await.unwrap();
            stream.next().await;
            watching.push(stream);
        }
        alice.drain(Duration::from_millis(100)).await;

        state(&mut bob, &address, "composing").await;
        assert_eq!(shown(&mut alice, DESK).await, alone("composing"));
        state(&mut bob, &address, "composing").await;
        bob.say(&address, "Close the tap.").await;
        // The message itself ends it.
        assert_eq!(shown(&mut alice, DESK).await, ("active".to_owned(), Some("Close the tap.".to_owned())));
        state(&mut bob, &address, "paused").await;

        // Who has not the ticket may not speak in it, and writes nothing that the customer could wait for.
        state(&mut carol, &address, "composing").await;
        carol.say(&address, "/tags").await;
        told(&mut carol, &address, "No tags").await;
        assert!(left(&alice.seen_until_pong(DESK).await).is_empty());

        // The customer does not learn when a note is made or a command given: it goes on while the agent types on,
        state(&mut bob, &address, "composing").await;
        assert_eq!(shown(&mut alice, DESK).await, alone("composing"));
        tokio::time::sleep(BETWEEN_BEGINNINGS).await;
        bob.say(&address, "// She is right").await;
        at_once(&mut bob, &address, "composing").await;
        bob.say(&address, "/help").await;
        bob.say(&address, "And wait.").await;
        assert_eq!(shown(&mut alice, DESK).await, ("active".to_owned(), Some("And wait.".to_owned())));
        // ends when the agent's client says so,
        state(&mut bob, &address, "composing").await;
        assert_eq!(shown(&mut alice, DESK).await, alone("composing"));
        tokio::time::sleep(BETWEEN_BEGINNINGS).await;
        bob.say(&address, "// And again").await;
        at_once(&mut bob, &address, "paused").await;
        at_once(&mut bob, &address, "composing").await;
        assert_eq!(shown(&mut alice, DESK).await, alone("paused"));
        assert_eq!(shown(&mut alice, DESK).await, alone("composing"));
        // and by itself.
        bob.say(&address, "/note She has no tap").await;
        assert_eq!(shown(&mut alice, DESK).await, alone("paused"));
        // A command that speaks to the customer ends it as a message does.
        state(&mut bob, &address, "composing").await;
        assert_eq!(shown(&mut alice, DESK).await, alone("composing"));
        bob.say(&address, "/reply Is it off?").await;
        assert_eq!(shown(&mut alice, DESK).await, ("active".to_owned(), Some("Is it off?".to_owned())));
        state(&mut bob, &address, "composing").await;
        assert_eq!(shown(&mut alice, DESK).await, alone("composing"));
        bob.say(&address, "Or not?").await;
        assert_eq!(shown(&mut alice, DESK).await, ("active".to_owned(), Some("Or not?".to_owned())));

        // Whatever takes the ticket away ends it.
        state(&mut bob, &address, "composing").await;
        assert_eq!(shown(&mut alice, DESK).await, alone("composing"));
        assign(&app, &ticket, "carol@localhost").await;
        assert_eq!(shown(&mut alice, DESK).await, alone("paused"));
        state(&mut bob, &address, "gone").await;
        bob.say(&address, "/tags").await;
        told(&mut bob, &address, "No tags").await;
        assert!(left(&alice.seen_until_pong(DESK).await).is_empty());

        // Who watches hears of it in any case; a client that knows no chat states is shown none.
        plain(&mut alice, DESK, "plain").await;
        told(&mut carol, &address, "plain").await;
        state(&mut carol, &address, "composing").await;
        for stream in &mut watching {
            let expected = [true, true, true, false, true, false, true, true, true, false, true];
            assert_eq!(agents_typing(stream, &ticket, expected.len()).await, expected);
        }
        // Who has gone types no more.
        carol.send(&format!("<presence type='unavailable' to='{DESK}'/>")).await;
        for stream in &mut watching {
            assert_eq!(agents_typing(stream, &ticket, 1).await, [false]);
        }
        assert!(left(&alice.seen_until_pong(DESK).await).is_empty());
        app.stop().await;
    }

    pub async fn a_customers_typing_is_shown_to_the_client_of_who_has_the_ticket(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        let mut carol = Client::login(&server, "carol", "desk").await;
        let (address, ticket) = taken(&app, &mut alice, &mut bob).await;
        bob.drain(Duration::from_millis(100)).await;

        state(&mut alice, DESK, "composing").await;
        assert_eq!(shown(&mut bob, &address).await, alone("composing"));
        state(&mut alice, DESK, "paused").await;
        assert_eq!(shown(&mut bob, &address).await, alone("paused"));
        state(&mut alice, DESK, "composing").await;
        assert_eq!(shown(&mut bob, &address).await, alone("composing"));
        alice.say(DESK, "A lot").await;
        assert_eq!(shown(&mut bob, &address).await, alone("active"));
        assert_eq!(shown(&mut bob, &address).await, ("active".to_owned(), Some("A lot".to_owned())));

        // Who gets the ticket is shown it when its client has said something that carries a chat state.
        state(&mut alice, DESK, "composing").await;
        assert_eq!(shown(&mut bob, &address).await, alone("composing"));
        assign(&app, &ticket, "carol@localhost").await;
        told(&mut bob, &address, "root has given this ticket to Carol").await;
        assert_eq!(shown(&mut bob, &address).await, alone("paused"));
        alice.say(DESK, "On and on").await;
        told(&mut carol, &address, "On and on").await;
        state(&mut alice, DESK, "composing").await;
        alice.say(DESK, "And on").await;
        told(&mut carol, &address, "And on").await;
        plain(&mut carol, &address, "Moment").await;
        told(&mut alice, DESK, "Moment").await;
        state(&mut alice, DESK, "composing").await;
        alice.say(DESK, "Yes").await;
        told(&mut carol, &address, "Yes").await;
        assert!(left(&carol.drain(Duration::from_millis(100)).await).is_empty());
        carol.say(&address, "Here I am").await;
        told(&mut alice, DESK, "Here I am").await;
        state(&mut alice, DESK, "composing").await;
        assert_eq!(shown(&mut carol, &address).await, alone("composing"));
        assert!(left(&bob.drain(Duration::from_millis(100)).await).is_empty());

        // Who goes offline types no more, and may begin anew.
        let mut watching = Stream::open(app.rest.port(), &token(Role::Admin, "root"), None, None).await.unwrap();
        watching.next().await;
        alice.send(&format!("<presence type='unavailable' to='{DESK}'/>")).await;
        assert_eq!(shown(&mut carol, &address).await, alone("paused"));
        assert!(!typing(&mut watching).await);
        state(&mut alice, DESK, "composing").await;
        assert_eq!(shown(&mut carol, &address).await, alone("composing"));
        assert!(typing(&mut watching).await);
        app.stop().await;
    }

    /// What a listener is told next of a customer's typing.
    async fn typing(stream: &mut Stream) -> bool {
        loop {
            let (_, kind, data) = stream.next().await.unwrap();
            if kind == "typing" && data["by"] == "customer" {
                return data["typing"].as_bool().unwrap();
            }
        }
    }

    /// The next chat state from this address without words: what else the agents are told comes with one, too.
    async fn shown_alone(client: &mut Client, from: &str) -> String {
        let fits = |stanza: &Element| {
            stanza.attr("from") == Some(from) && chat_state(stanza).is_some() && body(stanza).is_none()
        };
        chat_state(&client.expect("a chat state alone", fits).await).unwrap().to_owned()
    }

    /// The chat states without words that have come.
    fn bare_states(stanzas: &[Element]) -> Vec<&str> {
        stanzas.iter().filter(|stanza| body(stanza).is_none()).filter_map(chat_state).collect()
    }

    pub async fn a_hand_over_ends_what_is_shown_and_the_next_agent_is_shown_the_customer(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        let mut carol = Client::login(&server, "carol", "desk").await;
        let (address, ticket) = taken(&app, &mut alice, &mut bob).await;
        alice.drain(Duration::from_millis(100)).await;

        // Over REST. Carol's client has said something, so that it is known to show chat states.
        carol.say(&address, "/tags").await;
        told(&mut carol, &address, "No tags").await;
        state(&mut bob, &address, "composing").await;
        assert_eq!(shown_alone(&mut alice, DESK).await, "composing");
        assign(&app, &ticket, "carol@localhost").await;
        assert_eq!(shown_alone(&mut alice, DESK).await, "paused");
        bob.drain(Duration::from_millis(100)).await;
        state(&mut alice, DESK, "composing").await;
        assert_eq!(shown_alone(&mut carol, &address).await, "composing");
        state(&mut alice, DESK, "paused").await;
        assert_eq!(shown_alone(&mut carol, &address).await, "paused");
        assert!(bare_states(&bob.drain(Duration::from_millis(100)).await).is_empty());

        // In the chat: who has it gives it back, and the other takes it. Before that, wanting it ends nothing.
        state(&mut carol, &address, "composing").await;
        assert_eq!(shown_alone(&mut alice, DESK).await, "composing");
        bob.say(&address, "/claim").await;
        told(&mut bob, &address, "Not done").await;
        carol.say(&address, "/release queue").await;
        assert_eq!(shown_alone(&mut alice, DESK).await, "paused");
        told(&mut carol, &address, "It is back in the queue").await;
        bob.say(&address, "/claim").await;
        told(&mut bob, &address, "You have it").await;
        carol.drain(Duration::from_millis(100)).await;
        state(&mut alice, DESK, "composing").await;
        assert_eq!(shown_alone(&mut bob, &address).await, "composing");
        assert!(bare_states(&carol.drain(Duration::from_millis(100)).await).is_empty());
        assert!(bare_states(&alice.seen_until_pong(DESK).await).is_empty());
        app.stop().await;
    }
}
