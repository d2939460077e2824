//! Named counters. A transaction that raises one holds its row until it commits, so on every database the
//! numbers are handed out in commit order and without gaps.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One counter.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "counter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The last number handed out.
    pub value: i64,
    /// Of the events' counter: raised whenever webhooks change.
    pub webhooks: i64,
}

impl ActiveModelBehavior for ActiveModel {}
