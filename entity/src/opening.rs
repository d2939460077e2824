//! Tickets that erased customers had opened within a day: erasing must not lift the limit of new ones.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One ticket that is gone.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "opening")]
pub struct Model {
    /// The ticket's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The desk's name.
    pub desk: String,
    /// A hash of the customer's bare JID.
    pub customer: String,
    pub opened_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
