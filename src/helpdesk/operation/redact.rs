//! The staff takes a message's text out of the database: a password, a card number, somebody else's address.

use deskbridge_entity::{
    attachment, copilot, kept_answer,
    message::{self, Author, Visibility},
    notice, proposal, ticket,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{line::subject_of, new_message, webhook_delivery};
use crate::helpdesk::{
    Caller, Error,
    audit::Deed,
    lifecycle, lifecycle_feedback,
    unit::{Needs, Unit},
    writer::Operation,
};

/// What stands where a text that was made of the message stood.
const MADE_OF_IT: &str = "This was made of what was said; a message of that was redacted.";
/// How the note of a release begins; the summary for the assistant follows.
pub(super) const RELEASE_NOTE: &str = "Given to the assistant. What it is told:";

/// Empties a message in all its versions, and drops what was made of it.
pub(in crate::helpdesk) struct Redact {
    pub ticket: Uuid,
    pub message: Uuid,
    /// The message as it was first written: the same for all versions.
    pub origin: Uuid,
    pub versions: Vec<Uuid>,
    /// For colleagues, as a note.
    pub reason: String,
    pub caller: Caller,
}

impl Operation for Redact {
    type Output = ticket::Model;

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.insert(self.ticket);
        needs.messages.extend(&self.versions);
        needs.recent_in.insert(self.ticket);
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<ticket::Model, Error> {
        let missing = || Error::NotFound(format!("ticket {}", self.ticket));
        let row = unit.ticket(self.ticket).filter(|row| self.caller.may_read(row)).ok_or_else(missing)?.clone();
        self.caller.require_desk(&row.desk)?;
        let message = unit.message(self.message).filter(|message| message.ticket_id == self.ticket);
        let message = message.ok_or_else(|| Error::NotFound(format!("message {}", self.message)))?.clone();
        if message.redacted_at.is_some() {
            return Ok(row);
        }
        let names_it = self.versions.iter().filter_map(|id| unit.message(*id)).any(|version| names(&row, version));
        self.empty(unit);
        webhook_delivery::take_back(unit, self.ticket);
        // One that names no ticket may have it as well.
        let may_have_it = Condition::any()
            .add(kept_answer::Column::TicketId.eq(self.ticket))
            .add(kept_answer::Column::TicketId.is_null());
        unit.run(&kept_answer::Entity::delete_many().filter(may_have_it));
        self.drop_what_was_made_of_it(unit);
        let unanswered = message.author != Author::Customer || unit.has_unanswered(self.ticket);
        unit.change(self.ticket, |row, _| {
            // A draft that is being made may have it.
            lifecycle_feedback::customer_retracted(row, unanswered);
            lifecycle::forget_context(row);
            row.episode_summary = None;
            row.hand_off_reason = None;
            if names_it {
                row.subject = subject_of("");
                row.subject_is_named = false;
            }
        });
        unit.learn_anew(self.ticket);
        unit.event("message.redacted", Some(self.ticket), Some(message.id), serde_json::json!({}));
        let note = message::Model {
            visibility: Visibility::Internal,
            author_id: Some(self.caller.id.clone()),
            author_name: Some(self.caller.display_name()),
            ..new_message(self.ticket, Author::Agent, format!("A message was redacted: {}", self.reason), unit.now)
        };
        unit.say(note);
        if message.outbound {
            let line = unit.desk(&row.desk).texts.taken_back();
            unit.take_back(self.ticket, self.origin, line);
        }
        unit.ticket(self.ticket).cloned().ok_or_else(missing)
    }

    fn deed(&self, _: &ticket::Model, _: &Unit) -> Option<Deed> {
        Some(Deed::of(&self.caller, "message.redact").in_ticket(self.ticket).to(self.message))
    }
}

/// Whether the ticket has its name from the message.
fn names(row: &ticket::Model, version: &message::Model) -> bool {
    row.subject == subject_of(&version.body) || (row.subject_is_named && version.body.contains(&row.subject))
}

impl Redact {
    /// The texts of all versions. How a repeated stanza is known stays: else a client that sends it again brings it back.
    fn empty(&self, unit: &mut Unit) {
        unit.retract(self.ticket, self.origin);
        let of_line = || message::Column::Id.eq(self.origin).or(message::Column::Corrects.eq(self.origin));
        unit.run(
            &message::Entity::update_many()
                .col_expr(message::Column::Body, Expr::value(""))
                .col_expr(message::Column::Reaction, Expr::value(Option::<String>::None))
                .col_expr(message::Column::RedactedAt, Expr::value(unit.now))
                .col_expr(message::Column::RetractedAt, Expr::value(unit.now))
                .filter(message::Column::TicketId.eq(self.ticket))
                .filter(of_line()),
        );
        // What is still to be sent stays here.
        unit.run(
            &message::Entity::update_many()
                .col_expr(message::Column::Outbound, Expr::value(false))
                .filter(message::Column::TicketId.eq(self.ticket))
                .filter(message::Column::SentAt.is_null())
                .filter(of_line()),
        );
        unit.files_gone = true;
        unit.run(
            &attachment::Entity::delete_many()
                .filter(attachment::Column::TicketId.eq(self.ticket))
                .filter(attachment::Column::MessageId.is_in(self.versions.iter().copied())),
        );
    }

    /// Notices to agents, suggestions and summaries, proposals that nobody has approved, and our own notes.
    fn drop_what_was_made_of_it(&self, unit: &mut Unit) {
        // Before this change's own rows: they say nothing of it.
        unit.run_first(
            &notice::Entity::delete_many()
                .filter(notice::Column::TicketId.eq(self.ticket))
                .filter(notice::Column::MessageId.is_in(self.versions.iter().copied())),
        );
        unit.run_first(
            &notice::Entity::update_many()
                .col_expr(notice::Column::Body, Expr::value(MADE_OF_IT))
                .filter(notice::Column::TicketId.eq(self.ticket))
                .filter(notice::Column::MessageId.is_null())
                .filter(notice::Column::Retracts.is_null()),
        );
        unit.run_first(&copilot::Entity::delete_many().filter(copilot::Column::TicketId.eq(self.ticket)));
        unit.run_first(
            &proposal::Entity::delete_many()
                .filter(proposal::Column::TicketId.eq(self.ticket))
                .filter(proposal::Column::State.ne(proposal::State::Approved)),
        );
        let ours = Condition::any()
            .add(message::Column::Author.is_in([Author::Assistant, Author::System]))
            .add(message::Column::Body.starts_with(RELEASE_NOTE));
        unit.run_first(
            &message::Entity::update_many()
                .col_expr(message::Column::Body, Expr::value(MADE_OF_IT))
                .filter(message::Column::TicketId.eq(self.ticket))
                .filter(message::Column::Visibility.eq(Visibility::Internal))
                .filter(ours),
        );
    }
}
