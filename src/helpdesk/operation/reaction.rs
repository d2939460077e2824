//! The customer reacts to a message of ours (XEP-0444).

use deskbridge_entity::{
    message::{self, Author},
    ticket::{Handler, Status},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use uuid::Uuid;

use super::{
    hand_off::{tell_holder, tell_waits},
    line::subject_of,
    outbound,
};
use crate::helpdesk::{
    Error, lifecycle,
    lifecycle_feedback::{Consequence, Feedback, consequence},
    unit::{Needs, Unit},
    writer::Operation,
};

/// Notes reactions, if they come from the customer the message went to.
pub(in crate::helpdesk) struct React {
    pub message: Uuid,
    /// The bare JID they come from.
    pub from: String,
    /// All reactions that stand now; none if they were taken back.
    pub emojis: Vec<String>,
}

impl Operation for React {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.messages.insert(self.message);
        needs.messages_with_siblings.insert(self.message);
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let Some(row) = unit.message(self.message).filter(|row| row.outbound) else { return Ok(()) };
        let reaction = (!self.emojis.is_empty()).then(|| self.emojis.join(" "));
        let Some(ticket) = unit.ticket(row.ticket_id).filter(|ticket| ticket.customer == self.from) else {
            return Ok(());
        };
        if row.reaction == reaction {
            return Ok(());
        }
        let said = row.body.clone();
        let feedback = Feedback::of(&self.emojis);
        let desk = unit.desk(&ticket.desk);
        let consequence = match consequence(ticket, feedback, unit.now, &desk.rules) {
            // A conversation has one live ticket: what is thought of an older one is feedback and no more.
            Consequence::Doubted if unit.other_live(ticket).is_some() => Consequence::None,
            other => other,
        };
        let ticket = ticket.id;
        unit.run(
            &message::Entity::update_many()
                .col_expr(message::Column::Reaction, Expr::value(reaction.clone()))
                .filter(message::Column::Id.eq(self.message)),
        );
        unit.event(
            "message.reaction",
            Some(ticket),
            Some(self.message),
            serde_json::json!({ "reaction": reaction, "feedback": feedback.map(Feedback::word) }),
        );
        // Who reacts in turn must not ring a telephone.
        let mut is_told = false;
        if reaction.is_some() && unit.ticket(ticket).is_some_and(|row| unit.holder(row).is_some()) {
            unit.adjust(ticket, |row, now| is_told = lifecycle::may_mention(row, now));
        }
        if let Some(reaction) = reaction.filter(|_| is_told) {
            tell_holder(unit, ticket, None, format!("{} reacts with {reaction} to: {}", self.from, subject_of(&said)));
        }
        match consequence {
            Consequence::None => {}
            Consequence::Confirmed => unit.event("ticket.confirmed", Some(ticket), None, serde_json::json!({})),
            Consequence::Doubted => {
                let waits = unit.ticket(ticket).filter(|row| row.handler != Handler::Agent);
                let line = desk.texts.doubted(waits.map(|row| unit.wait(&desk, row)).as_ref());
                unit.change(ticket, lifecycle::doubted);
                unit.say(outbound(ticket, Author::System, line, unit.now));
                if unit.ticket(ticket).is_some_and(|row| row.status == Status::Escalated) {
                    tell_waits(unit, ticket);
                } else if is_told {
                    let text =
                        "The customer says that it is not solved: the ticket is open again, and yours.".to_owned();
                    tell_holder(unit, ticket, None, text);
                }
            }
        }
        Ok(())
    }
}
