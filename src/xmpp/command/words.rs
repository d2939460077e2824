//! Commands as plain words: a slash and a word of letters, alone or with a text behind it.
//!
//! What only looks like one is left alone: a path, `/me` (XEP-0245), two slashes, and at a desk any unknown word with a
//! text behind it, since a customer's words must never be lost. At a ticket's address an unknown word is never passed on:
//! a mistyped `/note` would tell the customer what was meant for colleagues.

use std::time::Duration;

use deskbridge_entity::{agent::Duty, ticket::Priority};

use super::{AtDesk, AtTicket, DeskOrder, Own, Snooze};

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<T> {
    /// This order.
    Order(T),
    /// A command that nobody knows: help is due.
    Unknown,
    /// A known command, not as it must be: how it is used.
    Misused(&'static str),
    /// A line as any other.
    Line,
}

/// Messages that `/history` shows, and the most it shows.
pub const HISTORY: (usize, usize) = (20, 200);

/// The longest snooze that words can name; the domain has a limit of its own.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// Reads a line that came to a desk.
#[must_use]
pub fn at_desk(body: &str) -> Said<DeskOrder> {
    let Some((word, rest)) = split(body) else { return Said::Line };
    let alone = rest.is_empty();
    let text = (!alone).then(|| rest.to_owned());
    let own = match word.as_str() {
        "new" | "neu" => Own::New(text),
        "human" | "agent" | "person" | "mensch" => Own::Human(text),
        "erase" if alone => Own::Erase { confirmed: false },
        "erase" if rest.eq_ignore_ascii_case("confirm") => Own::Erase { confirmed: true },
        // These take no text: with one it is rather something that the customer says.
        "tickets" if alone => Own::Tickets,
        "status" if alone => Own::Status,
        "resolve" | "done" | "erledigt" if alone => Own::Resolve,
        "export" if alone => Own::Export,
        "help" | "hilfe" if alone => Own::Help,
        _ => return staff(&word, rest),
    };
    Said::Order(DeskOrder::Own(own))
}

fn staff(word: &str, rest: &str) -> Said<DeskOrder> {
    let order = match (word, rest) {
        ("queue", "") => AtDesk::Queue,
        ("mine", "") => AtDesk::Mine,
        ("duty", "") => AtDesk::Duty(None),
        ("duty", word) | (word, "") => match duty(word) {
            Some(duty) => AtDesk::Duty(Some(duty)),
            None if rest.is_empty() => return Said::Unknown,
            None => return Said::Line,
        },
        _ => return Said::Line,
    };
    Said::Order(DeskOrder::Staff(order))
}

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
        "tags" => AtTicket::Tags(tags(rest)),
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
        "help" => AtTicket::Help,
        _ => return Said::Unknown,
    };
    Said::Order(order)
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

/// `30m`, `2h`, `1d`, `1w`, `tomorrow`, `off`.
#[must_use]
pub fn snooze(word: &str) -> Option<Snooze> {
    match word.to_lowercase().as_str() {
        "tomorrow" => return Some(Snooze::Tomorrow),
        "off" => return Some(Snooze::Off),
        _ => {}
    }
    let unit = word.chars().last()?;
    let minutes = match unit.to_ascii_lowercase() {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        'w' => 7 * 24 * 60,
        _ => return None,
    };
    let count: u64 = word[..word.len() - unit.len_utf8()].trim().parse().ok().filter(|count| *count > 0)?;
    let time = Duration::from_secs(count.checked_mul(minutes * 60)?);
    (time <= LONGEST).then_some(Snooze::For(time))
}

/// A priority by its name.
#[must_use]
pub fn priority(word: &str) -> Option<Priority> {
    match word.to_lowercase().as_str() {
        "low" => Some(Priority::Low),
        "normal" => Some(Priority::Normal),
        "high" => Some(Priority::High),
        "urgent" => Some(Priority::Urgent),
        _ => None,
    }
}

/// A duty by its name.
#[must_use]
pub fn duty(word: &str) -> Option<Duty> {
    match word.to_lowercase().as_str() {
        "on" => Some(Duty::On),
        "off" => Some(Duty::Off),
        "auto" => Some(Duty::Auto),
        _ => None,
    }
}

/// Tags with commas between them; none at all clears them.
#[must_use]
pub fn tags(words: &str) -> Vec<String> {
    words.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// How many messages.
#[must_use]
pub fn history(word: &str) -> Option<usize> {
    word.trim().parse().ok().filter(|count| (1..=HISTORY.1).contains(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(own: Own) -> Said<DeskOrder> {
        Said::Order(DeskOrder::Own(own))
    }

    fn staff(order: AtDesk) -> Said<DeskOrder> {
        Said::Order(DeskOrder::Staff(order))
    }

    #[test]
    fn a_desk_takes_words() {
        for (body, said) in [
            ("/new", own(Own::New(None))),
            (" /NEW \n", own(Own::New(None))),
            ("/new My parcel\nis late", own(Own::New(Some("My parcel\nis late".to_owned())))),
            ("/human", own(Own::Human(None))),
            ("/mensch bitte", own(Own::Human(Some("bitte".to_owned())))),
            ("/agent", own(Own::Human(None))),
            ("/person", own(Own::Human(None))),
            ("/tickets", own(Own::Tickets)),
            ("/status", own(Own::Status)),
            ("/done", own(Own::Resolve)),
            ("/resolve", own(Own::Resolve)),
            ("/export", own(Own::Export)),
            ("/erase", own(Own::Erase { confirmed: false })),
            ("/erase Confirm", own(Own::Erase { confirmed: true })),
            ("/help", own(Own::Help)),
            ("/queue", staff(AtDesk::Queue)),
            ("/mine", staff(AtDesk::Mine)),
            ("/duty", staff(AtDesk::Duty(None))),
            ("/duty off", staff(AtDesk::Duty(Some(Duty::Off)))),
            ("/on", staff(AtDesk::Duty(Some(Duty::On)))),
            ("/auto", staff(AtDesk::Duty(Some(Duty::Auto)))),
            ("/abracadabra", Said::Unknown),
            ("/Straße", Said::Unknown),
        ] {
            assert_eq!(at_desk(body), said, "{body:?}");
        }
    }

    #[test]
    fn what_only_looks_like_a_command_at_a_desk_is_a_line() {
        for body in [
            "",
            "/",
            "//",
            "// note",
            "//help",
            "/ help",
            "/etc/passwd is broken",
            "/etc/passwd",
            "/me waves",
            "/me",
            "/404",
            "/tmp2 is full",
            "/home is full",
            "/status of my order?",
            "/erase my second order please",
            "/help, it burns",
            "/duty free goods",
            "/queue is long here",
            "see /help",
            "either/or",
            "/-help",
        ] {
            assert_eq!(at_desk(body), Said::Line, "{body:?}");
        }
        assert_eq!(at_desk(&format!("/{}", "a".repeat(33))), Said::Line);
    }

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
            ("/snooze 2h", order(AtTicket::Snooze(hours(2)))),
            ("/snooze 1 D", order(AtTicket::Snooze(hours(24)))),
            ("/snooze tomorrow", order(AtTicket::Snooze(Snooze::Tomorrow))),
            ("/snooze off", order(AtTicket::Snooze(Snooze::Off))),
            ("/assign eve@staff.example", order(AtTicket::Assign("eve@staff.example".to_owned()))),
            ("/priority High", order(AtTicket::Priority(Priority::High))),
            ("/tags tea, late ,,", order(AtTicket::Tags(vec!["tea".to_owned(), "late".to_owned()]))),
            ("/tags", order(AtTicket::Tags(vec![]))),
            ("/history", order(AtTicket::History(20))),
            ("/history 5", order(AtTicket::History(5))),
            ("/summary", order(AtTicket::Summary)),
            ("/suggest", order(AtTicket::Suggest(None))),
            ("/suggest No refund", order(AtTicket::Suggest(Some("No refund".to_owned())))),
            ("/send", order(AtTicket::SendSuggestion)),
            ("/help", order(AtTicket::Help)),
        ] {
            assert_eq!(at_ticket(body), said, "{body:?}");
        }
    }

    #[test]
    fn a_mistyped_command_at_a_ticket_never_reaches_the_customer() {
        for body in ["/nott he is rude", "/clam", "/quit now", "/новость"] {
            assert_eq!(at_ticket(body), Said::Unknown, "{body:?}");
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
