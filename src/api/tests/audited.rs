//! What the staff changes stands in the audit log, whichever route it was.

use super::{
    stage::{Stage, check, operations, sample_of},
    *,
};
use crate::api::routes::table;

/// What the staff asks of the assistant changes nothing, and a preview does not either.
const NOT_NOTED: [&str; 3] = ["copilot_suggest", "copilot_summarise", "customer_erase"];

#[tokio::test]
async fn every_route_by_which_the_staff_changes_something_leaves_a_row() {
    let stage = Stage::new().await;
    let newest = async || {
        let acts = stage.desks.get(&admin(), "/api/v1/xmpp/audit?limit=1").await.ok(200);
        (acts[0]["id"].clone(), acts[0]["actor"].clone())
    };
    let mut tried = 0;
    for route in table() {
        let access = route.access.unwrap();
        for (method, operation) in operations(&route) {
            let is_noted =
                method != Method::GET && access.admits(&check(&admin())) && !NOT_NOTED.contains(&&*operation);
            if !is_noted {
                continue;
            }
            let sample = sample_of(&operation);
            let root = mint(&claims("somebody-else", Role::Admin));
            let scene = stage.scene(&sample, &root).await;
            let before = newest().await;
            let answer = stage.desks.ask(scene.request(&method, &sample, Some(&root))).await;
            assert!(answer.status.is_success(), "{operation}: {}", answer.text);
            let after = newest().await;
            assert!(before.0 != after.0 && after.1 == "somebody-else", "{operation} left no row");
            stage.clear(&scene).await;
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried}");
}
