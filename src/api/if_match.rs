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
    Versions {
        versions: Vec<i64>,
        /// Whether there were weak tags, which are left out as well.
        has_weak: bool,
    },
}

impl IfMatch {
    /// Reads the header; several ones are one list (RFC 9110 §5.3).
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let malformed = || ApiError::BadRequest("If-Match: must be * or quoted versions, such as \"7\"".to_owned());
        match EntityTags::of(headers, &IF_MATCH).ok_or_else(malformed)? {
            EntityTags::None | EntityTags::Any => Ok(Self::Any),
            EntityTags::These(tags) => {
                let has_weak = tags.iter().any(|tag| tag.is_weak);
                Ok(Self::Versions { versions: versions(&tags), has_weak })
            }
        }
    }

    /// The one version that a change may find, given the present one; `None` is any.
    ///
    /// # Errors
    /// Where weak tags are the reason why there is none, in words for their sender, who may not know of them.
    pub(super) fn expected(&self, present: i64) -> Result<Option<i64>, String> {
        match self {
            Self::Any => Ok(None),
            Self::Versions { versions, .. } if versions.contains(&present) => Ok(Some(present)),
            Self::Versions { has_weak: true, .. } => Err(format!(
                "If-Match: a weak tag (W/\"...\") never matches, and a proxy that compresses answers, as nginx does with gzip, makes \
                 tags weak: send the version itself, which is \"{present}\" now"
            )),
            Self::Versions { versions, .. } => Ok(Some(versions.first().copied().unwrap_or(NEVER))),
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

    fn versions(versions: &[i64], has_weak: bool) -> IfMatch {
        IfMatch::Versions { versions: versions.to_vec(), has_weak }
    }

    #[test]
    fn versions_come_quoted_in_lists_and_over_several_lines() {
        for (lines, expected) in [
            (&[][..], IfMatch::Any),
            (&["*"], IfMatch::Any),
            (&["\"7\""], versions(&[7], false)),
            (&[" \"7\" , \"8\",,"], versions(&[7, 8], false)),
            (&["\"7\"", "\"9\""], versions(&[7, 9], false)),
            (&["\"7-0a1b\", \"-7\", \"x-7\", W/\"8-0a1b\""], versions(&[7], true)),
            (&["W/\"7\""], versions(&[], true)),
            (&["W/\"7\", \"8\""], versions(&[8], true)),
            (&["\"\""], versions(&[], false)),
            (&["\"abc,d\""], versions(&[], false)),
            (&["\"+7\"", "\"07\""], versions(&[], false)),
            (&["\"99999999999999999999\""], versions(&[], false)),
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
        let expected = |known: &[i64], has_weak| versions(known, has_weak).expected(7);
        for (known, found) in [(&[7][..], 7), (&[6, 7], 7), (&[6], 6), (&[], NEVER)] {
            assert_eq!(expected(known, false), Ok(Some(found)), "{known:?}");
        }
        assert_eq!(IfMatch::Any.expected(7), Ok(None));
        assert_eq!(expected(&[7], true), Ok(Some(7)));
        for known in [&[][..], &[6]] {
            let told = expected(known, true).unwrap_err();
            assert!(told.contains("weak") && told.ends_with("\"7\" now"), "{told}");
        }
    }
}
