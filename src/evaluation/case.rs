//! The labelled cases: what is said, and what should come of it.

use std::collections::{BTreeMap, BTreeSet};

use deskbridge_entity::message::Author;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize, de::Error as _};

use crate::knowledge::Knowledge;

/// What is wrong with a set of cases. The text names the case and the key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CaseError(String);

/// What the assistant does with a customer's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It answers, or says something polite.
    Answer,
    /// It asks back.
    Clarify,
    /// A person gets the ticket.
    HandOff,
    /// It says that it will not or cannot, and asserts nothing else.
    Refuse,
    /// There was no usable answer. Nobody expects that.
    #[serde(skip_deserializing)]
    Failed,
}

impl Decision {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 5] = [Self::Answer, Self::Clarify, Self::HandOff, Self::Refuse, Self::Failed];

    /// As files and tables spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Clarify => "clarify",
            Self::HandOff => "hand_off",
            Self::Refuse => "refuse",
            Self::Failed => "failed",
        }
    }
}

/// One line of a case's conversation: the customer's, or `{ assistant = "…" }`, `{ agent = "…" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a line of the customer, or { assistant = \"…\" } or { agent = \"…\" }")]
enum Line {
    Customer(String),
    Assistant { assistant: String },
    Agent { agent: String },
}

/// A page that only this case has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The path it would have in the folder, such as `promo.md`.
    pub name: String,
    /// Markdown, with front matter where title and address matter.
    pub text: String,
}

/// A text in a reply: a regular expression; case makes no difference.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Whether it is in `text`.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// As the file has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Err(D::Error::custom("is empty, and would fit everything"));
        }
        let built = RegexBuilder::new(&text).case_insensitive(true).build();
        built.map(Self).map_err(|_| D::Error::custom(format!("'{text}' is no regular expression")))
    }
}

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Names it; each once.
    pub id: String,
    /// What kind it is, such as `answerable`; tables have a row for each.
    pub class: String,
    /// What was said, oldest first; the customer's newest lines are the question.
    conversation: Vec<Line>,
    /// The right decisions; the first is its row in the table.
    pub expect: Vec<Decision>,
    /// The pages of which an answer must cite one.
    #[serde(default)]
    pub cite: Vec<String>,
    /// What an answer must have.
    #[serde(default)]
    pub must: Vec<Pattern>,
    /// What nothing that is said may have.
    #[serde(default)]
    pub must_not: Vec<Pattern>,
    /// The language of what is said (ISO 639-1).
    #[serde(default = "english")]
    pub language: String,
    /// Pages beside the others.
    #[serde(default)]
    pub pages: Vec<Page>,
    /// There are no others.
    #[serde(default)]
    pub only_pages: bool,
}

fn english() -> String {
    "en".to_owned()
}

impl Case {
    /// What was said, by whom.
    #[must_use]
    pub fn said(&self) -> Vec<(Author, String)> {
        let said = |line: &Line| match line {
            Line::Customer(text) => (Author::Customer, text.clone()),
            Line::Assistant { assistant } => (Author::Assistant, assistant.clone()),
            Line::Agent { agent } => (Author::Agent, agent.clone()),
        };
        self.conversation.iter().map(said).collect()
    }

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let by_customer = matches!(self.conversation.last(), Some(Line::Customer(text)) if !text.trim().is_empty());
        if !by_customer {
            return Err(("conversation", "must end with a line of the customer"));
        }
        if self.expect.is_empty() {
            return Err(("expect", "must have a decision: answer, clarify, hand_off or refuse"));
        }
        if self.class.trim().is_empty() {
            return Err(("class", "must not be empty"));
        }
        if !crate::assistant::language::is_known(&self.language) {
            return Err(("language", "is none that can be told from another"));
        }
        if self.only_pages && self.pages.is_empty() {
            return Err(("only_pages", "needs pages"));
        }
        Ok(())
    }
}

/// A set of cases.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The cases, in the order of the file.
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
}

impl Suite {
    /// Reads a set of cases.
    ///
    /// # Errors
    /// [`CaseError`] with the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, CaseError> {
        let table: toml::Table = toml::from_str(text)
            .map_err(|error| CaseError(format!("is not valid TOML: {}", error.to_string().trim())))?;
        let named = |number: usize| {
            let id = table.get("case").and_then(|cases| cases.get(number)?.get("id")?.as_str());
            id.map_or_else(|| format!("case number {}", number + 1), |id| format!("case '{id}'"))
        };
        let suite: Self = serde_path_to_error::deserialize(toml::Value::Table(table.clone())).map_err(|error| {
            let path = error.path().to_string();
            let problem = error.into_inner().message().to_owned();
            let inside = path.strip_prefix("case[").and_then(|rest| rest.split_once(']'));
            match inside.and_then(|(number, key)| Some((number.parse().ok()?, key.trim_start_matches('.')))) {
                Some((number, "")) => CaseError(format!("{}: {problem}", named(number))),
                Some((number, key)) => CaseError(format!("{}, key {key}: {problem}", named(number))),
                None => CaseError(format!("key {path}: {problem}")),
            }
        })?;
        let mut ids = BTreeSet::new();
        for (number, case) in suite.cases.iter().enumerate() {
            case.check().map_err(|(key, problem)| CaseError(format!("{}, key {key}: {problem}", named(number))))?;
            for page in &case.pages {
                let cut = Knowledge::cut(&page.name, &page.text);
                cut.map_err(|problem| CaseError(format!("{}, key pages: {} {problem}", named(number), page.name)))?;
            }
            if case.id.trim().is_empty() || !ids.insert(case.id.as_str()) {
                return Err(CaseError(format!("{}, key id: must be there, and like no other", named(number))));
            }
        }
        if suite.cases.is_empty() {
            return Err(CaseError("has no case".to_owned()));
        }
        Ok(suite)
    }

    /// Keeps the cases of these classes and with these ids; an empty list keeps all.
    ///
    /// # Errors
    /// [`CaseError`] when one of the names is nobody's.
    pub fn only(mut self, classes: &[String], ids: &[String]) -> Result<Self, CaseError> {
        let counts = self.classes();
        if let Some(unknown) = classes.iter().find(|class| !counts.contains_key(class.as_str())) {
            let known: Vec<&str> = counts.keys().copied().collect();
            return Err(CaseError(format!("there is no class '{unknown}', only: {}", known.join(", "))));
        }
        if let Some(unknown) = ids.iter().find(|id| !self.cases.iter().any(|case| case.id == **id)) {
            return Err(CaseError(format!("there is no case '{unknown}'")));
        }
        self.cases.retain(|case| {
            (classes.is_empty() || classes.contains(&case.class)) && (ids.is_empty() || ids.contains(&case.id))
        });
        if self.cases.is_empty() {
            return Err(CaseError("no case is of these classes and has these ids".to_owned()));
        }
        Ok(self)
    }

    /// How many cases each class has.
    #[must_use]
    pub fn classes(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for case in &self.cases {
            *counts.entry(case.class.as_str()).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        Suite::parse(text).unwrap_err().to_string()
    }

    const GOOD: &str = "[[case]]\nid = 'a'\nclass = 'x'\nconversation = ['Hi', { assistant = 'Hello' }, 'Tea?']\nexpect = ['answer']\n";

    #[test]
    fn a_complaint_names_the_case_and_the_key() {
        Suite::parse(GOOD).unwrap();
        for (from, to, words) in [
            ("['answer']", "['anser']", "case 'a', key expect[0]: unknown variant `anser`"),
            ("['answer']", "['failed']", "case 'a', key expect[0]: unknown variant `failed`"),
            ("['answer']", "[]", "case 'a', key expect: must have a decision"),
            ("'Tea?'", "{ bot = 'x' }", "case 'a', key conversation[2]: a line of the customer, or { assistant"),
            (", 'Tea?'", "", "case 'a', key conversation: must end with a line of the customer"),
            ("class", "clas", "case 'a', key clas: unknown field `clas`"),
            ("id = 'a'\n", "", "case number 1: missing field `id`"),
            ("'x'", "'x'\nmust = ['(']", "case 'a', key must[0]: '(' is no regular expression"),
            ("'x'", "'x'\nmust = ['']", "case 'a', key must[0]: is empty"),
            ("'x'", "'x'\nlanguage = 'tlh'", "case 'a', key language: is none"),
            ("'x'", "'x'\nonly_pages = true", "case 'a', key only_pages: needs pages"),
        ] {
            let told = complaint(&GOOD.replacen(from, to, 1));
            assert!(told.contains(words), "{told}");
        }
        assert!(complaint(&format!("{GOOD}{GOOD}")).contains("case 'a', key id: must be there, and like no other"));
        assert!(complaint("case = []").contains("has no case"));
        assert!(complaint("[[case").contains("is not valid TOML"));
        assert!(complaint("cases = 1").contains("key cases: unknown field"));
    }

    #[test]
    fn classes_and_ids_choose_and_must_exist() {
        let two = format!("{GOOD}{}", GOOD.replace("'a'", "'b'").replace("'x'", "'y'"));
        let only = |classes: &[&str], ids: &[&str]| {
            let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            let kept = Suite::parse(&two).unwrap().only(&own(classes), &own(ids));
            kept.map(|suite| suite.cases.into_iter().map(|case| case.id).collect::<String>()).map_err(|e| e.to_string())
        };
        assert_eq!(only(&[], &[]).unwrap(), "ab");
        assert_eq!(only(&["y"], &[]).unwrap(), "b");
        assert_eq!(only(&[], &["a"]).unwrap(), "a");
        assert!(only(&["z"], &[]).unwrap_err().contains("only: x, y"));
        assert!(only(&[], &["c"]).unwrap_err().contains("'c'"));
        assert!(only(&["x"], &["b"]).is_err());
    }

    #[test]
    fn the_shipped_cases_are_sound() {
        let suite = super::super::sample::suite().unwrap();
        assert!(suite.cases.len() >= 70, "{}", suite.cases.len());
        let pages: BTreeSet<String> =
            super::super::sample::passages().into_iter().map(|passage| passage.page).collect();
        for case in &suite.cases {
            for page in &case.cite {
                let own = case.pages.iter().any(|own| own.name == *page);
                assert!(own || (pages.contains(page) && !case.only_pages), "{}: {page}", case.id);
            }
        }
        for class in [
            "answerable",
            "thin",
            "unanswerable",
            "angry",
            "wants_person",
            "small_talk",
            "other_language",
            "injection",
            "other_customer",
            "unclear",
        ] {
            assert!(suite.classes().get(class).is_some_and(|count| *count >= 4), "{class}");
        }
    }
}
