//! Configuration: a TOML file, and environment variables that win over it.
//!
//! Everything is checked before any socket opens, and every complaint names its key.

mod assistant;
mod attachments;
mod desk;
mod environment;
mod logs;
#[cfg(test)]
mod tests;
mod value;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Value;

pub use assistant::{Assistant, Endpoint, EndpointTable};
pub use attachments::Attachments;
pub use desk::{Agent, Desk, DeskLimits};
pub use logs::{Logs, logs};
use value::boolean;
pub use value::{Secret, Timeout};

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "deskbridge.toml";
const PREFIX: &str = "DESKBRIDGE_";

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the configuration file {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The file is no TOML.
    #[error("{0} is not valid TOML: {1}")]
    Syntax(PathBuf, Box<toml::de::Error>),
    /// A key is unknown, or its value is not acceptable.
    #[error("configuration key {key}: {problem}")]
    Key {
        /// The key with its section, such as `xmpp.server`.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A key that this command needs is not set.
    #[error("configuration key {key} is missing: set it in {DEFAULT_FILE}, or as {variable} in the environment")]
    Missing {
        /// The key with its section.
        key: &'static str,
        /// The environment variable of the same meaning.
        variable: String,
    },
}

impl Error {
    fn key(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Key { key: key.into(), problem: problem.into() }
    }

    fn missing(key: &'static str) -> Self {
        Self::Missing { key, variable: format!("{PREFIX}{}", key.to_uppercase().replace('.', "__")) }
    }
}

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
    /// Files that customers send.
    pub attachments: Attachments,
    /// Rate limits and budgets.
    pub limits: Limits,
    /// The desks; none given is one, `support`.
    pub desk: Vec<Desk>,
}

/// `[xmpp]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Xmpp {
    /// The component's domain, such as `help.example.org`.
    pub domain: Option<String>,
    /// The server's component port, as `host:port`.
    pub server: String,
    /// The component's secret.
    pub secret: Option<Secret>,
    /// A service of rooms (XEP-0045), such as `rooms.example.org`, to take tickets to; without one there are none.
    pub rooms: Option<String>,
}

impl Default for Xmpp {
    fn default() -> Self {
        Self { domain: None, server: "127.0.0.1:5347".to_owned(), secret: None, rooms: None }
    }
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

/// `[http]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port to listen on.
    pub listen: std::net::SocketAddr,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 8000).into() }
    }
}

/// `[auth]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The key of HS256 tokens.
    pub jwt_secret: Option<Secret>,
}

/// `[limits]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Turns every rate limit and budget on or off at once.
    #[serde(deserialize_with = "boolean")]
    pub enabled: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// What the link logs in with.
#[derive(Clone, Debug)]
pub struct Component {
    /// `host:port`.
    pub server: String,
    /// Our domain.
    pub domain: String,
    /// The secret.
    pub secret: Secret,
    /// The domain of a service of rooms, if there is one.
    pub rooms: Option<String>,
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
        for (name, value) in vars {
            // Names without `__` are not ours to refuse: Kubernetes makes DESKBRIDGE_PORT and the like.
            let Some(key) = name.strip_prefix(PREFIX).filter(|key| key.contains("__")) else { continue };
            let key = key.to_lowercase();
            environment::insert(&mut root, &key.split("__").collect::<Vec<_>>(), value)
                .ok_or_else(|| Error::key(key.replace("__", "."), format!("{name} does not fit the file")))?;
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
        if let Some(domain) = &self.xmpp.domain {
            let jid = jid::BareJid::new(domain).map_err(|error| Error::key("xmpp.domain", error.to_string()))?;
            if jid.node().is_some() {
                return Err(Error::key("xmpp.domain", "must be a domain such as help.example.org, without an @"));
            }
        }
        self.rooms()?;
        let has_port = self
            .xmpp
            .server
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
        if !has_port {
            return Err(Error::key("xmpp.server", "must be host:port, such as 127.0.0.1:5347"));
        }
        let domain = self.domain().ok();
        let mut names = BTreeSet::new();
        for (index, desk) in self.desk.iter().enumerate() {
            let key = format!("desk[{index}]");
            desk.check(&key, domain.as_deref())?;
            if !names.insert(&desk.name) {
                return Err(Error::key(format!("{key}.name"), format!("two desks are called '{}'", desk.name)));
            }
        }
        self.attachments.check()?;
        self.assistant.check()
    }

    /// What the link logs in with.
    ///
    /// # Errors
    /// [`Error::Missing`] without a domain or a secret.
    pub fn component(&self) -> Result<Component, Error> {
        Ok(Component {
            server: self.xmpp.server.clone(),
            domain: self.domain()?,
            secret: self.xmpp.secret.clone().ok_or_else(|| Error::missing("xmpp.secret"))?,
            rooms: self.rooms()?,
        })
    }

    /// The component's domain, normalised.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn domain(&self) -> Result<String, Error> {
        let domain = self.xmpp.domain.as_deref().ok_or_else(|| Error::missing("xmpp.domain"))?;
        let jid = jid::BareJid::new(domain).map_err(|error| Error::key("xmpp.domain", error.to_string()))?;
        Ok(jid.domain().to_string())
    }

    /// The domain of a service of rooms, normalised.
    ///
    /// # Errors
    /// When it is no domain, or our own.
    fn rooms(&self) -> Result<Option<String>, Error> {
        let Some(rooms) = self.xmpp.rooms.as_deref().filter(|rooms| !rooms.trim().is_empty()) else { return Ok(None) };
        let jid = jid::BareJid::new(rooms).map_err(|error| Error::key("xmpp.rooms", error.to_string()))?;
        if jid.node().is_some() {
            return Err(Error::key("xmpp.rooms", "must be a domain such as rooms.example.org, without an @"));
        }
        let rooms = jid.domain().to_string();
        if self.domain().is_ok_and(|own| own == rooms) {
            return Err(Error::key("xmpp.rooms", "must be another domain than xmpp.domain"));
        }
        Ok(Some(rooms))
    }

    /// The key of HS256 tokens.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn jwt_secret(&self) -> Result<&Secret, Error> {
        self.auth.jwt_secret.as_ref().ok_or_else(|| Error::missing("auth.jwt_secret"))
    }

    /// The endpoints of the language model, in the order in which they are asked; none is the built-in default.
    ///
    /// # Errors
    /// [`Error`] when an address is no URL, or the model's name is missing.
    pub fn endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        self.assistant.endpoints()
    }
}
