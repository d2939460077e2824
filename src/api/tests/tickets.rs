//! Opening, listing, speaking, reading: the reference's requests and what they give.

use std::collections::HashSet;

use super::*;
use crate::helpdesk::{Drafted, Outcome};

fn keys(value: &Value) -> HashSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn has(value: &Value, names: &[&str]) {
    for name in names {
        assert!(keys(value).contains(name), "{name} is missing in {value}");
    }
}

#[tokio::test]
async fn the_references_requests_give_its_field_names_and_spellings() {
    let desks = Desks::new().await;
    let ann = customer(ANN);
    let body = json!({ "jid": ANN, "message": "I need help configuring my email client", "resource": "desktop" });
    let opened = desks.post(&ann, TICKETS, body).await.ok(201);
    has(&opened, &["success", "ticket_id", "subject", "status", "message_id"]);
    assert_eq!((&opened["success"], &opened["status"]), (&json!(true), &json!("OPEN")));
    let id = opened["ticket_id"].as_str().unwrap();

    for query in [String::new(), format!("?jid={ANN}"), "?status=OPEN&limit=10".to_owned()] {
        let answer = desks.get(&ann, &format!("{TICKETS}{query}")).await;
        assert!(!answer.headers.contains_key("link"));
        let list = answer.ok(200);
        assert_eq!(list.as_array().unwrap().len(), 1, "{query}");
        has(&list[0], &["id", "subject", "status", "priority", "jid", "created_at", "last_message"]);
        assert_eq!(
            (&list[0]["id"], &list[0]["priority"], &list[0]["jid"]),
            (&json!(id), &json!("NORMAL"), &json!(ANN))
        );
    }

    let body = json!({ "content": "I am using Thunderbird on Ubuntu 22.04", "jid": ANN });
    let said = desks.post(&ann, &messages_of(id), body).await.ok(201);
    has(&said, &["success", "message_id", "timestamp"]);
    assert!(said["timestamp"].as_str().unwrap().ends_with('Z'));

    let sync = desks.get(&ann, &sync_of(id)).await.ok(200);
    has(&sync, &["ticket_id", "status", "subject", "messages", "updated_at", "handler", "priority", "version"]);
    let last = &sync["messages"][1];
    has(last, &["id", "content", "sender", "timestamp", "is_agent", "author", "visibility"]);
    assert_eq!((&last["id"], &last["sender"]), (&said["message_id"], &json!("You")));
    assert_eq!((&last["is_agent"], &last["timestamp"]), (&json!(false), &said["timestamp"]));
    assert!(!keys(last).contains("delivered_at"), "only what goes out is delivered: {last}");

    let body = json!({ "jid": ANN, "status": "available", "show": "chat" });
    let told = desks.post(&ann, PRESENCE, body).await.ok(200);
    assert_eq!((&told["success"], &told["jid"], &told["status"]), (&json!(true), &json!(ANN), &json!("available")));
}

#[tokio::test]
async fn a_second_message_goes_into_the_live_ticket_with_200() {
    let desks = Desks::new().await;
    let body = json!({ "jid": "Ann@Example.com/phone", "message": "hello" });
    let first = desks.post(&customer(ANN), TICKETS, body.clone()).await.ok(201);
    let second = desks.post(&customer(ANN), TICKETS, body).await.ok(200);
    assert_eq!(first["ticket_id"], second["ticket_id"]);
    assert_ne!(first["message_id"], second["message_id"]);
    assert_eq!((&first["opened"], &second["opened"]), (&json!(true), &json!(false)));
    let elsewhere = json!({ "jid": ANN, "message": "hello", "desk": "billing" });
    let third = desks.post(&customer(ANN), TICKETS, elsewhere).await.ok(201);
    assert_ne!(third["ticket_id"], first["ticket_id"]);
    assert_eq!(third["desk"], "billing");
}

#[tokio::test]
async fn each_reader_sees_who_spoke_and_staff_alone_sees_the_inside() {
    let desks = Desks::new().await;
    let id = desks.ticket("support").await;
    let ticket = id.parse().unwrap();
    let epoch = desks.api.helpdesk.conversation(&root(), ticket, None).await.unwrap().ticket.epoch;
    let answer = Outcome::Answer { body: "Boil it again".to_owned() };
    desks.api.helpdesk.commit_draft(ticket, epoch, Drafted::of(answer)).await.unwrap();
    desks.post(&agent("eve"), &messages_of(&id), json!({ "content": "I bring a new one" })).await.ok(201);
    for (token, senders, inside) in [
        (customer(ANN), ["You", "AI Assistant", "eve"], false),
        (agent("eve"), [ANN, "AI Assistant", "You"], true),
        (agent("bob"), [ANN, "AI Assistant", "eve"], true),
        (program(&["tickets:read"]), [ANN, "AI Assistant", "eve"], true),
    ] {
        let answer = desks.get(&token, &sync_of(&id)).await;
        assert_eq!(answer.text.contains("staff.example.org"), inside, "{}", answer.text);
        let sync = answer.ok(200);
        let messages = sync["messages"].as_array().unwrap();
        let seen: Vec<_> = messages.iter().map(|message| message["sender"].as_str().unwrap()).collect();
        assert_eq!(seen, senders);
        assert_eq!(messages.iter().map(|m| m["is_agent"] == true).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(messages[1]["delivered_at"], Value::Null);
        has(&messages[1], &["sent_at", "delivered_at", "read_at", "failed_at"]);
        let list = desks.get(&token, TICKETS).await.ok(200);
        for (value, name) in [(&sync, "hand_off_reason"), (&list[0], "hand_off_reason"), (&list[0], "agent")] {
            assert_eq!(keys(value).contains(name), inside, "{name} in {value}");
        }
        assert_eq!((&sync["handler"], &sync["status"]), (&json!("agent"), &json!("PENDING")));
    }
}

fn root() -> crate::helpdesk::Caller {
    Tokens::new(SECRET).check(&admin()).unwrap()
}

#[tokio::test]
async fn paging_visits_each_ticket_once_newest_first_also_among_equal_times() {
    let desks = Desks::new().await;
    let write = program(&["tickets:write"]);
    // All at once, so that many share a commit and its time.
    let opening = (0..120).map(|number| {
        let body = json!({ "jid": format!("c{number}+x@example.com"), "message": "hello" });
        desks.post(&write, TICKETS, body)
    });
    for answer in futures::future::join_all(opening).await {
        answer.ok(201);
    }
    let mut path = format!("{TICKETS}?status=OPEN&limit=7");
    let mut seen = Vec::new();
    loop {
        let answer = desks.get(&agent("eve"), &path).await;
        let link = answer.headers.get("link").map(|link| link.to_str().unwrap().to_owned());
        let page = answer.ok(200);
        seen.extend(page.as_array().unwrap().iter().cloned());
        let Some(link) = link else { break };
        assert_eq!(page.as_array().unwrap().len(), 7);
        path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        assert!(path.starts_with(&format!("{TICKETS}?status=OPEN&limit=7&cursor=")), "{path}");
    }
    let ids: HashSet<_> = seen.iter().map(|ticket| ticket["id"].as_str().unwrap()).collect();
    assert_eq!((seen.len(), ids.len()), (120, 120));
    let at = |ticket: &Value| chrono::DateTime::parse_from_rfc3339(ticket["last_message"].as_str().unwrap()).unwrap();
    assert!(seen.is_sorted_by(|a, b| at(a) >= at(b)));
    let times: HashSet<_> = seen.iter().map(at).collect();
    assert!(times.len() < 120, "the test needs equal times");
}

#[tokio::test]
async fn the_next_pages_link_keeps_a_filter_that_must_be_escaped() {
    let desks = Desks::new().await;
    let write = program(&["tickets:write"]);
    for desk in ["support", "billing"] {
        let body = json!({ "jid": "a+b@bücher.example", "message": "hi", "desk": desk });
        desks.post(&write, TICKETS, body).await.ok(201);
    }
    let first = desks.get(&write, &format!("{TICKETS}?limit=1&jid=a%2Bb@b%C3%BCcher.example")).await;
    let link = first.header("link");
    let path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
    let second = desks.get(&write, path).await;
    assert!(!second.headers.contains_key("link"));
    let (first, second) = (first.ok(200), second.ok(200));
    assert_eq!((first[0]["desk"].as_str(), second[0]["desk"].as_str()), (Some("billing"), Some("support")));
}

#[tokio::test]
async fn a_bad_or_unknown_parameter_is_400_and_named() {
    let desks = Desks::new().await;
    for (query, named) in [
        ("status=open", "status"),
        ("status=", "status"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("cursor=nonsense", "cursor"),
        ("jid=@", "jid"),
        ("jid=", "jid"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
    ] {
        let message = desks.get(&customer(ANN), &format!("{TICKETS}?{query}")).await.failure(400, "BAD_REQUEST");
        assert!(message.contains(named), "{query}: {message}");
    }
    for (query, named) in [("", "jid"), ("?jid=@", "jid"), ("?jid=a@b&full=1", "full")] {
        let message = desks.get(&customer(ANN), &format!("{PRESENCE}{query}")).await.failure(400, "BAD_REQUEST");
        assert!(message.contains(named), "{query}: {message}");
    }
}

#[tokio::test]
async fn a_long_conversation_comes_in_parts_that_miss_and_repeat_nothing() {
    let desks = Desks::new().await;
    let id = desks.ticket("support").await;
    // Fifty long lines fill parts by their size, many short ones fill one by their number.
    for number in 0..560 {
        let text = if number < 50 { format!("{number} {}", "x".repeat(60_000)) } else { number.to_string() };
        desks.post(&customer(ANN), &messages_of(&id), json!({ "content": text })).await.ok(201);
    }
    let (mut seen, mut parts, mut path) = (Vec::new(), 0, sync_of(&id));
    loop {
        let part = desks.get(&customer(ANN), &path).await.ok(200);
        let messages = part["messages"].as_array().unwrap();
        assert!(messages.len() <= 500 && part.to_string().len() < 3 * 1024 * 1024);
        let words = messages.iter().map(|message| message["content"].as_str().unwrap());
        let words: Vec<String> = words.map(|text| text.split(' ').next().unwrap().to_owned()).collect();
        seen.splice(0..0, words);
        parts += 1;
        let Some(earlier) = part["earlier"].as_i64() else { break };
        path = format!("{}?before={earlier}", sync_of(&id));
    }
    let mut expected = vec!["My".to_owned()];
    expected.extend((0..560).map(|number| number.to_string()));
    assert_eq!((seen, parts), (expected, 3));
    let bad = format!("{}?before=soon", sync_of(&id));
    assert!(desks.get(&customer(ANN), &bad).await.failure(400, "BAD_REQUEST").contains("before"));
}
