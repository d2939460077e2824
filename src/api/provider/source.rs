//! Where a provider's keys are, and how they are fetched: whole, quickly and from nowhere else, or not at all.

use std::time::Duration;

use reqwest::{
    Client, Response, Url,
    header::{ACCEPT, CACHE_CONTROL},
    redirect::Policy,
};

use super::keys::{self, Key};

/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest set, in bytes; those of large providers have some 20 KiB.
const LARGEST: usize = 512 * 1024;

/// Where keys are fetched from.
#[derive(Clone, Debug)]
pub struct Source {
    http: Client,
    url: Url,
}

/// Why there are no new keys. The words hold nothing of what the other side sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Nobody there, or no TLS that can be trusted.
    #[error("the identity provider cannot be reached")]
    Unreachable,
    /// It takes too long.
    #[error("the identity provider does not send its keys within {} s", PATIENCE.as_secs())]
    Slow,
    /// Another status than 200; a redirection would lead to keys that nobody has configured.
    #[error("the identity provider answers {0}, not 200")]
    Status(u16),
    /// More than any provider has.
    #[error("the identity provider sends more than {LARGEST} bytes")]
    Large,
    /// No JWK set.
    #[error("the identity provider sends something else than keys (RFC 7517)")]
    NoKeys,
    /// A set, and nothing in it for us.
    #[error("none of the identity provider's keys is one for RS256 (2,048 to 4,096 bits) or ES256")]
    NoneUsable,
}

/// A set, and for how long it says that it holds.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Never empty.
    pub keys: Vec<Key>,
    pub fresh: Option<Duration>,
}

impl Source {
    /// Keys at `url`, an address with `https`, or with `http` on this machine.
    ///
    /// # Errors
    /// When it is no address, or TLS cannot be set up.
    pub fn new(url: &str) -> Result<Self, FetchError> {
        let http = Client::builder()
            // Who may speak for the provider is decided by the address alone.
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            // One request in minutes: a kept connection would mostly be a dead one.
            .pool_max_idle_per_host(0)
            .http1_only()
            .timeout(PATIENCE)
            .user_agent(concat!("deskbridge/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| FetchError::Unreachable)?;
        Ok(Self { http, url: Url::parse(url).map_err(|_| FetchError::Unreachable)? })
    }

    /// How many keys can be used now.
    ///
    /// # Errors
    /// [`FetchError`] says why there are none.
    pub async fn probe(&self) -> Result<usize, FetchError> {
        Ok(self.fetch().await?.keys.len())
    }

    pub(super) async fn fetch(&self) -> Result<Fetched, FetchError> {
        // Over the client's own limit: it counts the body's time, too, but not each step's before.
        tokio::time::timeout(PATIENCE, self.fetch_in_time()).await.map_err(|_| FetchError::Slow)?
    }

    async fn fetch_in_time(&self) -> Result<Fetched, FetchError> {
        let request = self.http.get(self.url.clone()).header(ACCEPT, "application/jwk-set+json, application/json");
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let fresh = max_age(&response);
        let mut set = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| failed(&error))? {
            if set.len() + part.len() > LARGEST {
                return Err(FetchError::Large);
            }
            set.extend_from_slice(&part);
        }
        let keys = keys::read(&set).ok_or(FetchError::NoKeys)?;
        // A provider signs with something: a set without it is a mistake, and the keys from before still hold.
        if keys.is_empty() { Err(FetchError::NoneUsable) } else { Ok(Fetched { keys, fresh }) }
    }
}

fn failed(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() { FetchError::Slow } else { FetchError::Unreachable }
}

/// RFC 9111 §5.2.2.1.
fn max_age(response: &Response) -> Option<Duration> {
    let directives = response.headers().get(CACHE_CONTROL)?.to_str().ok()?.split(',').map(str::trim);
    let seconds = directives.filter_map(|directive| directive.strip_prefix("max-age=")).next()?;
    Some(Duration::from_secs(seconds.trim_matches('"').parse().ok()?))
}
