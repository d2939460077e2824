//! What becomes of deliveries: claimed by a worker, made, tried, delivered or given up.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use deskbridge_entity::{
    webhook::{self, Reason},
    webhook_delivery::{self, Column, State},
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, UpdateMany,
    sea_query::{Expr, ExprTrait, LockBehavior, LockType},
};
use uuid::Uuid;

use crate::helpdesk::{
    Error,
    deliveries::{Made, Tried, Verdict},
    lifecycle, query,
    unit::{Needs, Unit},
    writer::Operation,
};

/// How often it is noted of a webhook that tries fail. A thousand may fail at once, and each changes its own row anyway.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Takes what is due for a worker, so that no other process does.
pub(in crate::helpdesk) struct ClaimDeliveries {
    pub worker: Uuid,
    pub lease: Duration,
    /// Webhooks, and how many deliveries of each.
    pub wanted: Vec<(Uuid, u64)>,
    /// What the worker is at anyway.
    pub running: Vec<Uuid>,
}

impl Operation for ClaimDeliveries {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let until = unit.now + lifecycle::delta(self.lease);
        for (webhook, most) in &self.wanted {
            let free = query::free_deliveries(unit.now)
                .filter(Column::WebhookId.eq(*webhook))
                .filter(Column::Id.is_not_in(self.running.iter().copied()))
                .limit(*most)
                .select_only()
                .column(Column::Id);
            let free = free.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).into_query();
            unit.run(
                &webhook_delivery::Entity::update_many()
                    .col_expr(Column::LeaseUntil, Expr::value(until))
                    .col_expr(Column::Worker, Expr::value(self.worker))
                    .filter(Column::Id.in_subquery(free)),
            );
        }
        Ok(())
    }
}

/// Gives back what a worker, or any (`None`), has claimed.
pub(in crate::helpdesk) struct FreeDeliveries {
    pub worker: Option<Uuid>,
}

impl Operation for FreeDeliveries {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let whose = self.worker.map_or(Column::Worker.is_not_null(), |worker| Column::Worker.eq(worker));
        unit.run(&given_back().filter(whose));
        Ok(())
    }
}

fn given_back() -> UpdateMany<webhook_delivery::Entity> {
    webhook_delivery::Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(Column::Worker, Expr::value(Option::<Uuid>::None))
}

/// Stores bodies before they are sent for the first time, so that every try sends the same bytes. A body counts only if
/// nothing has happened in its ticket since it was made: what was taken back or erased meanwhile must not go out.
pub(in crate::helpdesk) struct StoreBodies {
    pub worker: Uuid,
    pub made: Vec<Made>,
}

impl Operation for StoreBodies {
    /// Those that may be sent; the others are gone, or are made anew.
    type Output = BTreeSet<Uuid>;

    fn needs(&self, needs: &mut Needs) {
        needs.hooks.deliveries.extend(self.made.iter().map(|made| made.delivery));
    }

    fn apply(&self, unit: &mut Unit) -> Result<BTreeSet<Uuid>, Error> {
        let mut stored = BTreeSet::new();
        for made in &self.made {
            let Some(row) = unit.hooks.delivery(made.delivery).filter(|row| row.worker == Some(self.worker)) else {
                continue;
            };
            let version = row.ticket_id.and_then(|id| unit.hooks.version_of(id));
            let of_row = Column::Id.eq(made.delivery);
            match &made.body {
                // It is for nobody: its subject is gone, or this webhook may not know.
                None => unit.run(&webhook_delivery::Entity::delete_many().filter(of_row)),
                Some(body) if version == made.version => {
                    let update = webhook_delivery::Entity::update_many().filter(of_row);
                    unit.run(&update.col_expr(Column::Body, Expr::value(body.as_str())));
                    stored.insert(made.delivery);
                }
                Some(_) => {
                    unit.run(&given_back().filter(of_row));
                    unit.hooks.ring();
                }
            }
        }
        Ok(stored)
    }
}

/// Notes how a try ended.
pub(in crate::helpdesk) struct SettleDelivery {
    pub worker: Uuid,
    pub webhook: Uuid,
    pub delivery: Uuid,
    pub tried: Tried,
}

impl Operation for SettleDelivery {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.hooks.webhooks.insert(self.webhook);
        needs.hooks.deliveries.insert(self.delivery);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let Tried { status, error, verdict } = &self.tried;
        // Replayed, erased, or another process's by now: that one decides.
        let mine = |row: &&webhook_delivery::Model| row.worker == Some(self.worker) && row.state == State::Pending;
        let Some(made_at) = unit.hooks.delivery(self.delivery).filter(mine).map(|row| row.created_at) else {
            return Ok(());
        };
        let now = unit.now;
        let (state, due_at, ended_at) = match verdict {
            Verdict::Delivered => (State::Delivered, now, Some(now)),
            Verdict::Again(after) => (State::Pending, (now + lifecycle::delta(*after)).trunc_subsecs(6), None),
            Verdict::GivenUp | Verdict::Gone => (State::Failed, now, Some(now)),
        };
        unit.run(
            &given_back()
                .col_expr(Column::State, Expr::value(state))
                .col_expr(Column::DueAt, Expr::value(due_at))
                .col_expr(Column::EndedAt, Expr::value(ended_at))
                .col_expr(Column::Tries, Expr::col(Column::Tries).add(1))
                .col_expr(Column::TriedAt, Expr::value(now))
                .col_expr(Column::Status, Expr::value(status.map(i32::from)))
                .col_expr(Column::Error, Expr::value(error.clone()))
                .filter(Column::Id.eq(self.delivery)),
        );
        self.settle_webhook(unit, made_at);
        Ok(())
    }
}

impl SettleDelivery {
    fn settle_webhook(&self, unit: &mut Unit, made_at: DateTime<Utc>) {
        let now = unit.now;
        let Some(row) = unit.hooks.webhook_mut(self.webhook) else { return };
        let update = webhook::Entity::update_many().filter(webhook::Column::Id.eq(self.webhook));
        let reason = match self.tried.verdict {
            Verdict::Again(_) if is_known(row, now) => return,
            Verdict::Again(_) => None,
            Verdict::Delivered => {
                row.last_success_at = Some(now);
                return unit.run(&update.col_expr(webhook::Column::LastSuccessAt, Expr::value(now)));
            }
            Verdict::Gone => Some(Reason::Gone),
            // Whatever was tried in all that time: the receiver is not there any more.
            Verdict::GivenUp => row.last_success_at.is_none_or(|at| at < made_at).then_some(Reason::Failing),
        };
        (row.last_failure_at, row.last_failure) = (Some(now), self.tried.error.clone());
        let Some(reason) = reason.filter(|_| row.disabled_at.is_none()) else {
            return unit.run(
                &update
                    .col_expr(webhook::Column::LastFailureAt, Expr::value(now))
                    .col_expr(webhook::Column::LastFailure, Expr::value(self.tried.error.clone())),
            );
        };
        let row = webhook::Model {
            disabled_at: Some(now),
            disabled_reason: Some(reason),
            version: row.version + 1,
            ..row.clone()
        };
        tracing::warn!(webhook.id = %row.id, ?reason, "a webhook is switched off");
        unit.put_webhook("webhook.disabled", row);
    }
}

/// Whether the row says already that tries fail.
fn is_known(row: &webhook::Model, now: DateTime<Utc>) -> bool {
    let is_newest = |failed| row.last_success_at.is_none_or(|worked| worked < failed);
    row.last_failure_at.is_some_and(|failed| is_newest(failed) && now - failed < NOTED_EVERY)
}

/// Removes old deliveries: those that have ended, and what waits for a webhook that is switched off.
pub(in crate::helpdesk) struct ForgetDeliveries {
    pub ids: Vec<Uuid>,
}

impl Operation for ForgetDeliveries {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        unit.run(&webhook_delivery::Entity::delete_many().filter(Column::Id.is_in(self.ids.iter().copied())));
        Ok(())
    }
}

/// Takes the texts out of what was made of a ticket: a part of it was taken back. What is still to be delivered, or is
/// replayed, is made anew, as the ticket is then.
pub(super) fn take_back(unit: &mut Unit, ticket: Uuid) {
    unit.run(
        &webhook_delivery::Entity::update_many()
            .col_expr(Column::Body, Expr::value(Option::<String>::None))
            .filter(Column::TicketId.eq(ticket)),
    );
}
