//! Which of the retrieved passages a reply rests on, and what it says that none of them does.
//!
//! A model may forget to cite, or cite the wrong number. What it states can be looked up all the same: prices, times, other
//! numbers, days and addresses, and, where it states none of these, its words. Pure.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    facts::{Fact, Support, facts},
    language, similar,
};
use crate::knowledge::Passage;

/// The share of a reply's longer words that a passage must have for the reply to rest on it.
const SAME_WORDS: f32 = 0.6;

/// What a reply rests on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ground {
    /// The passages, by number from 1: those that were cited, and those that have to be beside them.
    pub(super) citations: Vec<usize>,
    /// The facts for which there is nothing: neither a passage nor what was said before.
    pub(super) unsupported: BTreeSet<Fact>,
}

/// The share of what a reply adds to the question that the passage it cites must have, in the same language.
const SOME_WORDS: f32 = 0.25;

/// Those of the cited passages that have to do with the reply. Where it is in their language, some of its words stand there; a citation that
/// has none is no reason to believe it.
///
/// `is_strict` where it was not the customer's words that found them: then a reply too short to tell does not count either.
pub(super) fn plausible(
    reply: &str,
    question: &str,
    cited: &[usize],
    passages: &[Arc<Passage>],
    is_strict: bool,
) -> Vec<usize> {
    let spoken = language::guess(reply);
    let is_plausible = |number: &usize| {
        let Some(passage) = number.checked_sub(1).and_then(|place| passages.get(place)) else { return false };
        spoken.is_none()
            || spoken != language::guess(&passage.text)
            || similar::coverage_of_new(reply, question, &passage.whole())
                .map_or(!is_strict, |share| share >= SOME_WORDS)
    };
    cited.iter().copied().filter(is_plausible).collect()
}

/// Looks up what `reply` says. `cited` are numbers of `passages`; `said` is the conversation and what the desk says of itself. Sums of money, shares
/// of a hundred and telephone numbers must stand in `ours`, the part of it that is not the customer's: who says "I get €1000" does not get them.
pub(super) fn ground(reply: &str, cited: &[usize], passages: &[Arc<Passage>], said: &str, ours: &str) -> Ground {
    let (said, ours) = (Support::of([said].into_iter()), Support::of([ours].into_iter()));
    let was_said = |fact: &Fact| {
        if matches!(fact, Fact::Percent(_) | Fact::Price(_) | Fact::Phone(_)) { ours.has(fact) } else { said.has(fact) }
    };
    let supports: Vec<(usize, Support)> = (1..)
        .zip(passages)
        .map(|(number, passage)| (number, Support::of([passage.whole().as_str()].into_iter())))
        .collect();
    let mut citations = cited.to_vec();
    let is_in = |fact: &Fact, numbers: &[usize]| {
        supports.iter().any(|(number, support)| numbers.contains(number) && support.has(fact))
    };
    let mut open: BTreeSet<Fact> =
        facts(reply, false).into_iter().filter(|fact| !was_said(fact) && !is_in(fact, &citations)).collect();
    // The passage that has most of what is still open, then the next.
    while let Some((number, _)) = supports
        .iter()
        .map(|(number, support)| (*number, open.iter().filter(|fact| support.has(fact)).count()))
        .filter(|(_, count)| *count > 0)
        .max_by_key(|(number, count)| (*count, std::cmp::Reverse(*number)))
    {
        citations.push(number);
        open.retain(|fact| !is_in(fact, &[number]));
    }
    if citations.is_empty() {
        citations.extend(best_by_words(reply, passages));
    }
    citations.sort_unstable();
    Ground { citations, unsupported: open }
}

/// What the passages of these numbers say, together.
pub(super) fn text_of(numbers: &[usize], passages: &[Arc<Passage>]) -> String {
    let texts = (1..).zip(passages).filter(|(number, _)| numbers.contains(number));
    texts.map(|(_, passage)| passage.whole()).collect::<Vec<_>>().join("\n")
}

/// A text that replies may rest on, read once for all their sentences.
pub(super) struct Source<'a> {
    text: &'a str,
    support: Support,
}

impl<'a> Source<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, support: Support::of([text].into_iter()) }
    }

    /// Whether it says what `reply` says: all its facts, if it has some, or most of its words.
    pub(super) fn says(&self, reply: &str) -> bool {
        let stated = facts(reply, false);
        if stated.is_empty() {
            similar::coverage(reply, self.text) >= SAME_WORDS
        } else {
            stated.iter().all(|fact| self.support.has(fact))
        }
    }
}

/// The passage that says most of it with the same words, if any says enough.
fn best_by_words(reply: &str, passages: &[Arc<Passage>]) -> Option<usize> {
    let coverage = |passage: &Passage| similar::coverage(reply, &passage.whole());
    let covered = (1..).zip(passages).map(|(number, passage)| (number, coverage(passage)));
    let best = covered.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    (best.1 >= SAME_WORDS).then_some(best.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Audience;

    fn passages() -> Vec<Arc<Passage>> {
        let passage = |title: &str, text: &str| {
            Arc::new(Passage {
                title: title.into(),
                url: None,
                text: text.into(),
                page: "a.md".into(),
                audience: Audience::Customer,
            })
        };
        vec![
            passage("Shipping", "Germany: 2 to 3 working days. Shipping costs €3.90 per parcel."),
            passage(
                "Opening hours",
                "We answer from Monday to Friday, 9:00 to 17:00. Teapots can go into the dishwasher.",
            ),
        ]
    }

    fn grounded(reply: &str, cited: &[usize], said: &str) -> (Vec<usize>, Vec<String>) {
        let ground = ground(reply, cited, &passages(), said, "It is 7 €.");
        (ground.citations, ground.unsupported.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn facts_lead_to_their_passages() {
        assert_eq!(grounded("The delivery takes 2 to 3 days.", &[], ""), (vec![1], vec![]));
        assert_eq!(grounded("Zwei bis drei Tage, 3,90 €.", &[2], ""), (vec![1, 2], vec![]));
        assert_eq!(grounded("3 days; we are there from 9 am.", &[], ""), (vec![1, 2], vec![]));
        assert_eq!(grounded("It costs €4.90.", &[1], ""), (vec![1], vec!["the price 4.9".to_owned()]));
        assert_eq!(grounded("Order 4711 takes 3 days.", &[], "Where is 4711?"), (vec![1], vec![]));
        let discount = grounded("The code FREETEA gives 90 % off.", &[1], "FREETEA gives 90 % off. What is the code?");
        assert_eq!(discount, (vec![1], vec!["90 %".to_owned()]));
        let given = grounded("You get €1000 or 7 €.", &[1], "I get €1000. How much do I get?");
        assert_eq!(given, (vec![1], vec!["the price 1000".to_owned()]));
    }

    #[test]
    fn a_citation_that_has_nothing_to_do_with_the_reply_is_none() {
        let plausible = |reply| plausible(reply, "What is in the order of my neighbour?", &[1, 2], &passages(), false);
        assert_eq!(plausible("Your neighbour's order contains a book, a lamp and the lid of a casket."), [0; 0]);
        assert_eq!(plausible("The teapots of the order can be put into the dishwasher on Friday."), [2]);
        // Of a few words, or in another language, nothing can be told.
        assert_eq!(plausible("A book."), [1, 2]);
        assert_eq!(plausible("Die Bestellung von Ihrem Nachbarn enthält ein Buch und eine Lampe."), [1, 2]);
    }

    #[test]
    fn without_facts_words_lead_there() {
        assert_eq!(grounded("Yes, teapots can go into the dishwasher.", &[], "").0, [2]);
        assert_eq!(grounded("Yes, we sell coffee machines.", &[], "").0, [0; 0]);
        assert_eq!(grounded("Thanks!", &[], "").0, [0; 0]);
    }
}
