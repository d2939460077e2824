//! What is known of who is there.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// The presence of one JID: a customer's resource, a customer as told over REST (bare), or a desk.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "presence")]
pub struct Model {
    /// Full or bare.
    #[sea_orm(primary_key, auto_increment = false)]
    pub jid: String,
    /// The bare part, to find all resources.
    #[sea_orm(indexed)]
    pub bare: String,
    pub available: bool,
    /// `chat`, `away`, `dnd` or `xa` (RFC 6121 §4.7.2.1); NULL is plainly available.
    pub show: Option<String>,
    /// Free text.
    pub text: Option<String>,
    pub source: Source,
    pub updated_at: ChronoDateTimeUtc,
}

/// Who told us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Source {
    /// The XMPP server; forgotten when the link is new.
    #[sea_orm(string_value = "xmpp")]
    Xmpp,
    /// A REST caller.
    #[sea_orm(string_value = "rest")]
    Rest,
}

impl ActiveModelBehavior for ActiveModel {}
