//! How well questions are answered, counted on a labelled set of them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Audience, Shelf};

/// A labelled question.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// As a customer would ask.
    pub question: String,
    /// The page that answers it; none when nothing here does.
    pub page: Option<String>,
    /// What kind of question it is, such as `paraphrased`.
    #[serde(default)]
    pub class: String,
    /// `tune`: looked at when the rules were chosen; `check`: not.
    #[serde(default)]
    pub split: String,
}

/// What came of some questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Questions that a page answers.
    pub answerable: usize,
    /// Of these: the right page came first.
    pub first: usize,
    /// Of these: the right page was among the first three.
    pub first_three: usize,
    /// Of these: the right page came first, and counted as an answer.
    pub right: usize,
    /// Of these: another page came first, and counted as an answer.
    pub wrong: usize,
    /// Questions that no page answers.
    pub unanswerable: usize,
    /// Of these: something counted as an answer all the same.
    pub mistaken: usize,
}

/// The tallies of each split and class.
pub type Measured = BTreeMap<(String, String), Tally>;

/// Asks every question as a customer.
pub async fn measure(shelf: &Shelf, questions: &[Question]) -> Measured {
    let mut measured = Measured::new();
    for asked in questions {
        let results = shelf.search(&asked.question, Audience::Customer, 3).await;
        let tally = measured.entry((asked.split.clone(), asked.class.clone())).or_default();
        let Some(page) = &asked.page else {
            tally.unanswerable += 1;
            tally.mistaken += usize::from(results.found);
            continue;
        };
        let is_first = results.hits.first().is_some_and(|hit| hit.passage.page == *page);
        tally.answerable += 1;
        tally.first += usize::from(is_first);
        tally.first_three += usize::from(results.hits.iter().any(|hit| hit.passage.page == *page));
        tally.right += usize::from(results.found && is_first);
        tally.wrong += usize::from(results.found && !is_first);
    }
    measured
}
