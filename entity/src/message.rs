//! One utterance in a ticket.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// A message. Those with `outbound` set and neither `sent_at` nor `failed_at` are the outbox.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    /// UUIDv7; also the stanza id of what we send, on every retry.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub ticket_id: Uuid,
    /// The number of its `message.created` event: commit order, which ids and times are not.
    #[sea_orm(unique)]
    pub seq: i64,
    pub author: Author,
    /// The agent's id (a token's `sub`); NULL for customer, assistant and system.
    pub author_id: Option<String>,
    /// The agent's name as the customer sees it.
    pub author_name: Option<String>,
    pub visibility: Visibility,
    #[sea_orm(column_type = "Text")]
    pub body: String,
    /// Identifies a customer's stanza by its sender, id and text, to know a repeated one.
    pub sender_key: Option<String>,
    /// Identifies a customer's stanza by its archive id (XEP-0359), to know a replayed one.
    pub archive_key: Option<String>,
    /// The id the customer's client gave the stanza.
    pub stanza_id: Option<String>,
    /// Whether it is to be delivered to the customer over XMPP.
    pub outbound: bool,
    pub created_at: ChronoDateTimeUtc,
    /// When the XMPP server had confirmed it.
    pub sent_at: Option<ChronoDateTimeUtc>,
    /// When the customer's client had confirmed it (XEP-0184).
    pub delivered_at: Option<ChronoDateTimeUtc>,
    /// When the customer had seen it (XEP-0333).
    pub read_at: Option<ChronoDateTimeUtc>,
    /// When the XMPP server returned it.
    pub failed_at: Option<ChronoDateTimeUtc>,
    /// The stanza error's condition.
    pub failure: Option<String>,
    /// The message that this one replaces (XEP-0308); both are kept.
    pub corrects: Option<Uuid>,
    /// When a correction took its place.
    pub superseded_at: Option<ChronoDateTimeUtc>,
    /// When its author took it back (XEP-0424).
    pub retracted_at: Option<ChronoDateTimeUtc>,
    /// When the staff took its text out of the database; then it is also taken back.
    pub redacted_at: Option<ChronoDateTimeUtc>,
    /// The message that this one answers (XEP-0461).
    pub reply_to: Option<Uuid>,
    /// The customer's reactions to it (XEP-0444), as a text of emoji.
    pub reaction: Option<String>,
    /// Whether the customer's client wants to know when it was read (XEP-0333).
    pub markable: bool,
    /// Identifies it within its ticket by its writer and the id that the writer's program gave it, or the request that it came in.
    pub client_key: Option<String>,
    /// That id.
    pub client_id: Option<String>,
    #[sea_orm(belongs_to, from = "ticket_id", to = "id")]
    pub ticket: BelongsTo<super::ticket::Entity>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Author {
    #[sea_orm(string_value = "customer")]
    Customer,
    #[sea_orm(string_value = "assistant")]
    Assistant,
    #[sea_orm(string_value = "agent")]
    Agent,
    #[sea_orm(string_value = "system")]
    System,
}

/// Who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Visibility {
    /// The customer and the staff.
    #[sea_orm(string_value = "public")]
    Public,
    /// The staff only: a note.
    #[sea_orm(string_value = "internal")]
    Internal,
}

impl ActiveModelBehavior for ActiveModel {}
