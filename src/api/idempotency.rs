//! `Idempotency-Key` on any POST (draft-ietf-httpapi-idempotency-key-header-07): who asks again gets the first answer again.
//!
//! Only success is kept. A failure has changed nothing, so the same key may be tried again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State},
    http::{
        HeaderName, HeaderValue, Method, StatusCode,
        header::{CONTENT_TYPE, ETAG, LINK, LOCATION},
        request::Parts,
        response,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use deskbridge_entity::kept_answer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{sync::Mutex as Turn, time::timeout};
use uuid::Uuid;

use super::{Api, ApiError, BODY_TIMEOUT, extract, visitor::Checked};
use crate::helpdesk::{Caller, hash_of};

/// Where webhooks are made.
const WEBHOOKS: &str = "/api/v1/xmpp/webhooks";
/// The header.
pub(super) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key, in characters.
const LONGEST: usize = 255;
/// How long a request waits for the first one with its key.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer that is kept, in bytes.
const LARGEST: usize = 64 * 1024;
/// The largest answer that any POST gives.
const ANSWER: usize = 16 * 1024 * 1024;
/// What belongs to an answer beside its body.
const HEADERS: [HeaderName; 4] = [CONTENT_TYPE, ETAG, LINK, LOCATION];

/// The key of a request, for handlers: a hash of caller, route and the caller's own key.
#[derive(Clone, Debug)]
pub(super) struct Once(pub String);

/// Requests with a key that run now. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<HashMap<String, Weak<Turn<()>>>>>);

impl Running {
    fn turn(&self, key: &str) -> Arc<Turn<()>> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = running.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Turn::new(()));
        running.insert(key.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

/// In front of handlers, behind the guard.
pub(super) async fn once(
    State((api, running)): State<(Api, Running)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(given) = given(&request)? else { return Ok(next.run(request).await) };
    let Some(Checked(Ok(caller))) = request.extensions().get::<Checked>().cloned() else {
        return Ok(next.run(request).await);
    };
    let (mut parts, body) = request.into_parts();
    let ticket = ticket_of(&mut parts).await;
    let bytes = extract::read(Request::from_parts(parts.clone(), body), &api, BODY_TIMEOUT).await?;
    let key = hash(&[hash_of(&caller).as_bytes(), parts.uri.path().as_bytes(), given.as_bytes()]);
    let asked = hash(&[parts.uri.query().unwrap_or_default().as_bytes(), &bytes]);

    // One after the other; of other processes, the database lets only one through.
    let turn = running.turn(&key);
    let Ok(_mine) = timeout(PATIENCE, turn.lock()).await else { return Err(ApiError::StillRunning) };
    if let Some(kept) = api.helpdesk.kept_answer(&key).await? {
        if kept.request != asked {
            return Err(ApiError::KeyReused);
        }
        // Who may not see the ticket any more is not shown it again.
        if let Some(ticket) = kept.ticket_id {
            api.helpdesk.ticket(&caller, ticket).await?;
        }
        return replayed(kept);
    }
    let mut request = Request::from_parts(parts.clone(), Body::from(bytes));
    request.extensions_mut().insert(Once(key.clone()));
    let response = next.run(request).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER).await.map_err(|error| ApiError::Internal(error.to_string()))?;
    if let Some(answer) = answer(&key, &asked, &caller, ticket, parts.uri.path(), &head, &bytes)
        && let Err(error) = api.helpdesk.keep_answer(answer).await
    {
        // It is made again when somebody asks.
        tracing::warn!(%error, "an answer could not be kept");
    }
    Ok(Response::from_parts(head, Body::from(bytes)))
}

/// The caller's own key, on a POST.
fn given(request: &Request) -> Result<Option<String>, ApiError> {
    let mut headers = request.headers().get_all(KEY).iter();
    let Some(header) = headers.next().filter(|_| request.method() == Method::POST) else { return Ok(None) };
    let text = header.to_str().ok().filter(|_| headers.next().is_none());
    let is_visible =
        |text: &&str| (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let problem = || ApiError::BadRequest(format!("Idempotency-Key: must be 1 to {LONGEST} visible ASCII characters"));
    Ok(Some(text.filter(is_visible).ok_or_else(problem)?.to_owned()))
}

fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn answer(
    key: &str,
    asked: &str,
    caller: &Caller,
    ticket: Option<Uuid>,
    path: &str,
    head: &response::Parts,
    body: &[u8],
) -> Option<kept_answer::Model> {
    // The secrets of webhooks are shown once, and stand in no other table.
    let is_secret = path == WEBHOOKS || (path.starts_with(WEBHOOKS) && path.ends_with("/rotate"));
    let body = std::str::from_utf8(body).ok().filter(|body| body.len() <= LARGEST && !is_secret)?;
    let headers: Vec<(String, &str)> =
        HEADERS.iter().filter_map(|name| Some((name.to_string(), head.headers.get(name)?.to_str().ok()?))).collect();
    Some(kept_answer::Model {
        key: key.to_owned(),
        request: asked.to_owned(),
        caller: hash_of(caller),
        ticket_id: ticket.or_else(|| named_in(body)),
        status: head.status.as_u16().into(),
        headers: json!(headers),
        body: body.to_owned(),
        created_at: chrono::DateTime::UNIX_EPOCH,
    })
}

/// The ticket that the path names, as the router reads it: another spelling is the same ticket.
async fn ticket_of(parts: &mut Parts) -> Option<Uuid> {
    let is_tickets = parts.extensions.get::<MatchedPath>()?.as_str().starts_with("/api/v1/xmpp/tickets/{id}");
    let named = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    named.iter().find(|(name, _)| is_tickets && *name == "id").and_then(|(_, id)| id.parse().ok())
}

/// The ticket that an answer names.
fn named_in(body: &str) -> Option<Uuid> {
    serde_json::from_str::<Value>(body).ok()?["ticket_id"].as_str()?.parse().ok()
}

fn replayed(kept: kept_answer::Model) -> Result<Response, ApiError> {
    let unusable = || ApiError::Internal("a kept answer makes no response".to_owned());
    let status = u16::try_from(kept.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = (status.ok_or_else(unusable)?, kept.body).into_response();
    let headers: Vec<(String, String)> = serde_json::from_value(kept.headers).map_err(|_| unusable())?;
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|_| unusable())?;
        response.headers_mut().insert(name, HeaderValue::try_from(value).map_err(|_| unusable())?);
    }
    mark(&mut response);
    Ok(response)
}

/// Says that this was done before.
pub(super) fn mark(response: &mut Response) {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
}
