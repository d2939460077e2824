//! Who of the staff did what; a message's redaction; and what retention looks rows up by.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(audit()).await?;
        // SQLite adds one column a statement.
        let redacted = timestamp_with_time_zone_null("redacted_at").take();
        manager.alter_table(Table::alter().table("message").add_column(redacted).to_owned()).await?;
        for sql in INDEXES {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["ticket_closed", "event_presence", "server_occupant_left", "server_room_ended"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        manager.alter_table(Table::alter().table("message").drop_column("redacted_at").to_owned()).await?;
        manager.drop_table(Table::drop().table("audit").to_owned()).await
    }
}

const INDEXES: [&str; 7] = [
    "CREATE INDEX audit_time ON audit (at, id)",
    "CREATE INDEX audit_actor ON audit (actor, at, id)",
    "CREATE INDEX audit_ticket ON audit (ticket_id, at, id) WHERE ticket_id IS NOT NULL",
    // What retention removes, the longest closed first.
    "CREATE INDEX ticket_closed ON ticket (desk, closed_at) WHERE closed_at IS NOT NULL",
    // What an erasure looks through: few events name a JID.
    "CREATE INDEX event_presence ON event (seq) WHERE kind = 'presence.updated'",
    "CREATE INDEX server_occupant_left ON server_occupant (left_at) WHERE left_at IS NOT NULL",
    "CREATE INDEX server_room_ended ON server_room (ended_at) WHERE ended_at IS NOT NULL",
];

fn audit() -> TableCreateStatement {
    Table::create()
        .table("audit")
        .col(uuid("id").primary_key())
        .col(timestamp_with_time_zone("at"))
        .col(string_len("role", 16))
        .col(text("actor"))
        .col(string_len("way", 16))
        .col(string_len("action", 64))
        .col(text_null("desk"))
        .col(uuid_null("ticket_id"))
        .col(text_null("target"))
        .col(text_null("request_id"))
        .col(json("details"))
        .to_owned()
}
