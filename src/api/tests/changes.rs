//! Changes of a ticket: what each does, versions, and what those learn who come too late.

use super::*;

/// Sue, who answers at support.
fn sue() -> String {
    let claims = claims("sue", Role::Agent);
    mint(&Claims { name: Some("Sue".to_owned()), desks: Some(vec!["support".to_owned()]), ..claims })
}

#[tokio::test]
async fn a_ticket_goes_through_the_hands_of_people() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let (sue, path) = (sue(), |what| of(&ticket, what));
    let claimed = desks.post(&sue, &path("claim"), json!({})).await.ok(200);
    assert_eq!((&claimed["status"], &claimed["agent"]), (&json!("OPEN"), &json!("sue")));
    let address = claimed["address"].as_str().unwrap();
    assert_eq!(address, format!("t-{}@help.example.org", &ticket.replace('-', "")[20..]));

    let noted = desks.post(&sue, &path("notes"), json!({ "content": "Ann is a regular" })).await.ok(200);
    assert!(noted["version"].as_i64() > claimed["version"].as_i64());
    let inside = desks.get(&sue, &sync_of(&ticket)).await.text;
    let outside = desks.get(&customer(ANN), &sync_of(&ticket)).await.text;
    assert!(inside.contains("Ann is a regular") && !outside.contains("regular"), "{outside}");

    let tags = json!({ "tags": [" tea ", "cold", "tea"] });
    assert_eq!(desks.put(&sue, &path("tags"), tags).await.ok(200)["tags"], json!(["tea", "cold"]));
    let low = desks.put(&sue, &path("priority"), json!({ "priority": "LOW" })).await.ok(200);
    assert_eq!((&low["priority"], &low["tags"]), (&json!("LOW"), &json!(["tea", "cold"])));

    let now = desks.api.helpdesk.clock().now();
    let snoozed = desks.post(&sue, &path("snooze"), json!({ "for": "2h" })).await.ok(200);
    let until = chrono::DateTime::parse_from_rfc3339(snoozed["snoozed_until"].as_str().unwrap()).unwrap();
    let late = (until.to_utc() - now).num_seconds();
    assert!((7200..7260).contains(&late), "{snoozed}");
    let moment = (now + chrono::TimeDelta::days(1)).to_rfc3339();
    let again = desks.post(&sue, &path("snooze"), json!({ "until": moment })).await.ok(200);
    assert_eq!(desks.get(&sue, &sync_of(&ticket)).await.ok(200)["snoozed_until"], again["snoozed_until"]);
    let awake = desks.post(&sue, &path("snooze"), json!({ "until": null })).await.ok(200);
    assert_eq!(awake["snoozed_until"], Value::Null);

    let queued = desks.post(&sue, &path("release"), json!({ "to": "queue" })).await.ok(200);
    assert_eq!((&queued["status"], &queued["handler"]), (&json!("ESCALATED"), &json!("none")));
    desks.post(&sue, &path("claim"), json!({})).await.ok(200);
    let body = json!({ "to": "assistant", "summary": "The tea is replaced" });
    let released = desks.post(&sue, &path("release"), body).await.ok(200);
    assert_eq!((&released["handler"], &released["agent"]), (&json!("assistant"), &Value::Null));

    let resolved = desks.post(&sue, &path("resolve"), json!({})).await.ok(200);
    assert_eq!((&resolved["status"], &resolved["resolution"]), (&json!("RESOLVED"), &json!("agent")));
    let reopened = desks.post(&sue, &path("reopen"), json!({})).await.ok(200);
    assert_eq!((&reopened["status"], &reopened["agent"]), (&json!("OPEN"), &json!("sue")));
    assert_eq!(reopened["resolution"], Value::Null);
}

#[tokio::test]
async fn a_customer_resolves_its_own_ticket_and_sees_nothing_of_the_inside() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    desks.post(&sue(), &of(&ticket, "claim"), json!({})).await.ok(200);
    let own = desks.post(&customer(ANN), &of(&ticket, "resolve"), json!({})).await.ok(200);
    assert_eq!((&own["status"], own.get("agent")), (&json!("RESOLVED"), None));
    let shown = desks.get(&sue(), &format!("{TICKETS}/{ticket}")).await.ok(200);
    assert_eq!(shown["resolution"], "customer");
    // Twice is once, and says nothing twice.
    desks.post(&customer(ANN), &of(&ticket, "resolve"), json!({})).await.ok(200);
    let lines = desks.get(&customer(ANN), &sync_of(&ticket)).await.ok(200);
    assert_eq!(lines["messages"].as_array().unwrap().len(), 2, "{lines}");

    desks.post(&admin(), &of(&ticket, "close"), json!({})).await.ok(200);
    let next = desks.ticket("support").await;
    let listed = desks.get(&sue(), TICKETS).await.ok(200);
    assert_eq!((&listed[0]["id"], &listed[0]["previous_ticket_id"]), (&json!(next), &json!(ticket)));
    let seen = desks.get(&customer(ANN), TICKETS).await.ok(200);
    for name in ["tags", "snoozed_until", "previous_ticket_id", "resolution", "address", "agent"] {
        assert!(seen[0].get(name).is_none(), "{name} is not for customers: {seen}");
    }
}

#[tokio::test]
async fn an_agent_acts_in_a_colleagues_ticket_only_by_an_admins_word() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let body = json!({ "name": "Sue", "desks": ["support"] });
    desks.put(&admin(), "/api/v1/xmpp/agents/sue", body).await.ok(201);
    desks.put(&admin(), "/api/v1/xmpp/agents/ben", json!({ "desks": ["billing"] })).await.ok(201);
    let given = desks.post(&admin(), &of(&ticket, "assign"), json!({ "agent": "sue" })).await.ok(200);
    assert_eq!((&given["handler"], &given["agent"]), (&json!("agent"), &json!("sue")));
    for (what, body) in [
        ("claim", json!({})),
        ("release", json!({ "to": "queue" })),
        ("release", json!({ "to": "assistant" })),
        ("resolve", json!({})),
        ("snooze", json!({ "for": "1h" })),
        ("priority", json!({ "priority": "LOW" })),
        ("tags", json!({ "tags": ["x"] })),
    ] {
        let (reason, current) = desks.post(&agent("eve"), &of(&ticket, what), body).await.overtaken();
        assert!(reason.contains("Sue has this ticket"), "{what}: {reason}");
        assert_eq!((&current["id"], &current["agent"]), (&json!(ticket), &json!("sue")), "{what}");
    }
    let said = desks.post(&agent("eve"), &messages_of(&ticket), json!({ "content": "Me!" })).await;
    let (reason, current) = said.overtaken();
    assert!(reason.contains("Sue has this ticket") && current["agent"] == "sue", "{reason}");
    let body = json!({ "jid": ANN, "message": "Me first!" });
    assert_eq!(desks.post(&agent("eve"), TICKETS, body).await.overtaken().1["agent"], "sue");
    for (agent, word) in [("nobody", "no agent"), ("ben", "desk 'support'")] {
        let answer = desks.post(&admin(), &of(&ticket, "assign"), json!({ "agent": agent })).await;
        assert!(answer.failure(422, "INVALID").contains(word), "{}", answer.text);
    }
    desks.post(&admin(), &of(&ticket, "resolve"), json!({})).await.ok(200);
}

#[tokio::test]
async fn a_change_on_a_version_that_is_gone_is_refused_with_the_present_one() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let shown = desks.get(&sue(), &format!("{TICKETS}/{ticket}")).await.ok(200);
    let version = shown["version"].as_i64().unwrap();
    let seen = desks.get(&customer(ANN), &format!("{TICKETS}/{ticket}")).await.ok(200)["version"].as_i64().unwrap();
    let high = || json!({ "priority": "HIGH" });
    let quoted = |version: i64| format!("\"{version}\"");
    let first = desks.change(&sue(), &ticket, "priority", high(), &quoted(version)).await.ok(200);
    assert_eq!(first["version"], version + 1);
    for (what, body) in [
        ("claim", json!({})),
        ("release", json!({ "to": "queue" })),
        ("release", json!({ "to": "assistant" })),
        ("assign", json!({ "agent": "sue" })),
        ("resolve", json!({})),
        ("reopen", json!({})),
        ("close", json!({})),
        ("snooze", json!({ "for": "1h" })),
        ("notes", json!({ "content": "late" })),
        ("priority", high()),
        ("tags", json!({ "tags": ["late"] })),
    ] {
        // A weak tag never matches; a tag of another kind neither.
        let is_at = format!("at version {}", version + 1);
        let weak = format!("W/{}", quoted(version + 1));
        for (stale, told) in [(&quoted(version), &*is_at), (&weak, "a weak tag"), (&"\"abc\"".to_owned(), &is_at)] {
            let (reason, current) = desks.change(&admin(), &ticket, what, body.clone(), stale).await.overtaken();
            assert!(reason.contains(told), "{what}: {reason}");
            assert_eq!((&current["version"], &current["priority"]), (&json!(version + 1), &json!("HIGH")), "{what}");
        }
        let answer = desks.change(&admin(), &ticket, what, body, "7").await;
        assert!(answer.failure(400, "BAD_REQUEST").contains("If-Match"), "{what}");
    }
    let (_, seen) = desks.change(&customer(ANN), &ticket, "resolve", json!({}), &quoted(seen)).await.overtaken();
    assert_eq!((&seen["id"], seen.get("agent")), (&json!(ticket), None), "as a customer sees it: {seen}");
    let either = format!("{}, {}", quoted(version), quoted(version + 1));
    desks.change(&sue(), &ticket, "tags", json!({ "tags": [] }), &either).await.ok(200);
    desks.change(&sue(), &ticket, "claim", json!({}), "*").await.ok(200);
}

#[tokio::test]
async fn a_bad_value_is_422_and_named_and_changes_nothing() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    desks.post(&sue(), &of(&ticket, "claim"), json!({})).await.ok(200);
    let before = desks.get(&sue(), &sync_of(&ticket)).await.text;
    let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    for (what, body, named) in [
        ("release", json!({}), "to"),
        ("release", json!({ "to": "me" }), "to"),
        ("release", json!({ "to": "queue", "summary": "x" }), "summary"),
        ("release", json!({ "to": "assistant", "summary": " " }), "summary"),
        ("release", json!({ "to": "assistant", "summary": "\u{1}" }), "summary"),
        ("assign", json!({}), "agent"),
        ("snooze", json!({}), "until"),
        ("snooze", json!({ "until": null, "for": "2h" }), "until"),
        ("snooze", json!({ "until": "tomorrow" }), "until"),
        ("snooze", json!({ "until": "2020-01-01T00:00:00Z" }), "until"),
        ("snooze", json!({ "until": "2999-01-01T00:00:00Z" }), "until"),
        ("snooze", json!({ "for": "soon" }), "for"),
        ("snooze", json!({ "for": "0s" }), "for"),
        ("snooze", json!({ "for": "100000000000days" }), "for"),
        ("snooze", json!({ "for": "2years" }), "until"),
        ("notes", json!({}), "content"),
        ("notes", json!({ "content": "" }), "content"),
        ("notes", json!({ "content": "a\u{0}b" }), "content"),
        ("notes", json!({ "content": "x".repeat(65 * 1024) }), "content"),
        ("priority", json!({ "priority": "urgent" }), "priority"),
        ("priority", json!({}), "priority"),
        ("tags", json!({ "tags": "tea" }), "tags"),
        ("tags", json!({ "tags": ["x".repeat(41)] }), "tags"),
        ("tags", json!({ "tags": ["a\nb"] }), "tags"),
        ("tags", json!({ "tags": [""] }), "tags"),
        ("tags", json!({ "tags": many }), "tags"),
    ] {
        let message = desks.post(&admin(), &of(&ticket, what), body.clone()).await.failure(422, "INVALID");
        assert!(message.contains(named), "{what} {body}: {message}");
    }
    assert_eq!(desks.get(&sue(), &sync_of(&ticket)).await.text, before);
}
