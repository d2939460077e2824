//! What the language model was asked, and what it cost.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// One call. What it was about is not here; when its customer is erased, nothing in it leads there any more.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "llm_call")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: ChronoDateTimeUtc,
    /// The desk's name.
    pub desk: String,
    /// NULL when it was for no ticket, or for one that was erased.
    pub ticket_id: Option<Uuid>,
    /// A hash of the customer's bare JID; NULL as `ticket_id` is.
    pub customer_key: Option<String>,
    /// The model's name.
    pub model: String,
    /// The endpoint's name in the configuration.
    pub endpoint: String,
    pub purpose: Purpose,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    /// Whether the tokens are our estimate, because the endpoint did not say.
    pub estimated: bool,
    /// Milliseconds until it ended, however it did.
    pub latency_ms: i64,
    pub outcome: Outcome,
}

/// What a call was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Purpose {
    /// An answer to a customer.
    #[sea_orm(string_value = "answer")]
    Answer,
    /// A summary of what was said long ago.
    #[sea_orm(string_value = "summary")]
    Summary,
    /// A suggested reply for an agent.
    #[sea_orm(string_value = "suggestion")]
    Suggestion,
    /// A page made of what people answered.
    #[sea_orm(string_value = "learning")]
    Learning,
    /// The words to look a question up by.
    #[sea_orm(string_value = "query")]
    Query,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Outcome {
    /// It was understood.
    #[sea_orm(string_value = "ok")]
    Ok,
    /// The answer could not be used.
    #[sea_orm(string_value = "malformed")]
    Malformed,
    /// No answer in time.
    #[sea_orm(string_value = "timeout")]
    Timeout,
    /// The endpoint refused it.
    #[sea_orm(string_value = "rejected")]
    Rejected,
    /// The endpoint takes no more for now.
    #[sea_orm(string_value = "rate_limited")]
    RateLimited,
    /// Nobody was there.
    #[sea_orm(string_value = "unreachable")]
    Unreachable,
    /// We gave it up, as when the customer wrote on.
    #[sea_orm(string_value = "cancelled")]
    Cancelled,
}

impl ActiveModelBehavior for ActiveModel {}
