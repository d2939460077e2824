//! Who works on what, where several processes share a database: what agents ask for, and what is learned.

use std::time::Duration;

use chrono::{DateTime, Utc};
use deskbridge_entity::{copilot, proposal};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, LockBehavior, LockType},
};
use uuid::Uuid;

use crate::helpdesk::{
    Error, lifecycle, query,
    unit::{Needs, Unit},
    writer::Operation,
};

/// Takes free jobs for a worker, so that no other process does.
pub(in crate::helpdesk) struct ClaimJobs {
    pub worker: Uuid,
    /// How long a dead worker's jobs wait for another.
    pub lease: Duration,
    /// Requests of agents, at most.
    pub copilots: u64,
    /// Proposals, at most.
    pub proposals: u64,
}

impl Operation for ClaimJobs {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let until = unit.now + lifecycle::delta(self.lease);
        if self.copilots > 0 {
            let free = query::free_copilots(unit.now).limit(self.copilots).select_only().column(copilot::Column::Id);
            let free = free.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).into_query();
            unit.run(
                &copilot::Entity::update_many()
                    .col_expr(copilot::Column::LeaseUntil, Expr::value(until))
                    .col_expr(copilot::Column::Worker, Expr::value(self.worker))
                    .filter(copilot::Column::Id.in_subquery(free)),
            );
        }
        if self.proposals > 0 {
            let free = query::free_proposals(unit.now).limit(self.proposals).select_only().column(proposal::Column::Id);
            let free = free.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).into_query();
            unit.run(
                &proposal::Entity::update_many()
                    .col_expr(proposal::Column::LeaseUntil, Expr::value(until))
                    .col_expr(proposal::Column::Worker, Expr::value(self.worker))
                    .filter(proposal::Column::Id.in_subquery(free)),
            );
        }
        Ok(())
    }
}

/// Keeps what a worker is at, or gives it back (`None`).
pub(in crate::helpdesk) struct HoldJobs {
    pub worker: Uuid,
    pub lease: Option<Duration>,
}

impl Operation for HoldJobs {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let until: Option<DateTime<Utc>> = self.lease.map(|lease| unit.now + lifecycle::delta(lease));
        unit.run(
            &copilot::Entity::update_many()
                .col_expr(copilot::Column::LeaseUntil, Expr::value(until))
                .filter(copilot::Column::Worker.eq(self.worker))
                .filter(copilot::Column::State.eq(copilot::State::Pending)),
        );
        unit.run(
            &proposal::Entity::update_many()
                .col_expr(proposal::Column::LeaseUntil, Expr::value(until))
                .filter(proposal::Column::Worker.eq(self.worker)),
        );
        Ok(())
    }
}
