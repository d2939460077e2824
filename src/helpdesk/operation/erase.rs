//! The end of all that is known of a customer.

use deskbridge_entity::{
    agent::Duty, attachment, copilot, event, hint, kept_answer, llm_call, message, notice, presence, proposal,
    server_occupant, subscription, ticket, token_count,
};
use jid::BareJid;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};
use uuid::Uuid;

use super::{hand_off::was_told, webhook_delivery};
use crate::helpdesk::{
    Caller, Error, hash_of, lifecycle,
    own::Erased,
    query, ticket_node,
    unit::{Needs, Unit},
    usage::customer_key,
    writer::Operation,
};

/// Removes everything of a customer at all desks.
pub(in crate::helpdesk) struct EraseCustomer {
    pub customer: BareJid,
}

/// Takes the JID out of entries of the event log that name it.
pub(in crate::helpdesk) struct ScrubEvents {
    pub told: Vec<i64>,
}

impl Operation for ScrubEvents {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        unit.run(
            &event::Entity::update_many()
                .col_expr(event::Column::Data, Expr::value(serde_json::json!({ "erased": true })))
                .filter(event::Column::Seq.is_in(self.told.iter().copied())),
        );
        Ok(())
    }
}

/// What is gone, and which desks' presence the customer saw.
pub(in crate::helpdesk) struct Gone {
    pub what: Erased,
    pub subscribed: Vec<String>,
}

impl Operation for EraseCustomer {
    type Output = Gone;

    fn needs(&self, needs: &mut Needs) {
        needs.erased.insert(self.customer.to_string());
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<Gone, Error> {
        let customer = self.customer.as_str();
        tell_agents(unit, customer);
        unit.keep_openings(customer);
        let mut traces = unit.forget(customer);
        let ids = || query::ids_of(customer);
        webhook_delivery::erase(unit, customer);
        // Before the rows of this batch are written: what comes behind is of somebody we have never heard of.
        unit.run_first(&message::Entity::delete_many().filter(message::Column::TicketId.in_subquery(ids())));
        unit.run_first(&notice::Entity::delete_many().filter(notice::Column::TicketId.in_subquery(ids())));
        unit.run_first(&attachment::Entity::delete_many().filter(attachment::Column::TicketId.in_subquery(ids())));
        unit.run_first(&copilot::Entity::delete_many().filter(copilot::Column::TicketId.in_subquery(ids())));
        // What an agent has approved is the desk's own words; the ticket's end takes its name from it.
        unit.run_first(
            &proposal::Entity::delete_many()
                .filter(proposal::Column::TicketId.in_subquery(ids()))
                .filter(proposal::Column::State.ne(proposal::State::Approved)),
        );
        unit.run_first(
            &proposal::Entity::update_many()
                .col_expr(proposal::Column::TicketId, Expr::value(Option::<Uuid>::None))
                .filter(proposal::Column::TicketId.in_subquery(ids())),
        );
        // What it cost stays, as the desk's.
        let key = customer_key(customer);
        unit.run_first(
            &llm_call::Entity::update_many()
                .col_expr(llm_call::Column::TicketId, Expr::value(Option::<Uuid>::None))
                .col_expr(llm_call::Column::CustomerKey, Expr::value(Option::<String>::None))
                .filter(llm_call::Column::CustomerKey.eq(&key)),
        );
        unit.run_first(
            &token_count::Entity::delete_many()
                .filter(token_count::Column::Scope.eq(token_count::Scope::Customer))
                .filter(token_count::Column::Key.eq(&key)),
        );
        // An answer that names no ticket may name anybody.
        let may_name = Condition::any()
            .add(kept_answer::Column::TicketId.is_null())
            .add(kept_answer::Column::TicketId.in_subquery(ids()))
            .add(kept_answer::Column::Caller.eq(hash_of(&Caller::customer(&self.customer))));
        unit.run_first(&kept_answer::Entity::delete_many().filter(may_name));
        unit.run_first(&ticket::Entity::delete_many().filter(ticket::Column::Customer.eq(customer)));
        unit.run_first(&server_occupant::Entity::delete_many().filter(server_occupant::Column::Bare.eq(customer)));
        unit.run_first(&hint::Entity::delete_many().filter(hint::Column::Jid.eq(customer)));
        // An agent who asked for help stays an agent, whose presence says whether somebody is on duty.
        let is_agent = unit.agents.iter().any(|agent| agent.jid.as_ref() == Some(&self.customer));
        let mut subscribed = Vec::new();
        if !is_agent {
            unit.forget_presence(customer, &mut traces);
            unit.run_first(&presence::Entity::delete_many().filter(presence::Column::Bare.eq(customer)));
            unit.run_first(&subscription::Entity::delete_many().filter(subscription::Column::Jid.eq(customer)));
            subscribed = traces.subscribed;
        }
        let what = Erased { tickets: traces.tickets.len(), attachments: traces.attachments };
        // Who has read of them learns that they are gone; that takes the desk, and of whom only what is left anyway.
        for (ticket, desk) in traces.tickets {
            let data = serde_json::json!({ "desk": desk, "customer": key });
            unit.event(query::ERASED, Some(ticket), None, data);
        }
        unit.event("customer.erased", None, None, serde_json::json!({ "customer": key }));
        Ok(Gone { what, subscribed })
    }
}

/// Who works on something of the customer's, or was told that it waits, learns that it is gone: no word of what it was.
fn tell_agents(unit: &mut Unit, customer: &str) {
    let mut told: Vec<(String, BareJid)> = Vec::new();
    for row in unit.tickets_of(customer).filter(|row| lifecycle::is_live(row.status)) {
        let holder = unit.holder(row).filter(|agent| agent.duty != Duty::Off);
        let on_duty = unit.agents.iter().filter(|agent| was_told(row) && agent.serves(&row.desk) && agent.is_on_duty());
        let jids = holder.into_iter().chain(on_duty).filter_map(|agent| agent.jid.clone());
        told.extend(jids.filter(|jid| jid.as_str() != customer).map(|jid| (ticket_node(&row.short_id), jid)));
    }
    for (sender, jid) in told {
        // Of no ticket: what belongs to one goes with it.
        unit.notify(sender, &jid, None, None, "The customer has erased this conversation.".to_owned());
    }
}
