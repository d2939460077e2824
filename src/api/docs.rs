//! `/openapi.json` and `/docs`: the document, and a page to read it by and to try it. They tell nothing that the code does not,
//! so they need no token.

use axum::{
    Router,
    http::{HeaderValue, header::CONTENT_SECURITY_POLICY},
    middleware,
    response::Response,
};
use utoipa_swagger_ui::SwaggerUi;

use super::{Api, openapi};

/// Swagger UI sets styles in place; all else comes from here, and nobody frames it.
const POLICY: &str =
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

/// The pages, all of them in this program.
pub(super) fn pages() -> Router<Api> {
    let pages: Router<Api> = SwaggerUi::new("/docs").url("/openapi.json", openapi::document()).into();
    pages.layer(middleware::map_response(guarded))
}

async fn guarded(mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
