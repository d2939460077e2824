//! An answer of the API is kept, to be given again.

use deskbridge_entity::kept_answer;
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use crate::helpdesk::{
    Error,
    repeated::KEPT,
    unit::{Needs, Unit},
    writer::Operation,
};

/// Answers of one caller, at most: beyond it the oldest are forgotten early. What they say was done stays done once.
const OF_ONE: u64 = 10_000;

/// Keeps an answer.
pub(in crate::helpdesk) struct KeepAnswer {
    pub answer: kept_answer::Model,
}

impl Operation for KeepAnswer {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.extend(self.answer.ticket_id);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        // What was erased meanwhile does not come back by this door.
        if self.answer.ticket_id.is_some_and(|ticket| unit.ticket(ticket).is_none()) {
            return Ok(());
        }
        let row = kept_answer::Model { created_at: unit.now, ..self.answer.clone() };
        let caller = row.caller.clone();
        let first = OnConflict::column(kept_answer::Column::Key).do_nothing().to_owned();
        purge(unit);
        unit.run(&kept_answer::Entity::insert(row.into_active_model()).on_conflict(first));
        let last = kept_answer::Entity::find()
            .select_only()
            .column(kept_answer::Column::CreatedAt)
            .filter(kept_answer::Column::Caller.eq(&caller))
            .order_by_desc(kept_answer::Column::CreatedAt)
            .offset(OF_ONE)
            .limit(1);
        let older = Expr::col(kept_answer::Column::CreatedAt)
            .lte(Expr::SubQuery(None, Box::new(QueryTrait::into_query(last).into())));
        unit.run(&kept_answer::Entity::delete_many().filter(kept_answer::Column::Caller.eq(&caller)).filter(older));
        Ok(())
    }
}

/// Forgets what is a day old.
pub(super) fn purge(unit: &mut Unit) {
    let old = kept_answer::Column::CreatedAt.lte(unit.now - KEPT);
    unit.run(&kept_answer::Entity::delete_many().filter(old));
}
