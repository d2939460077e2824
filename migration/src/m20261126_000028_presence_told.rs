//! What was last told of who is there.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "CREATE INDEX presence_told_look ON presence_told (look_at) WHERE look_at IS NOT NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let told = Table::create()
            .table("presence_told")
            .col(text("jid").primary_key())
            .col(boolean("available"))
            .col(text_null("show"))
            .col(text_null("text"))
            .col(boolean_null("on_duty"))
            .col(timestamp_with_time_zone_null("told_at"))
            .col(timestamp_with_time_zone_null("look_at"))
            .to_owned();
        manager.create_table(told).await?;
        manager.get_connection().execute_unprepared(INDEX).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("presence_told").to_owned()).await
    }
}
