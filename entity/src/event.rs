//! The append-only log of what changed: the source of sync, live updates and webhooks.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One change. It names rows, it does not repeat their text, so that erasing a row is enough.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// Gapless per database and in commit order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// Such as `ticket.created`, `ticket.updated`, `message.created`.
    pub kind: String,
    pub ticket_id: Option<Uuid>,
    pub message_id: Option<Uuid>,
    /// The values that changed, as small JSON without anybody's text.
    pub data: Json,
    pub created_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
