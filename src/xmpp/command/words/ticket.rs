//! Words at a ticket's own address.

use super::{
    Said, split,
    value::{HISTORY, history, priority, snooze, tags},
};
use crate::xmpp::command::AtTicket;

/// Reads a line that an agent wrote to a ticket's address. `//`, a note, is a line as any other here.
#[must_use]
pub fn at_ticket(body: &str) -> Said<AtTicket> {
    let Some((word, rest)) = split(body) else { return Said::Line };
    let text = || rest.to_owned();
    let order = match word.as_str() {
        "claim" => AtTicket::Claim,
        "release" if rest.eq_ignore_ascii_case("queue") => AtTicket::Release { to_queue: true, summary: None },
        "release" => AtTicket::Release { to_queue: false, summary: Some(text()).filter(|text| !text.is_empty()) },
        "note" if rest.is_empty() => return Said::Misused("/note TEXT"),
        "note" => AtTicket::Note(text()),
        "reply" if rest.is_empty() => return Said::Misused("/reply TEXT"),
        "reply" => AtTicket::Reply(text()),
        "resolve" | "done" => AtTicket::Resolve,
        "reopen" => AtTicket::Reopen,
        "snooze" => match snooze(rest) {
            Some(snooze) => AtTicket::Snooze(snooze),
            None => return Said::Misused("/snooze 30m, 2h, 1d, 1w, tomorrow or off"),
        },
        "assign" if rest.is_empty() || rest.contains(char::is_whitespace) => {
            return Said::Misused("/assign AGENT, by id or address");
        }
        "assign" => AtTicket::Assign(text()),
        "priority" => match priority(rest) {
            Some(priority) => AtTicket::Priority(priority),
            None => return Said::Misused("/priority low, normal, high or urgent"),
        },
        "tags" if rest.is_empty() => AtTicket::Tags(None),
        "tags" => AtTicket::Tags(Some(tags(rest))),
        "room" if rest.is_empty() => AtTicket::Room,
        "room" => return Said::Misused("/room"),
        "history" if rest.is_empty() => AtTicket::History(HISTORY.0),
        "history" => match history(rest) {
            Some(count) => AtTicket::History(count),
            None => return Said::Misused("/history or /history NUMBER"),
        },
        "summary" => AtTicket::Summary,
        "suggest" => AtTicket::Suggest(Some(text()).filter(|text| !text.is_empty())),
        "send" if rest.is_empty() => AtTicket::SendSuggestion,
        "send" => return Said::Misused("/send, for the last suggestion; /reply TEXT for words of your own"),
        "help" | "hilfe" => AtTicket::Help,
        _ => return Said::Unknown(word),
    };
    Said::Order(order)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use deskbridge_entity::ticket::Priority;

    use super::*;
    use crate::xmpp::command::Snooze;

    #[test]
    fn a_ticket_takes_words() {
        let order = Said::Order;
        let hours = |hours| Snooze::For(Duration::from_hours(hours));
        for (body, said) in [
            ("/claim", order(AtTicket::Claim)),
            ("/release", order(AtTicket::Release { to_queue: false, summary: None })),
            ("/release queue", order(AtTicket::Release { to_queue: true, summary: None })),
            (
                "/release Paid. Ship it.",
                order(AtTicket::Release { to_queue: false, summary: Some("Paid. Ship it.".to_owned()) }),
            ),
            ("/note One\ntwo", order(AtTicket::Note("One\ntwo".to_owned()))),
            ("/reply /claim is a command", order(AtTicket::Reply("/claim is a command".to_owned()))),
            ("/resolve", order(AtTicket::Resolve)),
            ("/reopen", order(AtTicket::Reopen)),
            ("/snooze 2h", order(AtTicket::Snooze(hours(2)))),
            ("/snooze 1 D", order(AtTicket::Snooze(hours(24)))),
            ("/snooze tomorrow", order(AtTicket::Snooze(Snooze::Tomorrow))),
            ("/snooze off", order(AtTicket::Snooze(Snooze::Off))),
            ("/assign eve@staff.example", order(AtTicket::Assign("eve@staff.example".to_owned()))),
            ("/priority High", order(AtTicket::Priority(Priority::High))),
            ("/tags tea, late ,,", order(AtTicket::Tags(Some(vec!["tea".to_owned(), "late".to_owned()])))),
            ("/tags", order(AtTicket::Tags(None))),
            ("/tags none", order(AtTicket::Tags(Some(vec![])))),
            ("/tags -", order(AtTicket::Tags(Some(vec![])))),
            ("/history", order(AtTicket::History(20))),
            ("/history 5", order(AtTicket::History(5))),
            ("/summary", order(AtTicket::Summary)),
            ("/suggest", order(AtTicket::Suggest(None))),
            ("/suggest No refund", order(AtTicket::Suggest(Some("No refund".to_owned())))),
            ("/send", order(AtTicket::SendSuggestion)),
            ("/help", order(AtTicket::Help)),
            ("/hilfe", order(AtTicket::Help)),
        ] {
            assert_eq!(at_ticket(body), said, "{body:?}");
        }
    }

    #[test]
    fn a_mistyped_command_at_a_ticket_never_reaches_the_customer() {
        for (body, word) in
            [("/nott he is rude", "nott"), ("/clam", "clam"), ("/quit now", "quit"), ("/новость", "новость")]
        {
            assert_eq!(at_ticket(body), Said::Unknown(word.to_owned()), "{body:?}");
        }
        for body in [
            "/note",
            "/reply ",
            "/snooze",
            "/snooze soon",
            "/snooze 0h",
            "/snooze -1h",
            "/snooze h",
            "/snooze 2ä",
            "/snooze 99999999999999999w",
            "/snooze 60w",
            "/assign",
            "/assign a b",
            "/priority",
            "/priority huge",
            "/history 0",
            "/send it",
            "/history all",
            "/history 100000",
        ] {
            assert!(matches!(at_ticket(body), Said::Misused(_)), "{body:?}");
        }
        for body in ["// rude", "/etc/passwd is yours", "/me nods", "/404", "of course", "/"] {
            assert_eq!(at_ticket(body), Said::Line, "{body:?}");
        }
    }
}
