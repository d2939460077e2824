//! `[http]`: the REST API.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::value::list;

/// `[http]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The proxies in front, whose `X-Forwarded-For` says who asks.
    #[serde(deserialize_with = "list")]
    pub trusted_proxies: Vec<Network>,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 8000).into(), trusted_proxies: Vec::new() }
    }
}

/// A network, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub IpNet);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(|network| Self(network.trunc())).map_err(|_| {
            D::Error::custom(format!("'{text}' is no address or network such as 127.0.0.1, 10.0.0.0/8 or fd00::/8"))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{complaint, parse};

    #[test]
    fn proxies_are_addresses_or_networks() {
        let proxies = |value: &str| {
            let vars = [("DESKBRIDGE_HTTP__TRUSTED_PROXIES", value)];
            let proxies = parse("", &vars).unwrap().http.trusted_proxies;
            proxies.into_iter().map(|network| network.0.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(proxies("127.0.0.1; 10.1.2.3/8; ::1"), ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]);
        let message = complaint("[http]\ntrusted_proxies = [\"proxy.example\"]", &[]);
        assert!(message.contains("http.trusted_proxies[0]"), "{message}");
    }
}
