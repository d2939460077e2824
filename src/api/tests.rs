//! The routes as a caller sees them, on a real database.

mod agents;
mod appearances;
mod audited;
mod auth;
mod changes;
mod customers;
mod desks;
mod etags;
mod events;
mod failures;
mod feed;
mod feed_lists;
mod idempotency;
mod knowledge;
mod listening;
mod log;
mod metrics;
mod openapi;
mod presence;
mod programs;
mod provider;
mod rates;
mod rights;
mod stage;
mod tickets;
mod unknown;
mod webhook_events;
mod webhooks;

use std::{fs, path::Path, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode, header::AUTHORIZATION},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use super::{Api, Claims, Identity, Proxies, Rates, Tokens, around, router};
use crate::{
    address::Policy,
    attachments::Folder,
    health::Health,
    helpdesk::{Clock, Desk, Helpdesk, Limits, Role, Store},
    knowledge::{Library, PagePath, Shelf},
    metrics::Metrics,
};

const SECRET: &str = "a secret that only these tests know, 32 bytes and more";
const ANN: &str = "ann@example.com";
const TICKETS: &str = "/api/v1/xmpp/tickets";
const PRESENCE: &str = "/api/v1/xmpp/presence";
const WEBHOOKS: &str = "/api/v1/xmpp/webhooks";

/// A helpdesk with two desks on a database of its own, behind the router.
struct Desks {
    api: Api,
    store: Store,
    router: Router,
    writer: JoinHandle<()>,
    _folder: TempDir,
}

/// Pages of `support`; `billing` has no folder.
fn library(folder: &Path) -> Library {
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("returns.md"), "---\ntitle: Returns\n---\nSend tea back within 30 days.").unwrap();
    fs::write(folder.join("fraud.md"), "---\ntitle: Fraud\naudience: agents\n---\nBlock stolen gift cards.").unwrap();
    fs::write(folder.join("broken.md"), "---\naudience: staff\n---\nSecret").unwrap();
    Library::new([("support".to_owned(), Shelf::open(folder, None).unwrap())].into())
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }

    /// The envelope's message, after a check of everything in the envelope.
    fn failure(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        let body = self.json();
        let error = &body["error"];
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        assert_eq!(error.as_object().unwrap().len(), 4, "{body}");
        assert_eq!(error["code"], code, "{body}");
        assert_eq!(error["requestId"], self.header("x-request-id"));
        assert_eq!(self.header("content-type"), "application/json");
        let at = error["timestamp"].as_str().unwrap();
        assert!(at.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(at).is_ok(), "{at}");
        error["message"].as_str().unwrap().to_owned()
    }

    /// The ticket beside the envelope of an answer 409.
    fn overtaken(&self) -> (String, Value) {
        assert_eq!(self.status, 409, "{}", self.text);
        let mut body = self.json();
        assert_eq!(body["error"]["code"], "CONFLICT", "{body}");
        assert_eq!(body["error"].as_object().unwrap().len(), 4, "{body}");
        assert_eq!(self.header("etag"), format!("\"{}\"", body["ticket"]["version"]));
        (body["error"]["message"].as_str().unwrap().to_owned(), body["ticket"].take())
    }

    fn ok(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert!(self.headers.contains_key("x-request-id"));
        self.json()
    }
}

impl Desks {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::connect(&format!("sqlite://{}/desk.db?mode=rwc", folder.path().display())).await.unwrap();
        store.migrate().await.unwrap();
        // One customer opens more tickets here than in a year of its own.
        let desk = |name, title| Desk { limits: Limits::NONE, ..Desk::new(name, title) };
        let desks = vec![desk("support", "Tea Support"), desk("billing", "Tea Billing")];
        let (helpdesk, work) = Helpdesk::new(store.clone(), Clock::default(), "help.example.org", desks);
        let writer = tokio::spawn(work);
        let api = Api {
            helpdesk,
            identity: Identity::new(Some(Tokens::new(SECRET)), None),
            rates: Rates::new(|_| None),
            proxies: Proxies::default(),
            health: Health::default(),
            metrics: Metrics::default(),
            attachments: Folder::open(&folder.path().join("files")).unwrap(),
            library: library(&folder.path().join("pages")),
            receivers: Policy::scripted(&[("hooks.example.org", &["1.1.1.1"]), ("inside.example.org", &["10.0.0.1"])]),
        };
        Self { router: router(api.clone()), api, store, writer, _folder: folder }
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let is_stream = parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let bytes = if is_stream { told(body).await } else { body.collect().await.unwrap().to_bytes() };
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn get(&self, token: &str, path: &str) -> Answer {
        self.ask(request(Method::GET, path, Some(token), None)).await
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.ask(request(Method::POST, path, Some(token), Some(body.to_string()))).await
    }

    async fn put(&self, token: &str, path: &str, body: Value) -> Answer {
        self.ask(request(Method::PUT, path, Some(token), Some(body.to_string()))).await
    }

    /// A change of a ticket that must be at this version.
    async fn change(&self, token: &str, ticket: &str, what: &str, body: Value, if_match: &str) -> Answer {
        let mut request = request(Method::POST, &of(ticket, what), Some(token), Some(body.to_string()));
        request.headers_mut().insert("if-match", if_match.parse().unwrap());
        self.ask(request).await
    }

    /// Ann's ticket at a desk, opened by herself; gives its id.
    async fn ticket(&self, desk: &str) -> String {
        let body = json!({ "jid": ANN, "message": "My tea is cold", "desk": desk });
        self.post(&customer(ANN), TICKETS, body).await.json()["ticket_id"].as_str().unwrap().to_owned()
    }
}

/// What is told before there is a pause: a stream has no end.
async fn told(mut body: Body) -> Bytes {
    let mut bytes = Vec::new();
    while let Ok(Some(frame)) = tokio::time::timeout(Duration::from_millis(500), body.frame()).await {
        bytes.extend_from_slice(frame.unwrap().data_ref().unwrap());
    }
    bytes.into()
}

fn request(method: Method, path: &str, token: Option<&str>, body: Option<String>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    request.body(body.map_or_else(Body::empty, Body::from)).unwrap()
}

fn in_an_hour() -> u64 {
    jsonwebtoken::get_current_timestamp() + 3600
}

fn claims(sub: &str, role: Role) -> Claims {
    Claims { sub: sub.to_owned(), role, exp: in_an_hour(), name: None, desks: None, scopes: vec![] }
}

fn mint(claims: &Claims) -> String {
    Tokens::new(SECRET).mint(claims).unwrap()
}

fn customer(jid: &str) -> String {
    mint(&claims(jid, Role::Customer))
}

fn agent(name: &str) -> String {
    mint(&Claims { name: Some(name.to_owned()), ..claims(&format!("{name}@staff.example.org"), Role::Agent) })
}

fn agent_of(desk: &str) -> String {
    mint(&Claims { desks: Some(vec![desk.to_owned()]), ..claims("limited", Role::Agent) })
}

fn program(scopes: &[&str]) -> String {
    mint(&Claims { scopes: scopes.iter().map(ToString::to_string).collect(), ..claims("cron", Role::Service) })
}

fn admin() -> String {
    mint(&claims("root", Role::Admin))
}

fn of(ticket: &str, what: &str) -> String {
    format!("{TICKETS}/{ticket}/{what}")
}

fn messages_of(ticket: &str) -> String {
    format!("{TICKETS}/{ticket}/messages")
}

fn sync_of(ticket: &str) -> String {
    format!("{TICKETS}/{ticket}/sync")
}

const SOON: Duration = Duration::from_secs(5);
