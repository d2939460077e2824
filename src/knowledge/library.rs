//! The knowledge of all desks.

use std::{collections::HashMap, sync::Arc};

use futures::future;
use tokio_util::sync::CancellationToken;

use super::{Audience, Results, Shelf, watch::watch};

/// The shelves of all desks, by their desks' names. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Library {
    shelves: Arc<HashMap<String, Shelf>>,
}

impl Library {
    /// A library of these.
    #[must_use]
    pub fn new(shelves: HashMap<String, Shelf>) -> Self {
        Self { shelves: Arc::new(shelves) }
    }

    /// A desk's shelf; desks without a folder may have none.
    #[must_use]
    pub fn shelf(&self, desk: &str) -> Option<&Shelf> {
        self.shelves.get(desk)
    }

    /// Whether any desk is to be searched by meaning.
    #[must_use]
    pub fn has_meaning(&self) -> bool {
        self.shelves.values().any(Shelf::has_meaning)
    }

    /// The `limit` passages of a desk that fit `question` best, of those that `audience` may see.
    pub async fn search(&self, desk: &str, question: &str, audience: Audience, limit: usize) -> Results {
        match self.shelf(desk) {
            Some(shelf) => shelf.search(question, audience, limit).await,
            None => Results::default(),
        }
    }

    /// Watches all folders and embeds what is new, until `stop`.
    pub async fn keep(self, stop: CancellationToken) {
        future::join_all(self.shelves.values().map(async |shelf| {
            tokio::join!(watch(shelf, &stop), shelf.keep_embedding(&stop));
        }))
        .await;
    }
}
