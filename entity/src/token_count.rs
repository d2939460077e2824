//! How many tokens were spent: the sums of [`llm_call`](super::llm_call) that budgets look at before every call.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One sum.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "token_count")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: Scope,
    /// A day such as `2026-11-25` or a month such as `2026-11`, in UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub period: String,
    /// The customer's hash, or the desk's name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub tokens: i64,
}

/// Whose tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Scope {
    /// A customer's, of a day, at all desks.
    #[sea_orm(string_value = "customer")]
    Customer,
    /// A desk's, of a month.
    #[sea_orm(string_value = "desk")]
    Desk,
}

impl ActiveModelBehavior for ActiveModel {}
