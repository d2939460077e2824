//! Who was told something that is worth saying only once.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// A contact that knows that a desk reads no encrypted messages.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hint")]
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
