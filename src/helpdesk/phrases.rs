//! Plain words that need no model: asking for a person, thanking, greeting.
//!
//! The lists are small on purpose. A missed phrase only costs a turn; a hand-off too many costs a person's minute.

/// "Talk to a person" and its kin, as [`words`] spells them: lower case, no accents, no punctuation.
const PERSON_PHRASES: &[&str] = &[
    // English
    "real person",
    "real human",
    "human being",
    "human agent",
    "human please",
    "live agent",
    "live person",
    "human support",
    "customer service representative",
    "need a human",
    "need a person",
    "need an agent",
    "want a human",
    "want a person",
    "want an agent",
    "get me a human",
    "get me a person",
    "not a bot",
    "no bot",
    "stop the bot",
    "someone real",
    "somebody real",
    "someone from your team",
    "someone from the team",
    // German
    "mit einem menschen",
    "mit einer person",
    "mit einem mitarbeiter",
    "mit einer mitarbeiterin",
    "mit jemandem sprechen",
    "mit jemandem reden",
    "echten menschen",
    "echte person",
    "echter mensch",
    "einen menschen sprechen",
    "einen mitarbeiter sprechen",
    "einen menschen bitte",
    "menschlichen mitarbeiter",
    "kein bot",
    "keinen bot",
    // French
    "parler a une personne",
    "parler avec une personne",
    "parler a quelqu un",
    "parler avec quelqu un",
    "parler a un humain",
    "parler avec un humain",
    "parler a un conseiller",
    "parler avec un conseiller",
    "parler a un agent",
    "vraie personne",
    "un etre humain",
    "pas un robot",
    // Spanish
    "hablar con una persona",
    "hablar con alguien",
    "hablar con un humano",
    "hablar con un agente",
    "hablar con una agente",
    "hablar con un asesor",
    "persona real",
    "agente humano",
    "un ser humano",
    "no un robot",
];

/// With one of these before one of [`PERSON_NOUNS`], an English sentence asks for a person.
const PERSON_VERBS: &[&str] = &[
    "talk to",
    "talk with",
    "speak to",
    "speak with",
    "chat with",
    "connect me to",
    "connect me with",
    "transfer me to",
    "put me through to",
    "pass me to",
    "hand me over to",
    "escalate to",
    "escalate this to",
];

const PERSON_NOUNS: &[&str] = &[
    "a person",
    "a human",
    "an agent",
    "someone",
    "somebody",
    "an operator",
    "a representative",
    "a rep",
    "an advisor",
    "an employee",
    "a colleague",
    "a manager",
    "your manager",
    "a supervisor",
    "your team",
    "the team",
    "your support",
    "customer service",
    "customer support",
    "staff",
    "people",
];

/// Whole messages that ask for a person.
const PERSON_ALONE: &[&str] = &[
    "human",
    "person",
    "agent",
    "operator",
    "representative",
    "mensch",
    "mitarbeiter",
    "mitarbeiterin",
    "humain",
    "conseiller",
    "humano",
    "agente",
    "asesor",
];

const THANKS: &[&str] = &["thanks", "thank", "thx", "ty", "cheers", "danke", "dank", "dankeschon", "merci", "gracias"];

const GREETINGS: &[&str] = &[
    "hello",
    "hi",
    "hey",
    "hallo",
    "moin",
    "servus",
    "bonjour",
    "salut",
    "hola",
    "morning",
    "afternoon",
    "evening",
    "morgen",
    "tag",
    "abend",
    "buenos",
    "buenas",
];

const FAREWELLS: &[&str] = &[
    "bye",
    "goodbye",
    "byebye",
    "cya",
    "ciao",
    "tschuss",
    "tschuß",
    "tschau",
    "wiedersehen",
    "wiederhoren",
    "adieu",
    "adios",
];

/// Words of other kinds that together are a farewell, as [`words`] spells them.
const FAREWELL_PHRASES: &[&str] = &[
    " nice day ",
    " great day ",
    " nice evening ",
    " good night ",
    " schonen tag ",
    " schonen abend ",
    " schones wochenende ",
    " gute nacht ",
    " bonne journee ",
];

/// Words that take note of what was said.
const ACKNOWLEDGEMENTS: &[&str] = &[
    "ok",
    "okay",
    "oki",
    "okey",
    "k",
    "great",
    "perfect",
    "super",
    "good",
    "nice",
    "alright",
    "fine",
    "cool",
    "awesome",
    "excellent",
    "wonderful",
    "brilliant",
    "amazing",
    "understood",
    "noted",
    "gotcha",
    "helped",
    "worked",
    "works",
    "top",
    "klar",
    "perfekt",
    "gut",
    "prima",
    "toll",
    "klasse",
    "wunderbar",
    "verstanden",
    "passt",
    "geholfen",
    "geklappt",
    "bien",
    "parfait",
    "perfecto",
    "vale",
];

/// Words that may stand around these without making a question of them.
const FILLERS: &[&str] = &[
    "you",
    "so",
    "very",
    "much",
    "a",
    "lot",
    "many",
    "again",
    "all",
    "for",
    "your",
    "the",
    "help",
    "that",
    "is",
    "was",
    "there",
    "everyone",
    "and",
    "day",
    "to",
    "it",
    "this",
    "now",
    "see",
    "later",
    "have",
    "yes",
    "yep",
    "then",
    "well",
    "vielen",
    "schon",
    "schonen",
    "sehr",
    "guten",
    "alles",
    "beaucoup",
    "bonne",
    "journee",
    "muchas",
    "mil",
    "dias",
    "tardes",
    "noches",
    "team",
    "support",
    "und",
    "auf",
    "fur",
    "ihre",
    "die",
    "hilfe",
    "das",
    "hat",
    "ist",
    "war",
    "es",
    "dann",
    "noch",
    "einen",
    "ihnen",
    "schones",
    "wochenende",
    "gute",
    "nacht",
    "night",
    "bis",
    "bald",
    "ja",
    "jetzt",
    "mir",
    "tres",
];

/// With these only thanks are left: "no thanks", but not "no good".
const REFUSALS: &[&str] = &["no", "nope", "nein"];

/// Alone, these say as much as a word.
const THANKFUL_SIGNS: &[char] = &['🙏', '❤', '♥', '🧡', '💛', '💚', '💙', '💜', '💕', '😍', '🥰', '😘', '💐', '🌹'];
const FRIENDLY_SIGNS: &[char] = &[
    '👍', '👌', '👏', '🙌', '💪', '🤝', '🎉', '✅', '✔', '☑', '🆗', '💯', '🙂', '😊', '😀', '😃', '😄', '😁', '😉',
    '😎', '🤗', '😌', '☺',
];
const WAVING: char = '👋';
/// With one of these nothing is settled.
const UNHAPPY_SIGNS: &[char] =
    &['👎', '😡', '😠', '🤬', '😢', '😭', '😞', '😕', '🙁', '☹', '🤔', '❓', '❔', '❌', '💔'];

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

/// Whether the customer asks, in plain English, German, French or Spanish, to talk to a person.
#[must_use]
pub fn asks_for_person(text: &str) -> bool {
    let words = words(text);
    let mut places = words.match_indices(' ').map(|(at, _)| &words[at + 1..]);
    places.any(|rest| {
        let asks = |phrases: &[&str]| phrases.iter().find_map(|phrase| behind(rest, phrase));
        asks(PERSON_PHRASES).is_some()
            || asks(PERSON_VERBS).is_some_and(|rest| PERSON_NOUNS.iter().any(|noun| behind(rest, noun).is_some()))
    }) || is_person_alone(&words)
}

/// What follows `phrase` where `rest` begins with it as whole words.
fn behind<'a>(rest: &'a str, phrase: &str) -> Option<&'a str> {
    rest.strip_prefix(phrase)?.strip_prefix(' ')
}

fn is_person_alone(words: &str) -> bool {
    let politeness = ["please", "bitte", "por", "favor", "s", "il", "vous", "plait", "a", "an", "ein", "einen", "un"];
    let mut rest = words.split_whitespace().filter(|word| !politeness.contains(word));
    matches!((rest.next(), rest.next()), (Some(word), None) if PERSON_ALONE.contains(&word))
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

/// The words in lower case without accents and punctuation, with one space around each.
fn words(text: &str) -> String {
    let mut words = String::from(" ");
    let combining_accent = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    for c in text.chars().flat_map(char::to_lowercase).filter(|c| !combining_accent(c)) {
        let plain = match c {
            'à' | 'á' | 'â' | 'ä' => 'a',
            'è' | 'é' | 'ê' | 'ë' => 'e',
            'ì' | 'í' | 'î' | 'ï' => 'i',
            'ò' | 'ó' | 'ô' | 'ö' => 'o',
            'ù' | 'ú' | 'û' | 'ü' => 'u',
            'ç' => 'c',
            'ñ' => 'n',
            c if c.is_alphanumeric() => c,
            _ => ' ',
        };
        if plain != ' ' || !words.ends_with(' ') {
            words.push(plain);
        }
    }
    if !words.ends_with(' ') {
        words.push(' ');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hears_who_asks_for_a_person() {
        for text in [
            "I want to talk to a person",
            "Can I speak with someone please?",
            "human!",
            "Agent, please",
            "let me speak to your manager NOW",
            "are you a real person??",
            "Kann ich mit einem Menschen sprechen?",
            "Ich möchte mit einer Mitarbeiterin reden",
            "Mitarbeiter bitte",
            "Je voudrais parler à quelqu’un",
            "parler a\u{300} un conseiller",
            "Puis-je parler à un conseiller ?",
            "¿Puedo hablar con una persona?",
            "un agente, por favor",
        ] {
            assert!(asks_for_person(text), "{text}");
        }
    }

    #[test]
    fn does_not_hear_it_in_other_questions() {
        for text in [
            "",
            "How much is shipping?",
            "Is the tea safe for humans?",
            "Which personal data do you store?",
            "Can one person order twice?",
            "Is your travel agent discount still valid?",
            "I have to talk to my wife first",
            "Wie lange dauert der Versand?",
        ] {
            assert!(!asks_for_person(text), "{text}");
        }
    }

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
