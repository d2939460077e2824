//! `/api/v1/xmpp/events`: listeners that break off at random, of every role, on either database, are told the log; and a thousand
//! of them under load cost bounded memory.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{
    PATIENCE,
    database::Database,
    eventually,
    listening::Stream,
    scenario,
    served::serve,
    server::{Kind, Server},
    stage::{Process, Setting, token},
};
use deskbridge::helpdesk::{Caller, Helpdesk, Mark, Role};
use futures::future::join_all;
use jid::Jid;
use serde_json::{Value, json};
use tokio::time::timeout;

const TICKETS: &str = "/api/v1/xmpp/tickets";

scenario!(a_listener_that_breaks_off_at_random_is_told_the_log);

fn caller(role: Role, id: &str) -> Caller {
    Caller { id: id.to_owned(), name: None, role, desks: None, scopes: vec![] }
}

const WRITERS: usize = 8;
const ROUNDS: usize = 60;

fn customer(number: usize) -> String {
    format!("c{number}@example.com")
}

async fn write(helpdesk: &Helpdesk, number: usize) {
    let id = customer(number);
    let (jid, who) = (Jid::new(&id).unwrap(), caller(Role::Customer, &id));
    for round in 0..ROUNDS {
        let opened = helpdesk.open(&who, "support", &jid, None, format!("line {round} of {number}")).await.unwrap();
        if round % 3 == 0 {
            helpdesk.note(&caller(Role::Admin, "root"), opened.ticket, "between us".to_owned()).await.unwrap();
        }
        if round % 20 == 19 && number == 1 {
            helpdesk.erase_customer(&caller(Role::Admin, "root"), &jid.to_bare()).await.unwrap();
        }
    }
}

/// Listens with breaks until `done`, and then until the end of the log. Gives what it was told, and how often it came again.
async fn listen(
    port: u16,
    token: String,
    helpdesk: &Helpdesk,
    done: &AtomicBool,
) -> (Vec<(i64, String, Value)>, usize) {
    let (mut told, mut last, mut came): (Vec<(i64, String, Value)>, Option<i64>, usize) = (Vec::new(), Some(0), 0);
    loop {
        let Some(mut stream) = Stream::open(port, &token, last, None).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        came += 1;
        for _ in 0..rand::random_range(1..60) {
            let is_last = done.load(Ordering::SeqCst);
            let Some((id, kind, data)) = stream.next().await else { break };
            last = id.or(last);
            if !kind.is_empty() && kind != "typing" {
                assert_eq!((data["seq"].as_i64(), data["type"].as_str()), (id, Some(kind.as_str())));
                told.push((id.unwrap(), kind, data));
            }
            let end = helpdesk.head().await.unwrap().seq();
            if is_last && last == Some(end) {
                return (told, came);
            }
        }
        // The rest of what came is lost with the connection.
        drop(stream);
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..30))).await;
    }
}

mod scenarios {
    use super::*;

    pub async fn a_listener_that_breaks_off_at_random_is_told_the_log(database: Database) {
        let (port, helpdesk) = serve(&database).await;
        let helpdesk = &helpdesk;
        let done = AtomicBool::new(false);
        let writing = async {
            join_all((0..WRITERS).map(|number| write(helpdesk, number))).await;
            // Everybody who listens is told of this, and knows by it that it is at the end.
            let jid = Jid::new(&customer(0)).unwrap();
            done.store(true, Ordering::SeqCst);
            let who = caller(Role::Customer, &customer(0));
            helpdesk.open(&who, "support", &jid, None, "The end".to_owned()).await.unwrap();
        };
        let readers =
            [(Role::Admin, "root".to_owned()), (Role::Agent, "eve".to_owned()), (Role::Customer, customer(0))];
        let reading = join_all(readers.iter().map(|(role, id)| listen(port, token(*role, id), helpdesk, &done)));
        let ((), heard) = tokio::join!(writing, timeout(PATIENCE * 4, reading));
        for ((role, id), (told, came)) in readers.iter().zip(heard.expect("all listeners reach the end")) {
            assert!(came > 2, "{id} broke off too seldom: {came}");
            assert!(told.is_sorted_by(|a, b| a.0 < b.0), "{id}: something came twice, or out of order");
            let told: BTreeMap<i64, &(i64, String, Value)> = told.iter().map(|event| (event.0, event)).collect();
            let (mut after, who, mut logged) = (Mark::default(), caller(*role, id), 0);
            loop {
                let page = helpdesk.changes(&who, after, 500).await.unwrap();
                for event in &page.events {
                    let (_, kind, data) = told.get(&event.seq).unwrap_or_else(|| panic!("{id} missed {event:?}"));
                    assert_eq!(*kind, event.kind);
                    assert_eq!(data["ticket_id"].as_str().map(str::to_owned), event.ticket_id.map(|id| id.to_string()));
                    logged += 1;
                }
                after = page.next;
                if !page.has_more {
                    break;
                }
            }
            // More can only be of what was erased since.
            assert!(logged > ROUNDS && told.len() >= logged, "{} {logged}", told.len());
            if *role == Role::Customer {
                let text = format!("{told:?}");
                assert!(told.len() == logged && !text.contains("between us") && !text.contains("of 1"), "{text}");
            }
        }
    }
}

/// What a process takes of the memory, in KiB.
fn resident(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

const LISTENERS: usize = 1_000;
/// Most memory that a thousand listeners may take, in KiB.
const GROWTH: u64 = 150 * 1024;

/// Customers who write, all the time.
const CUSTOMERS: usize = 25;

/// A thousand listeners, a few of whom read nothing, while lines are written for `time`.
async fn a_thousand_listen(time: Duration) {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let app = Setting { limits: false, ..Setting::new(&server, &database, None) }.spawn().await;
    let rest = &app.rest;
    let port = rest.request(reqwest::Method::GET, "").build().unwrap().url().port().unwrap();
    let line = async |number: usize, text: &str| {
        let (jid, text) = (customer(number), format!("{text} {}", "tea ".repeat(50)));
        let answer = rest.post(&token(Role::Customer, &jid), TICKETS, &json!({ "jid": jid, "message": text })).await;
        assert!(answer.status < 300, "{}", answer.json);
    };
    let lines = async |text: &str| join_all((0..CUSTOMERS).map(|number| line(number, text))).await.len();
    // What a process takes once it has worked.
    lines("Warm").await;
    let before = resident(&app);
    let heard = Arc::new(AtomicU64::new(0));
    let (mut listening, mut begin, mut inside) = (Vec::new(), 0, 0);
    for number in 0..LISTENERS {
        // Of each at most 20.
        let who = match number % 4 {
            0 => token(Role::Customer, &customer(number / 4 % CUSTOMERS)),
            1 => token(Role::Admin, &format!("root{}", number / 40)),
            _ => token(Role::Agent, &format!("agent{}", number / 20)),
        };
        let is_deaf = number % 50 == 7;
        inside += u64::from(number % 4 > 0 && !is_deaf);
        let mut stream = Stream::open(port, &who, None, is_deaf.then_some(4096)).await.expect("a seat");
        begin = stream.next().await.unwrap().0.unwrap();
        let heard = Arc::clone(&heard);
        listening.push(tokio::spawn(async move {
            if is_deaf {
                tokio::time::sleep(time).await;
            }
            let mut last = begin;
            while let Some((id, _, data)) = stream.next().await {
                if data["seq"].is_number() {
                    assert!(id > Some(last), "{id:?} behind {last}");
                    last = id.unwrap();
                    heard.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }
    let joined = resident(&app);
    let (began, mut most, mut said) = (Instant::now(), joined, 0);
    while began.elapsed() < time || said < 4 * CUSTOMERS {
        // Requests have places of their own.
        said += lines("Is my order on its way?").await;
        most = most.max(resident(&app));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let end: u64 = database.texts("SELECT CAST(MAX(seq) AS TEXT) FROM event").await[0].parse().unwrap();
    let wanted = (end - u64::try_from(begin).unwrap()) * inside;
    eventually("those who read are told all", || async { (heard.load(Ordering::Relaxed) >= wanted).then_some(()) })
        .await;
    let after = resident(&app);
    let metrics = rest.get(&token(Role::Admin, "root"), "/metrics").await.json;
    let counts = metrics.as_str().unwrap().lines().filter(|line| line.starts_with("deskbridge_event_listeners"));
    eprintln!(
        "{LISTENERS} listeners for {time:?}: {said} lines, {} events told; RSS {} MiB before, {} joined, {} at most, {} after; {:?}",
        heard.load(Ordering::Relaxed),
        before / 1024,
        joined / 1024,
        most / 1024,
        after / 1024,
        counts.collect::<Vec<_>>()
    );
    assert!(most.max(after) - before < GROWTH, "{before} KiB before, {most} KiB at most");
    let stopped = Instant::now();
    assert!(app.terminate().await.success());
    assert!(stopped.elapsed() < Duration::from_secs(15), "the stop took {:?}", stopped.elapsed());
    for listening in listening {
        timeout(PATIENCE, listening).await.expect("streams end with the process").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_listeners_for_some_seconds() {
    a_thousand_listen(Duration::from_secs(8)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn a_thousand_listeners_for_a_minute() {
    a_thousand_listen(Duration::from_secs(60)).await;
}
