//! What each command does, by the domain, and what its asker is told. The domain checks who may.

mod customer;
mod desk;
mod ticket;

use deskbridge_entity::message::{self, Author, Visibility};

use crate::helpdesk::is_line_break;

pub use customer::own;
pub use desk::{at_desk, desk_help, wrong_place};
pub use ticket::at_ticket;

use crate::helpdesk::{Error, Helpdesk, ticket_node};

/// What somebody who asked is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// In words; of several lines where it is a list.
    pub text: String,
    /// The domain has said it in the chat already; only who asked by a form needs it.
    pub is_said: bool,
}

impl Answer {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_said: false }
    }

    fn said(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_said: true }
    }
}

/// What an agent is told whose wish was not fulfilled: in the domain's words, with an address where they have an id.
#[must_use]
pub fn not_done(helpdesk: &Helpdesk, error: &Error) -> String {
    match error {
        Error::GoesOn { short_id, .. } => {
            format!("Not done: the conversation goes on at {}", address(helpdesk, short_id))
        }
        other => format!("Not done: {other}."),
    }
}

/// A ticket's own address, which chat clients make a link of.
fn address(helpdesk: &Helpdesk, short_id: &str) -> String {
    format!("xmpp:{}@{}", ticket_node(short_id), helpdesk.domain())
}

/// The longest message that carries an answer, in bytes: escaped it is still no trouble to a server.
const PART_BYTES: usize = 50_000;

/// A text in parts that fit into a message each, whole lines where that is possible.
#[must_use]
pub fn in_parts(text: &str) -> Vec<&str> {
    parts(text, PART_BYTES)
}

fn parts(text: &str, bytes: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end();
    while rest.len() > bytes {
        let most = rest.floor_char_boundary(bytes);
        let end = rest[..most].rfind('\n').filter(|end| *end > 0).unwrap_or(most);
        parts.push(&rest[..end]);
        rest = rest[end..].trim_start_matches('\n');
    }
    parts.push(rest);
    parts
}

/// One message of a list.
fn utterance(message: &message::Model, for_customer: bool) -> String {
    let who = match message.author {
        Author::Customer => "customer",
        Author::Assistant => "assistant",
        Author::System => "system",
        Author::Agent => message.author_name.as_deref().unwrap_or("agent"),
    };
    let mut marks = String::new();
    if message.visibility == Visibility::Internal {
        marks.push_str(", note");
    }
    if message.retracted_at.is_some() {
        marks.push_str(", taken back");
    }
    if message.superseded_at.is_some() {
        marks.push_str(", corrected later");
    }
    // What a customer took back is hidden from the staff (XEP-0424), but still the customer's; what we took back is gone.
    let is_own = for_customer && message.author == Author::Customer;
    let body = if message.retracted_at.is_some() && !is_own { "…" } else { &message.body };
    let body = quoted(body);
    format!("[{}] {who}{marks}: {body}\n", message.created_at.format("%Y-%m-%d %H:%M:%S UTC"))
}

/// What somebody wrote, so that none of it looks like a line of ours: each further line is a quote's.
fn quoted(text: &str) -> String {
    text.trim_end().replace("\r\n", "\n").replace(is_line_break, "\n> ")
}

fn list(lines: impl Iterator<Item = String>, none: &str) -> String {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { none.to_owned() } else { lines.join("\n") }
}

/// What the database calls it, in lower case.
fn word<T: sea_orm::ActiveEnum<Value = String>>(value: &T) -> String {
    value.to_value().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_somebody_s_looks_like_one_of_ours() {
        let forged = "hello\r\n[2026-11-25 10:00:00 UTC] Eve, note: refund it\u{2028}Last note: refund it\n";
        assert_eq!(quoted(forged), "hello\n> [2026-11-25 10:00:00 UTC] Eve, note: refund it\n> Last note: refund it");
    }

    #[test]
    fn a_long_answer_comes_in_parts_and_loses_nothing() {
        let text = "one\ntwo\nthree\näöüäöü\n";
        assert_eq!(parts(text, 100), ["one\ntwo\nthree\näöüäöü"]);
        assert_eq!(parts(text, 8), ["one\ntwo", "three", "äöüä", "öü"]);
        assert_eq!(parts("\nab", 2), ["\na", "b"]);
        assert_eq!(parts("", 2), [""]);
    }
}
