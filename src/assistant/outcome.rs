//! From a draft to what becomes of the ticket. Pure: everything a model may do is one of these, and on its own ticket.

use deskbridge_entity::ticket::{Model, Priority as TicketPriority};

use super::{
    brain::Failure,
    draft::{Action, Draft, Priority},
    history,
    situation::{Before, brief, situation},
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
    Outcome::HandOff(HandOff {
        words: Words::Failure,
        summary: summary(&reason, ticket, history),
        issue: issue(ticket, history),
        reason,
    })
}

pub(super) fn triage(draft: &Draft) -> Triage {
    let priority = draft.priority.map(|priority| match priority {
        Priority::Low => TicketPriority::Low,
        Priority::Normal => TicketPriority::Normal,
        Priority::High => TicketPriority::High,
    });
    Triage { subject: draft.subject.clone(), priority, tags: draft.tags.clone() }
}

pub(super) fn outcome(draft: Draft, ticket: &Model, history: &[Utterance]) -> Outcome {
    match draft.action {
        Action::HandOff => {
            let words = if draft.reply.trim().is_empty() { Words::Person } else { Words::Own(draft.reply) };
            let reason = draft.reason.unwrap_or_else(|| "the assistant handed off".to_owned());
            Outcome::HandOff(HandOff {
                words,
                summary: summary(&reason, ticket, history),
                issue: issue(ticket, history),
                reason,
            })
        }
        // Resolving needs the customer's word, not only the model's.
        Action::Resolve if phrases::small_talk(&history::question(history)) == Some(SmallTalk::Thanks) => {
            Outcome::Resolve { body: draft.reply }
        }
        Action::Continue | Action::Clarify | Action::Decline | Action::Resolve => Outcome::Answer { body: draft.reply },
    }
}

/// What an agent should know at once, and why it is a person's now.
fn summary(reason: &str, ticket: &Model, history: &[Utterance]) -> String {
    let said: Vec<_> = history.iter().map(|message| (message.author, message.body.as_str())).collect();
    let Model { context_summary, episode_summary, episode_answers, .. } = ticket;
    let before =
        Before { summary: context_summary.as_deref(), released: episode_summary.as_deref(), answers: *episode_answers };
    format!("Handed off: {reason}\n{}", situation(&issue(ticket, history), &before, &said))
}

/// What was asked last; where no words were, what the ticket is called.
fn issue(ticket: &Model, history: &[Utterance]) -> String {
    Some(brief(&history::question(history))).filter(|asked| !asked.is_empty()).unwrap_or_else(|| ticket.subject.clone())
}
