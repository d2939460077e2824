//! Asking for a person.

use super::words;

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
}
