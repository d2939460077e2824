//! The event log of one ticket.

use deskbridge_entity::{event, message};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::{
    changes::{cut, in_tickets, is_public, newest, shown, texts},
    messages::PART,
};
use crate::helpdesk::{Error, store::Store};

/// What has changed in the messages of one ticket.
#[derive(Debug)]
pub(in crate::helpdesk) struct News {
    /// As they are now, in their order.
    pub messages: Vec<message::Model>,
    /// Those that the reader is shown no more.
    pub removed: Vec<Uuid>,
    /// The number of the last event that this takes account of.
    pub seq: i64,
    pub has_more: bool,
}

fn in_ticket(ticket: Uuid, with_notes: bool) -> Select<event::Entity> {
    let events = in_tickets().filter(event::Column::TicketId.eq(ticket));
    if with_notes { events } else { events.filter(is_public()) }
}

/// The number of the newest event of a ticket that the reader may know of; 0 if there is none.
pub(in crate::helpdesk) async fn newest_in(store: &Store, ticket: Uuid, with_notes: bool) -> Result<i64, Error> {
    let newest = in_ticket(ticket, with_notes).order_by_desc(event::Column::Seq).one(store.read()).await?;
    Ok(newest.map_or(0, |event| event.seq))
}

/// The messages of a ticket of which something happened behind `after`, one part.
pub(in crate::helpdesk) async fn news(
    store: &Store,
    ticket: Uuid,
    with_notes: bool,
    after: i64,
) -> Result<News, Error> {
    // Customers are not told how far the log goes.
    if with_notes && newest(store, i64::MAX).await?.seq() < after {
        return Err(Error::invalid(
            "after",
            "is ahead of the log, as when a backup was put back: leave it out to read the ticket anew",
        ));
    }
    let behind = in_ticket(ticket, with_notes).filter(event::Column::Seq.gt(after));
    let mut events: Vec<(i64, Option<Uuid>)> = behind
        .select_only()
        .columns([event::Column::Seq, event::Column::MessageId])
        .order_by_asc(event::Column::Seq)
        .limit(PART as u64 + 1)
        .into_tuple()
        .all(store.read())
        .await?;
    let mut has_more = cut(&mut events, PART);
    let (fits, messages) = texts(store, events.iter().copied()).await?;
    has_more |= cut(&mut events, fits);
    let seq = events.last().map_or(after, |(seq, _)| *seq);
    let (messages, removed) = shown(messages, with_notes);
    Ok(News { messages, removed, seq, has_more })
}
