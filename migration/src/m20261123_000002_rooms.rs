//! Rooms: a ticket can be taken to one (XEP-0045).

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("ticket").add_column(text_null("room")).to_owned()).await?;
        let index = "CREATE INDEX ticket_room ON ticket (room) WHERE room IS NOT NULL";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX ticket_room").await?;
        manager.alter_table(Table::alter().table("ticket").drop_column("room").to_owned()).await
    }
}
