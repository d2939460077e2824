//! Hints that are given once, and notices that take a message back.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let hint = Table::create()
            .table("hint")
            .col(text("desk"))
            .col(text("jid"))
            .col(timestamp_with_time_zone("created_at"))
            .primary_key(Index::create().col("desk").col("jid"))
            .to_owned();
        manager.create_table(hint).await?;
        manager.alter_table(Table::alter().table("notice").add_column(uuid_null("retracts")).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("notice").drop_column("retracts").to_owned()).await?;
        manager.drop_table(Table::drop().table("hint").to_owned()).await
    }
}
