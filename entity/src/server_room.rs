//! Rooms (XEP-0045) as the XMPP server tells of them.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One life of a room, from its making to its end.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server_room")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The server's own name of this life.
    #[sea_orm(unique)]
    pub session: String,
    /// The room's address.
    pub jid: String,
    pub name: String,
    /// When we first heard of it.
    pub noted_at: ChronoDateTimeUtc,
    /// By the server's clock, where it says so; NULL while only its end is known.
    pub created_at: Option<ChronoDateTimeUtc>,
    /// Final.
    pub ended_at: Option<ChronoDateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
