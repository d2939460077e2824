//! Webhooks, and what is delivered to them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(webhook()).await?;
        manager.create_table(webhook_delivery()).await?;
        for sql in INDEXES {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        // Raised with the number of events whenever webhooks change: the row that every commit locks anyway tells whether
        // the webhooks that a process knows are still those that there are.
        let sql = "ALTER TABLE counter ADD COLUMN webhooks BIGINT NOT NULL DEFAULT 0";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("ALTER TABLE counter DROP COLUMN webhooks").await?;
        for table in ["webhook_delivery", "webhook"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 6] = [
    // What is to be sent: the only rows that a worker looks at.
    "CREATE INDEX webhook_delivery_open ON webhook_delivery (webhook_id, due_at) WHERE state = 'pending'",
    "CREATE INDEX webhook_delivery_listed ON webhook_delivery (webhook_id, created_at, id)",
    // What is old goes.
    "CREATE INDEX webhook_delivery_made ON webhook_delivery (created_at)",
    // For those who want everything of theirs erased, and for what was taken back.
    "CREATE INDEX webhook_delivery_ticket ON webhook_delivery (ticket_id) WHERE ticket_id IS NOT NULL",
    "CREATE INDEX webhook_delivery_about ON webhook_delivery (about) WHERE about IS NOT NULL",
    // Leases of a worker.
    "CREATE INDEX webhook_delivery_worker ON webhook_delivery (worker) WHERE worker IS NOT NULL",
];

fn webhook() -> TableCreateStatement {
    Table::create()
        .table("webhook")
        .col(uuid("id").primary_key())
        .col(text("url"))
        .col(text("description"))
        .col(json("events"))
        .col(json_null("desks"))
        .col(boolean("include_internal"))
        .col(text("secret"))
        .col(text_null("old_secret"))
        .col(timestamp_with_time_zone_null("old_secret_until"))
        .col(timestamp_with_time_zone_null("disabled_at"))
        .col(string_len_null("disabled_reason", 16))
        .col(timestamp_with_time_zone_null("last_success_at"))
        .col(timestamp_with_time_zone_null("last_failure_at"))
        .col(text_null("last_failure"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(text("created_by"))
        .to_owned()
}

fn webhook_delivery() -> TableCreateStatement {
    Table::create()
        .table("webhook_delivery")
        .col(uuid("id").primary_key())
        .col(uuid("webhook_id"))
        .col(string_len("kind", 64))
        .col(big_integer_null("seq"))
        .col(uuid_null("ticket_id"))
        .col(uuid_null("message_id"))
        .col(text_null("about"))
        .col(json("data"))
        .col(text_null("body"))
        .col(string_len("state", 16))
        .col(timestamp_with_time_zone("due_at"))
        .col(integer("tries"))
        .col(timestamp_with_time_zone_null("tried_at"))
        .col(integer_null("status"))
        .col(text_null("error"))
        .col(timestamp_with_time_zone_null("ended_at"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(uuid_null("worker"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(
            ForeignKey::create()
                .from("webhook_delivery", "webhook_id")
                .to("webhook", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
