//! Who may do what: every route of the table, asked by everybody, of what is their own and of what is not. What is denied
//! changes nothing.

use std::{collections::HashSet, str::FromStr};

use deskbridge_entity::{attachment, copilot::Source, proposal};
use jid::BareJid;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};
use utoipa::openapi::PathItem;
use uuid::Uuid;

use super::*;
use crate::{
    api::{
        access::Foreign,
        routes::{Route, table},
    },
    helpdesk::{Caller, Line, Made, SCOPE_METRICS, SCOPE_READ, SCOPE_ROOMS, SCOPE_WRITE, Work},
};

const SCOPES: [&str; 4] = [SCOPE_READ, SCOPE_WRITE, SCOPE_ROOMS, SCOPE_METRICS];

/// What the ticket is when it is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Live,
    /// The asker's, if the asker is of the staff; else an agent's.
    Claimed,
    Resolved,
}

/// A request that whoever may make it makes with success.
struct Sample {
    path: &'static str,
    body: Value,
    found: Found,
}

fn sample(path: &'static str, body: Value) -> Sample {
    Sample { path, body, found: Found::Live }
}

/// `{t}` is Ann's ticket at the desk `support`; what else stands in braces, [`Scene::fill`] knows. A route without a sample fails the tests.
fn sample_of(operation: &str) -> Sample {
    let get = |path| sample(path, Value::Null);
    let claimed = |sample| Sample { found: Found::Claimed, ..sample };
    match operation {
        "ticket_open" => sample("/api/v1/xmpp/tickets", json!({ "jid": ANN, "message": "hello" })),
        "ticket_list" => get("/api/v1/xmpp/tickets"),
        "ticket_show" => get("/api/v1/xmpp/tickets/{t}"),
        "ticket_sync" => get("/api/v1/xmpp/tickets/{t}/sync"),
        "ticket_claim" => get("/api/v1/xmpp/tickets/{t}/claim"),
        "ticket_release" => claimed(sample("/api/v1/xmpp/tickets/{t}/release", json!({ "to": "assistant" }))),
        "ticket_assign" => sample("/api/v1/xmpp/tickets/{t}/assign", json!({ "agent": "eve" })),
        "ticket_resolve" => get("/api/v1/xmpp/tickets/{t}/resolve"),
        "ticket_reopen" => Sample { found: Found::Resolved, ..get("/api/v1/xmpp/tickets/{t}/reopen") },
        "ticket_close" => get("/api/v1/xmpp/tickets/{t}/close"),
        "ticket_snooze" => sample("/api/v1/xmpp/tickets/{t}/snooze", json!({ "for": "2h" })),
        "ticket_note" => sample("/api/v1/xmpp/tickets/{t}/notes", json!({ "content": "knows us" })),
        "ticket_prioritise" => sample("/api/v1/xmpp/tickets/{t}/priority", json!({ "priority": "HIGH" })),
        "ticket_tag" => sample("/api/v1/xmpp/tickets/{t}/tags", json!({ "tags": ["tea"] })),
        "message_say" => sample("/api/v1/xmpp/tickets/{t}/messages", json!({ "content": "more" })),
        "attachment_show" => get("/api/v1/xmpp/attachments/{file}"),
        "copilot_suggest" => get("/api/v1/xmpp/tickets/{t}/suggestion"),
        "copilot_summarise" => get("/api/v1/xmpp/tickets/{t}/summary"),
        "desk_list" => get("/api/v1/xmpp/desks"),
        "queue_list" => get("/api/v1/xmpp/queue"),
        "usage_list" => get("/api/v1/xmpp/usage"),
        "presence_set" => sample(PRESENCE, json!({ "jid": ANN, "status": "available" })),
        "presence_show" => get("/api/v1/xmpp/presence?jid=ann@example.com"),
        "agent_list" => get("/api/v1/xmpp/agents"),
        "agent_bind" => sample("/api/v1/xmpp/agents/tim", json!({ "desks": ["support"] })),
        "agent_remove" => get("/api/v1/xmpp/agents/mia"),
        "agent_set_duty" => sample("/api/v1/xmpp/agents/sue/duty", json!({ "duty": "on" })),
        "knowledge_list" => get("/api/v1/xmpp/desks/support/knowledge"),
        "knowledge_search" => get("/api/v1/xmpp/desks/support/knowledge/search?q=returns"),
        "knowledge_put" => sample("/api/v1/xmpp/desks/support/knowledge/new/{t}.md", json!("A page.")),
        "knowledge_remove" => get("/api/v1/xmpp/desks/support/knowledge/old/{t}.md"),
        "proposal_list" => get("/api/v1/xmpp/desks/support/proposals"),
        "proposal_approve" => sample("/api/v1/xmpp/proposals/{proposal}/approve", json!({ "title": "Tea" })),
        "proposal_reject" => sample("/api/v1/xmpp/proposals/{proposal}/reject", json!({ "reason": "no" })),
        "room_make" => {
            sample("/api/v1/rooms", json!({ "name": "tea", "session": "new-{t}", "jid": "n-{t}@rooms.example.org" }))
        }
        "room_end" => sample("/api/v1/rooms/{t}", json!({ "jid": "{room}" })),
        "room_list" => get("/api/v1/rooms"),
        "occupant_come" => sample(
            "/api/v1/occupants",
            json!({ "jid": "tom@example.com", "roomJid": "{room}", "nick": "Tom", "role": "participant" }),
        ),
        "occupant_turn" => {
            sample("/api/v1/occupants/ann@example.com%2Fphone", json!({ "roomJid": "{room}", "nick": "Annie" }))
        }
        "occupant_go" => sample("/api/v1/occupants/ann@example.com%2Fphone", json!({ "roomJid": "{room}" })),
        "occupant_list" => get("/api/v1/rooms/{t}/occupants"),
        "event_listen" => get("/api/v1/xmpp/events?after=0"),
        "log_sync" => get("/api/v1/xmpp/sync?limit=500"),
        "webhook_make" => sample(WEBHOOKS, json!({ "url": "https://hooks.example.org/", "events": ["room.*"] })),
        "webhook_list" => get(WEBHOOKS),
        "webhook_show" => get("/api/v1/xmpp/webhooks/{webhook}"),
        "webhook_change" => sample("/api/v1/xmpp/webhooks/{webhook}", json!({ "description": "CRM" })),
        "webhook_remove" => get("/api/v1/xmpp/webhooks/{webhook}"),
        "webhook_rotate" => get("/api/v1/xmpp/webhooks/{webhook}/rotate"),
        "webhook_ping" => get("/api/v1/xmpp/webhooks/{webhook}/ping"),
        "delivery_list" => get("/api/v1/xmpp/webhooks/{webhook}/deliveries"),
        "delivery_replay" => get("/api/v1/xmpp/webhooks/{webhook}/deliveries/{delivery}/replay"),
        "message_redact" => {
            sample("/api/v1/xmpp/tickets/{t}/messages/{message}/redact", json!({ "reason": "a number" }))
        }
        "customer_show" => get("/api/v1/xmpp/customers/ann%40example.com"),
        "customer_export" => get("/api/v1/xmpp/customers/ann%40example.com/export"),
        "customer_erase" => get("/api/v1/xmpp/customers/ann%40example.com?dry_run=true"),
        "audit_list" => get("/api/v1/xmpp/audit"),
        "metrics_show" => get("/metrics"),
        other => panic!("the route {other} needs a request that can be tried"),
    }
}

/// Somebody who asks.
struct Asker {
    who: String,
    token: String,
    /// Whether what belongs to Ann, or to the desk `support`, is the asker's own.
    owns: bool,
}

fn askers() -> Vec<Asker> {
    let support = mint(&Claims { desks: Some(vec!["support".to_owned()]), ..claims("sue", Role::Agent) });
    let asker = |who: &str, token, owns| Asker { who: who.to_owned(), token, owns };
    let scoped = SCOPES.map(|scope| asker(&format!("a program with {scope}"), program(&[scope]), true));
    let mut askers = vec![
        asker("the customer", customer(ANN), true),
        asker("another customer", customer("bob@example.com"), false),
        asker("an agent", support, true),
        asker("an agent of another desk", agent_of("billing"), false),
        asker("an admin", admin(), true),
        asker("a program without scopes", program(&[]), true),
        asker("a program with all scopes", program(&SCOPES), true),
    ];
    askers.extend(scoped);
    askers
}

fn check(token: &str) -> Caller {
    Tokens::new(SECRET).check(token).unwrap()
}

/// Ann's ticket, and what belongs to it.
struct Scene {
    ticket: String,
    file: String,
    proposal: String,
    webhook: String,
    delivery: String,
    message: String,
}

impl Scene {
    fn room(&self) -> String {
        format!("t-{}@rooms.example.org", self.ticket)
    }

    fn fill(&self, text: &str) -> String {
        let text = text.replace("{t}", &self.ticket).replace("{room}", &self.room());
        text.replace("{file}", &self.file)
            .replace("{proposal}", &self.proposal)
            .replace("{webhook}", &self.webhook)
            .replace("{delivery}", &self.delivery)
            .replace("{message}", &self.message)
    }

    fn request(&self, method: &Method, sample: &Sample, token: Option<&str>) -> Request<Body> {
        let body = (!sample.body.is_null()).then(|| self.fill(&sample.body.to_string()));
        request(method.clone(), &self.fill(sample.path), token, body)
    }
}

/// Plays the assistant: what agents ask of it and what they approve is done at once.
async fn assist(helpdesk: Helpdesk) {
    let (worker, lease, none) = (Uuid::now_v7(), Duration::from_secs(60), HashSet::new());
    loop {
        for asked in helpdesk.claim_requests(worker, 8, lease, &none).await.unwrap() {
            let made = Made { text: "Say hello".to_owned(), citations: json!([]), source: Source::Rules };
            helpdesk.settle_request(asked.row.id, Ok(made)).await.unwrap();
        }
        if let Some(Work::Page(row)) = helpdesk.claim_learning(worker, lease, &none).await.unwrap() {
            helpdesk.note_page(row.id, Ok("learned/tea.md".to_owned())).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

struct Stage {
    desks: Desks,
    assistant: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.assistant.abort();
    }
}

impl Stage {
    async fn new() -> Self {
        let desks = Desks::new().await;
        for id in ["eve", "sue", "mia"] {
            desks.put(&admin(), &format!("/api/v1/xmpp/agents/{id}"), json!({ "desks": ["support"] })).await.ok(201);
        }
        let assistant = tokio::spawn(assist(desks.api.helpdesk.clone()));
        Self { desks, assistant }
    }

    /// Everything as the request wants to find it.
    async fn scene(&self, sample: &Sample, asker: &str) -> Scene {
        let Self { desks, .. } = self;
        let helpdesk = &desks.api.helpdesk;
        let ann = BareJid::from_str(ANN).unwrap();
        let mut line = Line::plain("support".to_owned(), ann, None, "https://files.example/cat.png".to_owned());
        line.files = vec![line.body.clone()];
        let received = helpdesk.receive(line).await.unwrap().await.unwrap();
        let ticket = received.ticket.to_string();
        let file = attachment::Entity::find().filter(attachment::Column::MessageId.eq(received.message));
        let file = file.one(desks.store.read()).await.unwrap().unwrap().id.to_string();
        let proposal = proposal::Model {
            id: Uuid::now_v7(),
            desk: "support".to_owned(),
            ticket_id: None,
            state: proposal::State::Proposed,
            title: None,
            question: Some("Is tea hot?".to_owned()),
            answer: Some("It is.".to_owned()),
            source: Some(Source::Rules),
            reason: None,
            page: None,
            similar_to: None,
            version: 1,
            created_at: helpdesk.clock().now(),
            decided_at: None,
            decided_by: None,
            lease_until: None,
            worker: None,
        };
        let proposal = proposal.into_active_model().insert(desks.store.read()).await.unwrap().id.to_string();
        match sample.found {
            Found::Live => {}
            Found::Claimed => {
                let claim = desks.post(asker, &of(&ticket, "claim"), json!({})).await;
                if !claim.status.is_success() {
                    desks.post(&agent("eve"), &of(&ticket, "claim"), json!({})).await.ok(200);
                }
            }
            Found::Resolved => drop(desks.post(&admin(), &of(&ticket, "resolve"), json!({})).await.ok(200)),
        }
        let (mut webhook, mut delivery) = (ticket.clone(), ticket.clone());
        if sample.path.contains("{webhook}") {
            let hook = json!({ "url": "https://hooks.example.org/", "events": ["room.*"] });
            webhook = desks.post(&admin(), WEBHOOKS, hook).await.ok(201)["id"].as_str().unwrap().to_owned();
            let ping = desks.post(&admin(), &format!("{WEBHOOKS}/{webhook}/ping"), json!({})).await.ok(202);
            delivery = ping["delivery_id"].as_str().unwrap().to_owned();
        }
        let message = received.message.to_string();
        let scene = Scene { ticket, file, proposal, webhook, delivery, message };
        if sample.path.contains("/agents/") {
            desks.put(&admin(), "/api/v1/xmpp/agents/mia", json!({ "desks": ["support"] })).await;
        }
        if sample.path.contains("/old/") {
            let shelf = desks.api.library.shelf("support").unwrap();
            shelf.put(PagePath::new(&scene.fill("old/{t}.md")).unwrap(), b"Old.".to_vec()).await.unwrap();
        }
        if !sample.path.contains("/rooms") && !sample.path.contains("/occupants") {
            return scene;
        }
        let row = deskbridge_entity::ticket::ActiveModel {
            id: Set(received.ticket),
            room: Set(Some(scene.room())),
            ..Default::default()
        };
        row.update(desks.store.read()).await.unwrap();
        let feed = program(&["rooms:write"]);
        let room = json!({ "name": "tea", "session": scene.ticket, "jid": scene.room() });
        desks.post(&feed, "/api/v1/rooms", room).await.ok(200);
        let ann = json!({
            "jid": "ann@example.com/phone", "roomJid": scene.room(), "nick": "Ann", "role": "participant",
        });
        desks.post(&feed, "/api/v1/occupants", ann).await.ok(200);
        scene
    }

    async fn clear(&self, scene: &Scene) {
        self.desks.post(&admin(), &of(&scene.ticket, "close"), json!({})).await.ok(200);
        let webhook = format!("{WEBHOOKS}/{}", scene.webhook);
        self.desks.ask(request(Method::DELETE, &webhook, Some(&admin()), None)).await;
    }
}

/// Every operation of a route, with its method.
fn operations(route: &Route) -> Vec<(Method, String)> {
    let of = |item: &PathItem| {
        let methods = [
            (Method::GET, &item.get),
            (Method::PUT, &item.put),
            (Method::POST, &item.post),
            (Method::DELETE, &item.delete),
            (Method::PATCH, &item.patch),
        ];
        let named = |(method, operation): (Method, &Option<utoipa::openapi::path::Operation>)| {
            operation.as_ref().map(|operation| (method, operation.operation_id.clone().unwrap()))
        };
        methods.into_iter().filter_map(named).collect::<Vec<_>>()
    };
    route.paths.paths.values().flat_map(of).collect()
}

#[tokio::test]
async fn every_route_is_open_to_those_it_is_for_and_shut_to_all_others() {
    let stage = Stage::new().await;
    let root = check(&admin());
    let mut tried = 0;
    for route in table() {
        let access = route.access.unwrap();
        for (method, operation) in operations(&route) {
            let sample = sample_of(&operation);
            for Asker { who, token, owns } in askers() {
                let scene = stage.scene(&sample, &token).await;
                let id = scene.ticket.parse().unwrap();
                let before = stage.desks.api.helpdesk.ticket(&root, id).await.unwrap();
                let answer = stage.desks.ask(scene.request(&method, &sample, Some(&token))).await;
                let what = format!("{method} {} by {who}: {} {}", sample.path, answer.status, answer.text);
                let (is_admitted, status) = (access.admits(&check(&token)), answer.status.as_u16());
                match access.foreign() {
                    _ if !is_admitted => assert_eq!(status, 403, "{what}"),
                    Foreign::Hidden if !owns => assert_eq!(status, 404, "{what}"),
                    Foreign::Refused if !owns => assert_eq!(status, 403, "{what}"),
                    Foreign::LeftOut if !owns => {
                        assert_eq!(status, 200, "{what}");
                        assert!(!answer.text.contains(&scene.ticket) && !answer.text.contains(ANN), "{what}");
                    }
                    // A file that is still to be fetched.
                    _ if operation == "attachment_show" => assert_eq!(status, 409, "{what}"),
                    _ => assert!(answer.status.is_success(), "{what}"),
                }
                let after = stage.desks.api.helpdesk.ticket(&root, id).await.unwrap();
                if !answer.status.is_success() {
                    assert_eq!(before, after, "{what}");
                    assert!(owns || !answer.text.contains(ANN), "{what}");
                } else if sample.path.contains("tickets/{t}") && answer.json()["tags"].is_array() {
                    assert_eq!(answer.json()["version"], after.version, "{what}");
                    assert!(!who.contains("customer"), "{what}");
                }
                stage.clear(&scene).await;
                tried += 1;
            }
        }
    }
    assert!(tried > 450, "{tried}");
}

#[tokio::test]
async fn no_route_opens_without_a_token_and_an_id_that_names_nothing_is_404() {
    let stage = Stage::new().await;
    let scene = stage.scene(&sample("", Value::Null), &admin()).await;
    for route in table() {
        for (method, operation) in operations(&route) {
            let sample = sample_of(&operation);
            let none = stage.desks.ask(scene.request(&method, &sample, None)).await;
            none.failure(401, "UNAUTHORIZED");
            if !sample.path.contains("{t}/")
                && !["{file}", "{proposal}", "{webhook}"].iter().any(|id| sample.path.contains(id))
            {
                continue;
            }
            let access = route.access.unwrap();
            for id in [Uuid::now_v7().to_string(), "nonsense".to_owned(), "%00".to_owned(), "%ff".to_owned()] {
                let [ticket, file, proposal, webhook, delivery, message] = std::array::from_fn(|_| id.clone());
                let scene = Scene { ticket, file, proposal, webhook, delivery, message };
                for Asker { who, token, .. } in askers().iter().filter(|asker| access.admits(&check(&asker.token))) {
                    let path = scene.fill(sample.path);
                    let body = (!sample.body.is_null()).then(|| sample.body.to_string());
                    let answer = stage.desks.ask(request(method.clone(), &path, Some(token), body)).await;
                    assert_eq!(answer.status, 404, "{method} {path} by {who}: {}", answer.text);
                }
            }
        }
    }
    for (method, id, body) in [
        (Method::DELETE, "nobody", None),
        (Method::POST, "nobody/duty", Some(json!({ "duty": "off" }).to_string())),
        (Method::DELETE, "%ff", None),
    ] {
        let path = format!("/api/v1/xmpp/agents/{id}");
        stage.desks.ask(request(method, &path, Some(&admin()), body)).await.failure(404, "NOT_FOUND");
    }
    stage.desks.get(&admin(), "/api/v1/xmpp/queue?desk=nowhere").await.failure(404, "NOT_FOUND");
}

/// Where a list takes a desk's name, another desk's is refused.
#[tokio::test]
async fn a_named_desk_is_for_its_own_staff() {
    let stage = Stage::new().await;
    for path in ["/api/v1/xmpp/queue?desk=support", "/api/v1/xmpp/usage?desk=support"] {
        stage.desks.get(&agent_of("billing"), path).await.failure(403, "FORBIDDEN");
        stage.desks.get(&agent_of("support"), path).await.ok(200);
    }
}

/// What people do with a ticket answers with it, and with its version as its entity tag.
#[tokio::test]
async fn a_change_answers_with_the_ticket_as_it_is_then() {
    let stage = Stage::new().await;
    let sue = mint(&Claims { desks: Some(vec!["support".to_owned()]), ..claims("sue", Role::Agent) });
    for (method, operation) in changes() {
        let sample = sample_of(&operation);
        let scene = stage.scene(&sample, &sue).await;
        let token = if ["ticket_assign", "ticket_close"].contains(&&*operation) { admin() } else { sue.clone() };
        let answer = stage.desks.ask(scene.request(&method, &sample, Some(&token))).await;
        let tag = answer.header("etag").to_owned();
        let shown = answer.ok(200);
        assert_eq!((&shown["id"], tag), (&json!(scene.ticket), format!("\"{}\"", shown["version"])), "{operation}");
        stage.clear(&scene).await;
    }
}

/// What people do with a ticket.
fn changes() -> Vec<(Method, String)> {
    let all = table().iter().flat_map(operations).collect::<Vec<_>>();
    let is_change = |(method, name): &(Method, String)| {
        *method != Method::GET && name.starts_with("ticket_") && name != "ticket_open"
    };
    all.into_iter().filter(is_change).collect()
}

#[tokio::test]
async fn a_closed_ticket_is_final_and_can_only_be_described() {
    let stage = Stage::new().await;
    let scene = stage.scene(&sample("", Value::Null), &admin()).await;
    stage.clear(&scene).await;
    for (method, operation) in changes() {
        let sample = sample_of(&operation);
        let answer = stage.desks.ask(scene.request(&method, &sample, Some(&admin()))).await;
        if ["close", "notes", "priority", "tags"].iter().any(|word| sample.path.ends_with(word)) {
            assert_eq!(answer.ok(200)["status"], "CLOSED", "{operation}");
        } else {
            assert_eq!(answer.overtaken().1["status"], "CLOSED", "{operation}");
        }
    }
    let (desks, ticket) = (&stage.desks, &scene.ticket);
    let (reason, seen) = desks.post(&customer(ANN), &of(ticket, "resolve"), json!({})).await.overtaken();
    assert_eq!((reason.as_str(), &seen["tags"]), ("this ticket is closed", &Value::Null), "{seen}");
}

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
