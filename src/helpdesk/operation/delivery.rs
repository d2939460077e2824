//! What became of the messages we sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use deskbridge_entity::{message, notice};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use crate::helpdesk::{
    Error, lifecycle,
    unit::{Needs, Unit},
    writer::Operation,
};

/// The XMPP server has confirmed these (the ping fence).
pub(in crate::helpdesk) struct MarkSent {
    pub messages: Vec<Uuid>,
    pub notices: Vec<Uuid>,
}

impl Operation for MarkSent {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        if !self.messages.is_empty() {
            unit.run(
                &message::Entity::update_many()
                    .col_expr(message::Column::SentAt, Expr::value(unit.now))
                    .filter(message::Column::Id.is_in(self.messages.iter().copied()))
                    .filter(message::Column::SentAt.is_null()),
            );
        }
        if !self.notices.is_empty() {
            unit.run(
                &notice::Entity::update_many()
                    .col_expr(notice::Column::SentAt, Expr::value(unit.now))
                    .filter(notice::Column::Id.is_in(self.notices.iter().copied())),
            );
        }
        Ok(())
    }
}

/// The server broke off without a farewell: what it had confirmed shortly before may have died in its buffers.
/// Unless the customer's client confirmed it, it goes out again, under the same id.
pub(in crate::helpdesk) struct Resend {
    pub confirmed_within: Duration,
}

impl Operation for Resend {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let since = unit.now - lifecycle::delta(self.confirmed_within);
        unit.run(
            &message::Entity::update_many()
                .col_expr(message::Column::SentAt, Expr::value(Option::<DateTime<Utc>>::None))
                .filter(message::Column::Outbound.eq(true))
                .filter(message::Column::SentAt.gte(since))
                .filter(message::Column::DeliveredAt.is_null())
                .filter(message::Column::ReadAt.is_null())
                .filter(message::Column::RetractedAt.is_null()),
        );
        unit.run(
            &notice::Entity::update_many()
                .col_expr(notice::Column::SentAt, Expr::value(Option::<DateTime<Utc>>::None))
                .filter(notice::Column::SentAt.gte(since)),
        );
        Ok(())
    }
}

/// What a customer's side says about one of our messages.
#[derive(Clone, Debug)]
pub enum Report {
    /// The client has it (XEP-0184).
    Delivered,
    /// The customer has seen it (XEP-0333).
    Read,
    /// The server returned it, with the stanza error's condition (RFC 6120 §8.3).
    Failed(String),
}

/// Notes a report, if it comes from the customer the message went to.
pub(in crate::helpdesk) struct NoteReport {
    pub message: Uuid,
    /// The bare JID it came from.
    pub from: String,
    pub report: Report,
}

impl Operation for NoteReport {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.messages.insert(self.message);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let Some(row) = unit.message(self.message).filter(|row| row.outbound) else {
            return Ok(());
        };
        let ticket = row.ticket_id;
        if unit.ticket(ticket).is_none_or(|ticket| ticket.customer != self.from) {
            return Ok(());
        }
        let now = Expr::value(unit.now);
        // Any report proves that it was sent, also when the fence's answer is still to come.
        let update = message::Entity::update_many()
            .col_expr(message::Column::SentAt, Expr::col(message::Column::SentAt).if_null(unit.now))
            .filter(message::Column::Id.eq(self.message));
        let (update, first_time, kind) = match &self.report {
            Report::Delivered => (
                update.col_expr(message::Column::DeliveredAt, now).filter(message::Column::DeliveredAt.is_null()),
                row.delivered_at.is_none(),
                "message.delivered",
            ),
            Report::Read => (
                update.col_expr(message::Column::ReadAt, now).filter(message::Column::ReadAt.is_null()),
                row.read_at.is_none(),
                "message.read",
            ),
            Report::Failed(condition) => (
                update
                    .col_expr(message::Column::FailedAt, now)
                    .col_expr(message::Column::Failure, Expr::value(condition.clone())),
                row.failed_at.is_none(),
                "message.failed",
            ),
        };
        if first_time {
            unit.run(&update);
            unit.event(kind, Some(ticket), Some(self.message), serde_json::json!({}));
        }
        Ok(())
    }
}
