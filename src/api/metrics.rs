//! `GET /metrics`: for Prometheus. By a token over REST, or without one on a listener of its own that only this machine reaches.

use std::time::Duration;

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

use super::{Api, ApiError, wire};
use crate::{
    helpdesk::{Caller, Direction},
    knowledge::{Audience, Shelf},
    metrics::{self, Passages, Queue, Sample},
};

/// For how long what was looked up holds, however many ask.
const FRESH: Duration = Duration::from_secs(5);
/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// To admins, and to programs with the scope.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics_show", tag = "operation",
    responses((status = 200, description = "All metrics", content_type = "text/plain", body = String))
)]
pub(super) async fn show(state: State<Api>, caller: Caller) -> Result<Response, ApiError> {
    caller.require_monitor()?;
    show_all(state).await
}

/// To whoever reaches it.
pub(super) async fn show_all(State(api): State<Api>) -> Result<Response, ApiError> {
    let text = api.metrics.scrape(FRESH, async || look(&api).await).await;
    let text = text.map_err(|error| ApiError::Internal(format!("the metrics could not be written: {error}")))?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}

/// Looks everything up.
async fn look(api: &Api) -> Sample {
    let measured = match tokio::time::timeout(PATIENCE, api.helpdesk.measure()).await {
        Ok(Ok(measured)) => Some(measured),
        Ok(Err(error)) => {
            tracing::warn!(%error, "tickets and queues could not be counted");
            None
        }
        Err(_) => {
            tracing::warn!(seconds = PATIENCE.as_secs(), "tickets and queues could not be counted in time");
            None
        }
    };
    let mut sample = Sample {
        up: vec![
            ("database", measured.is_some()),
            ("xmpp", api.health.xmpp().is_healthy()),
            ("assistant", api.health.assistant().is_healthy()),
        ],
        messages: messages(api),
        changes: api.helpdesk.counts().changes(),
        passages: passages(api),
        ..Sample::default()
    };
    if let Some(measured) = measured {
        let word = |(desk, status, count)| (desk, wire::status(status), count);
        sample.tickets = measured.tickets.into_iter().map(word).collect();
        sample.queues =
            measured.queues.map(|queue| Queue { name: queue.name, length: queue.length, oldest: queue.oldest }).into();
    }
    sample
}

fn messages(api: &Api) -> Vec<(&'static str, &'static str, u64)> {
    let way = |direction| match direction {
        Direction::In => "in",
        Direction::Out => "out",
        Direction::Kept => "kept",
    };
    let counted = api.helpdesk.counts().messages();
    counted.map(|(author, direction, count)| (wire::author(author), way(direction), count)).collect()
}

fn passages(api: &Api) -> Vec<Passages> {
    let desks = api.helpdesk.desks().iter();
    let of = |desk: &str| {
        let knowledge = api.library.shelf(desk).map(Shelf::current);
        [("customers", Audience::Customer), ("agents", Audience::Agent)].map(|(audience, who)| Passages {
            desk: desk.to_owned(),
            audience,
            count: knowledge.as_ref().map_or(0, |knowledge| knowledge.passages(who).len()),
        })
    };
    desks.flat_map(|desk| of(&desk.name)).collect()
}
