//! A line of a customer: what comes in, and what became of it.

use chrono::{DateTime, Utc};
use deskbridge_entity::message;
use jid::BareJid;
use uuid::Uuid;

use super::{ClientId, lifecycle_feedback::Pace};

/// What a customer wrote to a desk.
#[derive(Clone, Debug)]
pub struct Line {
    /// The desk's name.
    pub desk: String,
    /// Who wrote.
    pub customer: BareJid,
    /// From which resource.
    pub resource: Option<String>,
    /// Whether the client understands chat states (XEP-0085); `None` where there is no client, as over REST.
    pub chat_states: Option<bool>,
    /// The text, with the URL of every file in it.
    pub body: String,
    /// Where the files are that came with it.
    pub files: Vec<String>,
    /// The id the sender's client gave the stanza: known again only together with sender and text.
    pub stanza_id: Option<String>,
    /// The id an archive of the sender's server or ours gave it (XEP-0359), with the archive's name in it.
    pub archive_id: Option<String>,
    /// When it was written, if the server delayed it (XEP-0203).
    pub written_at: Option<DateTime<Utc>>,
    /// The id that the sender's client gave an earlier line, which this one corrects (XEP-0308).
    pub corrects: Option<String>,
    /// The id of the message that it replies to (XEP-0461): one of ours, or the one that its sender's client gave an earlier
    /// line.
    pub reply_to: Option<String>,
    /// The sender's client would like to know when it was read (XEP-0333).
    pub markable: bool,
    /// What the program knows it by that sent it over REST.
    pub client_id: Option<ClientId>,
}

impl Line {
    /// A line that came without a stanza of its own, as over REST.
    #[must_use]
    pub fn plain(desk: String, customer: BareJid, resource: Option<String>, body: String) -> Self {
        Self {
            desk,
            customer,
            resource,
            chat_states: None,
            body,
            files: Vec::new(),
            stanza_id: None,
            archive_id: None,
            written_at: None,
            corrects: None,
            reply_to: None,
            markable: false,
            client_id: None,
        }
    }
}

/// A message, as whoever wrote it learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub message: Uuid,
    /// Since when it is there.
    pub at: DateTime<Utc>,
    /// It was there before: nothing happened now.
    pub is_duplicate: bool,
}

impl Stored {
    /// It is new.
    pub(in crate::helpdesk) fn now(message: Uuid, at: DateTime<Utc>) -> Self {
        Self { message, at, is_duplicate: false }
    }

    /// It was there.
    pub(in crate::helpdesk) fn before(known: &message::Model) -> Self {
        Self { message: known.id, at: known.created_at, is_duplicate: true }
    }
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The ticket it belongs to.
    pub ticket: Uuid,
    /// The stored message.
    pub message: Uuid,
    /// It was stored before: nothing happened now.
    pub is_duplicate: bool,
    /// It opened the ticket.
    pub opened: bool,
    /// How fast it came.
    pub pace: Pace,
}
