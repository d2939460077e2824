//! What webhooks are told, against what `docs/webhooks.md` says. Every event is made to happen.

use std::collections::{BTreeMap, BTreeSet};

use deskbridge_entity::event;
use sea_orm::EntityTrait;

use super::{webhooks::one, *};
use crate::helpdesk::{Caller, Fetched, Line, PendingFile, Report, happening};

const DOCUMENT: &str = include_str!("../../../docs/webhooks.md");
const ROOM: &str = "tea@rooms.example.org";

/// What was told, each as it was when it happened.
#[derive(Default)]
struct Told(BTreeMap<i64, Value>, BTreeSet<uuid::Uuid>);

impl Told {
    /// Makes the bodies of what is new.
    async fn hear(&mut self, desks: &Desks) {
        for row in desks.delivered().await {
            if self.1.insert(row.id) {
                let place = self.1.len() as i64;
                self.0.extend(desks.body(&row).await.map(|body| (place, body)));
            }
        }
    }
}

impl Desks {
    async fn write(&self, id: &str, body: &str, corrects: Option<&str>) {
        let line = Line {
            desk: "billing".to_owned(),
            customer: jid::BareJid::new(ANN).unwrap(),
            resource: Some("phone".to_owned()),
            chat_states: Some(true),
            body: body.to_owned(),
            files: if body.contains("://") { vec![body.to_owned()] } else { vec![] },
            stanza_id: Some(id.to_owned()),
            archive_id: None,
            written_at: None,
            corrects: corrects.map(str::to_owned),
            reply_to: None,
            markable: false,
            client_id: None,
        };
        self.api.helpdesk.receive(line).await.unwrap().await.unwrap();
    }
}

/// Makes everything happen that a webhook can be told of.
async fn everything(desks: &Desks) -> Vec<Value> {
    let (helpdesk, ann) = (&desks.api.helpdesk, jid::BareJid::new(ANN).unwrap());
    let hook = desks.hook(json!({ "url": "https://hooks.example.org/", "events": ["*"] })).await;
    let mut told = Told::default();
    let ticket = desks.ticket("support").await;
    told.hear(desks).await;
    let eve = agent("eve");
    for (what, body) in [
        ("claim", json!({})),
        ("release", json!({ "to": "queue" })),
        ("claim", json!({})),
        ("release", json!({ "to": "assistant" })),
        ("tags", json!({ "tags": ["tea"] })),
    ] {
        desks.post(&eve, &of(&ticket, what), body).await.ok(200);
        told.hear(desks).await;
    }
    let said = desks.post(&eve, &messages_of(&ticket), json!({ "content": "Put it on the stove." })).await.ok(201);
    let said = said["message_id"].as_str().unwrap().parse().unwrap();
    for report in [Report::Delivered, Report::Read, Report::Failed("gone".to_owned())] {
        helpdesk.note_report(said, &ann, report).await.unwrap();
    }
    desks.post(&eve, &of(&ticket, "resolve"), json!({})).await.ok(200);
    told.hear(desks).await;
    helpdesk.react(said, &ann, vec!["👍".to_owned()]).await.unwrap();
    desks.post(&eve, &of(&ticket, "reopen"), json!({})).await.ok(200);
    desks.post(&admin(), &of(&ticket, "close"), json!({})).await.ok(200);
    told.hear(desks).await;

    desks.write("a1", "Where is my bil?", None).await;
    desks.write("a2", "Where is my bill?", Some("a1")).await;
    for (id, name) in [("f1", "bill.png"), ("f2", "bill.exe")] {
        desks.write(id, &format!("https://up.example.org/{name}"), None).await;
        let file: PendingFile = helpdesk.pending_files(&[], &[], 1).await.unwrap().remove(0);
        let fetched = Fetched { media_type: "image/png".to_owned(), size: 9, sha256: "0".repeat(64) };
        let outcome = if id == "f1" { Ok(fetched) } else { Err("it is of no type that is taken here".to_owned()) };
        helpdesk.settle_file(&file, outcome).await.unwrap();
        told.hear(desks).await;
    }
    helpdesk.retract("billing", &ann, "a2".to_owned()).await.unwrap();
    let redact = format!("messages/{said}/redact");
    desks.post(&admin(), &of(&ticket, &redact), json!({ "reason": "a card number" })).await.ok(200);
    told.hear(desks).await;

    let prosody = program(&["rooms:write"]);
    let occupant = "/api/v1/occupants/ann%40example.com%2Fphone";
    let there = json!({ "jid": format!("{ANN}/phone"), "roomJid": ROOM, "nick": "Ann", "role": "participant" });
    for (method, path, body) in [
        (Method::POST, "/api/v1/rooms", json!({ "name": "tea", "session": "s1", "jid": ROOM })),
        (Method::POST, "/api/v1/occupants", there),
        (Method::PUT, occupant, json!({ "roomJid": ROOM, "nick": "Annie" })),
        (Method::DELETE, occupant, json!({ "roomJid": ROOM })),
        (Method::DELETE, "/api/v1/rooms/s1", json!({ "jid": ROOM })),
    ] {
        let answer = desks.ask(request(method, path, Some(&prosody), Some(body.to_string()))).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        told.hear(desks).await;
    }
    desks.bind("sue", json!({ "jid": "sue@staff.example.org", "name": "Sue", "desks": ["support"] })).await;
    desks.shows("sue@staff.example.org/desk", true, Some("away")).await;
    desks.later(60).await;
    desks.shows("sue@staff.example.org/desk", false, None).await;
    told.hear(desks).await;
    let presence = json!({ "jid": format!("{ANN}/phone"), "status": "available" });
    desks.post(&admin(), PRESENCE, presence).await.ok(200);
    desks.post(&admin(), &one(hook["id"].as_str().unwrap(), "/ping"), json!({})).await.ok(202);
    told.hear(desks).await;
    helpdesk.erase_customer(&Caller::customer(&ann), &ann).await.unwrap();
    told.hear(desks).await;
    told.0.into_values().collect()
}

/// Ids, times and what is made of them, by the order in which they come.
fn tidied(text: &str) -> String {
    let patterns = [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "019ac000-0000-7000-8000-"),
        (r"20\d\d-\d\d-\d\dT[0-9:.]+Z", ""),
        (r"t-[0-9a-f]{12}@", ""),
        (r#""seq": \d+"#, ""),
    ];
    let [ids, times, addresses, numbers] = patterns.map(|(pattern, _)| regex::Regex::new(pattern).unwrap());
    let mut seen: Vec<String> = Vec::new();
    let text = ids.replace_all(text, |found: &regex::Captures<'_>| {
        let place = seen.iter().position(|id| *id == found[0]).unwrap_or_else(|| {
            seen.push(found[0].to_owned());
            seen.len() - 1
        });
        format!("{}{:012}", patterns[0].1, place + 1)
    });
    let text = times.replace_all(&text, "2030-01-01T09:00:00Z");
    let text = addresses.replace_all(&text, "t-000000000002@");
    numbers.replace_all(&text, "\"seq\": 4711").into_owned()
}

/// The events of the document's table, with the names of their data.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let table = DOCUMENT.split("## Events").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `")).map(|line| line.split(" | ").collect::<Vec<_>>());
    rows.map(|row| (words(row[0]).remove(0), words(row[2]).into_iter().collect())).collect()
}

#[tokio::test]
async fn the_document_has_every_event_with_what_it_tells() {
    let desks = Desks::new().await;
    let told = everything(&desks).await;
    let documented = documented();
    let all: BTreeSet<String> = happening::KINDS.into_iter().chain([happening::PING]).map(str::to_owned).collect();
    assert_eq!(documented.keys().cloned().collect::<BTreeSet<_>>(), all);
    let (mut seen, mut shown) = (BTreeSet::new(), BTreeSet::new());
    let described = serde_json::to_value(crate::api::openapi::document()).unwrap();
    let described = described["components"]["schemas"]["WebhookEvent"]["properties"].as_object().unwrap().clone();
    for body in &told {
        let unknown = body.as_object().unwrap().keys().find(|name| !described.contains_key(*name));
        assert_eq!(unknown, None, "{described:?}");
        let kind = body["event"].as_str().unwrap().to_owned();
        let keys: BTreeSet<String> = body["data"].as_object().unwrap().keys().cloned().collect();
        if kind == "presence.updated" {
            // What there is of it depends on who shows it.
            assert!(keys.is_subset(&documented[&kind]), "{keys:?}");
            shown.extend(keys);
        } else {
            assert_eq!(keys, documented[&kind], "{kind}");
        }
        assert!(body["id"].is_string() && body["timestamp"].is_string(), "{body}");
        assert_eq!(body["seq"].is_i64(), kind != happening::PING);
        seen.insert(kind);
    }
    assert_eq!(seen, all, "what has not happened is not tested");
    let log = event::Entity::find().all(desks.store.read()).await.unwrap();
    let of_tickets = |kind: &&str| ["ticket.", "message.", "attachment."].iter().any(|word| kind.starts_with(word));
    let logged: BTreeSet<&str> = log.iter().map(|event| event.kind.as_str()).filter(of_tickets).collect();
    assert!(logged.len() > 4 && logged.iter().all(|kind| happening::LOGGED.contains(kind)), "{logged:?}");
    assert_eq!(shown, documented["presence.updated"]);

    let examples = [
        "ticket.escalated",
        "ticket.erased",
        "message.created",
        "message.reaction",
        "attachment.stored",
        "presence.updated",
        "room.created",
        "participant.joined",
        "ping",
    ];
    let example = |kind: &str| {
        let body = told.iter().find(|body| body["event"] == kind).unwrap();
        tidied(&format!("```json\n{}\n```\n", serde_json::to_string_pretty(body).unwrap()))
    };
    let examples = examples.map(example).join("\n");
    insta::assert_snapshot!("examples", examples);
    assert!(DOCUMENT.contains(examples.trim()), "docs/webhooks.md has other examples than the snapshot");
}
