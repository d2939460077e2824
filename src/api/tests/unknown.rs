//! What a route does not know is refused, and named: in a query always, in a body unless it is one of the reference's.

use super::{
    stage::{Asker, Stage, askers, check, sample_of},
    *,
};
use crate::api::{openapi::operations, routes::table};

/// Operations whose bodies are the reference's: its clients may send more.
const OF_REFERENCE: [&str; 8] = [
    "ticket_open",
    "message_say",
    "presence_set",
    "room_make",
    "room_end",
    "occupant_come",
    "occupant_turn",
    "occupant_go",
];

#[tokio::test]
async fn a_misspelt_parameter_or_field_does_not_go_unnoticed() {
    let stage = Stage::new().await;
    let (mut refused, mut ignored) = (0, Vec::new());
    for route in table() {
        for (method, operation) in route.paths.paths.values().flat_map(operations) {
            let id = operation.operation_id.clone().unwrap();
            let sample = sample_of(&id);
            let is_for = |asker: &Asker| asker.owns && route.access.unwrap().admits(&check(&asker.token));
            let Asker { token, .. } = askers().into_iter().rfind(is_for).unwrap();
            let scene = stage.scene(&sample, &token).await;
            let ask = async |path: &str, body: Option<String>| {
                stage.desks.ask(request(method.clone(), path, Some(&token), body)).await
            };
            let path = scene.fill(sample.path);
            let separator = if path.contains('?') { '&' } else { '?' };
            let body = (!sample.body.is_null()).then(|| scene.fill(&sample.body.to_string()));
            let told = ask(&format!("{path}{separator}statsu=open"), body).await.failure(400, "BAD_REQUEST");
            assert!(told.starts_with("statsu: "), "{id}: {told}");
            let described = serde_json::to_value(operation).unwrap();
            if described["requestBody"]["content"]["application/json"].is_object() {
                let body = if sample.body.is_null() { json!({}) } else { sample.body.clone() };
                let mut body: Value = serde_json::from_str(&scene.fill(&body.to_string())).unwrap();
                body["statsu"] = json!("open");
                let answer = ask(&path, Some(body.to_string())).await;
                if answer.status.is_success() {
                    ignored.push(id);
                } else {
                    let told = answer.failure(422, "INVALID");
                    assert!(told.contains("statsu"), "{id}: {told}");
                    refused += 1;
                }
            }
            stage.clear(&scene).await;
        }
    }
    ignored.sort();
    ignored.dedup();
    let mut expected = OF_REFERENCE.map(str::to_owned);
    expected.sort();
    assert_eq!(ignored, expected);
    assert!(refused > 10, "{refused}");
}
