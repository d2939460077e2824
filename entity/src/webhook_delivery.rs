//! What is delivered to a [`webhook`](super::webhook). The row is the queue; afterwards it is the log.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One event for one webhook.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    /// UUIDv7; the receiver's `webhook-id`, the same on every try.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub webhook_id: Uuid,
    /// The event as the receiver is told, such as `ticket.escalated`.
    pub kind: String,
    /// The event's number in the log; NULL for a test.
    pub seq: Option<i64>,
    pub ticket_id: Option<Uuid>,
    pub message_id: Option<Uuid>,
    /// The bare JID that it tells of, where that is of no ticket.
    pub about: Option<String>,
    /// What the event noted, without anybody's text.
    pub data: Json,
    /// The bytes that are sent and signed; NULL until they are first made.
    pub body: Option<String>,
    pub state: State,
    /// Not before then is it tried (again).
    pub due_at: ChronoDateTimeUtc,
    /// Tries that have ended, since it was made or replayed.
    pub tries: i32,
    pub tried_at: Option<ChronoDateTimeUtc>,
    /// The status of the last answer; NULL where there was none.
    pub status: Option<i32>,
    /// Why the last try failed, in a few words of ours.
    pub error: Option<String>,
    /// When it was delivered or given up.
    pub ended_at: Option<ChronoDateTimeUtc>,
    /// Until when it is `worker`'s.
    pub lease_until: Option<ChronoDateTimeUtc>,
    pub worker: Option<Uuid>,
    pub created_at: ChronoDateTimeUtc,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum State {
    #[sea_orm(string_value = "pending")]
    Pending,
    #[sea_orm(string_value = "delivered")]
    Delivered,
    /// All tries were in vain.
    #[sea_orm(string_value = "failed")]
    Failed,
}

impl ActiveModelBehavior for ActiveModel {}
