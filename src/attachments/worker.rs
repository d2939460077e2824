//! Fetching what is pending: some at once, one of each customer's, again when that may help.
//!
//! The row is the queue: after a crash what was pending still is, and is fetched then.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::{
    sync::broadcast::{self, error::RecvError},
    task::{self, JoinSet},
    time,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Folder, Limits,
    fetch::{Failure, Fetcher},
};
use crate::helpdesk::{Committed, Error, Fetched, Helpdesk, PendingFile};

/// Files fetched at once.
const AT_ONCE: usize = 8;
/// Tries of a file whose server is in trouble.
const TRIES: u32 = 3;
/// The pause before a second try; it doubles with each.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// The pause when the trouble is ours, as with a full disk. Such tries are not counted.
const OUR_TROUBLE: Duration = Duration::from_secs(60);
/// How often to look without having been rung, for what another process has committed.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the folder is searched for what belongs to nobody.
const CLEAN_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How long after a message is gone its files are.
const CLEAN_SOON: Duration = Duration::from_secs(30);
/// Files that are looked up in the database at once.
const CLEANED_AT_ONCE: usize = 500;

/// Fetches files until it is stopped.
#[derive(Debug)]
pub struct Worker {
    helpdesk: Helpdesk,
    fetcher: Fetcher,
    folder: Folder,
    limits: Limits,
    running: HashMap<task::Id, PendingFile>,
    runs: JoinSet<Result<Fetched, Failure>>,
    /// Files that are to be tried again, how often they were, and when.
    again: HashMap<Uuid, (u32, time::Instant)>,
    /// Bytes in the folder.
    total: u64,
}

impl Worker {
    /// A worker that keeps what it fetches in `folder`, which must be `fetcher`'s.
    #[must_use]
    pub fn new(helpdesk: Helpdesk, fetcher: Fetcher, folder: Folder, limits: Limits) -> Self {
        Self {
            helpdesk,
            fetcher,
            folder,
            limits,
            running: HashMap::new(),
            runs: JoinSet::new(),
            again: HashMap::new(),
            total: 0,
        }
    }

    /// Works until `stop` is called; what is running then is begun anew by the next process.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut commits = self.helpdesk.commits();
        if let Err(error) = self.folder.remove_parts().await {
            tracing::warn!(%error, "half-written attachments could not be removed");
        }
        let mut clean_at = time::Instant::now();
        loop {
            let next_try = self.again.values().map(|(_, at)| *at).filter(|at| *at > time::Instant::now()).min();
            let look = time::Instant::now() + LOOK_EVERY;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // First of all: it tells how full the folder is.
                () = time::sleep_until(clean_at) => {
                    self.clean().await;
                    clean_at = time::Instant::now() + CLEAN_EVERY;
                }
                Some(ended) = self.runs.join_next_with_id(), if !self.runs.is_empty() => self.end(ended).await,
                files_gone = ring(&mut commits) => if files_gone {
                    clean_at = clean_at.min(time::Instant::now() + CLEAN_SOON);
                },
                () = time::sleep_until(next_try.map_or(look, |at| at.min(look))) => {}
            }
            self.start_some().await;
        }
        self.runs.shutdown().await;
    }

    /// Removes files that no row asks for, and counts the others.
    async fn clean(&mut self) {
        match self.removed().await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "attachments that belong to nobody were removed"),
            Err(error) => tracing::warn!(error, "the attachments' folder could not be cleaned"),
        }
    }

    async fn removed(&mut self) -> Result<usize, String> {
        let files = self.folder.files().await.map_err(|error| error.to_string())?;
        self.total = files.iter().map(|(_, size)| size).sum();
        let mut removed = 0;
        for some in files.chunks(CLEANED_AT_ONCE) {
            let ids: Vec<Uuid> = some.iter().map(|(id, _)| *id).collect();
            let kept = self.helpdesk.kept_files(&ids).await.map_err(|error| error.to_string())?;
            for (id, size) in some.iter().filter(|(id, _)| !kept.contains(id)) {
                self.folder.remove(*id).await.map_err(|error| error.to_string())?;
                self.total = self.total.saturating_sub(*size);
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn start_some(&mut self) {
        while self.running.len() < AT_ONCE {
            let free = AT_ONCE - self.running.len();
            let now = time::Instant::now();
            let mut not: Vec<Uuid> = self.running.values().map(|file| file.row.id).collect();
            not.extend(self.again.iter().filter(|(_, (_, at))| *at > now).map(|(id, _)| *id));
            let mut busy: HashSet<String> = self.running.values().map(|file| file.customer.clone()).collect();
            let waiting: Vec<String> = busy.iter().cloned().collect();
            let pending = match self.helpdesk.pending_files(&not, &waiting, free as u64).await {
                Ok(pending) => pending,
                Err(error) => return tracing::error!(%error, "pending attachments could not be read"),
            };
            let mut has_begun = false;
            for file in pending {
                // One at a time for each customer: nobody takes all places.
                if busy.insert(file.customer.clone()) {
                    has_begun |= self.start(file).await;
                }
            }
            if !has_begun {
                return;
            }
        }
    }

    /// Whether something has come of it.
    async fn start(&mut self, file: PendingFile) -> bool {
        match self.forbidden(&file).await {
            Ok(None) => {
                let (fetcher, url, id) = (self.fetcher.clone(), file.row.url.clone(), file.row.id);
                let run = self.runs.spawn(async move { fetcher.fetch(&url, id).await });
                self.running.insert(run.id(), file);
                true
            }
            Ok(Some(reason)) => self.settle(&file, Err(reason)).await,
            Err(error) => {
                tracing::error!(%error, "attachments could not be counted");
                false
            }
        }
    }

    /// Why a file is not even asked for.
    async fn forbidden(&self, file: &PendingFile) -> Result<Option<String>, Error> {
        if self.total.saturating_add(self.limits.max_size) > self.limits.max_total {
            tracing::warn!("the attachments' folder is full (attachments.max_total)");
            return Ok(Some("the folder of the attachments is full".to_owned()));
        }
        let (of_ticket, of_customer) = self.helpdesk.stored_files(file).await?;
        if of_ticket >= self.limits.max_per_ticket {
            return Ok(Some(format!("the ticket has as many files as it may ({of_ticket})")));
        }
        if of_customer >= self.limits.max_per_day {
            return Ok(Some(format!("the customer has sent as many files in 24 hours as it may ({of_customer})")));
        }
        Ok(None)
    }

    async fn end(&mut self, ended: Result<(task::Id, Result<Fetched, Failure>), task::JoinError>) {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "fetching an attachment failed unexpectedly");
                (error.id(), Err(Failure::Refused("an internal error".to_owned())))
            }
        };
        let Some(file) = self.running.remove(&id) else { return };
        let tries = self.again.get(&file.row.id).map_or(0, |(tries, _)| *tries) + 1;
        match outcome {
            Ok(fetched) => {
                self.total = self.total.saturating_add(fetched.size);
                self.settle(&file, Ok(fetched)).await;
            }
            Err(Failure::Temporary(_)) if tries < TRIES => {
                self.again.insert(file.row.id, (tries, time::Instant::now() + TRY_AGAIN * 2_u32.pow(tries - 1)));
            }
            Err(Failure::Temporary(reason)) => {
                self.settle(&file, Err(format!("{reason} (tried {tries} times)"))).await;
            }
            Err(Failure::Refused(reason)) => {
                self.settle(&file, Err(reason)).await;
            }
            Err(Failure::Local(error)) => {
                tracing::error!(%error, attachment.id = %file.row.id, "an attachment could not be written");
                self.again.insert(file.row.id, (tries - 1, time::Instant::now() + OUR_TROUBLE));
            }
        }
    }

    /// Whether it could be noted.
    async fn settle(&mut self, file: &PendingFile, outcome: Result<Fetched, String>) -> bool {
        let ticket = file.row.ticket_id;
        match &outcome {
            Ok(fetched) => tracing::info!(ticket.id = %ticket, size = fetched.size, "an attachment is stored"),
            Err(reason) => tracing::info!(ticket.id = %ticket, reason, "an attachment was refused"),
        }
        self.again.remove(&file.row.id);
        let is_fetched = outcome.is_ok();
        match self.helpdesk.settle_file(file, outcome).await {
            Ok(true) => {}
            Ok(false) if is_fetched => {
                if let Err(error) = self.folder.remove(file.row.id).await {
                    tracing::warn!(%error, "an attachment that nobody wants any more could not be removed");
                }
            }
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "what became of an attachment could not be stored; it is tried again");
                self.again.insert(file.row.id, (0, time::Instant::now() + OUR_TROUBLE));
                return false;
            }
        }
        true
    }
}

/// Returns when a commit has left files to fetch, or to remove: then it gives `true`.
async fn ring(commits: &mut broadcast::Receiver<std::sync::Arc<Committed>>) -> bool {
    loop {
        match commits.recv().await {
            Ok(commit) if commit.files_gone => return true,
            Ok(commit) if commit.files => return false,
            Ok(_) => {}
            // It may have been either.
            Err(RecvError::Lagged(_)) => return true,
            // The process is ending; the other branches will say so.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
