//! Rules for what a model says in plain words: whether it gives up, and whether it states something.
//!
//! Refusal must come from retrieval, not from the model, since small models state what they do not know. So where a desk has
//! pages and none fits, a statement in answer to a question is not passed on, whatever the model calls it
//! (`states_something`). The lists are small on purpose: what they miss is still an answer the model stands for.

use super::draft::Action;

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

/// How questions begin that have no question mark, in the languages that `phrases` knows.
const ASKS: &[&str] = &[
    "how", "what", "when", "where", "which", "who", "why", "can", "could", "do", "does", "did", "is", "are", "may",
    "will", "would", "wie", "was", "wann", "wo", "welche", "welcher", "welches", "wer", "warum", "kann", "können",
    "könnt", "gibt", "ist", "sind", "habt", "haben", "comment", "quand", "combien", "quel", "quelle", "pourquoi",
    "puis", "cómo", "cuándo", "dónde", "cuánto", "cuál", "puedo",
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

/// The action of a reply that came without one.
pub(super) fn action(reply: &str) -> Action {
    let said = lower(reply);
    if GIVES_UP.iter().any(|words| said.contains(words)) { Action::HandOff } else { Action::Continue }
}

/// Whether the customer asks about the assistant and not about the company.
pub(super) fn is_about_us(question: &str) -> bool {
    let asked = lower(question);
    asked.chars().count() < 80 && ABOUT_US.iter().any(|words| asked.contains(words))
}

/// Whether a reply tells the customer who wrote `question` something that it would have to know. A number may be a price, a
/// date or an address; and what is no question back is an answer to one.
pub(super) fn states_something(reply: &str, question: &str) -> bool {
    let asked: Vec<String> = numbers(question).collect();
    // To repeat the customer's own numbers is to state nothing.
    if numbers(reply).any(|number| !asked.contains(&number)) {
        return true;
    }
    asks(question) && !reply.trim_end().ends_with(['?', '？', '؟'])
}

fn asks(text: &str) -> bool {
    let begins = |line: &str| {
        let word: String =
            lower(line).chars().skip_while(|c| !c.is_alphabetic()).take_while(|c| c.is_alphabetic()).collect();
        ASKS.contains(&word.as_str())
    };
    text.contains(['?', '？', '؟']) || text.lines().any(begins)
}

fn numbers(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_numeric()).filter(|digits| !digits.is_empty()).map(str::to_owned)
}

fn lower(text: &str) -> String {
    text.to_lowercase().replace('’', "'")
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
    fn an_answer_to_a_question_states_something_and_a_question_back_does_not() {
        for (question, reply, states) in [
            ("Do you ship to Mars?", "Yes, we do.", true),
            ("do you ship to mars", "Yes, we do.", true),
            ("Liefert ihr nach Wien?", "Ja.", true),
            ("Do you ship to Mars?", "Where exactly do you live?", false),
            ("Do you ship to Mars?", "Is it for our shop in Kettle Lane 4?", true),
            ("Order 1234 is broken", "I am sorry about order 1234. What is broken?", false),
            ("ok I will try that", "Good luck!", false),
            ("ok I will try that", "It takes 5 minutes.", true),
        ] {
            assert_eq!(states_something(reply, question), states, "{question} {reply}");
        }
    }

    #[test]
    fn questions_about_the_assistant_need_no_page() {
        assert!(is_about_us("Are you a bot?") && is_about_us("Wer bist du?") && is_about_us("how are you"));
        assert!(!is_about_us("Are you open on Sunday?"));
    }
}
