//! What the assistant is asked for by agents, and what it would learn from them.

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    copilot::{self, Kind},
    message, proposal,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::helpdesk::{Error, store::Store};

/// The state of a ticket's conversation: another one after each line, correction, note and retraction, and the same after
/// all else. A correction is a message of its own.
pub(in crate::helpdesk) async fn content_state(store: &Store, ticket: Uuid) -> Result<String, Error> {
    let found: Option<(Option<i64>, i64)> = message::Entity::find()
        .select_only()
        .column_as(message::Column::Seq.max(), "newest")
        .column_as(message::Column::RetractedAt.count(), "retracted")
        .filter(message::Column::TicketId.eq(ticket))
        .into_tuple()
        .one(store.read())
        .await?;
    let (newest, retracted) = found.unwrap_or_default();
    Ok(format!("{}-{retracted}", newest.unwrap_or_default()))
}

/// What was asked for under this key.
pub(in crate::helpdesk) async fn copilot(
    store: &Store,
    ticket: Uuid,
    kind: Kind,
    based_on: &str,
    hint: &str,
) -> Result<Option<copilot::Model>, Error> {
    let found = copilot::Entity::find()
        .filter(copilot::Column::TicketId.eq(ticket))
        .filter(copilot::Column::Kind.eq(kind))
        .filter(copilot::Column::BasedOn.eq(based_on))
        .filter(copilot::Column::Hint.eq(hint));
    Ok(found.one(store.read()).await?)
}

/// The same by its id.
pub(in crate::helpdesk) async fn copilot_by_id(store: &Store, id: Uuid) -> Result<Option<copilot::Model>, Error> {
    Ok(copilot::Entity::find_by_id(id).one(store.read()).await?)
}

/// What is still to be made and nobody's at `now`.
pub(in crate::helpdesk) fn free_copilots(now: DateTime<Utc>) -> Select<copilot::Entity> {
    use copilot::Column::{CreatedAt, LeaseUntil, State};
    copilot::Entity::find()
        .filter(State.eq(copilot::State::Pending))
        .filter(Condition::any().add(LeaseUntil.is_null()).add(LeaseUntil.lt(now)))
        .order_by_asc(CreatedAt)
}

/// The tickets to learn from and the pages to write that are nobody's at `now`.
pub(in crate::helpdesk) fn free_proposals(now: DateTime<Utc>) -> Select<proposal::Entity> {
    use proposal::Column::{CreatedAt, LeaseUntil, Page, State};
    let unwritten = Condition::all().add(State.eq(proposal::State::Approved)).add(Page.is_null());
    proposal::Entity::find()
        .filter(Condition::any().add(State.eq(proposal::State::Due)).add(unwritten))
        .filter(Condition::any().add(LeaseUntil.is_null()).add(LeaseUntil.lt(now)))
        // Somebody waits for a page.
        .order_by_asc(State)
        .order_by_asc(CreatedAt)
}

/// Whether there is anything that nobody works on.
pub(in crate::helpdesk) async fn has_free_jobs(store: &Store, now: DateTime<Utc>) -> Result<bool, Error> {
    let copilots = free_copilots(now).select_only().column(copilot::Column::Id).limit(1);
    let proposals = free_proposals(now).select_only().column(proposal::Column::Id).limit(1);
    let first: Option<Uuid> = copilots.into_tuple().one(store.read()).await?;
    if first.is_some() {
        return Ok(true);
    }
    let first: Option<Uuid> = proposals.into_tuple().one(store.read()).await?;
    Ok(first.is_some())
}

/// A desk's proposals, newest first; those that are still due are nobody's business.
pub(in crate::helpdesk) async fn proposals(
    store: &Store,
    desk: &str,
    state: Option<proposal::State>,
    limit: u64,
) -> Result<Vec<proposal::Model>, Error> {
    let mut found = proposal::Entity::find()
        .filter(proposal::Column::Desk.eq(desk))
        .filter(proposal::Column::State.ne(proposal::State::Due));
    if let Some(state) = state {
        found = found.filter(proposal::Column::State.eq(state));
    }
    Ok(found.order_by_desc(proposal::Column::Id).limit(limit).all(store.read()).await?)
}

/// One proposal.
pub(in crate::helpdesk) async fn proposal(store: &Store, id: Uuid) -> Result<Option<proposal::Model>, Error> {
    Ok(proposal::Entity::find_by_id(id).one(store.read()).await?)
}

/// What a worker has to make, oldest first; with no worker named, all that is still to be made.
pub(in crate::helpdesk) async fn copilots_of(
    store: &Store,
    worker: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Vec<copilot::Model>, Error> {
    let Some(worker) = worker else { return Ok(free_copilots(now).all(store.read()).await?) };
    let held = copilot::Entity::find()
        .filter(copilot::Column::Worker.eq(worker))
        .filter(copilot::Column::State.eq(copilot::State::Pending))
        .order_by_asc(copilot::Column::CreatedAt);
    Ok(held.all(store.read()).await?)
}

/// The same for what is learned.
pub(in crate::helpdesk) async fn proposals_of(
    store: &Store,
    worker: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Vec<proposal::Model>, Error> {
    let Some(worker) = worker else { return Ok(free_proposals(now).limit(LOOKED_AT).all(store.read()).await?) };
    let held = proposal::Entity::find()
        .filter(proposal::Column::Worker.eq(worker))
        .order_by_asc(proposal::Column::State)
        .order_by_asc(proposal::Column::CreatedAt);
    Ok(held.all(store.read()).await?)
}

/// More than are worked on at once.
const LOOKED_AT: u64 = 16;
