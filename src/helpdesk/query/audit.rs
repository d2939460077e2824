//! What the staff did.

use chrono::{DateTime, Utc};
use deskbridge_entity::audit::{self, Column};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Cursor, Page};
use crate::helpdesk::{Error, store::Store};

/// Which acts to list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this actor only, by its id.
    pub actor: Option<String>,
    /// Of this kind only: a word such as `ticket.claim`, or the part before its dot.
    pub action: Option<String>,
    /// In this ticket only.
    pub ticket: Option<Uuid>,
    /// At this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Acts a page.
    pub limit: u64,
}

pub(in crate::helpdesk) async fn audit(store: &Store, filter: &AuditFilter) -> Result<Page<audit::Model>, Error> {
    let mut query = audit::Entity::find();
    if let Some(actor) = &filter.actor {
        query = query.filter(Column::Actor.eq(actor));
    }
    if let Some(action) = &filter.action {
        let kinds = Condition::any().add(Column::Action.eq(action));
        // Words of ours have no wildcards; what has some is none of them.
        let is_word = action.bytes().all(|byte| byte.is_ascii_lowercase());
        let kinds = if is_word { kinds.add(Column::Action.starts_with(format!("{action}."))) } else { kinds };
        query = query.filter(kinds);
    }
    if let Some(ticket) = filter.ticket {
        query = query.filter(Column::TicketId.eq(ticket));
    }
    if let Some(from) = filter.from {
        query = query.filter(Column::At.gte(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(Column::At.lt(to));
    }
    if let Some(Cursor { at, id }) = filter.after {
        let behind = Condition::any().add(Column::At.lt(at)).add(Column::Id.lt(id));
        query = query.filter(Column::At.lte(at)).filter(behind);
    }
    let newest_first = query.order_by_desc(Column::At).order_by_desc(Column::Id).limit(filter.limit + 1);
    let rows = newest_first.all(store.read()).await?;
    Ok(Page::of(rows, filter.limit, |row| Cursor { at: row.at, id: row.id }))
}
