//! Answers of the REST API that are given again to who asks again under the same key.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One answer, for a day. It may hold words of a ticket, with which it goes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kept_answer")]
pub struct Model {
    /// A hash of caller, route and the caller's key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// A hash of the request.
    pub request: String,
    /// A hash of the caller.
    pub caller: String,
    /// The ticket that it is about.
    pub ticket_id: Option<Uuid>,
    /// The HTTP status.
    pub status: i32,
    /// Names and values of the headers that belong to it, as a JSON list of pairs.
    pub headers: Json,
    #[sea_orm(column_type = "Text")]
    pub body: String,
    pub created_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
