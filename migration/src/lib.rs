//! The steps that bring a database to the newest schema. They never use the entities: an old step must not
//! change when a model does.

use sea_orm_migration::prelude::*;
pub use sea_orm_migration::{MigratorTrait, prelude::DbErr};

mod m20261122_000001_conversations;
mod m20261123_000001_people;
mod m20261123_000002_rooms;
mod m20261125_000001_limits;
mod m20261125_000002_hints;
mod m20261125_000010_assistant;
mod m20261125_000020_copilot;
mod m20261125_000021_usage_index;
mod m20261125_000022_server_events;
mod m20261126_000023_webhooks;
mod m20261126_000024_idempotency;
mod m20261126_000025_audit;
mod m20261126_000027_api_keys;
mod m20261126_000028_presence_told;
mod m20261126_000029_erased_index;
mod m20261126_000030_shown_version;

/// All steps, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_conversations::Migration),
            Box::new(m20261123_000001_people::Migration),
            Box::new(m20261123_000002_rooms::Migration),
            Box::new(m20261125_000001_limits::Migration),
            Box::new(m20261125_000002_hints::Migration),
            Box::new(m20261125_000010_assistant::Migration),
            Box::new(m20261125_000020_copilot::Migration),
            Box::new(m20261125_000021_usage_index::Migration),
            Box::new(m20261125_000022_server_events::Migration),
            Box::new(m20261126_000023_webhooks::Migration),
            Box::new(m20261126_000024_idempotency::Migration),
            Box::new(m20261126_000025_audit::Migration),
            Box::new(m20261126_000027_api_keys::Migration),
            Box::new(m20261126_000028_presence_told::Migration),
            Box::new(m20261126_000029_erased_index::Migration),
            Box::new(m20261126_000030_shown_version::Migration),
        ]
    }
}
