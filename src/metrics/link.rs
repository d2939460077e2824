//! The XMPP link: how often it came up, and why it ended.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// The metrics of the XMPP link. Clones share them.
#[derive(Clone, Debug)]
pub struct Link {
    logins: Counter,
    downs: Family<Down, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Down {
    reason: &'static str,
}

impl Link {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let link = Self { logins: Counter::default(), downs: Family::default() };
        registry.register("xmpp_logins", "How often the XMPP link came up", link.logins.clone());
        let help = "How often there was no XMPP link, or none any more, by the reason; each is followed by another try";
        registry.register("xmpp_link_failures", help, link.downs.clone());
        link
    }

    /// It is up.
    pub fn up(&self) {
        self.logins.inc();
    }

    /// It ended, or a try to log in failed, for this reason.
    pub fn down(&self, reason: &'static str) {
        self.downs.get_or_create(&Down { reason }).inc();
    }
}
