//! `If-None-Match` (RFC 9110 §13.1.2): who has an answer already is told that it still stands, by 304.

use axum::{
    extract::FromRequestParts,
    http::{header::IF_NONE_MATCH, request::Parts},
};
use sha2::{Digest, Sha256};

use super::{Api, ApiError, entity_tag::EntityTags};

/// What the caller has.
pub(super) struct IfNoneMatch(EntityTags);

impl FromRequestParts<Api> for IfNoneMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let tags = EntityTags::of(&parts.headers, &IF_NONE_MATCH);
        tags.map(Self).ok_or_else(malformed)
    }
}

impl From<EntityTags> for IfNoneMatch {
    fn from(tags: EntityTags) -> Self {
        Self(tags)
    }
}

/// The header makes no sense.
pub(super) fn malformed() -> ApiError {
    ApiError::BadRequest("If-None-Match: must be * or quoted tags".to_owned())
}

impl IfNoneMatch {
    /// Whether the caller has the answer with this tag. The weak comparison: a proxy may have weakened ours.
    pub(super) fn has(&self, tag: &str) -> bool {
        match &self.0 {
            EntityTags::None => false,
            EntityTags::Any => true,
            EntityTags::These(tags) => tags.iter().any(|known| known.text == tag),
        }
    }
}

/// The tag of an answer by its bytes, without quotes: whatever it is made of, another answer has another tag.
pub(super) fn tag(answer: &[u8]) -> String {
    Sha256::digest(answer).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
