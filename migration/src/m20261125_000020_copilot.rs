//! What the assistant makes for agents, and what it proposes to learn from them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(copilot()).await?;
        manager.create_table(proposal()).await?;
        for sql in INDEXES {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["proposal", "copilot"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 5] = [
    // Who asks for the same at once gets the same.
    "CREATE UNIQUE INDEX copilot_key ON copilot (ticket_id, kind, based_on, hint)",
    "CREATE INDEX copilot_pending ON copilot (created_at) WHERE state = 'pending'",
    // A ticket teaches once; what its erased customers leave behind belongs to none.
    "CREATE UNIQUE INDEX proposal_ticket ON proposal (ticket_id)",
    "CREATE INDEX proposal_desk ON proposal (desk, state, id)",
    "CREATE INDEX proposal_work ON proposal (created_at) WHERE state = 'due' OR (state = 'approved' AND page IS NULL)",
];

fn copilot() -> TableCreateStatement {
    Table::create()
        .table("copilot")
        .col(uuid("id").primary_key())
        .col(uuid("ticket_id"))
        .col(string_len("kind", 16))
        .col(text("hint"))
        .col(string_len("based_on", 48))
        .col(string_len("state", 16))
        .col(text_null("text"))
        .col(json("citations").default("[]"))
        .col(string_len_null("source", 16))
        .col(text_null("reason"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("done_at"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(uuid_null("worker"))
        .foreign_key(
            ForeignKey::create().from("copilot", "ticket_id").to("ticket", "id").on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn proposal() -> TableCreateStatement {
    Table::create()
        .table("proposal")
        .col(uuid("id").primary_key())
        .col(text("desk"))
        .col(uuid_null("ticket_id"))
        .col(string_len("state", 16))
        .col(text_null("title"))
        .col(text_null("question"))
        .col(text_null("answer"))
        .col(string_len_null("source", 16))
        .col(text_null("reason"))
        .col(text_null("page"))
        .col(text_null("similar_to"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("decided_at"))
        .col(text_null("decided_by"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(uuid_null("worker"))
        .foreign_key(
            ForeignKey::create().from("proposal", "ticket_id").to("ticket", "id").on_delete(ForeignKeyAction::SetNull),
        )
        .to_owned()
}
