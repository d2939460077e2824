//! REST: token → [`Caller`](crate::helpdesk::Caller), body → typed input, one call of the helpdesk, one output type.
//!
//! `routes` has them all in one table, each with those it is for (`access`); `openapi` and `docs` make the document of it.
//! `request` wraps every request (id, log line, headers) and renders every `error`; `extract` turns requests into
//! typed values; `metrics` is for monitors; `ticket`, `message`, `conversation`, `log`, `events`, `attachment`, `staff`, `copilot`,
//! `desk`, `agent`, `queue`, `knowledge`, `proposal`, `usage`, `presence`, `webhook`, `webhook_delivery`, `customer` and `audit` are the routes, `room` and
//! `occupant` those of the XMPP server's event feed, which share `feed`, and `change` is what those of `staff`
//! share; `webhook_event` makes what webhooks are told; `visitor` finds out who asks (`identity` by which rules: our own `token`, a `provider`'s, or the
//! keys of `programs`), `rates` says how often; `parameters` says which ones a query may have; `if_match` and
//! `if_none_match` are conditions on versions and answers; `list` is what lists share; `portion` bounds what is read at once;
//! `serve` is the listening side, and `places` says whose connection stays when there are many.

mod access;
mod agent;
mod attachment;
mod audit;
mod change;
mod complaint;
mod conversation;
mod copilot;
mod customer;
mod desk;
mod docs;
mod entity_tag;
mod error;
mod etags;
mod events;
mod extract;
mod feed;
mod healthz;
mod idempotency;
mod identity;
mod if_match;
mod if_none_match;
mod knowledge;
mod list;
mod log;
mod message;
mod metrics;
mod occupant;
mod openapi;
mod parameters;
mod places;
mod portion;
mod presence;
mod programs;
mod proposal;
pub mod provider;
mod queue;
mod rates;
mod request;
mod room;
mod routes;
mod serve;
mod staff;
#[cfg(test)]
mod tests;
mod ticket;
mod token;
mod usage;
mod visitor;
mod webhook;
mod webhook_delivery;
mod webhook_event;
mod wire;

use std::time::Duration;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, StatusCode},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::catch_panic::CatchPanicLayer;

pub use customer::exported;
pub use error::ApiError;
pub use identity::Identity;
pub use log::LARGEST_PAGE;
pub use openapi::text as openapi;
pub use programs::Programs;
pub use rates::{Rate, Rates};
pub use serve::serve;
pub use ticket::TicketOut;
pub use token::{Claims, TokenError, Tokens};
pub use visitor::Proxies;
pub use webhook_event::body as webhook_body;

use crate::{
    address::Policy, attachments::Folder, health::Health, helpdesk::Helpdesk, knowledge::Library, metrics::Metrics,
};

/// The largest body of a request, in bytes.
pub const MAX_REQUEST: usize = 1024 * 1024;
/// How long a request may take, from its header to the answer's.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to send a body: less than a whole request, so that the two are told apart.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// What the handlers work with. Clones share everything.
#[derive(Clone, Debug)]
pub struct Api {
    /// The domain.
    pub helpdesk: Helpdesk,
    /// Checks the callers' tokens.
    pub identity: Identity,
    /// How often they may ask.
    pub rates: Rates,
    /// The proxies in front.
    pub proxies: Proxies,
    /// What the other parts say of themselves.
    pub health: Health,
    /// What the parts count.
    pub metrics: Metrics,
    /// Where customers' files are.
    pub attachments: Folder,
    /// What the desks know.
    pub library: Library,
    /// Where webhooks may be.
    pub receivers: Policy,
}

/// All routes, with everything around them that a request passes through.
pub fn router(state: Api) -> Router {
    around(routes::serve(routes::table(), &state).merge(docs::pages()), state)
}

/// `/metrics` for whoever reaches the listener.
pub fn monitor(state: Api) -> Router {
    Router::new()
        .route("/metrics", get(metrics::show_all))
        .fallback(async || ApiError::NotFound("this route was not found".to_owned()))
        .layer(middleware::from_fn_with_state(state.clone(), request::frame))
        .with_state(state)
}

/// What every request passes through; apart from [`router`] so that tests can put failing routes inside it.
fn around(routes: Router<Api>, state: Api) -> Router {
    routes
        .fallback(async || ApiError::NotFound("this route was not found".to_owned()))
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .layer(middleware::from_fn_with_state(state.clone(), rates::limit))
        .merge(routes::serve(routes::probes(), &state).method_not_allowed_fallback(other_method))
        // From the inside out: a panic or a late answer becomes an error, and the outermost layer renders errors.
        .layer(CatchPanicLayer::custom(request::panicked))
        .layer(middleware::from_fn_with_state(REQUEST_TIMEOUT, request::limit_time))
        .layer(middleware::from_fn_with_state(state.clone(), request::frame))
        .with_state(state)
}

/// A method that the route does not have. The router adds `Allow`.
async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    ApiError::MethodNotAllowed.into_response()
}
