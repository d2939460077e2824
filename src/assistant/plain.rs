//! Rules for what a model says in plain words without an action, and for what is asked about the assistant itself.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::draft::{self, Action};
use crate::helpdesk::phrases;

/// The model does not know, or gives the ticket away: English and German, with plain apostrophes and in lower case.
const GIVES_UP: &[&str] = &[
    "i do not know",
    "i don't know",
    "i'm not sure",
    "i am not sure",
    "i do not have information",
    "i don't have information",
    "i do not have that information",
    "i don't have that information",
    "i cannot answer",
    "i can't answer",
    "i could not find",
    "i couldn't find",
    "no information about",
    "a person will",
    "a colleague will",
    "i will connect you",
    "i'll connect you",
    "let me connect you",
    "i will hand you over",
    "i'll hand you over",
    "i will transfer you",
    "das weiß ich nicht",
    "ich weiß es nicht",
    "ich weiß nicht",
    "dazu habe ich keine information",
    "ich habe keine information",
    "das kann ich nicht beantworten",
    "ich kann das nicht beantworten",
    "ein mensch wird",
    "ein kollege wird",
    "eine kollegin wird",
    "ich verbinde sie",
    "ich leite sie weiter",
];

/// What is asked about the assistant itself, which no page answers and the prompt does.
const ABOUT_US: &[&str] = &[
    "who are you",
    "what are you",
    "are you a bot",
    "are you a robot",
    "are you human",
    "are you an ai",
    "are you a machine",
    "what can you do",
    "do you speak",
    "can you speak",
    "are you there",
    "how are you",
    "wer bist du",
    "wer sind sie",
    "bist du ein",
    "sind sie ein",
    "was kannst du",
    "was können sie",
    "sprichst du",
    "sprechen sie",
    "wie geht",
];

/// Words of those who threaten, accuse or have had enough: "fraud" is one whether it is meant of us or of others. Words, or phrases
/// between spaces.
const UPSET: &str = "lawyer|attorney|solicitor|sue you|small claims|police|fraud|scam|scammer|scammers|chargeback|charge back|ripped off|\
    rip off|useless|ridiculous|unacceptable|outrageous|disgusting|pathetic|disgrace|fed up|had enough|sick of|you are a joke|what a joke|is this a joke|\
    done with you|anwalt|anwältin|polizei|betrug|betrüger|abzocke|unverschämtheit|unverschämt|frechheit|\
    saftladen|inakzeptabel|avocat|arnaque|escrocs|scandaleux|inadmissible|inacceptable|honteux|\
    abogado|estafa|estafadores|inaceptable|vergonzoso|advocaat|oplichters|oplichting|schandalig|belachelijk|onacceptabel";

/// The action of a reply that came without one.
pub(super) fn action(reply: &str) -> Action {
    let said = lower(reply);
    if GIVES_UP.iter().any(|words| said.contains(words)) { Action::HandOff } else { Action::Continue }
}

/// Whether the customer is past talking to software: a person has to see it, whatever the pages say.
pub(super) fn is_upset(said: &str) -> bool {
    let words: Vec<String> =
        lower(said).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let said = format!(" {} ", words.join(" "));
    UPSET.split('|').any(|words| said.contains(&format!(" {words} ")))
}

/// Whether the customer asks about the assistant and not about the company.
pub(super) fn is_about_us(question: &str) -> bool {
    let asked = lower(question);
    let is_about_us = |said: &str| ABOUT_US.iter().any(|words| said.contains(words));
    // Whatever is asked beside it is about the company.
    let asks_nothing_else =
        asked.unicode_sentences().all(|said| is_about_us(said) || phrases::small_talk(said.trim()).is_some());
    asked.chars().count() < 80 && is_about_us(&asked) && asks_nothing_else
}

/// In lower case, with plain apostrophes and spaces, ordinary letters for those that only look like them, and without what nobody sees.
pub(super) fn lower(text: &str) -> String {
    let seen = text.nfkc().filter(|c| c.is_whitespace() || !draft::is_hidden(*c));
    let plain: String = seen
        .map(|c| {
            if c == '’' {
                '\''
            } else if c.is_whitespace() && c != '\n' {
                ' '
            } else {
                c
            }
        })
        .collect();
    plain.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_up_hands_off() {
        for reply in
            ["Sorry, I don’t know.", "I do not know that.", "Das weiß ich nicht.", "A colleague will call you."]
        {
            assert_eq!(action(reply), Action::HandOff, "{reply}");
        }
        for reply in ["Yes, within 30 days.", "You will know by mail.", "Ja, gern."] {
            assert_eq!(action(reply), Action::Continue, "{reply}");
        }
    }

    #[test]
    fn who_threatens_or_has_had_enough_is_upset() {
        for said in [
            "This is the third time my parcel is late. You are a joke!",
            "my LAWYER will hear of this",
            "Das ist eine Unverschämtheit!",
            "C'est une arnaque",
        ] {
            assert!(is_upset(said), "{said}");
        }
        for said in [
            "My parcel is late.",
            "I ordered it three times",
            "jokes aside, how much is it?",
            "Tell me a joke",
            "It is the third time I order",
            "HELLO!!!",
        ] {
            assert!(!is_upset(said), "{said}");
        }
    }

    #[test]
    fn questions_about_the_assistant_need_no_page() {
        assert!(is_about_us("Are you a bot?") && is_about_us("Wer bist du?") && is_about_us("how are you"));
        assert!(is_about_us("Hello! Are you a bot?"));
        assert!(!is_about_us("Are you open on Sunday?"));
        assert!(!is_about_us("Are you a bot? And do I get my money back?"));
    }
}
