//! `GET /api/v1/xmpp/usage`: what the language model cost, by desk, day and model.

use axum::{Json, extract::State};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Api, ApiError, error::Envelope, extract::Parameters};
use crate::helpdesk::{Caller, Error, Usage};

/// Days before the last one, unless the caller says otherwise.
const DAYS_BEFORE: Days = Days::new(29);

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UsageIn {
    desk: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct UsageOut {
    desk: String,
    day: String,
    model: String,
    calls: i64,
    failed: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    estimated: i64,
    latency_ms: i64,
}

/// What the language model cost, by desk, day and model.
#[utoipa::path(
    get, path = "/api/v1/xmpp/usage", operation_id = "usage_list", tag = "desks",
    params(UsageIn),
    responses(
        (status = 200, description = "One row each", body = Vec<UsageOut>),
        (status = 404, description = "There is no such desk", body = Envelope),
    )
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Parameters(input): Parameters<UsageIn>,
) -> Result<Json<Vec<UsageOut>>, ApiError> {
    let last = input.to.map(|text| day("to", &text)).transpose()?;
    let last = last.unwrap_or_else(|| api.helpdesk.clock().now().date_naive());
    let first = input.from.map(|text| day("from", &text)).transpose()?;
    let first = first.unwrap_or_else(|| last - DAYS_BEFORE);
    let rows = api.helpdesk.usage(&caller, input.desk.as_deref(), first, last).await.map_err(|error| match error {
        Error::Invalid { field, problem } => ApiError::bad_parameter(field, problem),
        other => other.into(),
    })?;
    Ok(Json(rows.into_iter().map(UsageOut::from).collect()))
}

/// A day of this era: what comes before or far behind it, no database knows.
fn day(name: &str, text: &str) -> Result<NaiveDate, ApiError> {
    let day = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok();
    let is_ours = |day: &NaiveDate| ("2000-01-01".."2200-01-01").contains(&day.to_string().as_str());
    day.filter(is_ours).ok_or_else(|| ApiError::bad_parameter(name, "must be a day such as 2030-01-31"))
}

impl From<Usage> for UsageOut {
    fn from(row: Usage) -> Self {
        Self {
            desk: row.desk,
            day: row.day,
            model: row.model,
            calls: row.calls,
            failed: row.failed,
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            estimated: row.estimated,
            latency_ms: row.latency_ms,
        }
    }
}
