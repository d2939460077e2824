//! From a draft to what becomes of the ticket. Pure: everything a model may do is one of these, and on its own ticket.

use deskbridge_entity::{
    message::Author as Wrote,
    ticket::{self, Priority as TicketPriority},
};

use super::{
    brain::Failure,
    draft::{Action, Draft, Priority},
    history,
};
use crate::helpdesk::{
    Due, HandOff, Outcome, Triage, Utterance, Words,
    phrases::{self, SmallTalk},
};

/// What becomes of a ticket whose answer failed: one honest line, and a person gets it.
#[must_use]
pub fn give_up(failure: &Failure, due: &Due) -> Outcome {
    let Due { ticket, transcript: history } = due;
    let reason = failure.to_string();
    Outcome::HandOff(HandOff { words: Words::Failure, summary: summary(&reason, ticket, history), reason })
}

pub(super) fn triage(draft: &Draft) -> Triage {
    let priority = draft.priority.map(|priority| match priority {
        Priority::Low => TicketPriority::Low,
        Priority::Normal => TicketPriority::Normal,
        Priority::High => TicketPriority::High,
        Priority::Urgent => TicketPriority::Urgent,
    });
    Triage { subject: draft.subject.clone(), priority, tags: draft.tags.clone() }
}

pub(super) fn outcome(draft: Draft, ticket: &ticket::Model, history: &[Utterance]) -> Outcome {
    match draft.action {
        Action::HandOff => {
            let words = if draft.reply.trim().is_empty() { Words::Person } else { Words::Own(draft.reply) };
            let reason = draft.reason.unwrap_or_else(|| "the assistant handed off".to_owned());
            Outcome::HandOff(HandOff { words, summary: summary(&reason, ticket, history), reason })
        }
        // Resolving needs the customer's word, not only the model's.
        Action::Resolve if phrases::small_talk(&history::question(history)) == Some(SmallTalk::Thanks) => {
            Outcome::Resolve { body: draft.reply }
        }
        Action::Continue | Action::Clarify | Action::Resolve => Outcome::Answer { body: draft.reply },
    }
}

/// What an agent should know at once: issue, details, what was tried, next step.
fn summary(reason: &str, ticket: &ticket::Model, history: &[Utterance]) -> String {
    let tried = match ticket.episode_answers {
        0 => "nothing was answered yet".to_owned(),
        1 => "the assistant answered once".to_owned(),
        n => format!("the assistant answered {n} times"),
    };
    let said = history.iter().filter(|message| message.author == Wrote::Customer);
    let mut last: Vec<String> =
        said.rev().take(LAST_LINES).map(|message| format!("> {}", brief(&message.body))).collect();
    last.reverse();
    let details =
        if last.is_empty() { String::new() } else { format!("\nThe customer said last:\n{}", last.join("\n")) };
    let before = ticket.context_summary.as_ref().map(|text| format!("\nEarlier: {text}")).unwrap_or_default();
    format!(
        "Handed off: {reason}\nIssue: {}{before}{details}\nTried so far: {tried}\nNext step: answer the customer.",
        ticket.subject
    )
}

/// Lines of the customer in a summary.
const LAST_LINES: usize = 3;

/// A line's beginning, without line breaks.
fn brief(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}
