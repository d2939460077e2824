//! What agents are told over XMPP, and what takes a message back from a customer. Those without `sent_at` are part of the outbox.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One stanza to an agent, or to a customer where it takes a message back.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notice")]
pub struct Model {
    /// UUIDv7; also the stanza's id, on every retry.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Commit order.
    #[sea_orm(unique)]
    pub seq: i64,
    pub ticket_id: Option<Uuid>,
    /// The customer's message that it repeats, if it does.
    pub message_id: Option<Uuid>,
    /// The message of ours that it takes back (XEP-0424), as it was first sent. Then the recipient is a customer.
    pub retracts: Option<Uuid>,
    /// The localpart it comes from: a ticket's, or a desk's.
    pub sender: String,
    /// The bare JID it goes to.
    pub recipient: String,
    #[sea_orm(column_type = "Text")]
    pub body: String,
    pub created_at: ChronoDateTimeUtc,
    /// When the XMPP server had confirmed it.
    pub sent_at: Option<ChronoDateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
