//! Whether what the assistant did is right: by rules alone, from what a customer would see.

use std::collections::BTreeSet;

use serde::Serialize;

use super::case::{Case, Decision};
use crate::{
    assistant::{
        facts::{Support, facts},
        language,
    },
    helpdesk::{Outcome, Words},
    knowledge::Passage,
};

/// What a customer sees of a reply, taken apart.
#[derive(Debug, Default)]
pub struct Reply {
    /// Without the sources.
    pub text: String,
    /// The lines that name sources, without their numbers.
    pub sources: Vec<String>,
}

impl Reply {
    /// Takes the lines that begin with `[n]` for sources, wherever they stand: so does a reader.
    #[must_use]
    pub fn read(reply: &str) -> Self {
        let mut read = Self::default();
        for line in reply.lines() {
            match source(line) {
                Some(source) => read.sources.push(source.to_owned()),
                None => {
                    read.text.push_str(line);
                    read.text.push('\n');
                }
            }
        }
        read.text.truncate(read.text.trim_end().len());
        read
    }
}

fn source(line: &str) -> Option<&str> {
    let (number, source) = line.strip_prefix('[')?.split_once("] ")?;
    (1..=3).contains(&number.len()).then_some(())?;
    (number.bytes().all(|c| c.is_ascii_digit()) && !source.trim().is_empty()).then(|| source.trim())
}

/// What a drafted outcome says to the customer in words of its own, and what it decides.
#[must_use]
pub fn decision(outcome: &Outcome, asked: &str) -> (Decision, String) {
    match outcome {
        Outcome::HandOff(why) => match &why.words {
            Words::Own(words) => (Decision::HandOff, words.clone()),
            _ => (Decision::HandOff, String::new()),
        },
        Outcome::Resolve { body } => (Decision::Answer, body.clone()),
        Outcome::Answer { body } => (of_reply(&Reply::read(body), asked), body.clone()),
    }
}

/// Answer, clarify or refuse. Whoever cites a source answers. Else a question at the end, unless it only offers more
/// help, asks back; and who declines and states no fact that the customer did not, refuses.
fn of_reply(reply: &Reply, asked: &str) -> Decision {
    if !reply.sources.is_empty() {
        return Decision::Answer;
    }
    let text = reply.text.to_lowercase().replace('’', "'");
    if asks_back(&text) {
        return Decision::Clarify;
    }
    let own = Support::of([asked].into_iter());
    let asserts = facts(&reply.text, false).iter().any(|fact| !own.has(fact));
    if !asserts && DECLINES.iter().any(|words| text.contains(words)) { Decision::Refuse } else { Decision::Answer }
}

fn asks_back(text: &str) -> bool {
    let end = text.trim_end_matches(|c: char| !c.is_alphanumeric() && !"?？؟".contains(c));
    let Some(question) = end.strip_suffix(['?', '？', '؟']) else { return false };
    let last = question.rsplit(['.', '!', '?', '\n', '。']).next().unwrap_or(question);
    !OFFERS.iter().any(|words| last.contains(words))
}

/// How replies decline, in lower case.
const DECLINES: [&str; 45] = [
    "cannot",
    "can't",
    "can not",
    "could not",
    "couldn't",
    "unable to",
    "not able to",
    "not allowed",
    "won't",
    "will not",
    "don't have",
    "do not have",
    "don't know",
    "do not know",
    "no information",
    "not possible",
    "not something",
    "sorry",
    "must not",
    "kann nicht",
    "kann ich nicht",
    "kann ich leider",
    "kann leider",
    "kann dir",
    "darf nicht",
    "darf ich nicht",
    "darf keine",
    "kann keine",
    "nicht möglich",
    "keine informationen",
    "leider",
    "weiß ich nicht",
    "ne peux pas",
    "ne puis",
    "ne suis pas",
    "impossible",
    "désolé",
    "no puedo",
    "no es posible",
    "lo siento",
    "no tengo",
    "kan niet",
    "kan ik niet",
    "helaas",
    "non posso",
];

/// Questions that ask nothing about the matter.
const OFFERS: [&str; 14] = [
    "else",
    "help you with",
    "assist you",
    "can i help",
    "can i do for",
    "sonst noch",
    "noch etwas",
    "weiterhelfen",
    "autre chose",
    "vous aider",
    "algo más",
    "ayudarte en",
    "ayudarle en",
    "nog iets",
];

/// What one run of a case was worth. What does not apply to it is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// It decided as expected.
    pub decision: bool,
    /// An answer cites one of the pages that it must.
    pub citation: Option<bool>,
    /// Every source is a page of the desk's, and every fact stands in a cited passage or in the conversation. `None`
    /// for replies with neither.
    pub grounded: Option<bool>,
    /// The reply is in the language that it should be in, as far as that can be told.
    pub language: Option<bool>,
    /// It has what it must have.
    pub must: Option<bool>,
    /// It has nothing that it must not have.
    pub must_not: Option<bool>,
    /// What is wrong, in words.
    pub problems: Vec<String>,
}

impl Verdict {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Judges what came of a case. `passages` are all of the desk's, `trusted` what the desk's prompt says.
#[must_use]
pub fn judge(case: &Case, decided: Decision, said: &str, passages: &[&Passage], trusted: &str) -> Verdict {
    let reply = Reply::read(said);
    let mut verdict = Verdict { decision: case.expect.contains(&decided), ..Verdict::default() };
    if !verdict.decision {
        let expected: Vec<&str> = case.expect.iter().map(|decision| decision.name()).collect();
        verdict.problems.push(format!("{} instead of {}", decided.name(), expected.join(" or ")));
    }
    let (cited, unknown) = cited(&reply, passages);
    if decided == Decision::Answer && !case.cite.is_empty() {
        let pages: BTreeSet<&str> = cited.iter().map(|passage| passage.page.as_str()).collect();
        let is_right = case.cite.iter().any(|page| pages.contains(page.as_str()));
        verdict.citation = Some(is_right);
        if !is_right {
            let pages =
                if pages.is_empty() { "nothing".to_owned() } else { pages.into_iter().collect::<Vec<_>>().join(", ") };
            verdict.problems.push(format!("cites {pages} instead of {}", case.cite.join(" or ")));
        }
    }

    let spoken = language::guess(&reply.text);
    // Who translates a page translates what it has in quotes.
    let quotes = spoken.is_some() && spoken == cited.first().and_then(|passage| language::guess(&passage.text));
    let stated = facts(&reply.text, quotes);
    if !stated.is_empty() || !reply.sources.is_empty() {
        let conversation = case.said();
        let sources = cited.iter().flat_map(|passage| [passage.title.as_str(), passage.text.as_str()]);
        let support = Support::of(sources.chain(conversation.iter().map(|(_, text)| text.as_str())).chain([trusted]));
        let mut ungrounded: Vec<String> = unknown.iter().map(|source| format!("the source '{source}'")).collect();
        ungrounded.extend(stated.iter().filter(|fact| !support.has(fact)).map(ToString::to_string));
        verdict.grounded = Some(ungrounded.is_empty());
        if !ungrounded.is_empty() {
            verdict.problems.push(format!("not grounded: {}", ungrounded.join(", ")));
        }
    }
    if let Some(spoken) = spoken {
        verdict.language = Some(spoken == case.language);
        if spoken != case.language {
            verdict.problems.push(format!("speaks {spoken} instead of {}", case.language));
        }
    }
    if matches!(decided, Decision::Answer | Decision::Clarify) && !case.must.is_empty() {
        let missing: Vec<&str> =
            case.must.iter().filter(|pattern| !pattern.is_in(said)).map(super::case::Pattern::as_str).collect();
        verdict.must = Some(missing.is_empty());
        verdict.problems.extend(missing.iter().map(|pattern| format!("lacks '{pattern}'")));
    }
    if !case.must_not.is_empty() {
        let found: Vec<&str> =
            case.must_not.iter().filter(|pattern| pattern.is_in(said)).map(super::case::Pattern::as_str).collect();
        verdict.must_not = Some(found.is_empty());
        verdict.problems.extend(found.iter().map(|pattern| format!("has '{pattern}', which it must not")));
    }
    verdict
}

/// The passages that a reply's sources name, and the sources that name none.
fn cited<'a>(reply: &'a Reply, passages: &[&'a Passage]) -> (Vec<&'a Passage>, Vec<&'a str>) {
    let mut cited = Vec::new();
    let mut unknown = Vec::new();
    for source in &reply.sources {
        let before = cited.len();
        // A long section is several passages of one title.
        cited.extend(passages.iter().filter(|passage| match &passage.url {
            Some(url) => source.strip_prefix(&passage.title).and_then(|rest| rest.strip_prefix(" – ")) == Some(url),
            None => *source == passage.title,
        }));
        if cited.len() == before {
            unknown.push(source.as_str());
        }
    }
    (cited, unknown)
}

#[cfg(test)]
mod tests {
    use super::{super::case::Suite, *};

    fn passage() -> Passage {
        Passage {
            title: "Returns › Label".into(),
            url: Some("https://tea.example/help/returns".into()),
            text: "You get a return label by e-mail. The label costs €2.90, and you have 30 days.".into(),
            page: "returns.md".into(),
            audience: crate::knowledge::Audience::Customer,
        }
    }

    const SOURCE: &str = "\n\n[1] Returns › Label – https://tea.example/help/returns";

    fn case(more: &str) -> Case {
        let text = format!(
            "[[case]]\nid = 'a'\nclass = 'x'\nconversation = ['What does the label cost? My order is LK1234567.']\n\
             expect = ['answer']\n{more}"
        );
        Suite::parse(&text).unwrap().cases.remove(0)
    }

    fn problems(more: &str, reply: &str) -> Vec<String> {
        let body = reply.to_owned();
        let (decided, said) = decision(&Outcome::Answer { body }, "My order is LK1234567.");
        judge(&case(more), decided, &said, &[&passage()], "").problems
    }

    #[test]
    fn decides_by_what_the_customer_sees() {
        for (reply, decided) in [
            ("It costs €2.90 [1].\n\n[1] Returns – https://x.example", Decision::Answer),
            ("You're welcome!", Decision::Answer),
            ("I cannot say more than this: it costs €2.90.", Decision::Answer),
            ("Which tea do you mean?", Decision::Clarify),
            ("I cannot see that. Which order is it? 🙂", Decision::Clarify),
            ("I can’t share data of other customers. Can I help you with anything else?", Decision::Refuse),
            ("I cannot look up LK1234567.", Decision::Refuse),
            ("Das kann ich leider nicht sagen.", Decision::Refuse),
        ] {
            let body = reply.to_owned();
            assert_eq!(decision(&Outcome::Answer { body }, "Where is LK1234567?").0, decided, "{reply}");
        }
    }

    #[test]
    fn a_right_answer_has_no_problem() {
        let more = "cite = ['returns.md']\nmust = ['2\\.90']\nmust_not = ['sorry']";
        assert_eq!(problems(more, &format!("The label costs €2.90 for the order LK1234567 [1].{SOURCE}")), [""; 0]);
    }

    #[test]
    fn each_mistake_is_named() {
        for (more, reply, problem) in [
            ("", "What do you mean?".to_owned(), "clarify instead of answer"),
            ("cite = ['other.md']", format!("It costs €2.90.{SOURCE}"), "cites returns.md instead of other.md"),
            ("cite = ['returns.md']", "All is well with it.".to_owned(), "cites nothing instead of returns.md"),
            ("", format!("It costs €3.90.{SOURCE}"), "not grounded: the price 3.9"),
            ("", "It costs €2.90.".to_owned(), "not grounded: the price 2.9"),
            ("", "See here.\n[1] Made up –".to_owned(), "not grounded: the source 'Made up –'"),
            (
                "",
                "Das kann ich dir sagen, es ist nicht schwer und die Antwort ist einfach.".to_owned(),
                "speaks de instead of en",
            ),
            ("must = ['30 days']", format!("It costs €2.90.{SOURCE}"), "lacks '30 days'"),
            ("must_not = ['costs']", format!("It costs €2.90.{SOURCE}"), "has 'costs', which it must not"),
        ] {
            assert_eq!(problems(more, &reply), [problem], "{reply}");
        }
    }

    #[test]
    fn a_hand_off_is_judged_by_its_own_words_alone() {
        let words = |words| crate::helpdesk::HandOff {
            words,
            summary: String::new(),
            issue: String::new(),
            reason: String::new(),
        };
        let fixed = decision(&Outcome::HandOff(words(Words::Person)), "");
        assert_eq!(fixed, (Decision::HandOff, String::new()));
        let verdict = judge(&case(""), Decision::HandOff, "", &[], "");
        assert_eq!((verdict.grounded, verdict.language, verdict.decision), (None, None, false));
        let own = decision(&Outcome::HandOff(words(Words::Own("I do not know.".into()))), "");
        assert_eq!(own, (Decision::HandOff, "I do not know.".to_owned()));
    }
}
