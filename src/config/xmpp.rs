//! `[xmpp]`: the component link.

use serde::Deserialize;

use super::{Error, Secret};

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

impl Xmpp {
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(domain) = &self.domain {
            let jid = jid::BareJid::new(domain).map_err(|error| Error::key("xmpp.domain", error.to_string()))?;
            if jid.node().is_some() {
                return Err(Error::key("xmpp.domain", "must be a domain such as help.example.org, without an @"));
            }
        }
        self.rooms()?;
        let has_port = self
            .server
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
        if !has_port {
            return Err(Error::key("xmpp.server", "must be host:port, such as 127.0.0.1:5347"));
        }
        Ok(())
    }

    /// What the link logs in with.
    ///
    /// # Errors
    /// [`Error::Missing`] without a domain or a secret.
    pub(super) fn component(&self) -> Result<Component, Error> {
        Ok(Component {
            server: self.server.clone(),
            domain: self.domain()?,
            secret: self.secret.clone().ok_or_else(|| Error::missing("xmpp.secret"))?,
            rooms: self.rooms()?,
        })
    }

    /// The component's domain, normalised.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub(super) fn domain(&self) -> Result<String, Error> {
        let domain = self.domain.as_deref().ok_or_else(|| Error::missing("xmpp.domain"))?;
        let jid = jid::BareJid::new(domain).map_err(|error| Error::key("xmpp.domain", error.to_string()))?;
        Ok(jid.domain().to_string())
    }

    /// The domain of a service of rooms, normalised.
    ///
    /// # Errors
    /// When it is no domain, or our own.
    fn rooms(&self) -> Result<Option<String>, Error> {
        let Some(rooms) = self.rooms.as_deref().filter(|rooms| !rooms.trim().is_empty()) else { return Ok(None) };
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
}
