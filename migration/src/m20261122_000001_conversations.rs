//! Tickets, messages, the event log, presence and subscriptions.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// A nullable UTC time.
fn time_null(name: &'static str) -> ColumnDef {
    timestamp_with_time_zone_null(name)
}

/// A UTC time.
fn time(name: &'static str) -> ColumnDef {
    timestamp_with_time_zone(name)
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(ticket()).await?;
        manager.create_table(message()).await?;
        manager.create_table(event()).await?;
        manager.create_table(counter()).await?;
        manager.create_table(presence()).await?;
        manager.create_table(subscription()).await?;
        let db = manager.get_connection();
        for sql in INDEXES {
            db.execute_unprepared(sql).await?;
        }
        db.execute_unprepared("INSERT INTO counter (name, value) VALUES ('event', 0)").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["subscription", "presence", "counter", "event", "message", "ticket"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

/// Both databases read these as they stand: partial indexes keep the queues small whatever the tables hold.
const INDEXES: [&str; 12] = [
    // One live ticket per desk and customer: the promise is the database's to keep.
    "CREATE UNIQUE INDEX ticket_live ON ticket (desk, customer) WHERE status IN ('OPEN', 'PENDING', 'ESCALATED')",
    "CREATE INDEX ticket_customer ON ticket (customer, last_message_at, id)",
    "CREATE INDEX ticket_activity ON ticket (last_message_at, id)",
    "CREATE INDEX ticket_status_activity ON ticket (status, last_message_at, id)",
    "CREATE INDEX ticket_desk_activity ON ticket (desk, last_message_at, id)",
    "CREATE INDEX ticket_reply_due ON ticket (reply_due_at) WHERE reply_due_at IS NOT NULL",
    "CREATE INDEX message_ticket ON message (ticket_id, seq)",
    "CREATE INDEX message_unsent ON message (seq) WHERE outbound AND sent_at IS NULL AND failed_at IS NULL",
    "CREATE INDEX message_sender_key ON message (sender_key) WHERE sender_key IS NOT NULL",
    "CREATE INDEX message_archive_key ON message (archive_key) WHERE archive_key IS NOT NULL",
    "CREATE INDEX presence_bare ON presence (bare)",
    "CREATE INDEX event_ticket ON event (ticket_id, seq) WHERE ticket_id IS NOT NULL",
];

fn ticket() -> TableCreateStatement {
    Table::create()
        .table("ticket")
        .col(uuid("id").primary_key())
        .col(text("desk"))
        .col(text("customer"))
        .col(text_null("customer_resource"))
        .col(boolean("customer_has_chat_states"))
        .col(text("subject"))
        .col(boolean("subject_is_named"))
        .col(string_len("status", 16))
        .col(string_len("handler", 16))
        .col(string_len("priority", 16))
        .col(text_null("agent"))
        .col(big_integer("epoch"))
        .col(big_integer("version"))
        .col(time_null("reply_due_at"))
        .col(time_null("reply_lease_until"))
        .col(uuid_null("reply_worker"))
        .col(time_null("waiting_since"))
        .col(text_null("hand_off_reason"))
        .col(uuid_null("previous_ticket_id"))
        .col(time("created_at"))
        .col(time("updated_at"))
        .col(time("last_message_at"))
        .col(time_null("resolved_at"))
        .col(time_null("closed_at"))
        .to_owned()
}

fn message() -> TableCreateStatement {
    Table::create()
        .table("message")
        .col(uuid("id").primary_key())
        .col(uuid("ticket_id"))
        .col(big_integer("seq").unique_key())
        .col(string_len("author", 16))
        .col(text_null("author_id"))
        .col(text_null("author_name"))
        .col(string_len("visibility", 16))
        .col(text("body"))
        .col(text_null("sender_key"))
        .col(text_null("archive_key"))
        .col(text_null("stanza_id"))
        .col(boolean("outbound"))
        .col(time("created_at"))
        .col(time_null("sent_at"))
        .col(time_null("delivered_at"))
        .col(time_null("read_at"))
        .col(time_null("failed_at"))
        .col(text_null("failure"))
        .foreign_key(
            ForeignKey::create().from("message", "ticket_id").to("ticket", "id").on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn event() -> TableCreateStatement {
    Table::create()
        .table("event")
        .col(big_integer("seq").primary_key())
        .col(text("kind"))
        .col(uuid_null("ticket_id"))
        .col(uuid_null("message_id"))
        .col(json("data"))
        .col(time("created_at"))
        .to_owned()
}

fn counter() -> TableCreateStatement {
    Table::create().table("counter").col(string_len("name", 32).primary_key()).col(big_integer("value")).to_owned()
}

fn presence() -> TableCreateStatement {
    Table::create()
        .table("presence")
        .col(text("jid").primary_key())
        .col(text("bare"))
        .col(boolean("available"))
        .col(text_null("show"))
        .col(text_null("text"))
        .col(string_len("source", 16))
        .col(time("updated_at"))
        .to_owned()
}

fn subscription() -> TableCreateStatement {
    Table::create()
        .table("subscription")
        .col(text("desk"))
        .col(text("jid"))
        .col(time("created_at"))
        .primary_key(Index::create().col("desk").col("jid"))
        .to_owned()
}
