//! The ends of tickets are found by whom they were of: who may see few tickets need not read the log through.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["customer", "desk"] {
            let sql = format!(
                "CREATE INDEX event_erased_{name} ON event ((data ->> '{name}'), seq) WHERE kind = 'ticket.erased'"
            );
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["customer", "desk"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX event_erased_{name}")).await?;
        }
        Ok(())
    }
}
