//! What customers know the version of a ticket by.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let version = big_integer("shown_version").default(1).to_owned();
        // SQLite adds no column without a default to rows that are there.
        let at = timestamp_with_time_zone("shown_at").default("1970-01-01 00:00:00 +00:00").to_owned();
        for column in [version, at] {
            manager.alter_table(Table::alter().table("ticket").add_column(column).to_owned()).await?;
        }
        let same = "UPDATE ticket SET shown_version = version, shown_at = updated_at";
        manager.get_connection().execute_unprepared(same).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["shown_at", "shown_version"] {
            manager.alter_table(Table::alter().table("ticket").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
