//! The XMPP server's event feed: its words and codes, what is repeated, and what overtakes what.

use super::*;

const ROOMS: &str = "/api/v1/rooms";
const OCCUPANTS: &str = "/api/v1/occupants";
const ROOM: &str = "tea@rooms.example.org";
const PHONE: &str = "/api/v1/occupants/ann%40example.com%2Fphone";

fn prosody() -> String {
    program(&["rooms:write"])
}

fn room(session: &str) -> Value {
    json!({ "name": "tea", "session": session, "jid": ROOM })
}

fn ann() -> Value {
    json!({ "jid": "ann@example.com/phone", "roomJid": ROOM, "nick": "Ann", "role": "participant" })
}

/// The same, at this second.
fn at(mut event: Value, second: u32) -> Value {
    event["at"] = json!(format!("2030-01-31T09:00:{second:02}.000001Z"));
    event
}

impl Desks {
    /// Tells something as the XMPP server; gives the code and the words.
    async fn tell(&self, method: Method, path: &str, body: Value) -> (u16, String, String) {
        let answer = self.ask(request(method, path, Some(&prosody()), Some(body.to_string()))).await;
        let words = answer.json();
        assert_eq!(words.as_object().unwrap().len(), 2, "{words}");
        let word = |name: &str| words[name].as_str().unwrap().to_owned();
        (answer.status.as_u16(), word("status"), word("message"))
    }

    async fn make(&self, body: Value) -> (u16, String, String) {
        self.tell(Method::POST, ROOMS, body).await
    }

    async fn end(&self, session: &str, body: Value) -> (u16, String, String) {
        self.tell(Method::DELETE, &format!("{ROOMS}/{session}"), body).await
    }

    async fn come(&self, body: Value) -> (u16, String, String) {
        self.tell(Method::POST, OCCUPANTS, body).await
    }

    async fn turn(&self, body: Value) -> (u16, String, String) {
        self.tell(Method::PUT, PHONE, body).await
    }

    async fn go(&self, body: Value) -> (u16, String, String) {
        self.tell(Method::DELETE, PHONE, body).await
    }

    /// The rooms that agents see: their sessions, and whether they are there.
    async fn rooms(&self) -> Vec<(String, bool)> {
        let rooms = self.get(&agent("eve"), ROOMS).await.ok(200);
        let row = |room: &Value| (room["session"].as_str().unwrap().to_owned(), room["ended_at"].is_null());
        rooms.as_array().unwrap().iter().map(row).collect()
    }

    /// Who is or was in a room: name, role, and whether they are there.
    async fn people(&self, session: &str) -> Vec<(String, String, bool)> {
        let people = self.get(&agent("eve"), &format!("{ROOMS}/{session}/occupants")).await.ok(200);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let row = |one: &Value| (text(&one["nick"]), text(&one["role"]), one["left_at"].is_null());
        people.as_array().unwrap().iter().map(row).collect()
    }
}

fn told(code: u16, status: &str, message: &str) -> (u16, String, String) {
    (code, status.to_owned(), message.to_owned())
}

fn person(nick: &str, role: &str, is_there: bool) -> (String, String, bool) {
    (nick.to_owned(), role.to_owned(), is_there)
}

const DUPLICATE_ROOM: &str = "room already exist with same session ID";
const DUPLICATE_JID: &str = "occupant already exist with same JID";
const NO_OCCUPANT: &str = "Cannot find occupant with jid";

#[tokio::test]
async fn a_room_and_its_people_are_told_in_the_words_of_the_reference() {
    let desks = Desks::new().await;
    let here = || json!({ "roomJid": ROOM });
    assert_eq!(
        desks.end("s1", json!({ "jid": ROOM })).await,
        told(404, "no-room", "room record with session not exist")
    );
    assert_eq!(desks.come(ann()).await, told(400, "no-room", "Cannot find room with roomJid"));
    assert_eq!(desks.make(room("s2")).await, told(200, "success", "room created successfully"));
    assert_eq!(desks.make(room("s2")).await, told(400, "duplicate", DUPLICATE_ROOM));
    let mut full = ann();
    for (field, value) in [("email", "ann@mail.example"), ("avatar", "https://a.example/1.png"), ("ip", "2001:db8::1")]
    {
        full[field] = json!(value);
    }
    full["userAgent"] = json!("Tea/1.0");
    assert_eq!(desks.come(full).await, told(200, "success", "occupant created successfully"));
    assert_eq!(desks.come(ann()).await, told(400, "duplicate", DUPLICATE_JID));
    let more = json!({ "roomJid": ROOM, "nick": "Annie", "role": "moderator", "email": "" });
    assert_eq!(desks.turn(more).await, told(200, "success", "occupant updated successfully"));
    assert_eq!(desks.turn(here()).await.1, "success");
    let path = format!("{ROOMS}/s2/occupants");
    let mut seen = desks.get(&admin(), &path).await.ok(200)[0].take();
    assert!(seen["joined_at"].take().is_string());
    let expected = json!({
        "jid": "ann@example.com/phone", "nick": "Annie", "role": "moderator", "email": null,
        "avatar": "https://a.example/1.png", "user_agent": "Tea/1.0", "ip": "2001:db8::1", "joined_at": null, "left_at": null,
    });
    assert_eq!(seen, expected);
    assert_eq!(desks.go(here()).await, told(200, "success", "occupant destroyed successfully"));
    assert_eq!(desks.go(here()).await, told(400, "no-occupant", NO_OCCUPANT));
    assert_eq!(desks.turn(here()).await, told(400, "no-occupant", NO_OCCUPANT));
    assert_eq!(desks.come(ann()).await.0, 200, "who has left may come again");
    assert_eq!(desks.end("s2", json!({ "jid": ROOM })).await, told(200, "success", "room ended successfully"));
    assert_eq!(desks.end("s2", json!({ "jid": ROOM })).await, told(400, "duplicate", DUPLICATE_ROOM));
    assert_eq!(desks.people("s2").await, [person("Ann", "participant", false)], "all leave with the room");
    // What is known of the end of a room that never came is no room.
    assert_eq!(desks.rooms().await, [("s2".to_owned(), false)]);
}

#[tokio::test]
async fn what_overtakes_what_came_before_it_does_not_bring_it_back() {
    let desks = Desks::new().await;
    // The end before the room, without times; then the room, twice.
    assert_eq!(desks.end("s1", json!({ "jid": ROOM })).await.0, 404);
    assert_eq!(desks.end("s1", json!({ "jid": ROOM })).await.0, 404);
    assert_eq!(desks.make(room("s1")).await.1, "success");
    assert_eq!(desks.make(room("s1")).await.1, "duplicate");
    assert_eq!(desks.rooms().await, [("s1".to_owned(), false)]);
    assert_eq!(desks.come(ann()).await.1, "no-room");
    // The leave before the join; but what comes again after it has come.
    desks.make(at(room("s2"), 1)).await;
    assert_eq!(desks.go(json!({ "roomJid": ROOM })).await.1, "no-occupant");
    assert!(desks.people("s2").await.is_empty());
    assert_eq!(desks.come(ann()).await.1, "success");
    assert_eq!(desks.people("s2").await, [person("Ann", "participant", false)]);
    assert_eq!(desks.come(ann()).await.1, "success");
    assert_eq!(desks.people("s2").await, [person("Ann", "participant", true)]);
}

#[tokio::test]
async fn where_the_server_says_when_the_later_moment_counts() {
    let desks = Desks::new().await;
    let here = || json!({ "roomJid": ROOM });
    desks.make(at(room("s1"), 10)).await;
    // A leave before its join, and the join repeated.
    assert_eq!(desks.go(at(here(), 14)).await.1, "no-occupant");
    assert_eq!(desks.come(at(ann(), 12)).await.1, "success");
    assert_eq!(desks.come(at(ann(), 12)).await.1, "duplicate");
    assert_eq!(desks.people("s1").await, [person("Ann", "participant", false)]);
    // She comes again; what lies before that changes nothing.
    assert_eq!(desks.come(at(ann(), 20)).await.1, "success");
    assert_eq!(desks.go(at(here(), 14)).await.1, "no-occupant");
    assert_eq!(desks.turn(at(json!({ "roomJid": ROOM, "role": "moderator" }), 24)).await.1, "success");
    assert_eq!(desks.turn(at(json!({ "roomJid": ROOM, "role": "participant" }), 22)).await.1, "success");
    assert_eq!(desks.people("s1").await, [person("Ann", "moderator", true)]);
    assert_eq!(desks.go(at(here(), 30)).await.1, "success");
    assert_eq!(desks.come(at(ann(), 20)).await.1, "duplicate", "a join that is repeated after its leave");
    assert_eq!(desks.people("s1").await, [person("Ann", "moderator", false)]);
    // A new life of the room ends the old one, whichever is told first.
    desks.come(at(ann(), 32)).await;
    assert_eq!(desks.make(at(room("s3"), 50)).await.1, "success");
    assert_eq!(desks.make(at(room("s2"), 40)).await.1, "success");
    let expected = [("s2".to_owned(), false), ("s3".to_owned(), true), ("s1".to_owned(), false)];
    assert_eq!(desks.rooms().await, expected);
    assert_eq!(desks.people("s1").await, [person("Ann", "participant", false)]);
    assert_eq!(desks.end("s1", at(json!({ "jid": ROOM }), 45)).await.1, "duplicate");
    assert_eq!(desks.come(at(ann(), 45)).await.1, "no-room", "into a life of the room that is over");
    assert_eq!(desks.come(at(ann(), 52)).await.1, "success");
    let told: Vec<String> = kinds(&desks).await;
    let of = |kind: &str| told.iter().filter(|known| *known == kind).count();
    let counts =
        ["room.created", "room.ended", "participant.joined", "participant.updated", "participant.left"].map(of);
    assert_eq!(counts, [3, 2, 4, 1, 2], "{told:?}");
}

/// The kinds of all events in the log.
async fn kinds(desks: &Desks) -> Vec<String> {
    use sea_orm::EntityTrait;
    let rows = deskbridge_entity::event::Entity::find().all(desks.store.read()).await.unwrap();
    rows.into_iter().map(|row| row.kind).collect()
}

#[tokio::test]
async fn what_makes_no_sense_is_invalid_and_changes_nothing() {
    let desks = Desks::new().await;
    desks.make(room("s1")).await;
    desks.come(ann()).await;
    let with = |mut event: Value, field: &str, value: Value| {
        event[field] = value;
        event
    };
    let rooms = "room inputs validation fail";
    for (field, value) in [
        ("name", json!("")),
        ("name", json!(7)),
        ("session", Value::Null),
        ("session", json!("s".repeat(256))),
        ("session", json!("a\u{0}b")),
        ("jid", json!("@rooms.example.org")),
        ("jid", json!(format!("{ROOM}/nick"))),
        ("at", json!("yesterday")),
    ] {
        assert_eq!(desks.make(with(room("s9"), field, value)).await, told(422, "invalid", rooms), "{field}");
    }
    assert_eq!(desks.make(json!([])).await, told(422, "invalid", rooms));
    assert_eq!(desks.end("s1", json!({})).await, told(422, "invalid", rooms));
    assert_eq!(desks.end("s1", json!({ "jid": "other@rooms.example.org" })).await, told(422, "invalid", rooms));
    for session in ["%ff", "%00", "s".repeat(300).as_str()] {
        assert_eq!(desks.end(session, json!({ "jid": ROOM })).await.1, "no-room", "{session}");
    }
    let invalid = told(422, "invalid", "occupant inputs validation fail");
    for (field, value) in [
        ("jid", json!("@")),
        ("jid", json!(format!("{}@example.com", "a".repeat(1020)))),
        ("roomJid", json!("")),
        ("roomJid", Value::Null),
        ("nick", json!(" ")),
        ("nick", json!("a\nb")),
        ("role", json!("visitor")),
        ("role", json!("Moderator")),
        ("email", json!(["a"])),
        ("ip", json!("1".repeat(65))),
        ("at", json!("2030-01-31")),
    ] {
        assert_eq!(desks.come(with(ann(), field, value)).await, invalid, "{field}");
    }
    assert_eq!(desks.turn(json!({ "roomJid": ROOM, "role": "none" })).await, invalid);
    assert_eq!(desks.turn(json!({ "roomJid": ROOM, "nick": "" })).await, invalid);
    assert_eq!(desks.go(json!({})).await, invalid);
    for method in [Method::PUT, Method::DELETE] {
        for jid in ["%ff", "%40", "a%20b%40c"] {
            let path = format!("{OCCUPANTS}/{jid}");
            assert_eq!(desks.tell(method.clone(), &path, json!({ "roomJid": ROOM })).await, invalid, "{jid}");
        }
    }
    let mut broken = request(Method::POST, ROOMS, Some(&prosody()), Some("{".to_owned()));
    assert_eq!(desks.ask(broken).await.json()["message"], rooms);
    broken = request(Method::POST, ROOMS, Some(&prosody()), Some(room("s9").to_string()));
    broken.headers_mut().remove("content-type");
    desks.ask(broken).await.failure(415, "UNSUPPORTED_MEDIA_TYPE");
    desks.get(&prosody(), OCCUPANTS).await.failure(405, "METHOD_NOT_ALLOWED");
    assert_eq!(desks.rooms().await, [("s1".to_owned(), true)]);
    assert_eq!(desks.people("s1").await, [person("Ann", "participant", true)]);
}

#[tokio::test]
async fn programs_with_the_scope_tell_and_staff_read() {
    let desks = Desks::new().await;
    desks.make(room("s1")).await;
    desks.come(ann()).await;
    let here = json!({ "roomJid": ROOM });
    let writes = [
        (Method::POST, ROOMS.to_owned(), room("s9")),
        (Method::DELETE, format!("{ROOMS}/s1"), json!({ "jid": ROOM })),
        (Method::POST, OCCUPANTS.to_owned(), json!({ "jid": "bob@example.com" })),
        (Method::PUT, PHONE.to_owned(), here.clone()),
        (Method::DELETE, PHONE.to_owned(), here),
    ];
    let strangers =
        [customer(ANN), agent("eve"), agent_of("support"), admin(), program(&["tickets:write"]), program(&[])];
    for (method, path, body) in writes {
        for token in &strangers {
            let answer = desks.ask(request(method.clone(), &path, Some(token), Some(body.to_string()))).await;
            assert!(answer.failure(403, "FORBIDDEN").contains("rooms:write"), "{method} {path}");
        }
        for token in [None, Some("garbage")] {
            let answer = desks.ask(request(method.clone(), &path, token, Some(body.to_string()))).await;
            answer.failure(401, "UNAUTHORIZED");
        }
    }
    for path in [ROOMS.to_owned(), format!("{ROOMS}/s1/occupants")] {
        for token in [customer(ANN), prosody(), program(&["tickets:read"])] {
            desks.get(&token, &path).await.failure(403, "FORBIDDEN");
        }
        desks.ask(request(Method::GET, &path, None, None)).await.failure(401, "UNAUTHORIZED");
        for token in [agent("eve"), admin()] {
            assert_eq!(desks.get(&token, &path).await.ok(200).as_array().unwrap().len(), 1, "{path}");
        }
    }
    // Who answers at some desks has to do with the rooms of their tickets.
    assert_eq!(desks.get(&agent_of("support"), ROOMS).await.ok(200), json!([]));
    desks.get(&agent_of("support"), &format!("{ROOMS}/s1/occupants")).await.failure(404, "NOT_FOUND");
    desks.get(&admin(), &format!("{ROOMS}/s7/occupants")).await.failure(404, "NOT_FOUND");
}
