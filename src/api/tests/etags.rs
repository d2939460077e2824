//! Entity tags (RFC 9110 §8.8.3): on every route that answers JSON.

use super::{
    stage::{Asker, Stage, askers, check, operations, sample_of},
    *,
};
use crate::api::routes::table;

/// Whoever has an answer already is told so, on every route that answers JSON.
#[tokio::test]
async fn what_is_read_again_unchanged_is_not_sent_again() {
    let stage = Stage::new().await;
    let (mut tagged, mut others) = (0, Vec::new());
    for route in table() {
        for (_, operation) in operations(&route).into_iter().filter(|(method, _)| *method == Method::GET) {
            let sample = sample_of(&operation);
            let access = route.access.unwrap();
            let is_for = |asker: &Asker| asker.owns && access.admits(&check(&asker.token));
            let Asker { token, .. } = askers().into_iter().rfind(is_for).unwrap();
            let scene = stage.scene(&sample, &token).await;
            let ask = async |tags: Option<&str>| {
                let mut request = scene.request(&Method::GET, &sample, Some(&token));
                if let Some(tags) = tags {
                    request.headers_mut().insert("if-none-match", tags.parse().unwrap());
                }
                stage.desks.ask(request).await
            };
            let first = ask(None).await;
            if first.headers["content-type"] != "application/json" || first.status != 200 {
                others.push(operation);
                stage.clear(&scene).await;
                continue;
            }
            let tag = first.header("etag").to_owned();
            for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
                let again = ask(Some(&known)).await;
                assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""), "{operation} {known}");
                assert_eq!(again.header("etag"), tag, "{operation}");
                assert!(again.headers.get("content-type").is_none() && again.headers.contains_key("x-request-id"));
            }
            assert_eq!(ask(Some("\"x\"")).await.ok(200), first.json(), "{operation}");
            ask(Some("x")).await.failure(400, "BAD_REQUEST");
            if sample.path.contains("{t}") || operation.ends_with("_list") && operation.starts_with("ticket") {
                let tags = json!({ "tags": [operation] });
                stage.desks.put(&admin(), &of(&scene.ticket, "tags"), tags).await.ok(200);
                let has_changed = ask(Some(&tag)).await.status == 200;
                assert_eq!(has_changed, operation.starts_with("ticket"), "{operation}");
            }
            stage.clear(&scene).await;
            tagged += 1;
        }
    }
    others.sort();
    assert_eq!(others, ["attachment_show", "customer_export", "event_listen", "metrics_show"]);
    assert!(tagged > 10, "{tagged}");
}

#[tokio::test]
async fn the_tag_of_a_ticket_is_good_for_a_change_and_holds_more_than_its_version() {
    let stage = Stage::new().await;
    let sample = sample_of("occupant_list");
    let scene = stage.scene(&sample, &admin()).await;
    let path = format!("{TICKETS}/{}", scene.ticket);
    let shown = stage.desks.get(&admin(), &path).await;
    let tag = shown.header("etag").to_owned();
    let (version, there) = (shown.json()["version"].clone(), shown.json()["participants"].clone());
    assert!(tag.starts_with(&format!("\"{version}-")) && there.as_array().unwrap().len() == 1, "{tag} {there}");
    // Somebody leaves the room: the ticket has no new version, and the answer is another all the same.
    let left = sample_of("occupant_go");
    stage.desks.ask(scene.request(&Method::DELETE, &left, Some(&program(&["rooms:write"])))).await.ok(200);
    let mut again = request(Method::GET, &path, Some(&admin()), None);
    again.headers_mut().insert("if-none-match", tag.parse().unwrap());
    let again = stage.desks.ask(again).await;
    let newer = again.header("etag").to_owned();
    assert_eq!((&again.ok(200)["version"], newer == tag), (&version, false));
    // For a change the version alone counts.
    let tags = json!({ "tags": ["tea"] });
    let changed = stage.desks.change(&admin(), &scene.ticket, "tags", tags.clone(), &tag).await.ok(200);
    assert_ne!(changed["version"], version);
    stage.desks.change(&admin(), &scene.ticket, "tags", tags, &newer).await.overtaken();
}

/// What the staff does among itself is nothing that a customer can tell: neither by a tag nor by a version or a cursor.
#[tokio::test]
async fn a_customer_cannot_tell_that_the_staff_wrote_a_note() {
    let desks = Desks::new().await;
    let (ticket, ann, eve) = (desks.ticket("support").await, customer(ANN), agent("eve"));
    desks.post(&eve, &of(&ticket, "claim"), json!({})).await.ok(200);
    let one = format!("{TICKETS}/{ticket}");
    let seq = desks.get(&ann, &sync_of(&ticket)).await.ok(200)["seq"].clone();
    let cursor = desks.get(&ann, "/api/v1/xmpp/sync").await.ok(200)["next_cursor"].as_str().unwrap().to_owned();
    let paths = [
        TICKETS.to_owned(),
        one.clone(),
        sync_of(&ticket),
        format!("{}?after={seq}", sync_of(&ticket)),
        "/api/v1/xmpp/sync".to_owned(),
        format!("/api/v1/xmpp/sync?cursor={cursor}"),
    ];
    let tags = async |token: &str| {
        let mut tags = Vec::new();
        for path in &paths {
            tags.push(desks.get(token, path).await.header("etag").to_owned());
        }
        tags
    };
    let again = async |token: &str, path: &str, tag: &str| {
        let mut request = request(Method::GET, path, Some(token), None);
        request.headers_mut().insert("if-none-match", tag.parse().unwrap());
        desks.ask(request).await.status.as_u16()
    };
    let (of_ann, of_eve) = (tags(&ann).await, tags(&eve).await);
    for (what, body) in [
        ("notes", json!({ "content": "knows us" })),
        ("tags", json!({ "tags": ["tea"] })),
        ("snooze", json!({ "for": "2h" })),
    ] {
        desks.post(&eve, &of(&ticket, what), body).await.ok(200);
        for ((path, known), seen) in paths.iter().zip(&of_ann).zip(&of_eve) {
            assert_eq!(again(&ann, path, known).await, 304, "{what} {path}");
            assert_eq!(again(&eve, path, seen).await, 200, "{what} {path}");
        }
    }
    // What is said to the customer is another answer everywhere.
    desks.post(&eve, &messages_of(&ticket), json!({ "content": "It comes" })).await.ok(201);
    for (path, known) in paths.iter().zip(&of_ann) {
        assert_eq!(again(&ann, path, known).await, 200, "{path}");
    }
    // And the version that the customer knows stands for a change, whatever was noted since.
    let version = desks.get(&ann, &one).await.ok(200)["version"].clone();
    desks.post(&eve, &of(&ticket, "notes"), json!({ "content": "is friendly" })).await.ok(200);
    let resolved = desks.change(&ann, &ticket, "resolve", json!({}), &format!("\"{version}\"")).await.ok(200);
    assert_ne!(resolved["version"], version);
    desks
        .change(&ann, &ticket, "messages", json!({ "content": "Thanks" }), &format!("\"{version}\""))
        .await
        .overtaken();
}
