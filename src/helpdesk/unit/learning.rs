//! What is learned from tickets that people have answered.

use std::collections::BTreeSet;

use deskbridge_entity::{
    message::{self, Author, Visibility},
    proposal::{self, State},
};
use sea_orm::{
    ActiveEnum, ActiveModelTrait, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use uuid::Uuid;

use super::Unit;
use crate::helpdesk::lifecycle;

impl Unit {
    pub(super) async fn load_proposals(&mut self, tx: &DatabaseTransaction, ids: BTreeSet<Uuid>) -> Result<(), DbErr> {
        let rows = proposal::Entity::find()
            .filter(proposal::Column::Id.is_in(ids))
            .order_by_asc(proposal::Column::Id)
            .lock_exclusive()
            .all(tx)
            .await?;
        self.proposals.extend(rows.into_iter().map(|row| (row.id, row)));
        Ok(())
    }

    pub(in crate::helpdesk) fn proposal(&self, id: Uuid) -> Option<&proposal::Model> {
        self.proposals.get(&id)
    }

    /// Changes a proposal and raises its version.
    pub(in crate::helpdesk) fn change_proposal(&mut self, id: Uuid, change: impl FnOnce(&mut proposal::Model)) {
        let Some(row) = self.proposals.get_mut(&id) else { return };
        change(row);
        row.version += 1;
        row.lease_until = None;
        row.worker = None;
        let mut changed = row.clone().into_active_model().reset_all();
        // What never changes, and what an erasure may be about to change.
        for column in [proposal::Column::Id, proposal::Column::TicketId, proposal::Column::CreatedAt] {
            changed.not_set(column);
        }
        self.learning = true;
        // One that was erased meanwhile is not there to be updated.
        self.run(&proposal::Entity::update_many().set(changed).filter(proposal::Column::Id.eq(id)));
    }

    /// The ticket was resolved: if a person has answered in it, and the desk is one that learns, a proposal is due. Once
    /// for each ticket, unless there was nothing to learn before.
    pub(super) fn learn_from(&mut self, ticket: Uuid, desk: &str) {
        if !self.desk(desk).learning {
            return;
        }
        self.withdraw(ticket, &[State::Discarded]);
        self.ask_for_proposal(ticket, desk);
    }

    /// A line of the ticket has been corrected or taken back: what is not decided yet may have it. So it goes, and where the
    /// ticket is settled, another is due.
    pub(in crate::helpdesk) fn learn_anew(&mut self, ticket: Uuid) {
        let Some(row) = self.ticket(ticket) else { return };
        let (desk, is_settled) = (row.desk.clone(), !lifecycle::is_live(row.status));
        // What is being made of it has another id by then, and is not noted.
        self.withdraw(ticket, &[State::Due, State::Proposed, State::Discarded]);
        if is_settled && self.desk(&desk).learning {
            self.ask_for_proposal(ticket, &desk);
        }
    }

    fn withdraw(&mut self, ticket: Uuid, states: &[State]) {
        self.run(
            &proposal::Entity::delete_many()
                .filter(proposal::Column::TicketId.eq(ticket))
                .filter(proposal::Column::State.is_in(states.iter().copied())),
        );
    }

    fn ask_for_proposal(&mut self, ticket: Uuid, desk: &str) {
        self.learning = true;
        // Messages of this batch are written by then, and count.
        let answered = Query::select()
            .expr(Expr::val(1))
            .from(message::Entity)
            .and_where(message::Column::TicketId.eq(ticket))
            .and_where(message::Column::Author.eq(Author::Agent))
            .and_where(message::Column::Visibility.eq(Visibility::Public))
            .take();
        let known = Query::select()
            .expr(Expr::val(1))
            .from(proposal::Entity)
            .and_where(proposal::Column::TicketId.eq(ticket))
            .take();
        let row = self.due_row(ticket, desk, answered, known);
        let insert =
            Query::insert().into_table(proposal::Entity).columns(DUE).select_from(row).map(|insert| insert.to_owned());
        match insert {
            Ok(insert) => self.statements.push(self.backend.build(&insert)),
            Err(error) => tracing::error!(%error, "a proposal could not be noted"),
        }
    }

    fn due_row(&self, ticket: Uuid, desk: &str, answered: SelectStatement, known: SelectStatement) -> SelectStatement {
        Query::select()
            .expr(Expr::value(Uuid::now_v7()))
            .expr(Expr::value(desk))
            .expr(Expr::value(ticket))
            .expr(Expr::value(State::Due.to_value()))
            .expr(Expr::value(1_i64))
            .expr(Expr::value(self.now))
            .and_where(Expr::exists(answered))
            .and_where(Expr::exists(known).not())
            .take()
    }
}

/// The columns of a proposal that is due.
const DUE: [proposal::Column; 6] = {
    use proposal::Column::{CreatedAt, Desk, Id, State, TicketId, Version};
    [Id, Desk, TicketId, State, Version, CreatedAt]
};
