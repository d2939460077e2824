//! What the parts count, as Prometheus reads it. It knows none of them.
//!
//! Counting is an atomic addition. A label is a word of this program, a name of the configuration or the template of a route, never
//! what a stranger sends: the number of series has an end.

mod desk;
mod events;
mod http;
mod identity;
mod link;
mod model;
#[cfg(test)]
mod tests;
mod webhook;

use std::{fmt, sync::Arc, time::Duration};

use prometheus_client::{encoding::prometheus_text, metrics::info::Info, registry::Registry};
use tokio::{sync::Mutex, time::Instant};

use desk::Desk;
pub use desk::{Passages, Queue, Sample};
pub use events::Events;
pub use http::Http;
pub use identity::Identity;
pub use link::Link;
pub use model::{Call, Model};
pub use webhook::Webhooks;

/// The media type of [`Metrics::scrape`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// All metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Of REST.
    pub http: Http,
    /// Of the event stream.
    pub events: Events,
    /// Of the language model.
    pub model: Model,
    /// Of the XMPP link.
    pub link: Link,
    /// Of webhooks.
    pub webhooks: Webhooks,
    /// Of the identity provider.
    pub identity: Identity,
    /// Of the tickets, and of all else that is looked up when somebody asks.
    desk: Desk,
    registry: Arc<Registry>,
    /// When it was last looked up.
    looked: Arc<Mutex<Option<Instant>>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("deskbridge");
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", version);
        let http = Http::registered(&mut registry);
        let events = Events::registered(&mut registry);
        let model = Model::registered(&mut registry);
        let link = Link::registered(&mut registry);
        let webhooks = Webhooks::registered(&mut registry);
        let identity = Identity::registered(&mut registry);
        let desk = Desk::registered(&mut registry);
        Self {
            http,
            events,
            model,
            link,
            webhooks,
            identity,
            desk,
            registry: Arc::new(registry),
            looked: Arc::default(),
        }
    }
}

impl Metrics {
    /// All of them in Prometheus' text format 0.0.4. What `look` finds holds for as long as it is `fresh`; who asks meanwhile waits.
    ///
    /// # Errors
    /// [`fmt::Error`], which a text does not give.
    pub async fn scrape(&self, fresh: Duration, look: impl AsyncFnOnce() -> Sample) -> Result<String, fmt::Error> {
        let mut looked = self.looked.lock().await;
        if looked.is_none_or(|at| at.elapsed() >= fresh) {
            self.desk.show(&look().await);
            *looked = Some(Instant::now());
        }
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
