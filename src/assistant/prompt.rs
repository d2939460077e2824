//! Prompts: from a desk, a conversation and passages to the messages of one request. Pure.
//!
//! Order (design: fixed text first, so that the endpoint can reuse what it has read): the system text, which is the
//! same for every ticket of a desk; the conversation, which only grows; last what changes with every turn – facts about
//! the customer, passages, and the customer's newest lines.

mod beside;
pub mod case;
mod fit;
#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use minijinja::{Environment, UndefinedBehavior, context, syntax::SyntaxConfig};
use serde::Serialize;

use super::fence::neutralised;
use crate::knowledge::Passage;
pub use fit::estimate_tokens;
pub(super) use fit::latest_within;
use fit::{MIN_LINES_TOKENS, end_within};

/// The built-in templates: file name in an override folder, and text.
const BUILT_IN: [(&str, &str); 9] = [
    ("answer.md.j2", include_str!("../../prompts/answer.md.j2")),
    ("turn.md.j2", include_str!("../../prompts/turn.md.j2")),
    ("triage.md.j2", include_str!("../../prompts/triage.md.j2")),
    ("query.md.j2", include_str!("../../prompts/query.md.j2")),
    ("summary.md.j2", include_str!("../../prompts/summary.md.j2")),
    ("case.md.j2", include_str!("../../prompts/case.md.j2")),
    ("suggestion.md.j2", include_str!("../../prompts/suggestion.md.j2")),
    ("overview.md.j2", include_str!("../../prompts/overview.md.j2")),
    ("learn.md.j2", include_str!("../../prompts/learn.md.j2")),
];

/// Who speaks, as the chat completion API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The fixed instructions.
    System,
    /// The customer, and what we say about the customer.
    User,
    /// The assistant, and the agents.
    Assistant,
}

/// One message of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// The author of a [`Turn`]. Internal notes and system lines are not turns: they never enter a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The ticket's owner.
    Customer,
    /// An earlier answer of the assistant.
    Assistant,
    /// A person of the desk.
    Agent,
}

/// One message of the ticket's public history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who wrote it.
    pub author: Author,
    /// Its text.
    pub text: String,
}

/// Something known about the customer that may help to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is, such as `Name`.
    pub name: String,
    /// Its value; whoever the customer is may have chosen it, so it is never trusted.
    pub value: String,
}

/// A search that the model asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// Its words.
    pub query: String,
    /// How many passages came of it that were not there before.
    pub found: usize,
}

/// A draft of this run that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Its text.
    pub reply: String,
    /// What is wrong with it, in the model's terms; it ends the sentence "It was not sent, because".
    pub because: String,
}

/// The desk, as the prompt shows it.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// Its name for customers, such as "Little Kettle support".
    pub title: &'a str,
    /// The desk's own instructions from the configuration; trusted.
    pub instructions: Option<&'a str>,
}

/// All that one prompt is made of.
#[derive(Debug, Clone, Copy)]
pub struct Prompt<'a> {
    /// Who answers.
    pub desk: Desk<'a>,
    /// What is known about the customer.
    pub facts: &'a [Fact],
    /// What was retrieved, best first, numbered from 1.
    pub passages: &'a [Arc<Passage>],
    /// What the model has searched for in this run.
    pub searches: &'a [Searched],
    /// Whether it may search once more.
    pub search: bool,
    /// The conversation, oldest first.
    pub history: &'a [Turn],
    /// Whether a subject is wanted.
    pub triage: bool,
    /// The customer's language, in English, where it can be told.
    pub language: Option<&'static str>,
    /// A draft that could not be sent, and why.
    pub objection: Option<&'a Objection>,
    /// The most tokens the messages may take together, by [`estimate_tokens`].
    pub budget_tokens: usize,
}

/// The messages of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One system message, then user and assistant in turn, the last one the customer's.
    pub messages: Vec<ChatMessage>,
    /// How many of the oldest turns the budget did not hold.
    pub left_out: usize,
}

/// Why the templates cannot be used. The text names the template and the line, nothing of a conversation.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// A file of the override folder cannot be read.
    #[error("the prompt template {name} cannot be read: {source}")]
    Read {
        /// The file's name.
        name: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A template is not valid, or uses a value that does not exist.
    #[error("the prompt template {name} is not valid: {source}")]
    Template {
        /// The template's name.
        name: &'static str,
        /// What is wrong, and in which line.
        source: minijinja::Error,
    },
}

/// The templates, compiled.
#[derive(Debug)]
pub struct Prompts {
    templates: Environment<'static>,
}

impl Prompts {
    /// The built-in templates, each replaced by the file of the same name (as in `prompts/`, such as `answer.md.j2`) where
    /// `folder` has one.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or is not a valid template. Each is rendered once with sample values, so that a
    /// misspelt variable stops the start and not the first answer.
    pub fn load(folder: Option<&Path>) -> Result<Self, PromptError> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        templates.set_syntax(syntax.map_err(|source| PromptError::Template { name: BUILT_IN[0].0, source })?);
        for (name, built_in) in BUILT_IN {
            let invalid = |source| PromptError::Template { name, source };
            match folder.map(|folder| std::fs::read_to_string(folder.join(name))) {
                Some(Ok(text)) => templates.add_template_owned(name, text).map_err(invalid)?,
                Some(Err(source)) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(PromptError::Read { name, source });
                }
                _ => templates.add_template(name, built_in).map_err(invalid)?,
            }
        }
        let prompts = Self { templates };
        let passage = Arc::new(Passage {
            title: "t".into(),
            url: None,
            text: "t".into(),
            page: "p".into(),
            audience: crate::knowledge::Audience::Customer,
        });
        let sample = Prompt {
            desk: Desk { title: "t", instructions: Some("i") },
            facts: &[Fact { name: "n".into(), value: "v".into() }],
            passages: &[passage],
            searches: &[Searched { query: "q".into(), found: 1 }],
            search: true,
            history: &[],
            triage: true,
            language: Some("English"),
            objection: Some(&Objection { reply: "r".into(), because: "b".into() }),
            budget_tokens: 1000,
        };
        prompts.messages(&sample)?;
        let turn = Turn { author: Author::Customer, text: "t".into() };
        prompts.summary(Some("before"), std::slice::from_ref(&turn), 1000)?;
        prompts.query(sample.desk, Some("English"), &[turn], 1000)?;
        prompts.try_cases(&case::Case {
            desk: sample.desk,
            passages: sample.passages,
            lines: &[(case::Speaker::Customer, "t")],
            hint: Some("h"),
            budget_tokens: sample.budget_tokens,
        })?;
        Ok(prompts)
    }

    /// The messages of a request for a draft.
    ///
    /// When the budget does not hold everything, the oldest turns are left out. The customer's newest lines always
    /// stay; if they alone are too long, their end stays.
    ///
    /// # Errors
    ///
    /// When a template of an override folder fails on these values though it worked on the sample ones.
    pub fn messages(&self, prompt: &Prompt<'_>) -> Result<Rendered, PromptError> {
        let desk = context! { title => prompt.desk.title, instructions => prompt.desk.instructions };
        let system = self.render("answer.md.j2", context! { desk })?;
        let newest_from =
            prompt.history.iter().rposition(|turn| turn.author != Author::Customer).map_or(0, |at| at + 1);
        let (earlier, newest) = prompt.history.split_at(newest_from);

        let empty_turn = self.turn(prompt, "")?;
        let room = prompt.budget_tokens.saturating_sub(estimate_tokens(&system) + estimate_tokens(&empty_turn));
        let lines = newest.iter().map(|turn| neutralised(&turn.text)).collect::<Vec<_>>().join("\n");
        let lines = end_within(&lines, room.max(MIN_LINES_TOKENS));
        let room = room.saturating_sub(estimate_tokens(&lines));

        let mut messages = vec![ChatMessage { role: Role::System, content: system }];
        let shown = latest_within(earlier, room);
        for turn in shown {
            let role = match turn.author {
                Author::Customer => Role::User,
                Author::Assistant | Author::Agent => Role::Assistant,
            };
            push(&mut messages, role, neutralised(&turn.text));
        }
        push(&mut messages, Role::User, self.turn(prompt, &lines)?);
        Ok(Rendered { messages, left_out: earlier.len() - shown.len() })
    }

    /// The last user message; `lines` are already neutralised.
    fn turn(&self, prompt: &Prompt<'_>, lines: &str) -> Result<String, PromptError> {
        let facts: Vec<_> = prompt
            .facts
            .iter()
            .map(|fact| {
                context! { name => one_line(&fact.name), value => one_line(&fact.value) }
            })
            .collect();
        let passages: Vec<_> = prompt
            .passages
            .iter()
            .map(|passage| {
                context! { title => one_line(&passage.title), text => neutralised(&passage.text) }
            })
            .collect();
        let searches: Vec<_> = prompt
            .searches
            .iter()
            .map(|searched| context! { query => one_line(&searched.query), found => searched.found })
            .collect();
        let objection = prompt.objection.map(|objection| {
            context! { reply => neutralised(&objection.reply), because => objection.because.as_str() }
        });
        let Prompt { triage, search, language, .. } = *prompt;
        self.render("turn.md.j2", context! { facts, passages, searches, search, triage, language, lines, objection })
    }

    fn render(&self, name: &'static str, values: minijinja::Value) -> Result<String, PromptError> {
        let rendered = self.templates.get_template(name).and_then(|template| template.render(values));
        rendered.map(|text| text.trim().to_owned()).map_err(|source| PromptError::Template { name, source })
    }
}

/// Appends a message; two in a row of the same role become one, because many chat templates insist on turns.
fn push(messages: &mut Vec<ChatMessage>, role: Role, text: String) {
    match messages.last_mut() {
        Some(last) if last.role == role => {
            last.content.push('\n');
            last.content.push_str(&text);
        }
        _ => messages.push(ChatMessage { role, content: text }),
    }
}

/// For a place that holds one line, and for an attribute in double quotes.
fn one_line(text: &str) -> String {
    neutralised(text).replace('"', "'").split_whitespace().collect::<Vec<_>>().join(" ")
}
