//! What is wrong with a body or a query, in one style: `field: what is wrong`, with what would do.
//!
//! Of a body that does not fit its type there is nothing but serde's words, and ours are made of them.

use serde_json::Value;

use super::ApiError;

/// How much of a caller's own name is repeated, in characters.
const LONGEST: usize = 50;
/// How much of a parser's words, which can quote a long value.
const LONGEST_WORDS: usize = 200;
/// How many names that came are repeated.
const MOST: usize = 10;

/// A value of a body does not fit: where it stands (`.` is the body itself), and what serde says of it.
pub(super) fn of(place: &str, words: &str, body: &Value) -> ApiError {
    let field = if place == "." { "" } else { place };
    if let Some(name) = words.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return match field {
            "" => ApiError::invalid(name, needed(body)),
            _ => ApiError::invalid(&short(&format!("{field}.{name}")), "is needed"),
        };
    }
    let field = short(if field.is_empty() { "body" } else { field });
    if words.starts_with("unknown field `") {
        return ApiError::invalid(&field, unknown("field; this body", &known(words)));
    }
    if words.starts_with("unknown variant `") {
        return ApiError::invalid(&field, format!("must be {}", joined(&known(words), "or")));
    }
    let kinds = words.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "));
    match kinds {
        Some((found, expected)) => {
            ApiError::invalid(&field, format!("must be {}, not {}", wanted(expected), given(found)))
        }
        None => ApiError::invalid(&field, brief(words)),
    }
}

/// What there is instead of an unknown name, such as a `parameter; this route` has.
pub(super) fn unknown(what: &str, known: &[&str]) -> String {
    let known = if known.is_empty() { "none".to_owned() } else { joined(known, "and") };
    format!("unknown {what} has {known}")
}

/// As `a, b or c`.
fn joined(words: &[&str], last: &str) -> String {
    match words {
        [before @ .., end] if !before.is_empty() => format!("{} {last} {end}", before.join(", ")),
        _ => words.concat(),
    }
}

/// Who misspelt a name sees what came.
fn needed(body: &Value) -> String {
    let came: Vec<String> = body.as_object().into_iter().flatten().take(MOST).map(|(name, _)| short(name)).collect();
    let came: Vec<&str> = came.iter().map(String::as_str).collect();
    if came.is_empty() { "is needed".to_owned() } else { format!("is needed; this body has {}", joined(&came, "and")) }
}

/// What serde expects, which stands at the end in backticks.
fn known(words: &str) -> Vec<&str> {
    let expected = words.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
    expected.split('`').skip(1).step_by(2).collect()
}

fn wanted(words: &str) -> &str {
    match words {
        "a sequence" => "a list",
        // A word of several, of which serde does not say them here.
        "string or map" => "a string",
        "a map" => "an object",
        _ if words.starts_with("struct ") => "an object",
        _ => words,
    }
}

fn given(words: &str) -> &str {
    match words.split([' ', '`', '"']).next().unwrap_or_default() {
        "integer" | "floating" => "a number",
        "boolean" => "a boolean",
        "string" => "a string",
        "map" => "an object",
        "sequence" => "a list",
        word => word,
    }
}

/// The beginning of a name.
pub(super) fn short(name: &str) -> String {
    name.chars().take(LONGEST).collect()
}

/// The beginning of a parser's words.
pub(super) fn brief(words: &str) -> String {
    match words.char_indices().nth(LONGEST_WORDS) {
        Some((cut, _)) => format!("{}…", &words[..cut]),
        None => words.to_owned(),
    }
}
