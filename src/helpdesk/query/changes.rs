//! The event log as a caller may read it.
//!
//! Numbers are handed out in commit order (`unit::commit`): who has read up to one has missed none below it.

use std::collections::{BTreeSet, HashMap};

use deskbridge_entity::{
    attachment, event,
    message::{self, Visibility},
    ticket,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Expr, ExprTrait, Func},
};
use uuid::Uuid;

use super::{
    Mark,
    messages::{PART_CHARACTERS, fitting, withhold},
};
use crate::helpdesk::{
    Error,
    caller::{Caller, Role},
    store::Store,
    usage::customer_key,
};

/// Events that one page looks at, at most: of most of them the caller may see nothing, and a page must not take long.
const WINDOW: i64 = 20_000;
/// How many of these one statement looks at: for more, PostgreSQL would rather read all tickets and messages that there are.
const STRETCH: i64 = 2_000;
/// Tickets that are looked up one by one, at most. Who may see no more of them is found its events by their index, however long
/// the log is.
const FEW: u64 = 200;
/// What says that a ticket is gone.
pub(in crate::helpdesk) const ERASED: &str = "ticket.erased";
/// What an event notes that changed nothing that customers are shown.
pub(in crate::helpdesk) const INSIDE: &str = "inside";
/// Events of others that a customer's page may look at anew the next time, at most. Its cursor stays where the customer was told
/// something last, or it would tell that something happened; so it moves by this many at once.
const STAYS: i64 = 1_000;
/// What happens in tickets; all else in the log is for others.
const KINDS: [&str; 3] = ["ticket.%", "message.%", "attachment.%"];

/// One page of the event log.
#[derive(Debug)]
pub struct Changes {
    /// In their order.
    pub events: Vec<event::Model>,
    /// Their tickets as they are now; none of one that is erased.
    pub tickets: HashMap<Uuid, ticket::Model>,
    /// Their messages as they are now; none that the caller is not shown, or no more.
    pub messages: HashMap<Uuid, message::Model>,
    /// The messages' files.
    pub attachments: Vec<attachment::Model>,
    /// Where the next page begins.
    pub next: Mark,
    /// The same as the caller may know it: a customer's does not move for what it is not told.
    pub cursor: Mark,
    /// Whether the log goes on behind it; not all of that need be for the caller.
    pub has_more: bool,
}

impl Changes {
    /// A message as `reader` is shown it: what was corrected only to those who answer, notes never to customers.
    #[must_use]
    pub fn message_for(&self, reader: &Caller, id: Uuid) -> Option<&message::Model> {
        let row = self.messages.get(&id)?;
        (reader.role != Role::Customer || !is_inside(row)).then_some(row)
    }
}

/// The number that a caller comes back with who was told something last at `told`, when the log was looked through up to `seen`.
#[must_use]
pub fn shown_place(caller: &Caller, told: i64, seen: i64) -> i64 {
    if caller.role == Role::Customer && seen - told < STAYS { told } else { seen }
}

/// The place behind the event with this number, or behind the last one. Customers are not told how far the log goes.
pub(in crate::helpdesk) async fn mark(store: &Store, caller: &Caller, seq: i64) -> Result<Mark, Error> {
    let mark = newest(store, seq).await?;
    if seq > mark.seq() && caller.role != Role::Customer {
        return Err(Error::invalid(
            "after",
            "is ahead of the log, as when a backup was put back: leave it out to begin anew",
        ));
    }
    Ok(mark)
}

/// What happened behind `after` in tickets that the caller may read.
pub(in crate::helpdesk) async fn changes(
    store: &Store,
    caller: &Caller,
    after: Mark,
    limit: u64,
) -> Result<Changes, Error> {
    caller.require_reader()?;
    if after != Mark::default() && newest(store, after.seq()).await? != after {
        return Err(Error::invalid(
            "cursor",
            "is of another log, as when a backup was put back: leave it out to begin anew",
        ));
    }
    // Before the page: all up to here can be seen by the queries that follow.
    let head = newest(store, i64::MAX).await?;
    let (mut events, last) = match few(store, caller, after, head).await? {
        Some(tickets) => (of_few(store, caller, tickets, (after, head), limit + 1).await?, head),
        None => window(store, caller, after, head, limit + 1).await?,
    };
    let mut is_cut = cut(&mut events, usize::try_from(limit).unwrap_or(usize::MAX));
    let (fits, messages) = texts(store, events.iter().map(|event| (event.seq, event.message_id))).await?;
    is_cut |= cut(&mut events, fits);
    let next = events.last().filter(|_| is_cut).map_or(last, Mark::behind);
    let told = events.last().map_or(after, Mark::behind);
    let stays = shown_place(caller, told.seq(), next.seq()) == told.seq();

    let of: BTreeSet<Uuid> = events.iter().filter_map(|event| event.ticket_id).collect();
    let tickets = ticket::Entity::find().filter(ticket::Column::Id.is_in(of)).all(store.read()).await?;
    let (messages, _) = shown(messages, caller.role != Role::Customer);
    let attachments = super::attachments(store, &messages).await?;
    Ok(Changes {
        events,
        tickets: tickets.into_iter().map(|row| (row.id, row)).collect(),
        messages: messages.into_iter().map(|row| (row.id, row)).collect(),
        attachments,
        has_more: next.seq() < head.seq(),
        next,
        cursor: if stays { told } else { next },
    })
}

pub(super) fn cut<T>(items: &mut Vec<T>, most: usize) -> bool {
    let is_cut = items.len() > most;
    items.truncate(most);
    is_cut
}

/// The place behind the newest event up to this number.
pub(in crate::helpdesk) async fn newest(store: &Store, upto: i64) -> Result<Mark, Error> {
    let events = event::Entity::find().filter(event::Column::Seq.lte(upto)).order_by_desc(event::Column::Seq);
    Ok(events.one(store.read()).await?.as_ref().map_or_else(Mark::default, Mark::behind))
}

/// The number of the newest event up to a place that a caller may know of; 0 if there is none. For others than customers that is
/// the place itself.
pub(in crate::helpdesk) async fn newest_known(store: &Store, caller: &Caller, upto: Mark) -> Result<i64, Error> {
    if caller.role != Role::Customer {
        return Ok(upto.seq());
    }
    let (here, gone) = visible_to(caller);
    let own = ticket::Entity::find().select_only().column(ticket::Column::Id);
    let own = own.filter(ticket::Column::Customer.eq(&caller.id)).into_query();
    // Not by the column itself, as in `of_few`.
    let here = between(in_tickets(), 0, upto.seq()).filter(here).filter(event::Column::TicketId.in_subquery(own));
    let here = here.order_by_desc(Expr::cust("event.seq + 0")).one(store.read()).await?;
    let gone = between(event::Entity::find(), 0, upto.seq()).filter(gone).order_by_desc(event::Column::Seq);
    let gone = gone.one(store.read()).await?;
    Ok(here.into_iter().chain(gone).map(|event| event.seq).max().unwrap_or_default())
}

/// What the caller may know of, of the next events behind `after`; and where those end.
async fn window(
    store: &Store,
    caller: &Caller,
    after: Mark,
    head: Mark,
    most: u64,
) -> Result<(Vec<event::Model>, Mark), Error> {
    let last = Ord::min(head.seq(), after.seq().saturating_add(WINDOW));
    let last = if last < head.seq() { newest(store, last).await? } else { head };
    let mut events = Vec::new();
    let (mut from, mut left) = (after.seq(), most);
    while left > 0 && from < last.seq() {
        let upto = Ord::min(last.seq(), from.saturating_add(STRETCH));
        let (here, gone) = visible_to(caller);
        let stretch = between(in_tickets(), from, upto).filter(Condition::any().add(here).add(gone));
        events.append(&mut stretch.order_by_asc(event::Column::Seq).limit(left).all(store.read()).await?);
        (from, left) = (upto, most.saturating_sub(events.len() as u64));
    }
    Ok((events, last))
}

/// The tickets that the caller may read, where it is less to look at what happened in them up to `head` than at the log itself.
async fn few(store: &Store, caller: &Caller, after: Mark, head: Mark) -> Result<Option<Vec<Uuid>>, Error> {
    let own = match (caller.role, &caller.desks) {
        (Role::Customer, _) => ticket::Column::Customer.eq(&caller.id),
        (Role::Agent, Some(desks)) => ticket::Column::Desk.is_in(desks),
        (Role::Agent, None) | (Role::Admin | Role::Service, _) => return Ok(None),
    };
    if head.seq().saturating_sub(after.seq()) <= FEW.cast_signed() {
        return Ok(None);
    }
    let own = ticket::Entity::find().select_only().column(ticket::Column::Id).filter(own).limit(FEW + 1);
    let ids: Vec<Uuid> = own.into_tuple().all(store.read()).await?;
    if ids.len() as u64 > FEW {
        return Ok(None);
    }
    // Somebody may have written a few tickets full.
    let of_these = event::Entity::find().filter(event::Column::TicketId.is_in(ids.iter().copied()));
    let beyond = between(of_these, after.seq(), head.seq())
        .select_only()
        .column(event::Column::Seq)
        .offset(WINDOW.cast_unsigned());
    let is_more = beyond.limit(1).into_tuple::<i64>().one(store.read()).await?.is_some();
    Ok((!is_more).then_some(ids))
}

/// The first of the events in these tickets, and of the ends of others, that the caller may know of.
async fn of_few(
    store: &Store,
    caller: &Caller,
    tickets: Vec<Uuid>,
    (after, head): (Mark, Mark),
    most: u64,
) -> Result<Vec<event::Model>, Error> {
    let (here, gone) = visible_to(caller);
    let here =
        between(in_tickets(), after.seq(), head.seq()).filter(here).filter(event::Column::TicketId.is_in(tickets));
    // Not by the column itself: a planner could hope to find enough of them soon, and read the log from its beginning.
    let here = here.order_by_asc(Expr::cust("event.seq + 0")).limit(most).all(store.read());
    let gone = between(event::Entity::find(), after.seq(), head.seq())
        .filter(gone)
        .order_by_asc(event::Column::Seq)
        .limit(most);
    let mut events = here.await?;
    events.append(&mut gone.all(store.read()).await?);
    events.sort_unstable_by_key(|event| event.seq);
    cut(&mut events, usize::try_from(most).unwrap_or(usize::MAX));
    Ok(events)
}

fn between(events: Select<event::Entity>, after: i64, upto: i64) -> Select<event::Entity> {
    events.filter(event::Column::Seq.gt(after)).filter(event::Column::Seq.lte(upto))
}

/// What happens in tickets, with ticket and message at hand.
pub(super) fn in_tickets() -> Select<event::Entity> {
    let ticket = event::Entity::belongs_to(ticket::Entity).from(event::Column::TicketId).to(ticket::Column::Id);
    let message = event::Entity::belongs_to(message::Entity).from(event::Column::MessageId).to(message::Column::Id);
    let kinds = KINDS.into_iter().fold(Condition::any(), |any, kind| any.add(event::Column::Kind.like(kind)));
    event::Entity::find().join(JoinType::LeftJoin, ticket.into()).join(JoinType::LeftJoin, message.into()).filter(kinds)
}

/// What customers are not told: that there are notes, or that something changed which they are not shown.
pub(super) fn is_public() -> Condition {
    let of_ticket = Condition::all().add(event::Column::MessageId.is_null()).add(noted(INSIDE).is_null());
    Condition::any().add(of_ticket).add(message::Column::Visibility.eq(Visibility::Public))
}

/// A value that an event notes, as text. As the indexes of ends have it, which are looked up only by words that stand in the
/// statement.
fn noted(name: &str) -> Expr {
    Expr::cust(format!("(event.data ->> '{name}')"))
}

/// What the caller may know of: what happens in tickets that are there, and of a ticket that is gone its end, where it would have
/// seen the ticket. [`Reach`](super::Reach) says the same.
fn visible_to(caller: &Caller) -> (Condition, Condition) {
    let (here, gone) = match (caller.role, &caller.desks) {
        (Role::Customer, _) => (
            Condition::all().add(ticket::Column::Customer.eq(&caller.id)).add(is_public()),
            Condition::all().add(noted("customer").eq(customer_key(&caller.id))),
        ),
        (Role::Agent, Some(desks)) => (
            Condition::all().add(ticket::Column::Desk.is_in(desks)),
            Condition::all().add(noted("desk").is_in(desks.clone())),
        ),
        (Role::Agent, None) | (Role::Admin | Role::Service, _) => {
            (Condition::all().add(ticket::Column::Id.is_not_null()), Condition::all())
        }
    };
    (here, gone.add(Expr::cust(format!("event.kind = '{ERASED}'"))))
}

/// The messages of the first of these events, as many as may be read at once, and how many events those are.
pub(super) async fn texts(
    store: &Store,
    events: impl Iterator<Item = (i64, Option<Uuid>)> + Clone,
) -> Result<(usize, Vec<message::Model>), Error> {
    let ids: BTreeSet<Uuid> = events.clone().filter_map(|(_, message)| message).collect();
    if ids.is_empty() {
        return Ok((events.count(), Vec::new()));
    }
    let lengths: Vec<(Uuid, i32)> = message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .expr(Func::char_length(Expr::col((message::Entity, message::Column::Body))))
        .filter(message::Column::Id.is_in(ids))
        .into_tuple()
        .all(store.read())
        .await?;
    let lengths: HashMap<Uuid, i32> = lengths.into_iter().collect();
    let length = |message: Option<Uuid>| message.and_then(|id| lengths.get(&id)).copied().unwrap_or_default();
    let each: Vec<(i64, i32)> = events.clone().map(|(seq, message)| (seq, length(message))).collect();
    let fits = fitting(&each, PART_CHARACTERS);
    let ids: BTreeSet<Uuid> = events.take(fits).filter_map(|(_, message)| message).collect();
    let rows = message::Entity::find().filter(message::Column::Id.is_in(ids)).order_by_asc(message::Column::Seq);
    Ok((fits, rows.all(store.read()).await?))
}

/// What customers are not shown.
fn is_inside(row: &message::Model) -> bool {
    row.superseded_at.is_some() || row.visibility != Visibility::Public
}

/// What the reader is shown of these, and the ids of the others.
pub(super) fn shown(mut rows: Vec<message::Model>, with_notes: bool) -> (Vec<message::Model>, Vec<Uuid>) {
    let is_hidden = |row: &mut message::Model| !with_notes && is_inside(row);
    let hidden = rows.extract_if(.., is_hidden).map(|row| row.id).collect();
    withhold(&mut rows);
    (rows, hidden)
}
