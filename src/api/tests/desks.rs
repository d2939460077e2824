//! Desks and the queue.

use std::collections::BTreeSet;

use jid::BareJid;

use super::*;

const DESKS: &str = "/api/v1/xmpp/desks";
const QUEUE: &str = "/api/v1/xmpp/queue";

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// A customer's ticket that waits for a person.
async fn waiting(desks: &Desks, desk: &str, customer: &str) -> String {
    let jid = BareJid::new(customer).unwrap();
    desks.api.helpdesk.ask_for_person(desk, &jid, "asked for one", None).await.unwrap();
    let listed = desks.get(&admin(), &format!("{TICKETS}?jid={customer}&status=ESCALATED")).await.ok(200);
    listed[0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn customers_see_where_to_write_and_staff_what_goes_on_at_their_desks() {
    let desks = Desks::new().await;
    for (id, desk, duty) in [("sue", "support", "on"), ("tom", "support", "off"), ("ben", "billing", "on")] {
        let body = json!({ "name": id.to_uppercase(), "desks": [desk], "duty": duty });
        desks.put(&admin(), &format!("/api/v1/xmpp/agents/{id}"), body).await.ok(201);
    }
    waiting(&desks, "billing", ANN).await;
    let told =
        json!({ "jid": "billing@help.example.org", "status": "available", "show": "dnd", "text": "Stocktaking" });
    desks.post(&admin(), PRESENCE, told).await.ok(200);

    let outside = BTreeSet::from(["name", "title", "address", "open", "next_opening"]);
    for token in [customer(ANN), program(&["tickets:read"])] {
        let seen = desks.get(&token, DESKS).await.ok(200);
        assert!(seen.as_array().unwrap().iter().all(|desk| keys(desk) == outside), "{seen}");
        let expected = json!({
            "name": "support", "title": "Tea Support", "address": "support@help.example.org", "open": true,
            "next_opening": null
        });
        assert_eq!(seen[0], expected);
    }
    let seen = desks.get(&agent_of("billing"), DESKS).await.ok(200);
    assert_eq!(keys(&seen[0]), outside, "another desk is as for a customer");
    let billing = &seen[1];
    assert_eq!((&billing["on_duty"], &billing["waiting"], &billing["hours"]), (&json!(1), &json!(1), &json!("")));
    assert_eq!(billing["agents"], json!([{ "id": "ben", "name": "BEN", "on_duty": true }]));
    assert_eq!(billing["presence"], json!({ "status": "available", "show": "dnd", "text": "Stocktaking" }));
    let support = &desks.get(&admin(), DESKS).await.ok(200)[0];
    assert_eq!((&support["on_duty"], &support["waiting"]), (&json!(1), &json!(0)));
    assert_eq!(support["agents"].as_array().unwrap().len(), 2, "{support}");
}

#[tokio::test]
async fn the_queue_has_the_urgent_first_then_who_waits_longest_and_not_what_is_snoozed() {
    let desks = Desks::new().await;
    let clock = desks.api.helpdesk.clock().clone();
    let mut tickets = Vec::new();
    for (number, desk) in ["support", "support", "billing", "support", "support"].iter().enumerate() {
        tickets.push(waiting(&desks, desk, &format!("c{number}@example.com")).await);
        clock.advance(Duration::from_secs(60));
    }
    for (number, priority) in [(1, "LOW"), (3, "HIGH"), (4, "URGENT")] {
        desks.put(&admin(), &of(&tickets[number], "priority"), json!({ "priority": priority })).await.ok(200);
    }
    let places = |queue: &Value| {
        let place = |entry: &Value| {
            let id = entry["id"].as_str().unwrap();
            (tickets.iter().position(|known| known == id).unwrap(), entry["position"].as_u64().unwrap())
        };
        queue.as_array().unwrap().iter().map(place).collect::<Vec<_>>()
    };
    let queue = desks.get(&admin(), QUEUE).await.ok(200);
    assert_eq!(places(&queue), [(4, 1), (3, 2), (0, 3), (2, 1), (1, 4)], "positions are a desk's own");
    for (entry, expected) in queue.as_array().unwrap().iter().zip([60, 120, 300, 180, 240]) {
        let waited = entry["waiting_seconds"].as_u64().unwrap();
        assert!((expected..expected + 30).contains(&waited), "{waited} of {expected}");
    }
    assert_eq!((&queue[0]["reason"], &queue[0]["status"]), (&json!("asked for one"), &json!("ESCALATED")));
    assert!(queue[0]["version"].is_i64() && queue[0]["address"].is_string());

    let support = format!("{QUEUE}?desk=support");
    assert_eq!(places(&desks.get(&agent_of("billing"), QUEUE).await.ok(200)), [(2, 1)]);
    assert_eq!(places(&desks.get(&admin(), &format!("{support}&limit=2")).await.ok(200)), [(4, 1), (3, 2)]);
    desks.post(&agent("eve"), &of(&tickets[4], "snooze"), json!({ "for": "1h" })).await.ok(200);
    desks.post(&agent("eve"), &of(&tickets[3], "claim"), json!({})).await.ok(200);
    assert_eq!(places(&desks.get(&admin(), &support).await.ok(200)), [(0, 1), (1, 2)]);
    assert_eq!(desks.get(&admin(), DESKS).await.ok(200)[0]["waiting"], 2);
    clock.advance(Duration::from_secs(3601));
    assert_eq!(places(&desks.get(&admin(), &support).await.ok(200))[0], (4, 1));
    for query in ["limit=0", "limit=501", "limit=x", "dsk=support"] {
        desks.get(&admin(), &format!("{QUEUE}?{query}")).await.failure(400, "BAD_REQUEST");
    }
}
