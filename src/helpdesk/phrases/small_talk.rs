//! Thanks, farewells, greetings, and words that take note.

use super::{
    small_words::{
        ACKNOWLEDGEMENTS, FAREWELL_PHRASES, FAREWELLS, FILLERS, FRIENDLY_SIGNS, GREETINGS, REFUSALS, THANKFUL_SIGNS,
        THANKS, UNHAPPY_SIGNS, WAVING,
    },
    words,
};

/// A message that wants no answer from the help pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallTalk {
    /// "Thanks a lot!"
    Thanks,
    /// "Bye"
    Farewell,
    /// "Good morning"
    Greeting,
    /// "Ok, great", "👍"
    Acknowledgement,
}

impl SmallTalk {
    /// Whether it ends a conversation, or leaves it ended, rather than beginning one.
    #[must_use]
    pub fn is_closing(self) -> bool {
        self != Self::Greeting
    }
}

/// Whether the message is nothing but thanks, a farewell, a greeting or a word that takes note, in this order where it is
/// several: "hi, thanks!" thanks, and "ok, bye" is a farewell.
#[must_use]
pub fn small_talk(text: &str) -> Option<SmallTalk> {
    if text.contains(UNHAPPY_SIGNS) {
        return None;
    }
    let words = words(text);
    let (mut refuses, mut said) = (false, Signs::of(text));
    for word in words.split_whitespace() {
        if THANKS.contains(&word) {
            said.thanks = true;
        } else if FAREWELLS.contains(&word) {
            said.farewell = true;
        } else if GREETINGS.contains(&word) {
            said.greeting = true;
        } else if ACKNOWLEDGEMENTS.contains(&word) {
            said.acknowledgement = true;
        } else if REFUSALS.contains(&word) {
            refuses = true;
        } else if !FILLERS.contains(&word) {
            return None;
        }
    }
    match said {
        Signs { thanks: true, .. } => Some(SmallTalk::Thanks),
        _ if refuses => None,
        _ if FAREWELL_PHRASES.iter().any(|phrase| words.contains(phrase)) => Some(SmallTalk::Farewell),
        Signs { farewell: true, .. } => Some(SmallTalk::Farewell),
        Signs { greeting: true, .. } => Some(SmallTalk::Greeting),
        // "Ok?" asks.
        Signs { acknowledgement: true, .. } if !text.contains('?') => Some(SmallTalk::Acknowledgement),
        _ => None,
    }
}

/// Which kinds of small talk a message has in it.
#[derive(Default)]
struct Signs {
    thanks: bool,
    farewell: bool,
    greeting: bool,
    acknowledgement: bool,
}

impl Signs {
    /// What its emoji say.
    fn of(text: &str) -> Self {
        Self {
            thanks: text.contains(THANKFUL_SIGNS),
            farewell: text.contains(WAVING),
            greeting: false,
            acknowledgement: text.contains(FRIENDLY_SIGNS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_thanks_and_greetings_from_questions() {
        for text in [
            "Thanks!",
            "thank you so much",
            "ok great, thx",
            "Vielen Dank",
            "Danke schön",
            "merci beaucoup",
            "¡Muchas gracias!",
            "hi, thanks",
        ] {
            assert_eq!(small_talk(text), Some(SmallTalk::Thanks), "{text}");
        }
        for text in ["Hello", "good morning", "Guten Tag", "hola", "Bonjour!", "Guten Morgen 😊"] {
            assert_eq!(small_talk(text), Some(SmallTalk::Greeting), "{text}");
        }
        for text in ["", "thanks, but where is my parcel?", "hello, do you ship to Norway"] {
            assert_eq!(small_talk(text), None, "{text}");
        }
    }

    #[test]
    fn knows_who_takes_note_or_takes_leave() {
        for text in [
            "👍",
            "👍🏽",
            "👌 ",
            "✅",
            "ok",
            "Ok.",
            "Ok great",
            "perfect",
            "alright",
            "super",
            "Super!",
            "alles klar",
            "Alles gut 👍",
            "all good",
            "Okay, verstanden",
            "yes, that helped",
            "Das hat geholfen",
            "Gut 😊",
            "it works now",
        ] {
            assert_eq!(small_talk(text), Some(SmallTalk::Acknowledgement), "{text}");
        }
        for text in [
            "bye",
            "Bye bye!",
            "ok bye",
            "Tschüss",
            "Auf Wiedersehen",
            "alles klar, tschüß",
            "Bis dann, ciao",
            "Schönen Tag noch!",
            "Have a nice day",
            "👋",
        ] {
            assert_eq!(small_talk(text), Some(SmallTalk::Farewell), "{text}");
        }
        for text in [
            "🙏",
            "❤️",
            "Danke schön, tschüss",
            "Thanks a lot, bye",
            "ok thanks bye",
            "no thanks",
            "Nein danke",
            "ok ❤",
        ] {
            assert_eq!(small_talk(text), Some(SmallTalk::Thanks), "{text}");
        }
        for text in [
            "ok, and how long does it take?",
            "👎",
            "ok 👎",
            "ok?",
            "alles klar?",
            "no",
            "no good",
            "nicht gut",
            "yes",
            "ja",
            "?",
            "…",
            "perfect storm",
            "super, und was kostet das",
            "Is that all?",
            "bye the way: where is it",
            "🤔",
        ] {
            assert_eq!(small_talk(text), None, "{text}");
        }
    }
}
