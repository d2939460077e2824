//! Asking the server for pages.

use std::time::Duration;

use anyhow::Context;
use reqwest::{
    Client, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use serde::Deserialize;
use serde_json::Value;

use super::Failure;

/// How long a page may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a busy server is asked.
const TRIES: u32 = 5;
/// The longest pause that it may ask for; who is told to wait longer leaves it to the next run.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A server, and who asks it.
pub(super) struct Remote {
    http: Client,
    url: Url,
}

/// One page of changes.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub changes: Vec<Value>,
    pub next_cursor: String,
    pub has_more: bool,
    /// Whose view of the log it is.
    pub reader: String,
}

impl Page {
    /// The changes as they stand in the file.
    pub(super) fn lines(&self) -> Result<Vec<u8>, Failure> {
        let mut lines = Vec::new();
        for change in &self.changes {
            serde_json::to_writer(&mut lines, change).context("a change makes no line")?;
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

impl Remote {
    pub(super) fn new(address: &str, token: &str, limit: u16) -> Result<Self, Failure> {
        let address = format!("{}/api/v1/xmpp/sync", address.trim_end_matches('/'));
        let mut url = Url::parse(&address).with_context(|| format!("'{address}' is no address (--url)"))?;
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Failure::Token("the token has characters that no token has".to_owned()))?;
        bearer.set_sensitive(true);
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer), (ACCEPT, json)]);
        // The token is for this server and no other.
        let http = Client::builder().default_headers(headers).redirect(Policy::none()).timeout(TIMEOUT).build();
        Ok(Self { http: http.context("no HTTP client (TLS)")?, url })
    }

    /// The page behind the cursor, or the first. A server that is busy is asked again when it says so.
    pub(super) async fn page(&self, cursor: Option<&str>) -> Result<Page, Failure> {
        let mut url = self.url.clone();
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let mut tries = 1;
        loop {
            match self.ask(url.clone()).await? {
                Asked::Page(page) => return Ok(page),
                Asked::Busy(Some(pause), _) if tries < TRIES && pause <= LONGEST_PAUSE => {
                    tokio::time::sleep(pause).await;
                    tries += 1;
                }
                Asked::Busy(_, why) => return Err(Failure::Server(why)),
            }
        }
    }

    async fn ask(&self, url: Url) -> Result<Asked, Failure> {
        let place = url.origin().ascii_serialization();
        let unreachable = |error: reqwest::Error| {
            let why = anyhow::Error::new(error.without_url());
            Failure::Server(format!("{place} does not answer: {why:#}"))
        };
        let answer = self.http.get(url).send().await.map_err(unreachable)?;
        let (status, pause) = (answer.status(), retry_after(answer.headers()));
        let body = answer.bytes().await.map_err(unreachable)?;
        if status == StatusCode::OK {
            let page = serde_json::from_slice(&body);
            let page = page.with_context(|| format!("{place} answers, but not as Deskbridge does (--url)"))?;
            return Ok(Asked::Page(page));
        }
        let words = message(&body);
        let why = format!("{place} says {status}: {words}");
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::Token(why)),
            StatusCode::BAD_REQUEST if words.starts_with("cursor: ") => Err(Failure::Log(why)),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Ok(Asked::Busy(pause, why)),
            status if status.is_server_error() => Ok(Asked::Busy(pause, why)),
            _ => Err(Failure::Other(anyhow::anyhow!("{why} (is --url right?)"))),
        }
    }
}

enum Asked {
    Page(Page),
    /// When to ask again, if the server says, and why not now.
    Busy(Option<Duration>, String),
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// The server's own words, if it is ours.
fn message(body: &[u8]) -> String {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let words = body.as_ref().and_then(|body| body.pointer("/error/message")?.as_str());
    words.unwrap_or("no reason").to_owned()
}
