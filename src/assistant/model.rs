//! The language model: its endpoints in order, each behind a breaker. Whoever asks a model asks here.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use deskbridge_entity::llm_call::{Outcome, Purpose};
use serde_json::Value;
use tokio::time::{self, Instant};
use tracing::Instrument;

use super::{
    breaker::Breaker,
    draft::Step,
    llm::{Llm, LlmError, Watch},
    meter::Meter,
    progress::Progress,
    prompt::{ChatMessage, Role, estimate_tokens},
    wire::{self, Form},
};
use crate::{health::Status, helpdesk::Clock, metrics, traces};

/// How often an endpoint is asked when what it answers cannot be used: a model that stumbles once often does not stumble
/// twice.
const TRIES: u32 = 2;
/// How long a trial of an endpoint that was down may take.
const TRIAL: Duration = Duration::from_secs(30);

/// The endpoints of a language model.
#[derive(Debug)]
pub struct Model {
    endpoints: Vec<Endpoint>,
    clock: Clock,
}

#[derive(Debug)]
struct Endpoint {
    llm: Llm,
    breaker: Mutex<Breaker>,
    counted: metrics::Model,
}

/// Why no endpoint brought anything. The text is for agents and logs: it holds nothing of the customer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// All have been down for a while, and none was asked.
    #[error("the model's endpoint is down since {}", .0.format("%Y-%m-%d %H:%M UTC"))]
    Down(DateTime<Utc>),
    /// The time was over.
    #[error("the model did not answer in time")]
    OutOfTime,
    /// The run has spent its tokens.
    #[error("the {0} tokens of this answer are used up (assistant.max_tokens_per_run)")]
    OutOfTokens(u64),
    /// The last of them failed, or its answer was unusable.
    #[error("the model failed: {0}")]
    Failed(#[from] LlmError),
}

/// What a call is for, and how far it may go.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// What it is noted as.
    pub purpose: Purpose,
    /// Where it is noted.
    pub meter: &'a Meter,
    /// When it must be over.
    pub until: Instant,
    /// Who is told how the answer grows, if anybody.
    pub progress: Option<&'a Progress>,
    /// What all calls of the meter may cost together, in tokens.
    pub max_tokens: Option<u64>,
}

impl Model {
    /// A model with these endpoints; the first is asked first.
    #[must_use]
    pub fn new(endpoints: Vec<Llm>, clock: Clock) -> Self {
        let endpoint = |llm| Endpoint { llm, breaker: Mutex::default(), counted: metrics::Model::default() };
        Self { endpoints: endpoints.into_iter().map(endpoint).collect(), clock }
    }

    /// The same, counting its calls there.
    #[must_use]
    pub fn counted(mut self, counted: &metrics::Model) -> Self {
        self.endpoints.iter_mut().for_each(|endpoint| endpoint.counted = counted.clone());
        self
    }

    /// Its endpoints, in order.
    pub fn endpoints(&self) -> impl Iterator<Item = &Llm> {
        self.endpoints.iter().map(|endpoint| &endpoint.llm)
    }

    /// Forgets how the calls until now went.
    pub fn close_breakers(&self) {
        self.endpoints.iter().for_each(|endpoint| *endpoint.breaker() = Breaker::default());
    }

    /// Asks for a draft, or for the words to search the knowledge by.
    ///
    /// # Errors
    /// [`ModelError`].
    pub async fn step(&self, messages: &[ChatMessage], form: Form, terms: &Terms<'_>) -> Result<Step, ModelError> {
        let triage = matches!(form, Form::Draft { triage: true, .. });
        self.ask(messages, form, terms, |body| wire::read_step(body, triage)).await
    }

    /// Asks for a text that is not empty.
    ///
    /// # Errors
    /// [`ModelError`].
    pub async fn text(&self, messages: &[ChatMessage], terms: &Terms<'_>) -> Result<String, ModelError> {
        self.ask(messages, Form::Text, terms, wire::read_text).await
    }

    /// Asks one endpoint after the other until one answers with what `read` understands. Dropping the future drops the
    /// request, too, and notes it as cancelled.
    async fn ask<T>(
        &self,
        messages: &[ChatMessage],
        form: Form,
        terms: &Terms<'_>,
        read: impl Fn(&Value) -> Result<T, LlmError>,
    ) -> Result<T, ModelError> {
        let mut failed = None;
        for (place, endpoint) in self.endpoints.iter().enumerate() {
            let Some(_permit) = endpoint.enter(&self.clock) else { continue };
            let others = self.endpoints.len() - place - 1;
            for _ in 0..TRIES {
                self.check_tokens(messages, terms)?;
                let error = match endpoint.call(messages, form, terms, others, &self.clock, &read).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                tracing::warn!(endpoint.name = endpoint.llm.name(), %error, "a call to the model brought nothing");
                if Instant::now() >= terms.until {
                    return Err(ModelError::OutOfTime);
                }
                failed = Some(error);
                if !matches!(error, LlmError::Malformed(_)) {
                    break;
                }
            }
        }
        Err(match (failed, self.down_since()) {
            (Some(error), _) => ModelError::Failed(error),
            (None, Some(since)) => ModelError::Down(since),
            (None, None) => ModelError::Failed(LlmError::Unreachable),
        })
    }

    fn check_tokens(&self, messages: &[ChatMessage], terms: &Terms<'_>) -> Result<(), ModelError> {
        let Some(most) = terms.max_tokens else { return Ok(()) };
        let next = messages.iter().map(|message| estimate_tokens(&message.content)).sum::<usize>() as u64;
        let spent = terms.meter.tokens();
        // The first call is bounded by the prompt's budget alone.
        if spent > 0 && spent.saturating_add(next) > most { Err(ModelError::OutOfTokens(most)) } else { Ok(()) }
    }

    /// Since when the last of the endpoints has been down, if all are.
    fn down_since(&self) -> Option<DateTime<Utc>> {
        let since = self.endpoints.iter().map(|endpoint| endpoint.breaker().down_since());
        since.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// How the model is, as its last calls say: well if one endpoint is.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.down_since() {
            None => Status::Healthy,
            Some(since) if self.endpoints.iter().all(|endpoint| endpoint.breaker().is_open()) => {
                Status::Unhealthy(ModelError::Down(since).to_string().into())
            }
            Some(_) => Status::Unhealthy("the model's endpoint does not answer".into()),
        }
    }

    /// Looks how the endpoints are, without a customer who would wait for it. One that has not failed yet has to show its
    /// list of models. One whose calls failed has to complete something: a list alone proves nothing.
    pub async fn probe(&self) -> Status {
        let mut well = false;
        for endpoint in &self.endpoints {
            let has_failed = endpoint.breaker().down_since().is_some();
            let listed = match endpoint.llm.probe().await {
                // No list of models, but an endpoint that may work all the same.
                Ok(()) | Err(LlmError::Rejected { status: 404 }) => true,
                Err(error) => {
                    tracing::warn!(endpoint.name = endpoint.llm.name(), %error, "the model's endpoint does not answer");
                    false
                }
            };
            well |= listed && (!has_failed || endpoint.try_out(&self.clock).await);
        }
        match self.status() {
            Status::Healthy if !well => Status::Unhealthy("the model's endpoint does not answer".into()),
            status => status,
        }
    }
}

impl Endpoint {
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter<'a>(&'a self, clock: &'a Clock) -> Option<Permit<'a>> {
        let mut breaker = self.breaker();
        breaker.admits(clock.now()).then(|| Permit { endpoint: self, clock, is_trial: breaker.is_open() })
    }

    /// One call. `others` are the endpoints that are left after this one: each has a share of the time.
    async fn call<T>(
        &self,
        messages: &[ChatMessage],
        form: Form,
        terms: &Terms<'_>,
        others: usize,
        clock: &Clock,
        read: impl Fn(&Value) -> Result<T, LlmError>,
    ) -> Result<T, LlmError> {
        let running = terms.meter.begin(&self.llm, terms.purpose, messages, &self.counted);
        let left = terms.until.saturating_duration_since(Instant::now());
        let fair = left / u32::try_from(others + 1).unwrap_or(u32::MAX);
        let share = self.llm.timeout().unwrap_or(fair).min(left);
        let began = Instant::now();
        let progress = terms.progress.filter(|progress| progress.is_watched());
        let tell = progress.map(|progress| |content: &str| progress.writes(content));
        let watch = tell.as_ref().map(|tell| tell as Watch<'_>);
        let span = traces::call(self.llm.name(), self.llm.model());
        let asking = self.llm.complete(messages, form, watch).instrument(span);
        let answered = time::timeout(share, asking).await.unwrap_or(Err(LlmError::Timeout));
        let body = match answered {
            Ok(body) => body,
            Err(error) => {
                running.failed(error);
                // Only what customers wait for says how the endpoint is: others' calls are longer, or have less time.
                if terms.purpose == Purpose::Answer {
                    self.learn(clock, error);
                }
                return Err(error);
            }
        };
        self.breaker().succeeded();
        let (usage, text) = (wire::usage(&body), wire::read_text(&body).unwrap_or_default());
        let understood = read(&body);
        let outcome = understood.as_ref().map_or_else(|error| error.outcome(), |_| Outcome::Ok);
        tracing::info!(
            endpoint.name = self.llm.name(),
            model = self.llm.model(),
            purpose = ?terms.purpose,
            outcome = ?outcome,
            tokens.prompt = usage.prompt_tokens,
            tokens.completion = usage.completion_tokens,
            duration_ms = began.elapsed().as_millis(),
            "the model answered"
        );
        running.answered(usage, &text, outcome);
        understood
    }

    fn learn(&self, clock: &Clock, error: LlmError) {
        if error.is_outage() {
            self.breaker().failed(clock.now(), rand::random());
        } else {
            self.breaker().succeeded();
        }
    }

    /// One small call, if the breaker allows it: whether the endpoint completes anything.
    async fn try_out(&self, clock: &Clock) -> bool {
        let Some(_permit) = self.enter(clock) else { return false };
        let hello = [ChatMessage { role: Role::User, content: "Say OK.".into() }];
        let answered = time::timeout(TRIAL, self.llm.complete(&hello, Form::Text, None)).await;
        match answered.unwrap_or(Err(LlmError::Timeout)) {
            Ok(_) => {
                self.breaker().succeeded();
                true
            }
            Err(error) => {
                self.learn(clock, error);
                !error.is_outage()
            }
        }
    }
}

/// The leave to make a call. Ends with it: one that was given up must not keep others from trying.
struct Permit<'a> {
    endpoint: &'a Endpoint,
    clock: &'a Clock,
    is_trial: bool,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_trial {
            // Changes nothing, if the call has told how it went.
            self.endpoint.breaker().left(self.clock.now());
        }
    }
}
