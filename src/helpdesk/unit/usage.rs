//! What a batch notes of the language model's cost.

use std::collections::HashSet;

use deskbridge_entity::{llm_call, token_count};
use sea_orm::{
    EntityTrait, QueryTrait, Statement,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::Unit;
use crate::helpdesk::usage::{Call, counted, customer_key, customers_day, desks_month};

impl Unit {
    /// Notes calls. Of a ticket that is gone, nothing may lead to it: only the desk's cost stays.
    pub(in crate::helpdesk) fn record(&mut self, ticket: Option<Uuid>, calls: &[Call]) {
        let of = ticket.and_then(|id| self.ticket(id)).map(|row| (row.id, customer_key(&row.customer)));
        for call in calls {
            let tokens = counted(call.tokens());
            if tokens > 0 {
                *self.tokens.entry(desks_month(self.now, &call.desk)).or_default() += tokens;
                if let Some((_, key)) = &of {
                    *self.tokens.entry(customers_day(self.now, key)).or_default() += tokens;
                }
            }
            self.calls.push(call.row(self.now, of.clone()));
        }
    }

    /// Takes a customer out of what this batch notes.
    pub(super) fn forget_calls(&mut self, customer: &str, tickets: &HashSet<Uuid>) {
        for row in self.calls.iter_mut().filter(|row| row.ticket_id.is_some_and(|id| tickets.contains(&id))) {
            (row.ticket_id, row.customer_key) = (None, None);
        }
        let key = customer_key(customer);
        self.tokens.retain(|(scope, _, of), _| *scope != token_count::Scope::Customer || *of != key);
    }

    pub(super) fn write_calls(&mut self, statements: &mut Vec<Statement>) {
        use token_count::Column::{Key, Period, Scope, Tokens};
        for chunk in self.calls.chunks(super::commit::ROWS_PER_STATEMENT) {
            let rows = chunk.iter().cloned().map(sea_orm::IntoActiveModel::into_active_model);
            statements.push(llm_call::Entity::insert_many(rows).build(self.backend));
        }
        let sums: Vec<_> = std::mem::take(&mut self.tokens)
            .into_iter()
            .map(|((scope, period, key), tokens)| token_count::Model { scope, period, key, tokens })
            .map(sea_orm::IntoActiveModel::into_active_model)
            .collect();
        for chunk in sums.chunks(super::commit::ROWS_PER_STATEMENT) {
            let more = Expr::col((token_count::Entity, Tokens)).add(Expr::col(("excluded", Tokens)));
            let add = OnConflict::columns([Scope, Period, Key]).value(Tokens, more).to_owned();
            statements.push(token_count::Entity::insert_many(chunk.to_vec()).on_conflict(add).build(self.backend));
        }
    }
}
