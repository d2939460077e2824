//! Who is subscribed to a desk's presence (RFC 6121 §3). A component keeps its own roster.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One contact that sees a desk's presence.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subscription")]
pub struct Model {
    /// The desk's name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub desk: String,
    /// The contact's bare JID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub jid: String,
    pub created_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
