//! From a ticket that a person has answered to a page that is proposed, or to the reason why there is none.

use deskbridge_entity::{copilot::Source, llm_call::Purpose, message::Author, proposal::Model, ticket::Status};

use super::{
    brain::{Brain, Failure},
    copilot::{ask, case},
    meter::Meter,
    prompt::case::{Speaker, Task},
    redact::{redacted, says_something},
    similar::{COVERED, NEARLY, coverage, likeness},
};
use crate::{
    helpdesk::{Learned, Lesson, Said, phrases},
    knowledge::{Audience, Library},
};

/// Words of an agent's line from which on it may be an answer.
const ANSWER_WORDS: usize = 5;
/// The longest question, in characters.
const QUESTION: usize = 300;
/// Passages that an answer is compared with.
const COMPARED: usize = 3;
/// What a model writes that has found nothing.
const NOTHING: &str = "NOTHING";

/// Question and answer.
struct Pair {
    question: String,
    answer: String,
    source: Source,
}

/// Makes a proposal of a ticket. Dropping the future drops the model's request, too; what was spent is in `meter`.
///
/// # Errors
/// [`Failure`]: it is to be tried again.
pub(super) async fn make(brain: &Brain, lesson: &Lesson, meter: &Meter) -> Result<Learned, Failure> {
    if !matches!(lesson.ticket.status, Status::Resolved | Status::Closed) {
        return Ok(nothing("the ticket is open again"));
    }
    // What colleagues tell each other is no customer's to read.
    let public: Vec<&Said> = lesson.said.iter().filter(|said| !said.is_note).collect();
    let Some(raw) = raw(&public) else {
        return Ok(nothing("there is no question with an agent's answer of more than a few words"));
    };
    let desk = &lesson.ticket.desk;
    let pair = match &brain.model {
        None => Some(raw),
        Some(model) => {
            let lines: Vec<_> = public.iter().filter_map(|said| line(said)).collect();
            let messages = brain.prompts.case(Task::Learn, &case(brain, desk, &lines))?;
            read(&ask(brain, model, Purpose::Learning, &messages, meter).await?)
        }
    };
    let Some(pair) = pair else { return Ok(nothing("the model found nothing that helps others")) };
    Ok(propose(pair, &names(lesson), &lesson.others, &brain.library, desk).await)
}

/// What becomes of question and answer, after the names and numbers are taken out.
async fn propose(pair: Pair, names: &[String], others: &[Model], library: &Library, desk: &str) -> Learned {
    let question: String = redacted(&pair.question, names).chars().take(QUESTION).collect();
    let question = question.split_whitespace().collect::<Vec<_>>().join(" ");
    let answer = redacted(&pair.answer, names).trim().to_owned();
    if question.is_empty() || !says_something(&answer) {
        return nothing("without what belongs to this customer, nothing is left of the answer");
    }
    let whole = format!("{question} {answer}");
    // Not only what would answer the question: it may be asked in words that no page has. What agents alone may read does
    // not tell customers.
    let near = library.search(desk, &whole, Audience::Customer, COMPARED).await;
    let mut near = near.hits.into_iter().map(|hit| hit.passage);
    let says_it = |text: &str| coverage(&answer, text) >= COVERED;
    if let Some(passage) = near.find(|passage| says_it(&format!("{} {}", passage.title, passage.text))) {
        return Learned::Nothing {
            reason: "a page says it already".to_owned(),
            similar_to: Some(passage.page.clone()),
        };
    }
    let said = others.iter().find(|other| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        likeness(&whole, &format!("{} {}", text(&other.question), text(&other.answer))) >= NEARLY
    });
    match said {
        Some(other) => Learned::Nothing {
            reason: "nearly the same was proposed before".to_owned(),
            similar_to: Some(other.id.to_string()),
        },
        None => Learned::Proposal { question, answer, source: pair.source },
    }
}

fn nothing(reason: &str) -> Learned {
    Learned::Nothing { reason: reason.to_owned(), similar_to: None }
}

/// The customer's first question and the agent's last answer, as they were said.
fn raw(public: &[&Said]) -> Option<Pair> {
    let of = |author| public.iter().filter(move |said| said.author == author).map(|said| said.body.as_str());
    let is_answer = |body: &&str| {
        let words = body.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count();
        words >= ANSWER_WORDS && phrases::small_talk(body).is_none()
    };
    let question = of(Author::Customer).find_map(question)?;
    let answer = of(Author::Agent).rfind(is_answer)?;
    Some(Pair { question, answer: answer.to_owned(), source: Source::Rules })
}

/// What a customer's line asks, beside asking for a person.
fn question(line: &str) -> Option<String> {
    let sentences = line.split_inclusive(['.', '!', '?', '\n']).filter(|sentence| !phrases::asks_for_person(sentence));
    let question = sentences.collect::<String>().trim().to_owned();
    let is_question = question.chars().any(char::is_alphanumeric) && phrases::small_talk(&question).is_none();
    is_question.then_some(question)
}

/// The page that a model wrote: a heading, and the text below it.
fn read(reply: &str) -> Option<Pair> {
    let reply = reply.trim();
    if reply.trim_matches(|c: char| !c.is_alphabetic()).eq_ignore_ascii_case(NOTHING) {
        return None;
    }
    let (head, answer) = reply.split_once('\n')?;
    let question = head.trim_start_matches(['#', '*', ' ']).trim_end_matches(['*', ' ']).to_owned();
    let answer = super::links::without_foreign_links(answer.trim(), &[]);
    Some(Pair { question, answer, source: Source::Model }).filter(|pair| !pair.question.is_empty())
}

fn line(said: &Said) -> Option<(Speaker, &str)> {
    let speaker = match said.author {
        Author::Customer => Speaker::Customer,
        Author::Assistant => Speaker::Assistant,
        Author::Agent => Speaker::Agent,
        Author::System => return None,
    };
    Some((speaker, &said.body))
}

/// Who is in the ticket, as far as we know: what stands before the `@`, and the agents' names.
fn names(lesson: &Lesson) -> Vec<String> {
    let localpart = |jid: &str| jid.split('@').next().unwrap_or_default().to_owned();
    let mut names = vec![localpart(&lesson.ticket.customer)];
    names.extend(lesson.ticket.agent.as_deref().map(localpart));
    names.extend(lesson.said.iter().filter_map(|said| said.name.clone()));
    names
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use deskbridge_entity::proposal::State;

    use super::*;
    use crate::{
        assistant::fixture::proposal,
        knowledge::{Knowledge, Passage, Shelf},
    };

    fn say(author: Author, body: &str) -> Said {
        Said { author, name: None, is_note: false, body: body.to_owned() }
    }

    #[test]
    fn rules_take_the_first_question_and_the_last_answer_and_no_small_talk() {
        let said = [
            say(Author::Customer, "Hello"),
            say(Author::Customer, "How do I descale the kettle?"),
            say(Author::Agent, "Let me have a look at that for you."),
            say(Author::Customer, "And?"),
            say(Author::Agent, "Boil it with citric acid, then rinse it."),
            say(Author::Agent, "Bye!"),
        ];
        let said: Vec<&Said> = said.iter().collect();
        let pair = raw(&said).unwrap();
        assert_eq!(pair.question, "How do I descale the kettle?");
        assert_eq!(pair.answer, "Boil it with citric acid, then rinse it.");
        assert!(raw(&said[..1]).is_none() && raw(&said[2..3]).is_none() && raw(&said[4..]).is_none());
        assert!(raw(&[said[1], said[5]]).is_none());
        assert_eq!(question("Hi! I want to talk to a person!"), None);
        let asked = question("I want to talk to a human. Where is tea.example? It is v. late").unwrap();
        assert_eq!(asked, "Where is tea.example? It is v. late");
    }

    #[test]
    fn a_models_page_has_a_heading_and_a_text() {
        let pair = read("# How do I descale?\n\nWith acid. See https://evil.example.\n").unwrap();
        assert_eq!((pair.question.as_str(), pair.answer.as_str()), ("How do I descale?", "With acid. See."));
        assert_eq!(read("**How?**\nSo.").unwrap().question, "How?");
        for none in ["NOTHING", " nothing. ", "`NOTHING`", "Only one line", "#\nText", ""] {
            assert!(read(none).is_none(), "{none}");
        }
    }

    fn other(question: &str, answer: &str) -> Model {
        proposal(State::Proposed, question, answer)
    }

    fn pair(question: &str, answer: &str) -> Pair {
        Pair { question: question.into(), answer: answer.into(), source: Source::Model }
    }

    async fn propose(pair: Pair, names: &[String], others: &[Model], knowledge: Vec<Passage>) -> Learned {
        let shelf = Shelf::of(&Knowledge::from_passages(knowledge), None);
        let library = Library::new(HashMap::from([("support".to_owned(), shelf)]));
        super::propose(pair, names, others, &library, "support").await
    }

    #[tokio::test]
    async fn what_is_proposed_names_nobody() {
        let names = ["ann.smith".to_owned(), "Eve".to_owned()];
        let said = pair("Ann here, where is order 48213?", "Dear Ann, write to eve@staff.example or ask Eve for it.");
        let expected = Learned::Proposal {
            question: "[name] here, where is order [number]?".into(),
            answer: "Dear [name], write to [address] or ask [name] for it.".into(),
            source: Source::Model,
        };
        assert_eq!(propose(said, &names, &[], vec![]).await, expected);
        let left = propose(pair("Where?", "ann@example.com 123456"), &names, &[], vec![]).await;
        assert!(matches!(left, Learned::Nothing { similar_to: None, .. }), "{left:?}");
    }

    #[tokio::test]
    async fn what_is_known_already_is_not_proposed_again() {
        let (question, answer) = ("How do I descale the kettle?", "Boil it with citric acid, then rinse it well.");
        let knowledge = vec![Passage {
            title: "Descale the kettle".into(),
            url: None,
            text: "Boil water with citric acid in it, wait, then rinse the kettle well.".into(),
            page: "care.md".into(),
            audience: Audience::Customer,
        }];
        let similar = |learned| match learned {
            Learned::Nothing { similar_to, .. } => similar_to,
            Learned::Proposal { .. } => None,
        };
        assert_eq!(
            similar(propose(pair(question, answer), &[], &[], knowledge.clone()).await).as_deref(),
            Some("care.md")
        );
        let before = [other("Gift cards?", "Three years."), other("how do i descale a kettle", answer)];
        let id = before[1].id.to_string();
        assert_eq!(similar(propose(pair(question, answer), &[], &before, vec![]).await), Some(id));
        let other = propose(pair(question, "Never do it yourself: send it in."), &[], &before, knowledge).await;
        assert!(matches!(other, Learned::Proposal { .. }), "{other:?}");
    }
}
