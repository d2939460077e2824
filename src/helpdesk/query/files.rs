//! Files.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    attachment,
    message::{self, Visibility},
    ticket::{self},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use crate::helpdesk::{
    Error, PendingFile,
    caller::{Caller, Role},
    store::Store,
};

/// The files of these messages, oldest first; those of a message that was taken back are nobody's.
pub(in crate::helpdesk) async fn attachments(
    store: &Store,
    messages: &[message::Model],
) -> Result<Vec<attachment::Model>, Error> {
    if !messages.iter().any(|message| message.body.contains("://")) {
        return Ok(Vec::new());
    }
    let shown = messages.iter().filter(|message| message.retracted_at.is_none());
    // The index is by ticket.
    let tickets: HashSet<Uuid> = shown.clone().map(|message| message.ticket_id).collect();
    let rows = attachment::Entity::find()
        .filter(attachment::Column::TicketId.is_in(tickets))
        .filter(attachment::Column::MessageId.is_in(shown.map(|message| message.id)))
        .order_by_asc(attachment::Column::Id)
        .all(store.read());
    Ok(rows.await?)
}

/// A file and its ticket, if the caller may read that: to others it does not exist, nor what was taken back to anybody.
pub(in crate::helpdesk) async fn attachment(
    store: &Store,
    caller: &Caller,
    id: Uuid,
) -> Result<attachment::Model, Error> {
    let unknown = || Error::NotFound(format!("attachment {id}"));
    caller.require_reader()?;
    let row = attachment::Entity::find_by_id(id).one(store.read()).await?.ok_or_else(unknown)?;
    super::ticket(store, caller, row.ticket_id).await.map_err(|error| match error {
        Error::NotFound(_) => unknown(),
        other => other,
    })?;
    let message = message::Entity::find_by_id(row.message_id).one(store.read()).await?.ok_or_else(unknown)?;
    let is_shown = message.retracted_at.is_none()
        && (caller.role != Role::Customer
            || (message.visibility == Visibility::Public && message.superseded_at.is_none()));
    if is_shown { Ok(row) } else { Err(unknown()) }
}

/// Files to fetch, oldest first, with their customer: none of these ids and customers.
pub(in crate::helpdesk) async fn pending_files(
    store: &Store,
    not: &[Uuid],
    busy: &[String],
    limit: u64,
) -> Result<Vec<PendingFile>, Error> {
    let rows = attachment::Entity::find()
        .filter(attachment::Column::State.eq(attachment::State::Pending))
        .filter(attachment::Column::Id.is_not_in(not.iter().copied()))
        .filter(
            attachment::Column::TicketId.in_subquery(QueryTrait::into_query(
                ticket::Entity::find()
                    .select_only()
                    .column(ticket::Column::Id)
                    .filter(ticket::Column::Customer.is_not_in(busy.iter().map(String::as_str))),
            )),
        )
        .order_by_asc(attachment::Column::Id)
        .limit(limit)
        .all(store.house())
        .await?;
    let mut files = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(ticket) = ticket::Entity::find_by_id(row.ticket_id).one(store.house()).await? {
            files.push(PendingFile { row, customer: ticket.customer, desk: ticket.desk });
        }
    }
    Ok(files)
}

/// How many files are stored of a ticket, and how many of its customer were stored or refused since `since`.
pub(in crate::helpdesk) async fn counted_files(
    store: &Store,
    ticket: Uuid,
    customer: &str,
    since: DateTime<Utc>,
) -> Result<(u64, u64), Error> {
    use attachment::State::{Refused, Stored};
    let in_states = |states: &[attachment::State]| {
        attachment::Entity::find().filter(attachment::Column::State.is_in(states.iter().copied()))
    };
    let of_ticket = in_states(&[Stored]).filter(attachment::Column::TicketId.eq(ticket)).count(store.house()).await?;
    let tickets =
        ticket::Entity::find().select_only().column(ticket::Column::Id).filter(ticket::Column::Customer.eq(customer));
    // A refused one has cost a request, too.
    let of_customer = in_states(&[Stored, Refused])
        .filter(attachment::Column::CreatedAt.gte(since))
        .filter(attachment::Column::TicketId.in_subquery(QueryTrait::into_query(tickets)))
        .count(store.house())
        .await?;
    Ok((of_ticket, of_customer))
}

/// Those of `ids` whose file is kept: stored, or about to be.
pub(in crate::helpdesk) async fn kept_files(store: &Store, ids: &[Uuid]) -> Result<HashSet<Uuid>, Error> {
    let rows: Vec<Uuid> = attachment::Entity::find()
        .select_only()
        .column(attachment::Column::Id)
        .filter(attachment::Column::Id.is_in(ids.iter().copied()))
        .filter(attachment::Column::State.is_in([attachment::State::Stored, attachment::State::Pending]))
        .into_tuple()
        .all(store.house())
        .await?;
    Ok(rows.into_iter().collect())
}
