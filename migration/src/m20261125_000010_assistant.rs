//! What the language model costs, and what the assistant keeps of a ticket: its summary and its counts.

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
        manager.create_table(llm_call()).await?;
        manager.create_table(token_count()).await?;
        for sql in INDEXES {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["token_count", "llm_call"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for column in ticket_columns() {
            let column = column.get_column_name().to_owned();
            manager.alter_table(Table::alter().table("ticket").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 3] = [
    // What a desk costs in a span of time.
    "CREATE INDEX llm_call_desk ON llm_call (desk, created_at)",
    "CREATE INDEX llm_call_ticket ON llm_call (ticket_id) WHERE ticket_id IS NOT NULL",
    // For the erasure of a customer.
    "CREATE INDEX llm_call_customer ON llm_call (customer_key) WHERE customer_key IS NOT NULL",
];

fn ticket_columns() -> Vec<ColumnDef> {
    vec![
        text_null("context_summary").take(),
        big_integer_null("context_summary_upto").take(),
        big_integer("episode_answers").default(0).take(),
        big_integer("nothing_found").default(0).take(),
    ]
}

fn llm_call() -> TableCreateStatement {
    Table::create()
        .table("llm_call")
        .col(uuid("id").primary_key())
        .col(timestamp_with_time_zone("created_at"))
        .col(text("desk"))
        .col(uuid_null("ticket_id"))
        .col(text_null("customer_key"))
        .col(text("model"))
        .col(text("endpoint"))
        .col(string_len("purpose", 16))
        .col(big_integer("prompt_tokens"))
        .col(big_integer("completion_tokens"))
        .col(boolean("estimated"))
        .col(big_integer("latency_ms"))
        .col(string_len("outcome", 16))
        .to_owned()
}

fn token_count() -> TableCreateStatement {
    Table::create()
        .table("token_count")
        .col(string_len("scope", 16))
        .col(string_len("period", 16))
        .col(text("key"))
        .col(big_integer("tokens"))
        // In this order, so that the days that are over are a range.
        .primary_key(Index::create().col("scope").col("period").col("key"))
        .to_owned()
}
