//! How well the sample knowledge is found, measured on a labelled set of questions.

use serde::Deserialize;

use super::*;

/// A labelled question of `tests/data/retrieval.json`.
#[derive(Deserialize)]
struct Labelled {
    question: String,
    /// The page that answers it; none when the sample knowledge has no answer.
    page: Option<String>,
    /// `tune`: looked at when the rule was chosen; `check`: not used for choosing the threshold.
    split: String,
}

fn sample() -> Knowledge {
    Knowledge::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge/support")).unwrap()
}

fn labelled() -> Vec<Labelled> {
    serde_json::from_str(include_str!("../../tests/data/retrieval.json")).unwrap()
}

/// What came of the questions of one split.
#[derive(Debug, Default, PartialEq, Eq)]
struct Measured {
    answerable: usize,
    /// `search` puts the right page first.
    first: usize,
    /// `search` puts the right page among the first three.
    first_three: usize,
    /// `best` gives the right page.
    right: usize,
    /// `best` gives another page.
    wrong: usize,
    unanswerable: usize,
    /// `best` gives nothing, and rightly so.
    refused: usize,
}

fn measure(knowledge: &Knowledge, split: &str) -> Measured {
    let mut measured = Measured::default();
    for case in labelled().into_iter().filter(|case| case.split == split) {
        let best = knowledge.best(&case.question);
        let Some(page) = case.page else {
            measured.unanswerable += 1;
            measured.refused += usize::from(best.is_none());
            continue;
        };
        let found = knowledge.search(&case.question, 3);
        measured.answerable += 1;
        measured.first += usize::from(found.first().is_some_and(|hit| hit.passage.page == page));
        measured.first_three += usize::from(found.iter().any(|hit| hit.passage.page == page));
        measured.right += usize::from(best.as_ref().is_some_and(|hit| hit.passage.page == page));
        measured.wrong += usize::from(best.is_some_and(|hit| hit.passage.page != page));
    }
    measured
}

/// The floors are what was measured. A change that moves them is fine when it moves them up; then they move with it.
#[test]
fn retrieval_keeps_its_measured_quality() {
    let knowledge = sample();
    let tune = measure(&knowledge, "tune");
    let check = measure(&knowledge, "check");
    assert_eq!((tune.answerable, tune.unanswerable, check.answerable, check.unanswerable), (24, 12, 24, 12));
    assert!(tune.first >= 22 && tune.first_three >= 23 && tune.right >= 20 && tune.wrong <= 1, "{tune:?}");
    assert!(tune.refused >= 11, "{tune:?}");
    assert!(check.first >= 22 && check.first_three >= 24 && check.right >= 20 && check.wrong <= 1, "{check:?}");
    assert!(check.refused >= 12, "{check:?}");
}

#[test]
fn every_sample_page_has_a_title_and_an_address_and_none_is_left_out() {
    let knowledge = sample();
    assert_eq!(knowledge.skipped(), []);
    assert!(knowledge.passages().iter().all(|passage| passage.url.is_some()));
    assert!(knowledge.passages().iter().all(|passage| passage.text.split_whitespace().count() <= MAX_PASSAGE_WORDS));
}

#[test]
fn a_hit_carries_the_passage_with_its_source() {
    let hit = sample().best("How long is a gift card valid?").unwrap();
    assert_eq!(hit.passage.title, "Gift cards › How long a gift card is valid");
    assert_eq!(hit.passage.url.as_deref(), Some("https://tea.example/help/gift-cards"));
    assert!(hit.passage.text.contains("3 years"));
}

#[test]
fn a_question_without_content_words_finds_nothing() {
    let knowledge = sample();
    for question in ["", "   ", "what is it?", "hello, please help", "???", "\u{1f375}"] {
        assert!(knowledge.best(question).is_none(), "{question:?}");
    }
    assert!(Knowledge::default().best("shipping").is_none());
}

#[test]
fn found_gives_passages_only_when_there_is_an_answer() {
    let knowledge = sample();
    let found = knowledge.found("How long is a gift card valid?", 2);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].passage.page, "gift-cards.md");
    let unanswerable = "Do you sell coffee machines?";
    assert!(knowledge.found(unanswerable, 2).is_empty() && !knowledge.search(unanswerable, 2).is_empty());
}

#[test]
fn search_gives_no_more_than_asked_for_best_first() {
    let hits = sample().search("gift card for the subscription", 3);
    assert_eq!(hits.len(), 3);
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score));
}
