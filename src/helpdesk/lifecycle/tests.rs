use uuid::Uuid;

use super::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn ticket(status: Status, handler: Handler) -> Model {
    let mut ticket = crate::helpdesk::unit::new_ticket(Uuid::nil(), "support", "ann@example.org", "Hello", at(0));
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

/// What time does next, in seconds from the beginning of time.
fn next(ticket: &Model, rules: &Rules) -> Option<(Step, i64)> {
    next_step(ticket, rules).map(|(step, at)| (step, at.timestamp()))
}

fn rules() -> Rules {
    Rules {
        quiet_window: Duration::from_secs(3),
        reopen_window: Duration::from_secs(1000),
        claim_timeout: Some(Duration::from_secs(30)),
        nudge_after: Some(Duration::from_secs(100)),
        resolve_after: Duration::from_secs(200),
    }
}

#[test]
fn a_claim_takes_the_ticket_from_queue_or_assistant_and_voids_a_draft() {
    for (status, handler) in [(Status::Escalated, Handler::None), (Status::Open, Handler::Assistant)] {
        let mut ticket = ticket(status, handler);
        ticket.waiting_since = Some(at(1));
        ticket.reply_due_at = Some(at(5));
        claimed(&mut ticket, "eve", at(10));
        assert_eq!(
            (ticket.status, ticket.handler, ticket.agent.as_deref()),
            (Status::Open, Handler::Agent, Some("eve"))
        );
        assert_eq!((ticket.epoch, ticket.reply_due_at, ticket.waiting_since), (1, None, Some(at(1))));
    }
}

#[test]
fn an_agent_who_owes_an_answer_too_long_loses_the_ticket_to_the_queue() {
    let mut ticket = ticket(Status::Escalated, Handler::None);
    ticket.waiting_since = Some(at(1));
    claimed(&mut ticket, "eve", at(10));
    assert_eq!(next(&ticket, &rules()), Some((Step::TimeOut, 40)));
    agent_replied(&mut ticket, "eve", at(20));
    assert_eq!(next(&ticket, &rules()), Some((Step::Nudge, 120)), "the customer owes now");
    customer_wrote(&mut ticket, at(50), &rules());
    assert_eq!(next(&ticket, &rules()), Some((Step::TimeOut, 80)));
    claim_timed_out(&mut ticket, at(80));
    assert_eq!((ticket.status, ticket.handler, ticket.agent), (Status::Escalated, Handler::None, None));
    assert_eq!(ticket.waiting_since, Some(at(50)));
}

#[test]
fn a_ticket_left_alone_is_nudged_once_resolved_and_closed() {
    let mut ticket = ticket(Status::Open, Handler::Assistant);
    assert_eq!(next(&ticket, &rules()), None, "we owe an answer");
    assistant_answered(&mut ticket, at(10));
    assert_eq!(next(&ticket, &rules()), Some((Step::Nudge, 110)));
    ticket.nudged_at = Some(at(110));
    assert_eq!(next(&ticket, &rules()), Some((Step::ResolveIdle, 310)));
    resolved(&mut ticket, Resolution::Idle, at(310));
    assert_eq!((ticket.status, ticket.resolution.as_deref()), (Status::Resolved, Some("idle")));
    assert_eq!(next(&ticket, &rules()), Some((Step::Close, 1310)));
    closed(&mut ticket, at(1310));
    assert_eq!(next(&ticket, &rules()), None);
}

#[test]
fn a_ticket_that_waits_for_us_is_never_nudged() {
    let open = ticket(Status::Open, Handler::Assistant);
    let mut queued = ticket(Status::Open, Handler::Assistant);
    handed_off(&mut queued, "asked", at(5));
    let mut never = ticket(Status::Open, Handler::Assistant);
    assistant_answered(&mut never, at(10));
    assert_eq!([next(&open, &rules()), next(&queued, &rules())], [None, None]);
    assert_eq!(next(&never, &Rules { nudge_after: None, ..rules() }), None, "idle handling is off");
}

#[test]
fn a_line_ends_snooze_and_nudge() {
    let mut ticket = ticket(Status::Pending, Handler::Assistant);
    ticket.snoozed_until = Some(at(500));
    ticket.nudged_at = Some(at(5));
    assert_eq!(next(&ticket, &rules()), Some((Step::Wake, 500)));
    customer_wrote(&mut ticket, at(20), &rules());
    assert_eq!((ticket.status, ticket.snoozed_until, ticket.nudged_at), (Status::Open, None, None));
}

#[test]
fn a_release_owes_an_answer_only_to_unanswered_lines() {
    for (unanswered, status, due) in [(true, Status::Open, Some(at(30))), (false, Status::Pending, None)] {
        let mut ticket = ticket(Status::Escalated, Handler::None);
        claimed(&mut ticket, "eve", at(10));
        released(&mut ticket, 7, "They talked.".to_owned(), unanswered, at(30));
        assert_eq!((ticket.status, ticket.handler, ticket.reply_due_at), (status, Handler::Assistant, due));
        assert_eq!((ticket.agent, ticket.episode_from), (None, Some(7)));
    }
}

#[test]
fn a_doubted_resolution_goes_to_its_agent_or_to_the_queue() {
    let mut held = ticket(Status::Open, Handler::Assistant);
    agent_replied(&mut held, "eve", at(1));
    resolved(&mut held, Resolution::Agent, at(2));
    doubted(&mut held, at(3));
    assert_eq!((held.status, held.handler, held.waiting_since), (Status::Open, Handler::Agent, Some(at(3))));
    let mut unheld = ticket(Status::Pending, Handler::Assistant);
    resolved(&mut unheld, Resolution::Idle, at(2));
    doubted(&mut unheld, at(3));
    assert_eq!((unheld.status, unheld.handler), (Status::Escalated, Handler::None));
}

#[test]
fn notices_come_three_at_once_and_then_one_in_ten_minutes() {
    let mut ticket = ticket(Status::Escalated, Handler::None);
    assert!((0..3).all(|second| may_tell(&mut ticket, at(second))));
    assert!(!may_tell(&mut ticket, at(3)));
    let rules = Rules::default();
    assert_eq!(next_step(&ticket, &rules), Some((Step::Tell, at(600))));
    assert!(!may_tell(&mut ticket, at(599)));
    assert!(may_tell(&mut ticket, at(600)));
    assert_eq!(next_step(&ticket, &rules), None);
    assert!(!may_tell(&mut ticket, at(601)));
    // Calm makes up for it, up to three; and what is over is not told of.
    assert!((0..3).all(|second| may_tell(&mut ticket, at(10_000 + second))));
    assert!(!may_tell(&mut ticket, at(10_003)));
    resolved(&mut ticket, Resolution::Customer, at(10_004));
    assert!(!matches!(next_step(&ticket, &rules), Some((Step::Tell, _))));
}

#[test]
fn what_a_customer_takes_up_again_waits_for_its_word() {
    for (before, after) in [(Handler::None, Handler::Assistant), (Handler::Agent, Handler::Agent)] {
        let mut ticket = ticket(Status::Resolved, before);
        ticket.resolved_at = Some(at(1));
        taken_up(&mut ticket, at(2));
        assert_eq!((ticket.status, ticket.handler, ticket.epoch), (Status::Pending, after, 1));
        assert_eq!((ticket.resolved_at, ticket.reply_due_at), (None, None));
    }
}
