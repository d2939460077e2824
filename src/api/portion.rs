//! Large answers: how many are in memory at once, of one caller and in all. One counts until its client has taken it.

use std::{
    collections::HashMap,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, ETAG},
    },
    response::{AppendHeaders, IntoResponse, Response},
};
use hyper::body::{Frame, SizeHint};
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

use super::{
    ApiError,
    if_none_match::{self, IfNoneMatch},
};
use crate::helpdesk::{Caller, Error, Role};

/// Answers of one caller at once; each may take some ten megabytes while it is made.
const OF_ONE: usize = 2;
/// Answers at once in all.
const ALL: usize = 32;
/// Of these, answers to customers: however many of them read slowly, the staff and programs have places.
const OF_CUSTOMERS: usize = 16;
/// How long a request waits for its place.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is handed to the connection at a time, in bytes: it buffers little more, so an answer that is still ours is one that
/// the client has not taken.
const PIECE: usize = 16 * 1024;

type Callers = HashMap<(Role, String), Arc<Semaphore>>;

/// The places. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Portions {
    all: Arc<Semaphore>,
    customers: Arc<Semaphore>,
    callers: Arc<Mutex<Callers>>,
}

impl Default for Portions {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(ALL)),
            customers: Arc::new(Semaphore::new(OF_CUSTOMERS)),
            callers: Arc::default(),
        }
    }
}

/// A place for one answer.
#[derive(Debug)]
pub(super) struct Portion {
    _of_one: OwnedSemaphorePermit,
    _of_customers: Option<OwnedSemaphorePermit>,
    _of_all: OwnedSemaphorePermit,
}

impl Portions {
    /// A place for an answer to this caller; it is waited for in line.
    ///
    /// # Errors
    /// [`ApiError::Crowded`] when the caller's own answers keep it waiting too long, [`ApiError::Unavailable`] when those of
    /// others do.
    pub(super) async fn take(&self, caller: &Caller) -> Result<Portion, ApiError> {
        let own = time::timeout(PATIENCE, self.of(caller).acquire_owned()).await;
        let Ok(Ok(of_one)) = own else { return Err(ApiError::Crowded) };
        let of_customers = if caller.role == Role::Customer {
            let place = time::timeout(PATIENCE, Arc::clone(&self.customers).acquire_owned()).await;
            let Ok(Ok(place)) = place else { return Err(Error::Busy.into()) };
            Some(place)
        } else {
            None
        };
        let all = time::timeout(PATIENCE, Arc::clone(&self.all).acquire_owned()).await;
        let Ok(Ok(of_all)) = all else { return Err(Error::Busy.into()) };
        Ok(Portion { _of_one: of_one, _of_customers: of_customers, _of_all: of_all })
    }

    fn of(&self, caller: &Caller) -> Arc<Semaphore> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever holds or awaits a place has a copy.
        callers.retain(|_, places| Arc::strong_count(places) > 1);
        let places = callers.entry((caller.role, caller.id.clone()));
        Arc::clone(places.or_insert_with(|| Arc::new(Semaphore::new(OF_ONE))))
    }
}

impl Portion {
    /// The answer as JSON, which keeps the place; 304 to who has it already.
    ///
    /// # Errors
    /// [`ApiError::Internal`] when it makes no JSON.
    pub(super) fn serve(self, answer: &impl Serialize, known: &IfNoneMatch) -> Result<Response, ApiError> {
        let bytes = serde_json::to_vec(answer).map_err(|error| ApiError::Internal(error.to_string()))?;
        let tag = if_none_match::tag(&bytes);
        let quoted = HeaderValue::try_from(format!("\"{tag}\"")).map(|tag| (ETAG, tag)).ok();
        if known.has(&tag) {
            return Ok((StatusCode::NOT_MODIFIED, AppendHeaders(quoted)).into_response());
        }
        let body = Body::new(Served { bytes: bytes.into(), _portion: self });
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok((AppendHeaders([json].into_iter().chain(quoted)), body).into_response())
    }
}

/// A body that is taken piece by piece.
struct Served {
    bytes: Bytes,
    _portion: Portion,
}

impl hyper::body::Body for Served {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = PIECE.min(self.bytes.len());
        Poll::Ready((length > 0).then(|| Ok(Frame::data(self.bytes.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len().try_into().unwrap_or(u64::MAX))
    }
}
