//! Keys of programs.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let key = Table::create()
            .table("api_key")
            .col(string_len("id", 16).primary_key())
            .col(text("name"))
            .col(string_len("hash", 64))
            .col(json("scopes"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("expires_at"))
            .col(timestamp_with_time_zone_null("revoked_at"))
            .col(timestamp_with_time_zone_null("last_used_at"))
            .to_owned();
        manager.create_table(key).await?;
        // A name is free again when its key is revoked.
        let names = "CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL";
        manager.get_connection().execute_unprepared(names).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("api_key").to_owned()).await
    }
}
