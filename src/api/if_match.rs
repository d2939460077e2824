//! `If-Match` with a ticket's version (RFC 9110 §13.1.1): a change that its maker has not seen the ground of is refused.

use axum::http::{HeaderMap, HeaderValue, header::IF_MATCH};

use utoipa::{
    IntoParams,
    openapi::{
        Object, Required, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use super::{
    ApiError,
    entity_tag::{EntityTag, EntityTags},
};

/// A version that no ticket has.
const NEVER: i64 = 0;

/// What the caller expects the ticket to be at.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum IfMatch {
    /// Nothing is said, or `*`: whatever it is at.
    Any,
    /// One of these versions. Tags that can name no version are left out: they match nothing.
    Versions(Vec<i64>),
}

impl IfMatch {
    /// Reads the header; several ones are one list (RFC 9110 §5.3).
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let malformed = || ApiError::BadRequest("If-Match: must be * or quoted versions, such as \"7\"".to_owned());
        match EntityTags::of(headers, &IF_MATCH).ok_or_else(malformed)? {
            EntityTags::None | EntityTags::Any => Ok(Self::Any),
            EntityTags::These(tags) => Ok(Self::Versions(versions(&tags))),
        }
    }

    /// The one version that a change may find, given the ticket's present one.
    pub(super) fn expected(&self, present: i64) -> Option<i64> {
        match self {
            Self::Any => None,
            Self::Versions(versions) if versions.contains(&present) => Some(present),
            Self::Versions(versions) => Some(versions.first().copied().unwrap_or(NEVER)),
        }
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let header = ParameterBuilder::new()
            .name(IF_MATCH.as_str())
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("The versions of which it must have one, quoted as in `ETag`, or `*`"))
            .schema(Some(Object::with_type(Type::String)));
        vec![header.build()]
    }
}

/// The entity tag of a version.
pub(super) fn tag(version: i64) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("\"{version}\"")).ok()
}

/// The strong comparison that `If-Match` asks for: a weak tag never matches.
fn versions(tags: &[EntityTag]) -> Vec<i64> {
    let strong = tags.iter().filter(|tag| !tag.is_weak);
    strong.filter_map(|tag| version(&tag.text)).collect()
}

/// The version alone, as changes give it, or before what a GET adds to it.
fn version(tag: &str) -> Option<i64> {
    let text = tag.split_once('-').map_or(tag, |(version, _)| version);
    text.parse::<i64>().ok().filter(|version| version.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<IfMatch, ApiError> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, line.parse().unwrap());
        }
        IfMatch::of(&headers)
    }

    #[test]
    fn versions_come_quoted_in_lists_and_over_several_lines() {
        for (lines, expected) in [
            (&[][..], IfMatch::Any),
            (&["*"], IfMatch::Any),
            (&["\"7\""], IfMatch::Versions(vec![7])),
            (&[" \"7\" , \"8\",,"], IfMatch::Versions(vec![7, 8])),
            (&["\"7\"", "\"9\""], IfMatch::Versions(vec![7, 9])),
            (&["\"7-0a1b\", \"-7\", \"x-7\", W/\"8-0a1b\""], IfMatch::Versions(vec![7])),
            (&["W/\"7\""], IfMatch::Versions(vec![])),
            (&["W/\"7\", \"8\""], IfMatch::Versions(vec![8])),
            (&["\"\""], IfMatch::Versions(vec![])),
            (&["\"abc,d\""], IfMatch::Versions(vec![])),
            (&["\"+7\"", "\"07\""], IfMatch::Versions(vec![])),
            (&["\"99999999999999999999\""], IfMatch::Versions(vec![])),
        ] {
            assert_eq!(read(lines).unwrap(), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_entity_tag_is_refused() {
        for line in [
            "",
            " ",
            "7",
            "\"7",
            "7\"",
            "'7'",
            "w/\"7\"",
            "\"7\"\"8\"",
            "\"7\" \"8\"",
            "*, \"7\"",
            "\"7\", *",
            "\"a b\"",
        ] {
            assert!(matches!(read(&[line]), Err(ApiError::BadRequest(_))), "{line}");
        }
    }

    #[test]
    fn of_several_versions_the_present_one_counts_and_a_foreign_tag_matches_none() {
        let expected = |versions: &[i64]| IfMatch::Versions(versions.to_vec()).expected(7);
        assert_eq!((expected(&[7]), expected(&[6, 7]), expected(&[6])), (Some(7), Some(7), Some(6)));
        assert_eq!((expected(&[]), IfMatch::Any.expected(7)), (Some(NEVER), None));
    }
}
