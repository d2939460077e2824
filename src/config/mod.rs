//! Configuration: a TOML file, and environment variables that win over it.
//!
//! Everything is checked before any socket opens, and every complaint names its key.

mod access;
mod assistant;
mod attachments;
mod auth;
mod desk;
mod environment;
mod error;
mod http;
mod knowledge;
mod limits;
mod logs;
mod metrics;
mod retention;
#[cfg(test)]
mod tests;
mod value;
mod webhooks;
mod xmpp;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Value;

pub use access::token;
pub use assistant::{Assistant, Endpoint, EndpointTable};
pub use attachments::Attachments;
pub use auth::{Auth, ClaimNames, Provider, RoleWord};
pub use desk::{Agent, Desk, DeskLimits};
pub use error::Error;
pub use http::{Http, Network};
pub use knowledge::{Embeddings, EmbeddingsEndpoint, Knowledge};
pub use limits::{Limits, Requests};
pub use logs::{Logs, logs};
pub use metrics::Metrics;
pub use retention::Retention;
pub use value::{Secret, Timeout};
pub use webhooks::Webhooks;
pub use xmpp::{Component, Xmpp};

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "deskbridge.toml";
const PREFIX: &str = "DESKBRIDGE_";

/// The whole configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The component link.
    pub xmpp: Xmpp,
    /// Where everything is kept.
    pub database: Database,
    /// The REST API.
    pub http: Http,
    /// Who may use it.
    pub auth: Auth,
    /// Who answers first.
    pub assistant: Assistant,
    /// How the desks' pages are searched.
    pub knowledge: Knowledge,
    /// Files that customers send.
    pub attachments: Attachments,
    /// How other programs are told what happened.
    pub webhooks: Webhooks,
    /// Rate limits and budgets.
    pub limits: Limits,
    /// What monitors read.
    pub metrics: Metrics,
    /// What is forgotten, and when.
    pub retention: Retention,
    /// The desks; none given is one, `support`.
    pub desk: Vec<Desk>,
}

/// `[database]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite://…` or `postgres://…`; it may hold a password.
    pub url: Secret,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: Secret("sqlite://data/deskbridge.db?mode=rwc".to_owned()) }
    }
}

impl Config {
    /// Reads the file, if there is one, and the environment, and checks every value.
    ///
    /// `file` is what the command line named; without it `$DESKBRIDGE_CONFIG` counts, else `./deskbridge.toml` if it
    /// is there.
    ///
    /// # Errors
    /// [`Error`] names the file or the key.
    pub fn load(file: Option<&Path>) -> Result<Self, Error> {
        let vars: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let named = vars.iter().find(|(name, _)| name == "DESKBRIDGE_CONFIG").map(|(_, value)| PathBuf::from(value));
        let named = file.map(Path::to_owned).or(named);
        let path = named.clone().unwrap_or_else(|| DEFAULT_FILE.into());
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::Unreadable(path, error)),
        };
        Self::parse(&path, &text, vars)
    }

    fn parse(path: &Path, text: &str, vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, Error> {
        let table: toml::Table =
            toml::from_str(text).map_err(|error| Error::Syntax(path.to_owned(), Box::new(error)))?;
        let mut root = Value::Table(table);
        // Names without `__` are not ours to refuse: Kubernetes makes DESKBRIDGE_PORT and the like.
        let vars = vars.into_iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(PREFIX).filter(|key| key.contains("__"))?.to_lowercase();
            Some((name, key, value))
        });
        let mut vars: Vec<_> = vars.collect();
        vars.sort_by_cached_key(|(_, key, _)| environment::place(key));
        for (name, key, value) in vars {
            environment::insert(&mut root, &key.split("__").collect::<Vec<_>>(), value).ok_or_else(|| {
                let problem = "does not fit to the file and the other variables: a number is a place in a list, counted from 0 \
                               without a gap";
                Error::key(key.replace("__", "."), format!("{name} {problem}"))
            })?;
        }
        let mut config: Self = serde_path_to_error::deserialize(root).map_err(|error| {
            let key = error.path().to_string();
            Error::key(key, error.into_inner().message().to_owned())
        })?;
        if config.desk.is_empty() {
            config.desk.push(Desk::named("support"));
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Error> {
        self.xmpp.check()?;
        let domain = self.domain().ok();
        let mut names = BTreeSet::new();
        for (index, desk) in self.desk.iter().enumerate() {
            let key = format!("desk[{index}]");
            desk.check(&key, domain.as_deref())?;
            if !names.insert(&desk.name) {
                return Err(Error::key(format!("{key}.name"), format!("two desks are called '{}'", desk.name)));
            }
        }
        self.auth.provider()?;
        self.limits.check()?;
        self.metrics.check()?;
        self.retention.check()?;
        self.attachments.check()?;
        self.webhooks.check()?;
        self.assistant.check()?;
        self.embeddings_endpoint().map(drop)
    }

    /// What the link logs in with.
    ///
    /// # Errors
    /// [`Error::Missing`] without a domain or a secret.
    pub fn component(&self) -> Result<Component, Error> {
        self.xmpp.component()
    }

    /// The component's domain, normalised.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn domain(&self) -> Result<String, Error> {
        self.xmpp.domain()
    }

    /// The key of HS256 tokens, for a command that makes them.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Key`] for one that can be guessed.
    pub fn jwt_secret(&self) -> Result<&Secret, Error> {
        let secret = self.auth.jwt_secret.as_ref().ok_or_else(|| Error::missing("auth.jwt_secret"))?;
        // RFC 7518 §3.2: a key is not shorter than the hash.
        if secret.expose().len() < 32 {
            return Err(Error::key(
                "auth.jwt_secret",
                "must have 32 bytes at least, such as `openssl rand -hex 32` gives",
            ));
        }
        Ok(secret)
    }

    /// The endpoints of the language model, in the order in which they are asked; none is the built-in default.
    ///
    /// # Errors
    /// [`Error`] when an address is no URL, or the model's name is missing.
    pub fn endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        self.assistant.endpoints()
    }
}
