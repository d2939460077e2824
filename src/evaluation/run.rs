//! Puts the cases before the real assistant: retrieval, prompt, model, guards, sources. No XMPP, no database.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    case::{Case, Decision, Suite},
    judge::{self, Verdict},
};
use crate::{
    assistant::{
        brain::{Brain, Failure},
        llm::LlmError,
        meter::Meter,
    },
    helpdesk::{Clock, Due, Outcome},
    knowledge::{Audience, Knowledge, Library, Passage, Shelf},
};

/// Who asks, in every case.
const CUSTOMER: &str = "customer@evaluation.invalid";

/// What came of one case, once.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The case's number in the suite.
    pub case: usize,
    /// Which of its repetitions, from 0.
    pub repetition: usize,
    /// What was decided.
    pub decided: Decision,
    /// What the customer would read, as far as the assistant wrote it; for a failure, why.
    pub said: String,
    /// What it was worth.
    pub verdict: Verdict,
    /// From the question to the end.
    pub latency: Duration,
    /// Tokens of prompts and answers of all calls; estimated where the endpoint does not say.
    pub tokens: [u64; 2],
}

/// One assistant, as often as cases are to run at the same time, and what it answers from.
pub struct Subject {
    brains: Vec<Brain>,
    desk: String,
    library: Library,
}

impl Subject {
    /// `brains` are alike; the pages are those of the first one's desk, or `passages` where some are given.
    #[must_use]
    pub fn new(brains: Vec<Brain>, desk: &str, passages: Option<Vec<Passage>>) -> Self {
        let given = passages.map(|passages| library(desk, passages));
        let own = brains.first().map(|brain| brain.library.clone());
        Self { brains, desk: desk.to_owned(), library: given.or(own).unwrap_or_default() }
    }

    /// What answers, in a word or two: the model, and those behind it for when it fails.
    #[must_use]
    pub fn model(&self) -> String {
        let model = self.brains.first().and_then(|brain| brain.model.as_ref());
        let names = model.map(|model| model.endpoints().map(|llm| llm.model()).collect::<Vec<_>>().join(", "));
        names.unwrap_or_else(|| "built-in default".to_owned())
    }

    /// How many passages there are to answer from.
    #[must_use]
    pub fn passages(&self) -> usize {
        known(&self.library, &self.desk).len()
    }

    /// Whether an endpoint is there at all: without one every case would fail, slowly.
    ///
    /// # Errors
    /// As [`crate::assistant::llm::Llm::probe`], of the last one.
    pub async fn probe(&self) -> Result<(), LlmError> {
        let mut last = Ok(());
        for llm in self.brains.first().and_then(|brain| brain.model.as_ref()).iter().flat_map(|model| model.endpoints())
        {
            last = llm.probe().await;
            // An endpoint without a list of models may work all the same.
            if matches!(last, Ok(()) | Err(LlmError::Rejected { status: 404 })) {
                return Ok(());
            }
        }
        last
    }

    /// Runs every case `repeat` times; `ended` is told of each as it ends. The results are in the order of the cases.
    pub async fn run(self, suite: &Suite, repeat: usize, ended: impl Fn(&Case, &Ran)) -> Vec<Ran> {
        let total = suite.cases.len() * repeat;
        let next = Cell::new(0);
        let done = RefCell::new(Vec::with_capacity(total));
        let (desk, library) = (self.desk.as_str(), &self.library);
        let work = |mut brain: Brain| {
            let (next, done, ended) = (&next, &done, &ended);
            async move {
                while next.get() < total {
                    let place = next.replace(next.get() + 1);
                    let (number, repetition) = (place / repeat, place % repeat);
                    let Some(case) = suite.cases.get(number) else { break };
                    let ran = run(&mut brain, desk, library, case).await;
                    let ran = Ran { case: number, repetition, ..ran };
                    ended(case, &ran);
                    done.borrow_mut().push(ran);
                }
            }
        };
        futures::future::join_all(self.brains.into_iter().map(work)).await;
        let mut done = done.into_inner();
        done.sort_by_key(|ran| (ran.case, ran.repetition));
        done
    }
}

async fn run(brain: &mut Brain, desk: &str, base: &Library, case: &Case) -> Ran {
    brain.library = with_pages(base, desk, case);
    let knowledge = known(&brain.library, desk);
    let material = brain.desks.get(desk);
    let trusted =
        material.map(|material| format!("{}\n{}", material.title, material.prompt.as_deref().unwrap_or_default()));
    let trusted = trusted.unwrap_or_default();
    let due = Due::imagined(desk, CUSTOMER, &case.said(), Clock::default().now());
    let Drafted { outcome, latency, tokens } = draft(brain, &due).await;
    let (decided, said, verdict) = match outcome {
        Ok(outcome) => {
            let asked: Vec<String> = case.said().into_iter().map(|(_, text)| text).collect();
            let (decided, said) = judge::decision(&outcome, &asked.join("\n"));
            let passages: Vec<&Passage> = knowledge.iter().map(|passage| &**passage).collect();
            let verdict = judge::judge(case, decided, &said, &passages, &trusted);
            (decided, said, verdict)
        }
        Err(failure) => {
            let verdict = Verdict { problems: vec![failure.to_string()], ..Verdict::default() };
            (Decision::Failed, String::new(), verdict)
        }
    };
    Ran { case: 0, repetition: 0, decided, said, verdict, latency, tokens }
}

/// What a desk's customers may know.
fn known(library: &Library, desk: &str) -> Vec<Arc<Passage>> {
    library.shelf(desk).map(|shelf| shelf.current().passages(Audience::Customer).to_vec()).unwrap_or_default()
}

/// Passages that stand in no folder, for one desk; they are searched by words.
fn library(desk: &str, passages: Vec<Passage>) -> Library {
    let shelf = Shelf::of(Knowledge::from_passages(passages));
    Library::new(HashMap::from([(desk.to_owned(), shelf)]))
}

fn with_pages(base: &Library, desk: &str, case: &Case) -> Library {
    if case.pages.is_empty() {
        return base.clone();
    }
    let kept = if case.only_pages { Vec::new() } else { known(base, desk) };
    // The suite was read, so each can be cut.
    let own = case.pages.iter().filter_map(|page| Knowledge::cut(&page.name, &page.text).ok()).flatten();
    library(desk, kept.iter().map(|passage| (**passage).clone()).chain(own).collect())
}

struct Drafted {
    outcome: Result<Outcome, Failure>,
    latency: Duration,
    tokens: [u64; 2],
}

/// The one place that asks the assistant. What it cost is counted and noted nowhere.
async fn draft(brain: &Brain, due: &Due) -> Drafted {
    // Each case is alone: that those before it failed is no reason not to ask.
    if let Some(model) = &brain.model {
        model.close_breakers();
    }
    let (meter, began) = (Meter::new(&due.ticket.desk), Instant::now());
    let outcome = brain.draft(due, None, &meter).await.map(|thought| thought.drafted.outcome);
    let latency = began.elapsed();
    let tokens = meter
        .take()
        .iter()
        .fold([0, 0], |[prompts, answers], call| [prompts + call.prompt_tokens, answers + call.completion_tokens]);
    Drafted { outcome, latency, tokens }
}
