//! A desk: what the configuration says of it.

use std::time::Duration;

use jid::BareJid;

use super::{Avatar, Hours, Rules, Texts};

/// A desk as the domain knows it.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The localpart of its address.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it is for, in a sentence or two that customers see; may be empty.
    pub description: String,
    /// Its picture.
    pub avatar: Avatar,
    /// The times of its lifecycle.
    pub rules: Rules,
    /// When people are there.
    pub hours: Hours,
    /// What it says by itself.
    pub texts: Texts,
    /// Its agents by configuration; more may be bound over REST.
    pub agents: Vec<DeskAgent>,
    /// How much one customer may ask for.
    pub limits: Limits,
    /// After how long an answer that is still being made is announced by a line; `None` says nothing.
    pub still_looking_after: Option<Duration>,
    /// Whether the assistant answers here; else a new ticket goes straight to people.
    pub assistant: bool,
    /// Whether pages are proposed from what agents answer.
    pub learning: bool,
    /// How long a ticket stays after it was closed; `None` is for ever.
    pub retention: Option<Duration>,
}

/// An agent that the configuration gives to a desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskAgent {
    /// The agent's own address, never on our domain.
    pub jid: BareJid,
    /// What colleagues call the agent.
    pub name: Option<String>,
}

/// How much may be asked of a desk; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages in a minute.
    pub messages_per_minute: Option<u32>,
    /// New tickets in a day.
    pub new_tickets_per_day: Option<u32>,
    /// Answers of the assistant in one episode of a ticket.
    pub answers_per_ticket: Option<u32>,
    /// Tokens of the language model for one customer in a day.
    pub tokens_per_customer_day: Option<u64>,
    /// Tokens of the language model for all of the desk's customers in a month.
    pub tokens_per_desk_month: Option<u64>,
}

impl Limits {
    /// No limit at all.
    pub const NONE: Self = Self {
        messages_per_minute: None,
        new_tickets_per_day: None,
        answers_per_ticket: None,
        tokens_per_customer_day: None,
        tokens_per_desk_month: None,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            messages_per_minute: Some(20),
            new_tickets_per_day: Some(20),
            answers_per_ticket: Some(50),
            tokens_per_customer_day: Some(500_000),
            tokens_per_desk_month: Some(50_000_000),
        }
    }
}

impl Desk {
    /// A desk that is always open, with the assistant, English texts, no agents and the default picture, times and limits.
    #[must_use]
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            description: String::new(),
            avatar: Avatar::default(),
            rules: Rules::default(),
            hours: Hours::default(),
            texts: Texts::default(),
            agents: Vec::new(),
            limits: Limits::default(),
            still_looking_after: None,
            assistant: true,
            learning: false,
            retention: None,
        }
    }
}
