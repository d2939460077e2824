//! What goes over the wire, rendered once for all who are shown the same.

use bytes::Bytes;
use deskbridge_entity::{event, message::Author};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::{
    log::ChangeOut,
    wire::{self, AvailabilityWord, TellerWord, Timestamp, TypistWord},
};
use crate::helpdesk::{Appearance, Caller, Changes, Helpdesk, Reach, Role, Stage};

/// After how many milliseconds a browser comes again.
const RETRY: u32 = 3_000;

/// How the stream begins: behind which number. An event without data only sets the number that a client comes back with.
pub(super) fn opening(seq: i64) -> Bytes {
    format!("retry: {RETRY}\nid: {seq}\n\n").into()
}

/// A sign of life, with the number up to which nothing is for this listener: it need not be looked through again.
pub(super) fn heartbeat(seq: i64) -> Bytes {
    format!(":\nid: {seq}\n\n").into()
}

/// One event of the log as one caller is told of it.
pub(super) fn change(event: event::Model, page: &Changes, reader: &Caller, helpdesk: &Helpdesk) -> Bytes {
    let (seq, kind) = (event.seq, event.kind.clone());
    let id = format!("id: {seq}\n");
    written(&id, &kind, &ChangeOut::new(event, page, reader, helpdesk))
}

/// `data` of `typing`: somebody writes in a ticket, or no longer does.
#[derive(Serialize, ToSchema)]
#[schema(as = TypingEvent)]
pub(super) struct TypingOut {
    ticket_id: Uuid,
    #[schema(value_type = TypistWord)]
    by: &'static str,
    typing: bool,
    timestamp: Timestamp,
}

/// Somebody writes in a ticket. It has no number, as it is in no log.
pub(super) fn typing(ticket: Uuid, author: Author, typing: bool, at: Timestamp) -> Bytes {
    written("", "typing", &TypingOut { ticket_id: ticket, by: wire::author(author), typing, timestamp: at })
}

/// `data` of `draft`: how far the assistant is with an answer. Nobody has checked its text yet.
#[derive(Serialize, ToSchema)]
#[schema(as = DraftEvent)]
pub(super) struct DraftOut {
    ticket_id: Uuid,
    /// `begun`, `searching`, `writing` or `ended`.
    stage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    timestamp: Timestamp,
}

/// How far the assistant's draft is. It has no number, as it is in no log.
pub(super) fn draft(ticket: Uuid, stage: Stage, at: Timestamp) -> Bytes {
    let (stage, query, text) = match stage {
        Stage::Begun => ("begun", None, None),
        Stage::Searching { query } => ("searching", Some(query), None),
        Stage::Writing { text } => ("writing", None, Some(text)),
        Stage::Ended => ("ended", None, None),
    };
    written("", "draft", &DraftOut { ticket_id: ticket, stage, query, text, timestamp: at })
}

/// `data` of `presence`: somebody shows something else.
#[derive(Serialize, ToSchema)]
#[schema(as = PresenceEvent)]
pub(super) struct AppearanceOut<'a> {
    jid: &'a str,
    #[schema(value_type = AvailabilityWord)]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    show: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[schema(value_type = TellerWord)]
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_duty: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    desks: Option<&'a [String]>,
    timestamp: Timestamp,
}

/// Somebody shows something else, as each of all callers is told of it. Of what concerns several desks, who serves some is
/// told of these alone.
#[derive(Debug)]
pub(super) struct Seen {
    seen: Appearance,
    at: Timestamp,
    reach: Reach,
    /// To all others.
    whole: Bytes,
}

impl Seen {
    pub(super) fn new(seen: &Appearance, at: Timestamp) -> Self {
        let reach = Reach::Staff { desks: seen.desks.clone() };
        Self { whole: presence(seen, at), reach, seen: seen.clone(), at }
    }

    /// What this caller is told, if anything.
    pub(super) fn to(&self, reader: &Caller) -> Option<Bytes> {
        if !self.reach.includes(reader) {
            return None;
        }
        let cut = if reader.is_staff() { self.seen.cut_to(|desk| reader.serves(desk)) } else { None };
        Some(cut.map_or_else(|| self.whole.clone(), |cut| presence(&cut, self.at)))
    }
}

/// In the words that webhooks are told. It has no number: the log that `sync` reads is of tickets.
fn presence(seen: &Appearance, at: Timestamp) -> Bytes {
    let out = AppearanceOut {
        jid: &seen.jid,
        status: wire::availability(seen.available),
        show: seen.show.as_deref(),
        text: seen.text.as_deref(),
        source: seen.source.word(),
        agent_id: seen.agent(),
        on_duty: seen.on_duty,
        desks: seen.desks.as_deref(),
        timestamp: at,
    };
    written("", "presence", &out)
}

fn written(id: &str, kind: &str, data: &impl Serialize) -> Bytes {
    // JSON has no line breaks of its own. Nothing of ours fails to be JSON.
    let data = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
    format!("{id}event: {kind}\ndata: {data}\n\n").into()
}

/// One event of the log as each of all callers is told of it.
#[derive(Debug)]
pub(super) struct Told {
    pub seq: i64,
    reach: Reach,
    /// To everybody but customers, and but the one below.
    inside: Bytes,
    /// To the agent who wrote it.
    own: Option<(String, Bytes)>,
    /// To the ticket's customer.
    customer: Option<Bytes>,
}

impl Told {
    /// `None` of what nobody is told.
    pub(super) fn of(event: &event::Model, page: &Changes, helpdesk: &Helpdesk) -> Option<Self> {
        let reach = page.reach(event)?;
        let shown = |role, id: &str| {
            let reader = Caller { id: id.to_owned(), name: None, role, desks: None, scopes: Vec::new() };
            change(event.clone(), page, &reader, helpdesk)
        };
        let customer = match &reach {
            Reach::Ticket { is_public: false, .. } | Reach::Staff { .. } => None,
            Reach::Ticket { customer, .. } => Some(shown(Role::Customer, customer)),
            // It has no text, so nothing to leave out.
            Reach::Gone { .. } => Some(shown(Role::Customer, "")),
        };
        let message = event.message_id.and_then(|id| page.messages.get(&id));
        let agent = message.filter(|row| row.author == Author::Agent).and_then(|row| row.author_id.clone());
        let own = agent.map(|id| (id.clone(), shown(Role::Agent, &id)));
        Some(Self { seq: event.seq, inside: shown(Role::Service, ""), own, customer, reach })
    }

    /// What this caller is told, if anything.
    pub(super) fn to(&self, reader: &Caller) -> Option<&Bytes> {
        if !self.reach.includes(reader) {
            return None;
        }
        match &self.own {
            _ if reader.role == Role::Customer => self.customer.as_ref(),
            Some((id, own)) if reader.is_staff() && *id == reader.id => Some(own),
            _ => Some(&self.inside),
        }
    }

    pub(super) fn size(&self) -> usize {
        let own = self.own.as_ref().map_or(0, |(_, own)| own.len());
        self.inside.len() + own + self.customer.as_ref().map_or(0, Bytes::len)
    }
}
