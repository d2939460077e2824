//! Keys by which programs use the REST API: made, listed and revoked on the command line, beside whatever runs.
//!
//! They are no part of the tickets, so no operation of the writer's makes them, and no event tells of them. Each change is one short
//! transaction on the connection that writes.

mod key;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use deskbridge_entity::api_key::{self, Column, Entity};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};

pub use key::{Key, PREFIX};

use super::{Caller, Clock, Error, Role, SCOPES, Store};

/// Keys that are not revoked, at most: all of them are looked at by one query (`api::programs`).
pub const MOST_KEYS: u64 = 1000;
/// The longest name, in characters.
const LONGEST_NAME: usize = 100;
/// For how long a revoked key is told so; later it is told that it is none.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// The keys in a database. Clones share it.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    store: Store,
    clock: Clock,
}

/// A key as it is asked for.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// What its program may do.
    pub scopes: Vec<String>,
    /// Until when it holds; `None` is until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key as it is listed.
#[derive(Clone, Debug)]
pub struct ApiKey(api_key::Model);

/// Why a key does not let its program in any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Expired,
    /// By somebody.
    Revoked,
}

impl ApiKey {
    /// What it is: no secret in it.
    #[must_use]
    pub fn row(&self) -> &api_key::Model {
        &self.0
    }

    /// What its program may do.
    #[must_use]
    pub fn scopes(&self) -> Vec<String> {
        // What is no list gives no right.
        serde_json::from_value(self.0.scopes.clone()).unwrap_or_default()
    }

    /// Whether `key` is this one.
    #[must_use]
    pub fn is(&self, key: &Key) -> bool {
        key.has(&self.0.hash)
    }

    /// Whether it has ended by `now`.
    #[must_use]
    pub fn ended(&self, now: DateTime<Utc>) -> Option<Ended> {
        if self.0.revoked_at.is_some() {
            return Some(Ended::Revoked);
        }
        self.0.expires_at.is_some_and(|end| end <= now).then_some(Ended::Expired)
    }

    /// Its program as one who asks for something. The id cannot be a person's by chance.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller {
            id: format!("{PREFIX}{}", self.0.id),
            name: Some(self.0.name.clone()),
            role: Role::Service,
            desks: None,
            scopes: self.scopes(),
        }
    }
}

impl ApiKeys {
    /// Those in `store`.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The clock by which they end.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Makes a key. It is given here and never again.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name, scope or time that cannot be, [`Error::Conflict`] when there is a key of this name, or too many.
    pub async fn create(&self, new: NewApiKey) -> Result<Key, Error> {
        let (now, name) = (self.clock.now(), checked_name(&new.name)?);
        let mut scopes = new.scopes;
        scopes.sort();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(Error::invalid("scope", format!("at least one is needed: {}", SCOPES.join(", "))));
        }
        if let Some(unknown) = scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
            return Err(Error::invalid("scope", format!("'{unknown}' is none of {}", SCOPES.join(", "))));
        }
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("expires", "must lie ahead"));
        }
        let key = Key::random();
        let transaction = self.store.begin().await?;
        let live = Entity::find().filter(Column::RevokedAt.is_null());
        if live.clone().filter(Column::Name.eq(&name)).one(&transaction).await?.is_some() {
            return Err(Error::Conflict(format!("there is a key '{name}' already: revoke it, or take another name")));
        }
        if live.count(&transaction).await? >= MOST_KEYS {
            return Err(Error::Conflict(format!("there are {MOST_KEYS} keys already: revoke some of them first")));
        }
        let row = api_key::Model {
            id: key.id().to_owned(),
            name,
            hash: key.hash(),
            scopes: scopes.into(),
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        Entity::insert(row.into_active_model()).exec_without_returning(&transaction).await?;
        transaction.commit().await?;
        Ok(key)
    }

    /// All keys, newest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn list(&self) -> Result<Vec<ApiKey>, Error> {
        let all = Entity::find().order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
        Ok(all.all(self.store.read()).await?.into_iter().map(ApiKey).collect())
    }

    /// Revokes the key of this id, with `dbk_` before it, or of this name; one that is revoked stays so. Gives it as it is then.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke(&self, which: &str) -> Result<ApiKey, Error> {
        let which = which.trim();
        let transaction = self.store.begin().await?;
        // No name begins like an id.
        let found = match which.strip_prefix(PREFIX) {
            Some(id) => Entity::find_by_id(id).one(&transaction).await?,
            None => {
                let named = Entity::find().filter(Column::Name.eq(which)).filter(Column::RevokedAt.is_null());
                named.one(&transaction).await?
            }
        };
        let mut row = found.ok_or_else(|| Error::NotFound(format!("the key '{which}'")))?;
        if row.revoked_at.is_none() {
            row.revoked_at = Some(self.clock.now());
            let change = api_key::ActiveModel { revoked_at: Set(row.revoked_at), ..Default::default() };
            Entity::update_many().set(change).filter(Column::Id.eq(&row.id)).exec(&transaction).await?;
        }
        transaction.commit().await?;
        Ok(ApiKey(row))
    }

    /// The keys that let somebody in, and those that did lately, by id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn known(&self) -> Result<BTreeMap<String, ApiKey>, Error> {
        let lately = self.clock.now() - REMEMBERED;
        let known = Condition::any().add(Column::RevokedAt.is_null()).add(Column::RevokedAt.gt(lately));
        let rows = Entity::find().filter(known).all(self.store.house()).await?;
        Ok(rows.into_iter().map(|row| (row.id.clone(), ApiKey(row))).collect())
    }

    /// Notes when keys were used last. An earlier time than the one that stands there changes nothing.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn note_used(&self, uses: &BTreeMap<String, DateTime<Utc>>) -> Result<(), Error> {
        let transaction = self.store.begin().await?;
        for (id, at) in uses {
            let older = Condition::any().add(Column::LastUsedAt.is_null()).add(Column::LastUsedAt.lt(*at));
            let note = Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(*at));
            note.filter(Column::Id.eq(id)).filter(older).exec(&transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

fn checked_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Error::invalid("name", format!("must have 1 to {LONGEST_NAME} characters, on one line")));
    }
    if name.starts_with(PREFIX) {
        return Err(Error::invalid("name", format!("must not begin with {PREFIX}, as ids do")));
    }
    Ok(name.to_owned())
}
