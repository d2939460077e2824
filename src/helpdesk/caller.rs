//! Who asks, and what they may do: deny by default (product rules "who may do what").

use std::collections::BTreeSet;

use deskbridge_entity::ticket;
use jid::BareJid;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Error;

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A bare JID that writes to desks; sees its own tickets only.
    Customer,
    /// A person who answers, on some desks or on all.
    Agent,
    /// An agent of every desk who also manages.
    Admin,
    /// A program; may do what its scopes say.
    Service,
}

impl Role {
    /// The version by which such a caller knows a ticket.
    #[must_use]
    pub fn version_of(self, ticket: &ticket::Model) -> i64 {
        if self == Self::Customer { ticket.shown_version } else { ticket.version }
    }
}

/// Somebody whose token was checked.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The token's `sub`: a customer's bare JID, or an agent's or program's id.
    pub id: String,
    /// The name others see, if the token gave one.
    pub name: Option<String>,
    /// What the caller is.
    pub role: Role,
    /// The desks an agent is limited to; `None` is every desk.
    pub desks: Option<Vec<String>>,
    /// What a program may do, such as `tickets:read`.
    pub scopes: Vec<String>,
}

/// The scope that lets a program read tickets, messages and sync.
pub const SCOPE_READ: &str = "tickets:read";
/// The scope that lets a program speak as the customer it names.
pub const SCOPE_WRITE: &str = "tickets:write";

/// The scope that lets a program read metrics.
pub const SCOPE_METRICS: &str = "metrics:read";
/// The scope that lets a program tell of rooms and their occupants.
pub const SCOPE_ROOMS: &str = "rooms:write";
/// All scopes.
pub const SCOPES: [&str; 4] = [SCOPE_READ, SCOPE_WRITE, SCOPE_METRICS, SCOPE_ROOMS];

impl Caller {
    /// A customer, known by the address that the XMPP server vouches for.
    #[must_use]
    pub fn customer(jid: &BareJid) -> Self {
        Self { id: jid.to_string(), name: None, role: Role::Customer, desks: None, scopes: Vec::new() }
    }

    /// Who acts on the command line: whoever may read the database's address.
    #[must_use]
    pub fn operator() -> Self {
        Self { id: "deskbridge".to_owned(), name: None, role: Role::Admin, desks: None, scopes: Vec::new() }
    }

    /// The name that customers see under this person's lines: the token's `name`, else what stands before
    /// the `@` of the id, so that no staff address leaks.
    #[must_use]
    pub fn display_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.id.split('@').next().unwrap_or_default().to_owned())
    }

    /// By what a reader is known again, as a hash: the same with each token of one caller, another when its role or desks are
    /// others. Programs that may read read all alike, so a new key under another name goes on where the old one was.
    #[must_use]
    pub fn reader(&self) -> String {
        let id = (self.role != Role::Service).then_some(self.id.as_str());
        let desks = self.desks.as_ref().filter(|_| self.role == Role::Agent);
        let desks = desks.map(|desks| desks.iter().collect::<BTreeSet<_>>());
        let digest = Sha256::digest(json!([format!("{:?}", self.role), id, desks]).to_string());
        digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }

    /// Whether the caller answers at `desk`.
    #[must_use]
    pub fn serves(&self, desk: &str) -> bool {
        match self.role {
            Role::Admin => true,
            Role::Agent => self.desks.as_ref().is_none_or(|desks| desks.iter().any(|name| name == desk)),
            Role::Customer | Role::Service => false,
        }
    }

    /// Whether the caller is a person of the staff.
    #[must_use]
    pub fn is_staff(&self) -> bool {
        matches!(self.role, Role::Agent | Role::Admin)
    }

    /// Whether the caller may read `ticket`.
    #[must_use]
    pub fn may_read(&self, ticket: &ticket::Model) -> bool {
        match self.role {
            Role::Customer => self.id == ticket.customer,
            Role::Agent | Role::Admin => self.serves(&ticket.desk),
            Role::Service => self.has_scope(SCOPE_READ) || self.has_scope(SCOPE_WRITE),
        }
    }

    /// Checks that the caller may read tickets at all.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a program without a fitting scope.
    pub fn require_reader(&self) -> Result<(), Error> {
        if self.role == Role::Service && !self.has_scope(SCOPE_READ) && !self.has_scope(SCOPE_WRITE) {
            return Err(Error::Forbidden(format!("this token lacks the scope {SCOPE_READ}")));
        }
        Ok(())
    }

    /// Checks that the caller may speak as `customer`.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless it is the customer, or a program that may write.
    pub fn require_voice_of(&self, customer: &str) -> Result<(), Error> {
        match self.role {
            Role::Customer if self.id == customer => Ok(()),
            Role::Customer => Err(Error::Forbidden("a customer's token speaks for its own JID only".to_owned())),
            Role::Service if self.has_scope(SCOPE_WRITE) => Ok(()),
            Role::Service => Err(Error::Forbidden(format!("this token lacks the scope {SCOPE_WRITE}"))),
            Role::Agent | Role::Admin => {
                Err(Error::Forbidden("staff speak as themselves, not as a customer".to_owned()))
            }
        }
    }

    /// Checks that the caller may tell of rooms, as the XMPP server's own program.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for everybody else.
    pub fn require_feed(&self) -> Result<(), Error> {
        if self.role == Role::Service && self.has_scope(SCOPE_ROOMS) {
            return Ok(());
        }
        Err(Error::Forbidden(format!("only a program with the scope {SCOPE_ROOMS} tells of rooms")))
    }

    /// Checks that the caller is an admin.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for everybody else.
    pub fn require_admin(&self, what: &str) -> Result<(), Error> {
        if self.role == Role::Admin {
            return Ok(());
        }
        Err(Error::Forbidden(format!("only admins {what}")))
    }

    /// Checks that the caller may read metrics.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless it is an admin, or a program with the scope.
    pub fn require_monitor(&self) -> Result<(), Error> {
        match self.role {
            Role::Admin => Ok(()),
            Role::Service if self.has_scope(SCOPE_METRICS) => Ok(()),
            Role::Service => Err(Error::Forbidden(format!("this token lacks the scope {SCOPE_METRICS}"))),
            Role::Customer | Role::Agent => {
                Err(Error::Forbidden("metrics are for admins and for programs with a scope".to_owned()))
            }
        }
    }

    /// Checks that the caller answers at `desk`.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for everybody else.
    pub fn require_desk(&self, desk: &str) -> Result<(), Error> {
        if self.serves(desk) {
            return Ok(());
        }
        Err(Error::Forbidden(format!("this token is not for the desk '{desk}'")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_known_again_by_what_it_may_read() {
        let reader = |role, id: &str, desks: Option<&[&str]>, scope: &str| {
            let desks = desks.map(|desks| desks.iter().map(ToString::to_string).collect());
            let name = (!scope.is_empty()).then(|| scope.to_owned());
            Caller { id: id.to_owned(), name, role, desks, scopes: vec![scope.to_owned()] }.reader()
        };
        use Role::{Admin, Agent, Customer, Service};
        let same = [
            (reader(Agent, "eve", Some(&["a", "b"]), ""), reader(Agent, "eve", Some(&["b", "a", "b"]), "x")),
            (reader(Admin, "eve", None, ""), reader(Admin, "eve", Some(&["a"]), "x")),
            (reader(Service, "cron", None, SCOPE_READ), reader(Service, "cron-2", None, SCOPE_WRITE)),
        ];
        for (one, other) in same {
            assert_eq!(one, other);
        }
        let others = [
            reader(Customer, "eve", None, ""),
            reader(Customer, "ann", None, ""),
            reader(Agent, "eve", None, ""),
            reader(Agent, "eve", Some(&[]), ""),
            reader(Agent, "eve", Some(&["a"]), ""),
            reader(Agent, "eve", Some(&["a", "b"]), ""),
            reader(Agent, "eve", Some(&["a, b"]), ""),
            reader(Agent, "max", Some(&["a"]), ""),
            reader(Admin, "eve", None, ""),
            reader(Admin, "max", None, ""),
            reader(Service, "eve", None, SCOPE_READ),
        ];
        assert_eq!(others.iter().collect::<BTreeSet<_>>().len(), others.len());
    }
}
