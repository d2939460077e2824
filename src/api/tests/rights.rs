//! Who may do what: every route of people and programs, asked by everybody. What is denied changes nothing.

use super::*;
use crate::helpdesk::Caller;

/// Everybody who may ask, in the order of a row of the table.
const ASKERS: [&str; 8] =
    ["customer", "stranger", "program", "reader", "writer", "agent of another desk", "agent", "admin"];

/// What the ticket is when it is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Live,
    /// The asker's, if the asker is of the staff; else an agent's.
    Claimed,
    Resolved,
}

struct Route {
    method: Method,
    path: &'static str,
    body: Option<Value>,
    found: Found,
    statuses: [u16; 8],
}

const CHANGE: [u16; 8] = [403, 404, 403, 403, 403, 404, 200, 200];
const MANAGE: [u16; 8] = [403, 404, 403, 403, 403, 404, 403, 200];
const STAFF: [u16; 8] = [403, 403, 403, 403, 403, 200, 200, 200];

const ADMINS: [u16; 8] = [403, 403, 403, 403, 403, 403, 403, 200];

fn route(method: Method, path: &'static str, body: Value, found: Found, statuses: [u16; 8]) -> Route {
    Route { method, path, body: (!body.is_null()).then_some(body), found, statuses }
}

/// `{t}` is the ticket.
fn routes() -> Vec<Route> {
    use Found::{Claimed, Live, Resolved};
    let post = |path, body, found, statuses| route(Method::POST, path, body, found, statuses);
    let put = |path, body, statuses| route(Method::PUT, path, body, Live, statuses);
    let get = |path, statuses| route(Method::GET, path, Value::Null, Live, statuses);
    vec![
        get("/tickets/{t}", [200, 404, 403, 200, 200, 404, 200, 200]),
        post("/tickets/{t}/claim", Value::Null, Live, CHANGE),
        post("/tickets/{t}/release", json!({ "to": "assistant" }), Claimed, CHANGE),
        post("/tickets/{t}/release", json!({ "to": "queue" }), Claimed, CHANGE),
        post("/tickets/{t}/assign", json!({ "agent": "eve" }), Live, MANAGE),
        post("/tickets/{t}/resolve", Value::Null, Live, [200, 404, 403, 403, 403, 404, 200, 200]),
        post("/tickets/{t}/reopen", Value::Null, Resolved, CHANGE),
        post("/tickets/{t}/close", Value::Null, Live, MANAGE),
        post("/tickets/{t}/snooze", json!({ "for": "2h" }), Live, CHANGE),
        post("/tickets/{t}/notes", json!({ "content": "knows us" }), Live, CHANGE),
        post("/tickets/{t}/priority", json!({ "priority": "HIGH" }), Live, CHANGE),
        put("/tickets/{t}/priority", json!({ "priority": "HIGH" }), CHANGE),
        post("/tickets/{t}/tags", json!({ "tags": ["tea"] }), Live, CHANGE),
        put("/tickets/{t}/tags", json!({ "tags": ["tea"] }), CHANGE),
        get("/desks/support/proposals", [403, 403, 403, 403, 403, 403, 200, 200]),
        get("/usage?desk=support", [403, 403, 403, 403, 403, 403, 200, 200]),
        get("/usage", STAFF),
        get("/desks", [200, 200, 403, 200, 200, 200, 200, 200]),
        get("/agents", STAFF),
        put("/agents/mia", json!({ "desks": ["support"] }), [403, 403, 403, 403, 403, 403, 403, 201]),
        post("/agents/eve/duty", json!({ "duty": "on" }), Live, [403, 403, 403, 403, 403, 403, 403, 200]),
        route(Method::DELETE, "/agents/mia", Value::Null, Live, [403, 403, 403, 403, 403, 403, 403, 204]),
        get("/sync", [200, 200, 403, 200, 200, 200, 200, 200]),
        get("/customers/ann%40example.com", ADMINS),
        get("/customers/ann%40example.com/export", ADMINS),
        route(Method::DELETE, "/customers/ann%40example.com?dry_run=true", Value::Null, Live, ADMINS),
        get("/audit", ADMINS),
        get("/queue", STAFF),
        get("/queue?desk=support", [403, 403, 403, 403, 403, 403, 200, 200]),
    ]
}

fn tokens() -> [String; 8] {
    let support = mint(&Claims { desks: Some(vec!["support".to_owned()]), ..claims("sue", Role::Agent) });
    [
        customer(ANN),
        customer("bob@example.com"),
        program(&[]),
        program(&["tickets:read"]),
        program(&["tickets:read", "tickets:write"]),
        agent_of("billing"),
        support,
        admin(),
    ]
}

fn root() -> Caller {
    Tokens::new(SECRET).check(&admin()).unwrap()
}

async fn stage() -> Desks {
    let desks = Desks::new().await;
    desks.put(&admin(), "/api/v1/xmpp/agents/eve", json!({ "desks": ["support"] })).await.ok(201);
    desks
}

/// Ann's ticket, as the route wants to find it.
async fn prepare(desks: &Desks, found: Found, asker: &str) -> String {
    let ticket = desks.ticket("support").await;
    match found {
        Found::Live => {}
        Found::Claimed => {
            let claim = desks.post(asker, &of(&ticket, "claim"), json!({})).await;
            if !claim.status.is_success() {
                desks.post(&agent("eve"), &of(&ticket, "claim"), json!({})).await.ok(200);
            }
        }
        Found::Resolved => drop(desks.post(&admin(), &of(&ticket, "resolve"), json!({})).await.ok(200)),
    }
    ticket
}

#[tokio::test]
async fn every_route_is_open_to_those_it_is_for_and_shut_to_all_others() {
    let desks = stage().await;
    for route in routes() {
        for ((who, token), expected) in ASKERS.iter().zip(tokens()).zip(route.statuses) {
            let ticket = prepare(&desks, route.found, &token).await;
            let id = ticket.parse().unwrap();
            let before = desks.api.helpdesk.ticket(&root(), id).await.unwrap();
            let path = format!("/api/v1/xmpp{}", route.path.replace("{t}", &ticket));
            let body = route.body.as_ref().map(Value::to_string);
            let answer = desks.ask(request(route.method.clone(), &path, Some(&token), body)).await;
            let what = format!("{} {} by {who}: {}", route.method, route.path, answer.text);
            assert_eq!(answer.status, expected, "{what}");
            let after = desks.api.helpdesk.ticket(&root(), id).await.unwrap();
            if !answer.status.is_success() {
                assert_eq!(before, after, "{what}");
                assert!(*who != "stranger" || !answer.text.contains(ANN), "{what}");
            } else if path.contains("tickets") {
                assert_eq!(answer.header("etag"), format!("\"{}\"", after.version), "{what}");
                assert_eq!(answer.json()["version"], after.version, "{what}");
                assert_eq!(answer.json()["tags"].is_array(), *who != "customer", "{what}");
            }
            // A fresh one for the next.
            desks.post(&admin(), &of(&ticket, "close"), json!({})).await.ok(200);
        }
    }
}

#[tokio::test]
async fn no_route_opens_without_a_token_and_an_id_that_names_nothing_is_404() {
    let desks = stage().await;
    for route in routes() {
        let path = |id: &str| format!("/api/v1/xmpp{}", route.path.replace("{t}", id));
        let body = || route.body.as_ref().map(Value::to_string);
        let none = desks.ask(request(route.method.clone(), &path(&uuid::Uuid::nil().to_string()), None, body())).await;
        none.failure(401, "UNAUTHORIZED");
        if !route.path.contains("{t}") {
            continue;
        }
        for id in [uuid::Uuid::now_v7().to_string(), "nonsense".to_owned(), "%00".to_owned(), "%ff".to_owned()] {
            for token in [admin(), agent("eve"), customer(ANN)] {
                let answer = desks.ask(request(route.method.clone(), &path(&id), Some(&token), body())).await;
                assert_eq!(answer.status, 404, "{} {}: {}", route.method, path(&id), answer.text);
            }
        }
    }
    for (method, id, body) in [
        (Method::DELETE, "nobody", None),
        (Method::POST, "nobody/duty", Some(json!({ "duty": "off" }).to_string())),
        (Method::DELETE, "%ff", None),
    ] {
        let path = format!("/api/v1/xmpp/agents/{id}");
        desks.ask(request(method, &path, Some(&admin()), body)).await.failure(404, "NOT_FOUND");
    }
    desks.get(&admin(), "/api/v1/xmpp/queue?desk=nowhere").await.failure(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_closed_ticket_is_final_and_can_only_be_described() {
    let desks = stage().await;
    let ticket = desks.ticket("support").await;
    desks.post(&admin(), &of(&ticket, "close"), json!({})).await.ok(200);
    for route in routes().iter().filter(|route| route.path.contains("{t}/")) {
        let path = format!("/api/v1/xmpp{}", route.path.replace("{t}", &ticket));
        let body = route.body.as_ref().map(Value::to_string);
        let answer = desks.ask(request(route.method.clone(), &path, Some(&admin()), body)).await;
        if ["close", "notes", "priority", "tags"].iter().any(|word| route.path.ends_with(word)) {
            assert_eq!(answer.ok(200)["status"], "CLOSED", "{}", route.path);
        } else {
            assert_eq!(answer.overtaken().1["status"], "CLOSED", "{}", route.path);
        }
    }
    let (reason, seen) = desks.post(&customer(ANN), &of(&ticket, "resolve"), json!({})).await.overtaken();
    assert_eq!((reason.as_str(), &seen["tags"]), ("this ticket is closed", &Value::Null), "{seen}");
}
