//! What one audience can find: its passages, the index over them, and their vectors when there are any.

use std::sync::Arc;

use super::{
    Asked, Hit, Results,
    cache::{self, Key},
    embedder::{Vector, cosine},
    index::{Index, best},
    passage::Passage,
};

/// The share of a question's weighted content words that a passage must contain to count as an answer to it; beside a
/// low cosine, or alone when words are all there is.
const FOUND_COVERAGE: f32 = 0.55;

/// The cosine of question and passage from which on the passage may count as an answer, if it stands out from the second page. Where none
/// comes up to it, the other model is asked.
///
/// This and the four below were chosen on the `tune` half of `tests/data/retrieval.json` for all-MiniLM-L6-v2 and for few wrong
/// answers; `tests::meaning_keeps_its_measured_quality` holds what came of it. No cosine alone tells answerable questions from others: half of
/// the paraphrased ones are below the highest of those that nothing answers.
pub const SIMILARITY: f32 = 0.26;

/// By how much the best page must be better than the second: a question that nothing answers is about as far from all.
const MARGIN: f32 = 0.08;

/// How much above [`SIMILARITY`] a cosine must be if the question's words are in the passage.
const BESIDE_WORDS: f32 = 0.04;

/// How much above [`SIMILARITY`] the cosine of a query must be that a model made in the pages' language. Of 13 such queries that were looked at, those
/// with a page had 0.58 and more, those without 0.44 and less.
const NEAR: f32 = 0.24;

/// How much above [`SIMILARITY`] a cosine needs nothing beside it: two pages may say the same.
const SURE: f32 = 0.34;

/// The same as [`SIMILARITY`] for the other model, chosen on the same half for the multilingual Universal Sentence Encoder, and so
/// that few of the questions that nothing answers would pass in any language.
const OTHER_SIMILARITY: f32 = 0.30;

#[derive(Debug, Default)]
pub(super) struct View {
    passages: Vec<Arc<Passage>>,
    index: Arc<Index>,
    /// One for each passage, or none at all.
    vectors: Option<Vec<Vector>>,
}

impl View {
    pub(super) fn new(passages: Vec<Arc<Passage>>) -> Self {
        Self { index: Arc::new(Index::new(&passages)), passages, vectors: None }
    }

    /// The same with vectors, if `vector` knows one for every passage.
    pub(super) fn with_vectors(&self, vector: impl Fn(&Key) -> Option<Vector>) -> Self {
        let vectors = self.passages.iter().map(|passage| vector(&key(passage))).collect();
        Self { passages: self.passages.clone(), index: Arc::clone(&self.index), vectors }
    }

    pub(super) fn passages(&self) -> &[Arc<Passage>] {
        &self.passages
    }

    pub(super) fn has_vectors(&self) -> bool {
        self.vectors.is_some()
    }

    pub(super) fn search(&self, question: &str, limit: usize, asked: Option<Asked<'_>>) -> Results {
        match (&self.vectors, asked) {
            (Some(vectors), Some(asked)) => self.by_meaning(question, vectors, asked, limit),
            _ => self.by_words(question, limit),
        }
    }

    fn by_words(&self, question: &str, limit: usize) -> Results {
        let ranked = self.index.rank(question, limit.max(1)).into_iter();
        let mut hits: Vec<Hit> =
            ranked.filter_map(|(position, score)| self.hit(question, position, score, None)).collect();
        let found = hits.first().is_some_and(|best| best.coverage >= FOUND_COVERAGE);
        hits.truncate(limit);
        Results { hits, found, near: found }
    }

    fn by_meaning(&self, question: &str, vectors: &[Vector], asked: Asked<'_>, limit: usize) -> Results {
        let numbers = asked.vector.len();
        let own = vectors.iter().map(|vector| cosine(vector.get(..numbers).unwrap_or_default(), asked.vector));
        let own: Vec<f32> = own.collect();
        let nearest = highest(&own);
        if nearest < asked.similarity && !asked.other.is_empty() {
            let other = vectors.iter().map(|vector| cosine(vector.get(numbers..).unwrap_or_default(), asked.other));
            let other: Vec<f32> = other.collect();
            // What is far by both is ranked by the one that knows the language better.
            if highest(&other) > nearest {
                return self.ranked(question, other, limit, |best, margin| {
                    let found = best.score >= OTHER_SIMILARITY && margin >= MARGIN;
                    (found, found)
                });
            }
        }
        self.ranked(question, own, limit, |best, margin| {
            let above = best.score - asked.similarity;
            let has_words = above >= BESIDE_WORDS && best.coverage >= FOUND_COVERAGE;
            let found = above >= SURE || has_words || (above >= 0.0 && margin >= MARGIN);
            (found, above >= NEAR || has_words)
        })
    }

    /// The passages by their cosines; `is_answer` says whether the best is one, to a customer's words and to a model's, knowing by how much it stands
    /// out.
    fn ranked(
        &self,
        question: &str,
        cosines: Vec<f32>,
        limit: usize,
        is_answer: impl Fn(&Hit, f32) -> (bool, bool),
    ) -> Results {
        let cosines: Vec<(usize, f32)> = cosines.into_iter().enumerate().collect();
        let margin = self.margin(&cosines);
        let ranked = best(cosines, limit.max(1)).into_iter();
        let mut hits: Vec<Hit> =
            ranked.filter_map(|(position, cosine)| self.hit(question, position, cosine, Some(cosine))).collect();
        let (found, near) = hits.first().map(|best| is_answer(best, margin)).unwrap_or_default();
        hits.truncate(limit);
        Results { hits, found, near }
    }

    /// By how much the best page is better than the second; nothing when there is only one.
    fn margin(&self, cosines: &[(usize, f32)]) -> f32 {
        let page = |position: usize| self.passages.get(position).map(|passage| &passage.page);
        let best = cosines.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((best, cosine)) = best.copied() else { return 0.0 };
        let others = cosines.iter().filter(|(position, _)| page(*position) != page(best));
        others.map(|(_, other)| *other).max_by(f32::total_cmp).map_or(0.0, |second| cosine - second)
    }

    fn hit(&self, question: &str, position: usize, score: f32, similarity: Option<f32>) -> Option<Hit> {
        let passage = Arc::clone(self.passages.get(position)?);
        Some(Hit { passage, score, similarity, coverage: self.index.coverage(question, position) })
    }
}

fn highest(cosines: &[f32]) -> f32 {
    cosines.iter().copied().max_by(f32::total_cmp).unwrap_or(-1.0)
}

/// Of what a passage's vector is made.
pub(super) fn key(passage: &Passage) -> Key {
    cache::key(&passage.whole())
}
