//! How much there is, and how long it waits, for those who watch over the desk.

use chrono::{DateTime, Utc};
use deskbridge_entity::{attachment, message, notice, ticket, webhook_delivery};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select, sea_query::Expr};

use super::{queue::waiting, webhooks::is_pending};
use crate::helpdesk::{Error, store::Store};

/// The statuses whose tickets are counted: all but the last.
pub(in crate::helpdesk) const COUNTED: [ticket::Status; 4] =
    [ticket::Status::Open, ticket::Status::Pending, ticket::Status::Escalated, ticket::Status::Resolved];

/// How many rows wait, and since when the first.
pub(in crate::helpdesk) type Waiting = (i64, Option<DateTime<Utc>>);

/// Tickets by desk and status, without those that are closed: they are history, and counting them would take ever longer.
pub(in crate::helpdesk) async fn tickets(store: &Store) -> Result<Vec<(String, ticket::Status, i64)>, Error> {
    let counted = ticket::Entity::find()
        .filter(ticket::Column::Status.is_in(COUNTED))
        .select_only()
        .column(ticket::Column::Desk)
        .column(ticket::Column::Status)
        .column_as(ticket::Column::Id.count(), "tickets")
        .group_by(ticket::Column::Desk)
        .group_by(ticket::Column::Status);
    Ok(counted.into_tuple().all(store.house()).await?)
}

/// Answers that the assistant owes and has not made yet.
pub(in crate::helpdesk) async fn answers(store: &Store, now: DateTime<Utc>) -> Result<Waiting, Error> {
    let due = ticket::Entity::find().filter(ticket::Column::ReplyDueAt.lte(now));
    count(store, due, ticket::Column::ReplyDueAt).await
}

/// Tickets that wait for a person.
pub(in crate::helpdesk) async fn people(store: &Store, now: DateTime<Utc>) -> Result<Waiting, Error> {
    count(store, waiting(ticket::Entity::find(), now), ticket::Column::WaitingSince).await
}

/// Messages to customers that the XMPP server has not confirmed.
pub(in crate::helpdesk) async fn unsent(store: &Store) -> Result<Waiting, Error> {
    let unsent = message::Entity::find()
        // As the index has it: `= TRUE` is another expression to SQLite.
        .filter(Expr::col((message::Entity, message::Column::Outbound)))
        .filter(message::Column::SentAt.is_null())
        .filter(message::Column::FailedAt.is_null());
    count(store, unsent, message::Column::CreatedAt).await
}

/// Notices that the XMPP server has not confirmed.
pub(in crate::helpdesk) async fn unsent_notices(store: &Store) -> Result<Waiting, Error> {
    let unsent = notice::Entity::find().filter(notice::Column::SentAt.is_null());
    count(store, unsent, notice::Column::CreatedAt).await
}

/// Files that are still to be fetched.
pub(in crate::helpdesk) async fn files(store: &Store) -> Result<Waiting, Error> {
    let pending = attachment::Entity::find().filter(attachment::Column::State.eq(attachment::State::Pending));
    count(store, pending, attachment::Column::CreatedAt).await
}

/// Deliveries to webhooks that have neither arrived nor been given up.
pub(in crate::helpdesk) async fn deliveries(store: &Store) -> Result<Waiting, Error> {
    let pending = webhook_delivery::Entity::find().filter(is_pending());
    count(store, pending, webhook_delivery::Column::CreatedAt).await
}

async fn count<E: EntityTrait>(store: &Store, rows: Select<E>, since: E::Column) -> Result<Waiting, Error> {
    let found = rows.select_only().column_as(since.count(), "waiting").column_as(since.min(), "since");
    Ok(found.into_tuple().one(store.house()).await?.unwrap_or_default())
}
