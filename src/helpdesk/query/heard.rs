//! Which commands were carried out.

use chrono::{DateTime, Utc};
use deskbridge_entity::heard;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::helpdesk::{Error, store::Store, unit::REMEMBERED};

/// Whether a stanza that is known by one of these keys was carried out.
pub(in crate::helpdesk) async fn is_heard(store: &Store, keys: &[String], now: DateTime<Utc>) -> Result<bool, Error> {
    if keys.is_empty() {
        return Ok(false);
    }
    let known = heard::Entity::find()
        .filter(heard::Column::Key.is_in(keys))
        .filter(heard::Column::HeardAt.gte(now - REMEMBERED));
    Ok(known.count(store.read()).await? > 0)
}
