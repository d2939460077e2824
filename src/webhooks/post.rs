//! Sending one delivery, by as little trust as will do: which place is asked, how long, and how much is read.

use std::{error::Error, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use deskbridge_entity::webhook;
use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy as Redirects,
};
use tokio::time;
use uuid::Uuid;

use super::{Settings, sign};
use crate::{
    address::{NotPublic, Policy},
    apart::apart,
};

/// How much of an answer is read, and thrown away: a receiver that is cut off in it logs an error.
const MOST_READ: usize = 4096;
/// How long that may take. What the answer is, is known by then.
const READING: Duration = Duration::from_secs(1);

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The status, and when to come again if the receiver says so.
    Answered(StatusCode, Option<Duration>),
    /// There was no answer, in a few words of ours.
    Failed(&'static str),
}

/// Sends deliveries.
#[derive(Clone, Debug)]
pub(super) struct Post {
    http: Client,
    policy: Policy,
    timeout: Duration,
}

/// What is sent.
pub(super) struct Letter<'a> {
    pub hook: &'a webhook::Model,
    pub id: Uuid,
    pub kind: &'a str,
    pub body: String,
    pub now: DateTime<Utc>,
}

impl Post {
    pub fn new(settings: &Settings) -> reqwest::Result<Self> {
        let http = Client::builder()
            .dns_resolver(Arc::new(settings.policy.resolver().clone()))
            // A proxy would resolve names in our place, and reach what we must not.
            .no_proxy()
            .redirect(Redirects::none())
            .referer(false)
            // No connection outlives the check of its address.
            .pool_max_idle_per_host(0)
            .http1_only()
            .user_agent(concat!("deskbridge/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, policy: settings.policy.clone(), timeout: settings.timeout })
    }

    pub async fn send(&self, letter: Letter<'_>) -> Outcome {
        let Letter { hook, id, kind, body, now } = letter;
        // What was allowed when the webhook was made may not be any more.
        let Ok(url) = self.policy.read(&hook.url) else { return Outcome::Failed("its URL may not be asked") };
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id.to_string())
            .header("webhook-timestamp", now.timestamp())
            .header("webhook-signature", sign::standard(hook, id, now, body.as_bytes()))
            .header("x-deskbridge-event", kind)
            .header("x-deskbridge-signature", sign::plain(hook, body.as_bytes()))
            .body(body);
        let response = match time::timeout(self.timeout, apart(request.send())).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Outcome::Failed(words(&error)),
            Err(_) => return Outcome::Failed("no answer in time"),
        };
        let outcome = Outcome::Answered(response.status(), retry_after(&response));
        let _ = time::timeout(READING, apart(drain(response))).await;
        outcome
    }
}

async fn drain(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read >= MOST_READ {
            return;
        }
    }
}

/// Seconds (RFC 9110 §10.2.3); a date is left aside.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The libraries' words can quote the URL, which may be a secret; ours do not.
fn words(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(found) = cause {
        if found.is::<NotPublic>() {
            return "its host leads to an address that may not be asked";
        }
        cause = found.source();
    }
    if error.is_connect() { "no connection" } else { "the connection broke off" }
}

#[cfg(test)]
mod tests;
