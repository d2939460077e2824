//! Webhooks are made, changed, and removed by admins.

use std::time::Duration;

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    webhook::{Model, Reason, Secret},
    webhook_delivery::{self, State},
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, Value},
};
use uuid::Uuid;

use super::line::fingerprint;
use crate::helpdesk::{
    Caller, Error,
    audit::Deed,
    happening::PING,
    lifecycle,
    unit::{Needs, Unit, new_delivery},
    webhooks::Change,
    writer::Operation,
};

/// Webhooks that there may be: each is looked at by every commit.
const MOST: u64 = 50;

fn unknown(id: Uuid) -> Error {
    Error::NotFound(format!("webhook {id}"))
}

/// The webhook, if it is what its changer has seen.
fn found(unit: &Unit, id: Uuid, expected: Option<i64>) -> Result<Model, Error> {
    let row = unit.hooks.webhook(id).cloned().ok_or_else(|| unknown(id))?;
    if expected.is_some_and(|expected| expected != row.version) {
        return Err(Error::Conflict(format!("the webhook has changed meanwhile: it is at version {}", row.version)));
    }
    Ok(row)
}

/// What a webhook is told, for the audit log. Not its URL, which may be a secret; but whether that is another one.
fn told(row: &Model) -> serde_json::Value {
    serde_json::json!({
        "events": row.events,
        "desks": row.desks,
        "include_internal": row.include_internal,
        "enabled": row.disabled_at.is_none(),
        "url_hash": fingerprint(&["url", &row.url]),
    })
}

pub(in crate::helpdesk) struct MakeWebhook {
    pub caller: Caller,
    pub row: Model,
}

impl Operation for MakeWebhook {
    type Output = Model;

    fn needs(&self, needs: &mut Needs) {
        needs.hooks.count = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<Model, Error> {
        if unit.hooks.count >= MOST {
            return Err(Error::Conflict(format!("there are {MOST} webhooks already, as many as there may be")));
        }
        let row = Model { created_at: unit.now, ..self.row.clone() };
        unit.put_webhook("webhook.created", row.clone());
        Ok(row)
    }

    fn deed(&self, row: &Model, _: &Unit) -> Option<Deed> {
        Some(Deed::of(&self.caller, "webhook.create").to(row.id).with(told(row)))
    }
}

pub(in crate::helpdesk) struct ChangeWebhook {
    pub caller: Caller,
    pub id: Uuid,
    pub expected: Option<i64>,
    pub change: Change,
}

impl Operation for ChangeWebhook {
    type Output = Model;

    fn needs(&self, needs: &mut Needs) {
        needs.hooks.webhooks.insert(self.id);
    }

    fn apply(&self, unit: &mut Unit) -> Result<Model, Error> {
        let mut row = found(unit, self.id, self.expected)?;
        let Change { url, description, events, desks, include_internal, enabled } = self.change.clone();
        row.url = url.unwrap_or(row.url);
        row.description = description.unwrap_or(row.description);
        row.events = events.map_or(row.events, |events| serde_json::json!(events));
        row.desks = desks.map_or(row.desks, |desks| desks.map(|desks| serde_json::json!(desks)));
        row.include_internal = include_internal.unwrap_or(row.include_internal);
        match enabled {
            Some(true) => (row.disabled_at, row.disabled_reason) = (None, None),
            Some(false) if row.disabled_at.is_none() => {
                (row.disabled_at, row.disabled_reason) = (Some(unit.now), Some(Reason::Admin));
            }
            Some(false) | None => {}
        }
        row.version += 1;
        unit.put_webhook("webhook.updated", row.clone());
        Ok(row)
    }

    fn deed(&self, row: &Model, _: &Unit) -> Option<Deed> {
        Some(Deed::of(&self.caller, "webhook.change").to(self.id).with(told(row)))
    }
}

pub(in crate::helpdesk) struct RemoveWebhook {
    pub caller: Caller,
    pub id: Uuid,
    pub expected: Option<i64>,
}

impl Operation for RemoveWebhook {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.hooks.webhooks.insert(self.id);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        found(unit, self.id, self.expected)?;
        unit.remove_webhook(self.id);
        Ok(())
    }

    fn deed(&self, (): &(), _: &Unit) -> Option<Deed> {
        Some(Deed::of(&self.caller, "webhook.remove").to(self.id))
    }
}

/// Gives a webhook another secret. The one before signs beside it for a while; one before that no longer.
pub(in crate::helpdesk) struct RotateSecret {
    pub caller: Caller,
    pub id: Uuid,
    pub expected: Option<i64>,
    pub secret: Secret,
    pub overlap: Duration,
}

impl Operation for RotateSecret {
    type Output = Model;

    fn needs(&self, needs: &mut Needs) {
        needs.hooks.webhooks.insert(self.id);
    }

    fn apply(&self, unit: &mut Unit) -> Result<Model, Error> {
        let mut row = found(unit, self.id, self.expected)?;
        let old = std::mem::replace(&mut row.secret, self.secret.clone());
        let keeps = !self.overlap.is_zero() && old != row.secret;
        row.old_secret = keeps.then_some(old);
        row.old_secret_until = keeps.then(|| unit.now + lifecycle::delta(self.overlap));
        row.version += 1;
        unit.put_webhook("webhook.updated", row.clone());
        Ok(row)
    }

    fn deed(&self, _: &Model, _: &Unit) -> Option<Deed> {
        Some(Deed::of(&self.caller, "webhook.rotate").to(self.id))
    }
}

/// Has a test delivered.
pub(in crate::helpdesk) struct Ping {
    pub caller: Caller,
    pub webhook: Uuid,
    pub delivery: Uuid,
}

impl Operation for Ping {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.hooks.webhooks.insert(self.webhook);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        enabled(unit, self.webhook)?;
        let data = serde_json::json!({ "webhook_id": self.webhook });
        let ping = new_delivery(self.delivery, self.webhook, PING, unit.now);
        unit.hooks.deliver(webhook_delivery::Model { data, ..ping });
        Ok(())
    }

    fn deed(&self, (): &(), _: &Unit) -> Option<Deed> {
        Some(Deed::of(&self.caller, "webhook.ping").to(self.webhook))
    }
}

/// Nothing is sent to one that is switched off.
fn enabled(unit: &Unit, id: Uuid) -> Result<(), Error> {
    let row = unit.hooks.webhook(id).ok_or_else(|| unknown(id))?;
    if row.disabled_at.is_some() {
        return Err(Error::Conflict("the webhook is switched off: enable it first".to_owned()));
    }
    Ok(())
}

/// Has something delivered again, or now instead of later: under the same id, by as many tries as a new one.
pub(in crate::helpdesk) struct Replay {
    pub caller: Caller,
    pub webhook: Uuid,
    pub delivery: Uuid,
}

impl Operation for Replay {
    type Output = webhook_delivery::Model;

    fn needs(&self, needs: &mut Needs) {
        needs.hooks.webhooks.insert(self.webhook);
        needs.hooks.deliveries.insert(self.delivery);
    }

    fn apply(&self, unit: &mut Unit) -> Result<webhook_delivery::Model, Error> {
        enabled(unit, self.webhook)?;
        let row = unit.hooks.delivery(self.delivery).filter(|row| row.webhook_id == self.webhook).cloned();
        let row = row.ok_or_else(|| Error::NotFound(format!("delivery {}", self.delivery)))?;
        let row = webhook_delivery::Model { state: State::Pending, due_at: unit.now, tries: 0, ended_at: None, ..row };
        use webhook_delivery::Column;
        unit.run(
            &webhook_delivery::Entity::update_many()
                .col_expr(Column::State, Expr::value(row.state))
                .col_expr(Column::DueAt, Expr::value(row.due_at))
                .col_expr(Column::Tries, Expr::value(row.tries))
                .col_expr(Column::EndedAt, Expr::value(Option::<DateTime<Utc>>::None))
                // A try that is under way decides nothing any more.
                .col_expr(Column::Worker, Expr::value(Value::Uuid(None)))
                .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
                .filter(Column::Id.eq(self.delivery)),
        );
        unit.hooks.ring();
        Ok(row)
    }

    fn deed(&self, _: &webhook_delivery::Model, _: &Unit) -> Option<Deed> {
        Some(Deed::of(&self.caller, "webhook.replay").to(self.delivery))
    }
}
