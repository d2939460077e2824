//! What the assistant owes.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use deskbridge_entity::ticket::{self};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

/// Tickets that are owed an answer and free, the longest due first: `limit`, those that the asker is at already, and
/// one more to know when to look again.
pub(in crate::helpdesk) fn due(now: DateTime<Utc>, limit: u64, running: &HashMap<Uuid, i64>) -> Select<ticket::Entity> {
    let free =
        Condition::any().add(ticket::Column::ReplyLeaseUntil.is_null()).add(ticket::Column::ReplyLeaseUntil.lt(now));
    ticket::Entity::find()
        .filter(ticket::Column::ReplyDueAt.is_not_null())
        .filter(free)
        .order_by_asc(ticket::Column::ReplyDueAt)
        .limit(limit + running.len() as u64 + 1)
}

/// Of what [`due`] found: at most `limit` that are due now, and when the next one is.
pub(in crate::helpdesk) fn pick_due(
    rows: Vec<ticket::Model>,
    now: DateTime<Utc>,
    limit: u64,
    running: &HashMap<Uuid, i64>,
) -> (Vec<ticket::Model>, Option<DateTime<Utc>>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut picked = Vec::new();
    for row in rows.into_iter().filter(|row| running.get(&row.id) != Some(&row.epoch)) {
        if picked.len() == limit || row.reply_due_at > Some(now) {
            return (picked, row.reply_due_at);
        }
        picked.push(row);
    }
    (picked, None)
}
