//! The XMPP server's rooms as agents look at them: in lists, on tickets, and after an erasure.

use super::*;
use crate::helpdesk::{Caller, RoomFilter};

const ROOMS: &str = "/api/v1/rooms";
const OCCUPANTS: &str = "/api/v1/occupants";

async fn tell(desks: &Desks, path: &str, body: Value) {
    desks.post(&program(&["rooms:write"]), path, body).await.ok(200);
}

async fn make(desks: &Desks, session: &str, jid: &str) {
    tell(desks, ROOMS, json!({ "name": "tea", "session": session, "jid": jid })).await;
}

async fn come(desks: &Desks, room: &str, jid: &str) {
    tell(desks, OCCUPANTS, json!({ "jid": jid, "roomJid": room, "nick": "X", "role": "participant" })).await;
}

/// All of a list, page by page, by this field.
async fn walk(desks: &Desks, first: &str, field: &str) -> Vec<String> {
    let (mut path, mut found, mut pages) = (first.to_owned(), Vec::new(), 0);
    loop {
        let answer = desks.get(&admin(), &path).await;
        let link = answer.headers.get("link").map(|link| link.to_str().unwrap().to_owned());
        let page = answer.ok(200);
        found.extend(page.as_array().unwrap().iter().map(|row| row[field].as_str().unwrap().to_owned()));
        pages += 1;
        assert!(pages < 10, "{path}");
        let Some(link) = link else { return found };
        assert_eq!(page.as_array().unwrap().len(), 2, "{path}");
        path = link.split(['<', '>']).nth(1).unwrap().to_owned();
    }
}

#[tokio::test]
async fn rooms_and_occupants_are_listed_by_page_and_filter() {
    let desks = Desks::new().await;
    for number in 1..=5 {
        make(&desks, &format!("s{number}"), &format!("r{}@rooms.example.org", number % 2)).await;
        come(&desks, &format!("r{}@rooms.example.org", number % 2), &format!("p{number}@example.com/x")).await;
    }
    assert_eq!(walk(&desks, &format!("{ROOMS}?limit=2"), "session").await, ["s5", "s4", "s3", "s2", "s1"]);
    assert_eq!(walk(&desks, &format!("{ROOMS}?active=true&limit=2"), "session").await, ["s5", "s4"]);
    let path = format!("{ROOMS}?jid=r1@rooms.example.org&active=false&limit=2");
    assert_eq!(walk(&desks, &path, "session").await, ["s3", "s1"]);
    for number in 6..=8 {
        come(&desks, "r1@rooms.example.org", &format!("p{number}@example.com/x")).await;
    }
    let path = format!("{ROOMS}/s5/occupants?present=true&limit=2");
    let expected = [8, 7, 6, 5].map(|number| format!("p{number}@example.com/x"));
    assert_eq!(walk(&desks, &path, "jid").await, expected);
    assert_eq!(desks.get(&admin(), &format!("{ROOMS}/s5/occupants?present=false")).await.ok(200), json!([]));
    for query in ["limit=0", "limit=101", "limit=x", "cursor=x", "active=yes", "jid=@", "colour=red"] {
        desks.get(&admin(), &format!("{ROOMS}?{query}")).await.failure(400, "BAD_REQUEST");
    }
    for query in ["limit=0", "cursor=x", "present=1", "active=true"] {
        desks.get(&admin(), &format!("{ROOMS}/s5/occupants?{query}")).await.failure(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn a_tickets_room_shows_on_the_ticket_and_nothing_of_who_erases_stays() {
    let desks = Desks::new().await;
    let eve = Tokens::new(SECRET).check(&agent("eve")).unwrap();
    let ticket = desks.ticket("support").await;
    let path = of(&ticket, "");
    let path = path.trim_end_matches('/');
    desks.post(&agent("eve"), &of(&ticket, "claim"), json!({})).await.ok(200);
    assert_eq!(desks.get(&agent("eve"), path).await.ok(200)["participants"], Value::Null);
    let room = "t-1@rooms.example.org";
    desks.api.helpdesk.open_room(&eve, ticket.parse().unwrap(), room.parse().unwrap()).await.unwrap();
    // Nobody tells of it yet.
    let shown = desks.get(&agent("eve"), path).await.ok(200);
    assert_eq!((&shown["room"], &shown["participants"]), (&json!(room), &Value::Null));
    make(&desks, "s1", room).await;
    for jid in ["ann@example.com/phone", "support@help.example.org", "eve@staff.example.org/desk"] {
        come(&desks, room, jid).await;
    }
    let shown = desks.get(&agent("eve"), path).await.ok(200);
    let there: Vec<_> = shown["participants"].as_array().unwrap().iter().map(|one| &one["jid"]).collect();
    assert_eq!(there, ["ann@example.com/phone", "eve@staff.example.org/desk"], "the desk itself is left out");
    let hers = desks.get(&customer(ANN), path).await.ok(200);
    assert!(hers.get("room").is_none() && hers.get("participants").is_none(), "{hers}");
    let listed = desks.get(&agent("eve"), TICKETS).await.ok(200)[0].take();
    assert!(listed["room"] == room && listed.get("participants").is_none(), "{listed}");
    // An agent of this desk sees the room, one of another does not.
    assert_eq!(desks.get(&agent_of("support"), &format!("{ROOMS}/s1/occupants")).await.ok(200)[2]["nick"], "X");
    desks.get(&agent_of("billing"), &format!("{ROOMS}/s1/occupants")).await.failure(404, "NOT_FOUND");

    let ann = ANN.parse().unwrap();
    desks.api.helpdesk.erase_customer(&Caller::customer(&ann), &ann).await.unwrap();
    let left = desks.get(&admin(), &format!("{ROOMS}/s1/occupants")).await.ok(200);
    assert!(!left.to_string().contains("ann@") && left.as_array().unwrap().len() == 2, "{left}");
    let root = Tokens::new(SECRET).check(&admin()).unwrap();
    let filter = RoomFilter { limit: 10, ..RoomFilter::default() };
    assert_eq!(desks.api.helpdesk.server_rooms(&root, &filter).await.unwrap().items.len(), 1);
}
