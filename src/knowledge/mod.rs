//! What desks know: folders of help pages, cut into passages, and the search over them.
//!
//! `folder` reads files → `page` parses one, with its `front_matter`, `html` as Markdown → `passage` cuts it → `view` is
//! what an audience can find of them: the `index` over words, and vectors by an `embedder`, which is `local` models (`bert`, `universal`) or
//! an `endpoint`; `cache` keeps them. A `shelf` is one desk's folder as it is now, `library` has all shelves, `edit` changes
//! a folder, `watch` hears of changes. The module imports no other module of ours.

mod bert;
mod cache;
mod edit;
mod embedder;
mod endpoint;
mod folder;
mod front_matter;
mod html;
mod index;
mod library;
mod local;
mod measure;
mod page;
mod passage;
mod shelf;
mod universal;
mod view;
mod watch;

use std::{path::Path, sync::Arc};

pub use edit::{EditError, PagePath};
pub use embedder::{EmbedError, Embedder};
pub use endpoint::{Endpoint, EndpointSettings, SettingsError};
pub use folder::{Error, MAX_FILE_BYTES, MAX_FILES, Skipped};
pub use front_matter::Audience;
pub use library::Library;
pub use local::{LocalModel, MODEL_FILES, ModelError};
pub use measure::{Measured, Question, Tally, measure};
pub use passage::{MAX_PASSAGE_WORDS, Passage};
pub use shelf::{Meaning, Shelf, Synced};
pub use view::SIMILARITY;

use cache::Key;
use embedder::Vector;
use page::Page;
use view::View;

/// One passage that matches a question, and how well.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The passage, shared with the [`Knowledge`] it came from.
    pub passage: Arc<Passage>,
    /// The rank score: higher is better, and comparable only within one search.
    pub score: f32,
    /// The cosine of question and passage (−1 to 1), when they were compared by meaning.
    pub similarity: Option<f32>,
    /// The share (0 to 1) of the question's content words that the passage contains, rare words counting more.
    pub coverage: f32,
}

/// A question's meaning.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its vector, of length 1.
    pub vector: &'a [f32],
    /// Its vector by another model, which is asked when by the first no passage is near; empty without one.
    pub other: &'a [f32],
    /// The cosine that makes an answer of a passage.
    pub similarity: f32,
}

/// What a search gave.
#[derive(Debug, Clone, Default)]
pub struct Results {
    /// The passages that fit best, best first.
    pub hits: Vec<Hit>,
    /// Whether the first of them counts as an answer. A best match almost always exists, so this asks for more.
    pub found: bool,
    /// Whether it does so for a query that a model made in the pages' language: such a one comes nearer to its page than a customer's words, and near
    /// to no other.
    pub near: bool,
}

impl Results {
    /// The hits if they count, else none: a model that is handed an unfitting passage answers from it.
    #[must_use]
    pub fn answers(self) -> Vec<Hit> {
        if self.found { self.hits } else { Vec::new() }
    }

    /// The same for a query that a model made.
    #[must_use]
    pub fn near_answers(self) -> Vec<Hit> {
        if self.near { self.hits } else { Vec::new() }
    }
}

/// A page, as those who keep the folder see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageInfo {
    /// Its path relative to the knowledge folder.
    pub path: String,
    /// What it is called.
    pub title: String,
    /// Where a customer can read it, if it says so.
    pub url: Option<String>,
    /// As its front matter has them.
    pub tags: Vec<String>,
    /// As its front matter has it, such as `de`.
    pub language: Option<String>,
    /// Who can find it.
    pub audience: Audience,
    /// Into how many passages it is cut.
    pub passages: usize,
}

/// The passages of one desk's knowledge folder and the index over them.
///
/// It is immutable: after the files have changed, another takes its place (see [`Shelf`]).
#[derive(Debug, Default)]
pub struct Knowledge {
    pages: Vec<PageInfo>,
    skipped: Vec<Skipped>,
    customers: Arc<View>,
    /// The same when no page is for agents only.
    agents: Arc<View>,
}

impl Knowledge {
    /// Reads every page (`.md`, `.markdown`, `.html`, `.htm`, `.txt`) under `folder`, however deep, in the order of their paths.
    ///
    /// A file that cannot be used (over 1 MiB, not UTF-8, unreadable, a link that leads out of the folder, front matter that is not
    /// understood) is left out, logged as a warning, and listed by [`Knowledge::skipped`]. Names that begin with a dot
    /// are not looked at.
    ///
    /// # Errors
    ///
    /// When the folder itself cannot be read, or holds more than 10,000 pages.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let found = folder::read(folder)?;
        for skipped in &found.skipped {
            tracing::warn!(knowledge.page = ?skipped.page, reason = %skipped.reason, "A knowledge page was left out");
        }
        Ok(Self { skipped: found.skipped, ..Self::from_pages(&found.pages) })
    }

    fn from_pages(pages: &[Page]) -> Self {
        let mut infos = Vec::with_capacity(pages.len());
        let mut all = Vec::new();
        for page in pages {
            let passages: Vec<Arc<Passage>> = passage::split(page).into_iter().map(Arc::new).collect();
            infos.push(PageInfo {
                path: page.name.clone(),
                title: page.title.clone(),
                url: page.url.clone(),
                tags: page.tags.clone(),
                language: page.language.clone(),
                audience: page.audience,
                passages: passages.len(),
            });
            all.extend(passages);
        }
        Self { pages: infos, ..Self::of(all) }
    }

    /// The passages of one page that is no file in a folder; `name` is the path it would have there.
    ///
    /// # Errors
    /// What is wrong with its front matter.
    pub fn cut(name: &str, text: &str) -> Result<Vec<Passage>, String> {
        Ok(passage::split(&Page::parse(name.to_owned(), text)?))
    }

    /// Builds the index over passages that did not come from files.
    #[must_use]
    pub fn from_passages(passages: Vec<Passage>) -> Self {
        Self::of(passages.into_iter().map(Arc::new).collect())
    }

    fn of(all: Vec<Arc<Passage>>) -> Self {
        let public: Vec<_> = all.iter().filter(|passage| passage.audience == Audience::Customer).cloned().collect();
        let only_public = public.len() == all.len();
        let customers = Arc::new(View::new(public));
        let agents = if only_public { Arc::clone(&customers) } else { Arc::new(View::new(all)) };
        Self { customers, agents, ..Self::default() }
    }

    /// The same, searched by meaning, if `vector` knows one for every passage; else by words.
    fn with_vectors(&self, vector: impl Fn(&Key) -> Option<Vector>) -> Self {
        let agents = Arc::new(self.agents.with_vectors(&vector));
        let customers = if Arc::ptr_eq(&self.customers, &self.agents) {
            Arc::clone(&agents)
        } else {
            Arc::new(self.customers.with_vectors(&vector))
        };
        Self { pages: self.pages.clone(), skipped: self.skipped.clone(), customers, agents }
    }

    /// The `limit` passages that fit `question` best, of those that `audience` may see: by meaning if `asked` is given and every
    /// passage has a vector, else by words (BM25). Equal scores stand in the order of the pages.
    #[must_use]
    pub fn search(&self, question: &str, audience: Audience, limit: usize, asked: Option<Asked<'_>>) -> Results {
        self.view(audience).search(question, limit, asked)
    }

    fn view(&self, audience: Audience) -> &View {
        match audience {
            Audience::Customer => &self.customers,
            Audience::Agent => &self.agents,
        }
    }

    /// Whether questions are compared by meaning.
    #[must_use]
    pub fn has_vectors(&self) -> bool {
        self.agents.has_vectors()
    }

    /// All passages that an audience can find, page by page.
    #[must_use]
    pub fn passages(&self, audience: Audience) -> &[Arc<Passage>] {
        self.view(audience).passages()
    }

    /// All pages, by path.
    #[must_use]
    pub fn pages(&self) -> &[PageInfo] {
        &self.pages
    }

    /// The files and links that [`Knowledge::load`] left out, each with its reason.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

#[cfg(test)]
mod tests;
