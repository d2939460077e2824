//! What lists have in common: how many rows, behind which, and where the next are.

use axum::{
    Json,
    http::{HeaderValue, Uri, header::LINK},
    response::{AppendHeaders, IntoResponse},
};
use serde::Serialize;

use super::ApiError;
use crate::helpdesk::Cursor;

/// Rows a page when the caller does not say.
pub(super) const PAGE: u64 = 50;
/// The most rows a page.
pub(super) const LARGEST_PAGE: u64 = 100;

/// Reads `limit`: from 1 to `most`, and `usual` when the caller does not say.
pub(super) fn limit(digits: Option<&str>, usual: u64, most: u64) -> Result<u64, ApiError> {
    let Some(digits) = digits else { return Ok(usual) };
    let number = digits.parse().ok().filter(|limit| (1..=most).contains(limit));
    number.ok_or_else(|| ApiError::bad_parameter("limit", format!("must be a number from 1 to {most}")))
}

/// Reads `cursor`.
pub(super) fn cursor(word: Option<&str>) -> Result<Option<Cursor>, ApiError> {
    let problem = || ApiError::bad_parameter("cursor", "not one that a page's Link header gave");
    word.map(|word| Cursor::decode(word).ok_or_else(problem)).transpose()
}

/// A page, with where the next one is under the same filters.
pub(super) fn answer<T: Serialize>(
    uri: &Uri,
    filters: &[(&str, &Option<String>)],
    next_page: Option<Cursor>,
    rows: Vec<T>,
) -> impl IntoResponse + use<T> {
    let link = next_page.and_then(|cursor| next(uri.path(), filters, &cursor)).map(|link| (LINK, link));
    (AppendHeaders(link), Json(rows))
}

/// The next page of a list under the same filters, relative to this host (RFC 8288 §3.1).
fn next(path: &str, filters: &[(&str, &Option<String>)], next: &Cursor) -> Option<HeaderValue> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in filters {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.append_pair("cursor", &next.encode());
    HeaderValue::try_from(format!("<{path}?{}>; rel=\"next\"", query.finish())).ok()
}
