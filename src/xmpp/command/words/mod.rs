//! Commands as plain words: a slash and a word of letters, alone or with a text behind it.
//!
//! What only looks like one is left alone: a path, `/me` (XEP-0245), two slashes, and at a desk any unknown word with a
//! text behind it, since a customer's words must never be lost. A known word that takes no text is answered when there is
//! one, and neither followed nor kept. At a ticket's address an unknown word is never passed on:
//! a mistyped `/note` would tell the customer what was meant for colleagues.

mod desk;
mod ticket;
mod value;
mod vocabulary;

pub use desk::{at_desk, corrected};
pub use ticket::at_ticket;
pub use value::{HISTORY, duty, history, priority, snooze, tags};
pub use vocabulary::{is_for_ticket, near};

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<T> {
    /// This order.
    Order(T),
    /// A word that is no command, in lower case.
    Unknown(String),
    /// A known command, not as it must be: how it is used; at a desk, where people are told in the desk's words, what is
    /// wrong.
    Misused(&'static str),
    /// A line as any other.
    Line,
}

/// The word of a line that may be a command at a desk, in lower case.
#[must_use]
pub fn word(body: &str) -> Option<String> {
    desk::loose(body).or_else(|| split(body)).map(|(word, _)| word)
}

/// The word behind the slash in lower case, and the text behind it; `None` for what is no command.
fn split(body: &str) -> Option<(String, &str)> {
    let line = body.trim().strip_prefix('/')?;
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    // XEP-0245: what somebody does, said by name.
    let is_word = !word.is_empty() && word.len() <= 32 && word.chars().all(char::is_alphabetic) && word != "me";
    is_word.then(|| (word.to_lowercase(), rest.trim()))
}
