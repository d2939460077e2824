//! `/api/v1/xmpp/customers/{jid}`: what is known of a customer, all of it to hand out, and its end. For admins.

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::{FromRequestParts, Path, State},
    http::{HeaderValue, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, stream};
use jid::BareJid;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{
    Api, ApiError,
    extract::{NO_ADDRESS, Parameters},
    feed,
    portion::{Portion, Portions},
    wire::Timestamp,
};
use crate::helpdesk::{Caller, Error, Export, Footprint, Helpdesk};

/// The customer that the path names, percent-encoded (RFC 3986 §2.1).
pub(super) struct CustomerJid(BareJid);

impl FromRequestParts<Api> for CustomerJid {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let unknown = || ApiError::bad_parameter("jid", "not percent-encoded UTF-8");
        let Path(text) = Path::<String>::from_request_parts(parts, api).await.map_err(|_| unknown())?;
        let jid = BareJid::new(&text).map_err(|_| ApiError::bad_parameter("jid", NO_ADDRESS))?;
        Ok(Self(jid))
    }
}

/// What there is of a customer, or was.
#[derive(Serialize, ToSchema)]
pub(super) struct FootprintOut {
    jid: String,
    tickets: Vec<DeskOut>,
    /// How many rows of each kind.
    #[schema(value_type = HashMap<String, u64>)]
    rows: Map<String, Value>,
    /// Of files that are kept.
    bytes: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CustomerDeskOut)]
struct DeskOut {
    desk: String,
    tickets: i64,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl FootprintOut {
    fn new(jid: &BareJid, footprint: Footprint) -> Self {
        let desks = footprint.desks.into_iter().map(|part| DeskOut {
            desk: part.desk,
            tickets: part.tickets,
            first_at: Timestamp(part.first_at),
            last_at: Timestamp(part.last_at),
        });
        Self {
            jid: jid.to_string(),
            tickets: desks.collect(),
            rows: footprint.rows.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect(),
            bytes: footprint.bytes,
        }
    }
}

/// Says what there is of a customer, in numbers.
#[utoipa::path(
    get, path = "/api/v1/xmpp/customers/{jid}", operation_id = "customer_show", tag = "customers",
    params(("jid" = String, Path, description = "The customer's bare JID, percent-encoded")),
    responses((status = 200, description = "What there is", body = FootprintOut))
)]
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    CustomerJid(jid): CustomerJid,
) -> Result<Json<FootprintOut>, ApiError> {
    caller.require_admin("look customers up")?;
    Ok(Json(FootprintOut::new(&jid, api.helpdesk.footprint(&caller, &jid).await?)))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EraseIn {
    /// Erases nothing, and answers what would be erased.
    #[param(value_type = Option<bool>)]
    dry_run: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ErasedOut {
    /// Nothing was erased: this is what would be.
    dry_run: bool,
    #[serde(flatten)]
    what: FootprintOut,
}

/// Erases a customer: everything, at all desks. It cannot be undone.
#[utoipa::path(
    delete, path = "/api/v1/xmpp/customers/{jid}", operation_id = "customer_erase", tag = "customers",
    params(("jid" = String, Path, description = "The customer's bare JID, percent-encoded"), EraseIn),
    responses((status = 200, description = "What there was", body = ErasedOut))
)]
pub(super) async fn erase(
    State(api): State<Api>,
    caller: Caller,
    CustomerJid(jid): CustomerJid,
    Parameters(input): Parameters<EraseIn>,
) -> Result<Json<ErasedOut>, ApiError> {
    caller.require_admin("erase customers")?;
    let dry_run = feed::yes_or_no("dry_run", input.dry_run.as_deref())?.unwrap_or(false);
    if dry_run {
        let what = FootprintOut::new(&jid, api.helpdesk.footprint(&caller, &jid).await?);
        return Ok(Json(ErasedOut { dry_run, what }));
    }
    let erased = api.helpdesk.erase_customer(&caller, &jid).await?;
    for id in erased.attachments {
        if let Err(error) = api.attachments.remove(id).await {
            // Whatever belongs to no row is removed when the folder is cleaned.
            tracing::warn!(%error, attachment.id = %id, "a file of an erased customer could not be removed yet");
        }
    }
    Ok(Json(ErasedOut { dry_run, what: FootprintOut::new(&jid, erased.footprint) }))
}

/// One JSON object a line: there is no bound to how much a customer has said.
const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Gives everything that is known of a customer, one JSON object a line; the last one has the kind `end`.
#[utoipa::path(
    get, path = "/api/v1/xmpp/customers/{jid}/export", operation_id = "customer_export", tag = "customers",
    params(("jid" = String, Path, description = "The customer's bare JID, percent-encoded")),
    responses((status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = String))
)]
pub(super) async fn export(
    State(api): State<Api>,
    Extension(portions): Extension<Portions>,
    caller: Caller,
    CustomerJid(jid): CustomerJid,
) -> Result<Response, ApiError> {
    caller.require_admin("export customers")?;
    let portion = portions.take(&caller).await?;
    let lines = exported(&api.helpdesk, &caller, &jid).await?;
    Ok(([(CONTENT_TYPE, LINES)], Body::from_stream(held(lines, portion))).into_response())
}

/// A place for a large answer, kept until the client has taken all of it.
fn held(
    lines: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    portion: Portion,
) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
    lines.map(move |part| {
        let _ = &portion;
        part
    })
}

/// All that is known of a customer, as lines of JSON: first one that says of whom, then the rows, each with its `kind`. What
/// breaks off before a line of the kind `end` is not all.
///
/// # Errors
/// As [`Helpdesk::export`]; of a part [`Error::Database`].
pub async fn exported(
    helpdesk: &Helpdesk,
    caller: &Caller,
    customer: &BareJid,
) -> Result<impl Stream<Item = Result<Bytes, Error>> + Send + 'static, Error> {
    let export = helpdesk.export(caller, customer).await?;
    let at = Timestamp(helpdesk.clock().now());
    let head = lines([json!({ "kind": "customer", "jid": customer.as_str(), "exported_at": at })]);
    let rest = stream::unfold(Some(export), |export: Option<Export>| async {
        let mut export = export?;
        match export.next().await {
            Ok(Some(rows)) => Some((Ok(lines(rows)), Some(export))),
            Ok(None) => Some((Ok(lines([json!({ "kind": "end" })])), None)),
            Err(error) => {
                tracing::error!(%error, "an export broke off");
                Some((Err(error), None))
            }
        }
    });
    Ok(stream::once(async { Ok(head) }).chain(rest))
}

fn lines(rows: impl IntoIterator<Item = Value>) -> Bytes {
    rows.into_iter().map(|row| format!("{row}\n")).collect::<String>().into()
}
