//! The people who answer, and how they can be reached.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// An agent: configured with a desk, or bound to a JID by an admin.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "agent")]
pub struct Model {
    /// As in a token's `sub`; a configured agent's is the bare JID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The bare JID the agent chats from.
    #[sea_orm(unique)]
    pub jid: Option<String>,
    /// The name that customers see.
    pub name: Option<String>,
    /// The desks the agent answers at, as a JSON list; NULL is every desk.
    pub desks: Option<Json>,
    pub role: Role,
    pub duty: Duty,
    pub source: Source,
    pub updated_at: ChronoDateTimeUtc,
}

/// What an agent may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Role {
    #[sea_orm(string_value = "agent")]
    Agent,
    /// Also assigns and closes tickets.
    #[sea_orm(string_value = "admin")]
    Admin,
}

/// Whether the agent is told of tickets that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Duty {
    /// While the agent's chat client shows itself available.
    #[sea_orm(string_value = "auto")]
    Auto,
    #[sea_orm(string_value = "on")]
    On,
    #[sea_orm(string_value = "off")]
    Off,
}

/// Who named the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Source {
    /// The configuration, which is read again at every start.
    #[sea_orm(string_value = "config")]
    Config,
    /// An admin, over REST.
    #[sea_orm(string_value = "rest")]
    Rest,
}

impl ActiveModelBehavior for ActiveModel {}
