//! What is known of a customer: looked up, handed out, redacted and erased; and what is noted of all that.

use super::*;

const CUSTOMERS: &str = "/api/v1/xmpp/customers";
const OF_ANN: &str = "/api/v1/xmpp/customers/ann%40example.com";
const AUDIT: &str = "/api/v1/xmpp/audit";

impl Desks {
    async fn delete(&self, token: &str, path: &str) -> Answer {
        self.ask(request(Method::DELETE, path, Some(token), None)).await
    }

    async fn acts(&self, query: &str) -> Vec<Value> {
        self.get(&admin(), &format!("{AUDIT}{query}")).await.ok(200).as_array().unwrap().clone()
    }

    /// The id of the ticket's first message of an author.
    async fn message_of(&self, ticket: &str, author: &str) -> String {
        let read = self.get(&admin(), &sync_of(ticket)).await.ok(200);
        let messages = read["messages"].as_array().unwrap();
        let message = messages.iter().find(|message| message["author"] == author).unwrap();
        message["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_customer_is_looked_up_exported_and_erased() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    desks.ticket("billing").await;
    desks.post(&admin(), &of(&ticket, "notes"), json!({ "content": "collects pots" })).await.ok(200);
    let bob = json!({ "jid": "bob@example.com", "message": "No milk, please", "desk": "support" });
    desks.post(&customer("bob@example.com"), TICKETS, bob).await.ok(201);
    let known = desks.get(&admin(), OF_ANN).await.ok(200);
    assert_eq!(known["jid"], ANN);
    assert_eq!(known["tickets"].as_array().unwrap().len(), 2, "{known}");
    assert_eq!((&known["tickets"][1]["desk"], &known["tickets"][1]["tickets"]), (&json!("support"), &json!(1)));
    assert_eq!((&known["rows"]["tickets"], &known["rows"]["messages"]), (&json!(2), &json!(3)), "{known}");

    let export = desks.get(&admin(), &format!("{OF_ANN}/export")).await;
    assert_eq!((export.status.as_u16(), export.header("content-type")), (200, "application/x-ndjson"));
    let lines: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["kind"], &lines[0]["jid"]), (&json!("customer"), &json!(ANN)));
    assert_eq!(lines.last().unwrap()["kind"], "end");
    let bodies: Vec<&Value> =
        lines.iter().filter(|line| line["kind"] == "messages").map(|line| &line["body"]).collect();
    assert_eq!(bodies, [&json!("My tea is cold"), &json!("My tea is cold"), &json!("collects pots")]);
    let tickets: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "tickets").collect();
    assert_eq!(tickets.len(), 2, "{lines:?}");
    assert_eq!((&tickets[0]["id"], &tickets[0]["customer"]), (&json!(ticket), &json!(ANN)), "ids are readable");
    assert!(!export.text.contains("No milk"), "{}", export.text);

    let dry = desks.delete(&admin(), &format!("{OF_ANN}?dry_run=true")).await.ok(200);
    assert_eq!((&dry["dry_run"], &dry["rows"]), (&json!(true), &known["rows"]));
    assert_eq!(desks.get(&admin(), OF_ANN).await.ok(200)["rows"], known["rows"], "nothing has happened");
    let erased = desks.delete(&admin(), OF_ANN).await.ok(200);
    assert_eq!((&erased["dry_run"], &erased["rows"]), (&json!(false), &known["rows"]));
    let nothing = desks.get(&admin(), OF_ANN).await.ok(200);
    assert!(nothing["rows"].as_object().unwrap().values().all(|count| *count == 0), "{nothing}");
    desks.get(&admin(), &format!("{TICKETS}/{ticket}")).await.failure(404, "NOT_FOUND");
    // Once more is no harm, and the neighbour's tickets stand.
    desks.delete(&admin(), OF_ANN).await.ok(200);
    assert_eq!(desks.get(&admin(), TICKETS).await.ok(200).as_array().unwrap().len(), 1);

    let acts = desks.acts("?action=customer").await;
    let words: Vec<&Value> = acts.iter().map(|act| &act["action"]).collect();
    assert_eq!(words, ["customer.erase", "customer.erase", "customer.export"]);
    assert_eq!(acts[1]["details"], json!({ "tickets": 2, "attachments": 0 }));
    let all = serde_json::to_string(&desks.acts("").await).unwrap();
    assert!(!all.contains("ann@") && !all.contains("pots") && !all.contains("tea is"), "{all}");
}

#[tokio::test]
async fn a_customer_is_named_by_its_bare_jid_and_by_nothing_else() {
    let desks = Desks::new().await;
    for junk in ["%40", "ann%40example.com%2Fphone", "%ff", "a%00b%40example.com"] {
        for path in [format!("{CUSTOMERS}/{junk}"), format!("{CUSTOMERS}/{junk}/export")] {
            desks.get(&admin(), &path).await.failure(400, "BAD_REQUEST");
        }
        desks.delete(&admin(), &format!("{CUSTOMERS}/{junk}")).await.failure(400, "BAD_REQUEST");
    }
    desks.delete(&admin(), &format!("{OF_ANN}?dry_run=yes")).await.failure(400, "BAD_REQUEST");
    // A misspelt preview must not erase.
    desks.delete(&admin(), &format!("{OF_ANN}?dryrun=true")).await.failure(400, "BAD_REQUEST");
    // Another spelling of the same JID is the same customer.
    desks.ticket("support").await;
    let shouted = desks.get(&admin(), &format!("{CUSTOMERS}/ANN%40Example.COM")).await.ok(200);
    assert_eq!((&shouted["jid"], &shouted["rows"]["tickets"]), (&json!(ANN), &json!(1)));
}

#[tokio::test]
async fn a_redacted_message_is_there_without_its_text_and_what_was_made_of_it_is_gone() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let line = desks.message_of(&ticket, "customer").await;
    let redact = |message: &str| of(&ticket, &format!("messages/{message}/redact"));
    for (body, status) in
        [(json!({}), 422), (json!({ "reason": " " }), 422), (json!({ "reason": "x".repeat(501) }), 422)]
    {
        assert_eq!(desks.post(&admin(), &redact(&line), body).await.status, status);
    }
    let ok = json!({ "reason": "a card number" });
    for unknown in ["nonsense".to_owned(), uuid::Uuid::now_v7().to_string()] {
        desks.post(&admin(), &redact(&unknown), ok.clone()).await.failure(404, "NOT_FOUND");
    }
    // A message of another ticket is none of this one.
    let other = desks.ticket("billing").await;
    let elsewhere = desks.message_of(&other, "customer").await;
    desks.post(&admin(), &redact(&elsewhere), ok.clone()).await.failure(404, "NOT_FOUND");

    let cursor = desks.get(&admin(), "/api/v1/xmpp/sync").await.ok(200)["next_cursor"].clone();
    let shown = desks.post(&agent("eve"), &redact(&line), ok.clone()).await.ok(200);
    assert_eq!(shown["subject"], "…", "the subject was made of it");
    let read = desks.get(&customer(ANN), &sync_of(&ticket)).await.ok(200);
    let message = &read["messages"][0];
    assert_eq!(
        (&message["content"], &message["redacted"], &message["retracted"]),
        (&json!(""), &json!(true), &json!(true))
    );
    assert!(!read.to_string().contains("card number"), "the reason is the staff's: {read}");
    let read = desks.get(&agent("eve"), &sync_of(&ticket)).await.ok(200);
    assert_eq!(read["messages"][1]["content"], "A message was redacted: a card number");
    let log = desks.get(&admin(), &format!("/api/v1/xmpp/sync?cursor={}", cursor.as_str().unwrap())).await.ok(200);
    let kinds: Vec<&Value> = log["changes"].as_array().unwrap().iter().map(|change| &change["type"]).collect();
    assert!(kinds.contains(&&json!("message.redacted")), "{log}");
    // Once more changes nothing.
    let again = desks.post(&admin(), &redact(&line), ok).await.ok(200);
    assert_eq!(again["version"], shown["version"]);
    let acts = desks.acts(&format!("?ticket_id={ticket}&action=message.redact")).await;
    assert_eq!((acts.len(), &acts[1]["actor"], &acts[1]["target"]), (2, &json!("eve@staff.example.org"), &json!(line)));
}

/// Every way to change something as the staff, and the word that is noted.
#[tokio::test]
async fn every_change_of_the_staff_is_noted_with_who_asked_and_by_which_request() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let line = desks.message_of(&ticket, "customer").await;
    let t = |what: &str| format!("/tickets/{ticket}/{what}");
    let none = Value::Null;
    let post = Method::POST;
    let steps = [
        (Method::PUT, "/agents/eve".to_owned(), json!({ "desks": ["support"] }), "agent.bind"),
        (post.clone(), "/agents/eve/duty".to_owned(), json!({ "duty": "on" }), "agent.duty"),
        (post.clone(), t("claim"), none.clone(), "ticket.claim"),
        (post.clone(), t("messages"), json!({ "content": "Boil it again" }), "ticket.reply"),
        (post.clone(), t("notes"), json!({ "content": "likes it hot" }), "ticket.note"),
        (post.clone(), t("priority"), json!({ "priority": "HIGH" }), "ticket.priority"),
        (Method::PUT, t("tags"), json!({ "tags": ["tea"] }), "ticket.tags"),
        (post.clone(), t("snooze"), json!({ "for": "2h" }), "ticket.snooze"),
        (post.clone(), t("snooze"), json!({ "until": null }), "ticket.wake"),
        (post.clone(), t("release"), json!({ "to": "queue" }), "ticket.requeue"),
        (post.clone(), t("assign"), json!({ "agent": "eve" }), "ticket.assign"),
        (post.clone(), t("release"), json!({ "to": "assistant" }), "ticket.release"),
        (post.clone(), t("resolve"), none.clone(), "ticket.resolve"),
        (post.clone(), t("reopen"), none.clone(), "ticket.reopen"),
        (post.clone(), t(&format!("messages/{line}/redact")), json!({ "reason": "secret" }), "message.redact"),
        (post.clone(), t("close"), none.clone(), "ticket.close"),
        (
            post.clone(),
            "/tickets".to_owned(),
            json!({ "jid": "bob@example.com", "message": "Hi", "desk": "support" }),
            "ticket.open",
        ),
        (
            post.clone(),
            "/presence".to_owned(),
            json!({ "jid": "support@help.example.org", "status": "available" }),
            "presence.set",
        ),
        (
            post.clone(),
            "/presence".to_owned(),
            json!({ "jid": "bob@example.com", "status": "available" }),
            "presence.set",
        ),
        (Method::PUT, "/desks/support/knowledge/milk.md".to_owned(), json!({ "text": "None." }), "knowledge.put"),
        (Method::DELETE, "/desks/support/knowledge/milk.md".to_owned(), none.clone(), "knowledge.remove"),
        (Method::GET, "/customers/bob%40example.com/export".to_owned(), none.clone(), "customer.export"),
        (Method::DELETE, "/customers/bob%40example.com".to_owned(), none.clone(), "customer.erase"),
        (Method::DELETE, "/agents/eve".to_owned(), none, "agent.remove"),
    ];
    for (number, (method, path, body, word)) in steps.into_iter().enumerate() {
        let body = (!body.is_null()).then(|| body.to_string());
        let mut asked = request(method.clone(), &format!("/api/v1/xmpp{path}"), Some(&admin()), body);
        asked.headers_mut().insert("x-request-id", format!("step-{number}").parse().unwrap());
        let answer = desks.ask(asked).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
        let acts = desks.acts("?limit=1").await;
        let act = acts.first().unwrap_or_else(|| panic!("{method} {path} left no row"));
        assert_eq!((&act["action"], &act["request_id"]), (&json!(word), &json!(format!("step-{number}"))), "{act}");
        assert_eq!((&act["actor"], &act["role"], &act["way"]), (&json!("root"), &json!("admin"), &json!("rest")));
        if path.starts_with("/tickets/") {
            assert_eq!((&act["ticket_id"], &act["desk"]), (&json!(ticket), &json!("support")), "{act}");
        }
    }
    let all = serde_json::to_string(&desks.acts("?limit=100").await).unwrap();
    for secret in ["bob", "ann", "Boil", "likes", "None.", "tea", "secret"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
}

#[tokio::test]
async fn what_failed_and_what_customers_and_readers_do_is_not_noted() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    desks.post(&customer(ANN), &of(&ticket, "messages"), json!({ "content": "Hello?" })).await.ok(201);
    desks.post(&agent_of("billing"), &of(&ticket, "claim"), json!({})).await.failure(404, "NOT_FOUND");
    desks.post(&agent("eve"), &of(&ticket, "close"), json!({})).await.failure(403, "FORBIDDEN");
    desks.get(&admin(), OF_ANN).await.ok(200);
    desks.delete(&admin(), &format!("{OF_ANN}?dry_run=true")).await.ok(200);
    assert_eq!(desks.acts("").await, Vec::<Value>::new());
}

#[tokio::test]
async fn acts_are_listed_by_who_what_where_and_when_page_by_page() {
    let desks = Desks::new().await;
    let (one, other) = (desks.ticket("support").await, desks.ticket("billing").await);
    for ticket in [&one, &other, &one] {
        for who in ["eve", "mia"] {
            desks.post(&agent(who), &of(ticket, "notes"), json!({ "content": "x" })).await.ok(200);
        }
    }
    assert_eq!(desks.acts("?actor=eve@staff.example.org").await.len(), 3);
    assert_eq!(desks.acts(&format!("?ticket_id={one}&actor=mia@staff.example.org")).await.len(), 2);
    assert_eq!(desks.acts("?action=ticket").await.len(), 6);
    assert_eq!(desks.acts("?action=ticket.claim").await.len(), 0);
    assert_eq!(desks.acts("?action=ticket.n%25").await.len(), 0);
    assert_eq!(desks.acts("?from=2000-01-01T00:00:00Z&to=2020-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(desks.acts("?from=2020-01-01T00:00:00Z").await.len(), 6);
    for bad in ["?from=yesterday", "?ticket_id=7", "?limit=0", "?cursor=x", "?who=eve", "?actor=%00"] {
        desks.get(&admin(), &format!("{AUDIT}{bad}")).await.failure(400, "BAD_REQUEST");
    }
    let mut seen = Vec::new();
    let mut path = format!("{AUDIT}?action=ticket&limit=4");
    loop {
        let page = desks.get(&admin(), &path).await;
        seen.extend(page.json().as_array().unwrap().iter().map(|act| act["id"].clone()));
        let Some(link) = page.headers.get("link") else { break };
        path = link.to_str().unwrap().split_once('>').unwrap().0[1..].to_owned();
    }
    let all: Vec<Value> = desks.acts("").await.iter().map(|act| act["id"].clone()).collect();
    assert_eq!(seen, all);
}
