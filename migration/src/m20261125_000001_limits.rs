//! What bounds customers, and what is known of commands that were carried out.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let heard = Table::create()
            .table("heard")
            .col(text("key").primary_key())
            .col(timestamp_with_time_zone("heard_at"))
            .to_owned();
        manager.create_table(heard).await?;
        manager.create_index(Index::create().name("heard_at").table("heard").col("heard_at").to_owned()).await?;
        let opening = Table::create()
            .table("opening")
            .col(uuid("id").primary_key())
            .col(text("desk"))
            .col(text("customer"))
            .col(timestamp_with_time_zone("opened_at"))
            .to_owned();
        manager.create_table(opening).await?;
        manager
            .create_index(Index::create().name("opening_customer").table("opening").col("customer").to_owned())
            .await?;
        for column in ["notices_until", "notice_due_at"] {
            let added = Table::alter().table("ticket").add_column(timestamp_with_time_zone_null(column)).to_owned();
            manager.alter_table(added).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["notice_due_at", "notices_until"] {
            manager.alter_table(Table::alter().table("ticket").drop_column(column).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table("opening").to_owned()).await?;
        manager.drop_table(Table::drop().table("heard").to_owned()).await
    }
}
