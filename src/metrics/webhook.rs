//! Webhooks: tries to tell them something, by how they ended.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// The metrics of webhooks. Clones share them.
#[derive(Clone, Debug)]
pub struct Webhooks {
    tries: Family<Ended, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

impl Webhooks {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let webhooks = Self { tries: Family::default() };
        let help =
            "Tries to deliver something to a webhook: delivered, failed and tried again, given up, or gone (410)";
        registry.register("webhook_tries", help, webhooks.tries.clone());
        for outcome in ["delivered", "failed", "given_up", "gone"] {
            drop(webhooks.tries.get_or_create(&Ended { outcome }));
        }
        webhooks
    }

    /// A try has ended so.
    pub fn tried(&self, outcome: &'static str) {
        self.tries.get_or_create(&Ended { outcome }).inc();
    }
}
