//! Question and answer that a desk's knowledge may gain from what an agent has answered. Nothing is learned before a
//! person has approved it.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// A page that is proposed, or was.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "proposal")]
pub struct Model {
    /// UUIDv7; its end is in the page's file name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub desk: String,
    /// The ticket it comes from; NULL when that was erased.
    pub ticket_id: Option<Uuid>,
    pub state: State,
    /// The page's title, where an agent gave one; else the question is.
    pub title: Option<String>,
    pub question: Option<String>,
    pub answer: Option<String>,
    pub source: Option<super::copilot::Source>,
    /// Why it was discarded or rejected, or why its page could not be written.
    pub reason: Option<String>,
    /// The page's path in the desk's knowledge folder, once it is written.
    pub page: Option<String>,
    /// The page, or the id of the proposal, that says nearly the same.
    pub similar_to: Option<String>,
    /// Counts its changes.
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub decided_at: Option<ChronoDateTimeUtc>,
    /// The id of the agent who approved or rejected it.
    pub decided_by: Option<String>,
    /// Until when it is `worker`'s, on a shared database.
    pub lease_until: Option<ChronoDateTimeUtc>,
    pub worker: Option<Uuid>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum State {
    /// The ticket was resolved; nothing is made of it yet.
    #[sea_orm(string_value = "due")]
    Due,
    /// An agent is to decide.
    #[sea_orm(string_value = "proposed")]
    Proposed,
    /// A page, or one as soon as it is written.
    #[sea_orm(string_value = "approved")]
    Approved,
    #[sea_orm(string_value = "rejected")]
    Rejected,
    /// There was nothing to learn.
    #[sea_orm(string_value = "discarded")]
    Discarded,
}

impl ActiveModelBehavior for ActiveModel {}
