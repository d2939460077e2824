//! Rooms (XEP-0045): a ticket is taken to one, what is said there is kept, and it ends with the ticket.

use crate::support::scenario_on_any_server;

scenario_on_any_server!(a_ticket_is_taken_to_a_room_and_the_room_ends_with_it);
scenario_on_any_server!(a_room_outlives_a_restart);
scenario_on_any_server!(a_room_ends_with_its_customer_and_with_the_assistant);
scenario_on_any_server!(who_has_the_ticket_no_longer_is_sent_out_of_its_room);
scenario_on_any_server!(what_a_room_repeats_only_the_room_says_and_its_lines_count);
scenario_on_any_server!(what_cannot_be_a_room_is_told_to_the_agent);

pub mod scenarios {
    use std::time::Duration;

    use xmpp_parsers::minidom::Element;

    use deskbridge::helpdesk::{Caller, NewAgent, Role};
    use deskbridge_entity::agent::Duty;

    use crate::support::{
        client::{Client, body, error_condition},
        database::Database,
        eventually,
        server::Server,
        stage::{DESK, Running, Setting, lines},
    };

    const ROOMS: &str = "rooms.localhost";
    const USER: &str = "http://jabber.org/protocol/muc#user";

    /// Bob is an agent of the desk.
    pub fn setting<'a>(server: &'a Server, database: &'a Database) -> Setting<'a> {
        let mut setting = Setting::new(server, database, None);
        setting.rooms = Some(ROOMS);
        setting.desk = "agents = [{ jid = \"bob@localhost\", name = \"Bob\" }]\n".to_owned();
        setting
    }

    /// Alice has asked for a person, and Bob has her ticket. Gives its address.
    async fn claimed(app: &Running, alice: &mut Client, bob: &mut Client) -> String {
        alice.say(DESK, "/human My parcel is late").await;
        let ticket = app.rest.ticket_in("alice@localhost", "ESCALATED").await["ticket_id"].as_str().unwrap().to_owned();
        let address = format!("t-{}@help.localhost", &ticket.replace('-', "")[20..]);
        told(bob, &address, "/claim", "You have it").await;
        address
    }

    /// Writes to a ticket's address until the answer that begins like this comes.
    pub async fn told(bob: &mut Client, address: &str, words: &str, answer: &str) -> String {
        bob.say(address, words).await;
        said_by(bob, address, answer).await
    }

    async fn said_by(client: &mut Client, address: &str, begins: &str) -> String {
        let fits = |stanza: &Element| {
            stanza.attr("from") == Some(address) && body(stanza).is_some_and(|text| text.starts_with(begins))
        };
        body(&client.expect(&format!("'{begins}' from {address}"), fits).await).unwrap()
    }

    pub async fn join(client: &mut Client, room: &str, nick: &str) -> Element {
        let place = format!("{room}/{nick}");
        client.send(&format!("<presence to='{place}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")).await;
        let fits = |stanza: &Element| stanza.name() == "presence" && stanza.attr("from") == Some(&place);
        client.expect("its own presence in the room", fits).await
    }

    async fn says_there(client: &mut Client, room: &str, id: &str, text: &str) {
        client.send(&format!("<message to='{room}' type='groupchat' id='{id}'><body>{text}</body></message>")).await;
    }

    /// The room ends for one who is in it.
    async fn thrown_out(client: &mut Client, place: &str) {
        let fits = |stanza: &Element| {
            let told = stanza.get_child("x", USER);
            stanza.attr("from") == Some(place) && told.is_some_and(|told| told.has_child("destroy", USER))
        };
        client.expect("the end of the room", fits).await;
    }

    async fn line_is_kept(app: &Running, author: &str, text: &str) {
        eventually(&format!("'{text}' of the {author} is in the ticket"), || async {
            let id = app.rest.tickets_of("alice@localhost").await[0]["id"].as_str().unwrap().to_owned();
            let lines = lines(&app.rest.sync_as_agent(&id).await);
            lines.contains(&(author.to_owned(), text.to_owned())).then_some(())
        })
        .await;
    }

    async fn has_no_room(app: &Running) {
        let helpdesk = app.helpdesk.as_ref().unwrap();
        eventually("no ticket has a room", || async {
            helpdesk.tickets_in_rooms().await.unwrap().is_empty().then_some(())
        })
        .await;
    }

    /// The room that a text has a link to.
    fn room_in(text: &str) -> String {
        text.split_once("xmpp:").unwrap().1.split_once("?join").unwrap().0.to_owned()
    }

    /// Bob has a room for Alice's ticket, and both are there.
    pub async fn meet(app: &Running, alice: &mut Client, bob: &mut Client) -> (String, String) {
        let address = claimed(app, alice, bob).await;
        assert_eq!(told(bob, &address, "/room", "The room is being").await, "The room is being prepared.");
        let room = room_in(&said_by(bob, &address, "The room is xmpp:").await);
        assert!(room.starts_with(address.split_once('@').unwrap().0) && room.ends_with(ROOMS), "{room}");
        join(alice, &room, "Alice").await;
        join(bob, &room, "Bob").await;
        (address, room)
    }

    pub async fn a_ticket_is_taken_to_a_room_and_the_room_ends_with_it(server: &Server, database: Database) {
        let app = setting(server, &database).start().await;
        let mut alice = Client::login(server, "alice", "phone").await;
        let mut bob = Client::login(server, "bob", "desktop").await;
        let mut carol = Client::login(server, "carol", "laptop").await;
        let (address, room) = meet(&app, &mut alice, &mut bob).await;
        // Both ways of inviting, and words in the chat.
        let direct = |stanza: &Element| {
            let invitation = stanza.get_child("x", "jabber:x:conference");
            stanza.attr("from") == Some(DESK) && invitation.is_some_and(|x| x.attr("jid") == Some(&room))
        };
        alice.expect("a direct invitation", direct).await;
        let by_room = |stanza: &Element| {
            let told = stanza.get_child("x", USER);
            stanza.attr("from") == Some(&room) && told.is_some_and(|told| told.has_child("invite", USER))
        };
        alice.expect("the room's invitation", by_room).await;
        said_by(&mut alice, DESK, &format!("Bob invites you to a room, to talk there: xmpp:{room}?join")).await;
        // Nobody else comes in, and the customer does not see who the agent really is.
        let refused = join(&mut carol, &room, "Carol").await;
        assert_eq!(error_condition(&refused).as_deref(), Some("registration-required"));
        let bobs =
            |stanza: &Element| stanza.attr("from") == Some(&format!("{room}/Bob")) && stanza.name() == "presence";
        let shown = alice.expect("Bob's presence", bobs).await;
        let item = shown.get_child("x", USER).unwrap().get_child("item", USER).unwrap();
        assert_eq!(item.attr("jid"), None, "{}", String::from(&shown));

        says_there(&mut alice, &room, "a1", "It was blue").await;
        line_is_kept(&app, "customer", "It was blue").await;
        says_there(&mut bob, &room, "b1", "I look for it").await;
        line_is_kept(&app, "agent", "I look for it").await;
        let ticket = app.rest.ticket_in("alice@localhost", "PENDING").await;
        // What was said there is not said again, to either.
        let chat = |stanza: &Element| stanza.attr("type") == Some("chat");
        let came = alice.drain(Duration::from_millis(300)).await;
        let texts: Vec<_> = came.iter().filter(|stanza| chat(stanza)).filter_map(body).collect();
        assert!(!texts.iter().any(|text| text.contains("look for")), "{texts:?}");
        let came = bob.drain(Duration::from_millis(300)).await;
        let texts: Vec<_> = came.iter().filter(|stanza| chat(stanza)).filter_map(body).collect();
        assert!(!texts.iter().any(|text| text.contains("blue")), "{texts:?}");

        // An agent who is not there is told in the ticket's chat.
        bob.send(&format!("<presence type='unavailable' to='{room}/Bob'/>")).await;
        bob.expect("to be out", |stanza| stanza.attr("type") == Some("unavailable")).await;
        says_there(&mut alice, &room, "a2", "Are you there?").await;
        said_by(&mut bob, &address, "Are you there?").await;
        join(&mut bob, &room, "Bob").await;

        // Not a room's word: it changes nothing. Nor is anybody in a room a customer by that name.
        carol.send(&format!("<message to='{DESK}' type='groupchat' id='c1'><body>Forged</body></message>")).await;
        carol
            .send(&format!("<presence to='{DESK}'><x xmlns='{USER}'><item jid='alice@localhost'/></x></presence>"))
            .await;
        carol.ping(DESK).await;
        let secret = format!("<message to='{room}/Tea Support' type='chat' id='a3'><body>Psst</body></message>");
        alice.send(&secret).await;
        let answer = alice.expect("an error", |stanza| stanza.attr("id") == Some("a3")).await;
        assert_eq!(error_condition(&answer).as_deref(), Some("not-acceptable"));
        let id = ticket["ticket_id"].as_str().unwrap();
        let said = lines(&app.rest.sync_as_agent(id).await);
        assert!(!said.iter().any(|(_, text)| text.contains("Forged") || text.contains("Psst")), "{said:?}");
        assert!(app.rest.tickets_of("carol@localhost").await.is_empty());

        told(&mut bob, &address, "/resolve", "Resolved.").await;
        thrown_out(&mut alice, &format!("{room}/Alice")).await;
        has_no_room(&app).await;
        told(&mut bob, &address, "/room", "Not done: you do not have this ticket").await;
        app.stop().await;
    }

    pub async fn a_room_outlives_a_restart(server: &Server, database: Database) {
        let app = setting(server, &database).start().await;
        let mut alice = Client::login(server, "alice", "phone").await;
        let mut bob = Client::login(server, "bob", "desktop").await;
        let (address, room) = meet(&app, &mut alice, &mut bob).await;
        says_there(&mut alice, &room, "a1", "Before").await;
        line_is_kept(&app, "customer", "Before").await;
        app.stop().await;
        let gone = |stanza: &Element| {
            stanza.attr("from") == Some(&format!("{room}/Tea Support")) && stanza.attr("type") == Some("unavailable")
        };
        alice.expect("the desk to leave the room", gone).await;
        says_there(&mut alice, &room, "a2", "Meanwhile").await;
        alice.expect("its own line", |stanza| stanza.attr("id") == Some("a2")).await;

        let app = setting(server, &database).start().await;
        // Nobody knows for certain who had that name then.
        line_is_kept(&app, "system", "In the room Alice said: Meanwhile").await;
        says_there(&mut alice, &room, "a3", "After").await;
        line_is_kept(&app, "customer", "After").await;
        let id = app.rest.tickets_of("alice@localhost").await[0]["id"].as_str().unwrap().to_owned();
        let said = lines(&app.rest.sync_as_agent(&id).await);
        assert_eq!(said.iter().filter(|(_, text)| text.contains("Before")).count(), 1, "{said:?}");
        told(&mut bob, &address, "/resolve", "Resolved.").await;
        thrown_out(&mut alice, &format!("{room}/Alice")).await;
        has_no_room(&app).await;
        app.stop().await;
    }

    pub async fn a_room_ends_with_its_customer_and_with_the_assistant(server: &Server, database: Database) {
        let app = setting(server, &database).start().await;
        let mut alice = Client::login(server, "alice", "phone").await;
        let mut bob = Client::login(server, "bob", "desktop").await;
        let (address, room) = meet(&app, &mut alice, &mut bob).await;
        told(&mut bob, &address, "/release", "The assistant has it.").await;
        thrown_out(&mut alice, &format!("{room}/Alice")).await;
        has_no_room(&app).await;
        // Again, in the same ticket.
        told(&mut bob, &address, "/claim", "You have it").await;
        bob.drain(Duration::from_millis(100)).await;
        told(&mut bob, &address, "/room", "The room is being").await;
        let second = room_in(&said_by(&mut bob, &address, "The room is xmpp:").await);
        // A room that has ended does not come again.
        assert_ne!(second, room);
        join(&mut alice, &second, "Alice").await;
        alice.say(DESK, "/erase confirm").await;
        thrown_out(&mut alice, &format!("{second}/Alice")).await;
        app.stop().await;
    }

    /// What the room says of somebody's affiliation.
    fn affiliation(presence: &Element) -> Option<&str> {
        presence.get_child("x", USER)?.get_child("item", USER)?.attr("affiliation")
    }

    /// The room sends somebody out, and does not let that one in again.
    async fn sent_out(client: &mut Client, room: &str, nick: &str) {
        let place = format!("{room}/{nick}");
        let out = |stanza: &Element| stanza.attr("from") == Some(&place) && stanza.attr("type") == Some("unavailable");
        let presence = client.expect("to be sent out of the room", out).await;
        assert_eq!(affiliation(&presence), Some("none"), "{}", String::from(&presence));
        client.send(&format!("<presence to='{place}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")).await;
        // Before it, ejabberd also shows the place without its affiliation.
        let answered = |stanza: &Element| stanza.attr("from") == Some(&place) && stanza.attr("type") == Some("error");
        let refused = client.expect("an answer to coming again", answered).await;
        assert_eq!(error_condition(&refused).as_deref(), Some("registration-required"), "{}", String::from(&refused));
    }

    pub async fn who_has_the_ticket_no_longer_is_sent_out_of_its_room(server: &Server, database: Database) {
        let app = setting(server, &database).start().await;
        let helpdesk = app.helpdesk.clone().unwrap();
        let boss = Caller { id: "boss".to_owned(), name: None, role: Role::Admin, desks: None, scopes: Vec::new() };
        let carol_is_one = NewAgent {
            id: "carol".to_owned(),
            jid: Some("carol@localhost".parse().unwrap()),
            name: Some("Carol".to_owned()),
            desks: None,
            is_admin: false,
            duty: Duty::Auto,
        };
        helpdesk.bind_agent(&boss, carol_is_one).await.unwrap();
        let mut alice = Client::login(server, "alice", "phone").await;
        let mut bob = Client::login(server, "bob", "desktop").await;
        let mut carol = Client::login(server, "carol", "laptop").await;
        let (address, room) = meet(&app, &mut alice, &mut bob).await;
        // Given back to the queue: the customer stays alone.
        told(&mut bob, &address, "/release queue", "It is back in the queue.").await;
        sent_out(&mut bob, &room, "Bob").await;
        // A colleague takes it, and is an agent no longer.
        told(&mut carol, &address, "/claim", "You have it").await;
        said_by(&mut carol, &address, "The room is xmpp:").await;
        assert_eq!(affiliation(&join(&mut carol, &room, "Carol").await), Some("member"));
        helpdesk.remove_agent(&boss, "carol").await.unwrap();
        sent_out(&mut carol, &room, "Carol").await;
        // Nor does it outlive a restart.
        told(&mut bob, &address, "/claim", "You have it").await;
        said_by(&mut bob, &address, "The room is xmpp:").await;
        join(&mut bob, &room, "Bob").await;
        drop(helpdesk);
        app.stop().await;
        let mut setting = setting(server, &database);
        setting.desk = "agents = [\"dave@localhost\"]\n".to_owned();
        let app = setting.start().await;
        sent_out(&mut bob, &room, "Bob").await;
        says_there(&mut alice, &room, "a1", "Where is Bob?").await;
        line_is_kept(&app, "customer", "Where is Bob?").await;
        app.stop().await;
    }

    pub async fn what_a_room_repeats_only_the_room_says_and_its_lines_count(server: &Server, database: Database) {
        let mut setting = setting(server, &database);
        setting.desk.push_str("limits = { messages_per_minute = 5 }\n");
        let app = setting.start().await;
        let mut alice = Client::login(server, "alice", "phone").await;
        let mut bob = Client::login(server, "bob", "desktop").await;
        let (_, room) = meet(&app, &mut alice, &mut bob).await;
        for by in ["", &format!("from='{room}'"), "from='alice@localhost'"] {
            let delay = format!("<delay xmlns='urn:xmpp:delay' {by} stamp='2026-11-25T10:00:00Z'/>");
            let line = format!("<message to='{room}' type='groupchat'><body>Late {}</body>{delay}</message>", by.len());
            alice.send(&line).await;
            line_is_kept(&app, "customer", &format!("Late {}", by.len())).await;
        }
        for number in 0..20 {
            says_there(&mut alice, &room, &format!("a{number}"), &format!("line {number}")).await;
        }
        let warned = |stanza: &Element| {
            body(stanza).is_some_and(|text| text.starts_with("That was more than 5 messages in a minute"))
        };
        alice.expect("a warning in the room", warned).await;
        says_there(&mut bob, &room, "b1", "Slowly, please").await;
        line_is_kept(&app, "agent", "Slowly, please").await;
        let id = app.rest.tickets_of("alice@localhost").await[0]["id"].as_str().unwrap().to_owned();
        let said = lines(&app.rest.sync_as_agent(&id).await);
        let of = |author: &str, begins: &str| {
            said.iter().filter(|(who, text)| who == author && text.starts_with(begins)).count()
        };
        assert_eq!(
            (of("customer", "line"), of("system", "In the room Alice says more than is kept")),
            (2, 1),
            "{said:?}"
        );
        assert_eq!(of("system", "In the room Alice said"), 0, "{said:?}");
        assert_eq!(bob.drain(Duration::from_millis(300)).await.iter().filter(|stanza| warned(stanza)).count(), 1);
        app.stop().await;
    }

    pub async fn what_cannot_be_a_room_is_told_to_the_agent(server: &Server, database: Database) {
        let mut alice = Client::login(server, "alice", "phone").await;
        let mut bob = Client::login(server, "bob", "desktop").await;
        let mut setting = setting(server, &database);
        setting.rooms = None;
        let app = setting.start().await;
        let address = claimed(&app, &mut alice, &mut bob).await;
        told(&mut bob, &address, "/room", "Not done: no rooms are set up here").await;
        app.stop().await;

        setting.rooms = Some("nobody.localhost");
        let app = setting.start().await;
        told(&mut bob, &address, "/room", "The room could not be made: ").await;
        has_no_room(&app).await;
        app.stop().await;
    }
}
