//! What agents ask the assistant for.

use deskbridge_entity::copilot::{self, Kind, State};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use crate::helpdesk::{
    Caller, Error,
    copilot::Made,
    unit::{Needs, Unit},
    writer::Operation,
};

/// Notes a request, unless it is there: of two who ask at once, both have asked for the same.
pub(in crate::helpdesk) struct AskCopilot {
    pub ticket: Uuid,
    pub caller: Caller,
    pub kind: Kind,
    pub hint: String,
    pub based_on: String,
}

impl Operation for AskCopilot {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.insert(self.ticket);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        use copilot::Column::{BasedOn, Hint, Kind, LeaseUntil, Reason, State as Stands, TicketId, Worker};
        let missing = || Error::NotFound(format!("ticket {}", self.ticket));
        let ticket = unit.ticket(self.ticket).filter(|row| self.caller.may_read(row)).ok_or_else(missing)?;
        self.caller.require_desk(&ticket.desk)?;
        let of_ticket = TicketId.eq(self.ticket).and(Kind.eq(self.kind));
        // Made before the conversation went on: nobody will ask for it again.
        unit.run_first(&copilot::Entity::delete_many().filter(of_ticket.clone()).filter(BasedOn.ne(&self.based_on)));
        unit.run_first(
            &copilot::Entity::update_many()
                .col_expr(Stands, Expr::value(State::Pending))
                .col_expr(Reason, Expr::value(Option::<String>::None))
                .col_expr(LeaseUntil, Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None))
                .col_expr(Worker, Expr::value(Option::<Uuid>::None))
                .filter(of_ticket)
                .filter(Hint.eq(&self.hint))
                .filter(Stands.eq(State::Failed)),
        );
        let row = copilot::Model {
            id: Uuid::now_v7(),
            ticket_id: self.ticket,
            kind: self.kind,
            hint: self.hint.clone(),
            based_on: self.based_on.clone(),
            state: State::Pending,
            text: None,
            citations: serde_json::json!([]),
            source: None,
            reason: None,
            created_at: unit.now,
            done_at: None,
            lease_until: None,
            worker: None,
        };
        let key = OnConflict::columns([TicketId, Kind, BasedOn, Hint]).do_nothing().to_owned();
        unit.run_first(&copilot::Entity::insert(row.into_active_model()).on_conflict(key));
        unit.copilot = true;
        Ok(())
    }
}

/// Notes what was made, or why nothing was. It counts only while somebody may still want it.
pub(in crate::helpdesk) struct SettleCopilot {
    pub id: Uuid,
    pub outcome: Result<Made, String>,
}

impl Operation for SettleCopilot {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        use copilot::Column::{Citations, DoneAt, Id, Reason, Source, State as Stands, Text};
        let update = copilot::Entity::update_many().filter(Id.eq(self.id)).filter(Stands.eq(State::Pending));
        let update = match &self.outcome {
            Ok(made) => update
                .col_expr(Stands, Expr::value(State::Done))
                .col_expr(Text, Expr::value(made.text.as_str()))
                .col_expr(Citations, Expr::value(made.citations.clone()))
                .col_expr(Source, Expr::value(made.source))
                .col_expr(DoneAt, Expr::value(unit.now)),
            Err(reason) => {
                update.col_expr(Stands, Expr::value(State::Failed)).col_expr(Reason, Expr::value(reason.as_str()))
            }
        };
        unit.run(&update);
        unit.copilot = true;
        Ok(())
    }
}
