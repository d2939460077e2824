//! `sync` of who may read a few tickets in a long log: one page, and its time does not grow with the log.

use std::time::Instant;

use deskbridge::helpdesk::{Caller, Helpdesk, Mark, Role, Store};
use deskbridge_entity::{event, message, ticket};
use jid::{BareJid, Jid};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IdenStatic, Iterable, QueryFilter};

use crate::{
    support::{database::Database, scenario},
    sync::{caller, open},
};

scenario!(a_reader_of_few_tickets_gets_them_in_one_page);

mod a_reader_of_few_tickets_in_a_million_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "takes a minute"]
    async fn sqlite() {
        check(&Database::sqlite(), 1_000_000).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "takes a minute"]
    async fn postgres() {
        check(&Database::postgres().await, 1_000_000).await;
    }
}

mod scenarios {
    use super::*;

    pub async fn a_reader_of_few_tickets_gets_them_in_one_page(database: Database) {
        // More than one page looks at.
        let helpdesk = check(&database, 30_000).await;
        // Who may read many tickets reads the log through, and the same comes of it.
        let (seen, _) = read(&helpdesk, caller(Role::Agent, "sue", Some("support")), 500).await;
        assert!(seen.len() >= 30_000 && seen.is_sorted(), "{}", seen.len());
    }
}

const FEW: &str = "few@example.com";
const GONE: &str = "gone@example.com";
/// The customer of the ticket that the filler copies.
const CROWD: &str = "crowd@example.com";
const PAGE: u64 = 100;

/// Rows like those that there are of the crowd's ticket, which are `picked`, for each `i`: some columns are said anew.
fn copies<C: Iterable + IdenStatic>(
    backend: DbBackend,
    table: &str,
    picked: &str,
    anew: &[(&str, String)],
    count: i64,
) -> String {
    let columns: Vec<C> = C::iter().collect();
    let names: Vec<&str> = columns.iter().map(IdenStatic::as_str).collect();
    let values = names.iter().map(|name| {
        let said = anew.iter().find(|(column, _)| column == name);
        said.map_or_else(|| format!("model.{name}"), |(_, value)| value.clone())
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let (with, numbers) = match backend {
        DbBackend::Sqlite => (
            format!(
                "WITH RECURSIVE number(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM number WHERE i + 1 < {count}) "
            ),
            "number".to_owned(),
        ),
        _ => (String::new(), format!("generate_series(0, {count} - 1) AS number(i)")),
    };
    let names = names.join(", ");
    format!("{with}INSERT INTO {table} ({names}) SELECT {values} FROM {table} AS model, {numbers} WHERE {picked}")
}

/// Adds this many events of others to the log, two a ticket. `part` makes their ids differ.
async fn fill(database: &Database, part: &str, events: i64) {
    let db = database.connect().await;
    let backend = db.get_database_backend();
    let id = |letter: &str| match backend {
        DbBackend::Sqlite => format!("CAST(printf('{letter}{part}%014d', i) AS BLOB)"),
        _ => format!("CAST('{letter}{part}' || lpad(to_hex(i), 30, '0') AS uuid)"),
    };
    let base: i64 = database.texts("SELECT CAST(MAX(seq) AS TEXT) FROM event").await[0].parse().unwrap();
    let model = format!("(SELECT id FROM ticket WHERE customer = '{CROWD}')");
    let seq = |place: i64| ("seq", format!("{base} + 2 * i + {place}"));
    let tickets = events / 2;
    let ticket = [
        ("id", id("a")),
        ("short_id", format!("'{part}' || CAST(i AS TEXT)")),
        ("customer", format!("'c{part}-' || CAST(i AS TEXT) || '@example.com'")),
    ];
    let message = [("id", id("b")), ("ticket_id", id("a")), seq(2)];
    let opened = [("ticket_id", id("a")), seq(1)];
    let said = [("ticket_id", id("a")), ("message_id", id("b")), seq(2)];
    let of_kind = |kind: &str| format!("model.ticket_id = {model} AND model.kind = '{kind}'");
    for sql in [
        copies::<ticket::Column>(backend, "ticket", &format!("model.id = {model}"), &ticket, tickets),
        copies::<message::Column>(backend, "message", &format!("model.ticket_id = {model}"), &message, tickets),
        copies::<event::Column>(backend, "event", &of_kind("ticket.created"), &opened, tickets),
        copies::<event::Column>(backend, "event", &of_kind("message.created"), &said, tickets),
        format!("UPDATE counter SET value = value + {} WHERE name = 'event'", 2 * tickets),
    ] {
        db.execute_unprepared(&sql).await.unwrap();
    }
}

/// The numbers of all that the caller may read of the log, and how many pages that took.
async fn read(helpdesk: &Helpdesk, who: Caller, limit: u64) -> (Vec<i64>, usize) {
    let (mut after, mut seen, mut pages, began) = (Mark::default(), Vec::new(), 0, Instant::now());
    loop {
        let page = helpdesk.changes(&who, after, limit).await.unwrap();
        seen.extend(page.events.iter().map(|event| event.seq));
        (after, pages) = (page.next, pages + 1);
        if !page.has_more {
            eprintln!("{}: {} event(s) in {pages} page(s), {:?}", who.id, seen.len(), began.elapsed());
            return (seen, pages);
        }
    }
}

/// The whole of a log with this many events, as those see it who may read a few tickets.
async fn check(database: &Database, events: i64) -> Helpdesk {
    let store = Store::connect(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    let helpdesk = open(database).await;
    let say = async |who: &str, desk: &str| {
        let customer = caller(Role::Customer, who, None);
        helpdesk.open(&customer, desk, &Jid::new(who).unwrap(), None, "Where is my kettle?".to_owned()).await.unwrap();
    };
    say(CROWD, "support").await;
    for part in ["c", "d"] {
        say(FEW, "billing").await;
        say(GONE, "billing").await;
        fill(database, part, events / 2).await;
        helpdesk.erase_customer(&caller(Role::Admin, "root", None), &BareJid::new(GONE).unwrap()).await.unwrap();
    }
    say(FEW, "billing").await;

    let db = database.connect().await;
    let own = ticket::Entity::find().filter(ticket::Column::Customer.eq(FEW)).all(&db).await.unwrap();
    let own = event::Entity::find().filter(event::Column::TicketId.is_in(own.iter().map(|row| row.id)));
    let own: Vec<i64> = own.all(&db).await.unwrap().iter().map(|event| event.seq).collect();
    let ends = event::Entity::find().filter(event::Column::Kind.eq("ticket.erased")).all(&db).await.unwrap();
    let ends: Vec<i64> = ends.iter().map(|event| event.seq).collect();
    assert!(own.len() > 5 && ends.len() == 2, "{own:?} {ends:?}");
    let mut of_desk = [&own[..], &ends].concat();
    of_desk.sort_unstable();
    for (who, expected) in [
        (caller(Role::Customer, FEW, None), &own),
        (caller(Role::Customer, GONE, None), &ends),
        (caller(Role::Agent, "eve", Some("billing")), &of_desk),
    ] {
        assert_eq!(read(&helpdesk, who.clone(), PAGE).await, (expected.clone(), 1), "{}", who.id);
        // However it is cut.
        let (seen, pages) = read(&helpdesk, who, 1).await;
        assert_eq!((&seen, pages >= seen.len()), (expected, true));
    }
    helpdesk
}
