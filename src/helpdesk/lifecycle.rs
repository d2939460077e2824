//! The lifecycle of a ticket: pure rules, no database, no clock.
//!
//! `status` says who owes the next step, `handler` who may speak. Every change that a running draft must not
//! survive raises `epoch`; a draft commits only on the epoch it started from.

use std::time::Duration;

use chrono::{DateTime, Utc};
use deskbridge_entity::ticket::{Handler, Model, Priority, Status};

/// Times that a desk's rules depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long after the customer's last line an answer is due.
    pub quiet_window: Duration,
    /// How long after its resolution a ticket reopens when the customer writes.
    pub reopen_window: Duration,
    /// How long an agent may owe an answer before the ticket goes back to the queue; `None` is for ever.
    pub claim_timeout: Option<Duration>,
    /// How long a customer may owe an answer before the one nudge; `None` turns idle handling off.
    pub nudge_after: Option<Duration>,
    /// How long after the nudge the ticket is resolved.
    pub resolve_after: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            quiet_window: Duration::from_secs(3),
            reopen_window: Duration::from_hours(7 * 24),
            claim_timeout: Some(Duration::from_mins(30)),
            nudge_after: Some(Duration::from_hours(24)),
            resolve_after: Duration::from_hours(48),
        }
    }
}

/// Whether the ticket still runs: OPEN, PENDING or ESCALATED. One per desk and customer.
#[must_use]
pub fn is_live(status: Status) -> bool {
    matches!(status, Status::Open | Status::Pending | Status::Escalated)
}

/// Whether a line of the customer continues this ticket rather than opening a new one.
#[must_use]
pub fn takes_lines(ticket: &Model, now: DateTime<Utc>, rules: &Rules) -> bool {
    match ticket.status {
        Status::Open | Status::Pending | Status::Escalated => true,
        Status::Resolved => ticket.resolved_at.is_some_and(|at| now - at <= delta(rules.reopen_window)),
        Status::Closed => false,
    }
}

/// The customer has written a line. In a ticket that nobody of the staff handles, the assistant owes an
/// answer; otherwise the line is only appended.
pub fn customer_wrote(ticket: &mut Model, now: DateTime<Utc>, rules: &Rules) {
    ticket.epoch += 1;
    ticket.last_message_at = now;
    match (ticket.status, ticket.handler) {
        (Status::Escalated, _) => {}
        (_, Handler::Agent) => {
            ticket.status = Status::Open;
            ticket.waiting_since.get_or_insert(now);
        }
        _ => {
            ticket.status = Status::Open;
            ticket.handler = Handler::Assistant;
            owe_answer(ticket, now, rules);
        }
    }
    ticket.resolved_at = None;
}

/// An answer of the assistant was committed.
pub fn assistant_answered(ticket: &mut Model, now: DateTime<Utc>) {
    ticket.status = Status::Pending;
    ticket.last_message_at = now;
    no_answer_due(ticket);
}

/// The ticket goes to people: from now on the assistant is silent.
pub fn handed_off(ticket: &mut Model, reason: &str, now: DateTime<Utc>) {
    ticket.epoch += 1;
    ticket.status = Status::Escalated;
    ticket.handler = Handler::None;
    ticket.agent = None;
    ticket.hand_off_reason = Some(reason.to_owned());
    ticket.waiting_since.get_or_insert(now);
    ticket.last_message_at = now;
    no_answer_due(ticket);
}

/// An agent has written to the customer: an implicit claim, and a running draft is void.
pub fn agent_replied(ticket: &mut Model, agent: &str, now: DateTime<Utc>) {
    ticket.epoch += 1;
    ticket.status = Status::Pending;
    ticket.handler = Handler::Agent;
    ticket.agent = Some(agent.to_owned());
    ticket.waiting_since = None;
    ticket.resolved_at = None;
    ticket.last_message_at = now;
    no_answer_due(ticket);
}

/// The assistant proposes a priority: it may raise one, only people lower it.
pub fn propose_priority(ticket: &mut Model, proposed: Priority) {
    ticket.priority = ticket.priority.max(proposed);
}

fn owe_answer(ticket: &mut Model, now: DateTime<Utc>, rules: &Rules) {
    ticket.reply_due_at = Some(now + delta(rules.quiet_window));
    // Whoever drafts works on an old epoch; the next claim starts afresh.
    ticket.reply_lease_until = None;
    ticket.reply_worker = None;
}

fn no_answer_due(ticket: &mut Model) {
    ticket.reply_due_at = None;
    ticket.reply_lease_until = None;
    ticket.reply_worker = None;
}

/// A std duration as chrono's, saturating.
pub(super) fn delta(duration: Duration) -> chrono::TimeDelta {
    chrono::TimeDelta::from_std(duration).unwrap_or(chrono::TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

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
    fn a_line_opens_a_pending_ticket_and_owes_an_answer_after_the_quiet_window() {
        let mut ticket = ticket(Status::Pending, Handler::Assistant);
        customer_wrote(&mut ticket, at(10), &Rules::default());
        assert_eq!((ticket.status, ticket.handler), (Status::Open, Handler::Assistant));
        assert_eq!(ticket.reply_due_at, Some(at(13)));
        assert_eq!(ticket.epoch, 1);
    }

    #[test]
    fn a_line_in_an_escalated_ticket_is_only_appended() {
        let mut ticket = ticket(Status::Escalated, Handler::None);
        customer_wrote(&mut ticket, at(10), &Rules::default());
        assert_eq!((ticket.status, ticket.handler, ticket.reply_due_at), (Status::Escalated, Handler::None, None));
    }

    #[test]
    fn a_line_to_an_agent_reopens_for_the_agent_and_never_for_the_assistant() {
        for status in [Status::Open, Status::Pending] {
            let mut ticket = ticket(status, Handler::Agent);
            customer_wrote(&mut ticket, at(10), &Rules::default());
            assert_eq!((ticket.status, ticket.handler, ticket.reply_due_at), (Status::Open, Handler::Agent, None));
            assert_eq!(ticket.waiting_since, Some(at(10)));
        }
    }

    #[test]
    fn a_new_line_takes_the_lease_from_a_running_draft() {
        let mut ticket = ticket(Status::Open, Handler::Assistant);
        ticket.reply_lease_until = Some(at(99));
        ticket.reply_worker = Some(Uuid::nil());
        customer_wrote(&mut ticket, at(10), &Rules::default());
        assert_eq!((ticket.reply_lease_until, ticket.reply_worker), (None, None));
    }

    #[test]
    fn a_resolved_ticket_takes_lines_for_the_reopen_window_only() {
        let rules = Rules { reopen_window: Duration::from_secs(100), ..Rules::default() };
        let mut ticket = ticket(Status::Resolved, Handler::None);
        ticket.resolved_at = Some(at(0));
        assert!(takes_lines(&ticket, at(100), &rules));
        assert!(!takes_lines(&ticket, at(101), &rules));
        ticket.status = Status::Closed;
        assert!(!takes_lines(&ticket, at(1), &rules));
    }

    #[test]
    fn waiting_since_is_kept_over_hand_offs_and_cleared_by_a_reply() {
        let mut ticket = ticket(Status::Open, Handler::Assistant);
        handed_off(&mut ticket, "asked for a person", at(5));
        handed_off(&mut ticket, "again", at(9));
        assert_eq!((ticket.waiting_since, ticket.epoch), (Some(at(5)), 2));
        agent_replied(&mut ticket, "eve", at(20));
        assert_eq!((ticket.waiting_since, ticket.status, ticket.handler), (None, Status::Pending, Handler::Agent));
    }

    #[test]
    fn the_assistant_raises_a_priority_and_never_lowers_it() {
        let mut ticket = ticket(Status::Open, Handler::Assistant);
        propose_priority(&mut ticket, Priority::High);
        propose_priority(&mut ticket, Priority::Low);
        assert_eq!(ticket.priority, Priority::High);
    }
}
