//! What the XMPP server tells of its rooms and of who is in them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(server_room()).await?;
        manager.create_table(server_occupant()).await?;
        for sql in INDEXES {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["server_occupant", "server_room"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 6] = [
    "CREATE UNIQUE INDEX server_room_session ON server_room (session)",
    // A room lives one life at a time.
    "CREATE UNIQUE INDEX server_room_open ON server_room (jid) WHERE created_at IS NOT NULL AND ended_at IS NULL",
    "CREATE INDEX server_room_listed ON server_room (noted_at, id)",
    "CREATE UNIQUE INDEX server_occupant_key ON server_occupant (room_id, jid)",
    "CREATE INDEX server_occupant_listed ON server_occupant (room_id, noted_at, id)",
    // For those who want everything of theirs erased.
    "CREATE INDEX server_occupant_bare ON server_occupant (bare)",
];

fn server_room() -> TableCreateStatement {
    Table::create()
        .table("server_room")
        .col(uuid("id").primary_key())
        .col(text("session"))
        .col(text("jid"))
        .col(text("name"))
        .col(timestamp_with_time_zone("noted_at"))
        .col(timestamp_with_time_zone_null("created_at"))
        .col(timestamp_with_time_zone_null("ended_at"))
        .to_owned()
}

fn server_occupant() -> TableCreateStatement {
    Table::create()
        .table("server_occupant")
        .col(uuid("id").primary_key())
        .col(uuid("room_id"))
        .col(text("jid"))
        .col(text("bare"))
        .col(text("nick"))
        .col(string_len("role", 16))
        .col(text_null("email"))
        .col(text_null("avatar"))
        .col(text_null("user_agent"))
        .col(text_null("ip"))
        .col(timestamp_with_time_zone("noted_at"))
        .col(timestamp_with_time_zone_null("joined_at"))
        .col(timestamp_with_time_zone_null("changed_at"))
        .col(timestamp_with_time_zone_null("left_at"))
        .foreign_key(
            ForeignKey::create()
                .from("server_occupant", "room_id")
                .to("server_room", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
