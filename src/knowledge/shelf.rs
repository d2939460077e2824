//! One desk's folder as it is now: read anew when it changes, its passages embedded as they come.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    sync::{Mutex as Turn, Notify},
    task, time,
};
use tokio_util::sync::CancellationToken;

use super::{
    Asked, Audience, Knowledge, Results,
    cache::{self, Key},
    edit::{self, EditError, PagePath},
    embedder::{BATCH, EmbedError, Embedder, Parts, Vector},
    folder::{self, MAX_FILES},
    view,
};

/// How long to wait after a model has failed before its passages are tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// How passages are compared by meaning.
#[derive(Clone, Debug)]
pub struct Meaning {
    /// What makes vectors.
    pub embedder: Arc<Embedder>,
    /// The cosine that makes an answer of a passage.
    pub similarity: f32,
    /// The file that vectors are kept in; without one they are made anew by each process.
    pub cache: Option<PathBuf>,
}

/// What [`Shelf::embed`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// Passages whose vectors were made now.
    pub embedded: usize,
    /// Passages whose vectors were there.
    pub kept: usize,
    /// Vectors that no passage has any more.
    pub dropped: usize,
}

/// The knowledge of one desk.
#[derive(Debug)]
pub struct Shelf {
    folder: Option<PathBuf>,
    meaning: Option<Meaning>,
    current: RwLock<Arc<Knowledge>>,
    vectors: Mutex<HashMap<Key, Vector>>,
    /// Whoever reads or changes the folder, one at a time.
    turn: Turn<()>,
    /// Rung when passages want vectors.
    wanting: Notify,
}

impl Shelf {
    /// Reads a desk's folder. Nothing is embedded yet, but what is cached counts.
    ///
    /// # Errors
    /// As [`Knowledge::load`].
    pub fn open(folder: &Path, meaning: Option<Meaning>) -> Result<Self, folder::Error> {
        Ok(Self { folder: Some(folder.to_owned()), ..Self::of(&Knowledge::load(folder)?, meaning) })
    }

    /// A desk without a folder: what it knows never changes. Nothing is embedded yet, but what is cached counts.
    #[must_use]
    pub fn of(knowledge: &Knowledge, meaning: Option<Meaning>) -> Self {
        let cached =
            meaning.as_ref().and_then(|meaning| Some(cache::read(meaning.cache.as_ref()?, meaning.embedder.id())));
        Self::showing(knowledge, meaning, cached.unwrap_or_default())
    }

    /// A desk without a folder that knows something else, with the vectors that this one has. It keeps none on disk.
    #[must_use]
    pub fn instead(&self, knowledge: &Knowledge) -> Self {
        let meaning = self.meaning.clone().map(|meaning| Meaning { cache: None, ..meaning });
        Self::showing(knowledge, meaning, self.vectors().clone())
    }

    fn showing(knowledge: &Knowledge, meaning: Option<Meaning>, vectors: HashMap<Key, Vector>) -> Self {
        let shelf = Self {
            folder: None,
            meaning,
            current: RwLock::default(),
            vectors: Mutex::new(vectors),
            turn: Turn::new(()),
            wanting: Notify::new(),
        };
        shelf.show(knowledge);
        shelf
    }

    /// The folder, if there is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Whether passages are to have vectors; [`Knowledge::has_vectors`] says whether they do.
    #[must_use]
    pub fn has_meaning(&self) -> bool {
        self.meaning.is_some()
    }

    /// What is known now. It does not change under the caller.
    #[must_use]
    pub fn current(&self) -> Arc<Knowledge> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The `limit` passages that fit `question` best, of those that `audience` may see.
    ///
    /// By meaning where there are vectors; when the model fails, by words.
    pub async fn search(&self, question: &str, audience: Audience, limit: usize) -> Results {
        let knowledge = self.current();
        let vector = match &self.meaning {
            Some(meaning) if knowledge.has_vectors() => meaning.embedder.question(question).await,
            _ => None,
        };
        let similarity = self.meaning.as_ref().map_or(view::SIMILARITY, |meaning| meaning.similarity);
        let question = question.to_owned();
        let search = move || {
            let asked = vector.as_ref().map(|Parts { own, other }| Asked { vector: own, other, similarity });
            knowledge.search(&question, audience, limit, asked)
        };
        task::spawn_blocking(search).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a search failed unexpectedly");
            Results::default()
        })
    }

    /// Reads the folder again, and shows what it holds at once; vectors of what is new follow.
    ///
    /// # Errors
    /// When the folder cannot be read: then all stays as it was.
    pub async fn reload(&self) -> Result<Arc<Knowledge>, EditError> {
        let _turn = self.turn.lock().await;
        self.read().await
    }

    async fn read(&self) -> Result<Arc<Knowledge>, EditError> {
        let folder = self.folder.clone().ok_or(EditError::NoFolder)?;
        let knowledge = task::spawn_blocking(move || Knowledge::load(&folder)).await??;
        self.show(&knowledge);
        self.wanting.notify_one();
        Ok(self.current())
    }

    /// Stores a page; gives whether it is new.
    ///
    /// # Errors
    /// [`EditError::Refused`] for a page that could not be used, or at a place that could not be; nothing is changed then.
    pub async fn put(&self, path: PagePath, bytes: Vec<u8>) -> Result<bool, EditError> {
        let _turn = self.turn.lock().await;
        let folder = self.folder.clone().ok_or(EditError::NoFolder)?;
        let full = self.current().pages().len() >= MAX_FILES;
        let is_new = task::spawn_blocking(move || {
            if full && !folder.join(path.as_str()).exists() {
                return Err(EditError::refused(format!("would be one too many: a folder holds {MAX_FILES}")));
            }
            edit::put(&folder, &path, &bytes)
        });
        let is_new = is_new.await??;
        self.read().await?;
        Ok(is_new)
    }

    /// Deletes a page.
    ///
    /// # Errors
    /// [`EditError::NoPage`] when there is none.
    pub async fn remove(&self, path: PagePath) -> Result<(), EditError> {
        let _turn = self.turn.lock().await;
        let folder = self.folder.clone().ok_or(EditError::NoFolder)?;
        task::spawn_blocking(move || edit::remove(&folder, &path)).await??;
        self.read().await.map(drop)
    }

    /// Makes the vectors that are missing, shows them when all are there, and keeps them on disk. `progress` is told how many of
    /// how many are made.
    ///
    /// # Errors
    /// When the model fails; what it made until then is kept in memory.
    pub async fn embed(&self, mut progress: impl FnMut(usize, usize)) -> Result<Synced, EmbedError> {
        let Some(meaning) = &self.meaning else { return Ok(Synced::default()) };
        let mut embedded = 0;
        loop {
            let missing = self.missing();
            if missing.is_empty() {
                break;
            }
            let batch: Vec<_> = missing.iter().take(BATCH).cloned().collect();
            let (keys, texts): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let vectors = meaning.embedder.passages(texts).await?;
            embedded += vectors.len();
            self.vectors().extend(keys.into_iter().zip(vectors));
            progress(embedded, embedded + missing.len().saturating_sub(BATCH));
        }
        let _turn = self.turn.lock().await;
        let knowledge = self.current();
        let wanted: HashSet<Key> =
            knowledge.passages(Audience::Agent).iter().map(|passage| view::key(passage)).collect();
        let known = self.vectors().len();
        self.vectors().retain(|key, _| wanted.contains(key));
        let kept = self.vectors().len();
        if embedded > 0 || kept < known || !knowledge.has_vectors() {
            self.show(&knowledge);
            self.store(meaning).await;
        }
        Ok(Synced { embedded, kept: kept.saturating_sub(embedded), dropped: known - kept })
    }

    /// The passages without a vector, each text once.
    fn missing(&self) -> Vec<(Key, String)> {
        let knowledge = self.current();
        let vectors = self.vectors();
        let mut seen = HashSet::new();
        let passages = knowledge.passages(Audience::Agent).iter();
        passages
            .map(|passage| (view::key(passage), passage))
            .filter(|(key, _)| !vectors.contains_key(key) && seen.insert(*key))
            .map(|(key, passage)| (key, passage.whole()))
            .collect()
    }

    async fn store(&self, meaning: &Meaning) {
        let Some(cache) = meaning.cache.clone() else { return };
        let vectors: Vec<_> = self.vectors().iter().map(|(key, vector)| (*key, Arc::clone(vector))).collect();
        let (path, embedder) = (cache.clone(), Arc::clone(&meaning.embedder));
        let write = task::spawn_blocking(move || cache::write(&path, embedder.id(), &vectors));
        match write.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(path = %cache.display(), %error, "embeddings cannot be kept; they are made anew at the next start");
            }
            Err(error) => tracing::error!(%error, "embeddings could not be kept"),
        }
    }

    /// Lets everybody who searches from now on see this, with the vectors that are there.
    fn show(&self, knowledge: &Knowledge) {
        let vectors = self.vectors();
        let shown = Arc::new(knowledge.with_vectors(|key| vectors.get(key).cloned()));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    fn vectors(&self) -> MutexGuard<'_, HashMap<Key, Vector>> {
        self.vectors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Embeds whatever comes, until `stop`.
    pub(super) async fn keep_embedding(&self, stop: &CancellationToken) {
        if self.meaning.is_none() {
            return;
        }
        loop {
            let Some(embedded) = stop.run_until_cancelled(self.embed(|_, _| ())).await else { return };
            let next = match embedded {
                Ok(Synced { embedded: 0, .. }) => None,
                Ok(Synced { embedded, .. }) => {
                    tracing::info!(passages = embedded, "new knowledge is embedded");
                    None
                }
                Err(error) => {
                    tracing::warn!(%error, "knowledge could not be embedded; words alone are searched meanwhile");
                    Some(AGAIN)
                }
            };
            let rung = async {
                match next {
                    Some(pause) => drop(time::timeout(pause, self.wanting.notified()).await),
                    None => self.wanting.notified().await,
                }
            };
            if stop.run_until_cancelled(rung).await.is_none() {
                return;
            }
        }
    }
}
