//! Files that come with a message, or go with one.

use deskbridge_entity::{
    attachment::{self, State},
    message::{self, Author},
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{hand_off::tell_holder, outbound};
use crate::helpdesk::{
    Error,
    attachments::{Fetched, name_in_url},
    unit::{Needs, Unit},
    writer::Operation,
};

/// Notes a file of the message: to be fetched, or only named.
pub(super) fn attach(unit: &mut Unit, ticket: Uuid, message: Uuid, url: &str, state: State) {
    unit.attach(attachment::Model {
        id: Uuid::now_v7(),
        ticket_id: ticket,
        message_id: message,
        url: url.to_owned(),
        name: name_in_url(url),
        media_type: None,
        size: None,
        sha256: None,
        state,
        failure: None,
        created_at: unit.now,
    });
}

/// The words for agents at a file whose message was taken back.
const TAKEN_BACK: &str = "the sender took the message back";

/// Gives up the files of a line that its sender has taken back, in all its versions. Their bytes go with the next
/// cleaning of the folder, within minutes; from now on nobody gets them.
pub(super) fn take_back(unit: &mut Unit, ticket: Uuid, origin: Uuid) {
    unit.files_gone = true;
    let of_line = message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .filter(message::Column::TicketId.eq(ticket))
        .filter(message::Column::Id.eq(origin).or(message::Column::Corrects.eq(origin)));
    unit.run(
        &attachment::Entity::update_many()
            .col_expr(attachment::Column::State, Expr::value(State::Refused))
            .col_expr(attachment::Column::Failure, Expr::value(TAKEN_BACK))
            .filter(attachment::Column::TicketId.eq(ticket))
            .filter(attachment::Column::State.ne(State::Linked))
            .filter(attachment::Column::MessageId.in_subquery(sea_orm::QueryTrait::into_query(of_line))),
    );
}

/// Notes what became of a file. It counts only while the file is pending.
pub(in crate::helpdesk) struct Settle {
    pub attachment: attachment::Model,
    pub outcome: Result<Fetched, String>,
    /// What the customer is told.
    pub line: Option<String>,
}

impl Operation for Settle {
    /// Whether anybody still wants it.
    type Output = bool;

    fn needs(&self, needs: &mut Needs) {
        needs.messages.insert(self.attachment.message_id);
    }

    fn apply(&self, unit: &mut Unit) -> Result<bool, Error> {
        let row = &self.attachment;
        // Taken back or erased meanwhile: there is nothing to tell.
        if unit.message(row.message_id).is_none_or(|message| message.retracted_at.is_some()) {
            return Ok(false);
        }
        let update = attachment::Entity::update_many()
            .filter(attachment::Column::Id.eq(row.id))
            .filter(attachment::Column::State.eq(State::Pending));
        let (kind, update) = match &self.outcome {
            Ok(file) => (
                "attachment.stored",
                update
                    .col_expr(attachment::Column::State, Expr::value(State::Stored))
                    .col_expr(attachment::Column::MediaType, Expr::value(file.media_type.as_str()))
                    .col_expr(attachment::Column::Size, Expr::value(i64::try_from(file.size).unwrap_or(i64::MAX)))
                    .col_expr(attachment::Column::Sha256, Expr::value(file.sha256.as_str())),
            ),
            Err(reason) => (
                "attachment.refused",
                update
                    .col_expr(attachment::Column::State, Expr::value(State::Refused))
                    .col_expr(attachment::Column::Failure, Expr::value(reason.as_str())),
            ),
        };
        unit.run(&update);
        let data = serde_json::json!({ "attachment": row.id });
        unit.event(kind, Some(row.ticket_id), Some(row.message_id), data);
        // It is no step of the conversation: the ticket stays as it is, and nobody owes an answer.
        if let Some(line) = &self.line {
            unit.say(outbound(row.ticket_id, Author::System, line.clone(), unit.now));
        }
        if let Err(reason) = &self.outcome {
            let name = row.name.as_deref().unwrap_or("a file");
            tell_holder(unit, row.ticket_id, None, format!("{name} of the customer was not kept: {reason}."));
        }
        Ok(true)
    }
}
