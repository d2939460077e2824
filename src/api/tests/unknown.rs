//! What a route does not know is refused, and named: in a query always, in a body unless it is one of the reference's. All that is
//! wrong with either is said in one style.

use super::{
    stage::{Asker, Stage, askers, check, sample_of},
    *,
};
use crate::api::{openapi::operations, routes::table};

/// Operations whose bodies are the reference's: its clients may send more.
const OF_REFERENCE: [&str; 8] = [
    "ticket_open",
    "message_say",
    "presence_set",
    "room_make",
    "room_end",
    "occupant_come",
    "occupant_turn",
    "occupant_go",
];

#[tokio::test]
async fn a_misspelt_parameter_or_field_does_not_go_unnoticed() {
    let stage = Stage::new().await;
    let (mut refused, mut ignored) = (0, Vec::new());
    for route in table() {
        for (method, operation) in route.paths.paths.values().flat_map(operations) {
            let id = operation.operation_id.clone().unwrap();
            let sample = sample_of(&id);
            let is_for = |asker: &Asker| asker.owns && route.access.unwrap().admits(&check(&asker.token));
            let Asker { token, .. } = askers().into_iter().rfind(is_for).unwrap();
            let scene = stage.scene(&sample, &token).await;
            let ask = async |path: &str, body: Option<String>| {
                stage.desks.ask(request(method.clone(), path, Some(&token), body)).await
            };
            let path = scene.fill(sample.path);
            let separator = if path.contains('?') { '&' } else { '?' };
            let body = (!sample.body.is_null()).then(|| scene.fill(&sample.body.to_string()));
            let told = ask(&format!("{path}{separator}statsu=open"), body).await.failure(400, "BAD_REQUEST");
            assert!(told.starts_with("statsu: "), "{id}: {told}");
            let described = serde_json::to_value(operation).unwrap();
            let is_bare = described["requestBody"].is_null() && method != Method::GET;
            if is_bare || described["requestBody"]["content"]["application/json"].is_object() {
                let body = if sample.body.is_null() { json!({}) } else { sample.body.clone() };
                let mut body: Value = serde_json::from_str(&scene.fill(&body.to_string())).unwrap();
                body["statsu"] = json!("open");
                let answer = ask(&path, Some(body.to_string())).await;
                if answer.status.is_success() {
                    ignored.push(id);
                } else {
                    let told = answer.failure(422, "INVALID");
                    assert!(told.contains("statsu"), "{id}: {told}");
                    refused += 1;
                }
            }
            stage.clear(&scene).await;
        }
    }
    ignored.sort();
    ignored.dedup();
    let mut expected = OF_REFERENCE.map(str::to_owned);
    expected.sort();
    assert_eq!(ignored, expected);
    assert!(refused > 10, "{refused}");
}

#[tokio::test]
async fn what_is_wrong_is_said_in_one_style_with_what_would_do() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let of = |what: &str| format!("{TICKETS}/{ticket}/{what}");
    let long = "x".repeat(1000);
    for (path, body, words) in [
        (of("claim"), json!({ "x": 1 }), "x: unknown field; this body has none"),
        (of("priority"), json!({ "priorty": "HIGH" }), "priorty: unknown field; this body has priority"),
        (of("priority"), json!({ "priority": "high" }), "priority: must be LOW, NORMAL, HIGH or URGENT"),
        (of("priority"), json!({ "priority": 1 }), "priority: must be a string, not a number"),
        (of("priority"), json!({}), "priority: is needed"),
        (of("release"), json!({ "too": "queue" }), "too: unknown field; this body has to and summary"),
        (of("release"), json!({ "to": "bob" }), "to: must be assistant or queue"),
        (of("release"), json!({ "to": 1 }), "to: must be a string, not a number"),
        (of("release"), json!({ "to": null }), "to: must be a string, not null"),
        (of("tags"), json!({ "tags": "tea" }), "tags: must be a list, not a string"),
        (of("tags"), json!({ "tags": [{}] }), "tags[0]: must be a string, not an object"),
        (of("tags"), json!([]), "body: must be an object"),
        (of("messages"), json!({ "contnt": "hi" }), "content: is needed; this body has contnt"),
        (TICKETS.to_owned(), json!({ "jid": ANN, "mesage": "hi" }), "message: is needed; this body has jid and mesage"),
        (TICKETS.to_owned(), json!({ "jid": "", "message": "hi" }), "jid: must be an address such as user@example.org"),
        (PRESENCE.to_owned(), json!({ "jid": ANN, "status": "on" }), "status: must be available or unavailable"),
        ("/api/v1/xmpp/agents/eve/duty".to_owned(), json!({ "duty": "yes" }), "duty: must be auto, on or off"),
        (WEBHOOKS.to_owned(), json!({ "url": "x", "events": [], "include_internal": "yes" }), {
            "include_internal: must be a boolean, not a string"
        }),
    ] {
        let said = desks.post(&admin(), &path, body.clone()).await.failure(422, "INVALID");
        assert_eq!(said, words, "{path} {body}");
    }
    let said = desks.post(&admin(), &of("tags"), json!({ long.as_str(): 1 })).await.failure(422, "INVALID");
    assert!(
        said.starts_with("xxx") && said.ends_with("x: unknown field; this body has tags") && said.len() < 100,
        "{said}"
    );
    for (path, words) in [
        ("/api/v1/xmpp/desks?x=1", "x: unknown parameter; this route has none"),
        ("/api/v1/xmpp/queue?x=1", "x: unknown parameter; this route has desk and limit"),
        ("/api/v1/xmpp/queue?limit=1&limit=2", "limit: must be given once"),
        ("/api/v1/xmpp/presence?jid=", "jid: must be an address such as user@example.org"),
        ("/api/v1/xmpp/tickets?jid=a@b@c", "jid: must be an address such as user@example.org"),
        ("/api/v1/rooms?jid=a@b@c", "jid: must be an address such as user@example.org"),
        ("/api/v1/xmpp/customers/@", "jid: must be an address such as user@example.org"),
    ] {
        assert_eq!(desks.get(&admin(), path).await.failure(400, "BAD_REQUEST"), words, "{path}");
    }
    let broken = request(Method::POST, TICKETS, Some(&admin()), Some("{".to_owned()));
    assert!(desks.ask(broken).await.failure(400, "BAD_REQUEST").starts_with("body: is not JSON: "));
    // Nothing, or an object without a field, is no body.
    for body in [None, Some("{}".to_owned())] {
        desks.ask(request(Method::POST, &of("claim"), Some(&admin()), body)).await.ok(200);
    }
}
