//! `/api/v1/xmpp/webhooks`: which programs are told what happened. For admins.

use std::time::Duration;

use axum::{
    Extension, Json,
    extract::State,
    http::{StatusCode, header::ETAG},
    response::{AppendHeaders, IntoResponse, Response},
};
use deskbridge_entity::webhook::{Model, Reason};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Api, ApiError,
    change::{Ask, Subject},
    etags::Version,
    extract::{self, Body, Id, MaybeBody},
    idempotency::Once,
    if_match::{self, IfMatch},
    wire::Timestamp,
};
use crate::helpdesk::{Caller, Error, Helpdesk, NewWebhook, WebhookChange};

/// For how long the secret before signs, too, when the caller does not say.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookIn {
    /// `https`, on a public address.
    url: String,
    #[serde(default)]
    description: String,
    /// Names such as `ticket.escalated`, all of a kind as `ticket.*`, or `*`.
    events: Vec<String>,
    /// Null is every desk.
    desks: Option<Vec<String>>,
    /// Whether it is told of notes between agents, too.
    #[serde(default)]
    include_internal: bool,
    /// `whsec_` and 24 to 64 bytes in base64; without it one is made.
    secret: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct WebhookOut {
    id: Uuid,
    url: String,
    description: String,
    #[schema(value_type = Vec<String>)]
    events: Value,
    /// Null is every desk.
    #[schema(value_type = Option<Vec<String>>)]
    desks: Option<Value>,
    include_internal: bool,
    enabled: bool,
    disabled_at: Option<Timestamp>,
    /// `admin`, `gone` or `failing`.
    disabled_reason: Option<&'static str>,
    /// Until when the secret before signs, too.
    old_secret_until: Option<Timestamp>,
    last_success_at: Option<Timestamp>,
    /// When a try last failed, also while it is tried again; noted once a minute at most.
    last_failure_at: Option<Timestamp>,
    last_failure: Option<String>,
    version: i64,
    created_at: Timestamp,
    created_by: String,
    /// Shown once: when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl WebhookOut {
    fn with_secret(row: Model) -> Self {
        Self { secret: Some(row.secret.0.clone()), ..Self::from(row) }
    }
}

impl From<Model> for WebhookOut {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            url: row.url,
            description: row.description,
            events: row.events,
            desks: row.desks,
            include_internal: row.include_internal,
            enabled: row.disabled_at.is_none(),
            disabled_at: row.disabled_at.map(Timestamp),
            disabled_reason: row.disabled_reason.map(|reason| match reason {
                Reason::Admin => "admin",
                Reason::Gone => "gone",
                Reason::Failing => "failing",
            }),
            old_secret_until: row.old_secret_until.map(Timestamp),
            last_success_at: row.last_success_at.map(Timestamp),
            last_failure_at: row.last_failure_at.map(Timestamp),
            last_failure: row.last_failure,
            version: row.version,
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
            secret: None,
        }
    }
}

/// One webhook, with its version as its entity tag.
pub(super) struct OneWebhook(WebhookOut);

impl IntoResponse for OneWebhook {
    fn into_response(self) -> Response {
        let tag = if_match::tag(self.0.version).map(|tag| (ETAG, tag));
        (AppendHeaders(tag), Json(self.0)).into_response()
    }
}

impl Subject for Model {
    const WHAT: &'static str = "webhook";

    async fn find(helpdesk: &Helpdesk, caller: &Caller, id: Uuid) -> Result<Self, Error> {
        helpdesk.webhook(caller, id).await
    }

    fn version(&self, _: &Caller) -> i64 {
        self.version
    }
}

/// The URL, once it is clear that we may post to it.
async fn checked(api: &Api, url: &str) -> Result<String, ApiError> {
    let url = extract::text("url", url.to_owned())?;
    let fit = api.receivers.check(url.trim()).await;
    fit.map(String::from).map_err(|error| ApiError::invalid("url", error))
}

fn done_before(error: Error, what: &str) -> ApiError {
    match error {
        Error::Repeated => ApiError::Conflict(format!(
            "a webhook's secret was {what} under this Idempotency-Key before, and is shown once: rotate it under another key"
        )),
        other => other.into(),
    }
}

/// Makes a webhook. Its secret is shown this once.
#[utoipa::path(
    post, path = "/api/v1/xmpp/webhooks", operation_id = "webhook_make", tag = "webhooks",
    request_body = WebhookIn,
    responses((status = 201, description = "It is made, and is told what is committed from now on", body = WebhookOut))
)]
pub(super) async fn make(
    State(api): State<Api>,
    once: Option<Extension<Once>>,
    caller: Caller,
    Body(input): Body<WebhookIn>,
) -> Result<(StatusCode, OneWebhook), ApiError> {
    let new = NewWebhook {
        url: checked(&api, &input.url).await?,
        description: extract::text("description", input.description)?,
        events: input.events,
        desks: input.desks,
        include_internal: input.include_internal,
        secret: input.secret,
    };
    // An answer with a secret is not kept, so the key counts here.
    let domain = once.map_or_else(|| api.helpdesk.clone(), |Extension(Once(key))| api.helpdesk.once_by(&key));
    let row = domain.make_webhook(&caller, new).await.map_err(|error| done_before(error, "made"))?;
    Ok((StatusCode::CREATED, OneWebhook(WebhookOut::with_secret(row))))
}

/// All webhooks.
#[utoipa::path(
    get, path = "/api/v1/xmpp/webhooks", operation_id = "webhook_list", tag = "webhooks",
    responses((status = 200, description = "The webhooks, the oldest first", body = Vec<WebhookOut>))
)]
pub(super) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<Vec<WebhookOut>>, ApiError> {
    Ok(Json(api.helpdesk.webhooks(&caller).await?.into_iter().map(WebhookOut::from).collect()))
}

/// One webhook.
#[utoipa::path(
    get, path = "/api/v1/xmpp/webhooks/{id}", operation_id = "webhook_show", tag = "webhooks",
    params(Id<Model>),
    responses((status = 200, description = "The webhook; its `ETag` begins with its version", body = WebhookOut))
)]
pub(super) async fn show(ask: Ask<Model>) -> Result<(Extension<Version>, Json<WebhookOut>), ApiError> {
    let row = ask.helpdesk().webhook(&ask.caller, ask.id).await?;
    // What comes of deliveries makes no new version.
    Ok((Extension(Version(row.version)), Json(row.into())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeIn {
    url: Option<String>,
    description: Option<String>,
    events: Option<Vec<String>>,
    /// Null is every desk.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    desks: Option<Option<Vec<String>>>,
    include_internal: Option<bool>,
    enabled: Option<bool>,
}

/// Tells null from nothing.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Changes a webhook, or switches it on or off. What is left out stays.
#[utoipa::path(
    patch, path = "/api/v1/xmpp/webhooks/{id}", operation_id = "webhook_change", tag = "webhooks",
    params(Id<Model>, IfMatch),
    request_body = ChangeIn,
    responses((status = 200, description = "It is changed", body = WebhookOut))
)]
pub(super) async fn change(ask: Ask<Model>, Body(input): Body<ChangeIn>) -> Result<OneWebhook, ApiError> {
    let url = match input.url {
        Some(url) => Some(checked(&ask.api, &url).await?),
        None => None,
    };
    let change = WebhookChange {
        url,
        description: input.description.map(|text| extract::text("description", text)).transpose()?,
        events: input.events,
        desks: input.desks,
        include_internal: input.include_internal,
        enabled: input.enabled,
    };
    Ok(OneWebhook(ask.helpdesk().change_webhook(&ask.caller, ask.id, ask.expected, change).await?.into()))
}

/// Removes a webhook, with what was and is to be delivered to it.
#[utoipa::path(
    delete, path = "/api/v1/xmpp/webhooks/{id}", operation_id = "webhook_remove", tag = "webhooks",
    params(Id<Model>, IfMatch),
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn remove(ask: Ask<Model>) -> Result<StatusCode, ApiError> {
    ask.helpdesk().remove_webhook(&ask.caller, ask.id, ask.expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RotationIn {
    secret: Option<String>,
    /// Such as `24h`; `0s` ends the secret before at once.
    overlap: Option<String>,
}

/// Gives a webhook another secret, shown this once; for a while the one before signs beside it.
#[utoipa::path(
    post, path = "/api/v1/xmpp/webhooks/{id}/rotate", operation_id = "webhook_rotate", tag = "webhooks",
    params(Id<Model>, IfMatch),
    request_body = Option<RotationIn>,
    responses((status = 200, description = "The new secret", body = WebhookOut))
)]
pub(super) async fn rotate(ask: Ask<Model>, MaybeBody(input): MaybeBody<RotationIn>) -> Result<OneWebhook, ApiError> {
    let overlap = input.overlap.map(|text| {
        let problem = "must be a duration such as 24h";
        humantime::parse_duration(text.trim()).map_err(|_| ApiError::invalid("overlap", problem))
    });
    let overlap = overlap.transpose()?.unwrap_or(OVERLAP);
    let row = ask.change().rotate_secret(&ask.caller, ask.id, ask.expected, input.secret, overlap).await;
    let row = row.map_err(|error| done_before(error, "rotated"))?;
    Ok(OneWebhook(WebhookOut::with_secret(row)))
}

#[derive(Serialize, ToSchema)]
pub(super) struct PingOut {
    success: bool,
    /// Where the deliveries tell what came of it.
    delivery_id: Uuid,
}

/// Sends a test.
#[utoipa::path(
    post, path = "/api/v1/xmpp/webhooks/{id}/ping", operation_id = "webhook_ping", tag = "webhooks",
    params(Id<Model>),
    responses((status = 202, description = "It is on its way; the deliveries say what comes of it", body = PingOut))
)]
pub(super) async fn ping(ask: Ask<Model>) -> Result<(StatusCode, Json<PingOut>), ApiError> {
    let delivery_id = ask.helpdesk().ping_webhook(&ask.caller, ask.id).await?;
    Ok((StatusCode::ACCEPTED, Json(PingOut { success: true, delivery_id })))
}
