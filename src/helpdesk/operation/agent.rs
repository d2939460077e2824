//! Who answers: named by the configuration at every start, or bound to a JID by an admin.

use deskbridge_entity::agent::{self, Column, Duty, Entity, Source};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use serde_json::json;

use super::staff::requeue;
use crate::helpdesk::{
    Caller, Error,
    audit::Deed,
    lifecycle,
    unit::{Needs, Unit},
    writer::Operation,
};

/// Makes the configured agents known, and forgets those that are configured no longer.
pub(in crate::helpdesk) struct NameConfigured {
    pub agents: Vec<agent::Model>,
    /// Who was configured before.
    pub known: Vec<String>,
}

impl Operation for NameConfigured {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.people = true;
        let named = |id: &&String| self.agents.iter().any(|row| row.id == **id);
        needs.held_by.extend(self.known.iter().filter(|id| !named(id)).cloned());
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        // Who was bound over REST to the same JID keeps it.
        let is_bound = |row: &agent::Model| {
            unit.agents.iter().any(|known| {
                known.source == Source::Rest && known.jid.as_ref().map(|jid| jid.as_str()) == row.jid.as_deref()
            })
        };
        let named: Vec<agent::Model> = self.agents.iter().filter(|row| !is_bound(row)).cloned().collect();
        let ids: Vec<String> = named.iter().map(|row| row.id.clone()).collect();
        unit.run(
            &Entity::delete_many()
                .filter(Column::Source.eq(Source::Config))
                .filter(Column::Id.is_not_in(ids.iter().cloned())),
        );
        if !named.is_empty() {
            // What an agent has said about being on duty outlives a restart.
            let update = OnConflict::column(Column::Id)
                .update_columns([Column::Jid, Column::Name, Column::Desks, Column::Source, Column::UpdatedAt])
                .to_owned();
            let rows = named.into_iter().map(IntoActiveModel::into_active_model);
            unit.run(&Entity::insert_many(rows).on_conflict(update));
        }
        for id in self.known.iter().filter(|id| !ids.contains(id)) {
            let is_gone = unit.agent(id).is_some_and(|agent| agent.source == Source::Config);
            if is_gone {
                part(unit, id);
            }
        }
        Ok(())
    }
}

/// Binds an agent's id to a JID, with name, desks and role.
pub(in crate::helpdesk) struct BindAgent {
    pub caller: Caller,
    pub agent: agent::Model,
}

impl Operation for BindAgent {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let jid = self.agent.jid.as_deref();
        let other = unit.agents.iter().find(|known| {
            known.id != self.agent.id && jid.is_some() && known.jid.as_ref().map(|jid| jid.as_str()) == jid
        });
        if let Some(other) = other {
            return Err(Error::Conflict(format!("this JID is the agent '{}' already", other.id)));
        }
        let update = OnConflict::column(Column::Id)
            .update_columns([
                Column::Jid,
                Column::Name,
                Column::Desks,
                Column::Role,
                Column::Duty,
                Column::Source,
                Column::UpdatedAt,
            ])
            .to_owned();
        unit.run(&Entity::insert_many([self.agent.clone().into_active_model()]).on_conflict(update));
        unit.duty_changed = true;
        Ok(())
    }

    fn deed(&self, (): &(), _: &Unit) -> Option<Deed> {
        let role = sea_orm::ActiveEnum::to_value(&self.agent.role);
        let details = json!({ "role": role, "desks": self.agent.desks });
        Some(Deed::of(&self.caller, "agent.bind").to(&self.agent.id).with(details))
    }
}

/// Forgets an agent that was bound over REST.
pub(in crate::helpdesk) struct RemoveAgent {
    pub caller: Caller,
    pub id: String,
}

impl Operation for RemoveAgent {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.people = true;
        needs.held_by.insert(self.id.clone());
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let known = unit.agent(&self.id).ok_or_else(|| Error::NotFound(format!("agent '{}'", self.id)))?;
        if known.source == Source::Config {
            return Err(Error::Conflict("this agent stands in the configuration: remove it there".to_owned()));
        }
        unit.run(&Entity::delete_by_id(self.id.clone()));
        unit.duty_changed = true;
        part(unit, &self.id);
        Ok(())
    }

    fn deed(&self, (): &(), _: &Unit) -> Option<Deed> {
        Some(Deed::of(&self.caller, "agent.remove").to(&self.id))
    }
}

/// An agent is none any more: what it had goes back to the queue. A resolved ticket is nobody's then, so that the
/// customer who reopens it does not wait for somebody who has gone.
fn part(unit: &mut Unit, id: &str) {
    unit.agents.retain(|agent| agent.id != id);
    for ticket in unit.held_by(id) {
        let Some(row) = unit.ticket(ticket).cloned() else { continue };
        if lifecycle::is_live(row.status) {
            requeue(unit, &row, "the agent who had it is gone");
        } else {
            unit.change(ticket, |row, _| lifecycle::left_by_agent(row));
        }
    }
}

/// An agent wants to be told of waiting tickets, or not, or as the chat client shows.
pub(in crate::helpdesk) struct SetDuty {
    pub caller: Caller,
    pub id: String,
    pub duty: Duty,
}

impl Operation for SetDuty {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        if unit.agent(&self.id).is_none() {
            return Err(Error::NotFound(format!("agent '{}'", self.id)));
        }
        unit.run(
            &Entity::update_many()
                .col_expr(Column::Duty, Expr::value(sea_orm::ActiveEnum::to_value(&self.duty)))
                .filter(Column::Id.eq(self.id.as_str())),
        );
        unit.duty_changed = true;
        Ok(())
    }

    fn deed(&self, (): &(), _: &Unit) -> Option<Deed> {
        let details = json!({ "duty": sea_orm::ActiveEnum::to_value(&self.duty) });
        Some(Deed::of(&self.caller, "agent.duty").to(&self.id).with(details))
    }
}
