//! People: agents and what they are told, attachments, and what tickets and messages gain by them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in ticket_columns() {
            manager.alter_table(Table::alter().table("ticket").add_column(column).to_owned()).await?;
        }
        for column in message_columns() {
            manager.alter_table(Table::alter().table("message").add_column(column).to_owned()).await?;
        }
        manager.create_table(agent()).await?;
        manager.create_table(notice()).await?;
        manager.create_table(attachment()).await?;
        let db = manager.get_connection();
        let short_id = match manager.get_database_backend() {
            sea_orm::DbBackend::Sqlite => "lower(substr(hex(id), -12))",
            _ => "right(id::text, 12)",
        };
        db.execute_unprepared(&format!("UPDATE ticket SET short_id = {short_id}")).await?;
        for sql in STATEMENTS {
            db.execute_unprepared(sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for index in ["ticket_short_id", "ticket_step", "ticket_queue"] {
            db.execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        db.execute_unprepared("DELETE FROM counter WHERE name = 'notice'").await?;
        for table in ["attachment", "notice", "agent"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for (table, columns) in [("ticket", ticket_columns()), ("message", message_columns())] {
            for column in columns {
                let column = column.get_column_name().to_owned();
                manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
            }
        }
        Ok(())
    }
}

const STATEMENTS: [&str; 9] = [
    "CREATE UNIQUE INDEX ticket_short_id ON ticket (short_id)",
    // What the sweep looks at, whatever the table holds.
    "CREATE INDEX ticket_step ON ticket (step_at) WHERE step_at IS NOT NULL",
    "CREATE INDEX ticket_queue ON ticket (desk, waiting_since) WHERE status = 'ESCALATED'",
    // A ticket's customer never changes; the old index was written with every message.
    "DROP INDEX ticket_customer",
    "CREATE INDEX ticket_customer ON ticket (customer)",
    "CREATE INDEX notice_unsent ON notice (seq) WHERE sent_at IS NULL",
    "CREATE INDEX attachment_ticket ON attachment (ticket_id)",
    "CREATE INDEX attachment_pending ON attachment (id) WHERE state = 'pending'",
    "INSERT INTO counter (name, value) VALUES ('notice', 0)",
];

fn ticket_columns() -> Vec<ColumnDef> {
    vec![
        text("short_id").default("").take(),
        timestamp_with_time_zone_null("snoozed_until").take(),
        timestamp_with_time_zone_null("nudged_at").take(),
        timestamp_with_time_zone_null("claimed_at").take(),
        timestamp_with_time_zone_null("step_at").take(),
        big_integer_null("episode_from").take(),
        text_null("episode_summary").take(),
        text_null("resolution").take(),
        json("tags").default("[]").take(),
    ]
}

fn message_columns() -> Vec<ColumnDef> {
    vec![
        uuid_null("corrects").take(),
        timestamp_with_time_zone_null("superseded_at").take(),
        timestamp_with_time_zone_null("retracted_at").take(),
        uuid_null("reply_to").take(),
        text_null("reaction").take(),
        boolean("markable").default(false).take(),
    ]
}

fn agent() -> TableCreateStatement {
    Table::create()
        .table("agent")
        .col(text("id").primary_key())
        .col(text_null("jid").unique_key())
        .col(text_null("name"))
        .col(json_null("desks"))
        .col(string_len("role", 16))
        .col(string_len("duty", 16))
        .col(string_len("source", 16))
        .col(timestamp_with_time_zone("updated_at"))
        .to_owned()
}

fn notice() -> TableCreateStatement {
    Table::create()
        .table("notice")
        .col(uuid("id").primary_key())
        .col(big_integer("seq").unique_key())
        .col(uuid_null("ticket_id"))
        .col(uuid_null("message_id"))
        .col(text("sender"))
        .col(text("recipient"))
        .col(text("body"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("sent_at"))
        .foreign_key(
            ForeignKey::create().from("notice", "ticket_id").to("ticket", "id").on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn attachment() -> TableCreateStatement {
    Table::create()
        .table("attachment")
        .col(uuid("id").primary_key())
        .col(uuid("ticket_id"))
        .col(uuid("message_id"))
        .col(text("url"))
        .col(text_null("name"))
        .col(text_null("media_type"))
        .col(big_integer_null("size"))
        .col(text_null("sha256"))
        .col(string_len("state", 16))
        .col(text_null("failure"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(
            ForeignKey::create()
                .from("attachment", "ticket_id")
                .to("ticket", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
