//! Answers that are given again, and the ids that programs give their messages.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEXES: [&str; 3] = [
    "CREATE UNIQUE INDEX message_client_key ON message (ticket_id, client_key) WHERE client_key IS NOT NULL",
    "CREATE INDEX kept_answer_caller ON kept_answer (caller, created_at)",
    "CREATE INDEX kept_answer_ticket ON kept_answer (ticket_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kept = Table::create()
            .table("kept_answer")
            .col(text("key").primary_key())
            .col(text("request"))
            .col(text("caller"))
            .col(uuid_null("ticket_id"))
            .col(integer("status"))
            .col(json("headers"))
            .col(text("body"))
            .col(timestamp_with_time_zone("created_at"))
            .to_owned();
        manager.create_table(kept).await?;
        for column in ["client_key", "client_id"] {
            manager.alter_table(Table::alter().table("message").add_column(text_null(column)).to_owned()).await?;
        }
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX message_client_key").await?;
        for column in ["client_key", "client_id"] {
            manager.alter_table(Table::alter().table("message").drop_column(column).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table("kept_answer").to_owned()).await
    }
}
