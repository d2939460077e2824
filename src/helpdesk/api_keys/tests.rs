use std::time::Duration;

use super::*;

async fn keys() -> (ApiKeys, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/keys.db?mode=rwc", folder.path().display());
    let store = Store::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    (ApiKeys::new(store, Clock::default()), folder)
}

fn new(name: &str) -> NewApiKey {
    NewApiKey { name: name.to_owned(), scopes: vec!["tickets:read".to_owned()], expires_at: None }
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_name() {
    let (keys, _folder) = keys().await;
    let now = keys.clock().now();
    let scopes = |scopes: &[&str]| scopes.iter().map(ToString::to_string).collect();
    for (wrong, word) in [
        (
            NewApiKey { scopes: scopes(&["tickets:read", "ticket:read"]), ..new("a") },
            "scope: 'ticket:read' is none of tickets:read, tickets:write",
        ),
        (NewApiKey { scopes: scopes(&["*"]), ..new("a") }, "scope"),
        (NewApiKey { scopes: vec![], ..new("a") }, "scope"),
        (NewApiKey { expires_at: Some(now), ..new("a") }, "expires"),
        (new(" "), "name"),
        (new("a\nb"), "name"),
        (new(&"x".repeat(101)), "name"),
        (new("dbk_0123456789"), "name"),
    ] {
        let refused = keys.create(wrong).await.unwrap_err().to_string();
        assert!(refused.contains(word), "{refused}");
    }
    assert!(keys.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_name_is_free_again_when_its_key_is_revoked() {
    let (keys, _folder) = keys().await;
    let first = keys.create(new(" cron ")).await.unwrap();
    let taken = keys.create(new("cron")).await.unwrap_err();
    assert!(matches!(&taken, Error::Conflict(why) if why.contains("'cron'")), "{taken}");
    assert_eq!(keys.revoke("cron").await.unwrap().row().id, first.id());
    assert!(matches!(keys.revoke("cron").await, Err(Error::NotFound(_))));
    let second = keys.create(new("cron")).await.unwrap();
    let by_id = keys.revoke(&format!("dbk_{}", first.id())).await.unwrap();
    assert!(by_id.row().revoked_at.is_some() && !by_id.is(&second));
    assert!(matches!(keys.revoke(first.id()).await, Err(Error::NotFound(_))), "an id has its prefix");
    // A month later nobody remembers the first.
    assert_eq!(keys.known().await.unwrap().len(), 2);
    keys.clock().advance(Duration::from_secs(31 * 86400));
    let known = keys.known().await.unwrap();
    assert_eq!(known.keys().collect::<Vec<_>>(), [second.id()]);
    assert_eq!(keys.list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn there_is_an_end_of_keys() {
    let (keys, _folder) = keys().await;
    let row = |number: u64| api_key::Model {
        id: number.to_string(),
        name: number.to_string(),
        hash: String::new(),
        scopes: Vec::<String>::new().into(),
        created_at: keys.clock().now(),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    let rows = (1..=MOST_KEYS).map(|number| row(number).into_active_model());
    Entity::insert_many(rows).exec_without_returning(keys.store.read()).await.unwrap();
    let refused = keys.create(new("cron")).await.unwrap_err();
    assert!(matches!(&refused, Error::Conflict(why) if why.contains("1000")), "{refused}");
    keys.revoke("7").await.unwrap();
    keys.create(new("cron")).await.unwrap();
}

#[tokio::test]
async fn the_last_use_moves_forward_only() {
    let (keys, _folder) = keys().await;
    let key = keys.create(new("cron")).await.unwrap();
    let now = keys.clock().now();
    for (at, last) in
        [(now, now), (now - TimeDelta::seconds(5), now), (now + TimeDelta::seconds(5), now + TimeDelta::seconds(5))]
    {
        keys.note_used(&[(key.id().to_owned(), at), ("nobody".to_owned(), at)].into()).await.unwrap();
        assert_eq!(keys.list().await.unwrap()[0].row().last_used_at, Some(last));
    }
}
