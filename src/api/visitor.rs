//! Who asks: whose token it is, and from which address. Both are found out once, before anything else.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::Request,
    http::{Extensions, HeaderMap},
};
use ipnet::IpNet;

use super::{Api, ApiError, TokenError, extract::bearer, places::network};
use crate::helpdesk::Caller;

/// The other side of the connection that a request came by, as `serve` notes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub IpAddr);

/// What became of the request's token.
#[derive(Clone, Debug)]
pub(super) struct Checked(pub Result<Caller, TokenError>);

/// Whose token a request has, once somebody has looked at it.
///
/// # Errors
/// [`ApiError::Unauthorized`] for none that holds.
pub(super) fn caller(extensions: &Extensions) -> Result<Caller, ApiError> {
    let checked = extensions.get::<Checked>().cloned();
    let Checked(caller) = checked.ok_or_else(|| ApiError::Internal("nobody looked at the token".to_owned()))?;
    Ok(caller?)
}

/// The proxies whose `X-Forwarded-For` is believed. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// These networks; without any, nobody's header counts.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    /// Whether a request comes from a proxy of ours, so that what it says of its way is so.
    pub(super) fn vouches_for(&self, request: &Request) -> bool {
        request.extensions().get::<Peer>().is_some_and(|peer| self.trusts(peer.0.to_canonical()))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: each proxy appends whom it was asked by, so the header is read from its end, for as long as
    /// the one who wrote the next entry is trusted. What stands before that anybody may have written.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let mut hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        let mut client = peer.to_canonical();
        while self.trusts(client) {
            let Some(before) = hops.next().and_then(|hop| address(hop.trim())) else { break };
            client = before;
        }
        client
    }
}

/// An address as proxies write it: alone, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

/// Whose token the request has.
pub(super) async fn check(api: &Api, headers: &HeaderMap) -> Checked {
    Checked(match bearer(headers) {
        Ok(token) => api.identity.check(token).await,
        Err(error) => Err(error),
    })
}

/// Where the request comes from; of IPv6 the first 64 bits.
pub(super) fn origin(proxies: &Proxies, request: &Request) -> IpAddr {
    // Only tests ask without a connection.
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    network(proxies.client(peer, request.headers()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_counts_as_far_as_trusted_proxies_wrote_it() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        for (case, peer, lines, client) in [
            ("no proxy in front", "192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("no header", "10.0.0.1", &[], "10.0.0.1"),
            ("one proxy", "10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("the client wrote a header", "10.0.0.1", &["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            ("two proxies", "::1", &["203.0.113.9, 198.51.100.7, 10.2.2.2"], "198.51.100.7"),
            ("two lines", "10.0.0.1", &["203.0.113.9", "198.51.100.7,10.2.2.2"], "198.51.100.7"),
            ("with a port", "10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            ("IPv6 with a port", "10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("in brackets", "10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
            ("mapped", "::ffff:10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
            ("nonsense", "10.0.0.1", &["198.51.100.7, unknown"], "10.0.0.1"),
            ("nonsense of bytes", "10.0.0.1", &["198.51.100.7", "\u{fe}"], "10.0.0.1"),
            ("all are ours", "10.0.0.1", &["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            let found = proxies.client(peer.parse().unwrap(), &headers);
            assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{case}");
            let nobody = Proxies::default().client(peer.parse().unwrap(), &headers);
            assert_eq!(nobody, peer.parse::<IpAddr>().unwrap().to_canonical(), "{case}");
        }
    }
}
