//! Files that were sent as a URL (XEP-0066, XEP-0363): customers' are fetched, agents' stay where they are.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// A file, or the reason why there is none.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attachment")]
pub struct Model {
    /// UUIDv7; also the file's name in the data folder.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub ticket_id: Uuid,
    /// The message it came with.
    pub message_id: Uuid,
    pub url: String,
    /// The name the sender's client gave it: a claim, never a path.
    pub name: Option<String>,
    /// As the bytes say, not the sender.
    pub media_type: Option<String>,
    /// Bytes.
    pub size: Option<i64>,
    /// Of the content, in hexadecimal.
    pub sha256: Option<String>,
    pub state: State,
    /// Why there is no file, in words for an agent. Not for customers: it can tell of our network.
    pub failure: Option<String>,
    pub created_at: ChronoDateTimeUtc,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum State {
    /// Still to be fetched.
    #[sea_orm(string_value = "pending")]
    Pending,
    /// In the data folder.
    #[sea_orm(string_value = "stored")]
    Stored,
    /// Not fetched: too large, of a kind we do not take, or not to be had.
    #[sea_orm(string_value = "refused")]
    Refused,
    /// An agent's own, which lies elsewhere and goes to the customer as its URL: never fetched.
    #[sea_orm(string_value = "linked")]
    Linked,
}

impl ActiveModelBehavior for ActiveModel {}
