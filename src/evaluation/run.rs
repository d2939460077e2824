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
        progress::Progress,
    },
    helpdesk::{Clock, Due, Outcome},
    knowledge::{Audience, EmbedError, Knowledge, Library, Passage},
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
    /// `brains` are alike; the pages are those of the first one's desk.
    #[must_use]
    pub fn new(brains: Vec<Brain>, desk: &str) -> Self {
        let library = brains.first().map(|brain| brain.library.clone()).unwrap_or_default();
        Self { brains, desk: desk.to_owned(), library }
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
    ///
    /// # Errors
    /// When the pages of a case cannot be embedded, before any has run.
    pub async fn run(self, suite: &Suite, repeat: usize, ended: impl Fn(&Case, &Ran)) -> Result<Vec<Ran>, EmbedError> {
        let mut libraries = Vec::with_capacity(suite.cases.len());
        for case in &suite.cases {
            libraries.push(with_pages(&self.library, &self.desk, case).await?);
        }
        let total = suite.cases.len() * repeat;
        let next = Cell::new(0);
        let done = RefCell::new(Vec::with_capacity(total));
        let desk = self.desk.as_str();
        let work = |mut brain: Brain| {
            let (next, done, ended, libraries) = (&next, &done, &ended, &libraries);
            async move {
                while next.get() < total {
                    let place = next.replace(next.get() + 1);
                    let (number, repetition) = (place / repeat, place % repeat);
                    let (Some(case), Some(library)) = (suite.cases.get(number), libraries.get(number)) else { break };
                    brain.library = library.clone();
                    let ran = run(&brain, desk, case).await;
                    let ran = Ran { case: number, repetition, ..ran };
                    ended(case, &ran);
                    done.borrow_mut().push(ran);
                }
            }
        };
        futures::future::join_all(self.brains.into_iter().map(work)).await;
        let mut done = done.into_inner();
        done.sort_by_key(|ran| (ran.case, ran.repetition));
        Ok(done)
    }
}

async fn run(brain: &Brain, desk: &str, case: &Case) -> Ran {
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

/// What a case's customer can find. Only the case's own pages are embedded: the others have their vectors.
async fn with_pages(base: &Library, desk: &str, case: &Case) -> Result<Library, EmbedError> {
    let (Some(shelf), false) = (base.shelf(desk), case.pages.is_empty()) else { return Ok(base.clone()) };
    let kept = if case.only_pages { Vec::new() } else { known(base, desk) };
    // The suite was read, so each can be cut.
    let own = case.pages.iter().filter_map(|page| Knowledge::cut(&page.name, &page.text).ok()).flatten();
    let passages = kept.iter().map(|passage| (**passage).clone()).chain(own).collect();
    let shelf = shelf.instead(&Knowledge::from_passages(passages));
    shelf.embed(|_, _| ()).await?;
    Ok(Library::new(HashMap::from([(desk.to_owned(), shelf)])))
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
    let outcome = brain.draft(due, None, &meter, &Progress::default()).await;
    let outcome = outcome.map(|thought| thought.drafted.outcome);
    let latency = began.elapsed();
    let tokens = meter
        .take()
        .iter()
        .fold([0, 0], |[prompts, answers], call| [prompts + call.prompt_tokens, answers + call.completion_tokens]);
    Drafted { outcome, latency, tokens }
}
