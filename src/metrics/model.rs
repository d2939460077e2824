//! The language model: calls, tokens, and how long calls took, by how they ended.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// From a tenth of a second to what a slow model on this machine takes.
const SECONDS: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0];

/// The metrics of the language model. Clones share them.
#[derive(Clone, Debug)]
pub struct Model {
    calls: Family<Ended, Counter>,
    tokens: Family<Tokens, Counter>,
    durations: Family<Took, Histogram, fn() -> Histogram>,
}

/// A call that has ended.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The endpoint's name in the configuration.
    pub endpoint: &'a str,
    /// What it was for: one of a few words.
    pub purpose: &'a str,
    /// How it ended: one of a few words.
    pub outcome: &'a str,
    /// Tokens of the messages, and of the answer.
    pub tokens: (u64, u64),
    /// How long it took.
    pub took: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    endpoint: String,
    purpose: String,
    outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tokens {
    endpoint: String,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Took {
    endpoint: String,
    outcome: String,
}

impl Default for Model {
    /// Metrics that nobody reads.
    fn default() -> Self {
        let new: fn() -> Histogram = || Histogram::new(SECONDS);
        Self { calls: Family::default(), tokens: Family::default(), durations: Family::new_with_constructor(new) }
    }
}

impl Model {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let model = Self::default();
        registry.register("llm_calls", "Calls to the language model, by how they ended", model.calls.clone());
        registry.register("llm_tokens", "Tokens of the calls, partly estimated", model.tokens.clone());
        let help = "Seconds that a call to the language model took, however it ended";
        registry.register("llm_call_duration_seconds", help, model.durations.clone());
        model
    }

    /// A call has ended.
    pub fn called(&self, call: &Call<'_>) {
        let owned = str::to_owned;
        let (endpoint, purpose, outcome) = (owned(call.endpoint), owned(call.purpose), owned(call.outcome));
        let (prompt, completion) = call.tokens;
        for (kind, tokens) in [("prompt", prompt), ("completion", completion)] {
            self.tokens.get_or_create(&Tokens { endpoint: endpoint.clone(), kind }).inc_by(tokens);
        }
        let took = Took { endpoint: endpoint.clone(), outcome: outcome.clone() };
        self.durations.get_or_create(&took).observe(call.took.as_secs_f64());
        self.calls.get_or_create(&Ended { endpoint, purpose, outcome }).inc();
    }
}
