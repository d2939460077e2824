//! Requests that come again, as after a lost answer: what they ask for is done once.
//!
//! That something was done is a part of the change itself: a message carries the id that its writer gave it ([`ClientId`]), and
//! any other change notes its request's key in the same commit ([`Helpdesk::once_by`]). The answer is kept afterwards, for
//! convenience: where a crash came in between, it is made again of what is there.

use chrono::TimeDelta;
use deskbridge_entity::kept_answer;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    Caller, Error, Helpdesk, Role,
    operation::{keep::KeepAnswer, line::fingerprint},
};

/// How long an answer is kept.
pub(super) const KEPT: TimeDelta = TimeDelta::hours(24);

/// What a message is known by to the program that wrote it: in one ticket there is no other with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientId {
    /// Of the writer and the id: another writer's `1` is another message.
    pub(super) key: String,
    /// The id, where the writer gave one.
    pub(super) id: Option<String>,
}

impl ClientId {
    /// The id that a caller gave its message.
    #[must_use]
    pub fn given(caller: &Caller, id: String) -> Self {
        Self { key: fingerprint(&["client id", &hash_of(caller), &id]), id: Some(id) }
    }

    /// Of the only message of a request, which has a key of its own.
    #[must_use]
    pub fn of_request(key: &str) -> Self {
        Self { key: fingerprint(&["request", key]), id: None }
    }

    /// The id, where the writer gave one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether this is what a message is known by, as it is stored.
    #[must_use]
    pub fn is(&self, stored: Option<&str>) -> bool {
        stored == Some(&self.key)
    }
}

/// A caller, as a hash.
#[must_use]
pub fn hash_of(caller: &Caller) -> String {
    let role = match caller.role {
        Role::Customer => "customer",
        Role::Agent => "agent",
        Role::Admin => "admin",
        Role::Service => "service",
    };
    fingerprint(&["caller", role, &caller.id])
}

impl Helpdesk {
    /// The same domain, whose next change is that of the request with this key: the first one that goes through is the only one
    /// for 24 hours, all others are [`Error::Repeated`].
    #[must_use]
    pub fn once_by(&self, key: &str) -> Self {
        Self { writer: self.writer.once(vec![fingerprint(&["request", key])]), ..self.clone() }
    }

    /// The answer that is kept under this key.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn kept_answer(&self, key: &str) -> Result<Option<kept_answer::Model>, Error> {
        let kept =
            kept_answer::Entity::find_by_id(key).filter(kept_answer::Column::CreatedAt.gt(self.clock.now() - KEPT));
        Ok(kept.one(self.store.read()).await?)
    }

    /// Keeps an answer for a day, unless its ticket is gone.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn keep_answer(&self, answer: kept_answer::Model) -> Result<(), Error> {
        self.writer.write(KeepAnswer { answer }).await
    }
}
