//! Which addresses may be asked by us: those of the public internet only, unless the operator says otherwise.
//!
//! A URL that a stranger or an admin names is a request from inside our network. `attachments` and `webhooks` make such
//! requests, and both ask here. The check stands where names are resolved for the connection itself, so that no second answer of a name server can
//! come in between (DNS rebinding).

mod policy;

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

pub use policy::{Policy, Unfit};

/// Networks of the IPv4 space that are not public (IANA special-purpose registry, RFC 6890), with the length of their
/// prefixes.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Carriers' NAT (RFC 6598); also the metadata service of one cloud.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local; also the metadata service of most clouds.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // A cloud's metadata in the middle of public space (Azure).
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation (RFC 5737).
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Relays of 6to4 (RFC 7526).
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Benchmarks (RFC 2544).
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved, and broadcast.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::BROADCAST, 32),
];

/// Global unicast (RFC 4291 §2.4). Everything else is refused unseen: loopback, unique and link-local, multicast, IPv4 in
/// IPv6 (`::ffff:0:0/96`), NAT64 (`64:ff9b::/96`, RFC 6052) and what is not assigned yet.
const PUBLIC_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What is not public inside [`PUBLIC_V6`].
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments, with Teredo: an IPv4 address is hidden in it (RFC 4380).
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation (RFC 3849, RFC 9637).
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4, with an IPv4 address in it (RFC 3056).
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

/// Whether an address is one of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let inside = |(net, length): &(Ipv4Addr, u32)| (address.to_bits() ^ net.to_bits()) >> (32 - length) == 0;
            !NOT_PUBLIC_V4.iter().any(inside)
        }
        IpAddr::V6(address) => {
            let inside = |(net, length): &(Ipv6Addr, u32)| (address.to_bits() ^ net.to_bits()) >> (128 - length) == 0;
            inside(&PUBLIC_V6) && !NOT_PUBLIC_V6.iter().any(inside)
        }
    }
}

/// Why a host cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// It is one of those that are refused.
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
    /// No name server knows it.
    #[error("its host's name leads to no address")]
    Unknown,
}

/// A name that leads to no public address.
#[derive(Debug, thiserror::Error)]
#[error("the address is not one of the public internet")]
pub struct NotPublic;

/// Which addresses may be asked beside those of the public internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Private {
    /// None.
    #[default]
    Refused,
    /// Those of these networks.
    In(Vec<IpNet>),
    /// Every one.
    Allowed,
}

/// Resolves names to the addresses that may be asked.
#[derive(Clone, Debug)]
pub struct Resolver {
    names: Names,
    private: Private,
}

#[derive(Clone, Debug)]
enum Names {
    System,
    #[cfg(test)]
    Scripted(std::collections::HashMap<String, Vec<IpAddr>>),
}

/// How long a name may take where somebody waits for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl Resolver {
    /// The system's resolver; of what is not public it gives only what `private` says.
    #[must_use]
    pub fn new(private: Private) -> Self {
        Self { names: Names::System, private }
    }

    #[cfg(test)]
    pub(crate) fn scripted(names: &[(&str, &[&str])]) -> Self {
        let parsed = |addresses: &[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        let names = names.iter().map(|(name, addresses)| ((*name).to_owned(), parsed(addresses))).collect();
        Self { names: Names::Scripted(names), private: Private::Refused }
    }

    /// Whether this address may be asked.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        match &self.private {
            Private::Allowed => true,
            // An IPv4 address in IPv6 is of no network here: `is_public` refuses it.
            Private::In(networks) if networks.iter().any(|network| network.contains(&address)) => true,
            Private::In(_) | Private::Refused => is_public(address),
        }
    }

    /// Whether a URL's host may be asked as far as nobody needs to be asked for that: an address that stands in the place
    /// of a name is not resolved. Its odd spellings (octal, one number) are normal in a parsed URL.
    #[must_use]
    pub fn allows_literal(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
        address.is_err() || address.is_ok_and(|address| self.allows(address))
    }

    /// Whether a URL's host leads somewhere that may be asked, at this moment.
    ///
    /// # Errors
    /// [`Unreachable`] says why not.
    pub async fn check(&self, url: &Url) -> Result<(), Unreachable> {
        if !self.allows_literal(url) {
            return Err(Unreachable::NotPublic(NotPublic));
        }
        let host = url.host_str().unwrap_or_default();
        if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            return Ok(());
        }
        match tokio::time::timeout(PATIENCE, self.addresses(host)).await {
            Ok(Ok(found)) if !found.is_empty() => Ok(()),
            Ok(Err(error)) if error.is::<NotPublic>() => Err(Unreachable::NotPublic(NotPublic)),
            Ok(_) | Err(_) => Err(Unreachable::Unknown),
        }
    }

    async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let found: Vec<SocketAddr> = match &self.names {
            // The port is the URL's; this one is a placeholder.
            Names::System => tokio::net::lookup_host((name, 0)).await?.collect(),
            #[cfg(test)]
            Names::Scripted(names) => {
                names.get(name).into_iter().flatten().map(|address| SocketAddr::new(*address, 0)).collect()
            }
        };
        let allowed: Vec<SocketAddr> = found.iter().filter(|found| self.allows(found.ip())).copied().collect();
        if allowed.is_empty() && !found.is_empty() {
            return Err(Box::new(NotPublic));
        }
        Ok(allowed)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses: Addrs = Box::new(resolver.addresses(name.as_str()).await?.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_asked() {
        for public in [
            "1.1.1.1",
            "93.184.216.34",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "168.63.129.15",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.3",
            "169.254.0.1",
            "169.254.169.254",
            "168.63.129.16",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.7",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.9",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:1.1.1.1",
            "64:ff9b::7f00:1",
            "64:ff9b::101:101",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:53aa:64c::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[tokio::test]
    async fn a_name_gives_its_public_addresses_or_nothing() {
        let resolver = Resolver::scripted(&[
            ("good.example", &["1.1.1.1", "2606:4700::1111"]),
            ("mixed.example", &["127.0.0.1", "1.1.1.1", "::1"]),
            ("evil.example", &["10.0.0.1", "fd00::1"]),
        ]);
        let ips = |found: Vec<SocketAddr>| found.iter().map(|found| found.ip().to_string()).collect::<Vec<_>>();
        assert_eq!(ips(resolver.addresses("good.example").await.unwrap()), ["1.1.1.1", "2606:4700::1111"]);
        assert_eq!(ips(resolver.addresses("mixed.example").await.unwrap()), ["1.1.1.1"]);
        assert!(resolver.addresses("evil.example").await.unwrap_err().is::<NotPublic>());
        assert!(resolver.addresses("unknown.example").await.unwrap().is_empty());
        assert!(Resolver::new(Private::Refused).addresses("localhost").await.unwrap_err().is::<NotPublic>());
        assert!(!Resolver::new(Private::Allowed).addresses("localhost").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_the_operator_names_may_be_asked_and_nothing_else_that_is_private() {
        let networks = ["10.1.0.0/16", "fd00::/8"].map(|network| network.parse().unwrap());
        let resolver = Resolver {
            private: Private::In(networks.into()),
            ..Resolver::scripted(&[
                ("inside.example", &["10.1.2.3"]),
                ("beside.example", &["10.2.0.1"]),
                ("public.example", &["1.1.1.1"]),
            ])
        };
        let check = async |url: &str| resolver.check(&Url::parse(url).unwrap()).await;
        for allowed in
            ["https://inside.example/", "http://10.1.0.1:8080/x", "https://[fd00::1]/", "https://public.example"]
        {
            assert!(check(allowed).await.is_ok(), "{allowed}");
        }
        for refused in [
            "https://beside.example/",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://[::ffff:10.1.0.1]/",
            "https://[::1]/",
        ] {
            assert!(matches!(check(refused).await, Err(Unreachable::NotPublic(_))), "{refused}");
        }
        assert!(matches!(check("https://nowhere.example/").await, Err(Unreachable::Unknown)));
    }
}
