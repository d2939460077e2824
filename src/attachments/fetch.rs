//! Fetching one file, by as little trust as will do: which place is asked, how long, how much, and what is kept.

use std::{error::Error, io, sync::Arc, time::Duration};

use reqwest::{
    Client, Response, StatusCode, Url,
    header::{ACCEPT_ENCODING, LOCATION},
    redirect::Policy,
};
use sha2::{Digest, Sha256};
use tokio::time;
use uuid::Uuid;

use super::{Folder, Limits, kind};
use crate::{
    address::{NotPublic, Resolver},
    apart::apart,
    helpdesk::Fetched,
};

/// The lowest speed of a file, in bytes a second.
const LEAST: f64 = 4096.0;
/// The words for agents where a server would hold us up.
pub(super) const TOO_SLOW: &str = "its server is too slow";
/// How often it is looked at how much has come.
const PULSE: Duration = Duration::from_secs(5);
/// How much later than the limit of time a fetch is given up from outside.
const GRACE: Duration = Duration::from_secs(1);
/// Redirections that are followed; each is checked like the first URL.
const REDIRECTS: usize = 3;

/// Why there is no file. The words are for agents and hold nothing of the URL.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Another try would end the same.
    #[error("{0}")]
    Refused(String),
    /// The other side may be better later.
    #[error("{0}")]
    Temporary(String),
    /// The trouble is ours.
    #[error("the file could not be written: {0}")]
    Local(#[from] io::Error),
}

fn refused(reason: impl Into<String>) -> Failure {
    Failure::Refused(reason.into())
}

/// Fetches files into a folder.
#[derive(Clone, Debug)]
pub struct Fetcher {
    http: Client,
    resolver: Resolver,
    limits: Arc<Limits>,
    folder: Folder,
    pulse: Duration,
}

impl Fetcher {
    /// A fetcher that keeps to `limits`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(limits: Limits, folder: Folder) -> reqwest::Result<Self> {
        let resolver = Resolver::new(limits.private());
        Self::with(resolver, limits, folder)
    }

    fn with(resolver: Resolver, limits: Limits, folder: Folder) -> reqwest::Result<Self> {
        let http = Client::builder()
            .dns_resolver(Arc::new(resolver.clone()))
            // A proxy would resolve names in our place, and reach what we must not.
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            // No connection outlives the check of its address.
            .pool_max_idle_per_host(0)
            // It buffers less than HTTP/2, which gives a sender megabytes before anybody has read them.
            .http1_only()
            .user_agent(concat!("deskbridge/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, resolver, limits: Arc::new(limits), folder, pulse: PULSE })
    }

    /// Fetches a file and keeps it under `id`.
    ///
    /// # Errors
    /// [`Failure`] says why not, and whether to try again.
    pub async fn fetch(&self, url: &str, id: Uuid) -> Result<Fetched, Failure> {
        let timeout = self.limits.timeout;
        let late = |_| Failure::Temporary(format!("it did not arrive within {} s", timeout.as_secs_f64()));
        let (fetcher, url) = (self.clone(), url.to_owned());
        // The limit inside takes away what was begun before anybody hears of it; the one around holds when that thread is busy.
        let fetching = apart(async move { time::timeout(timeout, fetcher.fetch_in_time(&url, id)).await });
        time::timeout(timeout + GRACE, fetching).await.map_err(late)?.map_err(late)?
    }

    async fn fetch_in_time(&self, url: &str, id: Uuid) -> Result<Fetched, Failure> {
        let mut url = self.checked(Url::parse(url).map_err(|_| refused("its address is no URL"))?)?;
        for _ in 0..=REDIRECTS {
            let request = self.http.get(url.clone()).header(ACCEPT_ENCODING, "identity");
            let response = request.send().await.map_err(|error| failed(&error))?;
            if !response.status().is_redirection() {
                return self.take(response, id).await;
            }
            let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let target = target.and_then(|target| url.join(target).ok());
            url = self.checked(target.ok_or_else(|| refused("its server redirects to nowhere"))?)?;
        }
        Err(refused("its server redirects too often"))
    }

    /// What can be said of a URL without asking anybody.
    fn checked(&self, url: Url) -> Result<Url, Failure> {
        match url.scheme() {
            "https" => {}
            "http" if self.limits.allow_http => {}
            "http" => return Err(refused("its address is http, not https")),
            "aesgcm" => {
                return Err(refused("it was sent encrypted, which the desk cannot read (XEP-0454)"));
            }
            _ => return Err(refused("its address is not one of the web")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("its address has a password in it"));
        }
        // Services below 1024 that are not the web's are none to speak HTTP to.
        if url.port().is_some_and(|port| port < 1024 && port != 80 && port != 443) {
            return Err(refused("its address has an unusual port"));
        }
        if url.host_str().is_none() {
            return Err(refused("its address has no host"));
        }
        if !self.resolver.allows_literal(&url) {
            return Err(not_public());
        }
        Ok(url)
    }

    async fn take(&self, mut response: Response, id: Uuid) -> Result<Fetched, Failure> {
        let status = response.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT
        {
            return Err(Failure::Temporary(format!("its server answered {}", status.as_u16())));
        }
        if status != StatusCode::OK {
            return Err(refused(format!("its server answered {}", status.as_u16())));
        }
        let max = self.limits.max_size;
        let too_large = || refused(format!("it is larger than {max} bytes"));
        if response.content_length().is_some_and(|announced| announced > max) {
            return Err(too_large());
        }
        let mut part = self.folder.begin(id).await?;
        let (mut size, mut hash) = (0_u64, Sha256::new());
        let (mut head, mut media_type) = (Vec::new(), None);
        let (mut since, mut seen) = (time::Instant::now(), 0);
        loop {
            let Ok(chunk) = time::timeout_at(since + self.pulse, response.chunk()).await else {
                if ((size - seen) as f64) < LEAST * since.elapsed().as_secs_f64() {
                    return Err(Failure::Temporary(TOO_SLOW.to_owned()));
                }
                (since, seen) = (time::Instant::now(), size);
                continue;
            };
            let Some(chunk) = chunk.map_err(|error| failed(&error))? else { break };
            size += chunk.len() as u64;
            // What was announced is not what comes.
            if size > max {
                return Err(too_large());
            }
            if media_type.is_none() {
                head.extend_from_slice(&chunk[..chunk.len().min(kind::HEAD - head.len())]);
                if head.len() == kind::HEAD {
                    media_type = Some(self.kind_of(&head)?);
                }
            }
            hash.update(&chunk);
            part.write(&chunk).await?;
        }
        if size == 0 {
            return Err(refused("it is empty"));
        }
        let media_type = match media_type {
            Some(media_type) => media_type,
            None => self.kind_of(&head)?,
        };
        part.keep().await?;
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Fetched { media_type: media_type.to_owned(), size, sha256 })
    }

    fn kind_of(&self, head: &[u8]) -> Result<&'static str, Failure> {
        match kind::of(head) {
            Some(known) if self.limits.types.iter().any(|wanted| wanted == known) => Ok(known),
            Some(known) => Err(refused(format!("files of the type {known} are not taken here"))),
            None => Err(refused("it is of no type that is taken here")),
        }
    }
}

fn not_public() -> Failure {
    refused(NotPublic.to_string())
}

/// The libraries' words can quote the URL; ours do not.
fn failed(error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(found) = cause {
        if found.is::<NotPublic>() {
            return not_public();
        }
        cause = found.source();
    }
    let what = if error.is_connect() { "its server cannot be reached" } else { "the transfer broke off" };
    Failure::Temporary(what.to_owned())
}

#[cfg(test)]
mod tests;
