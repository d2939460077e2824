//! The lifecycle of a ticket: pure rules, no database, no clock.
//!
//! `status` says who owes the next step, `handler` who may speak. Every change that a running draft must not
//! survive raises `epoch`; a draft commits only on the epoch it started from.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
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
    ticket.snoozed_until = None;
    ticket.nudged_at = None;
    match (ticket.status, ticket.handler) {
        (Status::Escalated, _) => {}
        (_, Handler::Agent) => {
            ticket.status = Status::Open;
            ticket.waiting_since.get_or_insert(now);
        }
        _ => {
            ticket.status = Status::Open;
            ticket.handler = Handler::Assistant;
            owe_answer(ticket, now + delta(rules.quiet_window));
        }
    }
    ticket.resolved_at = None;
    ticket.resolution = None;
}

/// The customer has said thanks in a resolved ticket: kept, and nothing else changes.
pub fn customer_thanked(ticket: &mut Model, now: DateTime<Utc>) {
    ticket.last_message_at = now;
}

/// The summary of what was said long ago is not true any more.
pub fn forget_context(ticket: &mut Model) {
    ticket.context_summary = None;
    ticket.context_summary_upto = None;
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
    ticket.hand_off_reason = Some(reason.to_owned());
    ticket.last_message_at = now;
    ticket.nudged_at = None;
    queue(ticket, now);
}

/// An agent has taken the ticket.
pub fn claimed(ticket: &mut Model, agent: &str, now: DateTime<Utc>) {
    ticket.epoch += 1;
    if ticket.status == Status::Escalated {
        ticket.status = Status::Open;
    }
    hold(ticket, agent, now);
}

/// An agent has written to the customer: an implicit claim, and a running draft is void.
pub fn agent_replied(ticket: &mut Model, agent: &str, now: DateTime<Utc>) {
    ticket.epoch += 1;
    ticket.status = Status::Pending;
    ticket.waiting_since = None;
    ticket.resolved_at = None;
    ticket.resolution = None;
    ticket.nudged_at = None;
    ticket.last_message_at = now;
    hold(ticket, agent, now);
}

/// The agent owed an answer for too long: back into the queue, with the time the customer has waited.
pub fn claim_timed_out(ticket: &mut Model, now: DateTime<Utc>) {
    ticket.epoch += 1;
    queue(ticket, now);
}

/// The agent who resolved the ticket is none any more: whoever comes next finds it free.
pub fn left_by_agent(ticket: &mut Model) {
    ticket.handler = Handler::None;
    ticket.agent = None;
    ticket.claimed_at = None;
}

/// The agent gives the ticket to the assistant, which sees the messages behind `from` and `summary`. Where the
/// customer's last lines are unanswered it owes an answer at once; else the customer owes the next step.
pub fn released(ticket: &mut Model, from: i64, summary: String, unanswered: bool, now: DateTime<Utc>) {
    ticket.epoch += 1;
    ticket.handler = Handler::Assistant;
    ticket.agent = None;
    ticket.claimed_at = None;
    ticket.waiting_since = None;
    ticket.hand_off_reason = None;
    ticket.episode_from = Some(from);
    ticket.episode_summary = Some(summary);
    ticket.episode_answers = 0;
    ticket.nothing_found = 0;
    forget_context(ticket);
    if unanswered {
        ticket.status = Status::Open;
        owe_answer(ticket, now);
    } else {
        ticket.status = Status::Pending;
        ticket.last_message_at = now;
        no_answer_due(ticket);
    }
}

/// Who resolved a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// An agent.
    Agent,
    /// The customer, by a command or a reaction.
    Customer,
    /// The assistant, after the customer had confirmed.
    Assistant,
    /// Nobody wrote any more.
    Idle,
}

impl Resolution {
    /// The word that is stored.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Customer => "customer",
            Self::Assistant => "assistant",
            Self::Idle => "idle",
        }
    }
}

/// Done; a line of the customer reopens it for a while.
pub fn resolved(ticket: &mut Model, by: Resolution, now: DateTime<Utc>) {
    ticket.epoch += 1;
    ticket.status = Status::Resolved;
    ticket.resolved_at = Some(now);
    ticket.resolution = Some(by.word().to_owned());
    ticket.waiting_since = None;
    ticket.snoozed_until = None;
    no_answer_due(ticket);
}

/// An agent takes a resolved ticket up again.
pub fn reopened(ticket: &mut Model, agent: &str, now: DateTime<Utc>) {
    ticket.epoch += 1;
    ticket.status = Status::Open;
    ticket.resolved_at = None;
    ticket.resolution = None;
    ticket.nudged_at = None;
    hold(ticket, agent, now);
}

/// The customer doubts that a resolved ticket is done: a person should look.
pub fn doubted(ticket: &mut Model, now: DateTime<Utc>) {
    ticket.epoch += 1;
    ticket.resolved_at = None;
    ticket.resolution = None;
    if ticket.handler == Handler::Agent {
        ticket.status = Status::Open;
        ticket.waiting_since.get_or_insert(now);
    } else {
        ticket.hand_off_reason = Some("the customer says that it is not solved".to_owned());
        queue(ticket, now);
    }
}

/// The customer takes a resolved ticket up again, and has not said why yet.
pub fn taken_up(ticket: &mut Model, now: DateTime<Utc>) {
    ticket.epoch += 1;
    ticket.status = Status::Pending;
    if ticket.handler != Handler::Agent {
        ticket.handler = Handler::Assistant;
    }
    ticket.resolved_at = None;
    ticket.resolution = None;
    ticket.nudged_at = None;
    ticket.last_message_at = now;
    no_answer_due(ticket);
}

/// How often agents are told of one conversation: so many times at once, and then once in so long. Who asks for a person
/// and takes it back in turn must not ring their telephones.
const NOTICES: (i32, TimeDelta) = (3, TimeDelta::minutes(10));

/// Counts a notice to agents about the conversation. Whether it may go out now; if not, one is due later.
pub fn may_tell(ticket: &mut Model, now: DateTime<Utc>) -> bool {
    let (at_once, each) = NOTICES;
    let until = ticket.notices_until.map_or(now, |until| until.max(now));
    let room_at = until - each * (at_once - 1);
    if room_at > now {
        ticket.notice_due_at = Some(room_at);
        return false;
    }
    ticket.notices_until = Some(until + each);
    ticket.notice_due_at = None;
    true
}

/// Counts a notice that need not come later if it may not go out now.
pub fn may_mention(ticket: &mut Model, now: DateTime<Utc>) -> bool {
    let due = ticket.notice_due_at;
    let is_told = may_tell(ticket, now);
    ticket.notice_due_at = due;
    is_told
}

/// Until when notices count after one at `at`.
#[must_use]
pub fn told_until(until: Option<DateTime<Utc>>, at: DateTime<Utc>) -> DateTime<Utc> {
    until.map_or(at, |until| until.max(at)) + NOTICES.1
}

/// Final.
pub fn closed(ticket: &mut Model, now: DateTime<Utc>) {
    ticket.epoch += 1;
    ticket.status = Status::Closed;
    ticket.handler = Handler::None;
    ticket.closed_at = Some(now);
    ticket.resolved_at.get_or_insert(now);
    ticket.waiting_since = None;
    ticket.snoozed_until = None;
    no_answer_due(ticket);
}

/// The assistant proposes a priority: it may raise one, only people lower it.
pub fn propose_priority(ticket: &mut Model, proposed: Priority) {
    ticket.priority = ticket.priority.max(proposed);
}

/// What time does to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its snooze is over.
    Wake,
    /// The agent owed an answer for too long.
    TimeOut,
    /// The customer is asked, once, whether anything is left.
    Nudge,
    /// The customer did not answer that either.
    ResolveIdle,
    /// The reopen window is over.
    Close,
    /// Agents are told that it waits: before it was one notice too many.
    Tell,
}

/// What time does to the ticket next, and when. A ticket that waits for us is never nudged or resolved.
#[must_use]
pub fn next_step(ticket: &Model, rules: &Rules) -> Option<(Step, DateTime<Utc>)> {
    if let Some(until) = ticket.snoozed_until.filter(|_| is_live(ticket.status)) {
        return Some((Step::Wake, until));
    }
    match (ticket.status, ticket.handler) {
        (Status::Open, Handler::Agent) => {
            let since = ticket.claimed_at.max(ticket.waiting_since)?;
            Some((Step::TimeOut, after(since, rules.claim_timeout?)))
        }
        (Status::Pending, _) => Some(match (ticket.nudged_at, rules.nudge_after?) {
            (None, nudge_after) => (Step::Nudge, after(ticket.last_message_at, nudge_after)),
            (Some(nudged), _) => (Step::ResolveIdle, after(nudged, rules.resolve_after)),
        }),
        (Status::Resolved, _) => Some((Step::Close, after(ticket.resolved_at?, rules.reopen_window))),
        (Status::Escalated, _) => Some((Step::Tell, ticket.notice_due_at?)),
        (Status::Open | Status::Closed, _) => None,
    }
}

/// An agent may speak, and nobody else.
fn hold(ticket: &mut Model, agent: &str, now: DateTime<Utc>) {
    ticket.handler = Handler::Agent;
    ticket.agent = Some(agent.to_owned());
    ticket.claimed_at = Some(now);
    ticket.snoozed_until = None;
    no_answer_due(ticket);
}

/// Waits for a person.
fn queue(ticket: &mut Model, now: DateTime<Utc>) {
    ticket.status = Status::Escalated;
    ticket.handler = Handler::None;
    ticket.agent = None;
    ticket.claimed_at = None;
    ticket.waiting_since.get_or_insert(now);
    ticket.notice_due_at = None;
    no_answer_due(ticket);
}

fn owe_answer(ticket: &mut Model, at: DateTime<Utc>) {
    ticket.reply_due_at = Some(at);
    // Whoever drafts works on an old epoch; the next claim starts afresh.
    ticket.reply_lease_until = None;
    ticket.reply_worker = None;
}

fn no_answer_due(ticket: &mut Model) {
    ticket.reply_due_at = None;
    ticket.reply_lease_until = None;
    ticket.reply_worker = None;
}

fn after(time: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    time.checked_add_signed(delta(duration)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A std duration as chrono's, saturating.
pub(super) fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests;
