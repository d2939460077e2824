//! How the parts of the process are, as they say themselves. It knows none of them.

use std::borrow::Cow;

use tokio::sync::watch;

/// How one part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does its work.
    Healthy,
    /// It does not; a few fixed words, and at most a time, say why. They are shown to everybody, so they hold no address, no secret
    /// and no text of a customer.
    Unhealthy(Cow<'static, str>),
}

impl Status {
    /// Whether it does its work.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        *self == Self::Healthy
    }
}

/// The state of the parts that only they themselves know. Clones share it.
#[derive(Clone, Debug)]
pub struct Health {
    xmpp: watch::Sender<Status>,
    assistant: watch::Sender<Status>,
    identity: watch::Sender<Option<Status>>,
}

impl Default for Health {
    /// Nothing is healthy before it has said so.
    fn default() -> Self {
        let starting = || watch::Sender::new(Status::Unhealthy("starting".into()));
        Self { xmpp: starting(), assistant: starting(), identity: watch::Sender::new(None) }
    }
}

impl Health {
    /// The XMPP link says how it is.
    pub fn set_xmpp(&self, status: Status) {
        self.xmpp.send_replace(status);
    }

    /// The assistant says how it is.
    pub fn set_assistant(&self, status: Status) {
        self.assistant.send_replace(status);
    }

    /// The one who fetches an identity provider's keys says how that goes.
    pub fn set_identity(&self, status: Status) {
        self.identity.send_replace(Some(status));
    }

    /// What the XMPP link said last.
    #[must_use]
    pub fn xmpp(&self) -> Status {
        self.xmpp.borrow().clone()
    }

    /// What the assistant said last.
    #[must_use]
    pub fn assistant(&self) -> Status {
        self.assistant.borrow().clone()
    }

    /// What was said last of the identity provider; `None` where there is none, or it was not asked yet.
    #[must_use]
    pub fn identity(&self) -> Option<Status> {
        self.identity.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_healthy_before_it_says_so_and_clones_share_what_was_said() {
        let health = Health::default();
        assert!(!health.xmpp().is_healthy() && !health.assistant().is_healthy());
        health.clone().set_xmpp(Status::Healthy);
        assert!(health.xmpp().is_healthy() && !health.assistant().is_healthy());
    }
}
