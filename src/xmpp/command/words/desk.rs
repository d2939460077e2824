//! Words at a desk.

use super::{Said, split, value::duty, vocabulary};
use crate::xmpp::command::{AtDesk, Command, DeskOrder, Own};

/// Reads a line that came to a desk.
#[must_use]
pub fn at_desk(body: &str) -> Said<DeskOrder> {
    let Some((word, rest)) =
        split(body).filter(|(word, _)| is_own(word)).or_else(|| loose(body)).or_else(|| split(body))
    else {
        return Said::Line;
    };
    let Some(command) = vocabulary::meant(&Command::OWN, &word) else { return staff(word, rest) };
    let text = || (!rest.is_empty()).then(|| rest.to_owned());
    let own = match command {
        Command::New => Own::New(text()),
        Command::Human => Own::Human(text()),
        Command::Erase if confirms(rest) => Own::Erase { confirmed: true },
        // These take no text. With one it may be a line: whoever means that is told, rather than that either is guessed.
        _ if !is_harmless(rest) => return Said::Misused("alone"),
        Command::Erase => Own::Erase { confirmed: false },
        Command::Tickets => Own::Tickets,
        Command::Status => Own::Status,
        Command::Resolve => Own::Resolve,
        Command::Reopen => Own::Reopen,
        Command::Export => Own::Export,
        _ => Own::Help,
    };
    Said::Order(DeskOrder::Own(own))
}

/// What a correction says: a line that came with a command is corrected together with the command's word.
#[must_use]
pub fn corrected(body: String) -> String {
    match at_desk(&body) {
        Said::Order(DeskOrder::Own(Own::New(Some(text)) | Own::Human(Some(text)))) => text,
        _ => body,
    }
}

/// A command of a customer's as people write it who do not know how: with a space behind the slash, or a mark behind the
/// word.
pub(super) fn loose(body: &str) -> Option<(String, &str)> {
    let line = body.trim().strip_prefix('/')?.trim_start();
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    let word = word.trim_end_matches(MARKS).to_lowercase();
    is_own(&word).then(|| (word, rest.trim()))
}

const MARKS: [char; 5] = ['.', ',', '!', '?', ':'];

fn is_own(word: &str) -> bool {
    vocabulary::meant(&Command::OWN, word).is_some()
}

/// Words that change nothing about a command.
const HARMLESS: &[&str] = &[
    "please", "pls", "now", "me", "again", "thanks", "thank", "you", "bitte", "jetzt", "mal", "mir", "nochmal", "danke",
];

/// Words that confirm.
const CONFIRM: &[&str] =
    &["confirm", "confirmed", "yes", "ja", "bestätigen", "bestaetigen", "bestätige", "bestätigt", "bestaetigt"];

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().map(|word| word.trim_matches(MARKS).to_lowercase()).filter(|word| !word.is_empty())
}

fn is_harmless(text: &str) -> bool {
    words(text).all(|word| HARMLESS.contains(&&*word))
}

fn confirms(text: &str) -> bool {
    let mut rest = words(text).filter(|word| !HARMLESS.contains(&&**word)).peekable();
    rest.peek().is_some() && rest.all(|word| CONFIRM.contains(&&*word))
}

fn staff(word: String, rest: &str) -> Said<DeskOrder> {
    let order = match (&*word, rest) {
        ("queue", "") => AtDesk::Queue,
        ("mine", "") => AtDesk::Mine,
        ("duty", "") => AtDesk::Duty(None),
        ("duty", wanted) | (wanted, "") => match duty(wanted) {
            Some(duty) => AtDesk::Duty(Some(duty)),
            None if rest.is_empty() => return Said::Unknown(word),
            None => return Said::Line,
        },
        _ => return Said::Line,
    };
    Said::Order(DeskOrder::Staff(order))
}

#[cfg(test)]
mod tests {
    use deskbridge_entity::agent::Duty;

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
            ("/reopen", own(Own::Reopen)),
            ("/export", own(Own::Export)),
            ("/erase", own(Own::Erase { confirmed: false })),
            ("/erase Confirm", own(Own::Erase { confirmed: true })),
            ("/help", own(Own::Help)),
            ("/help me", own(Own::Help)),
            ("/help!", own(Own::Help)),
            ("/ help", own(Own::Help)),
            ("/ human", own(Own::Human(None))),
            ("/ Human, it burns", own(Own::Human(Some("it burns".to_owned())))),
            ("/status now, please!", own(Own::Status)),
            ("/erase please", own(Own::Erase { confirmed: false })),
            ("/erase yes", own(Own::Erase { confirmed: true })),
            ("/erase confirm, please", own(Own::Erase { confirmed: true })),
            ("/löschen bestätigen", own(Own::Erase { confirmed: true })),
            ("/status of my order?", Said::Misused("alone")),
            ("/erase my second order please", Said::Misused("alone")),
            ("/erase yes or no?", Said::Misused("alone")),
            ("/help, it burns", Said::Misused("alone")),
            ("/stand der Dinge?", Said::Misused("alone")),
            ("/löschen Sie bitte meine Bestellung", Said::Misused("alone")),
            ("/daten fehlen", Said::Misused("alone")),
            ("/queue", staff(AtDesk::Queue)),
            ("/mine", staff(AtDesk::Mine)),
            ("/duty", staff(AtDesk::Duty(None))),
            ("/duty off", staff(AtDesk::Duty(Some(Duty::Off)))),
            ("/on", staff(AtDesk::Duty(Some(Duty::On)))),
            ("/auto", staff(AtDesk::Duty(Some(Duty::Auto)))),
            ("/abracadabra", Said::Unknown("abracadabra".to_owned())),
            ("/Straße", Said::Unknown("straße".to_owned())),
        ] {
            assert_eq!(at_desk(body), said, "{body:?}");
        }
    }

    #[test]
    fn a_correction_is_a_line_without_the_command_that_it_came_with() {
        for (body, line) in [
            ("/human It burns", "It burns"),
            ("/neu Mein Paket", "Mein Paket"),
            ("/resolve", "/resolve"),
            ("/human", "/human"),
            ("/etc/passwd is broken", "/etc/passwd is broken"),
        ] {
            assert_eq!(corrected(body.to_owned()), line);
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
            "/ foo",
            "/ queue",
            "/etc/passwd is broken",
            "/etc/passwd",
            "/me waves",
            "/me",
            "/404",
            "/tmp2 is full",
            "/home is full",
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
    fn every_command_of_a_customer_has_its_german_words() {
        for (body, order) in [
            ("/neu", Own::New(None)),
            ("/Neu Mein Paket", Own::New(Some("Mein Paket".to_owned()))),
            ("/gespräche", Own::Tickets),
            ("/stand", Own::Status),
            ("/mensch", Own::Human(None)),
            ("/erledigt", Own::Resolve),
            ("/fortsetzen", Own::Reopen),
            ("/daten", Own::Export),
            ("/löschen", Own::Erase { confirmed: false }),
            ("/LÖSCHEN ja", Own::Erase { confirmed: true }),
            ("/loeschen Ja", Own::Erase { confirmed: true }),
            ("/erase confirm", Own::Erase { confirmed: true }),
            ("/hilfe", Own::Help),
        ] {
            assert_eq!(at_desk(body), own(order), "{body}");
        }
    }
}
