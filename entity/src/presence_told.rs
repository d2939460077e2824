//! What was last told of who is there, so that only changes are told.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// A desk, an agent, or a customer with a live ticket: nobody else is told of.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "presence_told")]
pub struct Model {
    /// Bare.
    #[sea_orm(primary_key, auto_increment = false)]
    pub jid: String,
    pub available: bool,
    /// As in [`super::presence`].
    pub show: Option<String>,
    /// A desk's status line; nobody else's is told.
    pub text: Option<String>,
    /// An agent's, or whether anybody is at a desk; NULL of customers, and of desks that nobody is known to answer at.
    pub on_duty: Option<bool>,
    /// NULL of what a desk showed when it was first looked at.
    pub told_at: Option<ChronoDateTimeUtc>,
    /// Nothing is told before; then it is looked at again.
    pub look_at: Option<ChronoDateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
