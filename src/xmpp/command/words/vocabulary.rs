//! Which words mean which command. Those of all languages are known everywhere; a desk names its own language's.

use crate::{helpdesk::texts::Language, xmpp::command::Command};

/// The words for a command in a language; an agent's are English.
const fn words(command: Command, language: Language) -> &'static [&'static str] {
    match (command, language) {
        (Command::New, Language::English) => &["new"],
        (Command::New, Language::German) => &["neu"],
        (Command::Tickets, Language::English) => &["tickets"],
        (Command::Tickets, Language::German) => &["gespräche", "gespraeche"],
        (Command::Status, Language::English) => &["status"],
        (Command::Status, Language::German) => &["stand"],
        (Command::Human, Language::English) => &["human", "agent", "person"],
        (Command::Human, Language::German) => &["mensch"],
        (Command::Resolve | Command::ResolveTicket, Language::English) => &["resolve", "done"],
        (Command::Resolve, Language::German) => &["erledigt"],
        (Command::Reopen | Command::ReopenTicket, Language::English) => &["reopen"],
        (Command::Reopen, Language::German) => &["fortsetzen", "wieder"],
        (Command::Export, Language::English) => &["export"],
        (Command::Export, Language::German) => &["daten"],
        (Command::Erase, Language::English) => &["erase"],
        (Command::Erase, Language::German) => &["löschen", "loeschen"],
        (Command::Help, Language::English) => &["help"],
        (Command::Help, Language::German) => &["hilfe"],
        (Command::Queue, Language::English) => &["queue"],
        (Command::Mine, Language::English) => &["mine"],
        (Command::Duty, Language::English) => &["duty", "on", "off", "auto"],
        (Command::Claim, Language::English) => &["claim"],
        (Command::Release, Language::English) => &["release"],
        (Command::Note, Language::English) => &["note"],
        (Command::Reply, Language::English) => &["reply"],
        (Command::Snooze, Language::English) => &["snooze"],
        (Command::Assign, Language::English) => &["assign"],
        (Command::Priority, Language::English) => &["priority"],
        (Command::Tags, Language::English) => &["tags"],
        (Command::Room, Language::English) => &["room"],
        (Command::History, Language::English) => &["history"],
        (Command::Summary, Language::English) => &["summary"],
        (Command::Suggest, Language::English) => &["suggest"],
        (Command::Send, Language::English) => &["send"],
        (_, Language::German) => &[],
    }
}

/// The command among `commands` that a word in lower case means, in whatever language.
pub(super) fn meant(commands: &[Command], word: &str) -> Option<Command> {
    let means =
        |command: &&Command| Language::ALL.into_iter().any(|language| words(**command, language).contains(&word));
    commands.iter().find(means).copied()
}

/// Whether a word in lower case is a command at a ticket's address.
#[must_use]
pub fn is_for_ticket(word: &str) -> bool {
    meant(&Command::AT_TICKET, word).is_some()
}

/// The word of a command among `commands` that somebody may have meant who wrote `word`: English, or of the language.
#[must_use]
pub fn near(commands: &[Command], language: Language, word: &str) -> Option<&'static str> {
    let slips = if word.chars().count() <= 4 { 1 } else { 2 };
    // The desk's own language first: of two that are as near the first is taken.
    let known =
        [language, Language::English].into_iter().flat_map(|language| commands.iter().map(move |c| (*c, language)));
    let known = known.flat_map(|(command, language)| words(command, language));
    let (_, nearest) = known
        .map(|known| (strsim::osa_distance(known, word), *known))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)?;
    Some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_a_command_and_anything_else_is_not() {
        let own = |language, word| near(&Command::OWN, language, word);
        for (word, meant) in [
            ("humna", Some("human")),
            ("hlep", Some("help")),
            ("staus", Some("status")),
            ("nwe", Some("new")),
            ("mensh", None),
            ("queue", None),
            ("mine", None),
            ("foo", None),
            ("abracadabra", None),
        ] {
            assert_eq!(own(Language::English, word), meant, "{word}");
        }
        for (word, meant) in [("mensh", "mensch"), ("hife", "hilfe"), ("löchen", "löschen"), ("humna", "human")] {
            assert_eq!(own(Language::German, word), Some(meant), "{word}");
        }
        assert_eq!(near(&Command::AT_TICKET, Language::English, "clam"), Some("claim"));
    }

    #[test]
    fn a_node_is_a_word_and_no_word_means_two_commands_in_one_place() {
        for commands in [[&Command::OWN[..], &Command::AT_DESK].concat(), Command::AT_TICKET.to_vec()] {
            for command in &commands {
                assert_eq!(meant(&commands, command.node()), Some(*command));
                for word in Language::ALL.into_iter().flat_map(|language| words(*command, language)) {
                    assert_eq!(meant(&commands, word), Some(*command), "{word}");
                }
            }
        }
    }
}
