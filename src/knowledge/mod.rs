//! What a desk knows: Markdown help pages, cut into passages, and the search over them.
//!
//! `folder` reads files → `page` parses one → `passage` cuts it → `index` ranks the passages. The module imports no
//! other module of ours. Ranking is lexical (BM25); callers see only [`Hit`]s, so another ranker can take its place.

mod folder;
mod index;
mod page;
mod passage;

use std::{path::Path, sync::Arc};

pub use folder::{Error, MAX_FILE_BYTES, MAX_FILES, Skipped};
pub use passage::{MAX_PASSAGE_WORDS, Passage};

use index::Index;

/// The share of a question's weighted content words that a passage must contain to count as an answer to it.
///
/// Measured on `tests/data/retrieval.json`; `tests::retrieval_keeps_its_measured_quality` holds the figures.
const FOUND_COVERAGE: f32 = 0.55;

/// One passage that matches a question, and how well.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The passage, shared with the [`Knowledge`] it came from.
    pub passage: Arc<Passage>,
    /// The rank score: higher is better, always above 0, and comparable only within one search.
    pub score: f32,
}

/// The passages of one desk's knowledge folder and the index over them.
///
/// It is immutable: after the files have changed, load it again.
#[derive(Debug, Default)]
pub struct Knowledge {
    passages: Vec<Arc<Passage>>,
    skipped: Vec<Skipped>,
    index: Index,
}

impl Knowledge {
    /// Reads every Markdown file (`.md`, `.markdown`) under `folder`, however deep, in the order of their paths.
    ///
    /// A file that cannot be used (over 1 MiB, not UTF-8, unreadable, a link that leads out of the folder) is left
    /// out, logged as a warning, and listed by [`Knowledge::skipped`]. Names that begin with a dot are not looked at.
    ///
    /// # Errors
    ///
    /// When the folder itself cannot be read, or holds more than 10,000 Markdown files.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let found = folder::read(folder)?;
        for skipped in &found.skipped {
            tracing::warn!(knowledge.page = ?skipped.page, reason = %skipped.reason, "A knowledge page was left out");
        }
        let passages = found.pages.iter().flat_map(passage::split).collect();
        let mut knowledge = Self::from_passages(passages);
        knowledge.skipped = found.skipped;
        Ok(knowledge)
    }

    /// The passages of one page that is no file in a folder; `name` is the path it would have there.
    #[must_use]
    pub fn cut(name: &str, markdown: &str) -> Vec<Passage> {
        passage::split(&page::Page::parse(name.to_owned(), markdown))
    }

    /// Builds the index over passages that did not come from files.
    #[must_use]
    pub fn from_passages(passages: Vec<Passage>) -> Self {
        Self {
            index: Index::new(&passages),
            passages: passages.into_iter().map(Arc::new).collect(),
            skipped: Vec::new(),
        }
    }

    /// The `limit` passages that match `query` best, best first; equal scores stand in the order of the pages.
    ///
    /// Anything that shares one content word with the query is a match; [`Knowledge::best`] asks for more.
    #[must_use]
    pub fn search(&self, query: &str, limit: usize) -> Vec<Hit> {
        let ranked = self.index.rank(query);
        ranked.into_iter().take(limit).filter_map(|(position, score)| self.hit(position, score)).collect()
    }

    /// The one passage that answers `query`, or `None` when nothing here does.
    ///
    /// A best match always exists once a single word is shared, so it counts only when it contains enough of what the
    /// question is about.
    #[must_use]
    pub fn best(&self, query: &str) -> Option<Hit> {
        let (position, score) = self.index.rank(query).into_iter().next()?;
        if self.index.coverage(query, position) < FOUND_COVERAGE {
            return None;
        }
        self.hit(position, score)
    }

    /// The passages that a prompt should carry: the `limit` best, or none when [`Knowledge::best`] finds nothing.
    ///
    /// A model that is handed an unfitting passage answers from it; whether there is an answer is decided here.
    #[must_use]
    pub fn found(&self, query: &str, limit: usize) -> Vec<Hit> {
        if self.best(query).is_none() {
            return Vec::new();
        }
        self.search(query, limit)
    }

    /// All passages, page by page.
    #[must_use]
    pub fn passages(&self) -> &[Arc<Passage>] {
        &self.passages
    }

    /// The files and links that [`Knowledge::load`] left out, each with its reason.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    fn hit(&self, position: usize, score: f32) -> Option<Hit> {
        let passage = Arc::clone(self.passages.get(position)?);
        Some(Hit { passage, score })
    }
}

#[cfg(test)]
mod tests;
