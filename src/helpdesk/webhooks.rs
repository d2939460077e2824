//! Webhooks as admins manage them.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use deskbridge_entity::{
    webhook::{Model, Secret},
    webhook_delivery,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    Caller, DeliveryFilter, Error, Helpdesk, Page, happening,
    operation::webhook::{ChangeWebhook, MakeWebhook, Ping, RemoveWebhook, Replay, RotateSecret},
    query, without_nul,
};

/// What a secret begins with (Standard Webhooks).
pub const SECRET_PREFIX: &str = "whsec_";
/// Bytes of a secret: at least, and at most (Standard Webhooks).
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 500;
/// The longest URL, in bytes.
const MAX_URL: usize = 2048;
/// Names and patterns of one webhook, at most.
const MAX_EVENTS: usize = 50;
/// The longest time for which two secrets sign.
pub const LONGEST_OVERLAP: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a webhook is made with. The URL was looked at by whoever knows which places may be asked.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Where it listens.
    pub url: String,
    /// For people.
    pub description: String,
    /// Names of [`happening::KINDS`], or patterns.
    pub events: Vec<String>,
    /// Desks whose tickets it is told of; `None` is every desk.
    pub desks: Option<Vec<String>>,
    /// Whether it is told of notes, too.
    pub include_internal: bool,
    /// Its secret; else one is made.
    pub secret: Option<String>,
}

/// What changes; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// As in [`NewWebhook`].
    pub url: Option<String>,
    /// As in [`NewWebhook`].
    pub description: Option<String>,
    /// As in [`NewWebhook`].
    pub events: Option<Vec<String>>,
    /// `Some(None)` is every desk.
    pub desks: Option<Option<Vec<String>>>,
    /// As in [`NewWebhook`].
    pub include_internal: Option<bool>,
    /// Switches it on or off.
    pub enabled: Option<bool>,
}

/// Who may not: everybody but admins.
fn require_admin(caller: &Caller) -> Result<(), Error> {
    caller.require_admin("manage webhooks")
}

impl Helpdesk {
    /// All webhooks, the oldest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for everybody but admins.
    pub async fn webhooks(&self, caller: &Caller) -> Result<Vec<Model>, Error> {
        require_admin(caller)?;
        query::webhooks(&self.store).await
    }

    /// One webhook.
    ///
    /// # Errors
    /// As [`Helpdesk::webhooks`]; [`Error::NotFound`].
    pub async fn webhook(&self, caller: &Caller, id: Uuid) -> Result<Model, Error> {
        require_admin(caller)?;
        query::webhook(&self.store, id).await?.ok_or_else(|| Error::NotFound(format!("webhook {id}")))
    }

    /// Makes a webhook. It is told of what is committed from now on.
    ///
    /// # Errors
    /// As [`Helpdesk::webhooks`]; [`Error::Invalid`]; [`Error::Conflict`] when there are too many.
    pub async fn make_webhook(&self, caller: &Caller, new: NewWebhook) -> Result<Model, Error> {
        require_admin(caller)?;
        let row = Model {
            id: Uuid::now_v7(),
            url: checked_url(new.url)?,
            description: checked_description(new.description)?,
            events: json!(checked_events(new.events)?),
            desks: new.desks.map(|desks| self.checked_desks(desks)).transpose()?.map(|desks| json!(desks)),
            include_internal: new.include_internal,
            secret: secret(new.secret)?,
            old_secret: None,
            old_secret_until: None,
            disabled_at: None,
            disabled_reason: None,
            last_success_at: None,
            last_failure_at: None,
            last_failure: None,
            version: 1,
            created_at: self.clock.now(),
            created_by: caller.id.clone(),
        };
        self.writer.write(MakeWebhook { caller: caller.clone(), row }).await
    }

    /// Changes a webhook, if it is at the version `expected`.
    ///
    /// # Errors
    /// As [`Helpdesk::webhook`]; [`Error::Invalid`]; [`Error::Conflict`] when it is at another version.
    pub async fn change_webhook(
        &self,
        caller: &Caller,
        id: Uuid,
        expected: Option<i64>,
        change: Change,
    ) -> Result<Model, Error> {
        require_admin(caller)?;
        let desks = change.desks.map(|desks| desks.map(|desks| self.checked_desks(desks)).transpose());
        let change = Change {
            url: change.url.map(checked_url).transpose()?,
            description: change.description.map(checked_description).transpose()?,
            events: change.events.map(checked_events).transpose()?,
            desks: desks.transpose()?,
            ..change
        };
        self.writer.write(ChangeWebhook { caller: caller.clone(), id, expected, change }).await
    }

    /// Removes a webhook, with what was and is to be delivered.
    ///
    /// # Errors
    /// As [`Helpdesk::change_webhook`].
    pub async fn remove_webhook(&self, caller: &Caller, id: Uuid, expected: Option<i64>) -> Result<(), Error> {
        require_admin(caller)?;
        self.writer.write(RemoveWebhook { caller: caller.clone(), id, expected }).await
    }

    /// Gives a webhook another secret, `new` or one that is made; the old one signs beside it for as long as `overlap`.
    ///
    /// # Errors
    /// As [`Helpdesk::change_webhook`].
    pub async fn rotate_secret(
        &self,
        caller: &Caller,
        id: Uuid,
        expected: Option<i64>,
        new: Option<String>,
        overlap: Duration,
    ) -> Result<Model, Error> {
        require_admin(caller)?;
        if overlap > LONGEST_OVERLAP {
            return Err(Error::invalid("overlap", "must not be longer than 7d"));
        }
        self.writer.write(RotateSecret { caller: caller.clone(), id, expected, secret: secret(new)?, overlap }).await
    }

    /// Has a test delivered; gives the delivery's id.
    ///
    /// # Errors
    /// As [`Helpdesk::webhook`]; [`Error::Conflict`] when it is switched off.
    pub async fn ping_webhook(&self, caller: &Caller, id: Uuid) -> Result<Uuid, Error> {
        require_admin(caller)?;
        let delivery = Uuid::now_v7();
        self.writer.write(Ping { caller: caller.clone(), webhook: id, delivery }).await?;
        Ok(delivery)
    }

    /// What was, and is to be, delivered to a webhook, the newest first.
    ///
    /// # Errors
    /// As [`Helpdesk::webhook`].
    pub async fn deliveries(
        &self,
        caller: &Caller,
        webhook: Uuid,
        filter: &DeliveryFilter,
    ) -> Result<Page<webhook_delivery::Model>, Error> {
        self.webhook(caller, webhook).await?;
        query::deliveries(&self.store, webhook, filter).await
    }

    /// Has something delivered once more, or at once, under the same id.
    ///
    /// # Errors
    /// As [`Helpdesk::ping_webhook`]; [`Error::NotFound`] also for the delivery.
    pub async fn replay_delivery(
        &self,
        caller: &Caller,
        webhook: Uuid,
        delivery: Uuid,
    ) -> Result<webhook_delivery::Model, Error> {
        require_admin(caller)?;
        self.writer.write(Replay { caller: caller.clone(), webhook, delivery }).await
    }

    fn checked_desks(&self, desks: Vec<String>) -> Result<Vec<String>, Error> {
        if desks.is_empty() {
            return Err(Error::invalid("desks", "must name one at least; null is every desk"));
        }
        match desks.iter().find(|name| self.desk(name).is_none()) {
            Some(name) => Err(Error::invalid("desks", format!("there is no desk '{}'", super::shown(name)))),
            None => Ok(desks),
        }
    }
}

fn checked_url(url: String) -> Result<String, Error> {
    if url.len() > MAX_URL {
        return Err(Error::invalid("url", format!("must not be longer than {MAX_URL} bytes")));
    }
    Ok(url)
}

fn checked_description(text: String) -> Result<String, Error> {
    let text = without_nul(text);
    if text.chars().count() > MAX_DESCRIPTION {
        return Err(Error::invalid("description", format!("must not be longer than {MAX_DESCRIPTION} characters")));
    }
    Ok(text)
}

fn checked_events(events: Vec<String>) -> Result<Vec<String>, Error> {
    if events.is_empty() || events.len() > MAX_EVENTS {
        return Err(Error::invalid("events", format!("must name 1 to {MAX_EVENTS} events")));
    }
    match events.iter().find(|word| !happening::is_pattern(word)) {
        Some(word) => {
            let problem = if word == happening::PING {
                "is not asked for: every webhook gets it when an admin tries it"
            } else {
                "is no event: give names such as ticket.escalated, all of a kind as ticket.*, or *"
            };
            Err(Error::invalid("events", format!("'{}' {problem}", super::shown(word))))
        }
        None => Ok(events),
    }
}

/// What was given, if it will do, or a new one.
fn secret(given: Option<String>) -> Result<Secret, Error> {
    let Some(given) = given else {
        let bytes: [u8; 32] = rand::random();
        return Ok(Secret(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes))));
    };
    let bytes = given.strip_prefix(SECRET_PREFIX).and_then(|text| STANDARD.decode(text).ok());
    if bytes.is_none_or(|bytes| !SECRET_BYTES.contains(&bytes.len())) {
        let problem = "must be whsec_ and 24 to 64 random bytes in base64; without one a secret is made";
        return Err(Error::invalid("secret", problem));
    }
    Ok(Secret(given))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_or_checked_and_never_shown_by_accident() {
        let (one, other) = (secret(None).unwrap(), secret(None).unwrap());
        assert!(one != other && one.0.len() == SECRET_PREFIX.len() + 44);
        assert_eq!(format!("{one:?}"), "***");
        assert_eq!(secret(Some(one.0.clone())).unwrap(), one);
        let of = |bytes: usize| format!("{SECRET_PREFIX}{}", STANDARD.encode(vec![7; bytes]));
        assert!(secret(Some(of(24))).is_ok() && secret(Some(of(64))).is_ok());
        for junk in [of(23), of(65), STANDARD.encode([7; 32]), "whsec_".to_owned(), "whsec_ä".to_owned()] {
            assert!(secret(Some(junk.clone())).is_err(), "{junk}");
        }
    }
}
