//! What a change of one thing begins with: who asks, of what, on which version; and what that of a ticket ends in: the ticket as
//! it is then.

use std::marker::PhantomData;

use axum::{
    Json,
    extract::FromRequestParts,
    http::{header::ETAG, request::Parts},
    response::{AppendHeaders, IntoResponse, Response},
};
use deskbridge_entity::ticket::Model;
use uuid::Uuid;

use super::{
    Api, ApiError,
    extract::Id,
    idempotency::Once,
    if_match::{self, IfMatch},
    ticket::TicketOut,
};
use crate::helpdesk::{Caller, Error, Helpdesk};

/// One ticket, with its version as its entity tag.
#[derive(Debug)]
pub(super) struct OneTicket(pub TicketOut);

impl IntoResponse for OneTicket {
    fn into_response(self) -> Response {
        let tag = if_match::tag(self.0.version()).map(|tag| (ETAG, tag));
        (AppendHeaders(tag), Json(self.0)).into_response()
    }
}

/// A thing that paths name by its `id`, and that is changed on a version.
pub(super) trait Subject: Sized + Send {
    /// What callers call it.
    const WHAT: &'static str;

    /// As the caller may know it.
    fn find(helpdesk: &Helpdesk, caller: &Caller, id: Uuid) -> impl Future<Output = Result<Self, Error>> + Send;

    /// As the caller knows it.
    fn version(&self, caller: &Caller) -> i64;

    /// A change did not find it as its maker has seen it.
    fn overtaken(self, reason: String) -> Error {
        Error::Conflict(reason)
    }
}

impl Subject for Model {
    const WHAT: &'static str = "ticket";

    async fn find(helpdesk: &Helpdesk, caller: &Caller, id: Uuid) -> Result<Self, Error> {
        helpdesk.ticket(caller, id).await
    }

    fn version(&self, caller: &Caller) -> i64 {
        caller.role.version_of(self)
    }

    fn overtaken(self, reason: String) -> Error {
        Error::Overtaken { reason, current: Box::new(self) }
    }
}

/// Somebody wants something of a ticket, or of another thing. That it exists for the caller is for the helpdesk to say.
pub(super) struct Ask<T = Model> {
    pub api: Api,
    /// The request's key, if it has one.
    pub once: Option<Once>,
    pub caller: Caller,
    pub id: Uuid,
    /// The version that it must be at, if the caller says so.
    pub expected: Option<i64>,
    of: PhantomData<T>,
}

impl<T: Subject> FromRequestParts<Api> for Ask<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, api).await?;
        let Id { id, .. } = Id::<T>::from_request_parts(parts, api).await?;
        let expected = match IfMatch::of(&parts.headers)? {
            IfMatch::Any => None,
            several => {
                let found = T::find(&api.helpdesk, &caller, id).await?;
                let expected = several.expected(found.version(&caller));
                expected.map_err(|reason| ApiError::told(found.overtaken(reason), &caller, &api.helpdesk))?
            }
        };
        let once = parts.extensions.get::<Once>().cloned();
        Ok(Self { api: api.clone(), once, caller, id, expected, of: PhantomData })
    }
}

impl<T> Ask<T> {
    pub(super) fn helpdesk(&self) -> &Helpdesk {
        &self.api.helpdesk
    }

    /// The domain for the request's change, which is made once where the request has a key.
    pub(super) fn change(&self) -> Helpdesk {
        match &self.once {
            Some(Once(key)) => self.helpdesk().once_by(key),
            None => self.helpdesk().clone(),
        }
    }
}

impl Ask {
    fn shown(&self, ticket: Model) -> OneTicket {
        OneTicket(TicketOut::new(ticket, &self.caller, self.helpdesk()))
    }

    /// The changed ticket as the caller may see it; also the one that another has changed before.
    pub(super) async fn show(&self, changed: Result<Model, Error>) -> Result<OneTicket, ApiError> {
        match changed {
            Ok(ticket) => Ok(self.shown(ticket)),
            // It was made, and only its answer was lost: the ticket is what it led to.
            Err(Error::Repeated) => Ok(self.shown(self.helpdesk().ticket(&self.caller, self.id).await?)),
            Err(error) => Err(ApiError::told(error, &self.caller, self.helpdesk())),
        }
    }
}
