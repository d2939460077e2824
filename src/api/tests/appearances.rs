//! What is told of who is there: real changes, of whom somebody may act on, and to whom.

use deskbridge_entity::{event, notice, presence_told};
use jid::BareJid;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

use super::*;
use crate::helpdesk::{Caller, Presence};

const SUE: &str = "sue@staff.example.org";
const KIM: &str = "kim@staff.example.org";

impl Desks {
    /// A client shows something, which is told as far as it is to be.
    pub(super) async fn shows(&self, jid: &str, available: bool, show: Option<&str>) {
        let presence =
            Presence { jid: jid.parse().unwrap(), available, show: show.map(Into::into), text: Some("at tea".into()) };
        self.api.helpdesk.note_presence(presence).await.unwrap();
        // The note is only queued; this waits for the commit that it has at the latest.
        self.api.helpdesk.resend_unconfirmed(Duration::ZERO).await.unwrap();
        self.tell_of(&[jid.split('/').next().unwrap()]).await;
    }

    async fn tell_of(&self, of: &[&str]) {
        self.api.helpdesk.tell_appearances(of.iter().map(ToString::to_string).collect()).await.unwrap();
    }

    /// Time passes.
    pub(super) async fn later(&self, seconds: u64) {
        self.api.helpdesk.clock().advance(Duration::from_secs(seconds));
        self.tell_of(&[]).await;
    }

    /// The events of who is there, without the first `skip`.
    async fn presences(&self, skip: usize) -> Vec<Value> {
        let rows = event::Entity::find().filter(event::Column::Kind.eq("presence.updated"));
        let rows = rows.order_by_asc(event::Column::Seq).all(self.store.read()).await.unwrap();
        rows.into_iter().skip(skip).map(|row| row.data).collect()
    }

    pub(super) async fn bind(&self, id: &str, body: Value) {
        self.put(&admin(), &format!("/api/v1/xmpp/agents/{id}"), body).await.ok(201);
        self.tell_of(&[]).await;
    }
}

/// A customer's event.
fn ann(available: bool, show: Option<&str>, desks: &[&str]) -> Value {
    json!({
        "jid": ANN, "available": available, "show": show, "text": null, "source": "xmpp", "agent_id": null,
        "on_duty": null, "desks": desks
    })
}

#[tokio::test]
async fn of_customers_with_a_live_ticket_changes_are_told_and_of_all_others_nothing() {
    let desks = Desks::new().await;
    desks.shows("ann@example.com/phone", true, None).await;
    desks.shows("bob@example.com/phone", true, None).await;
    assert_eq!(desks.presences(0).await, [] as [Value; 0]);
    let ticket = desks.ticket("support").await;
    desks.ticket("billing").await;
    assert_eq!(desks.presences(0).await, [] as [Value; 0]);

    desks.shows("ann@example.com/phone", true, Some("away")).await;
    desks.later(60).await;
    // The best of her clients, and each thing once.
    desks.shows("ann@example.com/phone", true, Some("away")).await;
    desks.shows("ann@example.com/desk", true, Some("xa")).await;
    desks.shows("ann@example.com/desk", false, None).await;
    let both = ["billing", "support"];
    assert_eq!(desks.presences(0).await, [ann(true, Some("away"), &both)]);
    desks.shows("ann@example.com/desk", true, Some("chat")).await;
    desks.later(60).await;
    desks.shows("ann@example.com/phone", false, None).await;
    desks.later(60).await;
    desks.shows("ann@example.com/desk", false, None).await;
    let told = [ann(true, Some("chat"), &both), ann(false, None, &both)];
    assert_eq!(desks.presences(1).await, told);

    desks.post(&admin(), &of(&ticket, "close"), json!({})).await.ok(200);
    desks.later(60).await;
    desks.shows("ann@example.com/desk", true, None).await;
    assert_eq!(desks.presences(3).await, [ann(true, None, &["billing"])]);
    for ticket in desks.get(&admin(), TICKETS).await.ok(200).as_array().unwrap() {
        desks.post(&admin(), &of(ticket["id"].as_str().unwrap(), "close"), json!({})).await;
    }
    desks.later(60).await;
    desks.shows("ann@example.com/desk", false, None).await;
    assert_eq!(desks.presences(4).await, [] as [Value; 0]);
    let known = presence_told::Entity::find_by_id(ANN).one(desks.store.read()).await.unwrap();
    assert_eq!(known, None, "nothing is kept of who is nobody's business");
}

#[tokio::test]
async fn a_client_that_comes_and_goes_all_the_time_is_told_of_now_and_then() {
    let desks = Desks::new().await;
    desks.ticket("support").await;
    for _ in 0..10 {
        desks.shows("ann@example.com/phone", true, None).await;
        desks.shows("ann@example.com/phone", true, Some("away")).await;
    }
    assert_eq!(desks.presences(0).await, [ann(true, None, &["support"])]);
    let next = desks.api.helpdesk.next_appearance().await.unwrap();
    assert!(next.is_some_and(|at| at > desks.api.helpdesk.clock().now()));
    desks.later(30).await;
    assert_eq!(desks.presences(1).await, [ann(true, Some("away"), &["support"])]);
    // What is as it was when the time comes is no change.
    desks.shows("ann@example.com/phone", true, None).await;
    desks.shows("ann@example.com/phone", true, Some("away")).await;
    desks.later(30).await;
    assert_eq!(desks.presences(2).await, [] as [Value; 0]);
    assert_eq!(desks.api.helpdesk.next_appearance().await.unwrap(), None);
}

#[tokio::test]
async fn a_new_link_changes_nothing_until_it_has_settled() {
    let desks = Desks::new().await;
    desks.bind("sue", json!({ "jid": SUE, "desks": ["support"] })).await;
    let bob = "bob@example.com";
    desks.ticket("support").await;
    let tea = desks.post(&customer(bob), TICKETS, json!({ "jid": bob, "message": "Tea?" })).await.ok(201);
    for jid in ["ann@example.com/phone", "bob@example.com/phone", "sue@staff.example.org/desk"] {
        desks.shows(jid, true, None).await;
    }
    let jids = |told: Vec<Value>| told.into_iter().map(|told| told["jid"].clone()).collect::<Vec<_>>();
    desks.later(60).await;
    assert_eq!(jids(desks.presences(0).await), [ANN, bob, SUE, "support@help.example.org"]);

    desks.api.helpdesk.forget_xmpp_presence().await.unwrap();
    desks.tell_of(&[ANN, bob, SUE]).await;
    // Of two clients the lesser answers first.
    desks.shows("ann@example.com/desk", true, Some("xa")).await;
    desks.shows("ann@example.com/phone", true, None).await;
    desks.shows("sue@staff.example.org/desk", true, None).await;
    assert_eq!(desks.presences(4).await, [] as [Value; 0]);
    desks.later(61).await;
    assert_eq!(jids(desks.presences(4).await), [bob], "who did not come back is gone");
    assert_eq!(desks.presences(4).await[0]["available"], false);

    // The agent does not come back either, and with her the desk is alone. Whose ticket has ended is forgotten.
    let tea = tea["ticket_id"].as_str().unwrap();
    desks.post(&admin(), &of(tea, "close"), json!({})).await.ok(200);
    desks.api.helpdesk.forget_xmpp_presence().await.unwrap();
    desks.shows("ann@example.com/phone", true, None).await;
    desks.later(61).await;
    let told = desks.presences(5).await;
    assert_eq!(jids(told.clone()), [SUE, "support@help.example.org"]);
    assert_eq!((&told[0]["on_duty"], &told[1]["show"]), (&json!(false), &json!("away")));
    assert_eq!(presence_told::Entity::find_by_id(bob).one(desks.store.read()).await.unwrap(), None);
}

#[tokio::test]
async fn agents_come_on_duty_and_go_by_their_clients_and_by_their_word() {
    let desks = Desks::new().await;
    desks.bind("sue", json!({ "jid": SUE, "desks": ["support"] })).await;
    // Whose address is known to nobody shows nothing; the desk says that somebody is there.
    desks.bind("tom", json!({ "desks": ["support"] })).await;
    desks.later(60).await;
    assert_eq!(desks.presences(0).await, [] as [Value; 0]);
    let sue = |available: bool, show: Option<&str>, source: &str, on_duty: bool| {
        json!({
            "jid": SUE, "available": available, "show": show, "text": null, "source": source, "agent_id": "sue",
            "on_duty": on_duty, "desks": ["support"]
        })
    };
    let desk = |show: Option<&str>, text: Option<&str>, on_duty: bool| {
        json!({
            "jid": "support@help.example.org", "available": true, "show": show, "text": text, "source": "duty",
            "agent_id": null, "on_duty": on_duty, "desks": ["support"]
        })
    };
    let away = desks.api.helpdesk.desk("support").unwrap().texts.status_away();
    desks.shows("sue@staff.example.org/desk", true, Some("away")).await;
    assert_eq!(desks.presences(0).await, [sue(true, Some("away"), "xmpp", true), desk(None, None, true)]);
    // On duty she is one way or the other.
    desks.later(60).await;
    desks.shows("sue@staff.example.org/desk", true, None).await;
    assert_eq!(desks.presences(2).await, [] as [Value; 0]);
    desks.shows("sue@staff.example.org/desk", true, Some("dnd")).await;
    assert_eq!(
        desks.presences(2).await,
        [sue(true, Some("dnd"), "xmpp", false), desk(Some("away"), Some(&away), false)]
    );
    // Her own word needs no pause, and what follows from it at the desk does not, either.
    let there = desk(None, None, true);
    let alone = desk(Some("away"), Some(&away), false);
    for (word, on_duty, follows) in [("on", true, &there), ("off", false, &alone), ("off", false, &alone)] {
        desks.post(&admin(), "/api/v1/xmpp/agents/sue/duty", json!({ "duty": word })).await.ok(200);
        desks.tell_of(&[]).await;
        let told = desks.presences(4).await;
        assert_eq!(told[told.len() - 2..], [sue(true, Some("dnd"), "duty", on_duty), follows.clone()]);
    }
    assert_eq!(desks.presences(4).await.len(), 4);
    // What a program says of her is told as that, and is no duty.
    desks.post(&admin(), PRESENCE, json!({ "jid": SUE, "status": "available" })).await.ok(200);
    desks.later(60).await;
    assert_eq!(desks.presences(8).await, [sue(true, None, "rest", false)]);
    // Of who is no agent any more nothing is kept, and nothing told.
    let told = async || presence_told::Entity::find_by_id(SUE).one(desks.store.read()).await.unwrap();
    assert!(told().await.is_some());
    desks.ask(request(Method::DELETE, "/api/v1/xmpp/agents/sue", Some(&admin()), None)).await;
    desks.later(60).await;
    assert_eq!((told().await, desks.presences(9).await.len()), (None, 0));
}

#[tokio::test]
async fn what_a_desk_shows_is_told_when_it_is_another() {
    let desks = Desks::new().await;
    desks.tell_of(&[]).await;
    let shown =
        json!({ "jid": "support@help.example.org", "status": "available", "show": "xa", "text": "Back on Monday" });
    for _ in 0..2 {
        desks.post(&admin(), PRESENCE, shown.clone()).await.ok(200);
        desks.tell_of(&["support@help.example.org"]).await;
    }
    desks.post(&admin(), PRESENCE, json!({ "jid": shown["jid"], "status": "available" })).await.ok(200);
    desks.later(60).await;
    let told = |show: Option<&str>, text: Option<&str>, source: &str| {
        json!({
            "jid": shown["jid"], "available": true, "show": show, "text": text, "source": source, "agent_id": null,
            "on_duty": null, "desks": ["support"]
        })
    };
    assert_eq!(desks.presences(0).await, [told(Some("xa"), Some("Back on Monday"), "rest"), told(None, None, "duty")]);
}

/// An event of what was said over REST.
fn said(jid: &str, available: bool, show: Option<&str>, desks: &[&str]) -> Value {
    let mut said = ann(available, show, desks);
    (said["jid"], said["source"]) = (json!(jid), json!("rest"));
    said
}

impl Desks {
    /// Somebody says over REST what is there of whom, so many times; what that changes is told as far as it is to be.
    async fn says(&self, token: &str, (jid, show): (&str, Option<&str>), times: u32) {
        let status = if show == Some("gone") { "unavailable" } else { "available" };
        let show = show.filter(|show| *show != "gone");
        for _ in 0..times {
            self.post(token, PRESENCE, json!({ "jid": jid, "status": status, "show": show })).await.ok(200);
            self.tell_of(&[jid.split('/').next().unwrap()]).await;
        }
    }
}

const FIRST: &str = "ann@example.com/a";
const SECOND: &str = "ann@example.com/b";

#[tokio::test]
async fn what_the_staff_and_programs_say_of_a_customer_is_told_at_once_where_it_is_a_change() {
    for teller in [admin(), agent("eve"), program(&["tickets:write"])] {
        let desks = Desks::new().await;
        desks.ticket("support").await;
        let told =
            |show: Option<&str>| said(ANN, show != Some("gone"), show.filter(|show| *show != "gone"), &["support"]);
        desks.says(&teller, (FIRST, Some("chat")), 1).await;
        desks.says(&teller, (SECOND, Some("away")), 3).await;
        assert_eq!(desks.presences(0).await, [told(Some("chat"))], "the other still speaks for her");
        desks.says(&teller, (FIRST, Some("gone")), 2).await;
        desks.says(&teller, (ANN, Some("dnd")), 40).await;
        assert_eq!(desks.presences(1).await, [told(Some("away")), told(Some("dnd"))]);
        for show in [None, Some("gone"), None] {
            desks.says(&teller, (ANN, show), 1).await;
        }
        assert_eq!(desks.presences(3).await, [told(None), told(Some("gone")), told(None)]);
        // What the clients show afterwards is compared with it, and waits.
        desks.shows("ann@example.com/phone", true, None).await;
        desks.shows("ann@example.com/phone", true, Some("xa")).await;
        assert_eq!(desks.presences(6).await, [] as [Value; 0]);
        desks.later(30).await;
        assert_eq!(desks.presences(6).await, [said(ANN, true, Some("away"), &["support"])], "of /b");
    }
}

#[tokio::test]
async fn what_a_customer_says_of_itself_is_told_no_more_often_than_what_a_client_shows() {
    let desks = Desks::new().await;
    let (herself, at) = (customer(ANN), ["support"]);
    desks.says(&herself, (ANN, Some("xa")), 2).await;
    assert_eq!(desks.presences(0).await, [] as [Value; 0], "without a ticket she is nobody's business");
    desks.ticket("support").await;
    desks.says(&herself, (FIRST, Some("chat")), 1).await;
    desks.says(&herself, (SECOND, Some("away")), 3).await;
    desks.says(&herself, (SECOND, Some("away")), 40).await;
    assert_eq!(desks.presences(0).await, [said(ANN, true, Some("chat"), &at)]);
    for show in [Some("gone"), Some("dnd"), None, Some("gone")] {
        desks.says(&herself, (ANN, show), 2).await;
    }
    assert_eq!(desks.presences(1).await, [] as [Value; 0]);
    desks.later(30).await;
    assert_eq!(desks.presences(1).await, [said(ANN, false, None, &at)]);
    // Of what she says and what her clients show the newest counts.
    desks.later(60).await;
    desks.shows("ann@example.com/phone", true, Some("chat")).await;
    desks.later(60).await;
    desks.says(&herself, (ANN, Some("chat")), 1).await;
    assert_eq!(desks.presences(2).await, [ann(true, Some("chat"), &at)]);
}

#[tokio::test]
async fn of_others_the_staff_and_programs_may_speak_and_changes_are_told() {
    let desks = Desks::new().await;
    desks.bind("sue", json!({ "jid": SUE, "desks": ["support"] })).await;
    let bob = "bob@example.com";
    for teller in [admin(), program(&["tickets:write"])] {
        desks.says(&teller, ("bob@example.com/a", Some("away")), 3).await;
        desks.says(&teller, ("bob@example.com/b", Some("xa")), 3).await;
    }
    desks.says(&customer(bob), (bob, None), 1).await;
    desks.says(&admin(), (bob, None), 2).await;
    desks.says(&admin(), (bob, Some("gone")), 2).await;
    let told = [said(bob, true, Some("away"), &[]), said(bob, false, None, &[])];
    assert_eq!(desks.presences(0).await, told, "what he said himself has changed nothing that is told");
    assert_eq!(presence_told::Entity::find_by_id(bob).one(desks.store.read()).await.unwrap(), None);

    // An agent's address is told of with its agent, and such a word puts nobody on duty nor tells anybody of what waits.
    let ticket = desks.ticket("support").await;
    desks.post(&agent("eve"), &of(&ticket, "claim"), json!({})).await.ok(200);
    desks.post(&agent("eve"), &of(&ticket, "release"), json!({ "to": "queue" })).await.ok(200);
    let notices = async || notice::Entity::find().count(desks.store.read()).await.unwrap();
    let before = notices().await;
    desks.says(&program(&["tickets:write"]), ("sue@staff.example.org/x", Some("chat")), 40).await;
    let sue = &desks.presences(2).await[0];
    assert_eq!((&sue["jid"], &sue["agent_id"], &sue["on_duty"]), (&json!(SUE), &json!("sue"), &json!(false)));
    assert_eq!(desks.presences(3).await, [] as [Value; 0]);
    assert_eq!(notices().await, before);
    desks.shows("sue@staff.example.org/desk", true, None).await;
    assert_eq!(notices().await, before + 1, "that her client says");
}

#[tokio::test]
async fn it_concerns_somebody_who_is_there_of_customers_with_live_tickets_agents_and_desks() {
    let desks = Desks::new().await;
    desks.bind("sue", json!({ "jid": SUE, "desks": ["support"] })).await;
    let ticket = desks.ticket("support").await;
    let all = [ANN, "bob@example.com", "support@help.example.org", SUE].map(str::to_owned).into();
    let concerned = desks.api.helpdesk.concerned(&all).await.unwrap();
    assert_eq!(concerned.iter().collect::<Vec<_>>(), [ANN, SUE, "support@help.example.org"]);
    desks.post(&admin(), &of(&ticket, "close"), json!({})).await.ok(200);
    assert!(!desks.api.helpdesk.concerned(&all).await.unwrap().contains(ANN));
    // Of whom something was told nothing is to be kept.
    let ticket = desks.ticket("support").await;
    desks.shows("ann@example.com/phone", true, None).await;
    desks.post(&admin(), &of(&ticket, "close"), json!({})).await.ok(200);
    assert!(desks.api.helpdesk.concerned(&all).await.unwrap().contains(ANN));
    desks.tell_of(&[ANN]).await;
    assert!(!desks.api.helpdesk.concerned(&all).await.unwrap().contains(ANN));
}

#[tokio::test]
async fn an_erasure_tells_nothing_and_leaves_nothing_of_what_was_told() {
    let desks = Desks::new().await;
    desks.ticket("support").await;
    let hook = json!({ "url": "https://hooks.example.org/", "events": ["presence.*"] });
    desks.hook(hook).await;
    desks.shows("ann@example.com/phone", true, None).await;
    assert_eq!(desks.delivered().await.len(), 1);
    let (helpdesk, ann) = (&desks.api.helpdesk, BareJid::new(ANN).unwrap());
    helpdesk.erase_customer(&Caller::customer(&ann), &ann).await.unwrap();
    desks.later(120).await;
    desks.shows("ann@example.com/phone", false, None).await;
    assert_eq!(desks.presences(0).await, [json!({ "erased": true })]);
    assert!(desks.delivered().await.is_empty());
    assert_eq!(presence_told::Entity::find_by_id(ANN).one(desks.store.read()).await.unwrap(), None);
    // Also in the commit that tells.
    desks.ticket("support").await;
    desks.later(120).await;
    let presence = Presence { jid: "ann@example.com/phone".parse().unwrap(), available: true, show: None, text: None };
    helpdesk.note_presence(presence).await.unwrap();
    helpdesk.resend_unconfirmed(Duration::ZERO).await.unwrap();
    let herself = Caller::customer(&ann);
    let (told, erased) =
        tokio::join!(helpdesk.tell_appearances([ANN.to_owned()].into()), helpdesk.erase_customer(&herself, &ann));
    told.unwrap();
    erased.unwrap();
    assert!(desks.presences(0).await.iter().all(|told| *told == json!({ "erased": true })));
    assert_eq!(presence_told::Entity::find_by_id(ANN).one(desks.store.read()).await.unwrap(), None);
}

#[tokio::test]
async fn the_log_says_for_a_week_who_was_there() {
    let desks = Desks::new().await;
    desks.ticket("support").await;
    desks.shows("ann@example.com/phone", true, None).await;
    desks.later(6 * 24 * 3600).await;
    desks.shows("ann@example.com/phone", false, None).await;
    desks.api.helpdesk.sweep().await.unwrap();
    assert_eq!(desks.presences(0).await.len(), 2);
    desks.later(25 * 3600).await;
    desks.api.helpdesk.sweep().await.unwrap();
    assert_eq!(desks.presences(0).await, [ann(false, None, &["support"])]);
    let old = event::Entity::find().filter(event::Column::Kind.eq("presence.forgotten"));
    assert_eq!(old.one(desks.store.read()).await.unwrap().unwrap().data, json!({}));
}

#[tokio::test]
async fn a_webhook_is_told_of_its_desks_agents_and_customers() {
    let desks = Desks::new().await;
    desks.bind("sue", json!({ "jid": SUE, "desks": ["support"] })).await;
    desks.bind("joe", json!({ "jid": "joe@staff.example.org" })).await;
    desks.bind("kim", json!({ "jid": KIM, "desks": ["support", "billing"] })).await;
    for (host, limit) in [("all", Value::Null), ("billing", json!(["billing"]))] {
        let url = format!("https://hooks.example.org/{host}");
        desks.hook(json!({ "url": url, "events": ["presence.updated"], "desks": limit })).await;
    }
    desks.ticket("billing").await;
    desks.ticket("support").await;
    for jid in [
        "ann@example.com/phone",
        "sue@staff.example.org/desk",
        "joe@staff.example.org/desk",
        "kim@staff.example.org/desk",
    ] {
        desks.shows(jid, true, None).await;
        desks.later(60).await;
    }
    let (mut all, mut billing) = (Vec::new(), Vec::new());
    let hooks = desks.get(&admin(), WEBHOOKS).await.ok(200);
    let limited = hooks.as_array().unwrap().iter().find(|hook| hook["desks"].is_array()).unwrap()["id"].clone();
    for row in desks.delivered().await {
        let body = desks.body(&row).await.unwrap();
        assert!(!body.to_string().contains("/phone") && !body.to_string().contains("/desk"), "{body}");
        let jid = body["data"]["jid"].as_str().unwrap().to_owned();
        if limited == json!(row.webhook_id) { &mut billing } else { &mut all }.push((jid, body));
    }
    let jids = |told: &[(String, Value)]| told.iter().map(|(jid, _)| jid.clone()).collect::<Vec<_>>();
    let (support, money) = ("support@help.example.org", "billing@help.example.org");
    assert_eq!(jids(&all), [ANN, SUE, support, "joe@staff.example.org", money, KIM]);
    assert_eq!(jids(&billing), [ANN, "joe@staff.example.org", money, KIM]);
    // Which other desks it concerns is not for one that is of some.
    let of = |told: &[(String, Value)]| told.iter().map(|(_, body)| body["data"]["desks"].clone()).collect::<Vec<_>>();
    let both = json!(["billing", "support"]);
    let (one, other) = (json!(["billing"]), json!(["support"]));
    assert_eq!(of(&all), [&both, &other, &other, &Value::Null, &one, &json!(["support", "billing"])].map(Clone::clone));
    assert_eq!(of(&billing), [&one, &Value::Null, &one, &one].map(Clone::clone));
    let expected = json!({ "jid": SUE, "status": "available", "source": "xmpp", "agent_id": "sue", "on_duty": true, "desks": ["support"] });
    assert_eq!(all[1].1["data"], expected);
    // Nor what waits for one that has become so.
    let all = hooks.as_array().unwrap().iter().find(|hook| hook["desks"].is_null()).unwrap();
    let path = format!("{WEBHOOKS}/{}", all["id"].as_str().unwrap());
    desks.patch(&admin(), &path, json!({ "desks": ["billing"] }), None).await.ok(200);
    let mut rest = Vec::new();
    for row in desks.delivered().await.iter().filter(|row| all["id"] == json!(row.webhook_id)) {
        rest.extend(desks.body(row).await.map(|body| body["data"]["desks"].clone()));
    }
    assert_eq!(rest, of(&billing));
}
