//! The end of all that is known of a customer.

use deskbridge_entity::{agent::Duty, kept_answer};
use jid::BareJid;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use super::hand_off::was_told;
use crate::helpdesk::{
    Caller, Error,
    audit::Deed,
    hash_of, lifecycle,
    own::Erased,
    query, ticket_node,
    unit::{Needs, Unit},
    usage::customer_key,
    writer::Operation,
};

/// Removes everything of a customer at all desks.
pub(in crate::helpdesk) struct EraseCustomer {
    pub caller: Caller,
    pub customer: BareJid,
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
        let key = customer_key(customer);
        // An answer that names no ticket may name anybody.
        let may_name = Condition::any()
            .add(kept_answer::Column::TicketId.is_null())
            .add(kept_answer::Column::Caller.eq(hash_of(&Caller::customer(&self.customer))));
        unit.run_first(&kept_answer::Entity::delete_many().filter(may_name));
        // An agent who asked for help stays an agent, whose presence says whether somebody is on duty.
        let is_agent = unit.agents.iter().any(|agent| agent.jid.as_ref() == Some(&self.customer));
        unit.remove_all_of(customer, is_agent);
        let mut subscribed = Vec::new();
        if !is_agent {
            unit.forget_presence(customer, &mut traces);
            subscribed = traces.subscribed;
        }
        let what =
            Erased { tickets: traces.tickets.len(), attachments: traces.attachments, footprint: traces.footprint };
        // Who has read of them learns that they are gone; that takes the desk, and of whom only what is left anyway.
        for (ticket, desk) in traces.tickets {
            let data = serde_json::json!({ "desk": desk, "customer": key });
            unit.event(query::ERASED, Some(ticket), None, data);
        }
        unit.event("customer.erased", None, None, serde_json::json!({ "customer": key }));
        Ok(Gone { what, subscribed })
    }

    fn deed(&self, gone: &Gone, _: &Unit) -> Option<Deed> {
        let Erased { tickets, attachments, .. } = &gone.what;
        let details = serde_json::json!({ "tickets": tickets, "attachments": attachments.len() });
        Some(Deed::of(&self.caller, "customer.erase").of_customer(self.customer.as_str()).with(details))
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
