//! Who gets in, and how far.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

use super::*;
use crate::api::TokenError;

fn sign(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(header), part(claims))
}

/// Every route that needs a token, with a request that the right caller may make.
pub(super) fn routes(ticket: &str) -> Vec<(Method, String, Option<String>)> {
    vec![
        (Method::POST, TICKETS.to_owned(), Some(json!({ "jid": ANN, "message": "hello" }).to_string())),
        (Method::GET, TICKETS.to_owned(), None),
        (Method::POST, messages_of(ticket), Some(json!({ "content": "more" }).to_string())),
        (Method::GET, sync_of(ticket), None),
        (Method::POST, PRESENCE.to_owned(), Some(json!({ "jid": ANN, "status": "available" }).to_string())),
        (Method::GET, format!("{PRESENCE}?jid={ANN}"), None),
    ]
}

#[tokio::test]
async fn no_route_opens_without_a_sound_token_and_each_opens_with_one() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let sound = json!({ "sub": ANN, "role": "customer", "exp": in_an_hour() });
    let past = json!({ "sub": ANN, "role": "customer", "exp": in_an_hour() - 3600 - 31 });
    let later = json!({ "sub": ANN, "role": "customer", "exp": in_an_hour(), "nbf": in_an_hour() - 60 });
    let endless = json!({ "sub": ANN, "role": "customer" });
    let unfit = [
        (None, "a token is needed"),
        (Some("garbage".to_owned()), "not valid"),
        (Some("a.b.c".to_owned()), "not valid"),
        (Some(String::new()), "not valid"),
        (Some(unsigned(&json!({ "alg": "none", "typ": "JWT" }), &sound)), "not valid"),
        (Some(unsigned(&json!({ "alg": "HS256", "typ": "JWT" }), &sound)), "not valid"),
        (Some(sign(Algorithm::HS512, SECRET, &sound)), "not valid"),
        (Some(sign(Algorithm::HS256, "another key", &sound)), "not valid"),
        (Some(sign(Algorithm::HS256, SECRET, &past)), "expired"),
        (Some(sign(Algorithm::HS256, "another key", &past)), "the token is not valid"),
        (Some(sign(Algorithm::HS256, SECRET, &later)), "not valid yet"),
        (Some(sign(Algorithm::HS256, SECRET, &endless)), "claims"),
    ];
    for (method, path, body) in routes(&ticket) {
        for (token, reason) in &unfit {
            let answer = desks.ask(request(method.clone(), &path, token.as_deref(), body.clone())).await;
            let message = answer.failure(401, "UNAUTHORIZED");
            assert!(message.contains(reason), "{method} {path}: {message}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
        let token = sign(Algorithm::HS256, SECRET, &sound);
        let answer = desks.ask(request(method.clone(), &path, Some(&token), body)).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
    }
}

#[test]
fn claims_that_name_nobody_are_refused_and_a_customer_is_its_normal_form() {
    let tokens = Tokens::new(SECRET);
    for (sub, role) in [
        ("", "agent"),
        ("  ", "service"),
        ("bad\nline", "agent"),
        ("not a jid", "customer"),
        ("example.com", "customer"),
        ("ann@example.com/phone", "customer"),
        (ANN, "owner"),
        (ANN, "Customer"),
    ] {
        let token = sign(Algorithm::HS256, SECRET, &json!({ "sub": sub, "role": role, "exp": in_an_hour() }));
        assert_eq!(tokens.check(&token).unwrap_err(), TokenError::Claims, "{sub} {role}");
    }
    for missing in ["sub", "role", "exp"] {
        let mut claims = json!({ "sub": ANN, "role": "customer", "exp": in_an_hour() });
        claims.as_object_mut().unwrap().remove(missing);
        let token = sign(Algorithm::HS256, SECRET, &claims);
        assert_eq!(tokens.check(&token).unwrap_err(), TokenError::Claims, "without {missing}");
    }
    assert_eq!(tokens.check(&customer("Ann@Example.COM")).unwrap().id, ANN);
    assert!(tokens.mint(&claims("ann@example.com/phone", Role::Customer)).is_err());
}

#[test]
fn a_minted_token_gives_back_what_went_in_and_clocks_may_differ_by_thirty_seconds() {
    let tokens = Tokens::new(SECRET);
    let said = Claims {
        name: Some("Eve".into()),
        desks: Some(vec!["billing".into()]),
        scopes: vec!["tickets:read".into()],
        exp: jsonwebtoken::get_current_timestamp() - 20,
        ..claims("eve", Role::Agent)
    };
    let caller = tokens.check(&mint(&said)).unwrap();
    assert_eq!((caller.id.as_str(), caller.name.as_deref(), caller.role), ("eve", Some("Eve"), Role::Agent));
    assert_eq!((caller.desks, caller.scopes), (said.desks, said.scopes));
    assert!(!format!("{tokens:?}").contains("secret"));
}

#[tokio::test]
async fn the_header_takes_the_scheme_in_any_case_and_refuses_another_scheme_or_two_tokens() {
    let desks = Desks::new().await;
    let token = customer(ANN);
    let with = |values: &[String]| {
        let mut request = request(Method::GET, TICKETS, None, None);
        for value in values {
            request.headers_mut().append(AUTHORIZATION, value.parse().unwrap());
        }
        request
    };
    assert_eq!(desks.ask(with(&[format!("bearer {token}")])).await.status, 200);
    for values in [vec![format!("Basic {token}")], vec![token.clone()], vec![format!("Bearer {token}"); 2]] {
        desks.ask(with(&values)).await.failure(401, "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn another_customers_ticket_does_not_exist_whatever_the_body_or_query_names() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let bob = customer("bob@example.com");
    for path in [sync_of(&ticket), sync_of(&uuid::Uuid::now_v7().to_string())] {
        let message = desks.get(&bob, &path).await.failure(404, "NOT_FOUND");
        assert!(message.ends_with("not found") && !message.contains(ANN), "{message}");
    }
    for body in [json!({ "content": "hi" }), json!({ "content": "hi", "jid": ANN })] {
        desks.post(&bob, &messages_of(&ticket), body).await.failure(404, "NOT_FOUND");
    }
    desks.post(&bob, TICKETS, json!({ "jid": ANN, "message": "hi" })).await.failure(403, "FORBIDDEN");
    desks.post(&bob, PRESENCE, json!({ "jid": ANN, "status": "available" })).await.failure(403, "FORBIDDEN");
    desks.get(&bob, &format!("{PRESENCE}?jid={ANN}")).await.failure(403, "FORBIDDEN");
    assert_eq!(desks.get(&bob, &format!("{TICKETS}?jid={ANN}")).await.ok(200), json!([]));
    assert_eq!(desks.get(&bob, TICKETS).await.ok(200), json!([]));
    // Nor may Ann put another's name on her own line.
    let foreign = json!({ "content": "hi", "jid": "bob@example.com" });
    desks.post(&customer(ANN), &messages_of(&ticket), foreign).await.failure(403, "FORBIDDEN");
    let messages = desks.get(&customer(ANN), &sync_of(&ticket)).await.ok(200)["messages"].clone();
    assert_eq!(messages.as_array().unwrap().len(), 1, "nothing of this was stored: {messages}");
}

#[tokio::test]
async fn an_agent_sees_and_serves_its_desks_only() {
    let desks = Desks::new().await;
    let (support, billing) = (desks.ticket("support").await, desks.ticket("billing").await);
    let limited = agent_of("billing");
    let listed = desks.get(&limited, TICKETS).await.ok(200);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["id"], billing);
    desks.get(&limited, &sync_of(&support)).await.failure(404, "NOT_FOUND");
    desks.post(&limited, &messages_of(&support), json!({ "content": "hi" })).await.failure(404, "NOT_FOUND");
    desks.post(&limited, TICKETS, json!({ "jid": ANN, "message": "hi" })).await.failure(403, "FORBIDDEN");
    let desk = json!({ "jid": "support@help.example.org", "status": "available" });
    desks.post(&limited, PRESENCE, desk).await.failure(403, "FORBIDDEN");
    desks.post(&limited, &messages_of(&billing), json!({ "content": "hi" })).await.ok(201);
    for all in [agent("eve"), mint(&claims("root", Role::Admin))] {
        assert_eq!(desks.get(&all, TICKETS).await.ok(200).as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_program_does_what_its_scopes_say() {
    let desks = Desks::new().await;
    let ticket = desks.ticket("support").await;
    let (nothing, read, write) = (program(&[]), program(&["tickets:read"]), program(&["tickets:write"]));
    for path in [TICKETS.to_owned(), sync_of(&ticket), format!("{PRESENCE}?jid={ANN}")] {
        desks.get(&nothing, &path).await.failure(403, "FORBIDDEN");
        desks.get(&read, &path).await.ok(200);
    }
    for (path, body, status) in [
        (TICKETS.to_owned(), json!({ "jid": "bob@example.com", "message": "hi" }), 201),
        (messages_of(&ticket), json!({ "content": "hi", "jid": ANN }), 201),
        (PRESENCE.to_owned(), json!({ "jid": ANN, "status": "available" }), 200),
    ] {
        desks.post(&read, &path, body.clone()).await.failure(403, "FORBIDDEN");
        desks.post(&write, &path, body).await.ok(status);
    }
}
