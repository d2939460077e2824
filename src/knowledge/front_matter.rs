//! What stands between two `---` lines at the top of a page (YAML): its title, address, tags, language and audience.
//!
//! A page whose front matter is not understood is not used at all: it may have meant to keep customers out.

use std::collections::BTreeMap;

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

/// So many lines that are not blank are searched for an audience that was not understood as front matter.
const FIRST_LINES: usize = 30;

/// Who reads, and for whom a page is: customers, or the desk's agents only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// Customers, and with them everybody.
    Customer,
    /// The desk's agents; they read the customers' pages as well.
    Agent,
}

impl Audience {
    /// `customer` and `agent`, also in the plural.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "customer" | "customers" => Some(Self::Customer),
            "agent" | "agents" => Some(Self::Agent),
            _ => None,
        }
    }

    /// As front matter has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customers",
            Self::Agent => "agents",
        }
    }
}

/// The front matter of one page. Keys that other programs keep there are left alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FrontMatter {
    pub(super) title: Option<String>,
    /// Only an address that may be shown to a customer: `http` or `https`.
    pub(super) url: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) language: Option<String>,
    pub(super) audience: Audience,
}

impl FrontMatter {
    /// Splits a page into front matter and text. Line ends must be `\n`.
    ///
    /// # Errors
    /// What is wrong with it, for the person who keeps the pages.
    pub(super) fn split(source: &str) -> Result<(Self, &str), String> {
        let (start, end, text) = block(source)?;
        // Blank lines before it, so that the parser counts lines as the page has them.
        let yaml = "\n".repeat(source[..start].matches('\n').count()) + &source[start..end];
        let (front, says_audience) = Self::parse(&yaml)?;
        let is_line_end = |c| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let mut first = text.split(is_line_end).filter(|line| !line.trim().is_empty()).take(FIRST_LINES);
        if let Some(line) = first.find(|line| !says_audience && is_audience(line)) {
            let line: String = line.trim().chars().filter(|c| !c.is_control()).take(40).collect();
            return Err(format!("has '{line}' outside of front matter; begin the file with a line of three hyphens"));
        }
        Ok((front, text))
    }

    /// And whether it says for whom the page is.
    fn parse(yaml: &str) -> Result<(Self, bool), String> {
        let is_empty = yaml.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        let mut keys: BTreeMap<String, Value> = if is_empty {
            BTreeMap::new()
        } else {
            serde_saphyr::from_str(yaml)
                .map_err(|error| format!("has front matter that is no YAML: {}", first(&error)))?
        };
        if let Some(key) = keys.keys().find(|key| !key.is_ascii()) {
            return Err(format!("has the key '{}' in its front matter, which is not ASCII", key.escape_default()));
        }
        // A quote that is not closed makes one text of several lines, and such a line a part of it.
        let says_audience = keys.contains_key("audience");
        let is_comment = |line: &str| line.trim_start().starts_with('#');
        let looks = yaml.lines().filter(|line| !is_comment(line) && is_audience(line)).count();
        if looks > usize::from(says_audience) {
            return Err("has an audience that is a part of another value; is a quote not closed?".to_owned());
        }
        let audience = match keys.remove("audience") {
            None => Audience::Customer,
            Some(value) => {
                let known = value.as_str().and_then(Audience::from_word);
                known.ok_or_else(|| format!("has the audience {value}; it must be customers or agents"))?
            }
        };
        // A misspelt key must not show to everybody what was meant for agents.
        if let Some(key) = keys.keys().find(|key| key.trim().to_lowercase().starts_with("aud")) {
            return Err(format!("has the unknown key '{key}' in its front matter; is audience meant?"));
        }
        let front = Self {
            title: keys.remove("title").map(|value| line("title", value)).transpose()?.flatten(),
            url: keys.remove("url").map(|value| line("url", value)).transpose()?.flatten().filter(|url| is_web(url)),
            tags: tags(keys.remove("tags"))?,
            language: keys.remove("language").map(|value| line("language", value)).transpose()?.flatten(),
            audience,
        };
        Ok((front, says_audience))
    }
}

/// Whether a line looks like one that says for whom the page is: `audience` or a misspelling, at its beginning or behind a
/// brace or comma, with `:` or `=` behind it. Look-alikes and invisible characters make no difference.
fn is_audience(line: &str) -> bool {
    let line = skeleton(line);
    let mut rest = line.as_str();
    while let Some(at) = rest.find("aud") {
        let before =
            line[..line.len() - rest.len() + at].trim_end_matches(|c: char| !c.is_alphanumeric() && !"{,".contains(c));
        let behind = rest[at..].trim_start_matches(char::is_alphanumeric);
        let word = &rest[at..rest.len() - behind.len()];
        let behind = behind.trim_start_matches(|c: char| c.is_whitespace() || "\"'*_`".contains(c));
        if (before.is_empty() || before.ends_with(['{', ',']))
            && word.trim_end_matches('s').ends_with("nce")
            && behind.starts_with([':', '='])
        {
            return true;
        }
        rest = &rest[at + 3..];
    }
    false
}

/// In lower case, compatibility forms (UAX #15) and letters that look like those of `audience` as what they stand for, and
/// without what is not seen.
fn skeleton(line: &str) -> String {
    let visible = line.nfkd().filter(|c| c.is_ascii() || c.is_alphanumeric() && !matches!(c, '\u{115f}' | '\u{1160}'));
    let latin = visible.flat_map(char::to_lowercase).map(|c| match c {
        'а' | 'α' | 'ɑ' | 'ᴀ' => 'a',
        'υ' | 'ս' | 'ʋ' | 'ᴜ' => 'u',
        'ԁ' | 'ɗ' | 'ᴅ' => 'd',
        'і' | 'ι' | 'ı' | 'ɩ' | 'ɪ' | 'ӏ' => 'i',
        'е' | 'ε' | 'є' | 'ҽ' | 'ᴇ' => 'e',
        'ո' | 'ν' | 'п' | 'ɴ' => 'n',
        'с' | 'ϲ' | 'ς' | 'ᴄ' => 'c',
        c => c,
    });
    latin.collect()
}

/// Where the text between the `---` lines begins and ends, and what follows. White space before the first does not hide it.
fn block(source: &str) -> Result<(usize, usize, &str), String> {
    let start = source.len() - source.trim_start().len();
    let mut lines = source[start..].split_inclusive('\n');
    let Some(opening) = lines.next().filter(|line| line.trim_end() == "---") else {
        return Ok((0, 0, source));
    };
    let start = start + opening.len();
    let mut end = start;
    for line in lines {
        if matches!(line.trim_end(), "---" | "...") {
            return Ok((start, end, &source[end + line.len()..]));
        }
        end += line.len();
    }
    Err("has front matter that is not closed: a line --- is missing".to_owned())
}

/// One line of text; numbers and the like as they are written.
fn line(key: &str, value: Value) -> Result<Option<String>, String> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text,
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => return Err(format!("has a {key} that is no text")),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// A list, or one text with commas.
fn tags(value: Option<Value>) -> Result<Vec<String>, String> {
    let values = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(values)) => values,
        Some(Value::String(text)) => text.split(',').map(|tag| Value::String(tag.to_owned())).collect(),
        Some(other) => vec![other],
    };
    let tags = values.into_iter().map(|value| line("tag", value)).collect::<Result<Vec<_>, _>>()?;
    Ok(tags.into_iter().flatten().collect())
}

/// Only such an address may be shown to a customer as a source.
fn is_web(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control()))
}

/// The parser's first line; the others draw where it is.
fn first(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests;
