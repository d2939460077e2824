//! The event log under many writers: what readers get that die at random, page by page, is the log.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use deskbridge::helpdesk::{Caller, Clock, Desk, Helpdesk, Limits, Mark, Role, Store};
use deskbridge_entity::{event, ticket};
use futures::future::join_all;
use jid::Jid;
use sea_orm::{EntityTrait, QueryOrder};
use uuid::Uuid;

use crate::support::{database::Database, scenario};

scenario!(the_pages_are_the_log_whoever_writes_meanwhile);

mod a_hundred_thousand_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "takes minutes"]
    async fn sqlite() {
        check(&Database::sqlite(), 100_000).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "takes minutes"]
    async fn postgres() {
        check(&Database::postgres().await, 100_000).await;
    }
}

const WRITERS: usize = 8;
/// Customers of each writer, who write at the same time.
const ABREAST: usize = 16;
/// What a line adds to the log.
const EVENTS_PER_LINE: usize = 2;

mod scenarios {
    use super::*;

    pub async fn the_pages_are_the_log_whoever_writes_meanwhile(database: Database) {
        check(&database, 5_000).await;
    }
}

/// A process of its own, as far as the database can tell.
pub async fn open(database: &Database) -> Helpdesk {
    let store = Store::connect(&database.url).await.unwrap();
    let desks = ["support", "billing"].map(|name| Desk { limits: Limits::NONE, ..Desk::new(name, name) });
    let (helpdesk, work) = Helpdesk::new(store, Clock::default(), "help.localhost", desks.into());
    tokio::spawn(work);
    helpdesk
}

pub fn caller(role: Role, id: &str, desks: Option<&str>) -> Caller {
    let desks = desks.map(|desk| vec![desk.to_owned()]);
    Caller { id: id.to_owned(), name: None, role, desks, scopes: vec![] }
}

fn customer(writer: usize, place: usize) -> String {
    format!("c{writer}-{place}@example.com")
}

/// Every round a line of each customer; every fifth round one of them goes for good.
async fn write(helpdesk: Helpdesk, writer: usize, rounds: usize) {
    let helpdesk = &helpdesk;
    for round in 0..rounds {
        let lines = (0..ABREAST).map(async |place| {
            let id = customer(writer, place);
            let (jid, desk) = (Jid::new(&id).unwrap(), if place % 2 == 0 { "support" } else { "billing" });
            let who = caller(Role::Customer, &id, None);
            helpdesk.open(&who, desk, &jid, None, format!("line {round}")).await.unwrap();
        });
        join_all(lines).await;
        if round % 5 == 4 {
            let jid = Jid::new(&customer(writer, 2 + round % 4)).unwrap().to_bare();
            helpdesk.erase_customer(&caller(Role::Admin, "root", None), &jid).await.unwrap();
        }
    }
}

/// Reads until the writers are done and nothing is left. Some pages are lost before they are kept, as by a reader that is
/// killed: the next one begins with the last cursor that was kept.
async fn read(database: &Database, who: Caller, done: &AtomicBool) -> Vec<event::Model> {
    let mut reader = open(database).await;
    let (mut kept, mut cursor): (Vec<event::Model>, String) = (Vec::new(), Mark::default().encode());
    loop {
        let is_last = done.load(Ordering::SeqCst);
        let limit = rand::random_range(1..=200);
        let page = reader.changes(&who, Mark::decode(&cursor).unwrap(), limit).await.unwrap();
        if rand::random_bool(0.2) {
            if rand::random_bool(0.1) {
                reader = open(database).await;
            }
            continue;
        }
        kept.extend(page.events);
        cursor = page.next.encode();
        if !page.has_more {
            if is_last {
                return kept;
            }
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..20))).await;
        }
    }
}

async fn check(database: &Database, events: usize) {
    let store = Store::connect(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    // PostgreSQL is for several processes; on SQLite there is one.
    let writers = if database.url.starts_with("postgres") {
        join_all((0..WRITERS).map(|_| open(database))).await
    } else {
        vec![open(database).await; WRITERS]
    };
    let rounds = events / (WRITERS * ABREAST * EVENTS_PER_LINE) + 1;
    let done = AtomicBool::new(false);
    let writing = async {
        let writing = writers.into_iter().enumerate().map(|(number, desk)| tokio::spawn(write(desk, number, rounds)));
        join_all(writing.collect::<Vec<_>>()).await.into_iter().for_each(Result::unwrap);
        done.store(true, Ordering::SeqCst);
    };
    let (everything, billing, own) = (
        read(database, caller(Role::Admin, "root", None), &done),
        read(database, caller(Role::Agent, "eve", Some("billing")), &done),
        read(database, caller(Role::Customer, &customer(0, 1), None), &done),
    );
    let ((), everything, billing, own) = tokio::join!(writing, everything, billing, own);

    let db = database.connect().await;
    let log = event::Entity::find().order_by_asc(event::Column::Seq).all(&db).await.unwrap();
    assert!(log.len() >= events, "{} events", log.len());
    assert!(log.iter().map(|event| event.seq).eq(1..=log.len() as i64), "the log has gaps");
    let tickets = ticket::Entity::find().all(&db).await.unwrap();
    let of = |id: Option<Uuid>| tickets.iter().find(|row| Some(row.id) == id);
    let check = |who: &str,
                 read: &[event::Model],
                 may_see: &dyn Fn(&ticket::Model) -> bool,
                 ends: &dyn Fn(&event::Model) -> bool| {
        assert!(read.is_sorted_by(|a, b| a.seq < b.seq), "{who}: a change came twice, or out of order");
        let mut read = read.iter().peekable();
        let (mut there, mut gone) = (0, 0);
        for logged in &log {
            let came = read.next_if(|event| event.seq == logged.seq);
            if let Some(came) = came {
                assert_eq!(
                    (&came.kind, came.ticket_id, came.message_id),
                    (&logged.kind, logged.ticket_id, logged.message_id)
                );
            }
            match of(logged.ticket_id) {
                Some(row) => {
                    assert_eq!(came.is_some(), may_see(row), "{who}: {logged:?}");
                    there += usize::from(came.is_some());
                }
                None if logged.kind == "ticket.erased" => {
                    assert_eq!(came.is_some(), ends(logged), "{who}: {logged:?}");
                    gone += usize::from(came.is_some());
                }
                // Of an erased ticket, which may have been read while it was there; or of none.
                None => assert!(came.is_none() || logged.ticket_id.is_some(), "{who}: {logged:?}"),
            }
        }
        assert!(read.next().is_none(), "{who}: something came that is not in the log");
        (there, gone)
    };
    let (there, gone) = check("admin", &everything, &|_| true, &|_| true);
    assert!(there > events / 2 && gone >= WRITERS * (rounds / 5), "{there} of {} and {gone} ends", log.len());
    let (there, gone) =
        check("agent", &billing, &|row| row.desk == "billing", &|event| event.data["desk"] == "billing");
    assert!(there > events / 4 && gone > 0, "{there} and {gone} ends");
    let (there, gone) = check("customer", &own, &|row| row.customer == customer(0, 1), &|_| false);
    assert_eq!((there, gone), (rounds * EVENTS_PER_LINE, 0));
}
