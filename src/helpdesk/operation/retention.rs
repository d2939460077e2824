//! The end of what was kept long enough.

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    audit, llm_call, server_occupant, server_room,
    ticket::{self, Status},
    token_count,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, sea_query::Expr};
use uuid::Uuid;

use crate::helpdesk::{
    Error, query,
    unit::{Needs, Unit},
    usage::{customer_key, desks_month},
    writer::Operation,
};

/// Removes tickets with everything in them; who could read them learns that they are gone.
pub(in crate::helpdesk) struct ForgetTickets {
    pub tickets: Vec<Uuid>,
    /// They were closed before.
    pub before: DateTime<Utc>,
}

impl Operation for ForgetTickets {
    /// How many.
    type Output = u64;

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.extend(&self.tickets);
    }

    fn apply(&self, unit: &mut Unit) -> Result<u64, Error> {
        // Another process may have been faster.
        let is_old = |row: &&ticket::Model| {
            row.status == Status::Closed && row.closed_at.is_some_and(|closed| closed < self.before)
        };
        let rows = self.tickets.iter().filter_map(|id| unit.ticket(*id)).filter(is_old);
        let gone: Vec<(Uuid, String, String)> =
            rows.map(|row| (row.id, row.desk.clone(), customer_key(&row.customer))).collect();
        if gone.is_empty() {
            return Ok(0);
        }
        let ids: Vec<Uuid> = gone.iter().map(|(id, ..)| *id).collect();
        unit.remove_all_in(&ids);
        // What it cost is the desk's; whose it was is known until `retention.usage` or an erasure ends that.
        unit.run_first(
            &llm_call::Entity::update_many()
                .col_expr(llm_call::Column::TicketId, Expr::value(Option::<Uuid>::None))
                .filter(llm_call::Column::TicketId.is_in(ids.iter().copied())),
        );
        unit.run_first(&ticket::Entity::delete_many().filter(ticket::Column::Id.is_in(ids)));
        for (id, desk, customer) in &gone {
            unit.forget_ticket(*id);
            unit.event(query::ERASED, Some(*id), None, serde_json::json!({ "desk": desk, "customer": customer }));
        }
        Ok(gone.len() as u64)
    }
}

/// Until when things are kept that belong to no ticket; what is older goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::helpdesk) struct Old {
    pub usage: Option<DateTime<Utc>>,
    pub rooms: Option<DateTime<Utc>>,
    pub audit: Option<DateTime<Utc>>,
}

/// Rows of each kind that one sweep removes.
const ROWS_AT_ONCE: u64 = 1000;

/// Removes old rows, the oldest first.
pub(in crate::helpdesk) struct ForgetRows {
    pub old: Old,
}

impl Operation for ForgetRows {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        if let Some(before) = self.old.usage {
            use llm_call::Column::{CreatedAt, Id};
            let old = llm_call::Entity::find().select_only().column(Id).filter(CreatedAt.lt(before));
            let old = QueryTrait::into_query(old.order_by_asc(CreatedAt).limit(ROWS_AT_ONCE));
            unit.run(&llm_call::Entity::delete_many().filter(Id.in_subquery(old)));
            let (scope, month, _) = desks_month(before, "");
            let sums = token_count::Entity::delete_many().filter(token_count::Column::Scope.eq(scope));
            unit.run(&sums.filter(token_count::Column::Period.lt(month)));
        }
        if let Some(before) = self.old.rooms {
            forget_rooms(unit, before);
        }
        if let Some(before) = self.old.audit {
            use audit::Column::{At, Id};
            let old = audit::Entity::find().select_only().column(Id).filter(At.lt(before));
            let old = QueryTrait::into_query(old.order_by_asc(At).limit(ROWS_AT_ONCE));
            unit.run(&audit::Entity::delete_many().filter(Id.in_subquery(old)));
        }
        Ok(())
    }
}

/// Rooms go with whoever was in them; who has left a room that is still there goes, too: some rooms never end.
fn forget_rooms(unit: &mut Unit, before: DateTime<Utc>) {
    use server_occupant::Column::{Id as Occupant, LeftAt, RoomId};
    use server_room::Column::{EndedAt, Id as Room};
    let ended = || {
        let old = server_room::Entity::find().select_only().column(Room).filter(EndedAt.lt(before));
        QueryTrait::into_query(old.order_by_asc(EndedAt).order_by_asc(Room).limit(ROWS_AT_ONCE))
    };
    unit.run(&server_occupant::Entity::delete_many().filter(RoomId.in_subquery(ended())));
    unit.run(&server_room::Entity::delete_many().filter(Room.in_subquery(ended())));
    let left = server_occupant::Entity::find().select_only().column(Occupant).filter(LeftAt.lt(before));
    let left = QueryTrait::into_query(left.order_by_asc(LeftAt).limit(ROWS_AT_ONCE));
    unit.run(&server_occupant::Entity::delete_many().filter(Occupant.in_subquery(left)));
}
