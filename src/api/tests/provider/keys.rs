//! How the provider's keys are fetched, kept and changed.

use std::time::Instant;

use futures::future::join_all;

use super::*;
use crate::{api::provider::FetchError, health::Status};

/// Waits until the keys were fetched for the first time.
async fn settled(desks: &Desks) {
    eventually("the keys are there", || desks.api.health.identity() == Some(Status::Healthy)).await;
}

async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_is_fetched_once_for_all_who_bring_it_and_unknown_ones_once_a_minute() {
    let (old, new, never) = (Signer::ec("old"), Signer::ec("new"), Signer::ec("never"));
    let idp = Idp::with(&[&old]).await;
    let (desks, _keeper) = trusting(provider(&idp.url), None).await;
    settled(&desks).await;
    assert_eq!(desks.get(&old.sign(&ann(json!({}))), TICKETS).await.status, 200);
    assert_eq!(idp.fetches(), 1);

    idp.rotates_to(&[&new, &old]);
    let token = new.sign(&ann(json!({})));
    let answers = join_all((0..50).map(|_| desks.get(&token, TICKETS))).await;
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{:?}",
        answers.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    assert_eq!(idp.fetches(), 2);
    assert_eq!(desks.get(&old.sign(&ann(json!({}))), TICKETS).await.status, 200);

    // Within the minute nobody can have it asked again, and nobody waits.
    idp.rotates_to(&[&never]);
    let (token, began) = (never.sign(&ann(json!({}))), Instant::now());
    for answer in join_all((0..50).map(|_| desks.get(&token, TICKETS))).await {
        answer.failure(401, "UNAUTHORIZED");
    }
    assert_eq!(idp.fetches(), 2);
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(desks.get(&new.sign(&ann(json!({}))), TICKETS).await.status, 200);
}

#[tokio::test]
async fn after_the_minute_it_is_asked_again_and_a_key_that_is_gone_counts_no_more() {
    let (old, new) = (Signer::ec("old"), Signer::ec("new"));
    let idp = Idp::with(&[&old]).await;
    let (desks, _keeper) = trusting(provider(&idp.url).asking_each(Duration::from_millis(300)), None).await;
    settled(&desks).await;
    desks.get(&new.sign(&ann(json!({}))), TICKETS).await.failure(401, "UNAUTHORIZED");
    assert_eq!(idp.fetches(), 2);
    idp.rotates_to(&[&new]);
    desks.get(&new.sign(&ann(json!({}))), TICKETS).await.failure(401, "UNAUTHORIZED");
    assert_eq!(idp.fetches(), 2);
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(desks.get(&new.sign(&ann(json!({}))), TICKETS).await.status, 200);
    assert_eq!(idp.fetches(), 3);
    desks.get(&old.sign(&ann(json!({}))), TICKETS).await.failure(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_key_needs_no_name_where_there_is_one_of_its_kind() {
    let (rsa, ec, other) = (Signer::rsa("one"), Signer::ec("two"), Signer::ec("three"));
    let idp = Idp::with(&[&rsa, &ec]).await;
    let (desks, _keeper) = trusting(provider(&idp.url), None).await;
    settled(&desks).await;
    let nameless = |signer: &Signer| signer.sign_with(&Header::new(signer.algorithm), &ann(json!({})));
    for signer in [&rsa, &ec] {
        assert_eq!(desks.get(&nameless(signer), TICKETS).await.status, 200);
    }
    desks.get(&nameless(&other), TICKETS).await.failure(401, "UNAUTHORIZED");
    assert_eq!(idp.fetches(), 1);

    let idp = Idp::with(&[&ec, &other]).await;
    let (desks, _keeper) = trusting(provider(&idp.url), None).await;
    settled(&desks).await;
    for signer in [&ec, &other] {
        desks.get(&nameless(signer), TICKETS).await.failure(401, "UNAUTHORIZED");
        assert_eq!(desks.get(&signer.sign(&ann(json!({}))), TICKETS).await.status, 200);
    }
    assert_eq!(idp.fetches(), 1);
}

#[tokio::test]
async fn while_the_provider_is_down_others_get_in_and_its_own_as_soon_as_it_is_up() {
    let ec = Signer::ec("one");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let (desks, _keeper) = trusting(provider(&format!("http://{address}/certs")), Some(SECRET)).await;
    desks.api.health.set_xmpp(Status::Healthy);
    desks.api.health.set_assistant(Status::Healthy);
    let token = ec.sign(&ann(json!({})));
    let answer = desks.get(&token, TICKETS).await;
    let message = answer.failure(503, "UNAVAILABLE");
    assert!(message.contains("cannot be checked now") && answer.header("retry-after") == "5", "{message}");
    assert_eq!(desks.get(&customer(ANN), TICKETS).await.status, 200);
    eventually("it is said", || desks.api.health.identity().is_some()).await;
    let health = desks.get("", "/healthz").await;
    let said = health.json();
    assert_eq!(health.status, 200, "{said}");
    assert_eq!(
        (&said["status"], &said["services"]["identity"], &said["details"]["identity"]),
        (&json!("degraded"), &json!("unhealthy"), &json!("no keys"))
    );

    let idp = Idp::at(&address, &[&ec]).await;
    settled(&desks).await;
    assert_eq!(desks.get(&token, TICKETS).await.status, 200);
    assert_eq!(desks.get("", "/healthz").await.json()["status"], "healthy");
    let counted = desks.get(&admin(), "/metrics").await.text;
    assert!(counted.contains(r#"deskbridge_identity_key_fetches_total{outcome="ok"} 1"#), "{counted}");
    assert!(counted.contains(r#"deskbridge_identity_key_fetches_total{outcome="failed"}"#), "{counted}");
    assert_eq!(idp.fetches(), 1);
}

#[tokio::test]
async fn what_is_no_key_set_changes_nothing_and_is_named() {
    let (ec, forged) = (Signer::ec("one"), Signer::ec("two"));
    let idp = Idp::with(&[&ec]).await;
    let (desks, _keeper) = trusting(provider(&idp.url).asking_each(Duration::ZERO), None).await;
    settled(&desks).await;
    let source = Source::new(&idp.url).unwrap();
    assert_eq!(source.probe().await, Ok(1));
    let forger = Idp::with(&[&forged]).await;
    let encryption = json!({ "kty": "RSA", "use": "enc", "kid": "two" });
    for (served, error) in [
        (Served::Text(200, "<html>sign in</html>".into()), FetchError::NoKeys),
        (Served::Text(200, String::new()), FetchError::NoKeys),
        (Served::Text(200, " ".repeat(600 * 1024)), FetchError::Large),
        (Served::Text(500, json!({ "keys": [forged.jwk] }).to_string()), FetchError::Status(500)),
        (Served::Text(204, String::new()), FetchError::Status(204)),
        (Served::Elsewhere(forger.url.clone()), FetchError::Status(302)),
        (Served::Keys(vec![]), FetchError::NoneUsable),
        (Served::Keys(vec![encryption]), FetchError::NoneUsable),
        (Served::Nothing, FetchError::Slow),
    ] {
        idp.serves(served);
        assert_eq!(source.probe().await, Err(error));
        // Whoever brings an unknown key has it asked, and gets an answer all the same.
        let began = Instant::now();
        desks.get(&forged.sign(&ann(json!({}))), TICKETS).await.failure(401, "UNAUTHORIZED");
        assert!(began.elapsed() < Duration::from_secs(8), "{error}");
        assert_eq!(desks.get(&ec.sign(&ann(json!({}))), TICKETS).await.status, 200, "{error}");
    }
    assert_eq!(forger.fetches(), 0);
    assert_eq!(desks.api.health.identity(), Some(Status::Unhealthy("keys cannot be refreshed".into())));
}
