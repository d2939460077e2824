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
