//! Query parameters: one that the route does not know is refused, so that a misspelt filter does not go unnoticed.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use utoipa::openapi::{
    RefOr,
    path::{ParameterIn, Paths},
};

use super::{ApiError, openapi::operations};

/// How much of a name is repeated, in characters.
const LONGEST: usize = 50;

/// The parameters of a route, by its methods. Clones share them.
#[derive(Clone)]
pub(super) struct Known(Arc<HashMap<Method, Vec<String>>>);

impl Known {
    /// Those that the route's description has.
    pub(super) fn of(paths: &Paths) -> Self {
        let mut known = HashMap::new();
        for (method, operation) in paths.paths.values().flat_map(operations) {
            let in_query = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
                RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
                _ => None,
            });
            known.insert(method, in_query.collect());
        }
        Self(Arc::new(known))
    }
}

/// In front of handlers, behind the guard.
pub(super) async fn check(State(known): State<Known>, request: Request, next: Next) -> Result<Response, ApiError> {
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let known = known.0.get(method).map_or(&[][..], Vec::as_slice);
    let query = request.uri().query().unwrap_or_default();
    if let Some((name, _)) =
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| !known.iter().any(|it| it == name))
    {
        let name: String = name.chars().take(LONGEST).collect();
        let words = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(ApiError::bad_parameter(&name, format!("no parameter of this route, which has {words}")));
    }
    Ok(next.run(request).await)
}
