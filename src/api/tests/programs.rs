//! Keys of programs: what each scope opens, and what opens nothing.

use std::{num::NonZeroU32, time::Instant};

use sea_orm::ConnectionTrait;
use tokio_util::sync::CancellationToken;

use super::{auth::routes, *};
use crate::{
    api::{Programs, Rate},
    helpdesk::{ApiKeys, NewApiKey},
};

const ALL: [&str; 4] = ["tickets:read", "tickets:write", "metrics:read", "rooms:write"];

/// Desks that take keys, with the keys as the command line has them.
struct WithKeys {
    desks: Desks,
    keys: ApiKeys,
    programs: Programs,
}

async fn with_keys() -> WithKeys {
    let desks = Desks::new().await;
    let keys = || ApiKeys::new(desks.store.clone(), desks.api.helpdesk.clock().clone());
    let (programs, keys) = (Programs::new(keys()), keys());
    let identity = desks.api.identity.clone().with_programs(programs.clone());
    let api = Api { identity, ..desks.api.clone() };
    WithKeys { desks: Desks { router: router(api.clone()), api, ..desks }, keys, programs }
}

impl WithKeys {
    async fn key(&self, name: &str, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(ToString::to_string).collect();
        let new = NewApiKey { name: name.to_owned(), scopes, expires_at: None };
        self.keys.create(new).await.unwrap().expose().to_owned()
    }
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_no_more() {
    let stage = with_keys().await;
    let ticket = stage.desks.ticket("support").await;
    let open = json!({ "jid": "bob@example.com", "message": "hi" });
    let room = json!({ "session": "s1", "jid": "tea@rooms.example.org", "name": "Tea" });
    let asked = [
        (Method::GET, TICKETS.to_owned(), None, &["tickets:read", "tickets:write"][..]),
        (Method::GET, sync_of(&ticket), None, &["tickets:read", "tickets:write"]),
        (Method::GET, "/api/v1/xmpp/sync".to_owned(), None, &["tickets:read", "tickets:write"]),
        (Method::POST, TICKETS.to_owned(), Some(open), &["tickets:write"]),
        (Method::POST, messages_of(&ticket), Some(json!({ "content": "hi", "jid": ANN })), &["tickets:write"]),
        (Method::GET, "/metrics".to_owned(), None, &["metrics:read"]),
        (Method::POST, "/api/v1/rooms".to_owned(), Some(room), &["rooms:write"]),
        (Method::POST, of(&ticket, "claim"), None, &[]),
        (Method::GET, "/api/v1/xmpp/agents".to_owned(), None, &[]),
        (Method::DELETE, "/api/v1/xmpp/agents/eve".to_owned(), None, &[]),
    ];
    for scope in ALL {
        let key = stage.key(scope, &[scope]).await;
        // Made a moment ago, it may take a second until it is known.
        let began = Instant::now();
        while stage.desks.get(&key, TICKETS).await.status == 401 {
            assert!(began.elapsed() < SOON, "never known");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for (method, path, body, needed) in &asked {
            let body = body.as_ref().map(ToString::to_string);
            let answer = stage.desks.ask(request(method.clone(), path, Some(&key), body)).await;
            if needed.contains(&scope) {
                assert!(answer.status.is_success(), "{scope}: {method} {path}: {}", answer.text);
            } else {
                answer.failure(403, "FORBIDDEN");
            }
        }
    }
}

#[tokio::test]
async fn no_route_opens_to_a_key_that_is_not_whole_or_has_ended() {
    let stage = with_keys().await;
    let ticket = stage.desks.ticket("support").await;
    let (live, revoked) = (stage.key("live", &ALL).await, stage.key("revoked", &ALL).await);
    let ends = stage.keys.clock().now() + Duration::from_secs(3600);
    let scopes = ALL.map(str::to_owned).to_vec();
    let expires = NewApiKey { name: "short".to_owned(), scopes, expires_at: Some(ends) };
    let expired = stage.keys.create(expires).await.unwrap().expose().to_owned();
    for key in [&live, &revoked, &expired] {
        assert_eq!(stage.desks.get(key, TICKETS).await.status, 200);
    }
    stage.keys.revoke("revoked").await.unwrap();
    let began = Instant::now();
    while stage.desks.get(&revoked, TICKETS).await.status == 200 {
        assert!(began.elapsed() < Duration::from_secs(8), "a revocation is known after five seconds");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stage.desks.api.helpdesk.clock().advance(Duration::from_secs(3601));

    // Another key in all its length, with this one's id; and it is a whole one, by its last letters.
    let elsewhere = with_keys().await.key("other", &ALL).await;
    let mixed = format!("{}{}", &live[..15], &elsewhere[15..]);
    let unfit = [
        (elsewhere, "the token is not valid"),
        (mixed, "the token is not valid"),
        (live[..63].to_owned(), "the token is not valid"),
        (format!("{live}x"), "the token is not valid"),
        (live.to_lowercase(), "the token is not valid"),
        ("dbk_".to_owned(), "the token is not valid"),
        (revoked, "the key was revoked"),
        (expired, "expired"),
    ];
    for (method, path, body) in routes(&ticket) {
        for (key, reason) in &unfit {
            let answer = stage.desks.ask(request(method.clone(), &path, Some(key), body.clone())).await;
            let message = answer.failure(401, "UNAUTHORIZED");
            assert!(message.contains(reason), "{method} {path}: {message}");
        }
    }
    assert_eq!(stage.desks.get(&live, TICKETS).await.status, 200);
    // Without keys there are none.
    Desks::new().await.get(&live, TICKETS).await.failure(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn invented_keys_are_no_work_for_the_database() {
    let stage = with_keys().await;
    let mut invented = Vec::new();
    let elsewhere = with_keys().await;
    for number in 0..100 {
        invented.push(elsewhere.key(&number.to_string(), &ALL).await);
    }
    stage.desks.get(&invented[0], TICKETS).await.failure(401, "UNAUTHORIZED");
    let began = Instant::now();
    stage.desks.store.read().execute_unprepared("DROP TABLE api_key").await.unwrap();
    let mut looked = 0;
    for key in &invented {
        let answer = stage.desks.get(key, TICKETS).await;
        // The database would say that there is no such table.
        looked += u64::from(answer.status == 503);
        assert!(answer.status == 401 || answer.status == 503, "{}", answer.text);
        if looked > 0 {
            break;
        }
    }
    assert!(looked == 0 || began.elapsed() >= Duration::from_millis(900), "asked after {:?}", began.elapsed());
    tokio::time::sleep(Duration::from_millis(1100)).await;
    stage.desks.get(&invented[1], TICKETS).await.failure(503, "UNAVAILABLE");
}

#[tokio::test]
async fn each_key_has_its_own_allowance_and_its_use_is_written() {
    let stage = with_keys().await;
    let (one, two) = (stage.key("one", &ALL).await, stage.key("two", &ALL).await);
    let few = Rate { per_second: NonZeroU32::MIN, burst: NonZeroU32::MIN };
    let rates = Rates::new(|role| (role == Some(Role::Service)).then_some(few));
    let desks = Desks { router: router(Api { rates, ..stage.desks.api.clone() }), ..stage.desks };
    assert_eq!(desks.get(&one, TICKETS).await.status, 200);
    let refused = desks.get(&one, TICKETS).await;
    assert_eq!((refused.status.as_u16(), refused.header("x-ratelimit-remaining")), (429, "0"));
    let used = stage.keys.clock().now();
    assert_eq!(desks.get(&two, TICKETS).await.status, 200);

    assert!(
        stage.keys.list().await.unwrap().iter().all(|key| key.row().last_used_at.is_none()),
        "not with each request"
    );
    let stop = CancellationToken::new();
    stop.cancel();
    stage.programs.keep(stop).await;
    for key in stage.keys.list().await.unwrap() {
        assert!(key.row().last_used_at.is_some_and(|at| at >= used - Duration::from_secs(60)), "{key:?}");
    }
}
