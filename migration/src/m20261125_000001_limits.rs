//! What bounds customers.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
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
        Ok(())
    }
}
