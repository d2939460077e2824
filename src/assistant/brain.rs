//! From a ticket to what becomes of it: a model's answer, a quoted page, or a hand-off.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    builtin,
    draft::{Draft, Priority},
    history,
    meter::Meter,
    model::{Model, ModelError},
    outcome, plain,
    progress::Progress,
    prompt::{PromptError, Prompts},
    steps::Asked,
};
use crate::{
    helpdesk::{Budget, Drafted, Due, Retrieval, Texts, phrases},
    knowledge::{Audience, Library, Passage},
};

/// How many passages one search brings into a prompt. Two keep a local model's reading time near a second or two.
const PASSAGES: usize = 2;

/// How answers are made, and within which bounds.
pub struct Brain {
    /// The model; without one the built-in default answers.
    pub model: Option<Model>,
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
    /// How often the model may be asked for one answer; at least once.
    pub max_steps: usize,
    /// What one answer may cost in all, in tokens.
    pub max_tokens: Option<u64>,
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
    /// No endpoint brought an answer that could be used.
    #[error(transparent)]
    Model(ModelError),
    /// The model may not be asked any more for now.
    #[error("{0}")]
    Budget(Budget),
    /// A template failed.
    #[error("the prompt could not be made: {0}")]
    Prompt(#[from] PromptError),
    /// Drafting panicked; the log has where.
    #[error("an internal error")]
    Bug,
}

/// A draft, and what it rests on.
#[derive(Debug)]
pub struct Thought {
    /// The draft; its calls are still in the meter.
    pub drafted: Drafted,
    /// What was retrieved, in the order of its numbers.
    pub passages: Vec<Arc<Passage>>,
    /// The numbers that the reply cites.
    pub citations: Vec<usize>,
}

impl Brain {
    /// Drafts an answer to a ticket. Dropping the future drops the model's request, too; what was spent by then is in
    /// `meter`. A `budget` that is spent keeps the model from being asked. `progress` tells how far it is.
    ///
    /// # Errors
    /// [`Failure`], which [`give_up`](outcome::give_up) makes a hand-off of.
    pub async fn draft(
        &self,
        due: &Due,
        budget: Option<Budget>,
        meter: &Meter,
        progress: &Progress,
    ) -> Result<Thought, Failure> {
        let until = Instant::now() + self.timeout;
        let Due { ticket, transcript } = due;
        let question = history::question(transcript);
        // Who asks for a person gets one, whatever a model would make of it, and so does who is past talking to one.
        if self.model.is_some() && phrases::asks_for_person(&question) {
            return Ok(ready(due, Draft::hand_off("", "the customer asked for a person")));
        }
        if self.model.is_some() && plain::is_upset(&question) {
            let draft = Draft::hand_off("", "the customer is upset");
            return Ok(ready(due, Draft { priority: Some(Priority::High), ..draft }));
        }
        if let Some(budget) = budget {
            return Err(Failure::Budget(budget));
        }
        match &self.model {
            Some(model) => {
                let asked = Asked { model, due, question: &question, meter, progress, until };
                let answered = self.answer(&asked).await;
                answered.map_err(|failure| match failure {
                    Failure::Model(ModelError::OutOfTime) => Failure::Timeout(self.timeout),
                    failure => failure,
                })
            }
            // Pages cannot be looked up by a picture.
            None if history::is_files_alone(transcript) => {
                Ok(ready(due, Draft::hand_off("", "the customer sent a file without a word")))
            }
            None => {
                let material = self.desks.get(&ticket.desk);
                let texts = material.map(|material| material.texts.clone()).unwrap_or_default();
                let first = ticket.episode_answers == 0;
                // It quotes the best one.
                let found = self.search(&ticket.desk, &question).await;
                Ok(ready(due, builtin::answer(found.first(), &question, first, &texts)))
            }
        }
    }

    /// Whether a desk has pages for customers at all: else nothing can be said about what it does not know.
    pub(super) fn knows(&self, desk: &str) -> bool {
        let shelf = self.library.shelf(desk);
        shelf.is_some_and(|shelf| !shelf.current().passages(Audience::Customer).is_empty())
    }

    /// One look into what a desk's customers may know: the passages that answer `query`, best first, or none.
    pub(super) async fn search(&self, desk: &str, query: &str) -> Vec<Arc<Passage>> {
        self.search_for(Audience::Customer, desk, query).await
    }

    /// The same for a query that the model made.
    pub(super) async fn search_by_query(&self, desk: &str, query: &str) -> Vec<Arc<Passage>> {
        let results = self.library.search(desk, query, Audience::Customer, PASSAGES).await;
        results.near_answers().into_iter().map(|hit| hit.passage).collect()
    }

    /// The same of what `audience` may know.
    pub(super) async fn search_for(&self, audience: Audience, desk: &str, query: &str) -> Vec<Arc<Passage>> {
        let results = self.library.search(desk, query, audience, PASSAGES).await;
        results.answers().into_iter().map(|hit| hit.passage).collect()
    }
}

/// A draft that no model had a part in.
fn ready(due: &Due, draft: Draft) -> Thought {
    let citations = draft.citations.clone();
    let triage = outcome::triage(&draft);
    let outcome = outcome::outcome(draft, &due.ticket, &due.transcript);
    let drafted = Drafted { triage, retrieval: Retrieval::NotAsked, ..Drafted::of(outcome) };
    Thought { drafted, passages: Vec::new(), citations }
}
