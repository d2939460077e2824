//! Words at a desk.

use super::{Said, split, value::duty, vocabulary};
use crate::xmpp::command::{AtDesk, Command, DeskOrder, Own};

/// Reads a line that came to a desk.
#[must_use]
pub fn at_desk(body: &str) -> Said<DeskOrder> {
    let Some((word, rest)) = split(body) else { return Said::Line };
    let Some(command) = vocabulary::meant(&Command::OWN, &word) else { return staff(word, rest) };
    let alone = rest.is_empty();
    let text = || (!alone).then(|| rest.to_owned());
    let own = match command {
        Command::New => Own::New(text()),
        Command::Human => Own::Human(text()),
        Command::Erase if confirms(rest) => Own::Erase { confirmed: true },
        // These take no text: with one it is rather something that the customer says.
        _ if !alone => return Said::Line,
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

fn confirms(word: &str) -> bool {
    word.eq_ignore_ascii_case("confirm") || word.eq_ignore_ascii_case("ja")
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
            "/stand der Dinge?",
            "/löschen Sie bitte meine Bestellung",
            "/daten fehlen",
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
