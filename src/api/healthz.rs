//! `GET /healthz`: how the process is, for probes and people; needs no token, gives no secret.

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;

use super::{Api, wire::Timestamp};
use crate::health::Status;

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
pub(super) struct HealthOut {
    status: &'static str,
    timestamp: Timestamp,
    services: BTreeMap<&'static str, &'static str>,
    /// Why a part is unhealthy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<&'static str, String>,
}

pub(super) async fn show(State(api): State<Api>) -> (StatusCode, Json<HealthOut>) {
    let parts =
        [("database", database(&api).await), ("xmpp", api.health.xmpp()), ("assistant", api.health.assistant())];
    let is_healthy = parts.iter().all(|(_, status)| status.is_healthy());
    let out = HealthOut {
        status: word(is_healthy),
        timestamp: Timestamp(api.helpdesk.clock().now()),
        services: parts.iter().map(|(name, status)| (*name, word(status.is_healthy()))).collect(),
        details: parts.into_iter().filter_map(|(name, status)| Some((name, reason(status)?))).collect(),
    };
    (if is_healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(out))
}

async fn database(api: &Api) -> Status {
    match tokio::time::timeout(PATIENCE, api.helpdesk.ping()).await {
        Ok(Ok(())) => Status::Healthy,
        Ok(Err(_)) => Status::Unhealthy("unreachable".into()),
        Err(_) => Status::Unhealthy("no answer in time".into()),
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
