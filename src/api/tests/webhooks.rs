//! Webhooks as admins manage them, and what is to be delivered.

use deskbridge_entity::{webhook, webhook_delivery};
use sea_orm::{EntityTrait, QueryOrder};

use super::*;
use crate::helpdesk::{DueDelivery, Tried, Verdict, happening};

const URL: &str = "https://hooks.example.org/desk?key=7";

fn hook(events: &[&str]) -> Value {
    json!({ "url": URL, "events": events })
}

pub(super) fn one(id: &str, what: &str) -> String {
    format!("{WEBHOOKS}/{id}{what}")
}

impl Desks {
    pub(super) async fn hook(&self, body: Value) -> Value {
        self.post(&admin(), WEBHOOKS, body).await.ok(201)
    }

    pub(super) async fn patch(&self, token: &str, path: &str, body: Value, if_match: Option<&str>) -> Answer {
        let mut request = request(Method::PATCH, path, Some(token), Some(body.to_string()));
        if let Some(tag) = if_match {
            request.headers_mut().insert("if-match", tag.parse().unwrap());
        }
        self.ask(request).await
    }

    pub(super) async fn delivered(&self) -> Vec<webhook_delivery::Model> {
        webhook_delivery::Entity::find()
            .order_by_asc(webhook_delivery::Column::Seq)
            .order_by_asc(webhook_delivery::Column::Id)
            .all(self.store.read())
            .await
            .unwrap()
    }

    /// What waits to be delivered, by the names of the events.
    async fn kinds(&self) -> Vec<String> {
        self.delivered().await.into_iter().map(|row| row.kind).collect()
    }

    /// The body of a delivery, as the worker makes it; `None` where there is nothing to tell.
    pub(super) async fn body(&self, row: &webhook_delivery::Model) -> Option<Value> {
        let hooks = webhook::Entity::find_by_id(row.webhook_id).one(self.store.read()).await.unwrap();
        let due = DueDelivery { row: row.clone(), webhook: hooks.unwrap() };
        let occurrence = self.api.helpdesk.occurrence(&due).await.unwrap()?;
        Some(serde_json::from_str(&crate::api::webhook_body(&self.api.helpdesk, &occurrence)).unwrap())
    }

    async fn bodies(&self) -> Vec<Option<Value>> {
        let mut bodies = Vec::new();
        for row in self.delivered().await {
            bodies.push(self.body(&row).await);
        }
        bodies
    }
}

#[tokio::test]
async fn an_admin_makes_changes_and_removes_a_webhook_and_sees_its_secret_once() {
    let desks = Desks::new().await;
    let made =
        desks.hook(json!({ "url": URL, "description": "CRM", "events": ["ticket.*"], "desks": ["billing"] })).await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    assert_eq!((&made["url"], &made["enabled"], &made["version"]), (&json!(URL), &json!(true), &json!(1)));
    assert_eq!((&made["created_by"], &made["desks"]), (&json!("root"), &json!(["billing"])));
    let id = made["id"].as_str().unwrap();

    let shown = desks.get(&admin(), &one(id, "")).await;
    assert!(shown.header("etag").starts_with("\"1-"), "{:?}", shown.headers);
    assert!(!shown.text.contains(secret) && shown.json()["include_internal"] == false);
    let listed = desks.get(&admin(), WEBHOOKS).await;
    assert!(!listed.text.contains(secret) && listed.ok(200).as_array().unwrap().len() == 1);

    let change = json!({ "events": ["message.created"], "desks": null, "enabled": false });
    let overtaken = desks.patch(&admin(), &one(id, ""), change.clone(), Some("\"7\"")).await;
    assert!(overtaken.failure(409, "CONFLICT").contains("version 1"));
    let changed = desks.patch(&admin(), &one(id, ""), change, Some("\"1\"")).await;
    assert_eq!(changed.header("etag"), "\"2\"");
    let changed = changed.ok(200);
    assert_eq!((&changed["desks"], &changed["disabled_reason"]), (&Value::Null, &json!("admin")));
    assert_eq!((&changed["description"], &changed["events"]), (&json!("CRM"), &json!(["message.created"])));
    assert!(desks.post(&admin(), &one(id, "/ping"), json!({})).await.failure(409, "CONFLICT").contains("enable"));
    let again = desks.patch(&admin(), &one(id, ""), json!({ "enabled": true }), None).await.ok(200);
    assert_eq!((&again["enabled"], &again["disabled_at"]), (&json!(true), &Value::Null));

    let rotated = desks.post(&admin(), &one(id, "/rotate"), json!({ "overlap": "2h" })).await.ok(200);
    assert!(rotated["secret"] != made["secret"] && rotated["old_secret_until"].is_string());
    let given = format!("whsec_{}", "YWJj".repeat(8));
    let rotated = desks.post(&admin(), &one(id, "/rotate"), json!({ "secret": given, "overlap": "0s" })).await.ok(200);
    assert_eq!((&rotated["secret"], &rotated["old_secret_until"]), (&json!(given), &Value::Null));
    for wrong in [json!({ "secret": "whsec_c2hvcnQ=" }), json!({ "overlap": "8d" }), json!({ "overlap": "soon" })] {
        desks.post(&admin(), &one(id, "/rotate"), wrong).await.failure(422, "INVALID");
    }

    let removed = desks.ask(request(Method::DELETE, &one(id, ""), Some(&admin()), None)).await;
    assert_eq!(removed.status, 204);
    desks.get(&admin(), &one(id, "")).await.failure(404, "NOT_FOUND");
    assert!(desks.get(&admin(), WEBHOOKS).await.ok(200).as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_webhook_that_cannot_be_is_refused_with_the_reason() {
    let desks = Desks::new().await;
    let with = |field: &str, value: Value| {
        let mut body = hook(&["*"]);
        body[field] = value;
        body
    };
    for (body, about) in [
        (with("url", json!("http://hooks.example.org/")), "url: must be https"),
        (with("url", json!("https://127.0.0.1/")), "public internet"),
        (with("url", json!("https://[::ffff:10.0.0.1]/")), "public internet"),
        (with("url", json!("https://inside.example.org/")), "public internet"),
        (with("url", json!("https://nowhere.example.org/")), "leads to no address"),
        (with("url", json!("https://a:b@hooks.example.org/")), "password"),
        (with("url", json!("desk")), "no URL"),
        (with("events", json!([])), "events"),
        (with("events", json!(["ticket"])), "'ticket' is no event"),
        (with("events", json!(["ping"])), "events: 'ping' is not asked for: every webhook gets it"),
        (with("desks", json!(["sales"])), "no desk 'sales'"),
        (with("desks", json!([])), "desks"),
        (with("secret", json!("hunter2")), "secret"),
        (with("description", json!("x".repeat(501))), "description"),
    ] {
        let told = desks.post(&admin(), WEBHOOKS, body).await.failure(422, "INVALID");
        assert!(told.contains(about), "{told}");
    }
    let id = desks.hook(hook(&["*"])).await["id"].as_str().unwrap().to_owned();
    let told = desks.patch(&admin(), &one(&id, ""), json!({ "url": "https://10.0.0.1/" }), None).await;
    assert!(told.failure(422, "INVALID").contains("public internet"));
    for _ in 1..50 {
        desks.hook(hook(&["*"])).await;
    }
    assert!(desks.post(&admin(), WEBHOOKS, hook(&["*"])).await.failure(409, "CONFLICT").contains("50"));
}

#[tokio::test]
async fn everybody_but_admins_is_turned_away() {
    let desks = Desks::new().await;
    let id = desks.hook(hook(&["*"])).await["id"].as_str().unwrap().to_owned();
    desks.post(&admin(), &one(&id, "/ping"), json!({})).await.ok(202);
    let delivery = desks.delivered().await[0].id.to_string();
    let all = ["tickets:read", "tickets:write", "metrics:read", "rooms:write"];
    let routes = [
        (Method::GET, WEBHOOKS.to_owned(), None),
        (Method::POST, WEBHOOKS.to_owned(), Some(hook(&["*"]))),
        (Method::GET, one(&id, ""), None),
        (Method::PATCH, one(&id, ""), Some(json!({ "enabled": false }))),
        (Method::DELETE, one(&id, ""), None),
        (Method::POST, one(&id, "/rotate"), None),
        (Method::POST, one(&id, "/ping"), None),
        (Method::GET, one(&id, "/deliveries"), None),
        (Method::POST, one(&id, &format!("/deliveries/{delivery}/replay")), None),
    ];
    for (method, path, body) in routes {
        for token in [customer(ANN), agent("eve"), program(&all)] {
            let body = body.as_ref().map(Value::to_string);
            desks.ask(request(method.clone(), &path, Some(&token), body)).await.failure(403, "FORBIDDEN");
            let unknown = path.replace(&id, "019abcde-0000-7000-8000-000000000000");
            let answer = desks.ask(request(method.clone(), &unknown, Some(&token), None)).await;
            assert!(!answer.status.is_success());
        }
        let nobody = desks.ask(request(method.clone(), &path, None, None)).await;
        nobody.failure(401, "UNAUTHORIZED");
    }
    let shown = desks.get(&admin(), &one(&id, "")).await.ok(200);
    assert_eq!((&shown["version"], &shown["enabled"]), (&json!(1), &json!(true)));
    for unknown in ["019abcde-0000-7000-8000-000000000000", "nothing"] {
        desks.get(&admin(), &one(unknown, "")).await.failure(404, "NOT_FOUND");
        let replay = format!("/deliveries/{unknown}/replay");
        desks.post(&admin(), &one(&id, &replay), json!({})).await.failure(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn each_webhook_is_told_what_it_asks_for_and_no_more() {
    let desks = Desks::new().await;
    desks.ticket("support").await;
    assert!(desks.kinds().await.is_empty(), "nobody has asked");
    let id = |hook: &Value| hook["id"].as_str().unwrap().to_owned();
    let tickets = id(&desks.hook(json!({ "url": URL, "events": ["ticket.*"], "desks": ["billing"] })).await);
    let notes = id(&desks.hook(json!({ "url": URL, "events": ["message.created"], "include_internal": true })).await);
    let messages = id(&desks.hook(hook(&["message.created"])).await);
    let off = id(&desks.hook(hook(&["*"])).await);
    desks.patch(&admin(), &one(&off, ""), json!({ "enabled": false }), None).await.ok(200);
    let told = async |hook: &str| -> Vec<String> {
        let rows = desks.delivered().await.into_iter().filter(|row| row.webhook_id.to_string() == hook);
        rows.map(|row| row.kind).collect()
    };

    let ticket = desks.ticket("billing").await;
    desks.post(&agent("eve"), &of(&ticket, "notes"), json!({ "content": "knows us" })).await.ok(200);
    desks.post(&agent("eve"), &of(&ticket, "claim"), json!({})).await.ok(200);
    desks.post(&agent("eve"), &of(&ticket, "resolve"), json!({})).await.ok(200);
    let elsewhere = desks.ticket("support").await;
    desks.post(&agent("eve"), &of(&elsewhere, "claim"), json!({})).await.ok(200);

    let of_tickets = told(&tickets).await;
    assert_eq!(of_tickets[0], "ticket.created");
    assert!(of_tickets.contains(&"ticket.claimed".to_owned()) && of_tickets.contains(&"ticket.resolved".to_owned()));
    assert!(of_tickets.iter().all(|kind| happening::fits("ticket.*", kind)), "{of_tickets:?}");
    let created = of_tickets.iter().filter(|kind| *kind == "ticket.created");
    assert_eq!(created.count(), 1, "of its desk alone: {of_tickets:?}");
    assert_eq!(told(&notes).await.len(), told(&messages).await.len() + 1);
    assert!(told(&off).await.is_empty());

    // By the desk and by the kind of message they are looked at again when they are made.
    let wide = desks.delivered().await.into_iter().find(|row| row.webhook_id.to_string() == notes).unwrap();
    for row in desks.delivered().await.into_iter().filter(|row| row.webhook_id.to_string() == notes) {
        let as_other = webhook_delivery::Model { webhook_id: messages.parse().unwrap(), ..row.clone() };
        let is_note = desks.body(&row).await.unwrap()["data"]["message"]["visibility"] == "internal";
        assert_eq!(desks.body(&as_other).await.is_none(), is_note);
    }
    let as_other = webhook_delivery::Model { webhook_id: tickets.parse().unwrap(), ..wide };
    assert_eq!(desks.body(&as_other).await.unwrap()["data"]["ticket"]["desk"], "billing");
}

#[tokio::test]
async fn what_is_erased_or_taken_back_goes_out_no_more() {
    let desks = Desks::new().await;
    desks.hook(hook(&["*"])).await;
    let presence = json!({ "jid": format!("{ANN}/phone"), "status": "available" });
    desks.post(&admin(), PRESENCE, presence).await.ok(200);
    let ticket = desks.ticket("support").await;
    let worker = uuid::Uuid::now_v7();
    let due = desks.api.helpdesk.due_webhooks().await.unwrap();
    let wanted = due.into_iter().map(|id| (id, 100)).collect();
    let running = std::collections::HashSet::new();
    let claimed = desks.api.helpdesk.claim_deliveries(worker, SOON, wanted, &running).await.unwrap();
    assert!(claimed.len() >= 3);
    let mut made = Vec::new();
    for due in &claimed {
        let occurrence = desks.api.helpdesk.occurrence(due).await.unwrap().unwrap();
        let body = crate::api::webhook_body(&desks.api.helpdesk, &occurrence);
        let version = occurrence.ticket.map(|ticket| ticket.version);
        made.push(crate::helpdesk::MadeBody { delivery: due.row.id, version, body: Some(body) });
    }
    // What has changed since it was made is not stored, and so not sent.
    desks.post(&agent("eve"), &of(&ticket, "tags"), json!({ "tags": ["tea"] })).await.ok(200);
    let stored = desks.api.helpdesk.store_bodies(worker, made).await.unwrap();
    let kind = |id: &uuid::Uuid| claimed.iter().find(|due| due.row.id == *id).unwrap().row.kind.clone();
    assert_eq!(stored.iter().map(kind).collect::<Vec<_>>(), ["presence.updated"]);

    let ann = jid::BareJid::new(ANN).unwrap();
    let erasing = crate::helpdesk::Caller::customer(&ann);
    desks.api.helpdesk.erase_customer(&erasing, &ann).await.unwrap();
    assert_eq!(desks.kinds().await, ["ticket.erased"], "that alone is told");
    let told = desks.bodies().await.remove(0).unwrap();
    assert_eq!((&told["data"]["ticket_id"], &told["data"]["desk"]), (&json!(ticket), &json!("support")));
    assert!(!told.to_string().contains(ANN), "{told}");
    // Nor does a try that was under way bring anything back.
    let tried = Tried { status: Some(500), error: None, verdict: Verdict::GivenUp };
    desks.api.helpdesk.settle_delivery(worker, &claimed[0], tried).await.unwrap();
    assert_eq!(desks.kinds().await, ["ticket.erased"]);
}

#[tokio::test]
async fn deliveries_are_listed_page_by_page_and_replayed_under_their_id() {
    let desks = Desks::new().await;
    let id = desks.hook(hook(&["*"])).await["id"].as_str().unwrap().to_owned();
    let other = desks.hook(hook(&["room.*"])).await["id"].as_str().unwrap().to_owned();
    let mut pings = Vec::new();
    for _ in 0..3 {
        let told = desks.post(&admin(), &one(&id, "/ping"), json!({})).await.ok(202);
        pings.push(told["delivery_id"].as_str().unwrap().to_owned());
    }
    let first = desks.get(&admin(), &one(&id, "/deliveries?limit=2&state=pending")).await;
    let next = first.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    let (first, second) = (first.ok(200), desks.get(&admin(), &next).await.ok(200));
    let ids = |page: &Value| -> Vec<String> {
        page.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut seen = [ids(&first), ids(&second)].concat();
    seen.reverse();
    assert_eq!(seen, pings);
    let row = &first[0];
    assert_eq!((&row["event"], &row["state"], &row["tries"]), (&json!("ping"), &json!("pending"), &json!(0)));
    for (query, about) in [("state=lost", "state"), ("limit=0", "limit"), ("cursor=x", "cursor"), ("what=1", "what")] {
        let told = desks.get(&admin(), &one(&id, &format!("/deliveries?{query}"))).await.failure(400, "BAD_REQUEST");
        assert!(told.contains(about), "{told}");
    }

    // It is given up, and then told all the same.
    let worker = uuid::Uuid::now_v7();
    let wanted = vec![(id.parse().unwrap(), 1)];
    let claimed = desks.api.helpdesk.claim_deliveries(worker, SOON, wanted, &[].into()).await.unwrap();
    let tried = Tried { status: Some(500), error: Some("it answered 500".to_owned()), verdict: Verdict::GivenUp };
    desks.api.helpdesk.settle_delivery(worker, &claimed[0], tried).await.unwrap();
    let failed = desks.get(&admin(), &one(&id, "/deliveries?state=failed")).await.ok(200);
    assert_eq!((&failed[0]["id"], &failed[0]["tries"]), (&json!(pings[0]), &json!(1)));
    assert_eq!((&failed[0]["last_status"], &failed[0]["last_error"]), (&json!(500), &json!("it answered 500")));
    let off = desks.get(&admin(), &one(&id, "")).await.ok(200);
    assert_eq!((&off["disabled_reason"], &off["last_failure"]), (&json!("failing"), &json!("it answered 500")));
    let replay = one(&id, &format!("/deliveries/{}/replay", pings[0]));
    desks.post(&admin(), &replay, json!({})).await.failure(409, "CONFLICT");
    desks.patch(&admin(), &one(&id, ""), json!({ "enabled": true }), None).await.ok(200);
    let elsewhere = one(&other, &format!("/deliveries/{}/replay", pings[0]));
    desks.post(&admin(), &elsewhere, json!({})).await.failure(404, "NOT_FOUND");
    let replayed = desks.post(&admin(), &replay, json!({})).await.ok(202);
    assert_eq!(
        (&replayed["id"], &replayed["state"], &replayed["tries"]),
        (&json!(pings[0]), &json!("pending"), &json!(0))
    );
}

/// An admin sees that tries fail while they go on for days, and a thousand that fail do not write as often.
#[tokio::test]
async fn a_webhook_says_that_tries_fail_before_any_is_given_up() {
    let desks = Desks::new().await;
    let id = desks.hook(hook(&["*"])).await["id"].as_str().unwrap().to_owned();
    for _ in 0..5 {
        desks.post(&admin(), &one(&id, "/ping"), json!({})).await.ok(202);
    }
    let worker = uuid::Uuid::now_v7();
    let wanted = vec![(id.parse().unwrap(), 5)];
    let claimed = desks.api.helpdesk.claim_deliveries(worker, SOON, wanted, &[].into()).await.unwrap();
    let shown = async || desks.get(&admin(), &one(&id, "")).await;
    let settled = async |place: usize, error: Option<&str>| {
        // The pause has some chance in it, to the nanosecond.
        let pause = SOON + Duration::from_nanos(1);
        let verdict = if error.is_some() { Verdict::Again(pause) } else { Verdict::Delivered };
        let tried = Tried { status: None, error: error.map(str::to_owned), verdict };
        desks.api.helpdesk.settle_delivery(worker, &claimed[place], tried).await.unwrap();
        shown().await.ok(200)
    };
    let tag = shown().await.header("etag").to_owned();
    let first = settled(0, Some("no connection")).await;
    assert_eq!((&first["last_failure"], &first["version"]), (&json!("no connection"), &json!(1)));
    let newer = shown().await.header("etag").to_owned();
    assert!(newer != tag && newer.starts_with("\"1-"), "{tag} {newer}");
    desks.patch(&admin(), &one(&id, ""), json!({ "description": "CRM" }), Some(&newer)).await.ok(200);
    let second = settled(1, Some("no answer in time")).await;
    assert_eq!(
        (&second["last_failure"], &second["last_failure_at"]),
        (&json!("no connection"), &first["last_failure_at"])
    );
    desks.api.helpdesk.clock().advance(Duration::from_secs(61));
    assert_eq!(settled(2, Some("no answer in time")).await["last_failure"], "no answer in time");
    // After a success the next failure is news.
    assert_eq!(settled(3, None).await["last_failure"], "no answer in time");
    assert_eq!(settled(4, Some("it answered 500")).await["last_failure"], "it answered 500");
    let pending = desks.get(&admin(), &one(&id, "/deliveries?state=pending")).await.ok(200);
    let nexts: Vec<&str> = pending.as_array().unwrap().iter().map(|row| row["next_try_at"].as_str().unwrap()).collect();
    assert!(nexts.len() == 4 && nexts.iter().all(|at| at.len() == "2030-01-31T09:00:00.000001Z".len()), "{nexts:?}");
    let kept = webhook_delivery::Entity::find().all(desks.store.read()).await.unwrap();
    assert!(kept.iter().all(|row| row.due_at.timestamp_subsec_nanos() % 1_000 == 0), "{kept:?}");
}
