//! `/api/v1/xmpp/sync`, and a ticket's own: what is newer, for whom, and what a bad place is answered.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use deskbridge_entity::event;
use jid::BareJid;
use sea_orm::{EntityTrait, sea_query::Expr};

use super::*;
use crate::helpdesk::Line;

const LOG: &str = "/api/v1/xmpp/sync";

/// Everything behind a cursor, in pages of `limit`, and the last cursor.
async fn all(desks: &Desks, token: &str, cursor: Option<&str>, limit: u16) -> (Vec<Value>, String) {
    let (mut changes, mut cursor) = (Vec::new(), cursor.map(ToOwned::to_owned));
    loop {
        let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = desks.get(token, &format!("{LOG}?limit={limit}{from}")).await.ok(200);
        let got = page["changes"].as_array().unwrap();
        assert!(got.len() <= limit.into());
        changes.extend(got.iter().cloned());
        let next = page["next_cursor"].as_str().unwrap().to_owned();
        if page["has_more"] == false {
            return (changes, next);
        }
        cursor = Some(next);
    }
}

fn kinds(changes: &[Value]) -> Vec<&str> {
    changes.iter().map(|change| change["type"].as_str().unwrap()).collect()
}

fn line(text: &str, id: &str, corrects: Option<&str>) -> Line {
    Line {
        stanza_id: Some(id.to_owned()),
        corrects: corrects.map(ToOwned::to_owned),
        ..Line::plain("support".to_owned(), ANN.parse::<BareJid>().unwrap(), None, text.to_owned())
    }
}

async fn write(desks: &Desks, line: Line) {
    desks.api.helpdesk.receive(line).await.unwrap().await.unwrap();
}

#[tokio::test]
async fn pages_of_any_size_give_every_change_once_and_in_order() {
    let desks = Desks::new().await;
    let (empty, begin) = all(&desks, &admin(), None, 1).await;
    assert!(empty.is_empty());
    let ticket = desks.ticket("support").await;
    desks.post(&agent("eve"), &messages_of(&ticket), json!({ "content": "I bring a new one" })).await.ok(201);
    desks.post(&agent("eve"), &of(&ticket, "notes"), json!({ "content": "he is rude" })).await.ok(200);
    // Of no ticket, and so not in here.
    desks.post(&admin(), PRESENCE, json!({ "jid": ANN, "status": "available" })).await.ok(200);
    let (whole, end) = all(&desks, &admin(), None, 500).await;
    let seqs: Vec<i64> = whole.iter().map(|change| change["seq"].as_i64().unwrap()).collect();
    let logged = event::Entity::find().all(desks.store.read()).await.unwrap();
    let expected: Vec<i64> = logged.iter().filter(|row| row.ticket_id.is_some()).map(|row| row.seq).collect();
    assert!(seqs == expected && seqs.len() < logged.len() && seqs.len() > 5, "{seqs:?}");
    for limit in [1, 2, 3, 7] {
        assert_eq!(all(&desks, &admin(), None, limit).await, (whole.clone(), end.clone()));
        assert_eq!(all(&desks, &admin(), Some(&begin), limit).await.0, whole);
    }
    assert_eq!(all(&desks, &admin(), Some(&end), 10).await, (vec![], end));

    let created = &whole[0];
    assert_eq!((&created["type"], &created["ticket_id"]), (&json!("ticket.created"), &json!(ticket)));
    assert_eq!((&created["data"]["status"], &created["ticket"]["status"]), (&json!("OPEN"), &json!("PENDING")));
    let said = whole.iter().find(|change| change["message"]["author"] == "agent").unwrap();
    assert_eq!((&said["type"], &said["data"]), (&json!("message.created"), &json!({ "author": "agent" })));
    assert_eq!(said["message"]["content"], "I bring a new one");
    assert_eq!(said["message"], desks.get(&admin(), &sync_of(&ticket)).await.ok(200)["messages"][1]);
}

#[tokio::test]
async fn everybody_is_told_of_the_tickets_that_they_may_read() {
    let desks = Desks::new().await;
    let (support, billing) = (desks.ticket("support").await, desks.ticket("billing").await);
    let body = json!({ "jid": "bob@example.com", "message": "Mine is warm" });
    let bobs = desks.post(&customer("bob@example.com"), TICKETS, body).await.ok(201)["ticket_id"].clone();
    desks.post(&admin(), &of(&support, "notes"), json!({ "content": "he is rude" })).await.ok(200);
    desks.post(&admin(), &of(&support, "claim"), json!({})).await.ok(200);
    let (support, billing) = (json!(support), json!(billing));
    let all_desks = vec![&support, &billing, &bobs];
    for (token, expected, is_staff) in [
        (customer(ANN), vec![&support, &billing], false),
        (customer("bob@example.com"), vec![&bobs], false),
        (customer("eve@example.com"), vec![], false),
        (agent("eve"), all_desks.clone(), true),
        (agent_of("billing"), vec![&billing], true),
        (program(&["tickets:read"]), all_desks.clone(), true),
        (program(&["tickets:write"]), all_desks.clone(), true),
        (admin(), all_desks, true),
    ] {
        let (changes, _) = all(&desks, &token, None, 2).await;
        let mut seen: Vec<&Value> = Vec::new();
        for ticket in changes.iter().map(|change| &change["ticket_id"]) {
            if !seen.contains(&ticket) {
                seen.push(ticket);
            }
        }
        assert_eq!(seen, expected);
        let text = json!(changes).to_string();
        let has_notes = is_staff && expected.contains(&&support);
        assert_eq!((text.contains("rude"), text.contains("\"internal\"")), (has_notes, has_notes), "{text}");
        assert_eq!(text.contains("hand_off_reason"), is_staff, "{text}");
    }
    desks.get(&program(&[]), LOG).await.failure(403, "FORBIDDEN");
    desks.ask(request(Method::GET, LOG, None, None)).await.failure(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn who_has_read_of_an_erased_ticket_learns_that_it_is_gone_and_nobody_learns_more() {
    let desks = Desks::new().await;
    let mut readers = Vec::new();
    let ticket = desks.ticket("billing").await;
    for token in [customer(ANN), agent_of("billing"), agent("eve"), program(&["tickets:read"]), admin()] {
        let (changes, cursor) = all(&desks, &token, None, 100).await;
        assert!(kinds(&changes).starts_with(&["ticket.created"]));
        readers.push((token, cursor));
    }
    let (strangers, ann) = ([customer("bob@example.com"), agent_of("support")], ANN.parse::<BareJid>().unwrap());
    let root = Tokens::new(SECRET).check(&admin()).unwrap();
    desks.api.helpdesk.erase_customer(&root, &ann).await.unwrap();
    for (token, cursor) in readers {
        // Also for who begins now: of what was there before, nothing is left.
        for from in [Some(cursor.as_str()), None] {
            let (changes, _) = all(&desks, &token, from, 100).await;
            let [gone] = changes.as_slice() else { panic!("{changes:?}") };
            assert_eq!((&gone["type"], &gone["ticket_id"]), (&json!("ticket.erased"), &json!(ticket)));
            assert_eq!(gone.as_object().unwrap().len(), 4, "{gone}");
        }
    }
    for token in strangers {
        assert!(all(&desks, &token, None, 100).await.0.is_empty());
    }
}

#[tokio::test]
async fn a_place_in_no_log_or_in_another_is_refused_with_what_to_do() {
    let desks = Desks::new().await;
    desks.ticket("support").await;
    let (_, end) = all(&desks, &admin(), None, 100).await;
    let mut newer = URL_SAFE_NO_PAD.decode(&end).unwrap();
    newer[0] = 9;
    let mut ahead = URL_SAFE_NO_PAD.decode(&end).unwrap();
    ahead[8] += 1;
    for (query, words) in [
        ("cursor=", "leave it out"),
        ("cursor=7", "leave it out"),
        (&format!("cursor={end}x"), "leave it out"),
        (&format!("cursor={}", URL_SAFE_NO_PAD.encode(newer)), "leave it out"),
        (&format!("cursor={}", URL_SAFE_NO_PAD.encode(ahead)), "of another log"),
        ("limit=0", "from 1 to 500"),
        ("limit=501", "from 1 to 500"),
        ("limit=many", "from 1 to 500"),
        ("after=7", "after: unknown parameter; this route has cursor and limit"),
    ] {
        let reason = desks.get(&admin(), &format!("{LOG}?{query}")).await.failure(400, "BAD_REQUEST");
        assert!(reason.contains(words), "{query}: {reason}");
    }
    // A backup was put back, and others have written since: the same number, another event.
    let rewrite =
        event::Entity::update_many().col_expr(event::Column::CreatedAt, Expr::value(chrono::DateTime::UNIX_EPOCH));
    rewrite.exec(desks.store.read()).await.unwrap();
    let reason = desks.get(&admin(), &format!("{LOG}?cursor={end}")).await.failure(400, "BAD_REQUEST");
    assert!(reason.contains("of another log") && reason.contains("leave it out"), "{reason}");
}

#[tokio::test]
async fn long_texts_make_short_pages_and_none_is_left_out() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let long = "tea ".repeat(15_000);
    for _ in 0..40 {
        desks.post(&agent("eve"), &messages_of(&ticket), json!({ "content": long })).await.ok(201);
    }
    let first = desks.get(&admin(), &format!("{LOG}?limit=500")).await;
    assert!(first.text.len() < 3_000_000 && first.ok(200)["has_more"] == true);
    let (changes, _) = all(&desks, &admin(), None, 500).await;
    let (small, _) = all(&desks, &admin(), None, 3).await;
    assert_eq!((changes.len(), &changes), (small.len(), &small));
    let mut after = 0;
    let mut texts = 0;
    loop {
        let news = desks.get(&admin(), &format!("{}?after={after}", sync_of(&ticket))).await.ok(200);
        texts += news["messages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|said| said["content"] == long.trim_end() || said["content"] == long)
            .count();
        after = news["seq"].as_i64().unwrap();
        if news["has_more"] == false {
            break;
        }
    }
    assert_eq!(texts, 40);
}

#[tokio::test]
async fn a_tickets_sync_gives_what_is_newer_and_304_when_nothing_is() {
    let desks = Desks::new().await;
    write(&desks, line("Mi tea is cold", "1", None)).await;
    let (ann, eve) = (customer(ANN), agent("eve"));
    let ticket = desks.get(&ann, TICKETS).await.ok(200)[0]["id"].as_str().unwrap().to_owned();
    let path = sync_of(&ticket);
    let whole = desks.get(&ann, &path).await.ok(200);
    let seq = whole["seq"].as_i64().unwrap();
    assert_eq!((&whole["has_more"], &whole["removed"]), (&Value::Null, &Value::Null));
    let newer = |seq: i64| format!("{path}?after={seq}");
    let nothing = desks.get(&ann, &newer(seq)).await;
    let tag = nothing.header("etag").to_owned();
    let nothing = nothing.ok(200);
    assert_eq!((&nothing["messages"], &nothing["seq"], &nothing["has_more"]), (&json!([]), &json!(seq), &json!(false)));
    assert_eq!(nothing["status"], whole["status"]);

    let known = async |path: &str, tag: &str| {
        let mut request = request(Method::GET, path, Some(&ann), None);
        request.headers_mut().insert("if-none-match", tag.parse().unwrap());
        desks.ask(request).await
    };
    for tag in [tag.as_str(), &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
        let same = known(&newer(seq), tag).await;
        assert_eq!((same.status.as_u16(), same.text.as_str()), (304, ""), "{tag}");
        assert_eq!(same.headers["etag"], desks.get(&ann, &newer(seq)).await.headers["etag"]);
    }
    assert_eq!(known(&newer(seq), "\"x\"").await.status, 200);
    known(&newer(seq), tag.trim_matches('"')).await.failure(400, "BAD_REQUEST");
    let whole_tag = desks.get(&ann, &path).await.header("etag").to_owned();
    assert_eq!(known(&path, &whole_tag).await.status, 304);

    // What customers are not told of changes nothing for them.
    desks.post(&eve, &of(&ticket, "notes"), json!({ "content": "he is rude" })).await.ok(200);
    let told = known(&newer(seq), &tag).await;
    assert!(told.status == 304 || told.json()["messages"] == json!([]), "{}", told.text);
    assert_eq!(desks.get(&eve, &newer(seq)).await.ok(200)["messages"][0]["visibility"], "internal");

    write(&desks, line("My tea is cold", "2", Some("1"))).await;
    let news = known(&newer(seq), &tag).await.ok(200);
    let (said, gone) = (&news["messages"], &news["removed"]);
    assert_eq!((said.as_array().unwrap().len(), &said[0]["content"]), (1, &json!("My tea is cold")));
    assert_eq!((&gone[0], &said[0]["edited"]), (&whole["messages"][0]["id"], &json!(true)));
    let staff = desks.get(&eve, &newer(seq)).await.ok(200);
    assert_eq!((staff["messages"].as_array().unwrap().len(), &staff["removed"]), (3, &Value::Null));
    assert_eq!(staff["messages"][0]["superseded"], true);
    let seq = news["seq"].as_i64().unwrap();
    assert_eq!(desks.get(&ann, &newer(seq)).await.ok(200)["messages"], json!([]));

    // The whole and the newer together are the whole of later.
    desks.post(&eve, &messages_of(&ticket), json!({ "content": "I bring a new one" })).await.ok(201);
    let news = desks.get(&ann, &newer(seq)).await.ok(200);
    let whole = desks.get(&ann, &path).await.ok(200);
    assert_eq!((&news["messages"][0], &news["seq"]), (&whole["messages"][1], &whole["seq"]));
    assert_eq!((&news["version"], &news["status"]), (&whole["version"], &json!("PENDING")));

    for (query, words) in [
        ("after=-1", "after: must be a number"),
        ("after=x", "after: must be a number"),
        ("after=1&before=2", "does not go with before"),
    ] {
        let reason = desks.get(&ann, &format!("{path}?{query}")).await.failure(400, "BAD_REQUEST");
        assert!(reason.contains(words), "{query}: {reason}");
    }
    let ahead = desks.get(&eve, &newer(99_999)).await.failure(400, "BAD_REQUEST");
    assert!(ahead.contains("ahead of the log"), "{ahead}");
    // How far the log goes is nothing that a customer can try out.
    let nothing = desks.get(&ann, &newer(99_999)).await.ok(200);
    assert_eq!((&nothing["messages"], &nothing["seq"]), (&json!([]), &json!(99_999)));
    desks.get(&customer("bob@example.com"), &newer(0)).await.failure(404, "NOT_FOUND");
    desks.get(&agent_of("billing"), &newer(0)).await.failure(404, "NOT_FOUND");
    desks.get(&program(&[]), &newer(0)).await.failure(403, "FORBIDDEN");
}
