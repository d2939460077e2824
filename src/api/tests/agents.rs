//! Agents: binding them, and what they say of themselves.

use super::*;

const AGENTS: &str = "/api/v1/xmpp/agents";

async fn bind(desks: &Desks, id: &str, body: Value) -> Answer {
    desks.put(&admin(), &format!("{AGENTS}/{id}"), body).await
}

#[tokio::test]
async fn an_admin_binds_changes_and_removes_an_agent() {
    let desks = Desks::new().await;
    let body = json!({ "jid": "Sue@Staff.example.org", "name": " Sue ", "desks": ["support"], "duty": "off" });
    let bound = bind(&desks, "sue", body).await.ok(201);
    let expected = json!({
        "id": "sue", "name": "Sue", "desks": ["support"], "role": "agent", "duty": "off", "on_duty": false,
        "source": "rest", "jid": "sue@staff.example.org"
    });
    assert_eq!(bound, expected);
    let changed = bind(&desks, "sue", json!({ "role": "admin", "duty": "on" })).await.ok(200);
    assert_eq!((&changed["jid"], &changed["desks"]), (&Value::Null, &Value::Null));
    assert_eq!((&changed["role"], &changed["on_duty"]), (&json!("admin"), &json!(true)));
    // An id with a slash is one segment when it is escaped.
    assert_eq!(bind(&desks, "sue%2Fhome", json!({})).await.ok(201)["id"], "sue/home");
    let answer = desks.ask(request(Method::DELETE, &format!("{AGENTS}/sue"), Some(&admin()), None)).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    let left = desks.get(&admin(), AGENTS).await.ok(200);
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
}

#[tokio::test]
async fn addresses_are_for_admins_and_oneself_and_other_desks_agents_for_nobody_else() {
    let desks = Desks::new().await;
    for (id, desk) in [("sue", "support"), ("tom", "support"), ("ben", "billing")] {
        let body = json!({ "jid": format!("{id}@staff.example.org"), "desks": [desk] });
        bind(&desks, id, body).await.ok(201);
    }
    let sue = mint(&Claims { desks: Some(vec!["support".to_owned()]), ..claims("sue", Role::Agent) });
    let seen = desks.get(&sue, AGENTS).await.ok(200);
    let shown = seen.as_array().unwrap().iter().map(|agent| (agent["id"].as_str().unwrap(), agent.get("jid")));
    let expected = [("sue", Some(&json!("sue@staff.example.org"))), ("tom", None)];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    let all = desks.get(&admin(), AGENTS).await.ok(200);
    let all = all.as_array().unwrap();
    assert!(all.len() == 3 && all.iter().all(|agent| agent["jid"].is_string()), "{all:?}");
}

#[tokio::test]
async fn duty_is_said_by_oneself_or_an_admin() {
    let desks = Desks::new().await;
    for id in ["sue", "tom"] {
        bind(&desks, id, json!({ "desks": ["support"] })).await.ok(201);
    }
    let sue = mint(&Claims { desks: Some(vec!["support".to_owned()]), ..claims("sue", Role::Agent) });
    let duty = |id: &str| format!("{AGENTS}/{id}/duty");
    for word in ["on", "off", "auto"] {
        let told = desks.post(&sue, &duty("sue"), json!({ "duty": word })).await.ok(200);
        assert_eq!((&told["duty"], &told["on_duty"]), (&json!(word), &json!(word == "on")));
        let seen = desks.get(&sue, "/api/v1/xmpp/desks").await.ok(200);
        assert_eq!(seen[0]["on_duty"], u64::from(word == "on"), "{seen}");
    }
    desks.post(&sue, &duty("tom"), json!({ "duty": "off" })).await.failure(403, "FORBIDDEN");
    // A program of the same name is somebody else.
    let twin = mint(&Claims { scopes: vec!["tickets:write".to_owned()], ..claims("sue", Role::Service) });
    desks.post(&twin, &duty("sue"), json!({ "duty": "off" })).await.failure(403, "FORBIDDEN");
    assert_eq!(desks.post(&admin(), &duty("tom"), json!({ "duty": "on" })).await.ok(200)["on_duty"], true);
    desks.post(&admin(), &duty("tom"), json!({ "duty": "maybe" })).await.failure(422, "INVALID");
    // Who is not bound has no duty.
    let eve = agent("eve");
    desks.post(&eve, &duty("eve@staff.example.org"), json!({ "duty": "on" })).await.failure(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_bad_agent_is_422_and_named_and_a_taken_address_409() {
    let desks = Desks::new().await;
    for (id, body, named) in [
        ("sue", json!({ "jid": "no jid" }), "jid"),
        ("sue", json!({ "jid": "sue@staff.example.org/phone" }), "jid"),
        ("sue", json!({ "jid": "staff.example.org" }), "jid"),
        ("sue", json!({ "jid": "support@help.example.org" }), "jid"),
        ("sue", json!({ "name": "" }), "name"),
        ("sue", json!({ "name": "a\nb" }), "name"),
        ("sue", json!({ "name": "x".repeat(101) }), "name"),
        ("sue", json!({ "desks": [] }), "desks"),
        ("sue", json!({ "desks": ["nowhere"] }), "desks"),
        ("sue", json!({ "role": "root" }), "role"),
        ("sue", json!({ "duty": "maybe" }), "duty"),
        ("%20", json!({}), "id"),
        ("a%0Ab", json!({}), "id"),
    ] {
        let message = bind(&desks, id, body.clone()).await.failure(422, "INVALID");
        assert!(message.contains(named), "{id} {body}: {message}");
    }
    assert_eq!(desks.get(&admin(), AGENTS).await.ok(200), json!([]));
    bind(&desks, "sue", json!({ "jid": "sue@staff.example.org" })).await.ok(201);
    let taken = bind(&desks, "tom", json!({ "jid": "sue@staff.example.org" })).await.failure(409, "CONFLICT");
    assert!(taken.contains("'sue'"), "{taken}");
}
