//! Who of the staff did what. No customer's address and nobody's text is in it, so that erasing a customer leaves it whole.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One act.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: ChronoDateTimeUtc,
    pub role: Role,
    /// The id of the agent, admin or program, as in a token's `sub`; of a customer the hash of its bare JID.
    pub actor: String,
    pub way: Way,
    /// A word such as `ticket.claim`.
    pub action: String,
    /// The desk's name, where it is about one.
    pub desk: Option<String>,
    pub ticket_id: Option<Uuid>,
    /// What else it was done to: an id, a page's path, the hash of a customer's bare JID.
    pub target: Option<String>,
    /// Of the request over REST.
    pub request_id: Option<String>,
    /// Small JSON: words of ours and numbers.
    pub details: Json,
}

/// What the actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Role {
    #[sea_orm(string_value = "customer")]
    Customer,
    #[sea_orm(string_value = "agent")]
    Agent,
    #[sea_orm(string_value = "admin")]
    Admin,
    #[sea_orm(string_value = "service")]
    Service,
}

/// How it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Way {
    /// From a chat client.
    #[sea_orm(string_value = "chat")]
    Chat,
    #[sea_orm(string_value = "rest")]
    Rest,
    /// On the command line of the machine.
    #[sea_orm(string_value = "cli")]
    Cli,
}

impl ActiveModelBehavior for ActiveModel {}
