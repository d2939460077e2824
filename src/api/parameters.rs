//! What a route has no place for: a query parameter that it does not know is refused, so that a misspelt filter does not go
//! unnoticed, and so is a field where it has no body.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use axum::{
    body::Body,
    extract::{FromRequest, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use utoipa::openapi::{
    RefOr,
    path::{ParameterIn, Paths},
};

use super::{
    Api, ApiError, complaint,
    extract::{MaybeBody, NoBody},
    openapi::operations,
};

/// What a route takes, by its methods. Clones share it.
#[derive(Clone)]
pub(super) struct Known(Arc<HashMap<Method, Taken>>);

struct Taken {
    parameters: Vec<String>,
    has_body: bool,
}

impl Known {
    /// What the route's description has.
    pub(super) fn of(paths: &Paths) -> Self {
        let mut known = HashMap::new();
        for (method, operation) in paths.paths.values().flat_map(operations) {
            let in_query = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
                RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
                _ => None,
            });
            let has_body = operation.request_body.is_some() || method == Method::GET;
            known.insert(method, Taken { parameters: in_query.collect(), has_body });
        }
        Self(Arc::new(known))
    }
}

/// In front of handlers, behind the guard.
pub(super) async fn check(
    State((api, known)): State<(Api, Known)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let Some(known) = known.0.get(method) else { return Ok(next.run(request).await) };
    let query = request.uri().query().unwrap_or_default();
    let mut seen = HashSet::new();
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        if !known.parameters.iter().any(|it| *it == name) {
            let known: Vec<&str> = known.parameters.iter().map(String::as_str).collect();
            let problem = complaint::unknown("parameter; this route", &known);
            return Err(ApiError::bad_parameter(&complaint::short(&name), problem));
        }
        if seen.contains(&name) {
            return Err(ApiError::bad_parameter(&name, "must be given once"));
        }
        seen.insert(name);
    }
    if known.has_body {
        return Ok(next.run(request).await);
    }
    let (head, body) = request.into_parts();
    MaybeBody::<NoBody>::from_request(Request::from_parts(head.clone(), body), &api).await?;
    Ok(next.run(Request::from_parts(head, Body::empty())).await)
}
