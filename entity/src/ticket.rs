//! One conversation of one customer with one desk, from open to closed.
#![expect(missing_docs, reason = "sea-orm's model macro generates undocumented items")]

use sea_orm::entity::prelude::*;

/// A ticket. Its rules are in `helpdesk::lifecycle`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ticket")]
pub struct Model {
    /// UUIDv7, so ids sort by creation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The desk's name: the localpart of its address.
    pub desk: String,
    /// The customer's bare JID.
    pub customer: String,
    /// The resource the customer wrote from last, if any.
    pub customer_resource: Option<String>,
    /// Whether the client that wrote last understands chat states (XEP-0085).
    pub customer_has_chat_states: bool,
    /// At most 60 characters; cut from the first line until the assistant names the ticket.
    pub subject: String,
    /// Whether the assistant or a person has named the ticket.
    pub subject_is_named: bool,
    pub status: Status,
    pub handler: Handler,
    pub priority: Priority,
    /// Who handles the ticket while `handler` is `agent`.
    pub agent: Option<String>,
    /// Counts what a running draft must not survive: a draft commits only if it is unchanged.
    pub epoch: i64,
    /// Counts every change, for optimistic locking over REST.
    pub version: i64,
    /// The same for the customer: counts the changes that it is shown.
    pub shown_version: i64,
    /// When that was raised.
    pub shown_at: ChronoDateTimeUtc,
    /// When the assistant owes an answer; NULL when it owes none. The row is the queue.
    pub reply_due_at: Option<ChronoDateTimeUtc>,
    /// Until when a worker has the ticket to itself.
    pub reply_lease_until: Option<ChronoDateTimeUtc>,
    /// The worker that holds the lease.
    pub reply_worker: Option<Uuid>,
    /// Since when the customer waits for a person; kept until one has answered.
    pub waiting_since: Option<ChronoDateTimeUtc>,
    /// Why the ticket was handed off, in words for an agent.
    pub hand_off_reason: Option<String>,
    /// The last twelve hexadecimal digits of the id: the ticket's own address is `t-<short_id>@<domain>`.
    #[sea_orm(unique)]
    pub short_id: String,
    /// Until when the staff wants to hear nothing of it.
    pub snoozed_until: Option<ChronoDateTimeUtc>,
    /// When the customer was asked whether anything is left, since the last line.
    pub nudged_at: Option<ChronoDateTimeUtc>,
    /// When the agent took it, or last did something in it.
    pub claimed_at: Option<ChronoDateTimeUtc>,
    /// Not before then has the sweep anything to do here; NULL when it never has.
    pub step_at: Option<ChronoDateTimeUtc>,
    /// The assistant sees messages behind this number only: people had the ticket up to there.
    pub episode_from: Option<i64>,
    /// What the assistant is told of what stands before.
    pub episode_summary: Option<String>,
    /// What was said behind the marker and before `context_summary_upto`, for the assistant, once that is too long to be
    /// repeated.
    pub context_summary: Option<String>,
    /// The number of the last message that the summary covers.
    pub context_summary_upto: Option<i64>,
    /// Answers of the assistant behind the marker.
    pub episode_answers: i64,
    /// How many questions in a row the knowledge had nothing for.
    pub nothing_found: i64,
    /// How it was resolved: `agent`, `customer`, `assistant` or `idle`.
    pub resolution: Option<String>,
    /// Words that the staff or the assistant sorts tickets by, as a JSON list.
    pub tags: Json,
    /// The room (XEP-0045) that the ticket was taken to, while there is one: its bare JID.
    pub room: Option<String>,
    /// Up to when the notices about the conversation use up what agents bear of them.
    pub notices_until: Option<ChronoDateTimeUtc>,
    /// When agents are told that it waits, if that was one notice too many before.
    pub notice_due_at: Option<ChronoDateTimeUtc>,
    /// The ticket of the same customer and desk before this one.
    pub previous_ticket_id: Option<Uuid>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub last_message_at: ChronoDateTimeUtc,
    pub resolved_at: Option<ChronoDateTimeUtc>,
    pub closed_at: Option<ChronoDateTimeUtc>,
    #[sea_orm(has_many)]
    pub messages: HasMany<super::message::Entity>,
}

/// Who owes the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Status {
    /// We owe an answer.
    #[sea_orm(string_value = "OPEN")]
    Open,
    /// The customer owes the next step.
    #[sea_orm(string_value = "PENDING")]
    Pending,
    /// A person is asked for and none has claimed; the assistant is silent.
    #[sea_orm(string_value = "ESCALATED")]
    Escalated,
    /// Done; the customer's next line reopens it for a while.
    #[sea_orm(string_value = "RESOLVED")]
    Resolved,
    /// Final.
    #[sea_orm(string_value = "CLOSED")]
    Closed,
}

/// Who may speak to the customer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Handler {
    #[sea_orm(string_value = "assistant")]
    Assistant,
    #[sea_orm(string_value = "agent")]
    Agent,
    #[sea_orm(string_value = "none")]
    None,
}

/// How urgent a ticket is; ordered from low to urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Priority {
    #[sea_orm(string_value = "LOW")]
    Low,
    #[sea_orm(string_value = "NORMAL")]
    Normal,
    #[sea_orm(string_value = "HIGH")]
    High,
    #[sea_orm(string_value = "URGENT")]
    Urgent,
}

impl ActiveModelBehavior for ActiveModel {}
