//! `GET /healthz`: whether the process does its work, `GET /livez`: whether a restart would help. For probes and people; they need no token
//! and give no secret.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Extension, Json, extract::State, http::StatusCode};
use serde::Serialize;
use tokio::{sync::Mutex, time::Instant};
use utoipa::ToSchema;

use super::{Api, wire::Timestamp};
use crate::{health::Status, helpdesk::Helpdesk};

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// For how long its answer holds: however many ask, the database is asked once a second.
const FRESH: Duration = Duration::from_secs(1);

/// How the database is, as it was asked last. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Database(Arc<Mutex<Option<(Instant, Status)>>>);

#[derive(Serialize, ToSchema)]
pub(super) struct HealthOut {
    status: &'static str,
    timestamp: Timestamp,
    services: BTreeMap<&'static str, &'static str>,
    /// Why a part is unhealthy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<&'static str, String>,
}

/// Whether Deskbridge does its work.
#[utoipa::path(
    get, path = "/healthz", operation_id = "health_show", tag = "operation",
    responses(
        (status = 200, description = "It does", body = HealthOut),
        (status = 503, description = "A part is unhealthy", body = HealthOut),
    )
)]
pub(super) async fn show(
    State(api): State<Api>,
    Extension(database): Extension<Database>,
) -> (StatusCode, Json<HealthOut>) {
    let database = database.status(&api.helpdesk).await;
    let mut parts = vec![("database", database), ("xmpp", api.health.xmpp()), ("assistant", api.health.assistant())];
    let is_healthy = parts.iter().all(|(_, status)| status.is_healthy());
    // Its keys are kept while it is down, and nobody who is known otherwise needs it: no reason to send requests elsewhere.
    let identity = api.health.identity();
    let is_whole = identity.as_ref().is_none_or(Status::is_healthy);
    parts.extend(identity.map(|status| ("identity", status)));
    let out = HealthOut {
        status: if is_healthy && !is_whole { "degraded" } else { word(is_healthy) },
        timestamp: Timestamp(api.helpdesk.clock().now()),
        services: parts.iter().map(|(name, status)| (*name, word(status.is_healthy()))).collect(),
        details: parts.into_iter().filter_map(|(name, status)| Some((name, reason(status)?))).collect(),
    };
    (if is_healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(out))
}

#[derive(Serialize, ToSchema)]
pub(super) struct LifeOut {
    status: &'static str,
    timestamp: Timestamp,
}

/// Alive is who can still store something; that the database or the XMPP server is away is no reason to begin anew.
#[utoipa::path(
    get, path = "/livez", operation_id = "health_alive", tag = "operation",
    responses(
        (status = 200, description = "A restart would not help", body = LifeOut),
        (status = 503, description = "It has to be started anew", body = LifeOut),
    )
)]
pub(super) async fn alive(State(api): State<Api>) -> (StatusCode, Json<LifeOut>) {
    let is_alive = api.helpdesk.is_writing();
    let out = LifeOut { status: word(is_alive), timestamp: Timestamp(api.helpdesk.clock().now()) };
    (if is_alive { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(out))
}

impl Database {
    async fn status(&self, helpdesk: &Helpdesk) -> Status {
        let mut last = self.0.lock().await;
        if let Some((_, status)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return status.clone();
        }
        let status = match tokio::time::timeout(PATIENCE, helpdesk.ping()).await {
            Ok(Ok(())) => Status::Healthy,
            Ok(Err(_)) => Status::Unhealthy("unreachable".into()),
            Err(_) => Status::Unhealthy("no answer in time".into()),
        };
        *last = Some((Instant::now(), status.clone()));
        status
    }
}

fn word(is_healthy: bool) -> &'static str {
    if is_healthy { "healthy" } else { "unhealthy" }
}

fn reason(status: Status) -> Option<String> {
    match status {
        Status::Healthy => None,
        Status::Unhealthy(why) => Some(why.into_owned()),
    }
}
