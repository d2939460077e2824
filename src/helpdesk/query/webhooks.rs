//! Webhooks, and what is delivered to them.

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    message, server_occupant, server_room, ticket, webhook,
    webhook_delivery::{self, Column},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::{Cursor, Page, messages::withhold};
use crate::helpdesk::{Error, store::Store};

/// All webhooks, the oldest first.
pub(in crate::helpdesk) async fn webhooks(store: &Store) -> Result<Vec<webhook::Model>, Error> {
    Ok(webhook::Entity::find().order_by_asc(webhook::Column::Id).all(store.read()).await?)
}

/// One webhook.
pub(in crate::helpdesk) async fn webhook(store: &Store, id: Uuid) -> Result<Option<webhook::Model>, Error> {
    Ok(webhook::Entity::find_by_id(id).one(store.read()).await?)
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Of this state only.
    pub state: Option<webhook_delivery::State>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Deliveries a page.
    pub limit: u64,
}

/// A webhook's deliveries, the newest first, without their bodies.
pub(in crate::helpdesk) async fn deliveries(
    store: &Store,
    webhook: Uuid,
    filter: &DeliveryFilter,
) -> Result<Page<webhook_delivery::Model>, Error> {
    let mut query = webhook_delivery::Entity::find().filter(Column::WebhookId.eq(webhook));
    if let Some(state) = filter.state {
        query = query.filter(Column::State.eq(state));
    }
    if let Some(Cursor { at, id }) = filter.after {
        query = query
            .filter(Column::CreatedAt.lte(at))
            .filter(Condition::any().add(Column::CreatedAt.lt(at)).add(Column::Id.lt(id)));
    }
    let items = query
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(filter.limit + 1)
        .all(store.read())
        .await?;
    Ok(Page::of(items, filter.limit, |row| Cursor { at: row.created_at, id: row.id }))
}

/// As the index has it: a bound value is another expression to SQLite.
pub(super) fn is_pending() -> Expr {
    Expr::cust("webhook_delivery.state = 'pending'")
}

/// What is due at `now` and nobody's, longest due first.
pub(in crate::helpdesk) fn free_deliveries(now: DateTime<Utc>) -> Select<webhook_delivery::Entity> {
    webhook_delivery::Entity::find()
        .filter(is_pending())
        .filter(Column::DueAt.lte(now))
        .filter(Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lte(now)))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::Id)
}

/// The webhooks that something is due for.
pub(in crate::helpdesk) async fn due_webhooks(store: &Store, now: DateTime<Utc>) -> Result<Vec<Uuid>, Error> {
    let due = Query::select()
        .expr(Expr::value(1))
        .from(webhook_delivery::Entity)
        .and_where(
            Expr::col((webhook_delivery::Entity, Column::WebhookId)).equals((webhook::Entity, webhook::Column::Id)),
        )
        .and_where(is_pending())
        .and_where(Column::DueAt.lte(now))
        .cond_where(Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lte(now)))
        .take();
    let found = webhook::Entity::find()
        .select_only()
        .column(webhook::Column::Id)
        .filter(webhook::Column::DisabledAt.is_null())
        .filter(Expr::exists(due));
    Ok(found.into_tuple().all(store.house()).await?)
}

/// What a worker has claimed until `now` at least, with the webhooks.
pub(in crate::helpdesk) async fn claimed_deliveries(
    store: &Store,
    worker: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<(webhook_delivery::Model, webhook::Model)>, Error> {
    let webhook = webhook_delivery::Entity::belongs_to(webhook::Entity).from(Column::WebhookId).to(webhook::Column::Id);
    let rows = webhook_delivery::Entity::find()
        .filter(Column::Worker.eq(worker))
        .filter(Column::LeaseUntil.gt(now))
        .filter(is_pending())
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::Id)
        .select_also(webhook::Entity)
        .join(JoinType::InnerJoin, webhook.into())
        .all(store.house())
        .await?;
    Ok(rows.into_iter().filter_map(|(row, webhook)| Some((row, webhook?))).collect())
}

/// Deliveries of before `before` that have ended, or wait for a webhook that is switched off; at most `limit`.
pub(in crate::helpdesk) async fn old_deliveries(
    store: &Store,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Uuid>, Error> {
    let disabled = Query::select()
        .column(webhook::Column::Id)
        .from(webhook::Entity)
        .and_where(webhook::Column::DisabledAt.is_not_null())
        .take();
    let over = Column::State.ne(webhook_delivery::State::Pending);
    let old = webhook_delivery::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::CreatedAt.lt(before))
        .filter(Condition::any().add(over).add(Column::WebhookId.in_subquery(disabled)))
        .order_by_asc(Column::CreatedAt)
        .limit(limit);
    Ok(old.into_tuple().all(store.house()).await?)
}

/// A ticket and one of its messages, as they are now; the message's text is withheld where it was taken back.
pub(in crate::helpdesk) async fn of_delivery(
    store: &Store,
    row: &webhook_delivery::Model,
) -> Result<(Option<ticket::Model>, Option<message::Model>), Error> {
    let ticket = match row.ticket_id {
        Some(id) => ticket::Entity::find_by_id(id).one(store.house()).await?,
        None => None,
    };
    let message = match row.message_id {
        Some(id) => message::Entity::find_by_id(id).one(store.house()).await?,
        None => None,
    };
    let mut message: Vec<message::Model> = message.into_iter().collect();
    withhold(&mut message);
    Ok((ticket, message.pop()))
}

/// The room with this session, and one of its occupants.
pub(in crate::helpdesk) async fn of_room(
    store: &Store,
    session: &str,
    occupant: Option<Uuid>,
) -> Result<(Option<server_room::Model>, Option<server_occupant::Model>), Error> {
    let room = server_room::Entity::find().filter(server_room::Column::Session.eq(session));
    let room = room.one(store.house()).await?;
    let occupant = match occupant {
        Some(id) => server_occupant::Entity::find_by_id(id).one(store.house()).await?,
        None => None,
    };
    Ok((room, occupant))
}
