//! A text with placeholders.

use super::Text;

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct TextError {
    /// Its key.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl TextError {
    pub(super) fn new(key: &str, problem: impl Into<String>) -> Self {
        Self { key: key.to_owned(), problem: problem.into() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Words(String),
    Placeholder(&'static str),
}

/// A text that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

impl Template {
    /// Checks a text that a desk gives.
    pub(super) fn parse(text: Text, given: &str) -> Result<Self, TextError> {
        let complain = |problem: String| Err(TextError::new(text.key(), problem));
        let given = given.trim();
        if given.is_empty() && !text.may_be_empty() {
            return complain("must not be empty".to_owned());
        }
        if let Some(control) = given.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t') {
            return complain(format!("{control:?} cannot be sent"));
        }
        if let Some(words) = text.words()
            && given.split_whitespace().count() != words
        {
            return complain(format!("must be {words} words, from Monday to Sunday"));
        }
        parts(text, given).map(Self).or_else(complain)
    }

    /// A text of ours. The tests check that each can be parsed; if one could not, it would stand as it is.
    pub(super) fn known(text: Text, given: &'static str) -> Self {
        Self(parts(text, given).unwrap_or_else(|_| vec![Part::Words(given.to_owned())]))
    }

    /// The text with its values. A placeholder without one takes the space before it along.
    pub(super) fn fill(&self, values: &[(&str, &str)]) -> String {
        let mut line = String::new();
        for part in &self.0 {
            match part {
                Part::Words(words) => line.push_str(words),
                Part::Placeholder(name) => {
                    let value = values.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
                    if value.is_empty() {
                        line.truncate(line.trim_end_matches(' ').len());
                    }
                    line.push_str(value);
                }
            }
        }
        // A first placeholder without a value leaves the space behind it.
        line.trim().to_owned()
    }
}

fn parts(text: Text, given: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut words) = (Vec::new(), String::new());
    let mut rest = given;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        words.push_str(before);
        if let Some(after) = brace.strip_prefix("{{") {
            words.push('{');
            rest = after;
        } else if let Some(after) = brace.strip_prefix("}}") {
            words.push('}');
            rest = after;
        } else if let Some((name, after)) = brace.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            let known = text.placeholders().iter().find(|known| **known == name.trim());
            let known = known.ok_or_else(|| unknown(text, name))?;
            if !words.is_empty() {
                parts.push(Part::Words(std::mem::take(&mut words)));
            }
            parts.push(Part::Placeholder(known));
            rest = after;
        } else {
            return Err("has a single brace; {{ and }} are braces as such".to_owned());
        }
    }
    words.push_str(rest);
    if !words.is_empty() {
        parts.push(Part::Words(words));
    }
    Ok(parts)
}

fn unknown(text: Text, name: &str) -> String {
    let known: Vec<String> = text.placeholders().iter().map(|known| format!("{{{known}}}")).collect();
    if known.is_empty() {
        return format!("has no placeholders, so no {{{name}}}");
    }
    format!("there is no {{{name}}} in it, only {}", known.join(", "))
}
