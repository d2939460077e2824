//! The tickets that wait for a person.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use deskbridge_entity::ticket::{self, Column, Priority, Status};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, Iterable, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{CaseStatement, Expr},
};

use super::visible_to;
use crate::helpdesk::{Caller, Error, store::Store};

/// Escalated and not snoozed: what a snooze hides is not waited for.
pub(in crate::helpdesk) fn waiting(tickets: Select<ticket::Entity>, now: DateTime<Utc>) -> Select<ticket::Entity> {
    let awake = Condition::any().add(Column::SnoozedUntil.is_null()).add(Column::SnoozedUntil.lte(now));
    tickets.filter(Column::Status.eq(Status::Escalated)).filter(awake)
}

/// The most urgent first, and among those the one that waits longest.
pub(in crate::helpdesk) async fn queue(
    store: &Store,
    caller: &Caller,
    desk: Option<&str>,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<ticket::Model>, Error> {
    let mut query = waiting(visible_to(caller), now);
    if let Some(desk) = desk {
        query = query.filter(Column::Desk.eq(desk));
    }
    Ok(in_order(query).limit(limit).all(store.read()).await?)
}

/// The first ones at these desks.
pub(in crate::helpdesk) fn first_in_queue(desks: &[String], now: DateTime<Utc>, limit: u64) -> Select<ticket::Entity> {
    in_order(waiting(ticket::Entity::find(), now).filter(Column::Desk.is_in(desks))).limit(limit)
}

fn in_order(query: Select<ticket::Entity>) -> Select<ticket::Entity> {
    query.order_by_asc(urgency()).order_by_asc(Column::WaitingSince).order_by_asc(Column::Id)
}

/// How many tickets at the desk are taken before this one; `None` while it is snoozed, and so in nobody's line.
pub(in crate::helpdesk) async fn waiting_before(
    store: &Store,
    row: &ticket::Model,
    now: DateTime<Utc>,
) -> Result<Option<u64>, Error> {
    let Some(since) = row.waiting_since.filter(|_| row.snoozed_until.is_none_or(|until| until <= now)) else {
        return Ok(None);
    };
    let more_urgent: Vec<Priority> = Priority::iter().filter(|priority| *priority > row.priority).collect();
    let at_once = Condition::all().add(Column::WaitingSince.eq(since)).add(Column::Id.lt(row.id));
    let longer = Condition::any().add(Column::WaitingSince.lt(since)).add(at_once);
    let equal = Condition::all().add(Column::Priority.eq(row.priority)).add(longer);
    let before = waiting(ticket::Entity::find(), now)
        .filter(Column::Desk.eq(&row.desk))
        .filter(Condition::any().add(Column::Priority.is_in(more_urgent)).add(equal));
    Ok(Some(before.count(store.read()).await?))
}

/// The rank of a priority, the most urgent first: stored words sort by the alphabet.
fn urgency() -> Expr {
    let ranks = [(Priority::Urgent, 0), (Priority::High, 1), (Priority::Normal, 2)];
    let cases = ranks
        .into_iter()
        .fold(CaseStatement::new(), |cases, (priority, rank)| cases.case(Column::Priority.eq(priority), rank));
    cases.finally(3).into()
}

/// How many tickets wait at each desk; a desk where none waits is missing.
pub(in crate::helpdesk) async fn waiting_counts(
    store: &Store,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<HashMap<String, u64>, Error> {
    let counts: Vec<(String, i64)> = waiting(visible_to(caller), now)
        .select_only()
        .column(Column::Desk)
        .column_as(Column::Id.count(), "waiting")
        .group_by(Column::Desk)
        .into_tuple()
        .all(store.read())
        .await?;
    Ok(counts.into_iter().map(|(desk, count)| (desk, count.try_into().unwrap_or_default())).collect())
}
