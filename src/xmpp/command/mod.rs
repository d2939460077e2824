//! Commands: what customers and agents ask for besides talking. The same ones come as ad-hoc commands (XEP-0050) with
//! forms (XEP-0004) and as plain words such as `/human`, so that a client without forms loses nothing.
//!
//! Both ways end in an order, a plain value: `words` reads one from a line of chat, `fields` from a form. `run` carries
//! it out by the domain, which alone decides who may. `adhoc` and `form` translate XML, `place` says what is at an
//! address, `sessions` remembers forms that are being filled in and `stages` goes through them; `serve` answers, and
//! each command is an `errand` of its own; what waits for a model is `copilot`'s; `exported` knows who had a long export
//! lately.

pub mod adhoc;
pub mod copilot;
pub mod errand;
mod exported;
pub mod fields;
pub mod form;
mod place;
pub mod run;
pub mod serve;
pub mod sessions;
mod stages;
pub mod words;

use std::time::Duration;

use deskbridge_entity::{agent::Duty, ticket::Priority};

use crate::helpdesk::texts::Text;

/// What a customer asks a desk for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// A new ticket, with its first words if they came along.
    New(Option<String>),
    /// The list of the customer's tickets.
    Tickets,
    /// How the ticket stands.
    Status,
    /// A person, and why.
    Human(Option<String>),
    /// It is done.
    Resolve,
    /// To go on with what was done.
    Reopen,
    /// Everything that was said, as text.
    Export,
    /// Everything gone; without a confirmation it only asks for one.
    Erase {
        /// Whether the customer is sure.
        confirmed: bool,
    },
    /// What there is to ask for.
    Help,
}

impl Own {
    /// Whether it changes something; the rest only reads.
    #[must_use]
    pub const fn is_change(&self) -> bool {
        match self {
            Self::New(_) | Self::Human(_) | Self::Resolve | Self::Reopen | Self::Erase { confirmed: true } => true,
            Self::Tickets | Self::Status | Self::Export | Self::Erase { confirmed: false } | Self::Help => false,
        }
    }
}

/// What an agent asks a desk for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtDesk {
    /// The tickets that wait for a person.
    Queue,
    /// The tickets that the agent has.
    Mine,
    /// To be told of tickets, or not, or as the chat client shows; `None` asks how it is.
    Duty(Option<Duty>),
}

/// What an agent asks a ticket's own address for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtTicket {
    /// To have it.
    Claim,
    /// To give it back: to the assistant, with what it should know, or to the queue.
    Release {
        /// To colleagues rather than to the assistant.
        to_queue: bool,
        /// What the assistant is told; made from the conversation if it is missing.
        summary: Option<String>,
    },
    /// An internal note.
    Note(String),
    /// A line to the customer.
    Reply(String),
    /// It is done.
    Resolve,
    /// To take up again what was done.
    Reopen,
    /// Not to hear of it for a while.
    Snooze(Snooze),
    /// To give it to the agent of this id or JID.
    Assign(String),
    /// Another priority.
    Priority(Priority),
    /// Other tags; `None` asks which there are.
    Tags(Option<Vec<String>>),
    /// To talk in a room (XEP-0045).
    Room,
    /// The last messages, this many.
    History(usize),
    /// What it is about and how it stands.
    Summary,
    /// A draft of the next reply, with what the agent wants to say.
    Suggest(Option<String>),
    /// To send what was suggested last.
    SendSuggestion,
    /// What there is to ask for.
    Help,
}

/// Until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snooze {
    /// For so long.
    For(Duration),
    /// Nine o'clock of the next day by the desk's clock.
    Tomorrow,
    /// No longer.
    Off,
}

/// What somebody asks a desk's address for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeskOrder {
    /// Everybody may.
    Own(Own),
    /// Agents of the desk may.
    Staff(AtDesk),
}

/// A command, by itself: what XEP-0050 calls a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the orders of the same names say what each is for")]
pub enum Command {
    New,
    Tickets,
    Status,
    Human,
    Resolve,
    Reopen,
    Export,
    Erase,
    Help,
    Queue,
    Mine,
    Duty,
    Claim,
    Release,
    Note,
    Reply,
    ResolveTicket,
    ReopenTicket,
    Snooze,
    Assign,
    Priority,
    Tags,
    Room,
    History,
    Summary,
    Suggest,
    Send,
}

impl Command {
    /// A customer's, in the order in which clients list them.
    pub const OWN: [Self; 9] = [
        Self::New,
        Self::Tickets,
        Self::Status,
        Self::Human,
        Self::Resolve,
        Self::Reopen,
        Self::Export,
        Self::Erase,
        Self::Help,
    ];
    /// An agent's at a desk.
    pub const AT_DESK: [Self; 3] = [Self::Queue, Self::Mine, Self::Duty];
    /// An agent's at a ticket.
    pub const AT_TICKET: [Self; 15] = [
        Self::Claim,
        Self::Release,
        Self::Reply,
        Self::Note,
        Self::ResolveTicket,
        Self::ReopenTicket,
        Self::Snooze,
        Self::Assign,
        Self::Priority,
        Self::Tags,
        Self::Room,
        Self::History,
        Self::Summary,
        Self::Suggest,
        Self::Send,
    ];

    /// All of them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        [&Self::OWN[..], &Self::AT_DESK, &Self::AT_TICKET].concat()
    }

    /// The node, which is also the plain word behind the slash.
    #[must_use]
    pub const fn node(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Tickets => "tickets",
            Self::Status => "status",
            Self::Human => "human",
            Self::Resolve | Self::ResolveTicket => "resolve",
            Self::Reopen | Self::ReopenTicket => "reopen",
            Self::Export => "export",
            Self::Erase => "erase",
            Self::Help => "help",
            Self::Queue => "queue",
            Self::Mine => "mine",
            Self::Duty => "duty",
            Self::Claim => "claim",
            Self::Release => "release",
            Self::Note => "note",
            Self::Reply => "reply",
            Self::Snooze => "snooze",
            Self::Assign => "assign",
            Self::Priority => "priority",
            Self::Tags => "tags",
            Self::Room => "room",
            Self::History => "history",
            Self::Summary => "summary",
            Self::Suggest => "suggest",
            Self::Send => "send",
        }
    }

    /// The command of this node among `commands`.
    #[must_use]
    pub fn named(commands: &[Self], node: &str) -> Option<Self> {
        commands.iter().copied().find(|command| command.node() == node)
    }

    /// What it is called: customers read it in the desk's language, agents in English.
    #[must_use]
    pub const fn label(self) -> Label {
        match self {
            Self::New => Label::Text(Text::CommandNew),
            Self::Tickets => Label::Text(Text::CommandTickets),
            Self::Status => Label::Text(Text::CommandStatus),
            Self::Human => Label::Text(Text::CommandHuman),
            Self::Resolve => Label::Text(Text::CommandResolve),
            Self::Reopen => Label::Text(Text::CommandReopen),
            Self::Export => Label::Text(Text::CommandExport),
            Self::Erase => Label::Text(Text::CommandErase),
            Self::Help => Label::Text(Text::CommandHelp),
            Self::Queue => Label::Words("Tickets that wait"),
            Self::Mine => Label::Words("My tickets as an agent"),
            Self::Duty => Label::Words("On or off duty"),
            Self::Claim => Label::Words("Claim"),
            Self::Release => Label::Words("Release"),
            Self::Note => Label::Words("Add a note"),
            Self::Reply => Label::Words("Reply"),
            Self::ResolveTicket => Label::Words("Resolve"),
            Self::ReopenTicket => Label::Words("Reopen"),
            Self::Snooze => Label::Words("Snooze"),
            Self::Assign => Label::Words("Assign (admins)"),
            Self::Priority => Label::Words("Set the priority"),
            Self::Tags => Label::Words("Set the tags"),
            Self::Room => Label::Words("Talk in a room"),
            Self::History => Label::Words("History"),
            Self::Summary => Label::Words("Summary"),
            Self::Suggest => Label::Words("Suggest a reply"),
            Self::Send => Label::Words("Send the suggestion"),
        }
    }
}

/// What something is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// One of the desk's texts.
    Text(Text),
    /// These words.
    Words(&'static str),
}
