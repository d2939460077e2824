//! A stage on which every route of the table can be tried: who asks, what there is to ask for, and a request for each route.

use std::{collections::HashSet, str::FromStr};

use deskbridge_entity::{attachment, copilot::Source, proposal};
use jid::BareJid;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};
use uuid::Uuid;

use super::*;
use crate::{
    api::{openapi, routes::Route},
    helpdesk::{Caller, Line, Made, SCOPE_METRICS, SCOPE_READ, SCOPE_ROOMS, SCOPE_WRITE, Work},
};

const SCOPES: [&str; 4] = [SCOPE_READ, SCOPE_WRITE, SCOPE_ROOMS, SCOPE_METRICS];

/// What the ticket is when it is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Live,
    /// The asker's, if the asker is of the staff; else an agent's.
    Claimed,
    Resolved,
}

/// A request that whoever may make it makes with success.
pub(super) struct Sample {
    pub path: &'static str,
    pub body: Value,
    pub found: Found,
}

pub(super) fn sample(path: &'static str, body: Value) -> Sample {
    Sample { path, body, found: Found::Live }
}

/// `{t}` is Ann's ticket at the desk `support`; what else stands in braces, [`Scene::fill`] knows. A route without a sample fails the tests.
pub(super) fn sample_of(operation: &str) -> Sample {
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
pub(super) struct Asker {
    pub who: String,
    pub token: String,
    /// Whether what belongs to Ann, or to the desk `support`, is the asker's own.
    pub owns: bool,
}

pub(super) fn askers() -> Vec<Asker> {
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

pub(super) fn check(token: &str) -> Caller {
    Tokens::new(SECRET).check(token).unwrap()
}

/// Ann's ticket, and what belongs to it.
pub(super) struct Scene {
    pub ticket: String,
    pub file: String,
    pub proposal: String,
    pub webhook: String,
    pub delivery: String,
    pub message: String,
}

impl Scene {
    pub fn room(&self) -> String {
        format!("t-{}@rooms.example.org", self.ticket)
    }

    pub fn fill(&self, text: &str) -> String {
        let text = text.replace("{t}", &self.ticket).replace("{room}", &self.room());
        text.replace("{file}", &self.file)
            .replace("{proposal}", &self.proposal)
            .replace("{webhook}", &self.webhook)
            .replace("{delivery}", &self.delivery)
            .replace("{message}", &self.message)
    }

    pub fn request(&self, method: &Method, sample: &Sample, token: Option<&str>) -> Request<Body> {
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

pub(super) struct Stage {
    pub desks: Desks,
    assistant: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.assistant.abort();
    }
}

impl Stage {
    pub async fn new() -> Self {
        let desks = Desks::new().await;
        for id in ["eve", "sue", "mia"] {
            desks.put(&admin(), &format!("/api/v1/xmpp/agents/{id}"), json!({ "desks": ["support"] })).await.ok(201);
        }
        let assistant = tokio::spawn(assist(desks.api.helpdesk.clone()));
        Self { desks, assistant }
    }

    /// Everything as the request wants to find it.
    pub async fn scene(&self, sample: &Sample, asker: &str) -> Scene {
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

    pub async fn clear(&self, scene: &Scene) {
        self.desks.post(&admin(), &of(&scene.ticket, "close"), json!({})).await.ok(200);
        let webhook = format!("{WEBHOOKS}/{}", scene.webhook);
        self.desks.ask(request(Method::DELETE, &webhook, Some(&admin()), None)).await;
    }
}

/// Every operation of a route, with its method.
pub(super) fn operations(route: &Route) -> Vec<(Method, String)> {
    let all = route.paths.paths.values().flat_map(openapi::operations);
    all.map(|(method, operation)| (method, operation.operation_id.clone().unwrap())).collect()
}
