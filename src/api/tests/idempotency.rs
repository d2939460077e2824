//! `Idempotency-Key` and `client_message_id`: what is asked for twice is done once, also when the answer is lost.

use axum::http::HeaderValue;
use deskbridge_entity::{kept_answer, message};
use futures::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait};

use super::*;
use crate::helpdesk::Caller;

fn keyed(token: &str, path: &str, key: &str, body: &Value) -> Request<Body> {
    let mut request = request(Method::POST, path, Some(token), Some(body.to_string()));
    request.headers_mut().insert("idempotency-key", key.parse().unwrap());
    request
}

impl Desks {
    async fn keyed(&self, token: &str, path: &str, key: &str, body: &Value) -> Answer {
        self.ask(keyed(token, path, key, body)).await
    }

    /// How many messages are stored.
    async fn stored(&self) -> u64 {
        message::Entity::find().count(self.store.read()).await.unwrap()
    }

    async fn kept(&self) -> u64 {
        kept_answer::Entity::find().count(self.store.read()).await.unwrap()
    }

    /// As if the process had died between the commit and the keeping of its answer.
    async fn lose_answers(&self) {
        kept_answer::Entity::delete_many().exec(self.store.read()).await.unwrap();
    }
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

fn opening() -> Value {
    json!({ "jid": ANN, "message": "My tea is cold" })
}

#[tokio::test]
async fn who_has_lost_the_desk_is_not_shown_its_ticket_again() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let eve = |desk: &str| mint(&Claims { desks: Some(vec![desk.to_owned()]), ..claims("eve", Role::Agent) });
    desks.keyed(&eve("support"), &of(&ticket, "claim"), "k1", &json!({})).await.ok(200);
    desks.keyed(&eve("support"), &of(&ticket, "claim"), "k1", &json!({})).await.ok(200);
    desks.keyed(&eve("billing"), &of(&ticket, "claim"), "k1", &json!({})).await.failure(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_redacted_text_is_in_no_kept_answer_however_the_ticket_was_spelled() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let spelled = ticket.replace('-', "%2d");
    desks.keyed(&agent("eve"), &of(&spelled, "claim"), "k1", &json!({})).await.ok(200);
    let kept = kept_answer::Entity::find().one(desks.store.read()).await.unwrap().unwrap();
    assert_eq!(kept.ticket_id.map(|id| id.to_string()), Some(ticket.clone()));
    let said = desks.get(&admin(), &sync_of(&ticket)).await.ok(200)["messages"][0]["id"].clone();
    let redact = format!("messages/{}/redact", said.as_str().unwrap());
    desks.post(&admin(), &of(&ticket, &redact), json!({ "reason": "a number" })).await.ok(200);
    assert_eq!(desks.kept().await, 0);
}

#[tokio::test]
async fn a_webhook_is_made_once_and_its_secret_is_shown_once() {
    let desks = Desks::new().await;
    let hook = json!({ "url": "https://hooks.example.org/", "events": ["room.*"] });
    let path = "/api/v1/xmpp/webhooks";
    desks.keyed(&admin(), path, "k1", &hook).await.ok(201);
    let told = desks.keyed(&admin(), path, "k1", &hook).await.failure(409, "CONFLICT");
    assert!(told.contains("rotate"), "{told}");
    assert_eq!(desks.get(&admin(), path).await.ok(200).as_array().unwrap().len(), 1);
    assert_eq!(desks.kept().await, 0);
    desks.keyed(&admin(), path, "k2", &hook).await.ok(201);
}

#[tokio::test]
async fn who_asks_again_gets_the_first_answer_again_and_nothing_is_done() {
    let desks = Desks::new().await;
    let ann = customer(ANN);
    let first = desks.keyed(&ann, TICKETS, "k1", &opening()).await;
    let again = desks.keyed(&ann, TICKETS, "k1", &opening()).await;
    assert_eq!((first.status.as_u16(), is_replayed(&first), again.status.as_u16()), (201, false, 201));
    assert!(is_replayed(&again) && again.text == first.text && again.header("content-type") == "application/json");
    assert_eq!(desks.stored().await, 1);
    let ticket = first.json()["ticket_id"].as_str().unwrap().to_owned();

    // Another body, or a query, is another request.
    let other = json!({ "jid": ANN, "message": "It is warm now" });
    desks.keyed(&ann, TICKETS, "k1", &other).await.failure(422, "IDEMPOTENCY_KEY_REUSED");
    // Another route, or another caller, has keys of its own.
    desks.keyed(&ann, &messages_of(&ticket), "k1", &json!({ "content": "Hello?" })).await.ok(201);
    let bob = json!({ "jid": "bob@example.com", "message": "My tea is cold" });
    desks.keyed(&customer("bob@example.com"), TICKETS, "k1", &bob).await.ok(201);
    assert_eq!(desks.stored().await, 3);

    // With the version as its entity tag.
    let eve = agent("eve");
    let claimed = desks.keyed(&eve, &of(&ticket, "claim"), "c", &json!({})).await;
    desks.post(&eve, &of(&ticket, "priority"), json!({ "priority": "HIGH" })).await.ok(200);
    let again = desks.keyed(&eve, &of(&ticket, "claim"), "c", &json!({})).await;
    assert!(is_replayed(&again) && again.text == claimed.text && again.header("etag") == claimed.header("etag"));

    // A failure has changed nothing, so it is not kept.
    let no = json!({ "content": "" });
    desks.keyed(&eve, &of(&ticket, "notes"), "n", &no).await.failure(422, "INVALID");
    desks.keyed(&eve, &of(&ticket, "notes"), "n", &json!({ "content": "a regular" })).await.ok(200);

    let long = "k".repeat(256);
    for bad in ["", "a b", "k\u{e9}", long.as_str()] {
        let mut request = keyed(&ann, TICKETS, "k", &opening());
        request.headers_mut().insert("idempotency-key", HeaderValue::from_bytes(bad.as_bytes()).unwrap());
        let problem = desks.ask(request).await.failure(400, "BAD_REQUEST");
        assert!(problem.contains("Idempotency-Key"), "{problem}");
    }
    // Rights come first, and a key opens nothing.
    desks.keyed(&ann, &of(&ticket, "claim"), "c", &json!({})).await.failure(403, "FORBIDDEN");
    assert_eq!(desks.get(&ann, TICKETS).await.ok(200).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn sixteen_at_once_are_one() {
    let desks = Desks::new().await;
    let (ann, eve, ticket) = (customer(ANN), agent("eve"), desks.ticket("support").await);
    let (open, say) = (opening(), json!({ "content": "I bring a new one" }));
    let named = json!({ "content": "It is on the table", "client_message_id": "m-1" });
    let messages = messages_of(&ticket);
    for (token, path, key, body, id) in [
        (&ann, TICKETS, Some("open"), &open, "message_id"),
        (&eve, messages.as_str(), Some("say"), &say, "message_id"),
        (&eve, messages.as_str(), None, &named, "message_id"),
        (&ann, messages.as_str(), None, &named, "message_id"),
    ] {
        let before = desks.stored().await;
        let answers = join_all((0..16).map(async |_| match key {
            Some(key) => desks.keyed(token, path, key, body).await,
            None => desks.post(token, path, body.clone()).await,
        }))
        .await;
        assert_eq!(desks.stored().await, before + 1, "{path}");
        assert!(answers.iter().all(|answer| answer.json()[id] == answers[0].json()[id]), "{path}");
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        let fresh = answers.iter().filter(|answer| !is_replayed(answer)).count();
        match key {
            Some(_) => assert!(statuses.windows(2).all(|two| two[0] == two[1]) && fresh == 1, "{path}: {statuses:?}"),
            None => assert_eq!((statuses[0], statuses[14], statuses[15]), (200, 200, 201), "{statuses:?}"),
        }
    }
}

#[tokio::test]
async fn what_was_done_is_not_done_again_when_only_the_answer_was_lost() {
    let desks = Desks::new().await;
    let (ann, eve) = (customer(ANN), agent("eve"));
    let first = desks.keyed(&ann, TICKETS, "open", &opening()).await;
    let ticket = first.json()["ticket_id"].as_str().unwrap().to_owned();
    let notes = |desks: &Desks| {
        let path = sync_of(&ticket);
        let read = desks.router.clone().oneshot(request(Method::GET, &path, Some(&admin()), None));
        async move {
            let body = read.await.unwrap().into_body().collect().await.unwrap().to_bytes();
            String::from_utf8(body.to_vec()).unwrap().matches("\"internal\"").count()
        }
    };
    for (token, path, body, id) in [
        (&ann, TICKETS.to_owned(), opening(), "message_id"),
        (&ann, messages_of(&ticket), json!({ "content": "Hello?" }), "message_id"),
        (&eve, messages_of(&ticket), json!({ "content": "Hello!" }), "message_id"),
        (&eve, of(&ticket, "notes"), json!({ "content": "a regular" }), "version"),
        (&eve, of(&ticket, "release"), json!({ "to": "queue" }), "version"),
        (&eve, of(&ticket, "claim"), json!({}), "version"),
        (&eve, of(&ticket, "resolve"), json!({}), "version"),
    ] {
        let key = if path == TICKETS { "open" } else { "k" };
        let done = desks.keyed(token, &path, key, &body).await;
        assert!(done.status.is_success(), "{path}: {}", done.text);
        let (stored, inside) = (desks.stored().await, notes(&desks).await);
        desks.lose_answers().await;
        let again = desks.keyed(token, &path, key, &body).await;
        assert_eq!((again.status, &again.json()[id]), (done.status, &done.json()[id]), "{path}");
        assert_eq!((desks.stored().await, notes(&desks).await), (stored, inside), "{path}");
    }
    assert_eq!(first.status, 201);
}

#[tokio::test]
async fn an_id_is_its_writers_and_of_one_ticket() {
    let desks = Desks::new().await;
    let (ann, eve) = (customer(ANN), agent("eve"));
    let (support, billing) = (desks.ticket("support").await, desks.ticket("billing").await);
    let line = |text: &str| json!({ "content": text, "client_message_id": "1" });
    let first = desks.post(&ann, &messages_of(&support), line("Hello?")).await.ok(201);
    let again = desks.post(&ann, &messages_of(&support), line("Hello?")).await.ok(200);
    assert_eq!((&again["message_id"], &again["timestamp"]), (&first["message_id"], &first["timestamp"]));
    let other = desks.post(&ann, &messages_of(&support), line("Anybody?")).await.failure(422, "INVALID");
    assert!(other.contains("client_message_id"), "{other}");
    desks.post(&eve, &messages_of(&support), line("Hello?")).await.ok(201);
    desks.post(&ann, &messages_of(&billing), line("Hello?")).await.ok(201);
    desks.post(&program(&["tickets:write"]), &messages_of(&billing), line("Hello?")).await.ok(201);
    for bad in ["", "a\nb", &"x".repeat(256)] {
        let body = json!({ "content": "Hi", "client_message_id": bad });
        let problem = desks.post(&ann, &messages_of(&support), body).await.failure(422, "INVALID");
        assert!(problem.contains("client_message_id"), "{problem}");
    }
    // Each writer is shown its own.
    for (token, author) in [(&ann, "customer"), (&eve, "agent")] {
        let read = desks.get(token, &sync_of(&support)).await.ok(200);
        let shown = read["messages"].as_array().unwrap().iter().filter(|line| line["client_message_id"] == "1");
        assert_eq!(shown.map(|line| &line["author"]).collect::<Vec<_>>(), [author]);
    }
    assert!(!desks.get(&admin(), &sync_of(&support)).await.text.contains("client_message_id"));

    // The same for the message that opens a ticket.
    let open = json!({ "jid": "bob@example.com", "message": "Hi", "client_message_id": "1" });
    let bob = customer("bob@example.com");
    let opened = desks.post(&bob, TICKETS, open.clone()).await.ok(201);
    assert_eq!(desks.post(&bob, TICKETS, open.clone()).await.ok(200)["message_id"], opened["message_id"]);
    let ticket = opened["ticket_id"].as_str().unwrap();
    assert_eq!(desks.post(&bob, &messages_of(ticket), line("Hi")).await.ok(200)["message_id"], opened["message_id"]);
    let other = json!({ "jid": "bob@example.com", "message": "Ho", "client_message_id": "1" });
    desks.post(&bob, TICKETS, other).await.failure(422, "INVALID");
    // An agent may write first, too.
    let approach = json!({ "jid": "tim@example.com", "message": "Your parcel", "client_message_id": "1" });
    let first = desks.post(&eve, TICKETS, approach.clone()).await.ok(201);
    assert_eq!(desks.post(&eve, TICKETS, approach).await.ok(200)["message_id"], first["message_id"]);
}

#[tokio::test]
async fn kept_answers_go_after_a_day_and_with_their_customer() {
    let desks = Desks::new().await;
    let (ann, eve) = (customer(ANN), agent("eve"));
    let opened = desks.keyed(&ann, TICKETS, "k", &opening()).await.ok(201);
    let ticket = opened["ticket_id"].as_str().unwrap();
    desks.keyed(&eve, &of(ticket, "claim"), "k", &json!({})).await.ok(200);
    let bob = json!({ "jid": "bob@example.com", "message": "Mine is warm" });
    desks.keyed(&customer("bob@example.com"), TICKETS, "k", &bob).await.ok(201);
    assert_eq!(desks.kept().await, 3);
    let root = Caller { id: "root".to_owned(), name: None, role: Role::Admin, desks: None, scopes: vec![] };
    desks.api.helpdesk.erase_customer(&root, &ANN.parse().unwrap()).await.unwrap();
    let rows = kept_answer::Entity::find().all(desks.store.read()).await.unwrap();
    assert!(rows.len() == 1 && !format!("{rows:?}").contains("cold"), "{rows:?}");
    desks.api.helpdesk.clock().advance(Duration::from_secs(25 * 60 * 60));
    desks.api.helpdesk.sweep().await.unwrap();
    assert_eq!(desks.kept().await, 0);
}
