//! The identity provider: how often its keys were fetched.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// The metrics of the identity provider. Clones share them.
#[derive(Clone, Debug)]
pub struct Identity {
    fetches: Family<Fetched, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fetched {
    outcome: &'static str,
}

impl Identity {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let identity = Self { fetches: Family::default() };
        let help = "How often an identity provider's keys were asked for, by the outcome";
        registry.register("identity_key_fetches", help, identity.fetches.clone());
        identity
    }

    /// Keys were asked for, and came or did not.
    pub fn fetched(&self, came: bool) {
        self.fetches.get_or_create(&Fetched { outcome: if came { "ok" } else { "failed" } }).inc();
    }
}
