//! Reading: every query has a name and a scope. Nothing here writes.
//!
//! Tickets are here; the files beside hold what else is asked for.

mod audit;
mod changes;
mod contacts;
mod copilot;
mod due;
mod feed;
mod files;
mod heard;
mod mark;
pub(super) mod measure;
mod messages;
mod news;
mod outbox;
mod queue;
mod reach;
mod replied;
mod usage;
mod webhooks;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use deskbridge_entity::ticket::{self, Handler, Status};
use jid::BareJid;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::SelectStatement,
};
use uuid::Uuid;

pub use audit::AuditFilter;
pub use changes::{Changes, shown_place};
pub use mark::Mark;
pub use messages::Utterance;
pub use outbox::Outgoing;
pub use reach::Reach;
pub use replied::Replied;
pub use usage::Usage;
pub use webhooks::DeliveryFilter;
pub(super) use {
    audit::audit,
    changes::{ERASED, INSIDE, changes, mark, newest, newest_known},
    contacts::{concerned, is_customer_of, is_subscribed, next_appearance, presence, subscribers},
    copilot::{
        content_state, copilot, copilot_by_id, copilots_of, free_copilots, free_proposals, has_free_jobs, proposal,
        proposals, proposals_of,
    },
    due::{due, pick_due},
    feed::{participants, server_occupants, server_rooms},
    files::{attachment, attachments, counted_files, kept_files, pending_files},
    heard::is_heard,
    messages::{markable_line_before, messages, public_messages, readers_of, transcripts, versions, was_said},
    news::{News, newest_in, news},
    outbox::{unsent, unsent_notices},
    queue::{first_in_queue, queue, waiting, waiting_before, waiting_counts},
    replied::known_to_agent,
    usage::{tokens, usage},
    webhooks::{
        claimed_deliveries, deliveries, due_webhooks, free_deliveries, of_delivery, of_room, old_deliveries, webhook,
        webhooks,
    },
};

use super::{
    Error,
    caller::{Caller, Role},
    store::Store,
};

/// Which tickets to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this customer only.
    pub customer: Option<BareJid>,
    /// In this status only.
    pub status: Option<Status>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Tickets a page.
    pub limit: u64,
}

/// A place in a list, newest first: of tickets by their last activity, of other things by when they were noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    at: DateTime<Utc>,
    id: Uuid,
}

impl Cursor {
    /// The place behind `ticket`.
    #[must_use]
    pub fn behind(ticket: &ticket::Model) -> Self {
        Self { at: ticket.last_message_at, id: ticket.id }
    }

    /// As an opaque word for URLs.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = self.at.timestamp_micros().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Cursor::encode`] made; `None` for anything else.
    #[must_use]
    pub fn decode(word: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(word).ok()?;
        let (micros, id) = bytes.split_at_checked(8)?;
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(micros.try_into().ok()?))?;
        Some(Self { at, id: Uuid::from_slice(id).ok()? })
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// What it holds.
    pub items: Vec<T>,
    /// Where the next one begins, if there is one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// A page of rows of which one more than `limit` was asked for.
    fn of(mut items: Vec<T>, limit: u64, place: impl Fn(&T) -> Cursor) -> Self {
        let full = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > full;
        items.truncate(full);
        let next = items.last().filter(|_| more).map(place);
        Self { items, next }
    }
}

/// Only what the caller may see.
fn visible_to(caller: &Caller) -> Select<ticket::Entity> {
    let all = ticket::Entity::find();
    match (caller.role, &caller.desks) {
        (Role::Customer, _) => all.filter(ticket::Column::Customer.eq(&caller.id)),
        (Role::Agent, Some(desks)) => all.filter(ticket::Column::Desk.is_in(desks)),
        (Role::Agent, None) | (Role::Admin | Role::Service, _) => all,
    }
}

pub(super) async fn tickets(store: &Store, caller: &Caller, filter: &Filter) -> Result<Page<ticket::Model>, Error> {
    caller.require_reader()?;
    let mut query = visible_to(caller);
    if let Some(customer) = &filter.customer {
        query = query.filter(ticket::Column::Customer.eq(customer.as_str()));
    }
    if let Some(status) = filter.status {
        query = query.filter(ticket::Column::Status.eq(status));
    }
    if let Some(Cursor { at, id }) = filter.after {
        // The first condition alone gives the index its range; the second settles ties.
        query = query
            .filter(ticket::Column::LastMessageAt.lte(at))
            .filter(Condition::any().add(ticket::Column::LastMessageAt.lt(at)).add(ticket::Column::Id.lt(id)));
    }
    let items = query
        .order_by_desc(ticket::Column::LastMessageAt)
        .order_by_desc(ticket::Column::Id)
        .limit(filter.limit + 1)
        .all(store.read())
        .await?;
    Ok(Page::of(items, filter.limit, Cursor::behind))
}

/// The ticket, if it exists and the caller may read it: to others it does not exist.
pub(super) async fn ticket(store: &Store, caller: &Caller, id: Uuid) -> Result<ticket::Model, Error> {
    caller.require_reader()?;
    let row = ticket::Entity::find_by_id(id).one(store.read()).await?;
    row.filter(|row| caller.may_read(row)).ok_or_else(|| Error::NotFound(format!("ticket {id}")))
}

/// Any ticket, for the assistant.
pub(super) async fn ticket_by_id(store: &Store, id: Uuid) -> Result<Option<ticket::Model>, Error> {
    Ok(ticket::Entity::find_by_id(id).one(store.read()).await?)
}

/// As [`ticket`], by the part of the id that its own address shows.
pub(super) async fn ticket_at(store: &Store, caller: &Caller, short_id: &str) -> Result<ticket::Model, Error> {
    caller.require_reader()?;
    let row = ticket::Entity::find().filter(ticket::Column::ShortId.eq(short_id)).one(store.read()).await?;
    row.filter(|row| caller.may_read(row)).ok_or_else(|| Error::NotFound(format!("ticket {short_id}")))
}

/// The tickets that have a room.
pub(super) async fn with_room(store: &Store) -> Result<Vec<ticket::Model>, Error> {
    Ok(ticket::Entity::find().filter(ticket::Column::Room.is_not_null()).all(store.house()).await?)
}

/// The live ticket of a customer at a desk, else the latest.
pub(super) async fn current_of(store: &Store, desk: &str, customer: &BareJid) -> Result<Option<ticket::Model>, Error> {
    let of_both = ticket::Entity::find()
        .filter(ticket::Column::Customer.eq(customer.as_str()))
        .filter(ticket::Column::Desk.eq(desk));
    let live = [Status::Open, Status::Pending, Status::Escalated];
    let live = of_both.clone().filter(ticket::Column::Status.is_in(live)).one(store.read()).await?;
    if live.is_some() {
        return Ok(live);
    }
    let latest = of_both.order_by_desc(ticket::Column::LastMessageAt).order_by_desc(ticket::Column::Id);
    Ok(latest.one(store.read()).await?)
}

/// Those of these tickets that there are.
pub(super) async fn with_ids(store: &Store, ids: Vec<Uuid>) -> Result<Vec<ticket::Model>, Error> {
    Ok(ticket::Entity::find().filter(ticket::Column::Id.is_in(ids)).all(store.house()).await?)
}

/// The ids of all tickets of a customer, as a part of another statement.
pub(super) fn ids_of(customer: &str) -> SelectStatement {
    let ids = ticket::Entity::find().select_only().column(ticket::Column::Id);
    ids.filter(ticket::Column::Customer.eq(customer)).into_query()
}

/// The ids of a desk's tickets that were closed before, the longest closed first.
pub(super) async fn closed_before(
    store: &Store,
    desk: &str,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Uuid>, Error> {
    let closed = ticket::Entity::find()
        .select_only()
        .column(ticket::Column::Id)
        .filter(ticket::Column::Desk.eq(desk))
        .filter(ticket::Column::ClosedAt.lt(before))
        .filter(ticket::Column::Status.eq(Status::Closed))
        .order_by_asc(ticket::Column::ClosedAt)
        .limit(limit);
    Ok(closed.into_tuple().all(store.house()).await?)
}

/// Tickets in a list for agents, at most.
const LISTED: u64 = 100;

/// The live tickets that an agent has, newest activity first.
pub(super) async fn held_by(store: &Store, agent: &str) -> Result<Vec<ticket::Model>, Error> {
    let held = ticket::Entity::find()
        .filter(ticket::Column::Agent.eq(agent))
        .filter(ticket::Column::Handler.eq(Handler::Agent))
        .filter(ticket::Column::Status.is_in([Status::Open, Status::Pending]))
        .order_by_desc(ticket::Column::LastMessageAt)
        .limit(LISTED);
    Ok(held.all(store.read()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_encoding_and_junk_is_refused() {
        let cursor = Cursor { at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(), id: Uuid::now_v7() };
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        for junk in ["", "AAAA", "not base64!", &cursor.encode()[..10]] {
            assert_eq!(Cursor::decode(junk), None, "{junk}");
        }
    }
}
