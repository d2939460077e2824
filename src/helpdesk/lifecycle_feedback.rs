//! What a customer's second thoughts do to a ticket: corrections, retractions, reactions, typing. Pure rules, as in
//! [`lifecycle`](super::lifecycle).

use std::time::Duration;

use chrono::{DateTime, Utc};
use deskbridge_entity::ticket::{Handler, Model, Status};

use super::lifecycle::{Rules, customer_wrote, delta, takes_lines};

/// How long after the customer's last line an answer waits at most, however long the customer types.
pub const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// How soon after an answer no person has read it and written another line.
pub const ECHO_WITHIN: Duration = Duration::from_secs(2);

/// The customer has corrected a line. One question, one answer: what nobody has answered yet is answered as corrected;
/// what was answered is answered anew only if it was the customer's newest line, since with others behind it the
/// conversation has moved on. A running draft is void in any case.
pub fn customer_corrected(ticket: &mut Model, was_newest: bool, now: DateTime<Utc>, rules: &Rules) {
    if was_newest || ticket.reply_due_at.is_some() {
        customer_wrote(ticket, now, rules);
    } else {
        ticket.epoch += 1;
    }
}

/// The customer has taken a line back. A running draft is void; if nothing unanswered is left, nobody owes an answer.
pub fn customer_retracted(ticket: &mut Model, unanswered: bool) {
    ticket.epoch += 1;
    // Whoever drafts works on an old epoch.
    ticket.reply_lease_until = None;
    ticket.reply_worker = None;
    if !unanswered && ticket.status == Status::Open {
        ticket.status = Status::Pending;
        ticket.reply_due_at = None;
        ticket.waiting_since = None;
    }
}

/// An agent has corrected a line of its own. That answers nothing new: who owes the next step stays as it is.
pub fn agent_corrected(ticket: &mut Model, agent: &str, now: DateTime<Utc>) {
    ticket.last_message_at = now;
    keep_claim(ticket, agent, now);
}

/// An agent has taken a line of its own back.
pub fn agent_retracted(ticket: &mut Model, agent: &str, now: DateTime<Utc>) {
    keep_claim(ticket, agent, now);
}

/// Who works on it does not lose it.
fn keep_claim(ticket: &mut Model, agent: &str, now: DateTime<Utc>) {
    if ticket.handler == Handler::Agent && ticket.agent.as_deref() == Some(agent) {
        ticket.claimed_at = Some(now);
    }
}

/// Whether the customer liked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// 👍 or a heart.
    Up,
    /// 👎.
    Down,
}

impl Feedback {
    /// What reactions say: nothing if they say both, or something else.
    #[must_use]
    pub fn of(reactions: &[String]) -> Option<Self> {
        let mut said = reactions.iter().filter_map(|reaction| {
            // The skin is no matter, nor is whether the text or the picture is meant.
            let bare: String =
                reaction.chars().filter(|c| !matches!(c, '\u{1F3FB}'..='\u{1F3FF}' | '\u{FE0F}')).collect();
            match bare.as_str() {
                "👍" | "❤" => Some(Self::Up),
                "👎" => Some(Self::Down),
                _ => None,
            }
        });
        let first = said.next()?;
        said.all(|other| other == first).then_some(first)
    }

    /// The word in the event log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What a reaction leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// It is feedback and no more.
    None,
    /// The customer agrees that it is done.
    Confirmed,
    /// The customer does not.
    Doubted,
}

/// What a reaction to any message of ours in the ticket leads to. A reaction has no words to answer, so in a running
/// ticket nobody owes anything for it; in a resolved one it is the customer's word on the resolution.
#[must_use]
pub fn consequence(ticket: &Model, feedback: Option<Feedback>, now: DateTime<Utc>, rules: &Rules) -> Consequence {
    match feedback {
        Some(feedback) if ticket.status == Status::Resolved && takes_lines(ticket, now, rules) => match feedback {
            Feedback::Up => Consequence::Confirmed,
            Feedback::Down => Consequence::Doubted,
        },
        _ => Consequence::None,
    }
}

/// When the answer is due now that the customer types or has stopped; `None` if that is as it was. A chat state is
/// sent once (XEP-0085 §5.4), so typing counts until something else is said.
#[must_use]
pub fn due_while(ticket: &Model, typing: bool, now: DateTime<Utc>, rules: &Rules) -> Option<DateTime<Utc>> {
    // What is due is being drafted.
    let due = ticket.reply_due_at.filter(|due| *due > now && ticket.reply_worker.is_none())?;
    let longest = ticket.last_message_at + delta(LONGEST_WAIT);
    let moved = if typing { due.max(longest) } else { due.min(now + delta(rules.quiet_window)) };
    (moved != due).then_some(moved)
}

/// How fast a line follows on what it may be a reply to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// So soon after the assistant's answer that no person can have read that.
    Echo,
    /// Some time after the assistant's answer.
    Reply,
    /// It follows on something else.
    #[default]
    Other,
}

/// How fast a line of the customer comes.
#[must_use]
pub fn pace(ticket: &Model, now: DateTime<Utc>) -> Pace {
    if (ticket.status, ticket.handler) != (Status::Pending, Handler::Assistant) {
        return Pace::Other;
    }
    if now - ticket.last_message_at < delta(ECHO_WITHIN) { Pace::Echo } else { Pace::Reply }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn ticket(status: Status, handler: Handler) -> Model {
        let mut ticket = super::super::unit::new_ticket(Uuid::nil(), "support", "ann@example.org", "Hello", at(0));
        ticket.status = status;
        ticket.handler = handler;
        ticket
    }

    #[test]
    fn a_correction_is_answered_if_it_is_owed_or_the_newest() {
        for (status, due, was_newest, owed) in [
            (Status::Open, Some(at(5)), false, true),
            (Status::Open, Some(at(5)), true, true),
            (Status::Pending, None, true, true),
            (Status::Pending, None, false, false),
            (Status::Resolved, None, true, true),
        ] {
            let mut ticket = ticket(status, Handler::Assistant);
            ticket.reply_due_at = due;
            customer_corrected(&mut ticket, was_newest, at(10), &Rules::default());
            assert_eq!(ticket.epoch, 1);
            assert_eq!(ticket.reply_due_at, owed.then(|| at(13)), "{status:?} {was_newest}");
            assert_eq!(ticket.status, if owed { Status::Open } else { status });
        }
        let mut with_people = ticket(Status::Escalated, Handler::None);
        customer_corrected(&mut with_people, true, at(10), &Rules::default());
        assert_eq!((with_people.status, with_people.reply_due_at, with_people.epoch), (Status::Escalated, None, 1));
    }

    #[test]
    fn a_retraction_ends_what_is_owed_unless_something_is_left() {
        let mut owed = ticket(Status::Open, Handler::Assistant);
        owed.reply_due_at = Some(at(5));
        owed.reply_worker = Some(Uuid::nil());
        let mut left = owed.clone();
        customer_retracted(&mut owed, false);
        assert_eq!((owed.status, owed.reply_due_at, owed.epoch), (Status::Pending, None, 1));
        customer_retracted(&mut left, true);
        assert_eq!((left.status, left.reply_due_at, left.epoch), (Status::Open, Some(at(5)), 1));
        assert_eq!(left.reply_worker, None);
        let mut waiting = ticket(Status::Escalated, Handler::None);
        waiting.waiting_since = Some(at(1));
        customer_retracted(&mut waiting, false);
        assert_eq!((waiting.status, waiting.waiting_since), (Status::Escalated, Some(at(1))));
    }

    #[test]
    fn thumbs_of_any_skin_are_feedback() {
        let of = |reactions: &[&str]| Feedback::of(&reactions.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>());
        for up in ["👍", "👍🏻", "👍🏽", "👍🏿", "❤️", "❤", "👍\u{FE0F}"] {
            assert_eq!(of(&[up]), Some(Feedback::Up), "{up}");
        }
        for down in ["👎", "👎🏽"] {
            assert_eq!(of(&[down]), Some(Feedback::Down), "{down}");
        }
        assert_eq!(of(&["👍", "❤️", "🎉"]), Some(Feedback::Up));
        for neither in [&["👍", "👎"][..], &["🎉"], &["👍👍"], &["thumbs up"], &[]] {
            assert_eq!(of(neither), None, "{neither:?}");
        }
    }

    #[test]
    fn a_reaction_decides_only_over_a_resolution() {
        let rules = Rules { reopen_window: Duration::from_secs(100), ..Rules::default() };
        let mut resolved = ticket(Status::Resolved, Handler::Assistant);
        resolved.resolved_at = Some(at(0));
        let go = |ticket: &Model, feedback, second| consequence(ticket, feedback, at(second), &rules);
        assert_eq!(go(&resolved, Some(Feedback::Up), 5), Consequence::Confirmed);
        assert_eq!(go(&resolved, Some(Feedback::Down), 5), Consequence::Doubted);
        assert_eq!(go(&resolved, None, 5), Consequence::None);
        assert_eq!(go(&resolved, Some(Feedback::Down), 101), Consequence::None);
        for status in [Status::Open, Status::Pending, Status::Escalated, Status::Closed] {
            assert_eq!(go(&ticket(status, Handler::Assistant), Some(Feedback::Down), 5), Consequence::None);
        }
    }

    #[test]
    fn typing_puts_an_answer_off_for_twenty_seconds_at_most() {
        let rules = Rules::default();
        let mut owed = ticket(Status::Open, Handler::Assistant);
        customer_wrote(&mut owed, at(10), &rules);
        assert_eq!(due_while(&owed, true, at(11), &rules), Some(at(30)));
        // It has begun, or is not owed.
        assert_eq!(due_while(&owed, true, at(13), &rules), None);
        assert_eq!(due_while(&ticket(Status::Pending, Handler::Assistant), true, at(11), &rules), None);
        owed.reply_due_at = Some(at(30));
        assert_eq!(due_while(&owed, true, at(20), &rules), None);
        assert_eq!(due_while(&owed, false, at(20), &rules), Some(at(23)));
        assert_eq!(due_while(&owed, false, at(29), &rules), None);
    }

    #[test]
    fn an_echo_comes_at_once_after_the_assistant_and_nobody_else() {
        let mut answered = ticket(Status::Pending, Handler::Assistant);
        answered.last_message_at = at(10);
        assert_eq!(pace(&answered, at(11)), Pace::Echo);
        assert_eq!(pace(&answered, at(12)), Pace::Reply);
        assert_eq!(pace(&ticket(Status::Pending, Handler::Agent), at(0)), Pace::Other);
        assert_eq!(pace(&ticket(Status::Open, Handler::Assistant), at(0)), Pace::Other);
    }
}
