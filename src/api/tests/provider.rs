//! Who gets in by an identity provider's tokens.

mod idp;
mod keys;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    auth::{routes, unsigned},
    *,
};
use crate::api::{
    provider::{ClaimNames, Mapping, Provider, Source},
    routes::table,
};
use idp::{AUDIENCE, ISSUER, Idp, Served, Signer, keycloak};

fn provider(url: &str) -> Provider {
    // Somebody installs it at the start of the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own = str::to_owned;
    let claims = ClaimNames {
        sub: own("sub"),
        jid: own("email"),
        name: own("name"),
        roles: own("realm_access.roles"),
        desks: None,
        scopes: own("scope"),
    };
    let roles = [
        ("helpdesk-agent", Role::Agent),
        ("helpdesk-admin", Role::Admin),
        ("helpdesk-cron", Role::Service),
        ("customer", Role::Customer),
    ];
    let mapping =
        Mapping { claims, roles: roles.map(|(word, role)| (own(word), role)).into(), unverified_email: false };
    Provider::new(Source::new(url).unwrap(), own(ISSUER), vec![own("another"), own(AUDIENCE)], mapping)
}

/// A desk that believes a provider, as long as the guard lives; beside it our own secret, if there is one.
async fn trusting(provider: Provider, secret: Option<&str>) -> (Desks, DropGuard) {
    let (desks, stop) = (Desks::new().await, CancellationToken::new());
    let keep = provider.clone().keep(desks.api.health.clone(), desks.api.metrics.identity.clone(), stop.clone());
    tokio::spawn(keep);
    let api = Api { identity: Identity::new(secret.map(Tokens::new), Some(provider)), ..desks.api.clone() };
    (Desks { router: router(api.clone()), api, ..desks }, stop.drop_guard())
}

/// The whole table: whoever has no token that counts comes no further, whatever the path names.
fn every_route() -> Vec<(Method, String)> {
    let filled = |path: String| {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let of = |(path, item): (String, utoipa::openapi::PathItem)| {
        let methods = [
            (Method::GET, item.get.is_some()),
            (Method::POST, item.post.is_some()),
            (Method::PUT, item.put.is_some()),
            (Method::DELETE, item.delete.is_some()),
        ];
        let path = filled(path);
        methods.into_iter().filter(|(_, is_there)| *is_there).map(move |(method, _)| (method, path.clone()))
    };
    table().into_iter().flat_map(|route| route.paths.paths).flat_map(of).collect()
}

fn with(key: &str, value: Value) -> Value {
    keycloak(json!({ key: value }))
}

/// A customer of this address.
fn ann(more: Value) -> Value {
    let mut claims = keycloak(json!({ "realm_access": { "roles": ["customer"] }, "email": ANN, "exp": in_an_hour() }));
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

fn without(claim: &str) -> Value {
    let mut claims = ann(json!({}));
    claims.as_object_mut().unwrap().remove(claim).unwrap();
    claims
}

/// Tokens that let nobody in, each with what is wrong with it and what is said of it.
fn unfit(rsa: &Signer, ec: &Signer) -> Vec<(&'static str, String, &'static str)> {
    let sound = ann(json!({}));
    let now = jsonwebtoken::get_current_timestamp();
    let (other_rsa, other_ec) = (Signer::rsa(&rsa.kid), Signer::ec(&ec.kid));
    let mut unfit = vec![
        ("signed with another RSA key of the same name", other_rsa.sign(&sound), "the token is not valid"),
        ("signed with another EC key of the same name", other_ec.sign(&sound), "the token is not valid"),
        ("no signature", unsigned(&json!({ "alg": "none", "kid": rsa.kid }), &sound), "not valid"),
        ("no algorithm, in other letters", unsigned(&json!({ "alg": "nOnE", "kid": rsa.kid }), &sound), "not valid"),
        ("RS256 without a signature", unsigned(&json!({ "alg": "RS256", "kid": rsa.kid }), &sound), "not valid"),
        ("ES256 without a signature", unsigned(&json!({ "alg": "ES256", "kid": ec.kid }), &sound), "not valid"),
        (
            "ES256 of zeros",
            format!("{}{}", unsigned(&json!({ "alg": "ES256", "kid": ec.kid }), &sound), "A".repeat(86)),
            "not valid",
        ),
        (
            "RS256 by the name of an EC key",
            rsa.sign_with(&Header { kid: Some(ec.kid.clone()), ..rsa.header() }, &sound),
            "not valid",
        ),
        (
            "ES256 by the name of an RSA key",
            ec.sign_with(&Header { kid: Some(rsa.kid.clone()), ..ec.header() }, &sound),
            "not valid",
        ),
        ("an EC signature called RS256", ec.sign_raw(&json!({ "alg": "RS256", "kid": ec.kid }), &sound), "not valid"),
        (
            "an RSA signature called ES256",
            rsa.sign_raw(&json!({ "alg": "ES256", "kid": rsa.kid }), &sound),
            "not valid",
        ),
        ("RS512", rsa.sign_with(&Header { alg: Algorithm::RS512, ..rsa.header() }, &sound), "not valid"),
        ("PS256", rsa.sign_with(&Header { alg: Algorithm::PS256, ..rsa.header() }, &sound), "not valid"),
        (
            "crit",
            ec.sign_raw(&json!({ "alg": "ES256", "kid": ec.kid, "crit": ["b64"], "b64": true }), &sound),
            "not valid",
        ),
        ("an event", ec.sign_with(&Header { typ: Some("secevent+jwt".into()), ..ec.header() }, &sound), "not valid"),
        ("a log-out", ec.sign_with(&Header { typ: Some("logout+jwt".into()), ..ec.header() }, &sound), "not valid"),
        ("an ID token", ec.sign(&ann(json!({ "typ": "ID" }))), "not valid"),
        ("expired", ec.sign(&ann(json!({ "exp": now - 31 }))), "expired"),
        ("expired, and signed by another", other_ec.sign(&ann(json!({ "exp": now - 31 }))), "the token is not valid"),
        ("not yet", ec.sign(&ann(json!({ "nbf": now + 3600 }))), "not valid yet"),
        ("for another", ec.sign(&ann(json!({ "aud": "account" }))), "another audience"),
        ("for others", ec.sign(&ann(json!({ "aud": ["account", "DESKBRIDGE", "deskbridge "] }))), "another audience"),
        ("for nobody", ec.sign(&ann(json!({ "aud": [] }))), "another audience"),
        ("by another", ec.sign(&ann(json!({ "iss": "https://id.example.org/realms/coffee" }))), "another issuer"),
        ("by several", ec.sign(&ann(json!({ "iss": [ISSUER, "https://evil.example"] }))), "another issuer"),
        ("by one with a slash", ec.sign(&ann(json!({ "iss": format!("{ISSUER}/") }))), "another issuer"),
        ("an odd audience", ec.sign(&ann(json!({ "aud": { "deskbridge": true } }))), "claims"),
        ("an odd end", ec.sign(&ann(json!({ "exp": "never" }))), "claims"),
        ("an odd begin", ec.sign(&ann(json!({ "nbf": "now" }))), "claims"),
        ("a customer with a resource", ec.sign(&ann(json!({ "email": "ann@example.com/phone" }))), "bare JID"),
        ("a customer without a name", ec.sign(&ann(json!({ "email": "example.com" }))), "bare JID"),
        ("an address that is not verified", ec.sign(&ann(json!({ "email_verified": false }))), "not verified"),
        ("a name with a line break", ec.sign(&ann(json!({ "name": "Ann\nAdmin" }))), "claims"),
    ];
    for claim in ["exp", "iss", "aud", "email"] {
        unfit.push(("without a claim", ec.sign(&without(claim)), "claims"));
    }
    let taken: Value = serde_json::from_value(other_ec.jwk.clone()).unwrap();
    let jwk = json!({ "alg": "ES256", "typ": "JWT", "kid": ec.kid, "jwk": taken });
    unfit.push(("its own key beside it", other_ec.sign_raw(&jwk, &sound), "not valid"));
    let jku = json!({ "alg": "ES256", "kid": ec.kid, "jku": "http://127.0.0.1:9/certs", "x5u": "http://127.0.0.1:9/" });
    unfit.push(("the address of its own key", other_ec.sign_raw(&jku, &sound), "not valid"));
    for secret in [rsa.public_forms(), ec.public_forms()].concat() {
        let header = Header { kid: Some(rsa.kid.clone()), ..Header::new(Algorithm::HS256) };
        let token = encode(&header, &sound, &EncodingKey::from_secret(&secret)).unwrap();
        unfit.push(("HS256 by the public key", token, "not valid"));
        // As one of ours would be.
        let ours = json!({ "sub": ANN, "role": "customer", "exp": in_an_hour() });
        let token = encode(&Header::new(Algorithm::HS256), &ours, &EncodingKey::from_secret(&secret)).unwrap();
        unfit.push(("HS256 by the public key, in our words", token, "not valid"));
    }
    // The signature of one over the words of another.
    let (mine, foreign) = (ec.sign(&sound), ec.sign(&ann(json!({ "email": "bob@example.com" }))));
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let mixed = format!("{}.{}.{}", parts(&mine)[0], parts(&foreign)[1], parts(&mine)[2]);
    unfit.push(("altered", mixed, "the token is not valid"));
    unfit
}

#[tokio::test]
async fn no_route_opens_to_a_token_that_is_not_the_providers_for_us_and_each_to_one_that_is() {
    let (rsa, ec) = (Signer::rsa("one"), Signer::ec("two"));
    let idp = Idp::with(&[&rsa, &ec]).await;
    let (desks, _keeper) = trusting(provider(&idp.url), Some(SECRET)).await;
    let ticket = desks.ticket("support").await;
    let sound = [rsa.sign(&ann(json!({}))), ec.sign(&ann(json!({ "aud": AUDIENCE, "exp": in_an_hour() })))];
    // Clocks may differ.
    let late = ec.sign(&ann(json!({ "exp": in_an_hour() - 3610 })));
    assert_eq!(desks.get(&late, TICKETS).await.status, 200);
    let (unfit, every) = (unfit(&rsa, &ec), every_route());
    assert!(every.len() > 40, "{every:?}");
    for (method, path) in &every {
        for (case, token, reason) in &unfit {
            let answer = desks.ask(request(method.clone(), path, Some(token), None)).await;
            assert_eq!(answer.status, 401, "{method} {path}: {case}: {}", answer.text);
            let message = answer.failure(401, "UNAUTHORIZED");
            assert!(message.contains(reason), "{method} {path}: {case}: {message}");
            assert!(answer.header("www-authenticate").starts_with(r#"Bearer error="invalid_token""#), "{case}");
        }
    }
    for (method, path, body) in routes(&ticket) {
        for token in &sound {
            let answer = desks.ask(request(method.clone(), &path, Some(token), body.clone())).await;
            assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
        }
    }
    // Our own beside it.
    assert_eq!(desks.get(&customer(ANN), TICKETS).await.status, 200);
    assert_eq!(idp.fetches(), 1, "none of them was worth a question");
}

#[tokio::test]
async fn without_a_secret_no_hs256_token_counts() {
    let ec = Signer::ec("two");
    let idp = Idp::with(&[&ec]).await;
    let (desks, _keeper) = trusting(provider(&idp.url), None).await;
    let ours = json!({ "sub": ANN, "role": "customer", "exp": in_an_hour() });
    for secret in ["", SECRET] {
        let token =
            encode(&Header::new(Algorithm::HS256), &ours, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
        desks.get(&token, TICKETS).await.failure(401, "UNAUTHORIZED");
    }
    assert_eq!(desks.get(&ec.sign(&ann(json!({}))), TICKETS).await.status, 200);
    // Nor does a provider's without a provider.
    let alone = Desks::new().await;
    alone.get(&ec.sign(&ann(json!({}))), TICKETS).await.failure(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_keycloak_token_is_who_its_claims_say() {
    let rsa = Signer::rsa("one");
    let idp = Idp::with(&[&rsa]).await;
    let (desks, _keeper) = trusting(provider(&idp.url), Some(SECRET)).await;
    let (support, billing) = (desks.ticket("support").await, desks.ticket("billing").await);

    let eve = rsa.sign(&with("desks", json!(["billing"])));
    let listed = desks.get(&eve, TICKETS).await.ok(200);
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &json!(billing)));
    desks.get(&eve, &sync_of(&support)).await.failure(404, "NOT_FOUND");
    desks.post(&eve, &messages_of(&billing), json!({ "content": "hello" })).await.ok(201);

    let ann = rsa.sign(&ann(json!({})));
    let seen = desks.get(&ann, &sync_of(&billing)).await.ok(200);
    assert!(seen.to_string().contains("Eve Adams"), "{seen}");
    assert_eq!(desks.get(&ann, TICKETS).await.ok(200).as_array().unwrap().len(), 2);
    let admin = rsa.sign(&with("realm_access", json!({ "roles": ["helpdesk-agent", "helpdesk-admin"] })));
    assert_eq!(desks.get(&admin, TICKETS).await.ok(200).as_array().unwrap().len(), 2);
    assert_eq!(desks.get(&admin, "/metrics").await.status, 200);
    assert!(desks.post(&admin, &of(&support, "close"), json!({})).await.status.is_success());

    let program =
        |scope: &str| rsa.sign(&keycloak(json!({ "realm_access": { "roles": ["helpdesk-cron"] }, "scope": scope })));
    desks.get(&program("openid profile"), TICKETS).await.failure(403, "FORBIDDEN");
    assert_eq!(desks.get(&program("openid tickets:read"), TICKETS).await.ok(200).as_array().unwrap().len(), 2);
    let open = json!({ "jid": "bob@example.com", "message": "hi" });
    desks.post(&program("tickets:read"), TICKETS, open.clone()).await.failure(403, "FORBIDDEN");
    desks.post(&program("tickets:write"), TICKETS, open).await.ok(201);

    let nobody = rsa.sign(&with("realm_access", json!({ "roles": ["default-roles-tea"] })));
    for (method, path) in every_route() {
        let answer = desks.ask(request(method, &path, Some(&nobody), None)).await;
        let message = answer.failure(403, "FORBIDDEN");
        assert!(message.contains("auth.roles"), "{message}");
    }
}
