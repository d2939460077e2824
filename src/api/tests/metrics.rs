//! What monitors may read, and that what strangers send makes no series.

use std::collections::BTreeSet;

use super::*;
use crate::{api::monitor, health::Status};

async fn scraped(desks: &Desks) -> String {
    let answer = desks.get(&program(&["metrics:read"]), "/metrics").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    answer.text
}

/// Names with labels, without values.
fn series(text: &str) -> BTreeSet<&str> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect()
}

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}

#[tokio::test]
async fn only_admins_and_programs_with_the_scope_read_metrics() {
    let desks = Desks::new().await;
    desks.ask(request(Method::GET, "/metrics", None, None)).await.failure(401, "UNAUTHORIZED");
    let forged = Tokens::new("another secret of thirty-two bytes").mint(&claims("root", Role::Admin)).unwrap();
    for wrong in ["", "metrics:read", &forged] {
        desks.get(wrong, "/metrics").await.failure(401, "UNAUTHORIZED");
    }
    let named = mint(&Claims { scopes: vec!["metrics:read".into()], ..claims("eve", Role::Agent) });
    let staff = [customer(ANN), agent("eve"), named];
    for token in staff.into_iter().chain([program(&[]), program(&["tickets:read", "tickets:write", "metrics"])]) {
        desks.get(&token, "/metrics").await.failure(403, "FORBIDDEN");
    }
    assert_eq!(desks.get(&admin(), "/metrics").await.status, 200);
    scraped(&desks).await;
    // A program that may read metrics reads nothing else.
    desks.get(&program(&["metrics:read"]), TICKETS).await.failure(403, "FORBIDDEN");
}

#[tokio::test]
async fn the_listener_of_its_own_has_nothing_but_metrics() {
    let desks = Desks::new().await;
    let monitored = Desks { router: monitor(desks.api.clone()), ..desks };
    let answer = monitored.ask(request(Method::GET, "/metrics", None, None)).await;
    assert!(answer.status == 200 && answer.text.contains("deskbridge_tickets{"), "{}", answer.text);
    for path in ["/", TICKETS, "/healthz"] {
        monitored.get(&admin(), path).await.failure(404, "NOT_FOUND");
    }
    monitored.post(&admin(), "/metrics", json!({})).await.failure(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn a_thousand_odd_paths_methods_tokens_and_addresses_add_no_series() {
    let desks = Desks::new().await;
    let (ann, root) = (customer(ANN), admin());
    let odd = async |number: usize| {
        let method = Method::from_bytes(format!("M{number}").as_bytes()).unwrap();
        let mut answers = vec![
            desks.get(&ann, &format!("/odd/{number}")).await,
            desks.get(&root, &format!("{TICKETS}?jid=j{number}@example.com")).await,
            desks.ask(request(method, &format!("{TICKETS}?x={number}"), Some(&ann), None)).await,
        ];
        // What costs a test more.
        if number.is_multiple_of(50) {
            let id = uuid::Uuid::now_v7();
            answers.extend([
                desks.get(&ann, &of(&id.to_string(), &format!("odd{number}"))).await,
                desks.get(&ann, &format!("{TICKETS}/{id}/sync?before={number}")).await,
                desks.get(&format!("odd.token.{number}"), TICKETS).await,
                desks.get(&root, &format!("{PRESENCE}?jid=j{number}@example.com")).await,
                desks.get(&customer(&format!("j{number}@example.com")), TICKETS).await,
                desks.put(&root, &format!("/api/v1/xmpp/agents/odd{number}"), json!({ "duty": number })).await,
                desks.get(&root, &format!("/api/v1/xmpp/desks/odd{number}/knowledge")).await,
            ]);
        }
        for answer in answers {
            assert!(answer.status.as_u16() < 500, "{}", answer.text);
        }
    };
    odd(0).await;
    scraped(&desks).await;
    let before = scraped(&desks).await;
    for number in 1..=1000 {
        odd(number).await;
    }
    let after = scraped(&desks).await;
    assert_eq!(series(&before), series(&after));
    assert!(!after.contains("odd") && !after.contains("example"), "{after}");
    assert_eq!(value(&after, r#"deskbridge_http_requests_total{method="GET",route="none",status="404"}"#), 1022.0);
    assert_eq!(
        value(&after, &format!(r#"deskbridge_http_requests_total{{method="OTHER",route="{TICKETS}",status="405"}}"#)),
        1001.0
    );
}

#[tokio::test]
async fn what_there_is_is_counted_and_without_a_database_nothing_is_claimed() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    desks.ticket("billing").await;
    desks.post(&agent("eve"), &messages_of(&ticket), json!({ "content": "Here is a new one." })).await.ok(201);
    desks.post(&agent("eve"), &of(&ticket, "notes"), json!({ "content": "She is right." })).await.ok(200);
    desks.api.helpdesk.clock().advance(Duration::from_secs(90));
    desks.api.health.set_xmpp(Status::Healthy);
    let text = scraped(&desks).await;
    for (series, expected) in [
        (r#"deskbridge_tickets{desk="support",status="PENDING"}"#, 1.0),
        (r#"deskbridge_tickets{desk="support",status="OPEN"}"#, 0.0),
        (r#"deskbridge_tickets{desk="billing",status="OPEN"}"#, 1.0),
        (r#"deskbridge_messages_total{author="customer",direction="in"}"#, 2.0),
        (r#"deskbridge_messages_total{author="agent",direction="out"}"#, 1.0),
        (r#"deskbridge_messages_total{author="agent",direction="kept"}"#, 1.0),
        (r#"deskbridge_queue_length{queue="messages"}"#, 1.0),
        (r#"deskbridge_queue_length{queue="answers"}"#, 1.0),
        (r#"deskbridge_queue_length{queue="people"}"#, 0.0),
        (r#"deskbridge_queue_oldest_seconds{queue="people"}"#, 0.0),
        (r#"deskbridge_changes_total{outcome="failed"}"#, 0.0),
        (r#"deskbridge_knowledge_passages{desk="support",audience="customers"}"#, 1.0),
        (r#"deskbridge_knowledge_passages{desk="support",audience="agents"}"#, 2.0),
        (r#"deskbridge_up{service="database"}"#, 1.0),
        (r#"deskbridge_up{service="xmpp"}"#, 1.0),
        (r#"deskbridge_up{service="assistant"}"#, 0.0),
    ] {
        assert_eq!(value(&text, series), expected, "{series} in {text}");
    }
    for queue in ["messages", "answers"] {
        let age = value(&text, &format!(r#"deskbridge_queue_oldest_seconds{{queue="{queue}"}}"#));
        assert!((80.0..100.0).contains(&age), "{queue}: {age}");
    }
    // Without a database: as in a process that has never found one.
    desks.store.close().await;
    let fresh = Desks { router: router(Api { metrics: Metrics::default(), ..desks.api.clone() }), ..desks };
    let text = scraped(&fresh).await;
    assert_eq!(value(&text, r#"deskbridge_up{service="database"}"#), 0.0);
    assert!(!text.contains("deskbridge_tickets{") && !text.contains("deskbridge_queue_length{"), "{text}");
    assert_eq!(value(&text, r#"deskbridge_messages_total{author="customer",direction="in"}"#), 2.0);
}

#[tokio::test]
async fn what_the_database_said_holds_for_a_few_seconds() {
    let desks = Desks::new().await;
    let open = r#"deskbridge_tickets{desk="support",status="OPEN"}"#;
    assert_eq!(value(&scraped(&desks).await, open), 0.0);
    desks.ticket("support").await;
    assert_eq!(value(&scraped(&desks).await, open), 0.0);
    // A process of its own has not looked yet.
    let other = Desks { router: router(Api { metrics: Metrics::default(), ..desks.api.clone() }), ..desks };
    assert_eq!(value(&scraped(&other).await, open), 1.0);
}

#[tokio::test]
async fn a_process_that_can_store_nothing_any_more_is_not_alive() {
    let desks = Desks::new().await;
    // Nothing is healthy yet, and no restart would help.
    let alive = desks.ask(request(Method::GET, "/livez", None, None)).await.ok(200);
    assert_eq!(alive["status"], "healthy");
    desks.writer.abort();
    for _ in 0..100 {
        if desks.api.helpdesk.is_writing() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let dead = desks.ask(request(Method::GET, "/livez", None, None)).await.ok(503);
    assert_eq!(dead["status"], "unhealthy");
}
