//! Puts the cases before the real assistant: retrieval, prompt, model, guards, sources. No XMPP, no database.

use std::{
    cell::{Cell, RefCell},
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
    },
    helpdesk::{Clock, Due, Outcome},
    knowledge::{Knowledge, Passage},
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
    /// Tokens of prompts and answers, as far as the endpoint says so.
    pub tokens: [u64; 2],
}

/// One assistant, as often as cases are to run at the same time, and what it answers from.
pub struct Subject {
    brains: Vec<Brain>,
    desk: String,
    knowledge: Arc<Knowledge>,
}

impl Subject {
    /// `brains` are alike; the pages are those of the first one's desk, or `passages` where some are given.
    #[must_use]
    pub fn new(brains: Vec<Brain>, desk: &str, passages: Option<Vec<Passage>>) -> Self {
        let own =
            brains.first().and_then(|brain| brain.desks.get(desk)).map(|material| Arc::clone(&material.knowledge));
        let given = passages.map(|passages| Arc::new(Knowledge::from_passages(passages)));
        Self { brains, desk: desk.to_owned(), knowledge: given.or(own).unwrap_or_default() }
    }

    /// What answers, in a word or two.
    #[must_use]
    pub fn model(&self) -> &str {
        let llm = self.brains.first().and_then(|brain| brain.llm.as_ref());
        llm.map_or("built-in default", |llm| llm.model())
    }

    /// How many passages there are to answer from.
    #[must_use]
    pub fn passages(&self) -> usize {
        self.knowledge.passages().len()
    }

    /// Whether the endpoint is there at all: without it every case would fail, slowly.
    ///
    /// # Errors
    /// As [`crate::assistant::llm::Llm::probe`].
    pub async fn probe(&self) -> Result<(), LlmError> {
        match self.brains.first().and_then(|brain| brain.llm.as_ref()) {
            // An endpoint without a list of models may work all the same.
            Some(llm) => match llm.probe().await {
                Err(LlmError::Rejected { status: 404 }) => Ok(()),
                probed => probed,
            },
            None => Ok(()),
        }
    }

    /// Runs every case `repeat` times; `ended` is told of each as it ends. The results are in the order of the cases.
    pub async fn run(self, suite: &Suite, repeat: usize, ended: impl Fn(&Case, &Ran)) -> Vec<Ran> {
        let total = suite.cases.len() * repeat;
        let next = Cell::new(0);
        let done = RefCell::new(Vec::with_capacity(total));
        let (desk, knowledge) = (self.desk.as_str(), &self.knowledge);
        let work = |mut brain: Brain| {
            let (next, done, ended) = (&next, &done, &ended);
            async move {
                while next.get() < total {
                    let place = next.replace(next.get() + 1);
                    let (number, repetition) = (place / repeat, place % repeat);
                    let Some(case) = suite.cases.get(number) else { break };
                    let ran = run(&mut brain, desk, knowledge, case).await;
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

async fn run(brain: &mut Brain, desk: &str, base: &Arc<Knowledge>, case: &Case) -> Ran {
    let knowledge = with_pages(base, case);
    let mut trusted = String::new();
    if let Some(material) = brain.desks.get_mut(desk) {
        material.knowledge = Arc::clone(&knowledge);
        trusted = format!("{}\n{}", material.title, material.prompt.as_deref().unwrap_or_default());
    }
    let due = Due::imagined(desk, CUSTOMER, &case.said(), Clock::default().now());
    let Drafted { outcome, latency, tokens } = draft(brain, &due).await;
    let (decided, said, verdict) = match outcome {
        Ok(outcome) => {
            let asked: Vec<String> = case.said().into_iter().map(|(_, text)| text).collect();
            let (decided, said) = judge::decision(&outcome, &asked.join("\n"));
            let passages: Vec<&Passage> = knowledge.passages().iter().map(|passage| &**passage).collect();
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

fn with_pages(base: &Arc<Knowledge>, case: &Case) -> Arc<Knowledge> {
    if case.pages.is_empty() {
        return Arc::clone(base);
    }
    let kept = base.passages().iter().filter(|_| !case.only_pages).map(|passage| (**passage).clone());
    let own = case.pages.iter().flat_map(|page| Knowledge::cut(&page.name, &page.text));
    Arc::new(Knowledge::from_passages(kept.chain(own).collect()))
}

struct Drafted {
    outcome: Result<Outcome, Failure>,
    latency: Duration,
    tokens: [u64; 2],
}

/// The one place that asks the assistant.
async fn draft(brain: &Brain, due: &Due) -> Drafted {
    let spent = || {
        let usage = brain.llm.as_ref().map(|llm| llm.spent()).unwrap_or_default();
        [usage.prompt_tokens, usage.completion_tokens].map(|tokens| tokens.unwrap_or(0))
    };
    let (before, began) = (spent(), Instant::now());
    let outcome = brain.draft(due).await.map(|(_, outcome)| outcome);
    let (latency, after) = (began.elapsed(), spent());
    Drafted { outcome, latency, tokens: [after[0] - before[0], after[1] - before[1]] }
}
