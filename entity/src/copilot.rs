//! What an agent asks the assistant for in a ticket: kept until the ticket's conversation has changed.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// A suggestion or a summary: asked for, made, or failed. There is one of each kind, state of the conversation and hint.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "copilot")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub ticket_id: Uuid,
    pub kind: Kind,
    /// What the agent wants to say; empty where nothing was given.
    pub hint: String,
    /// The state of the conversation that it is about: changes with lines, corrections, retractions and notes.
    pub based_on: String,
    pub state: State,
    /// What was made.
    pub text: Option<String>,
    /// The pages it rests on, as `[{"title", "url"}]`.
    pub citations: Json,
    /// Who made it.
    pub source: Option<Source>,
    /// Why it failed.
    pub reason: Option<String>,
    pub created_at: ChronoDateTimeUtc,
    pub done_at: Option<ChronoDateTimeUtc>,
    /// Until when it is `worker`'s, on a shared database.
    pub lease_until: Option<ChronoDateTimeUtc>,
    pub worker: Option<Uuid>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Kind {
    /// A draft of the agent's next reply.
    #[sea_orm(string_value = "suggestion")]
    Suggestion,
    /// What the ticket is about, in a few lines.
    #[sea_orm(string_value = "summary")]
    Summary,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum State {
    /// Still to be made.
    #[sea_orm(string_value = "pending")]
    Pending,
    #[sea_orm(string_value = "done")]
    Done,
    /// Could not be made; who asks again has it tried again.
    #[sea_orm(string_value = "failed")]
    Failed,
}

/// Who made a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Source {
    /// A language model.
    #[sea_orm(string_value = "model")]
    Model,
    /// Rules alone: it is quoted, not written.
    #[sea_orm(string_value = "rules")]
    Rules,
}

impl ActiveModelBehavior for ActiveModel {}
