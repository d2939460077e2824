//! What one run costs: every call to a model is measured, however it ends.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use deskbridge_entity::llm_call::{Outcome, Purpose};
use sea_orm::ActiveEnum;

use super::{
    llm::{Llm, LlmError},
    prompt::{ChatMessage, estimate_tokens},
    wire::Usage,
};
use crate::{helpdesk::Call, metrics};

/// Measures the calls of one run. Clones share it, so that what a cancelled run has spent outlives the run.
#[derive(Clone, Debug)]
pub struct Meter {
    desk: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Meter {
    /// A meter for a run at a desk.
    #[must_use]
    pub fn new(desk: impl Into<String>) -> Self {
        Self { desk: desk.into(), calls: Arc::default() }
    }

    /// All tokens so far.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Call::tokens).sum()
    }

    /// The calls that have ended, which are then gone from here.
    #[must_use]
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A call begins. When what this gives is dropped before its end is told, the call was cancelled. Either way it is `counted`.
    pub(super) fn begin(
        &self,
        llm: &Llm,
        purpose: Purpose,
        messages: &[ChatMessage],
        counted: &metrics::Model,
    ) -> Running {
        let prompt = messages.iter().map(|message| estimate_tokens(&message.content)).sum::<usize>();
        let call = Call {
            desk: self.desk.clone(),
            endpoint: llm.name().to_owned(),
            model: llm.model().to_owned(),
            purpose,
            // The endpoint reads the prompt at once, so that much is spent however it ends.
            prompt_tokens: prompt as u64,
            completion_tokens: 0,
            estimated: true,
            latency: std::time::Duration::ZERO,
            outcome: Outcome::Cancelled,
        };
        Running { meter: self.clone(), counted: counted.clone(), call: Some(call), began: Instant::now() }
    }
}

/// A call that is under way.
#[derive(Debug)]
pub(super) struct Running {
    meter: Meter,
    counted: metrics::Model,
    call: Option<Call>,
    began: Instant,
}

impl Running {
    /// The endpoint answered, and this could be made of it. `text` is what it wrote, to estimate by.
    pub(super) fn answered(mut self, usage: Usage, text: &str, outcome: Outcome) {
        let Some(call) = &mut self.call else { return };
        call.estimated = usage.prompt_tokens.is_none() || usage.completion_tokens.is_none();
        call.prompt_tokens = usage.prompt_tokens.unwrap_or(call.prompt_tokens);
        call.completion_tokens = usage.completion_tokens.unwrap_or(estimate_tokens(text) as u64);
        call.outcome = outcome;
    }

    /// It brought nothing.
    pub(super) fn failed(mut self, error: LlmError) {
        let Some(call) = &mut self.call else { return };
        call.outcome = error.outcome();
        // Who refuses a request, or is not there, has not read it.
        if matches!(call.outcome, Outcome::Rejected | Outcome::RateLimited | Outcome::Unreachable) {
            (call.prompt_tokens, call.estimated) = (0, false);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            let call = Call { latency: self.began.elapsed(), ..call };
            self.counted.called(&metrics::Call {
                endpoint: &call.endpoint,
                purpose: &call.purpose.to_value(),
                outcome: &call.outcome.to_value(),
                tokens: (call.prompt_tokens, call.completion_tokens),
                took: call.latency,
            });
            self.meter.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        }
    }
}
