//! Wiring: from a configuration to a running Deskbridge. The one place that knows every part.

mod appearances;
mod desks;
mod identity;
mod knowledge;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    address::{Policy, Private},
    api::{self, Api, Programs, Proxies, Rate, Rates},
    assistant::{
        aide::Aide,
        brain::{Brain, Material},
        llm::{Llm, Settings},
        model::Model,
        prompt::Prompts,
        worker::Worker,
    },
    attachments::{Folder, Limits, fetch::Fetcher, kind, worker::Worker as Porter},
    config::{self, Config, Timeout},
    health::Health,
    helpdesk::{ApiKeys, Clock, Desk, Helpdesk, Retention, Role, Store, Swept},
    knowledge::Library,
    metrics::Metrics,
    webhooks::{self, Worker as Messenger},
    xmpp::{self, login::Account},
};

pub use desks::desks;
pub use identity::source;
pub use knowledge::{library, meaning};

/// A Deskbridge that runs.
pub struct App {
    http: SocketAddr,
    helpdesk: Helpdesk,
    store: Store,
    stop: CancellationToken,
    /// Everything that ends when `stop` is called.
    tasks: TaskTracker,
    /// The domain's writer, which ends after them.
    writer: TaskTracker,
}

impl App {
    /// Checks the configuration, brings the database up to date, opens the socket and starts every part. The XMPP
    /// link and the model may be down: they are tried for ever.
    ///
    /// # Errors
    /// Whatever keeps the process from starting, with what to do about it.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        Self::start_at(config, Clock::default()).await
    }

    /// As [`App::start`], by a clock that tests can move.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_at(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let component = config.component()?;
        let (identity, provider) = identity::identity(&config)?;
        let desks = desks(&config)?;
        let library = library(&config)?;
        let metrics = Metrics::default();
        let mut brain = brain(&config, &desks, library.clone(), clock.clone())?;
        brain.model = brain.model.map(|model| model.counted(&metrics.model));
        let brain = Arc::new(brain);
        let limits = attachment_limits(&config)?;
        let folder = Folder::open(&config.attachments.folder).with_context(|| {
            format!("cannot write to the folder {} (attachments.folder)", config.attachments.folder.display())
        })?;
        let fetcher = Fetcher::new(limits.clone(), folder.clone()).context("attachments cannot be fetched (TLS)")?;
        let store = connect(&config).await?;
        let steps = store.migrate().await.context("the database could not be brought up to date")?;
        if steps > 0 {
            tracing::info!(steps, "the database is up to date now");
        }
        let programs = Programs::new(ApiKeys::new(store.clone(), clock.clone()));
        let (helpdesk, write) = Helpdesk::new(store.clone(), clock, &component.domain, desks);
        let helpdesk = helpdesk.with_retention(retention(&config));
        let writer = TaskTracker::new();
        writer.spawn(write);
        helpdesk.name_configured_agents().await.context("the agents could not be stored")?;
        let listener = listen(config.http.listen, "http.listen").await?;
        let monitors = match config.metrics.listen {
            Some(address) => Some(listen(address, "metrics.listen").await?),
            None => None,
        };
        let http = listener.local_addr()?;

        let (stop, tasks, health) = (CancellationToken::new(), TaskTracker::new(), Health::default());
        let account = Account { limited: config.limits.enabled, ..account(&component) };
        tasks.spawn(xmpp::run(helpdesk.clone(), account, health.clone(), metrics.link.clone(), stop.clone()));
        let worker = Worker::new(helpdesk.clone(), Arc::clone(&brain), health.clone(), config.assistant.concurrency);
        tasks.spawn(worker.run(stop.clone()));
        tasks.spawn(Aide::new(helpdesk.clone(), brain).run(stop.clone()));
        let fetching = Porter::new(helpdesk.clone(), fetcher, folder.clone(), limits);
        tasks.spawn(fetching.run(stop.clone()));
        let receivers = webhook_settings(&config);
        let policy = receivers.policy.clone();
        let messenger = Messenger::new(helpdesk.clone(), receivers, api::webhook_body, metrics.webhooks.clone())
            .context("webhooks cannot be told (TLS)")?;
        tasks.spawn(messenger.run(stop.clone()));
        tasks.spawn(library.clone().keep(stop.clone()));
        tasks.spawn(appearances::keep_telling(helpdesk.clone(), stop.clone()));
        tasks.spawn(keep_sweeping(helpdesk.clone(), stop.clone()));
        tasks.spawn(programs.clone().keep(stop.clone()));
        if let Some(provider) = provider {
            tasks.spawn(provider.keep(health.clone(), metrics.identity.clone(), stop.clone()));
        }
        let api = Api {
            helpdesk: helpdesk.clone(),
            identity: identity.with_programs(programs),
            rates: rates(&config.limits),
            proxies: Proxies::new(config.http.trusted_proxies.iter().map(|network| network.0).collect()),
            health,
            metrics,
            attachments: folder,
            library,
            receivers: policy,
        };
        if let Some(listener) = monitors {
            tasks.spawn(api::serve(listener, api::monitor(api.clone()), stop.clone()));
        }
        tasks.spawn(api::serve(listener, api::router(api), stop.clone()));
        tasks.close();
        writer.close();
        tracing::info!(%http, domain = component.domain, "Deskbridge is running");
        Ok(Self { http, helpdesk, store, stop, tasks, writer })
    }

    /// Where the REST API listens.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The domain, for tests that step it.
    #[must_use]
    pub fn helpdesk(&self) -> &Helpdesk {
        &self.helpdesk
    }

    /// Serves until `shutdown`, then says goodbye, sends what is left and closes the database.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        tracing::info!("stopping");
        self.stop.cancel();
        self.tasks.wait().await;
        // With the last handle gone the writer commits what has queued and ends.
        drop(self.helpdesk);
        self.writer.wait().await;
        self.store.close().await;
        tracing::info!("stopped");
    }
}

async fn listen(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ({key})"))
}

/// How often time is looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

async fn keep_sweeping(helpdesk: Helpdesk, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        match helpdesk.sweep().await {
            Ok(swept) if swept.total() > 0 => tracing::info!(?swept, "time has passed for some tickets"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the sweep failed; it is tried again"),
        }
    }
}

/// One sweep, for cron: without the XMPP link, the API or the assistant.
///
/// # Errors
/// When the configuration or the database is unusable.
pub async fn sweep(config: &Config) -> anyhow::Result<Swept> {
    let domain = Domain::open(config).await?;
    let swept = domain.helpdesk.sweep().await;
    domain.close().await?;
    Ok(swept?)
}

/// The domain alone, for commands on the database itself: without the XMPP link, the API or the assistant. A running `serve`
/// beside it is no trouble.
pub struct Domain {
    /// The domain.
    pub helpdesk: Helpdesk,
    writer: tokio::task::JoinHandle<()>,
    store: Store,
}

impl Domain {
    /// Opens the configured database, and brings it up to date.
    ///
    /// # Errors
    /// When the configuration or the database is unusable.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let desks = desks(config)?;
        let store = connect(config).await?;
        store.migrate().await.context("the database could not be brought up to date")?;
        let (helpdesk, write) = Helpdesk::new(store.clone(), Clock::default(), &config.domain()?, desks);
        Ok(Self { helpdesk: helpdesk.with_retention(retention(config)), writer: tokio::spawn(write), store })
    }

    /// Writes what has queued, and closes the database.
    ///
    /// # Errors
    /// When the writer ended unexpectedly.
    pub async fn close(self) -> anyhow::Result<()> {
        drop(self.helpdesk);
        self.writer.await?;
        self.store.close().await;
        Ok(())
    }
}

/// Removes customers' files, by the ids of their rows. Those of a row that is gone and that cannot be removed go when a running
/// `serve` cleans the folder.
///
/// # Errors
/// With the place of the folder's key in the text.
pub async fn remove_files(config: &Config, ids: &[uuid::Uuid]) -> anyhow::Result<()> {
    let folder = &config.attachments.folder;
    let folder =
        Folder::open(folder).with_context(|| format!("cannot write to {} (attachments.folder)", folder.display()))?;
    for id in ids {
        folder.remove(*id).await.with_context(|| format!("the file {id} could not be removed"))?;
    }
    Ok(())
}

/// How long is kept what belongs to no ticket.
fn retention(config: &Config) -> Retention {
    let config::Retention { usage, rooms, audit } = config.retention;
    let kept = |timeout: Option<Timeout>| timeout.and_then(Timeout::duration);
    Retention { usage: kept(usage), rooms: kept(rooms), audit: kept(audit) }
}

/// Which files are fetched, and how much of them.
///
/// # Errors
/// When a type cannot be told by a file's bytes.
pub fn attachment_limits(config: &Config) -> anyhow::Result<Limits> {
    let config = &config.attachments;
    let known = |wanted: &String| kind::KNOWN.iter().any(|(known, _)| known == wanted);
    if let Some(unknown) = config.types.iter().find(|wanted| !known(wanted)) {
        let all: Vec<&str> = kind::KNOWN.iter().map(|(known, _)| *known).collect();
        anyhow::bail!("attachments.types: '{unknown}' is none of those that can be told: {}", all.join(", "));
    }
    Ok(Limits {
        max_size: config.max_size,
        max_per_ticket: config.max_per_ticket as u64,
        max_per_day: config.max_per_day as u64,
        max_total: config.max_total,
        timeout: config.timeout,
        types: config.types.clone(),
        allow_http: config.allow_http,
        allow_private_addresses: config.allow_private_addresses,
    })
}

/// Where webhooks may be, and how they are told.
fn webhook_settings(config: &Config) -> webhooks::Settings {
    let config = &config.webhooks;
    let networks: Vec<_> = config.allow_private.iter().map(|network| network.0).collect();
    let private = if networks.is_empty() { Private::Refused } else { Private::In(networks) };
    webhooks::Settings { policy: Policy::new(private, config.allow_http), timeout: config.timeout, keep: config.keep }
}

/// How often each role may ask over REST.
fn rates(limits: &config::Limits) -> Rates {
    Rates::new(|role| {
        let word = match role {
            None => "anonymous",
            Some(Role::Customer) => "customer",
            Some(Role::Agent) => "agent",
            Some(Role::Admin) => "admin",
            Some(Role::Service) => "service",
        };
        let (per_second, burst) = limits.requests(word)?;
        Some(Rate { per_second: per_second.try_into().ok()?, burst: burst.try_into().ok()? })
    })
}

/// Connects to the configured database.
///
/// # Errors
/// With the place of the key in the text.
pub async fn connect(config: &Config) -> anyhow::Result<Store> {
    Store::connect(config.database.url.expose()).await.context("cannot open the database (database.url)")
}

/// What the link logs in with.
#[must_use]
pub fn account(component: &config::Component) -> Account {
    Account {
        server: component.server.clone(),
        domain: component.domain.clone(),
        secret: component.secret.expose().to_owned(),
        rooms: component.rooms.clone(),
        limited: true,
    }
}

/// The configured model, if there is one.
///
/// # Errors
/// When an endpoint's address or key is unusable.
fn model(config: &Config, clock: Clock) -> anyhow::Result<Option<Model>> {
    let mut endpoints = Vec::new();
    for endpoint in config.endpoints()? {
        let name = endpoint.name.clone();
        let settings = Settings {
            name: endpoint.name,
            base_url: endpoint.base_url,
            api_key: endpoint.api_key.map(|key| key.expose().to_owned()),
            model: endpoint.model,
            temperature: Some(endpoint.temperature),
            max_tokens: Some(endpoint.max_tokens),
            timeout: endpoint.timeout,
        };
        let llm = Llm::new(settings).with_context(|| {
            format!("the model's endpoint '{name}' is unusable (assistant.base_url, assistant.endpoints)")
        })?;
        endpoints.push(llm);
    }
    Ok((!endpoints.is_empty()).then(|| Model::new(endpoints, clock)))
}

/// What answers are made from: the model, the prompts and what the desks are. `shown` are the [`desks`].
///
/// # Errors
/// When a template or an endpoint is unusable, with the key.
pub fn brain(config: &Config, shown: &[Desk], library: Library, clock: Clock) -> anyhow::Result<Brain> {
    let prompts = Prompts::load(config.assistant.prompts.as_deref()).context("prompts (assistant.prompts)")?;
    let desks = config.desk.iter().zip(shown).map(|(desk, shown)| {
        let (title, texts) = (shown.title.clone(), shown.texts.clone());
        (desk.name.clone(), Material { prompt: desk.prompt.clone(), title, texts })
    });
    Ok(Brain {
        model: model(config, clock)?,
        prompts,
        desks: desks.collect(),
        library,
        timeout: config.assistant.timeout,
        context_tokens: config.assistant.context_tokens,
        max_steps: config.assistant.max_steps,
        max_tokens: Some(config.assistant.max_tokens_per_run as u64).filter(|most| *most > 0 && config.limits.enabled),
    })
}

/// The desk's title; without one its name with a capital letter.
fn title(desk: &config::Desk) -> String {
    desk.title.clone().unwrap_or_else(|| {
        let mut letters = desk.name.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    })
}
