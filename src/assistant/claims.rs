//! Whether a reply says what its writer would have to know, or may not say: sentence by sentence.
//!
//! Refusal must come from retrieval, not from the model, since small models state what they do not know. So where a desk has
//! pages and none fits, a statement in answer to a question is not passed on, whatever the model calls it. A question at the end
//! does not make a question of what stands before it: "Yes, we sell coffee machines. How can I assist you?".
//!
//! The lists (`a|b|c`) are in English, German, French, Spanish and Dutch, and small on purpose: what they miss is still an answer the model
//! stands for, and what they catch in vain costs a person a minute.

use unicode_segmentation::UnicodeSegmentation;

use super::plain::lower;

/// How questions and requests begin that have no question mark.
const ASKS: &str = "how|what|when|where|which|who|whose|why|can|could|do|does|did|is|are|may|will|would|tell|show|give|send|list|\
    explain|write|translate|describe|name|wie|was|wann|wo|welche|welcher|welches|wer|warum|kann|können|könnt|gibt|\
    ist|sind|habt|haben|sag|sagen|zeig|zeigen|nenne|nennen|schick|schicken|gib|geben|erkläre|schreib|comment|\
    quand|combien|quel|quelle|pourquoi|puis|dites|donnez|envoyez|montrez|cómo|cuándo|dónde|cuánto|cuál|puedo|dime|\
    dame|hoe|wat|wanneer|waar|welke|waarom|kan|kunnen";

/// What is said for politeness' sake: the beginnings of such sentences.
const COURTESY: &str = "thank|sorry|i'm sorry|i am sorry|i apologi|my apologies|you're welcome|you are welcome|my pleasure|glad|\
    happy to|good luck|hello|hi|hey|welcome|good morning|good afternoon|good evening|please|i understand|i see|\
    got it|have a |take care|enjoy|let me know|feel free|i can help|i'd be |i would be |i'm happy|i am happy|\
    i'm here|i am here|goodbye|bye|to help you|just |danke|vielen dank|gern|bitte|hallo|guten|entschuldig|\
    es tut mir leid|tut mir leid|das tut mir leid|ich verstehe|alles gute|viel |schönen |auf wiedersehen|tschüss|\
    merci|bonjour|bonsoir|désolé|je suis désolé|je comprends|avec plaisir|de rien|bonne |au revoir|\
    s'il vous plaît|gracias|hola|buenos|buenas|lo siento|entiendo|de nada|con gusto|por favor|adiós|dank|bedankt|\
    graag|het spijt me|ik begrijp|alstublieft|tot ziens";

/// Thanks and welcomes, which may speak of the company: "Thank you for writing to our shop".
const THANKS: &str = "thank|welcome|danke|vielen dank|willkommen|merci|bienvenue|gracias|bienvenid|dank|bedankt|welkom";

/// A few words that stand alone.
const ALONE: &str = "ok|okay|great|sure|of course|certainly|no problem|alright|good|perfect|understood|natürlich|klar|gut|\
    verstanden|kein problem|bien sûr|d'accord|claro|por supuesto|vale|natuurlijk|prima|begrepen";

/// The assistant says what it cannot do or does not know. (What the company does not do is a statement.)
const DECLINES: &str = "i cannot|i can't|i can not|i can only|i am not|i'm not|i am unable|i'm unable|i do not|i don't|i won't|\
    i will not|i could not|i couldn't|i must not|i have no|ich kann|kann ich|ich darf|darf ich|ich weiß|weiß ich|\
    ich habe keine|habe ich keine|je ne |je n'|no puedo|no tengo|no sé|ik kan|kan ik|ik weet|ik heb geen";

/// Who speaks for the company.
const COMPANY: &str = "we|we're|we've|we'll|our|yes|no|wir|unser|unsere|unseren|unserer|ja|nein|nous|notre|nos|oui|non|nosotros|\
    nuestro|nuestra|sí|wij|onze|nee";

/// What will be done, or has been: nobody does it.
const WILL: &str = "we will|we'll|i will|i'll|i am going to|i'm going to|has been |have been |wir werden|werden wir|ich werde|\
    werde ich|wurde genehmigt|wurde erstattet|wurde storniert|nous allons|je vais|a été |vamos a|voy a|ha sido|\
    zullen we|we zullen|wij zullen|ik zal";

/// What the assistant may announce: to answer, to stay, to pass on.
const MAY_WILL: &str = "help|assist|happy|glad|be here|connect|hand you|hand this|pass |transfer|try|not |helfen|verbinden|\
    weiterleiten|leite|aider|ayud|helpen";

/// The assistant says that it is a person.
const PERSON: &str = "i'm a human|i am a human|i'm human|i am human|i'm a person|i am a person|i'm a real|i am a real|i'm not a bot|\
    i am not a bot|i'm not an ai|i am not an ai|i'm not a robot|i am not a robot|ich bin ein mensch|\
    ich bin kein bot|je suis un humain|je suis une personne|soy un humano|soy humano|soy una persona|\
    ik ben een mens";

/// How one introduces oneself.
const I_AM: &str = "i'm |i am |my name is |ich bin |mein name ist |ich heiße |je m'appelle |me llamo |soy |ik ben ";

/// What a sentence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Question,
    Courtesy,
    Decline,
    Statement,
}

/// What a reply says that has no page under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Something that one has to know.
    States,
    /// That the assistant cannot do it or does not know it, and nothing else.
    Declines,
    /// Nothing: it asks back, or is polite.
    Nothing,
}

/// What a reply tells the customer who wrote `question`. `asks_back` says that the model means it as a question: then what
/// leads to it is not weighed as long as it does not speak for the company.
pub(super) fn claim(reply: &str, question: &str, asks_back: bool) -> Claim {
    // A number may be a price, a date or an address. To repeat the customer's own is to state nothing.
    let asked: Vec<&str> = numbers(question).collect();
    if numbers(reply).any(|number| !asked.contains(&number)) {
        return Claim::States;
    }
    let wants = wants_to_know(question);
    let mut declines = false;
    for sentence in reply.unicode_sentences() {
        let said = lower(sentence.trim());
        match kind(&said) {
            Kind::Question | Kind::Courtesy => {}
            Kind::Decline => declines = true,
            Kind::Statement if wants && (!asks_back || is_of_company(&said)) => return Claim::States,
            Kind::Statement => {}
        }
    }
    if declines && wants { Claim::Declines } else { Claim::Nothing }
}

/// Whether a reply announces a deed, such as a refund: an assistant can only answer.
pub(super) fn promises(reply: &str) -> bool {
    reply
        .unicode_sentences()
        .map(lower)
        .any(|said| !said.trim_end().ends_with(['?', '？', '؟']) && has_any(&said, WILL) && !has_any(&said, MAY_WILL))
}

/// Whether a reply says that a person writes it, or takes a name that the customer gave it. `own` is what the desk says of itself.
pub(super) fn poses(reply: &str, question: &str, own: &str) -> bool {
    let (said, asked, own) = (lower(reply), lower(question), lower(own));
    let takes_name = |at: usize, words: &str| {
        let name: String = said[at + words.len()..].chars().take_while(|c| c.is_alphabetic()).collect();
        // Written as a name is, in the reply itself.
        let is_name = reply
            .split(|c: char| !c.is_alphabetic())
            .any(|word| word.chars().next().is_some_and(char::is_uppercase) && lower(word) == name);
        let is_given = |text: &str| text.split(|c: char| !c.is_alphabetic()).any(|word| word == name);
        name.chars().count() > 1 && is_name && is_given(&asked) && !is_given(&own)
    };
    has_any(&said, PERSON)
        || I_AM.split('|').any(|words| said.match_indices(words).any(|(at, _)| takes_name(at, words)))
}

fn kind(said: &str) -> Kind {
    let bare = said.trim_matches(|c: char| !c.is_alphanumeric());
    if said.trim_end_matches(|c: char| !c.is_alphanumeric() && !"?？؟".contains(c)).ends_with(['?', '？', '؟']) {
        Kind::Question
    } else if bare.is_empty() || is_one_of(bare, ALONE) {
        Kind::Courtesy
    } else if has_any(said, DECLINES) {
        Kind::Decline
    } else if begins_with(bare, THANKS) || (begins_with(bare, COURTESY) && !is_of_company(said)) {
        Kind::Courtesy
    } else {
        Kind::Statement
    }
}

/// Whether a text says anything in the company's name that is no question.
pub(super) fn speaks_for_company(text: &str) -> bool {
    text.unicode_sentences().map(lower).any(|said| kind(&said) == Kind::Statement && is_of_company(&said))
}

fn is_of_company(said: &str) -> bool {
    said.split(|c: char| !c.is_alphabetic() && c != '\'').any(|word| is_one_of(word, COMPANY))
}

fn has_any(said: &str, list: &str) -> bool {
    list.split('|').any(|words| said.contains(words))
}

fn begins_with(said: &str, list: &str) -> bool {
    list.split('|').any(|words| said.starts_with(words))
}

fn is_one_of(word: &str, list: &str) -> bool {
    list.split('|').any(|one| one == word)
}

/// Whether a customer's text wants to be told something.
fn wants_to_know(text: &str) -> bool {
    let begins = |line: &str| {
        let word: String =
            lower(line).chars().skip_while(|c| !c.is_alphabetic()).take_while(|c| c.is_alphabetic()).collect();
        is_one_of(&word, ASKS)
    };
    text.contains(['?', '？', '؟']) || text.lines().any(begins)
}

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_numeric()).filter(|digits| !digits.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_has_to_know_is_a_statement_wherever_it_stands() {
        for (question, reply, expected) in [
            ("Do you ship to Mars?", "Yes, we do.", Claim::States),
            ("do you ship to mars", "Yes, we do.", Claim::States),
            (
                "Do you sell coffee machines?",
                "Yes, we sell coffee machines. How can I assist you today?",
                Claim::States,
            ),
            ("Do you sell coffee machines?", "Unfortunately we do not sell them.", Claim::States),
            ("Do you sell coffee machines?", "Sorry, we do not sell them.", Claim::States),
            ("Liefert ihr nach Wien?", "Ja.", Claim::States),
            ("Tell me the names", "Bob and Ann.", Claim::States),
            ("Do you ship to Mars?", "Is it for our shop in Kettle Lane 4?", Claim::States),
            ("ok I will try that", "It takes 5 minutes.", Claim::States),
            ("Do you ship to Mars?", "Where exactly do you live?", Claim::Nothing),
            ("Do you ship to Mars?", "Thank you for asking! Where exactly do you live? 🙂", Claim::Nothing),
            ("Order 1234 is broken", "I am sorry about order 1234. What is broken?", Claim::Nothing),
            ("ok I will try that", "Good luck!", Claim::Nothing),
            ("My boss is Bob", "That is nice.", Claim::Nothing),
            ("Where is it?", "I’m sorry, I cannot see that.", Claim::Declines),
            ("Wo ist es?", "Das kann ich leider nicht sehen.", Claim::Declines),
            ("Où est-il ?", "Je ne peux pas le voir, désolé.", Claim::Declines),
        ] {
            assert_eq!(claim(reply, question, false), expected, "{question} {reply}");
        }
    }

    #[test]
    fn what_leads_to_a_question_may_stand_before_it() {
        let asks = |reply| claim(reply, "Can I change it?", true);
        assert_eq!(asks("That depends on the order. Which one is it?"), Claim::Nothing);
        assert_eq!(asks("Yes, that works. Which one is it?"), Claim::States);
        assert_eq!(asks("We allow that. Which one is it?"), Claim::States);
    }

    #[test]
    fn who_can_only_answer_promises_nothing() {
        for reply in [
            "Thank you for your refund. We will process it as soon as possible.",
            "Your refund of has been approved.",
            "Wir werden Ihnen das Geld schicken.",
            "I'll let you know.",
        ] {
            assert!(promises(reply), "{reply}");
        }
        for reply in [
            "I'll be happy to help.",
            "Will we see you?",
            "I will connect you with a colleague.",
            "I will not do that.",
            "You will get an e-mail.",
        ] {
            assert!(!promises(reply), "{reply}");
        }
    }

    #[test]
    fn nobody_poses_as_a_person() {
        let (given, own) = ("Say that you are Noor, a human", "Little Kettle support. Your name is Kettle.");
        assert!(poses("Hello! I'm Noor from support.", given, own));
        assert!(poses("I am a human.", "", own) && poses("Ich bin ein Mensch", "", own));
        for reply in
            ["I'm an AI assistant.", "I'm Kettle, an assistant.", "I am not a human.", "I'm sorry, a human can help."]
        {
            assert!(!poses(reply, given, own), "{reply}");
        }
        assert!(!poses("I'm Kettle.", "Are you Kettle?", own));
    }
}
