//! `[webhooks]`: how other programs are told what happened.

use std::time::Duration;

use serde::Deserialize;

use super::{
    Error, Network,
    value::{boolean, duration, list},
};

/// The longest time of one try: that long an end of the process may take.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// `[webhooks]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Addresses and networks that may be told although only our own network reaches them.
    #[serde(deserialize_with = "list")]
    pub allow_private: Vec<Network>,
    /// Whether `http` will do.
    #[serde(deserialize_with = "boolean")]
    pub allow_http: bool,
    /// The time that one try may take in all.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
    /// How long the log of deliveries goes back.
    #[serde(deserialize_with = "duration")]
    pub keep: Duration,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            allow_private: Vec::new(),
            allow_http: false,
            timeout: Duration::from_secs(15),
            keep: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

impl Webhooks {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.timeout.is_zero() || self.timeout > LONGEST_TIMEOUT {
            return Err(Error::key("webhooks.timeout", "must be longer than nothing and at most 60s"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{complaint, parse};

    #[test]
    fn private_networks_are_named_one_by_one() {
        let config = parse("", &[]).unwrap().webhooks;
        assert!(config.allow_private.is_empty() && !config.allow_http);
        let vars = [("DESKBRIDGE_WEBHOOKS__ALLOW_PRIVATE", "10.0.0.0/8; ::1")];
        assert_eq!(parse("", &vars).unwrap().webhooks.allow_private.len(), 2);
        assert!(complaint("[webhooks]\nallow_private = [\"all\"]", &[]).contains("webhooks.allow_private"));
        for timeout in ["0s", "2m"] {
            let message = complaint(&format!("[webhooks]\ntimeout = \"{timeout}\""), &[]);
            assert!(message.contains("webhooks.timeout"), "{message}");
        }
    }
}
