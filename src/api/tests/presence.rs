//! Presence over REST.

use super::*;
use crate::helpdesk::{Presence, Signal};

async fn seen(desks: &Desks, jid: &str) -> Value {
    desks.get(&agent("eve"), &format!("{PRESENCE}?jid={jid}")).await.ok(200)
}

async fn xmpp_says(desks: &Desks, jid: &str, available: bool, show: Option<&str>) {
    desks.api.helpdesk.clock().advance(Duration::from_secs(1));
    let presence = Presence { jid: jid.parse().unwrap(), available, show: show.map(Into::into), text: None };
    desks.api.helpdesk.note_presence(presence).await.unwrap();
    // The note is queued, not awaited: a write behind it shows that it is done.
    desks.api.helpdesk.mark_sent(vec![], vec![]).await.unwrap();
    let told = json!({ "jid": "fence@example.net", "status": "available" });
    desks.post(&agent("eve"), PRESENCE, told).await.ok(200);
}

#[tokio::test]
async fn what_was_told_is_read_back_and_what_was_not_is_unknown() {
    let desks = Desks::new().await;
    let nothing = json!({
        "jid": ANN, "status": "unknown", "show": null, "text": null, "updated_at": null, "resources": []
    });
    assert_eq!(seen(&desks, ANN).await, nothing);
    let told = json!({ "jid": "Ann@Example.com", "status": "available", "show": "dnd", "text": "at tea" });
    let out = desks.post(&customer(ANN), PRESENCE, told).await.ok(200);
    assert_eq!(out, json!({ "success": true, "jid": ANN, "status": "available", "show": "dnd", "text": "at tea" }));
    let now = seen(&desks, ANN).await;
    assert_eq!((&now["status"], &now["show"], &now["text"]), (&json!("available"), &json!("dnd"), &json!("at tea")));
    assert!(now["updated_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(now["resources"], json!([]));
}

#[tokio::test]
async fn the_last_word_about_the_bare_jid_or_else_the_last_resource_speaks_for_all() {
    let desks = Desks::new().await;
    xmpp_says(&desks, "ann@example.com/phone", true, Some("away")).await;
    xmpp_says(&desks, "ann@example.com/desk", false, None).await;
    let now = seen(&desks, ANN).await;
    assert_eq!((&now["status"], &now["show"]), (&json!("available"), &json!("away")));
    let resources: Vec<_> =
        now["resources"].as_array().unwrap().iter().map(|r| (&r["resource"], &r["status"])).collect();
    assert_eq!(resources, [(&json!("desk"), &json!("unavailable")), (&json!("phone"), &json!("available"))]);
    desks.api.helpdesk.clock().advance(Duration::from_secs(1));
    desks.post(&customer(ANN), PRESENCE, json!({ "jid": ANN, "status": "unavailable" })).await.ok(200);
    assert_eq!(seen(&desks, ANN).await["status"], "unavailable");
    xmpp_says(&desks, "ann@example.com/phone", true, None).await;
    assert_eq!(seen(&desks, ANN).await["status"], "available");
    assert_eq!(seen(&desks, "ann@example.com/desk").await["status"], "unavailable");
}

#[tokio::test]
async fn a_desks_presence_is_told_to_the_link_and_is_available_until_then() {
    let desks = Desks::new().await;
    let mut signals = desks.api.helpdesk.signals();
    let address = "support@help.example.org";
    assert_eq!(seen(&desks, address).await["status"], "available");
    assert_eq!(seen(&desks, "nobody@help.example.org").await["status"], "unknown");
    let told = json!({ "jid": address, "status": "available", "show": "xa", "text": "Back on Monday" });
    desks.post(&agent("eve"), PRESENCE, told.clone()).await.ok(200);
    assert!(matches!(signals.try_recv().unwrap(), Signal::DeskPresence { desk } if desk == "support"));
    assert_eq!(seen(&desks, address).await["show"], "xa");
    // A customer's own presence is nobody's news, and a desk's is not for customers to set.
    desks.post(&customer(ANN), PRESENCE, json!({ "jid": ANN, "status": "available" })).await.ok(200);
    desks.post(&customer(ANN), PRESENCE, told).await.failure(403, "FORBIDDEN");
    assert!(signals.try_recv().is_err());
    let nobody = json!({ "jid": "nobody@help.example.org", "status": "available" });
    desks.post(&agent("eve"), PRESENCE, nobody).await.failure(404, "NOT_FOUND");
}

#[tokio::test]
async fn an_agent_of_one_desk_has_to_do_with_its_customers_only() {
    let desks = Desks::new().await;
    desks.ticket("billing").await;
    let told = json!({ "jid": ANN, "status": "unavailable" });
    let path = format!("{PRESENCE}?jid={ANN}");
    desks.post(&agent_of("support"), PRESENCE, told.clone()).await.failure(403, "FORBIDDEN");
    desks.get(&agent_of("support"), &path).await.failure(403, "FORBIDDEN");
    desks.post(&agent_of("billing"), PRESENCE, told).await.ok(200);
    assert_eq!(desks.get(&agent_of("billing"), &path).await.ok(200)["status"], "unavailable");
}

#[tokio::test]
async fn a_desk_is_shown_as_its_subscribers_see_it() {
    let desks = Desks::new().await;
    let address = "support@help.example.org";
    desks.post(&agent("eve"), PRESENCE, json!({ "jid": address, "status": "available" })).await.ok(200);
    assert_eq!(seen(&desks, address).await["show"], Value::Null);
    desks.bind("sue", json!({ "jid": "sue@staff.example.org", "desks": ["support"] })).await;
    let now = seen(&desks, address).await;
    assert_eq!((&now["status"], &now["show"]), (&json!("available"), &json!("away")));
    assert!(now["text"].as_str().is_some_and(|text| !text.is_empty()), "{now}");
}
