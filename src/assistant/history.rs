//! A conversation, as far as answering it is concerned. Pure.

use deskbridge_entity::message::Author as Wrote;

use super::{
    language,
    prompt::{Author, Turn},
};
use crate::helpdesk::{Utterance, phrases};

/// What Deskbridge says by itself, such as a greeting, is neither an answer nor a part of a question.
fn is_answer(message: &Utterance) -> bool {
    matches!(message.author, Wrote::Assistant | Wrote::Agent)
}

/// The customer's lines since anybody else spoke: one question, however many lines it was typed in. A file without words
/// asks nothing.
pub(super) fn question(history: &[Utterance]) -> String {
    let asked = history.iter().rposition(is_answer).map_or(0, |last| last + 1);
    asked_in(&history[asked..])
}

/// The question before that one.
pub(super) fn question_before(history: &[Utterance]) -> String {
    let Some(last) = history.iter().rposition(is_answer) else { return String::new() };
    // Several answers in a row are one.
    let Some(end) = history[..last].iter().rposition(|message| message.author == Wrote::Customer) else {
        return String::new();
    };
    question(&history[..=end])
}

fn asked_in(part: &[Utterance]) -> String {
    let said = part.iter().filter(|message| message.author == Wrote::Customer && !message.only_files);
    let lines: Vec<&str> = said.map(|message| message.body.as_str()).collect();
    // "Ok" and "thanks" beside a question are no part of it.
    let asked: Vec<&str> = lines.iter().copied().filter(|line| phrases::small_talk(line).is_none()).collect();
    if asked.is_empty() { lines.join("\n") } else { asked.join("\n") }
}

/// What people said: the customer, the agents, and the desk's fixed lines. What the assistant said is no evidence of anything; the pages may have
/// changed since.
pub(super) fn told(history: &[Utterance]) -> String {
    said_by(history, |author| author != Wrote::Assistant)
}

/// The same without the customer.
pub(super) fn answered(history: &[Utterance]) -> String {
    said_by(history, |author| !matches!(author, Wrote::Assistant | Wrote::Customer))
}

fn said_by(history: &[Utterance], counts: impl Fn(Wrote) -> bool) -> String {
    let said = history.iter().filter(|message| counts(message.author));
    said.map(|message| message.body.as_str()).collect::<Vec<_>>().join("\n")
}

/// The customer's language, in English: of the newest lines, or, where they are too short to tell, of all.
pub(super) fn language(history: &[Utterance]) -> Option<&'static str> {
    let by_customer = |part: &[Utterance]| {
        let said = part.iter().filter(|message| message.author == Wrote::Customer && !message.only_files);
        said.map(|message| message.body.as_str()).collect::<Vec<_>>().join("\n")
    };
    let asked = history.iter().rposition(is_answer).map_or(0, |last| last + 1);
    language::name(&by_customer(&history[asked..])).or_else(|| language::name(&by_customer(history)))
}

/// Whether the customer has sent nothing but files since anybody else spoke.
pub(super) fn is_files_alone(history: &[Utterance]) -> bool {
    let said = history.iter().rev().filter(|message| message.author != Wrote::System);
    let mut newest = said.take_while(|message| message.author == Wrote::Customer).peekable();
    newest.peek().is_some() && newest.all(|message| message.only_files)
}

/// The turns of a prompt, each with its message's number.
pub(super) fn turns(history: &[Utterance]) -> (Vec<i64>, Vec<Turn>) {
    let turn = |message: &Utterance| {
        let author = match message.author {
            Wrote::Customer => Author::Customer,
            Wrote::Assistant => Author::Assistant,
            Wrote::Agent => Author::Agent,
            Wrote::System => return None,
        };
        Some((message.seq, Turn { author, text: message.body.clone() }))
    };
    history.iter().filter_map(turn).unzip()
}
