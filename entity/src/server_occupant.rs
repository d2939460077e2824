//! Who is or was in a room, as the XMPP server tells of it.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One address in one life of a room. Who comes again is the same row.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server_occupant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub room_id: Uuid,
    /// The real address, mostly with a resource.
    pub jid: String,
    /// The same without, to erase all of a person's.
    #[sea_orm(indexed)]
    pub bare: String,
    /// The name in the room.
    pub nick: String,
    pub role: Role,
    pub email: Option<String>,
    /// A URL.
    pub avatar: Option<String>,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
    /// When we first heard of it.
    pub noted_at: ChronoDateTimeUtc,
    /// The latest coming; NULL while only a leave is known.
    pub joined_at: Option<ChronoDateTimeUtc>,
    /// The latest change of name, role or e-mail address.
    pub changed_at: Option<ChronoDateTimeUtc>,
    /// NULL is: in the room.
    pub left_at: Option<ChronoDateTimeUtc>,
}

/// What an occupant may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Role {
    #[sea_orm(string_value = "participant")]
    Participant,
    #[sea_orm(string_value = "moderator")]
    Moderator,
}

impl ActiveModelBehavior for ActiveModel {}
