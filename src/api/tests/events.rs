//! `/api/v1/xmpp/events`: who is told what, live and afterwards; who is cut off, and when it ends.

use futures::StreamExt;
use jid::BareJid;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    api::serve::{Bounds, serve_within},
    helpdesk::{Caller, Line, Mark},
};

const EVENTS: &str = "/api/v1/xmpp/events";

/// Somebody who listens.
struct Ear {
    body: axum::body::BodyDataStream,
    text: String,
}

/// An event: its number where it has one, its kind and its data; without a kind a heartbeat.
type Heard = (Option<i64>, String, Value);

fn read(block: &str) -> Heard {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let data = field("data: ");
    let data = if data.is_empty() { Value::Null } else { serde_json::from_str(data).unwrap() };
    (field("id: ").parse().ok(), field("event: ").to_owned(), data)
}

impl Ear {
    async fn open(desks: &Desks, token: &str, query: &str) -> Self {
        Self::of(desks, request(Method::GET, &format!("{EVENTS}{query}"), Some(token), None)).await
    }

    async fn of(desks: &Desks, request: Request<Body>) -> Self {
        let response = desks.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        for (name, value) in
            [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
        {
            assert_eq!(response.headers()[name], value);
        }
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Heard> {
        while !self.text.contains("\n\n") {
            let bytes = timeout(SOON, self.body.next()).await.expect("something is told")?.unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        let block = self.text.split_once("\n\n").map(|(block, rest)| (block.to_owned(), rest.to_owned()));
        let (block, rest) = block.unwrap();
        self.text = rest;
        Some(read(&block))
    }

    /// What is told up to the event with this number, without what only carries a number.
    async fn until(&mut self, seq: i64) -> Vec<Heard> {
        let mut heard = Vec::new();
        while let Some(next) = self.next().await {
            let is_last = next.0.is_some_and(|id| id >= seq);
            if !next.1.is_empty() {
                heard.push(next);
            }
            if is_last {
                return heard;
            }
        }
        panic!("it ended before {seq}: {heard:?}");
    }
}

fn caller(role: Role, id: &str, desks: Option<&str>, scopes: &[&str]) -> Caller {
    let desks = desks.map(|desk| vec![desk.to_owned()]);
    Caller { id: id.to_owned(), name: None, role, desks, scopes: scopes.iter().map(ToString::to_string).collect() }
}

/// Callers of every kind, with their tokens.
fn callers() -> Vec<(Caller, String)> {
    let eve = "eve@staff.example.org";
    let both = |caller: Caller| {
        let Caller { id, role, desks, scopes, .. } = caller.clone();
        (caller, mint(&Claims { desks, scopes, ..claims(&id, role) }))
    };
    [
        caller(Role::Customer, ANN, None, &[]),
        caller(Role::Customer, "bob@example.com", None, &[]),
        caller(Role::Customer, "gone@example.com", None, &[]),
        // A customer whose address is an agent's id is a customer.
        caller(Role::Customer, eve, None, &[]),
        caller(Role::Agent, eve, None, &[]),
        caller(Role::Agent, "limited", Some("billing"), &[]),
        caller(Role::Agent, "idle", Some("nowhere"), &[]),
        caller(Role::Admin, "root", Some("billing"), &[]),
        caller(Role::Service, "cron", None, &["tickets:read"]),
        caller(Role::Service, "web", Some("billing"), &["tickets:write"]),
    ]
    .map(both)
    .into()
}

/// Something of every kind happens.
async fn life(desks: &Desks) {
    let (support, billing) = (desks.ticket("support").await, desks.ticket("billing").await);
    let line = |text: &str, id: &str, corrects: Option<&str>| Line {
        stanza_id: Some(id.to_owned()),
        corrects: corrects.map(ToOwned::to_owned),
        ..Line::plain("support".to_owned(), ANN.parse::<BareJid>().unwrap(), None, text.to_owned())
    };
    for line in [line("It is cold", "1", None), line("It is warm", "2", Some("1"))] {
        desks.api.helpdesk.receive(line).await.unwrap().await.unwrap();
    }
    let eve = agent("eve");
    desks.post(&eve, &messages_of(&support), json!({ "content": "I bring a new one" })).await.ok(201);
    desks.post(&eve, &of(&support, "notes"), json!({ "content": "he is rude" })).await.ok(200);
    desks.post(&admin(), &of(&billing, "notes"), json!({ "content": "she pays" })).await.ok(200);
    for (jid, text) in [("bob@example.com", "Mine is hot"), ("gone@example.com", "Forget me")] {
        desks.post(&customer(jid), TICKETS, json!({ "jid": jid, "message": text })).await.ok(201);
    }
    let root = caller(Role::Admin, "root", None, &[]);
    desks.api.helpdesk.erase_customer(&root, &"gone@example.com".parse().unwrap()).await.unwrap();
    desks.put(&admin(), &of(&billing, "priority"), json!({ "priority": "HIGH" })).await.ok(200);
}

/// The number of the last event in the log.
async fn end(desks: &Desks) -> i64 {
    desks.api.helpdesk.head().await.unwrap().seq()
}

#[tokio::test]
async fn what_is_told_live_is_what_the_log_says_for_every_role() {
    let desks = Desks::new().await;
    let mut live = Vec::new();
    for (_, token) in callers() {
        live.push(Ear::open(&desks, &token, "").await);
    }
    life(&desks).await;
    let mut told = 0;
    let everything = desks.api.helpdesk.all_changes(Mark::default(), 500).await.unwrap();
    assert!(everything.events.len() > 15 && !everything.has_more, "{}", everything.events.len());
    for ((who, token), mut live) in callers().into_iter().zip(live) {
        let page = desks.api.helpdesk.changes(&who, Mark::default(), 500).await.unwrap();
        let logged: Vec<i64> = page.events.iter().map(|event| event.seq).collect();
        let reached =
            everything.events.iter().filter(|event| everything.reach(event).is_some_and(|r| r.includes(&who)));
        assert_eq!(reached.map(|event| event.seq).collect::<Vec<_>>(), logged, "{who:?}");
        let Some(last) = logged.last() else { continue };
        let afterwards = Ear::open(&desks, &token, "?after=0").await.until(*last).await;
        assert_eq!(afterwards.iter().map(|heard| heard.0.unwrap()).collect::<Vec<_>>(), logged, "{who:?}");
        let synced = desks.get(&token, "/api/v1/xmpp/sync?limit=500").await.ok(200);
        for (heard, change) in afterwards.iter().zip(synced["changes"].as_array().unwrap()) {
            assert_eq!((&heard.2, heard.1.as_str()), (change, change["type"].as_str().unwrap()), "{who:?}");
        }
        // Live, a ticket was as it was then; what was erased since was still there.
        let live = live.until(*last).await;
        for heard in &afterwards {
            let then = live.iter().find(|then| then.0 == heard.0).unwrap_or_else(|| panic!("{heard:?} for {who:?}"));
            assert_eq!((&then.1, &then.2["ticket_id"]), (&heard.1, &heard.2["ticket_id"]));
            // A line that was corrected since is shown to its customer no more.
            let (then, now) = (&then.2["message"]["sender"], &heard.2["message"]["sender"]);
            assert!(now.is_null() || then == now, "{who:?}: {then} {now}");
        }
        let text = format!("{live:?}");
        let is_inside = who.role != Role::Customer && who.id != "idle";
        let may = |word: &str, may: bool| assert_eq!(text.contains(word), may, "{word} for {who:?}: {text}");
        may("she pays", is_inside);
        may("he is rude", is_inside && who.id != "limited");
        may("hand_off_reason", is_inside);
        may("Mine is hot", who.id == "bob@example.com" || (is_inside && who.id != "limited"));
        // It may have gone before it was read.
        let may_have_read = who.id == "gone@example.com" || (is_inside && who.id != "limited");
        assert!(!text.contains("Forget me") || may_have_read, "{who:?}: {text}");
        told += live.len();
    }
    assert!(told > 70, "{told}");
}

#[tokio::test]
async fn a_listener_goes_on_where_it_was_and_a_place_that_is_none_is_refused() {
    let desks = Desks::new().await;
    life(&desks).await;
    let last = end(&desks).await;
    let whole = Ear::open(&desks, &admin(), "?after=0").await.until(last).await;
    for (cut, heard) in whole.iter().enumerate() {
        let after = heard.0.unwrap();
        let mut again = request(Method::GET, &format!("{EVENTS}?after=0"), Some(&admin()), None);
        again.headers_mut().insert("last-event-id", after.into());
        if after < last {
            assert_eq!(Ear::of(&desks, again).await.until(last).await, whole[cut + 1..], "the header counts");
        }
    }
    // Without a place only what is new.
    let mut fresh = Ear::open(&desks, &admin(), "").await;
    assert_eq!(fresh.next().await.unwrap(), (Some(last), String::new(), Value::Null));
    let newest = Ear::open(&desks, &admin(), &format!("?last_event_id={}", last - 1)).await.until(last).await;
    assert_eq!(newest, whole[whole.len() - 1..]);

    for (query, word) in [
        ("?after=-1", "after"),
        ("?after=x", "after"),
        ("?last_event_id=", "last_event_id"),
        (&format!("?after={}", last + 1), "ahead of the log"),
        ("?token=x", "token"),
    ] {
        let problem = desks.get(&admin(), &format!("{EVENTS}{query}")).await.failure(400, "BAD_REQUEST");
        assert!(problem.contains(word), "{query}: {problem}");
    }
    desks.get(&program(&[]), EVENTS).await.failure(403, "FORBIDDEN");
    desks.ask(request(Method::GET, EVENTS, None, None)).await.failure(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_customers_place_does_not_tell_how_far_the_log_goes() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let (ann, bob) = (customer(ANN), customer("bob@example.com"));
    let opening = async |token: &str, query: &str| Ear::open(&desks, token, query).await.next().await.unwrap().0;
    let known = opening(&ann, "").await;
    assert_eq!(known, Some(end(&desks).await));
    desks.post(&agent("eve"), &of(&ticket, "notes"), json!({ "content": "knows us" })).await.ok(200);
    assert_eq!(opening(&ann, "").await, known);
    assert_eq!(opening(&ann, "?after=99999").await, Some(99_999), "no refusal");
    assert_eq!(opening(&bob, "").await, Some(0));
    // Who comes again is told what is for it, and a heartbeat says no more than that.
    let mut ear = Ear::open(&desks, &ann, &format!("?after={}", known.unwrap() - 1)).await;
    let heard = ear.until(known.unwrap()).await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    let mut behind = Ear::open(&desks, &bob, "?after=0").await;
    assert_eq!(behind.next().await.unwrap().0, Some(0));
    assert_eq!(behind.next().await.unwrap(), (Some(0), String::new(), Value::Null));
    desks.post(&agent("eve"), &messages_of(&ticket), json!({ "content": "It comes" })).await.ok(201);
    assert_eq!(opening(&ann, "").await, Some(end(&desks).await));
}

#[tokio::test]
async fn who_reads_later_than_the_ring_is_long_misses_nothing() {
    let desks = Desks::new().await;
    let mut late = Ear::open(&desks, &admin(), "").await;
    let ticket = desks.ticket("support").await;
    for number in 0..200 {
        let tags = json!({ "tags": [number.to_string()] });
        desks.put(&admin(), &of(&ticket, "tags"), tags).await.ok(200);
    }
    let last = end(&desks).await;
    let heard = late.until(last).await;
    assert!(heard.iter().map(|heard| heard.0.unwrap()).eq(1..=last), "{heard:?}");
    // And goes on live.
    desks.put(&admin(), &of(&ticket, "tags"), json!({ "tags": [] })).await.ok(200);
    assert_eq!(late.until(last + 1).await.len(), 1);
}

#[tokio::test]
async fn typing_is_told_without_a_number_to_those_who_may_read_the_ticket() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("billing").await;
    let mut ears = Vec::new();
    for (who, token) in callers() {
        ears.push((who, Ear::open(&desks, &token, "").await));
    }
    let ann = ANN.parse::<BareJid>().unwrap();
    desks.api.helpdesk.note_typing("billing", &ann, true).await.unwrap();
    desks.api.helpdesk.note_typing("billing", &ann, false).await.unwrap();
    let row =
        desks.api.helpdesk.ticket(&caller(Role::Admin, "root", None, &[]), ticket.parse().unwrap()).await.unwrap();
    desks.api.helpdesk.announce_typing(&row, true);
    // What everybody is told afterwards.
    for desk in ["support", "billing"] {
        for jid in [ANN, "bob@example.com", "gone@example.com", "eve@staff.example.org"] {
            desks.post(&customer(jid), TICKETS, json!({ "jid": jid, "message": "Hi", "desk": desk })).await;
        }
    }
    let mut watched = 0;
    for (who, mut ear) in ears.into_iter().filter(|(who, _)| who.id != "idle") {
        let mut typing = Vec::new();
        ear.next().await.unwrap();
        loop {
            let (id, kind, data) = ear.next().await.unwrap();
            if kind != "typing" {
                break;
            }
            assert!(id.is_none() && data["ticket_id"] == json!(ticket) && data["timestamp"].is_string(), "{data}");
            typing.push((data["by"].as_str().unwrap().to_owned(), data["typing"] == true));
        }
        // The customer's come by the writer, beside the assistant's.
        typing.sort_by_key(|(by, _)| by.clone());
        let told =
            [("assistant", true), ("customer", true), ("customer", false)].map(|(by, typing)| (by.to_owned(), typing));
        let may_know = who.role != Role::Customer || who.id == ANN;
        assert_eq!(typing, if may_know { told.to_vec() } else { vec![] }, "{who:?}");
        watched += usize::from(may_know);
    }
    assert_eq!(watched, 6);
}

#[tokio::test]
async fn who_is_there_is_told_without_a_number_to_the_staff_it_concerns() {
    let desks = Desks::new().await;
    desks.bind("sue", json!({ "jid": "sue@staff.example.org", "desks": ["support"] })).await;
    desks.ticket("billing").await;
    desks.ticket("support").await;
    let mut ears = Vec::new();
    for (who, token) in callers() {
        ears.push((who, Ear::open(&desks, &token, "").await));
    }
    desks.shows("ann@example.com/phone", true, Some("dnd")).await;
    desks.shows("sue@staff.example.org/desk", true, None).await;
    // As a program says it; of somebody without a ticket it is for nobody who listens.
    for jid in [ANN, "zoe@example.com"] {
        desks.post(&admin(), PRESENCE, json!({ "jid": jid, "status": "unavailable" })).await.ok(200);
    }
    // What everybody is told afterwards.
    for desk in ["support", "billing"] {
        for jid in [ANN, "bob@example.com", "gone@example.com", "eve@staff.example.org"] {
            desks.post(&customer(jid), TICKETS, json!({ "jid": jid, "message": "Hi", "desk": desk })).await;
        }
    }
    for (who, mut ear) in ears.into_iter().filter(|(who, _)| who.id != "idle") {
        let mut told = Vec::new();
        ear.next().await.unwrap();
        loop {
            let (id, kind, data) = ear.next().await.unwrap();
            if kind != "presence" {
                break;
            }
            assert!(id.is_none() && data["timestamp"].is_string(), "{data}");
            told.push(data);
        }
        let words: Vec<(&str, &str, &str)> = told
            .iter()
            .map(|told| ["jid", "status", "source"].map(|name| told[name].as_str().unwrap()).into())
            .collect();
        let billing = [(ANN, "available", "xmpp"), (ANN, "unavailable", "rest")];
        let support =
            [("sue@staff.example.org", "available", "xmpp"), ("support@help.example.org", "available", "duty")];
        let expected = match (who.role, who.id.as_str()) {
            (Role::Customer, _) => vec![],
            (Role::Agent, "limited") => billing.to_vec(),
            _ => vec![billing[0], support[0], support[1], billing[1]],
        };
        assert_eq!(words, expected, "{who:?}");
        if told.is_empty() {
            continue;
        }
        // At which other desks she is a customer is nothing for agents of some.
        let shown = if who.id == "limited" { json!(["billing"]) } else { json!(["billing", "support"]) };
        assert!(told.iter().filter(|told| told["jid"] == ANN).all(|told| told["desks"] == shown), "{told:?}");
        assert_eq!(told[0]["show"], "dnd");
        if who.role == Role::Admin {
            assert_eq!((&told[1]["agent_id"], &told[1]["on_duty"]), (&json!("sue"), &json!(true)));
        }
    }
    // It is no part of the log that `sync` reads.
    let log = desks.get(&admin(), "/api/v1/xmpp/sync?limit=500").await.text;
    assert!(!log.contains("presence"), "{log}");
}

#[tokio::test]
async fn one_caller_has_twenty_seats_and_they_are_free_when_it_goes() {
    let desks = Desks::new().await;
    let mut ears = Vec::new();
    for _ in 0..20 {
        ears.push(Ear::open(&desks, &admin(), "").await);
    }
    let refused = desks.get(&admin(), EVENTS).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "5"));
    Ear::open(&desks, &agent("eve"), "").await;
    let metrics = desks.get(&admin(), "/metrics").await.text;
    assert!(metrics.contains("deskbridge_event_listeners 20"), "{metrics}");
    ears.pop();
    Ear::open(&desks, &admin(), "").await;
    drop(ears);
    tokio::time::sleep(Duration::from_secs(6)).await;
    let metrics = desks.get(&admin(), "/metrics").await.text;
    assert!(metrics.contains("deskbridge_event_listeners 0"), "{metrics}");
}

#[tokio::test]
async fn it_ends_with_the_token() {
    let desks = Desks::new().await;
    // The leeway is 30 s.
    let exp = jsonwebtoken::get_current_timestamp() - 28;
    let mut ear = Ear::open(&desks, &mint(&Claims { exp, ..claims("root", Role::Admin) }), "").await;
    ear.next().await.unwrap();
    let began = std::time::Instant::now();
    assert_eq!(ear.next().await, None);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

struct Served {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    desks: Desks,
}

async fn served(stall: Duration) -> Served {
    let desks = Desks::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let bounds = Bounds { stall, ..Bounds::default() };
    let serving = tokio::spawn(serve_within(bounds, listener, desks.router.clone(), stop.clone()));
    Served { address, stop, serving, desks }
}

fn asks(after: i64) -> String {
    format!("GET {EVENTS}?after={after} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", admin())
}

/// The numbers of the whole events in what came over a connection.
fn numbers(text: &str) -> Vec<i64> {
    let blocks: Vec<&str> = text.split("\n\n").collect();
    let whole = blocks.split_last().map(|(_, whole)| whole).unwrap_or_default();
    let events = whole.iter().filter(|block| block.contains("\nevent: "));
    events.filter_map(|block| block.lines().find_map(|line| line.strip_prefix("id: "))?.parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_nothing_is_cut_off_and_goes_on_behind_what_it_has() {
    let served = served(Duration::from_millis(500)).await;
    let desks = &served.desks;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut slow = socket.connect(served.address).await.unwrap();
    slow.write_all(asks(0).as_bytes()).await.unwrap();
    // More than the system buffers for it.
    let ticket = desks.ticket("support").await;
    for _ in 0..200 {
        let text = "x".repeat(60_000);
        desks.post(&customer(ANN), &messages_of(&ticket), json!({ "content": text })).await.ok(201);
    }
    let last = end(desks).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let metrics = desks.get(&admin(), "/metrics").await.text;
    assert!(metrics.contains("deskbridge_event_listeners_cut_off_total 1\n"), "{metrics}");
    assert!(metrics.contains("deskbridge_event_listeners 0\n"), "{metrics}");

    let mut bytes = Vec::new();
    let _ = timeout(SOON, slow.read_to_end(&mut bytes)).await.expect("the connection is gone");
    let mut heard = numbers(&String::from_utf8_lossy(&bytes));
    assert!(heard.last().is_none_or(|seq| *seq < last), "it had all of it");
    let mut rest = Ear::open(desks, &admin(), &format!("?after={}", heard.last().copied().unwrap_or_default())).await;
    heard.extend(rest.until(last).await.into_iter().filter_map(|heard| heard.0));
    assert!(heard.iter().copied().eq(1..=last), "{heard:?}");
}

#[tokio::test]
async fn a_stop_ends_the_streams_at_once() {
    let served = served(Duration::from_secs(30)).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(asks(0).as_bytes()).await.unwrap();
    let mut first = [0; 1024];
    let read = timeout(SOON, stream.read(&mut first)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first[..read]).starts_with("HTTP/1.1 200"));
    let began = std::time::Instant::now();
    served.stop.cancel();
    let mut rest = Vec::new();
    timeout(SOON, stream.read_to_end(&mut rest)).await.expect("the stream ends").unwrap();
    // As a whole answer, not broken off.
    assert!(rest.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&rest));
    timeout(SOON, served.serving).await.expect("the server ends").unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // Nothing of it keeps the domain: its writer ends with the last who knew it.
    let Desks { api, router, writer, .. } = served.desks;
    drop((api, router));
    timeout(SOON, writer).await.expect("the writer ends").unwrap();
}
