//! Who of the staff did what: one row for each act, in the commit of the change.
//!
//! An operation says what it is by [`Operation::deed`](super::writer::Operation::deed); the writer notes it when the operation
//! has gone through, so no handler can forget to. A row holds no customer's address and nobody's text: a customer is named
//! by the same hash as in the event log.

use deskbridge_entity::audit::{self, Role as ActorRole, Way as WayWord};
use jid::BareJid;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    AuditFilter, Caller, Error, Helpdesk, Page, Role, operation::note::NoteDeed, query, usage::customer_key,
    without_nul,
};

/// How a change is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// From a chat client: what nothing else was said of.
    #[default]
    Chat,
    /// Over REST, with the request's id.
    Rest(String),
    /// On the command line.
    CommandLine,
}

tokio::task_local! {
    static WAY: Way;
}

impl Way {
    /// Runs what was asked for in this way. What it hands to the helpdesk is noted so.
    pub async fn of<F: Future>(self, asked: F) -> F::Output {
        WAY.scope(self, asked).await
    }

    /// How what runs now was asked for.
    pub(super) fn current() -> Self {
        WAY.try_with(Clone::clone).unwrap_or_default()
    }
}

/// What somebody did.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    role: ActorRole,
    actor: String,
    action: &'static str,
    pub desk: Option<String>,
    pub ticket: Option<Uuid>,
    target: Option<String>,
    details: Value,
}

impl Deed {
    pub(super) fn of(caller: &Caller, action: &'static str) -> Self {
        Self::by(caller.role, &caller.id, action)
    }

    pub(super) fn by(role: Role, id: &str, action: &'static str) -> Self {
        let (role, actor) = match role {
            // Its id is its address.
            Role::Customer => (ActorRole::Customer, customer_key(id)),
            Role::Agent => (ActorRole::Agent, id.to_owned()),
            Role::Admin => (ActorRole::Admin, id.to_owned()),
            Role::Service => (ActorRole::Service, id.to_owned()),
        };
        Self { role, actor, action, desk: None, ticket: None, target: None, details: json!({}) }
    }

    pub(super) fn in_ticket(self, ticket: Uuid) -> Self {
        Self { ticket: Some(ticket), ..self }
    }

    pub(super) fn at_desk(self, desk: &str) -> Self {
        Self { desk: Some(desk.to_owned()), ..self }
    }

    /// What it was done to: an id or a path, never a customer's address.
    pub(super) fn to(self, target: impl ToString) -> Self {
        Self { target: Some(target.to_string()), ..self }
    }

    pub(super) fn of_customer(self, customer: &str) -> Self {
        self.to(customer_key(customer))
    }

    /// Words of ours and numbers, never anybody's text.
    pub(super) fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }

    pub(super) fn row(self, at: chrono::DateTime<chrono::Utc>, way: &Way) -> audit::Model {
        let (way, request_id) = match way {
            Way::Chat => (WayWord::Chat, None),
            Way::Rest(id) => (WayWord::Rest, Some(id.clone())),
            Way::CommandLine => (WayWord::Cli, None),
        };
        let Self { role, actor, action, desk, ticket, target, details } = self;
        audit::Model {
            id: Uuid::now_v7(),
            at,
            role,
            actor,
            way,
            action: action.to_owned(),
            desk,
            ticket_id: ticket,
            target,
            request_id,
            details,
        }
    }
}

impl Helpdesk {
    /// What the staff did, newest first. Admins only.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Database`].
    pub async fn audit(&self, caller: &Caller, filter: &AuditFilter) -> Result<Page<audit::Model>, Error> {
        caller.require_admin("read what the staff did")?;
        query::audit(&self.store, filter).await
    }

    /// Notes that an admin has put a page on a desk's shelf, which is no part of the database. Once it is there: who is told
    /// that this failed repeats it, and the repetition is noted.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn note_page_put(&self, caller: &Caller, desk: &str, path: &str) -> Result<(), Error> {
        self.note_page_deed(caller, "knowledge.put", desk, path).await
    }

    /// Notes that an admin has taken a page from a desk's shelf.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn note_page_removed(&self, caller: &Caller, desk: &str, path: &str) -> Result<(), Error> {
        self.note_page_deed(caller, "knowledge.remove", desk, path).await
    }

    async fn note_page_deed(&self, caller: &Caller, action: &'static str, desk: &str, path: &str) -> Result<(), Error> {
        let deed = Deed::of(caller, action).at_desk(desk).to(without_nul(path.to_owned()));
        self.writer.write(NoteDeed { deed }).await
    }

    /// Notes that somebody was given all that is known of a customer.
    pub(super) async fn note_export(&self, caller: &Caller, customer: &BareJid) -> Result<(), Error> {
        let deed = Deed::of(caller, "customer.export").of_customer(customer.as_str());
        self.writer.write(NoteDeed { deed }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_asked_for_in_no_named_way_comes_from_a_chat() {
        assert_eq!(Way::current(), Way::Chat);
        let inside = Way::Rest("r1".to_owned()).of(async { Way::current() }).await;
        assert_eq!(inside, Way::Rest("r1".to_owned()));
        assert_eq!(Way::CommandLine.of(async { Way::current() }).await, Way::CommandLine);
    }

    #[test]
    fn a_customer_is_a_hash_also_as_the_one_who_acts() {
        let deed = Deed::by(Role::Customer, "ann@example.com", "customer.erase").of_customer("ann@example.com");
        let row = deed.row(chrono::DateTime::UNIX_EPOCH, &Way::Chat);
        assert!(!format!("{row:?}").contains("ann"), "{row:?}");
        assert_eq!(Some(&row.actor), row.target.as_ref());
    }
}
