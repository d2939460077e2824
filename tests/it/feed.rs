//! The XMPP server's event feed: Prosody with our module tells of real rooms and real people in them.

use crate::support::scenario;

scenario!(a_room_is_told_from_its_making_to_its_end);
scenario!(what_happens_while_deskbridge_is_down_is_told_later_in_order);
scenario!(prosody_goes_on_where_it_was_killed);
scenario!(a_tickets_room_shows_who_is_there);

mod what_happens_while_deskbridge_is_down_for_a_minute_is_told_later_in_order {
    use std::time::Duration;

    use crate::support::database::Database;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "takes over a minute"]
    async fn sqlite() {
        super::scenarios::told_later(Database::sqlite(), Duration::from_secs(60)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "takes over a minute"]
    async fn postgres() {
        super::scenarios::told_later(Database::postgres().await, Duration::from_secs(60)).await;
    }
}

pub mod scenarios {
    use std::time::Duration;

    use deskbridge::helpdesk::Role;
    use serde_json::{Value, json};
    use xmpp_parsers::minidom::Element;

    use crate::{
        rooms::scenarios::{join, meet, setting, told},
        support::{
            client::Client,
            database::Database,
            eventually,
            server::{Kind, Server, free_port},
            stage::{Rest, Running, Setting, program, token},
        },
    };

    const TEA: &str = "tea@rooms.localhost";
    const CAKE: &str = "cake@rooms.localhost";

    /// A Prosody that tells whoever listens at this port.
    async fn teller(port: u16) -> Server {
        let token = program(&["rooms:write"]);
        let mut server = Server::start(Kind::Prosody).await;
        server.kill();
        server.rooms = format!(
            "  modules_enabled = {{ \"deskbridge_events\" }}\n  deskbridge_events_url = \"http://127.0.0.1:{port}/\"\n  \
             deskbridge_events_token = \"{token}\"\n  deskbridge_events_max_delay = 1\n  deskbridge_events_send_ip = true\n"
        );
        server.restart().await;
        server
    }

    fn listening<'a>(server: &'a Server, database: &'a Database, port: u16) -> Setting<'a> {
        Setting { http: port, ..setting(server, database) }
    }

    async fn list(rest: &Rest, path: &str) -> Vec<Value> {
        let answer = rest.get(&token(Role::Agent, "eve"), path).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json.as_array().unwrap().clone()
    }

    /// The rooms at an address, the newest first.
    async fn rooms_at(rest: &Rest, jid: &str) -> Vec<Value> {
        list(rest, &format!("/api/v1/rooms?jid={jid}")).await
    }

    /// Who is or was in a room: address, name, role, and whether they are there; by address.
    async fn people(rest: &Rest, room: &Value) -> Vec<(String, String, String, bool)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let rows = list(rest, &format!("/api/v1/rooms/{}/occupants", text(&room["session"]))).await;
        let row = |row: &Value| (text(&row["jid"]), text(&row["nick"]), text(&row["role"]), row["left_at"].is_null());
        let mut rows: Vec<_> = rows.iter().map(row).collect();
        rows.sort();
        rows
    }

    /// Waits until these people are known of the newest room at an address, and gives the room.
    async fn knows(server: &Server, rest: &Rest, jid: &str, expected: &[(&str, &str, &str, bool)]) -> Value {
        let last = std::cell::RefCell::new(Vec::new());
        let found = tokio::time::timeout(
            Duration::from_secs(25),
            eventually("the room is known", || async {
                let room = rooms_at(rest, jid).await.into_iter().next()?;
                let found = people(rest, &room).await;
                let same = found.len() == expected.len()
                    && found.iter().zip(expected).all(|((jid, nick, role, there), known)| {
                        (jid.as_str(), nick.as_str(), role.as_str(), *there) == *known
                    });
                *last.borrow_mut() = found;
                same.then_some(room)
            }),
        );
        found.await.unwrap_or_else(|_| panic!("known: {:?}\nexpected: {expected:?}\n{}", last.borrow(), server.log()))
    }

    async fn ended(rest: &Rest, jid: &str) -> Value {
        eventually("the room has ended", || async {
            rooms_at(rest, jid).await.into_iter().next().filter(|room| room["ended_at"].is_string())
        })
        .await
    }

    /// Asks a room for something and waits for its consent.
    async fn order(client: &mut Client, room: &str, id: &str, query: &str) {
        client.send(&format!("<iq type='set' to='{room}' id='{id}'>{query}</iq>")).await;
        let answer = client.expect("the room's answer", |stanza| stanza.attr("id") == Some(id)).await;
        assert_eq!(answer.attr("type"), Some("result"), "{}", String::from(&answer));
    }

    const OPEN: &str =
        "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>";
    const DESTROY: &str = "<query xmlns='http://jabber.org/protocol/muc#owner'><destroy/></query>";

    fn role(nick: &str, role: &str) -> String {
        format!("<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='{nick}' role='{role}'/></query>")
    }

    async fn leave(client: &mut Client, place: &str) {
        client.send(&format!("<presence type='unavailable' to='{place}'/>")).await;
        let gone = |stanza: &Element| stanza.attr("from") == Some(place) && stanza.attr("type") == Some("unavailable");
        client.expect("to be out", gone).await;
    }

    async fn started(server: &Server, database: &Database, port: u16) -> Running {
        listening(server, database, port).start().await
    }

    pub async fn a_room_is_told_from_its_making_to_its_end(database: Database) {
        let port = free_port();
        let server = teller(port).await;
        let app = started(&server, &database, port).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "lap top").await;
        join(&mut alice, TEA, "Alice").await;
        order(&mut alice, TEA, "open", OPEN).await;
        let expected = [("alice@localhost/phone", "Alice", "moderator", true)];
        let room = knows(&server, &app.rest, TEA, &expected).await;
        assert_eq!((&room["name"], &room["jid"], &room["ended_at"]), (&json!("tea"), &json!(TEA), &Value::Null));
        assert!(room["session"].as_str().is_some_and(|session| session.len() == 36), "{room}");

        bob.send(&format!(
            "<presence to='{TEA}/Bob'><x xmlns='http://jabber.org/protocol/muc'/><email>bob@mail.example</email></presence>"
        ))
        .await;
        let bobs = |nick: &'static str, role: &'static str, there| {
            [("alice@localhost/phone", "Alice", "moderator", true), ("bob@localhost/lap top", nick, role, there)]
        };
        knows(&server, &app.rest, TEA, &bobs("Bob", "participant", true)).await;
        let path = format!("/api/v1/rooms/{}/occupants", room["session"].as_str().unwrap());
        let seen = list(&app.rest, &path).await[0].clone();
        assert_eq!((&seen["email"], &seen["ip"]), (&json!("bob@mail.example"), &json!("127.0.0.1")));
        order(&mut alice, TEA, "role", &role("Bob", "moderator")).await;
        knows(&server, &app.rest, TEA, &bobs("Bob", "moderator", true)).await;
        // Another name is another look, not another person.
        bob.send(&format!("<presence to='{TEA}/Robert'/>")).await;
        knows(&server, &app.rest, TEA, &bobs("Robert", "moderator", true)).await;
        leave(&mut bob, &format!("{TEA}/Robert")).await;
        knows(&server, &app.rest, TEA, &bobs("Robert", "moderator", false)).await;
        bob.drain(Duration::from_millis(100)).await;
        join(&mut bob, TEA, "Bob").await;
        knows(&server, &app.rest, TEA, &bobs("Bob", "participant", true)).await;
        order(&mut alice, TEA, "kick", &role("Bob", "none")).await;
        knows(&server, &app.rest, TEA, &bobs("Bob", "participant", false)).await;
        order(&mut alice, TEA, "end", DESTROY).await;
        let gone = ended(&app.rest, TEA).await;
        assert_eq!(gone["session"], room["session"]);
        assert!(people(&app.rest, &room).await.iter().all(|(.., there)| !there));
        app.stop().await;
    }

    pub async fn what_happens_while_deskbridge_is_down_is_told_later_in_order(database: Database) {
        told_later(database, Duration::from_secs(3)).await;
    }

    /// Rooms that are there only while Deskbridge is down.
    const BRIEF: u32 = 6;

    fn brief(number: u32) -> String {
        format!("brief{number}@rooms.localhost")
    }

    /// Who made a room that has ended.
    fn of(name: &str, nick: &str) -> (String, String, String, bool) {
        (format!("{name}@localhost/desk"), nick.to_owned(), "moderator".to_owned(), false)
    }

    /// Deskbridge is down for as long as `down`, while people come, change and go.
    pub async fn told_later(database: Database, down: Duration) {
        let port = free_port();
        let server = teller(port).await;
        let app = started(&server, &database, port).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        let mut carol = Client::login(&server, "carol", "desk").await;
        join(&mut alice, TEA, "Alice").await;
        order(&mut alice, TEA, "open", OPEN).await;
        knows(&server, &app.rest, TEA, &[("alice@localhost/phone", "Alice", "moderator", true)]).await;
        join(&mut carol, CAKE, "Carol").await;
        knows(&server, &app.rest, CAKE, &[("carol@localhost/desk", "Carol", "moderator", true)]).await;
        app.stop().await;
        // Two come, one goes; a room ends, and others are there only meanwhile.
        join(&mut bob, TEA, "Bob").await;
        join(&mut carol, TEA, "Carol").await;
        order(&mut alice, TEA, "role", &role("Carol", "moderator")).await;
        order(&mut carol, CAKE, "end", DESTROY).await;
        for number in 0..BRIEF {
            tokio::time::sleep(down / BRIEF).await;
            join(&mut bob, &brief(number), "Bob").await;
            order(&mut bob, &brief(number), &format!("end{number}"), DESTROY).await;
        }
        leave(&mut bob, &format!("{TEA}/Bob")).await;

        let app = started(&server, &database, port).await;
        let expected = [
            ("alice@localhost/phone", "Alice", "moderator", true),
            ("bob@localhost/desk", "Bob", "participant", false),
            ("carol@localhost/desk", "Carol", "moderator", true),
        ];
        let room = knows(&server, &app.rest, TEA, &expected).await;
        assert_eq!(room["ended_at"], Value::Null);
        // By the times when it happened, not when it was told.
        let path = format!("/api/v1/rooms/{}/occupants?present=false", room["session"].as_str().unwrap());
        let stay = list(&app.rest, &path).await[0].clone();
        let time = |name: &str| chrono::DateTime::parse_from_rfc3339(stay[name].as_str().unwrap()).unwrap();
        assert!(time("left_at") - time("joined_at") >= chrono::TimeDelta::from_std(down).unwrap(), "{stay}");
        let cake = ended(&app.rest, CAKE).await;
        assert_eq!(people(&app.rest, &cake).await, [of("carol", "Carol")]);
        let mut since = cake["ended_at"].as_str().unwrap().to_owned();
        for number in 0..BRIEF {
            let brief = ended(&app.rest, &brief(number)).await;
            assert_eq!(people(&app.rest, &brief).await, [of("bob", "Bob")]);
            let (from, to) = (brief["created_at"].as_str().unwrap(), brief["ended_at"].as_str().unwrap());
            assert!(since.as_str() < from && from <= to, "{since} {brief}");
            since = to.to_owned();
        }
        assert_eq!(list(&app.rest, "/api/v1/rooms").await.len(), 2 + BRIEF as usize);
        app.stop().await;
    }

    pub async fn prosody_goes_on_where_it_was_killed(database: Database) {
        let port = free_port();
        let mut server = teller(port).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        join(&mut alice, TEA, "Alice").await;
        // Within a second the queue is on disk.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        server.kill();
        server.restart().await;
        let app = started(&server, &database, port).await;
        let expected = [("alice@localhost/phone", "Alice", "moderator", false)];
        let first = knows(&server, &app.rest, TEA, &expected).await;
        ended(&app.rest, TEA).await;
        // The next life of the room is another one.
        let mut alice = Client::login(&server, "alice", "phone").await;
        join(&mut alice, TEA, "Alice").await;
        let second = eventually("the room is there again", || async {
            rooms_at(&app.rest, TEA).await.into_iter().find(|room| room["ended_at"].is_null())
        })
        .await;
        assert_ne!(first["session"], second["session"]);
        app.stop().await;
    }

    pub async fn a_tickets_room_shows_who_is_there(database: Database) {
        let port = free_port();
        let server = teller(port).await;
        let app = started(&server, &database, port).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "desktop").await;
        let (address, room) = meet(&app, &mut alice, &mut bob).await;
        let id = app.rest.tickets_of("alice@localhost").await[0]["id"].as_str().unwrap().to_owned();
        let shown = || async {
            let path = format!("/api/v1/xmpp/tickets/{id}");
            app.rest.get(&token(Role::Agent, "eve"), &path).await.json
        };
        let names = |ticket: &Value| -> Option<Vec<String>> {
            let there = ticket["participants"].as_array()?;
            Some(there.iter().map(|one| one["jid"].as_str().unwrap().to_owned()).collect())
        };
        let both = ["alice@localhost/phone", "bob@localhost/desktop"];
        let ticket = eventually("both are shown on the ticket", || async {
            Some(shown().await).filter(|ticket| names(ticket).is_some_and(|there| there == both))
        })
        .await;
        assert_eq!(ticket["room"], room);
        leave(&mut bob, &format!("{room}/Bob")).await;
        eventually("who has left is not shown", || async { (names(&shown().await)?.len() == 1).then_some(()) }).await;
        told(&mut bob, &address, "/resolve", "Resolved.").await;
        ended(&app.rest, &room).await;
        eventually("the ticket has no room", || async { shown().await["room"].is_null().then_some(()) }).await;
        app.stop().await;
    }
}
