//! From a ticket to what becomes of it: a model's answer, a quoted page, or a hand-off.

use std::{collections::HashMap, sync::Arc, time::Duration};

use deskbridge_entity::{
    message::Author as Wrote,
    ticket::{self, Priority as TicketPriority},
};
use tokio::time;

use super::{
    builtin,
    draft::{Action, Draft, Priority},
    llm::{Llm, LlmError},
    prompt::{Author, Desk, Fact, MAX_PASSAGES, Prompt, PromptError, Prompts, Turn},
    sources,
};
use crate::{
    helpdesk::{
        Due, HandOff, Outcome, Texts, Triage, Utterance, Words,
        phrases::{self, SmallTalk},
    },
    knowledge::{Audience, Library, Passage},
};

/// How answers are made, and within which bounds.
pub struct Brain {
    /// The model; without one the built-in default answers.
    pub llm: Option<Llm>,
    /// What prompts are made from.
    pub prompts: Prompts,
    /// What a desk is and says.
    pub desks: HashMap<String, Material>,
    /// Their pages.
    pub library: Library,
    /// One bound over all of an answer.
    pub timeout: Duration,
    /// The prompt's budget, in estimated tokens.
    pub context_tokens: usize,
}

/// What a desk gives its assistant.
pub struct Material {
    /// Its instructions.
    pub prompt: Option<String>,
    /// What people call it.
    pub title: String,
    /// What it says by itself.
    pub texts: Texts,
}

/// Why there is no answer. The text is for agents and logs: it holds nothing of the customer's.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The time for an answer was over.
    #[error("the model did not answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The endpoint failed, or its answer was unusable.
    #[error("the model failed: {0}")]
    Model(#[from] LlmError),
    /// A template failed.
    #[error("the prompt could not be made: {0}")]
    Prompt(#[from] PromptError),
    /// Drafting panicked; the log has where.
    #[error("an internal error")]
    Bug,
}

impl Failure {
    /// Whether the endpoint itself seems to be down.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Timeout(_) => true,
            Self::Model(LlmError::Malformed(_)) => false,
            Self::Model(_) => true,
            Self::Prompt(_) | Self::Bug => false,
        }
    }
}

impl Brain {
    /// Drafts an answer to a ticket. Dropping the future drops the model's request, too.
    ///
    /// # Errors
    /// [`Failure`], which [`give_up`] makes a hand-off of.
    pub async fn draft(&self, due: &Due) -> Result<(Triage, Outcome), Failure> {
        time::timeout(self.timeout, self.think(due)).await.map_err(|_| Failure::Timeout(self.timeout))?
    }

    async fn think(&self, due: &Due) -> Result<(Triage, Outcome), Failure> {
        let Due { ticket, transcript: history } = due;
        let question = question(history);
        let material = self.desks.get(&ticket.desk);
        let draft = match &self.llm {
            // Who asks for a person gets one, whatever a model would make of it.
            Some(_) if phrases::asks_for_person(&question) => Draft::hand_off("", "the customer asked for a person"),
            Some(llm) => self.ask(llm, ticket, material, history, &question).await?,
            // Pages cannot be looked up by a picture.
            None if is_files_alone(history) => Draft::hand_off("", "the customer sent a file without a word"),
            None => {
                let first = !history.iter().any(|message| message.author == Wrote::Assistant);
                let texts = material.map(|material| material.texts.clone()).unwrap_or_default();
                let found = self.passages(ticket, &question, 1).await;
                builtin::answer(found.first(), &question, first, &texts)
            }
        };
        Ok((triage(&draft), outcome(draft, ticket, history)))
    }

    /// What the desk's pages for customers have on it; nothing when they do not answer it.
    async fn passages(&self, ticket: &ticket::Model, question: &str, limit: usize) -> Vec<Arc<Passage>> {
        let results = self.library.search(&ticket.desk, question, Audience::Customer, limit).await;
        results.answers().into_iter().map(|hit| hit.passage).collect()
    }

    async fn ask(
        &self,
        llm: &Llm,
        ticket: &ticket::Model,
        material: Option<&Material>,
        history: &[Utterance],
        question: &str,
    ) -> Result<Draft, Failure> {
        let passages = self.passages(ticket, question, MAX_PASSAGES).await;
        let turns: Vec<Turn> = history.iter().filter_map(turn).collect();
        let want_triage = !ticket.subject_is_named;
        let before = ticket.episode_summary.clone();
        let facts: Vec<Fact> =
            before.map(|value| Fact { name: "before, with a colleague".into(), value }).into_iter().collect();
        let messages = self.prompts.messages(&Prompt {
            desk: Desk {
                title: material.map_or(&ticket.desk, |material| &material.title),
                instructions: material.and_then(|material| material.prompt.as_deref()),
            },
            facts: &facts,
            passages: &passages,
            history: &turns,
            triage: want_triage,
            budget_tokens: self.context_tokens,
        })?;
        let (draft, usage) = match llm.draft(&messages, want_triage).await {
            // A model that stumbles once often does not stumble twice.
            Err(LlmError::Malformed(_)) => llm.draft(&messages, want_triage).await?,
            answered => answered?,
        };
        tracing::info!(
            ticket.id = %ticket.id,
            model = llm.model(),
            tokens.prompt = usage.prompt_tokens,
            tokens.completion = usage.completion_tokens,
            action = ?draft.action,
            "the model answered"
        );
        let reply = sources::with_sources(&draft.reply, &draft.citations, &passages);
        // An answer may have been nothing but a link, or characters that nobody sees.
        if draft.action != Action::HandOff && !reply.chars().any(is_visible) {
            return Err(LlmError::Malformed("nothing is left of it without links").into());
        }
        Ok(Draft { reply, ..draft })
    }
}

/// What becomes of a ticket whose answer failed: one honest line, and a person gets it.
#[must_use]
pub fn give_up(failure: &Failure, due: &Due) -> Outcome {
    let Due { ticket, transcript: history } = due;
    let reason = failure.to_string();
    Outcome::HandOff(HandOff {
        words: Words::Failure,
        summary: summary(&reason, ticket, history),
        issue: issue(ticket, history),
        reason,
    })
}

/// The customer's lines since anybody else spoke: one question, however many lines it was typed in. A file without words
/// asks nothing.
fn question(history: &[Utterance]) -> String {
    let asked = history
        .iter()
        .rposition(|message| matches!(message.author, Wrote::Assistant | Wrote::Agent))
        .map_or(0, |last| last + 1);
    // What Deskbridge says by itself, such as a greeting, is neither an answer nor a part of the question.
    let said = history.iter().skip(asked).filter(|message| message.author == Wrote::Customer && !message.only_files);
    let lines: Vec<&str> = said.map(|message| message.body.as_str()).collect();
    // "Ok" and "thanks" beside a question are no part of it.
    let asked: Vec<&str> = lines.iter().copied().filter(|line| phrases::small_talk(line).is_none()).collect();
    if asked.is_empty() { lines.join("\n") } else { asked.join("\n") }
}

/// Whether the customer has sent nothing but files since anybody else spoke.
fn is_files_alone(history: &[Utterance]) -> bool {
    let mut newest = history.iter().rev().take_while(|message| message.author == Wrote::Customer).peekable();
    newest.peek().is_some() && newest.all(|message| message.only_files)
}

fn turn(message: &Utterance) -> Option<Turn> {
    let author = match message.author {
        Wrote::Customer => Author::Customer,
        Wrote::Assistant => Author::Assistant,
        Wrote::Agent => Author::Agent,
        Wrote::System => return None,
    };
    Some(Turn { author, text: message.body.clone() })
}

fn triage(draft: &Draft) -> Triage {
    let priority = draft.priority.map(|priority| match priority {
        Priority::Low => TicketPriority::Low,
        Priority::Normal => TicketPriority::Normal,
        Priority::High => TicketPriority::High,
        Priority::Urgent => TicketPriority::Urgent,
    });
    Triage { subject: draft.subject.clone(), priority }
}

fn outcome(draft: Draft, ticket: &ticket::Model, history: &[Utterance]) -> Outcome {
    match draft.action {
        Action::HandOff => {
            let words = if draft.reply.trim().is_empty() { Words::Person } else { Words::Own(draft.reply) };
            let reason = draft.reason.unwrap_or_else(|| "the assistant handed off".to_owned());
            Outcome::HandOff(HandOff {
                words,
                summary: summary(&reason, ticket, history),
                issue: issue(ticket, history),
                reason,
            })
        }
        // Resolving needs the customer's word, not only the model's.
        Action::Resolve if phrases::small_talk(&question(history)) == Some(SmallTalk::Thanks) => {
            Outcome::Resolve { body: draft.reply }
        }
        Action::Continue | Action::Clarify | Action::Resolve => Outcome::Answer { body: draft.reply },
    }
}

/// What an agent should know at once: issue, details, what was tried, next step.
fn summary(reason: &str, ticket: &ticket::Model, history: &[Utterance]) -> String {
    let answers = history.iter().filter(|message| message.author == Wrote::Assistant).count();
    let tried = match answers {
        0 => "nothing was answered yet".to_owned(),
        1 => "the assistant answered once".to_owned(),
        n => format!("the assistant answered {n} times"),
    };
    let said = history.iter().filter(|message| message.author == Wrote::Customer);
    let mut last: Vec<String> =
        said.rev().take(LAST_LINES).map(|message| format!("> {}", brief(&message.body))).collect();
    last.reverse();
    let details =
        if last.is_empty() { String::new() } else { format!("\nThe customer said last:\n{}", last.join("\n")) };
    format!(
        "Handed off: {reason}\nIssue: {}{details}\nTried so far: {tried}\nNext step: answer the customer.",
        issue(ticket, history)
    )
}

/// What was asked last; where no words were, what the ticket is called.
fn issue(ticket: &ticket::Model, history: &[Utterance]) -> String {
    Some(brief(&question(history))).filter(|asked| !asked.is_empty()).unwrap_or_else(|| ticket.subject.clone())
}

/// Lines of the customer in a summary.
const LAST_LINES: usize = 3;

/// A line's beginning, without line breaks.
fn brief(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

/// Letters, digits, and symbols such as emoji: an answer has at least one.
fn is_visible(c: char) -> bool {
    c.is_alphanumeric() || (c >= '\u{2190}' && c != '\u{FEFF}')
}
