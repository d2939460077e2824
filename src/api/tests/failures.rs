//! Every failure has the envelope.

use axum::{body::Bytes, middleware, response::IntoResponse, routing::get};
use futures::{StreamExt, stream};
use sea_orm::{ConnectionTrait, TransactionTrait};

use super::*;

#[tokio::test]
async fn unknown_routes_and_methods() {
    let desks = Desks::new().await;
    let ann = customer(ANN);
    for path in ["/", "/nothing", "/api/v1/xmpp/tickets/", "/api/v1/xmpp/tickets/x", "/healthz/x"] {
        desks.get(&ann, path).await.failure(404, "NOT_FOUND");
    }
    for path in [sync_of("no-uuid"), sync_of("%FF"), sync_of(&uuid::Uuid::now_v7().to_string())] {
        desks.get(&ann, &path).await.failure(404, "NOT_FOUND");
    }
    for (method, path, allowed) in
        [(Method::DELETE, TICKETS, "POST"), (Method::PUT, PRESENCE, "GET"), (Method::POST, "/healthz", "GET")]
    {
        let answer = desks.ask(request(method, path, Some(&ann), None)).await;
        answer.failure(405, "METHOD_NOT_ALLOWED");
        assert!(answer.header("allow").contains(allowed), "{}", answer.header("allow"));
    }
    let options = desks.ask(request(Method::OPTIONS, TICKETS, None, None)).await;
    assert_eq!((options.status.as_u16(), options.text.as_str()), (204, ""));
    assert!(options.header("allow").contains("GET") && options.header("allow").contains("POST"));
    let head = desks.ask(request(Method::HEAD, TICKETS, Some(&ann), None)).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let desks = Desks::new().await;
    let ann = customer(ANN);
    for body in ["", "{", "{\"jid\":", "[1,]", "{\"jid\":\"\u{1}\"}", "{\"jid\":\"\\ud800\"}"] {
        let answer = desks.ask(request(Method::POST, TICKETS, Some(&ann), Some(body.to_owned()))).await;
        answer.failure(400, "BAD_REQUEST");
    }
    let twice = json!({ "jid": ANN, "message": "hi" }).to_string().repeat(2);
    desks.ask(request(Method::POST, TICKETS, Some(&ann), Some(twice))).await.failure(400, "BAD_REQUEST");
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let mut request = request(Method::POST, TICKETS, Some(&ann), Some(json!({}).to_string()));
        request.headers_mut().remove("content-type");
        if let Some(kind) = kind {
            request.headers_mut().insert("content-type", kind.parse().unwrap());
        }
        desks.ask(request).await.failure(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let deep = "[".repeat(100_000);
    for body in [deep.clone(), format!("{{\"x\":{deep}"), format!("{{\"x\":{deep}{}}}", "]".repeat(100_000))] {
        let answer = desks.ask(request(Method::POST, TICKETS, Some(&ann), Some(body))).await;
        answer.failure(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn values_that_are_not_acceptable_are_422_and_named() {
    let desks = Desks::new().await;
    let ann = customer(ANN);
    let ticket = desks.ticket("support").await;
    for (path, body, named) in [
        (TICKETS.to_owned(), json!([ANN, "hi"]), "object"),
        (TICKETS.to_owned(), json!("hi"), "object"),
        (TICKETS.to_owned(), json!({ "jid": ANN }), "message"),
        (TICKETS.to_owned(), json!({ "message": "hi" }), "jid"),
        (TICKETS.to_owned(), json!({ "jid": ANN, "message": 5 }), "message: "),
        (TICKETS.to_owned(), json!({ "jid": ANN, "message": null }), "message: "),
        (TICKETS.to_owned(), json!({ "jid": ANN, "message": "hi", "resource": 5 }), "resource: "),
        (TICKETS.to_owned(), json!({ "jid": ANN, "message": "hi", "resource": "" }), "resource: "),
        (TICKETS.to_owned(), json!({ "jid": ANN, "message": " \n" }), "message: "),
        (TICKETS.to_owned(), json!({ "jid": ANN, "message": "a\u{0}b" }), "message: "),
        (TICKETS.to_owned(), json!({ "jid": ANN, "message": "a\u{ffff}b" }), "message: "),
        (TICKETS.to_owned(), json!({ "jid": ANN, "message": "x".repeat(64 * 1024 + 1) }), "message: "),
        (TICKETS.to_owned(), json!({ "jid": "a@b@c", "message": "hi" }), "jid: "),
        (TICKETS.to_owned(), json!({ "jid": "example.com", "message": "hi" }), "jid: "),
        (TICKETS.to_owned(), json!({ "jid": "support@help.example.org", "message": "hi" }), "jid: "),
        (messages_of(&ticket), json!({}), "content"),
        (messages_of(&ticket), json!({ "content": ["hi"] }), "content: "),
        (messages_of(&ticket), json!({ "content": "" }), "content: "),
        (messages_of(&ticket), json!({ "content": "hi", "jid": 5 }), "jid: "),
        (messages_of(&ticket), json!({ "content": "hi", "jid": "" }), "jid: "),
        (PRESENCE.to_owned(), json!({ "jid": ANN }), "status"),
        (PRESENCE.to_owned(), json!({ "jid": ANN, "status": "AVAILABLE" }), "status: "),
        (PRESENCE.to_owned(), json!({ "jid": ANN, "status": "available", "show": "busy" }), "show: "),
        (PRESENCE.to_owned(), json!({ "jid": ANN, "status": "unavailable", "show": "away" }), "show: "),
        (PRESENCE.to_owned(), json!({ "jid": ANN, "status": "available", "text": "x".repeat(1025) }), "text: "),
        (PRESENCE.to_owned(), json!({ "jid": "", "status": "available" }), "jid: "),
    ] {
        let message = desks.post(&ann, &path, body.clone()).await.failure(422, "INVALID");
        assert!(message.contains(named), "{body}: {message}");
    }
    let extra = json!({ "content": "hi", "jid": null, "client": "of the reference", "resource": 5 });
    desks.post(&ann, &messages_of(&ticket), extra).await.ok(201);
    let nowhere = json!({ "jid": ANN, "message": "hi", "desk": "nowhere" });
    assert!(desks.post(&ann, TICKETS, nowhere).await.failure(404, "NOT_FOUND").contains("desk"));
}

#[tokio::test]
async fn a_body_of_more_than_a_mebibyte_is_too_large_also_in_chunks() {
    let desks = Desks::new().await;
    let body = |size: usize| json!({ "jid": ANN, "message": "x".repeat(size) }).to_string();
    let whole = request(Method::POST, TICKETS, Some(&customer(ANN)), Some(body(1024 * 1024)));
    desks.ask(whole).await.failure(413, "PAYLOAD_TOO_LARGE");
    let chunks = stream::iter(vec![Bytes::from(vec![b' '; 64 * 1024]); 17]).map(Ok::<_, std::io::Error>);
    let mut chunked = request(Method::POST, TICKETS, Some(&customer(ANN)), Some(String::new()));
    *chunked.body_mut() = Body::from_stream(chunks);
    desks.ask(chunked).await.failure(413, "PAYLOAD_TOO_LARGE");
    // Under the limit it is read, and then the text itself is too long.
    let below = request(Method::POST, TICKETS, Some(&customer(ANN)), Some(body(1024 * 1024 - 100)));
    desks.ask(below).await.failure(422, "INVALID");
}

#[tokio::test]
async fn a_message_into_a_closed_ticket_is_409_and_stored_nowhere() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    // No route closes a ticket yet.
    desks.store.read().execute_unprepared("UPDATE ticket SET status = 'CLOSED'").await.unwrap();
    for token in [customer(ANN), agent("eve")] {
        let answer = desks.post(&token, &messages_of(&ticket), json!({ "content": "hi" })).await;
        assert!(answer.failure(409, "CONFLICT").contains("closed"));
    }
    let sync = desks.get(&customer(ANN), &sync_of(&ticket)).await.ok(200);
    assert_eq!(sync["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn readers_that_are_all_busy_are_503_and_nothing_else_waits() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(desks.store.read().begin().await.unwrap());
    }
    let ann = customer(ANN);
    let (busy, healthy, unsent) =
        tokio::join!(desks.get(&ann, TICKETS), desks.get(&ann, "/healthz"), desks.api.helpdesk.unsent(0, 10));
    assert_eq!(healthy.json()["services"]["database"], "healthy", "{}", healthy.text);
    unsent.unwrap();
    busy.failure(503, "UNAVAILABLE");
    assert_eq!(busy.header("retry-after"), "5");
    drop(held);
    desks.get(&customer(ANN), &sync_of(&ticket)).await.ok(200);
}

#[tokio::test]
async fn who_takes_no_answer_gets_no_third_and_others_do() {
    let desks = Desks::new().await;
    let path = sync_of(&desks.ticket("support").await);
    let asked = || desks.router.clone().oneshot(request(Method::GET, &path, Some(&customer(ANN)), None));
    let (one, two) = tokio::join!(asked(), asked());
    let (ann, eve) = (customer(ANN), agent("eve"));
    let (third, other) = tokio::join!(desks.get(&ann, &path), desks.get(&eve, &path));
    third.failure(429, "RATE_LIMITED");
    assert_eq!(third.header("retry-after"), "5");
    other.ok(200);
    // A client that has gone has taken its answer with it.
    drop((one, two));
    desks.get(&customer(ANN), &path).await.ok(200);
}

#[tokio::test]
async fn our_own_faults_say_nothing_of_their_cause() {
    async fn panicking() -> String {
        panic!("customer's words")
    }
    let desks = Desks::new().await;
    let broken = || crate::helpdesk::Error::WriteFailed("disk full at /secret/path".to_owned());
    let foreign = || (StatusCode::BAD_GATEWAY, "a library's own words").into_response();
    let routes = Router::new()
        .route("/panic", get(panicking))
        .route("/broken", get(async move || crate::api::ApiError::from(broken())))
        .route("/foreign", get(async move || foreign()));
    let failing = Desks { router: around(routes, desks.api.clone()), ..desks };
    for path in ["/panic", "/broken", "/foreign"] {
        let answer = failing.get("", path).await;
        answer.failure(500, "INTERNAL_ERROR");
        assert!(!answer.text.contains("words") && !answer.text.contains("secret"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_stopped_helpdesk_is_503() {
    let desks = Desks::new().await;
    desks.writer.abort();
    let body = json!({ "jid": ANN, "message": "hi" });
    // The first request may still find the queue open; its answer never comes.
    for _ in 0..2 {
        desks.post(&customer(ANN), TICKETS, body.clone()).await.failure(503, "UNAVAILABLE");
    }
}

#[tokio::test]
async fn what_takes_too_long_is_ended() {
    const LIMIT: Duration = Duration::from_millis(20);
    let desks = Desks::new().await;
    let endless = Router::new()
        .route("/endless", get(std::future::pending::<()>))
        .layer(middleware::from_fn_with_state(LIMIT, crate::api::request::limit_time));
    let endless = Desks { router: around(endless, desks.api.clone()), ..desks };
    endless.get("", "/endless").await.failure(503, "UNAVAILABLE");
    let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let read = crate::api::extract::read(Request::new(body), &endless.api, LIMIT).await;
    assert!(matches!(read, Err(crate::api::ApiError::BodyTimeout)));
}

#[tokio::test]
async fn a_harmless_request_id_is_taken_over_and_another_is_replaced() {
    let desks = Desks::new().await;
    for (sent, taken) in [
        ("abc-1.2_Z", true),
        ("", false),
        ("a b", false),
        ("a\tb", false),
        (&"x".repeat(64), true),
        (&"x".repeat(65), false),
    ] {
        let mut request = request(Method::GET, TICKETS, None, None);
        request.headers_mut().insert("x-request-id", sent.parse().unwrap());
        let answer = desks.ask(request).await;
        answer.failure(401, "UNAUTHORIZED");
        assert_eq!(answer.header("x-request-id") == sent, taken, "{sent}");
        assert!(taken || uuid::Uuid::parse_str(answer.header("x-request-id")).is_ok());
    }
}

/// Gathers log lines.
#[derive(Clone, Default)]
struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_request_leaves_one_line_without_addresses_tokens_or_texts_and_a_fault_one_more() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let broken = || crate::helpdesk::Error::WriteFailed("disk full".to_owned());
    let routes = Router::new().route("/broken", get(async move || crate::api::ApiError::from(broken())));
    let failing = Desks { router: around(routes, desks.api.clone()), ..Desks::new().await };
    let (listed, said, lost, failed) = {
        let _guard = tracing::subscriber::set_default(subscriber);
        let listed = desks.get(&customer(ANN), &format!("{TICKETS}?jid={ANN}")).await;
        let said = desks.post(&customer(ANN), &messages_of(&ticket), json!({ "content": "my words" })).await;
        let lost = desks.get("my-bad-token", "/nowhere/my-path").await;
        (listed, said, lost, failing.get("", "/broken").await)
    };
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ours: Vec<&Value> = ours.iter().filter(|line| line["target"].as_str().unwrap().contains("::api::")).collect();
    let fields: Vec<_> = ours.iter().map(|line| (&line["fields"]["route"], &line["fields"]["status"])).collect();
    let template = json!(format!("{TICKETS}/{{id}}/messages"));
    let none = Value::Null;
    assert_eq!(
        fields,
        [
            (&json!(TICKETS), &json!(200)),
            (&template, &json!(201)),
            (&json!("none"), &json!(404)),
            (&none, &none),
            (&json!("/broken"), &json!(500)),
        ]
    );
    assert_eq!(
        (&ours[3]["level"], &ours[3]["fields"]["cause"]),
        (&json!("ERROR"), &json!("the write failed: disk full"))
    );
    for (line, answer) in [(0, &listed), (1, &said), (2, &lost), (3, &failed), (4, &failed)] {
        assert_eq!(ours[line]["fields"]["request_id"], answer.header("x-request-id"));
    }
    for secret in [ANN, "my words", "my-bad-token", "my-path", ticket.as_str(), "eyJ"] {
        assert!(!text.contains(secret), "{secret} is in the log: {text}");
    }
}

#[tokio::test]
async fn what_a_request_logs_carries_its_id_also_where_the_writer_could_not_store_it() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let desks = Desks::new().await;
    desks.store.read().execute_unprepared("DROP TABLE event").await.unwrap();
    let body = json!({ "jid": ANN, "message": "hi" });
    let answer = {
        let _guard = tracing::subscriber::set_default(subscriber);
        desks.post(&customer(ANN), TICKETS, body).await
    };
    answer.failure(500, "INTERNAL_ERROR");
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let stored = lines.iter().find(|line| line["fields"]["message"] == "a change could not be stored").unwrap();
    let span = (&stored["span"]["name"], &stored["span"]["request_id"]);
    assert_eq!(span, (&json!("request"), &json!(answer.header("x-request-id"))));
}
