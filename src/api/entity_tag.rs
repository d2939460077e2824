//! Lists of entity tags in conditional requests (RFC 9110 §8.8.3, §13.1).

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// What a conditional header names.
pub(super) enum EntityTags {
    /// It is not there.
    None,
    /// `*`.
    Any,
    These(Vec<EntityTag>),
}

/// One tag.
pub(super) struct EntityTag {
    pub is_weak: bool,
    /// What stands between the quotes.
    pub text: String,
}

impl EntityTags {
    /// Reads the header; several ones are one list (RFC 9110 §5.3). `None` when it is no such list.
    pub(super) fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let lines: Option<Vec<&str>> = headers.get_all(name).iter().map(text).collect();
        let line = lines?.join(",");
        match line.trim() {
            "" if headers.contains_key(name) => None,
            "" => Some(Self::None),
            "*" => Some(Self::Any),
            list => read(list).map(Self::These),
        }
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// `None` when it is not that. Our tags hold no comma, and one that does is not ours, but still well formed.
fn read(list: &str) -> Option<Vec<EntityTag>> {
    let (mut tags, mut rest) = (Vec::new(), list);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(tags);
        }
        let is_weak = rest.starts_with("W/");
        let (tag, behind) = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
        if tag.contains([' ', '\t']) {
            return None;
        }
        rest = behind.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
        tags.push(EntityTag { is_weak, text: tag.to_owned() });
    }
}
