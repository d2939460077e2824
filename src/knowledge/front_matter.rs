//! What stands between two `---` lines at the top of a page (YAML): its title, address, tags, language and audience.
//!
//! A page whose front matter is not understood is not used at all: it may have meant to keep customers out.

use std::collections::BTreeMap;

use serde_json::Value;

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
        let (yaml, text) = block(source)?;
        Ok((Self::parse(yaml)?, text))
    }

    fn parse(yaml: &str) -> Result<Self, String> {
        let is_empty = yaml.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        let mut keys: BTreeMap<String, Value> = if is_empty {
            BTreeMap::new()
        } else {
            serde_saphyr::from_str(yaml)
                .map_err(|error| format!("has front matter that is no YAML: {}", first(&error)))?
        };
        // A quote that is not closed makes one text of several lines, and such a line a part of it.
        if yaml.lines().filter(|line| is_audience(line)).count() > usize::from(keys.contains_key("audience")) {
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
        Ok(Self {
            title: keys.remove("title").map(|value| line("title", value)).transpose()?.flatten(),
            url: keys.remove("url").map(|value| line("url", value)).transpose()?.flatten().filter(|url| is_web(url)),
            tags: tags(keys.remove("tags"))?,
            language: keys.remove("language").map(|value| line("language", value)).transpose()?.flatten(),
            audience,
        })
    }
}

/// Whether a line looks like one that says for whom the page is.
fn is_audience(line: &str) -> bool {
    let quotes = ['"', '\''];
    let rest = line.trim_start().trim_start_matches(quotes).strip_prefix("audience");
    rest.is_some_and(|rest| rest.trim_start_matches(quotes).trim_start().starts_with(':'))
}

/// What is between the `---` lines, and what follows. White space before the first does not hide it.
fn block(source: &str) -> Result<(&str, &str), String> {
    let start = source.trim_start();
    let mut lines = start.split_inclusive('\n');
    let Some(opening) = lines.next().filter(|line| line.trim_end() == "---") else {
        return Ok(("", source));
    };
    let mut end = opening.len();
    for line in lines {
        if matches!(line.trim_end(), "---" | "...") {
            return Ok((&start[opening.len()..end], &start[end + line.len()..]));
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
mod tests {
    use super::*;

    fn parse(source: &str) -> Result<FrontMatter, String> {
        FrontMatter::split(source).map(|(front, _)| front)
    }

    #[test]
    fn reads_what_it_knows_and_leaves_the_rest_alone() {
        let source = "---\ntitle: \"Gift: cards\"\nurl: https://tea.example/g\ntags: [gift, 2026]\nlanguage: en\n\
                      audience: agents\nlayout: page\n---\nText";
        let (front, text) = FrontMatter::split(source).unwrap();
        let expected = FrontMatter {
            title: Some("Gift: cards".into()),
            url: Some("https://tea.example/g".into()),
            tags: vec!["gift".into(), "2026".into()],
            language: Some("en".into()),
            audience: Audience::Agent,
        };
        assert_eq!((front, text), (expected, "Text"));
        assert_eq!(parse("---\ntags: a, b\n---\n").unwrap().tags, ["a", "b"]);
    }

    #[test]
    fn a_page_without_is_for_customers() {
        for source in ["Text", "", "---\n---\nText", "---\n# nothing\n---\nText", "Text\n---\naudience: agents\n---"] {
            assert_eq!(parse(source).unwrap().audience, Audience::Customer, "{source:?}");
        }
    }

    #[test]
    fn what_may_have_meant_to_keep_customers_out_is_an_error() {
        for source in [
            "---\naudience: agents\nText without an end",
            "---\naudience: staff\n---\n",
            "---\naudience: Agents\n---\n",
            "---\naudience:\n---\n",
            "---\naudience: [agents]\n---\n",
            "---\naudience: agents\naudience: customers\n---\n",
            "---\nAudience: agents\n---\n",
            "---\naudiance: agents\n---\n",
            "---\naudience: agents\n  title: x\n---\n",
            "---\naudience agents\n---\n",
            "---\n- audience: agents\n---\n",
            "---\ntitle: [x\naudience: agents\n---\n",
            "---\ntitle: \"\naudience: agents\na: \"\n---\n",
            "---\ntitle: '\naudience: agents\na: '\naudience: customers\n---\n",
        ] {
            assert!(parse(source).is_err(), "{source:?} gives {:?}", parse(source));
        }
    }

    #[test]
    fn white_space_does_not_hide_it() {
        for source in
            ["\n\n---\naudience: agents\n---\n", "---  \naudience: agents\n--- \n", " ---\naudience: agents\n..."]
        {
            assert_eq!(parse(source).unwrap().audience, Audience::Agent, "{source:?}");
        }
    }

    #[test]
    fn only_web_addresses_are_taken_as_urls() {
        for url in ["javascript:alert(1)", "https://", "http://a b", "/help"] {
            assert_eq!(parse(&format!("---\nurl: {url}\n---\nx")).unwrap().url, None, "{url}");
        }
    }

    proptest::proptest! {
        #[test]
        fn agents_only_stays_so_whatever_stands_around_it(
            before in "(title: [a-z \":\\[{}#&*!|>'%@`-]{0,12}\n){0,2}",
            after in "([a-z]{1,5}: [a-z \":\\[{}#&*!|>'%@`-]{0,12}\n){0,2}",
        ) {
            let source = format!("---\n{before}audience: agents\n{after}---\nText");
            // Not understood is as good: such a page is not used.
            if let Ok((front, _)) = FrontMatter::split(&source) {
                proptest::prop_assert_eq!(front.audience, Audience::Agent);
            }
        }
    }
}
