//! Other programs that are told what happened.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use std::fmt;

use sea_orm::entity::prelude::*;

/// A receiver.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub url: String,
    pub description: String,
    /// A JSON list of events: whole names, or `ticket.*` and the like.
    pub events: Json,
    /// A JSON list of the desks whose tickets it is told of; NULL is every desk.
    pub desks: Option<Json>,
    /// Whether it is told of notes, too.
    pub include_internal: bool,
    pub secret: Secret,
    /// The secret before, while it still signs.
    pub old_secret: Option<Secret>,
    pub old_secret_until: Option<ChronoDateTimeUtc>,
    pub disabled_at: Option<ChronoDateTimeUtc>,
    pub disabled_reason: Option<Reason>,
    pub last_success_at: Option<ChronoDateTimeUtc>,
    /// When a try last failed, up to a minute before.
    pub last_failure_at: Option<ChronoDateTimeUtc>,
    pub last_failure: Option<String>,
    /// Counts its changes by people, and when it is switched off.
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    /// The id of the admin who made it.
    pub created_by: String,
}

/// A key of signatures as the receiver has it, `whsec_…`. It is never shown by accident.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a webhook is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Reason {
    /// An admin did it.
    #[sea_orm(string_value = "admin")]
    Admin,
    /// The receiver answered 410.
    #[sea_orm(string_value = "gone")]
    Gone,
    /// For as long as a delivery is tried, none came through.
    #[sea_orm(string_value = "failing")]
    Failing,
}

impl ActiveModelBehavior for ActiveModel {}
