//! `[metrics]`: what monitors read.

use std::net::SocketAddr;

use serde::Deserialize;

use super::Error;

/// `[metrics]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Address and port of a listener of its own, on this machine only; without one there is none.
    pub listen: Option<SocketAddr>,
}

impl Metrics {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.listen.is_some_and(|address| !address.ip().to_canonical().is_loopback()) {
            let problem = "must be an address of this machine alone, such as 127.0.0.1:9464, because it asks for no token; from \
                           elsewhere read /metrics over REST, with one";
            return Err(Error::key("metrics.listen", problem));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{complaint, parse};

    #[test]
    fn nobody_listens_by_default_and_only_on_loopback() {
        assert_eq!(parse("", &[]).unwrap().metrics.listen, None);
        for address in ["127.0.0.1:9464", "127.8.8.8:1", "[::1]:9464", "[::ffff:127.0.0.1]:9464"] {
            let config = parse("", &[("DESKBRIDGE_METRICS__LISTEN", address)]).unwrap();
            assert_eq!(config.metrics.listen, address.parse().ok());
        }
        for address in ["0.0.0.0:9464", "192.0.2.1:9464", "[::]:9464", "localhost"] {
            let message = complaint(&format!("[metrics]\nlisten = \"{address}\""), &[]);
            assert!(message.contains("metrics.listen"), "{message}");
        }
    }
}
