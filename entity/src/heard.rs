//! Commands that were carried out, by the stanza they came in, so that a repeated one does nothing.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One stanza. Lines and replies are not here: their messages know them.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "heard")]
pub struct Model {
    /// A hash of its sender, address, id and text.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub heard_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
