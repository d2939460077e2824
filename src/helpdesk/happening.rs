//! What webhooks are told of, and under which names. Pure.
//!
//! The event log says that a ticket was updated; who listens wants to know that it was escalated. So a change of a ticket is
//! told under the names of what it changed, and as `ticket.updated` where it changed nothing that has a name.

use deskbridge_entity::ticket::{Handler, Status};

use super::lifecycle::is_live;

/// Everything that webhooks are told of, but for [`PING`].
pub const KINDS: [&str; 26] = [
    "ticket.created",
    "ticket.updated",
    "ticket.escalated",
    "ticket.claimed",
    "ticket.released",
    "ticket.resolved",
    "ticket.reopened",
    "ticket.closed",
    "ticket.confirmed",
    "ticket.erased",
    "message.created",
    "message.corrected",
    "message.retracted",
    "message.redacted",
    "message.reaction",
    "message.delivered",
    "message.read",
    "message.failed",
    "attachment.stored",
    "attachment.refused",
    "presence.updated",
    "room.created",
    "room.ended",
    "participant.joined",
    "participant.updated",
    "participant.left",
];

/// What changes of tickets are called in the event log that `sync` reads.
pub const LOGGED: [&str; 14] = [
    "ticket.created",
    "ticket.updated",
    "ticket.confirmed",
    "ticket.erased",
    "message.created",
    "message.corrected",
    "message.retracted",
    "message.redacted",
    "message.reaction",
    "message.delivered",
    "message.read",
    "message.failed",
    "attachment.stored",
    "attachment.refused",
];

/// What a test is told as.
pub const PING: &str = "ping";

/// Whether a webhook can ask for this: a name of [`KINDS`], all of its kind (`ticket.*`), or everything (`*`).
#[must_use]
pub fn is_pattern(word: &str) -> bool {
    KINDS.iter().any(|kind| fits(word, kind)) && (word.ends_with('*') || KINDS.contains(&word))
}

/// Whether a pattern stands for an event.
#[must_use]
pub fn fits(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(family) => kind.split_once('.').is_some_and(|(first, _)| first == family),
        None => pattern == "*" || pattern == kind,
    }
}

/// Where a ticket stands: who owes the next step, and who may speak.
pub(super) type Standing = (Status, Handler);

/// What became of a ticket between two commits; `None` before it was opened.
pub(super) fn names(before: Option<Standing>, (status, handler): Standing) -> Vec<&'static str> {
    let Some((was, had)) = before else {
        let mut names = vec!["ticket.created"];
        if status == Status::Escalated {
            names.push("ticket.escalated");
        }
        return names;
    };
    let becomes = |wanted| status == wanted && was != wanted;
    let changes = [
        ("ticket.reopened", !is_live(was) && is_live(status)),
        ("ticket.escalated", becomes(Status::Escalated)),
        ("ticket.claimed", handler == Handler::Agent && had != Handler::Agent),
        ("ticket.released", handler == Handler::Assistant && had == Handler::Agent && is_live(status)),
        ("ticket.resolved", becomes(Status::Resolved)),
        ("ticket.closed", becomes(Status::Closed)),
    ];
    let names: Vec<&str> = changes.into_iter().filter(|(_, is_so)| *is_so).map(|(name, _)| name).collect();
    if names.is_empty() { vec!["ticket.updated"] } else { names }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_a_kind_or_everything() {
        for pattern in ["*", "ticket.*", "message.created", "presence.*", "room.*", "participant.*"] {
            assert!(is_pattern(pattern), "{pattern}");
        }
        for junk in ["", "ticket", "ticket.", "ticket.crea*", "*.created", "bill.*", ".*", "**", "ping", "Ticket.*"] {
            assert!(!is_pattern(junk), "{junk}");
        }
        assert!(fits("ticket.*", "ticket.closed") && fits("*", "room.ended") && fits("room.ended", "room.ended"));
        assert!(
            !fits("ticket.*", "message.created")
                && !fits("room.ended", "room.created")
                && !fits("tick.*", "ticket.closed")
        );
    }

    #[test]
    fn a_change_is_told_by_its_name() {
        use Handler::{Agent, Assistant, None as Nobody};
        use Status::{Closed, Escalated, Open, Pending, Resolved};
        for (before, after, expected) in [
            (None, (Open, Assistant), &["ticket.created"][..]),
            (None, (Escalated, Nobody), &["ticket.created", "ticket.escalated"]),
            (Some((Open, Assistant)), (Pending, Assistant), &["ticket.updated"]),
            (Some((Open, Assistant)), (Escalated, Nobody), &["ticket.escalated"]),
            (Some((Escalated, Nobody)), (Open, Agent), &["ticket.claimed"]),
            (Some((Open, Agent)), (Escalated, Nobody), &["ticket.escalated"]),
            (Some((Open, Agent)), (Open, Assistant), &["ticket.released"]),
            (Some((Pending, Agent)), (Resolved, Agent), &["ticket.resolved"]),
            (Some((Resolved, Agent)), (Open, Agent), &["ticket.reopened"]),
            (Some((Resolved, Assistant)), (Escalated, Nobody), &["ticket.reopened", "ticket.escalated"]),
            (Some((Resolved, Assistant)), (Closed, Assistant), &["ticket.closed"]),
            (Some((Closed, Agent)), (Closed, Agent), &["ticket.updated"]),
        ] {
            assert_eq!(names(before, after), expected, "{before:?} {after:?}");
            assert!(expected.iter().all(|name| KINDS.contains(name)));
        }
    }
}
