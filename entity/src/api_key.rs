//! Keys by which programs use the REST API.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// A program's key, without what would let anybody use it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    /// The part of the key that is no secret.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Unique among those that are not revoked.
    pub name: String,
    /// SHA-256 of the whole key, in hexadecimal digits.
    pub hash: String,
    /// A list of words such as `tickets:read`.
    pub scopes: Json,
    pub created_at: ChronoDateTimeUtc,
    pub expires_at: Option<ChronoDateTimeUtc>,
    /// Final.
    pub revoked_at: Option<ChronoDateTimeUtc>,
    /// Up to a minute or so late.
    pub last_used_at: Option<ChronoDateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
