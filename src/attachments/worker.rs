//! Fetching what is pending, and again when that may help.
//!
//! The row is the queue: after a crash what was pending still is, and is fetched then.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::{
    sync::broadcast::{self, error::RecvError},
    task::{self, AbortHandle, JoinSet},
    time,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Folder, Limits,
    fetch::{Failure, Fetcher, TOO_SLOW},
    places::{Place, Places},
    retries::Retries,
};
use crate::helpdesk::{Committed, Error, Fetched, Helpdesk, PendingFile};

/// All tries' time together, in times of what one may take.
const BUDGET: u32 = 2;
/// The pause of everything when the trouble is ours, as with a full disk. Such tries are not counted.
const OUR_TROUBLE: Duration = Duration::from_secs(60);
/// Files read from the database at once.
const PAGE: u64 = 64;
/// Customers who are looked at in one go.
const MAX_CUSTOMERS: usize = 2000;
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
    places: Places<task::Id>,
    runs: JoinSet<Result<Fetched, Failure>>,
    handles: HashMap<task::Id, AbortHandle>,
    retries: Retries,
    /// Nothing is begun before, because of trouble of our own.
    pause: time::Instant,
    /// Whether somebody waits whose file was never tried, and all places are taken.
    is_crowded: bool,
    /// Bytes in the folder.
    total: u64,
}

impl Worker {
    /// A worker that keeps what it fetches in `folder`, which must be `fetcher`'s.
    #[must_use]
    pub fn new(helpdesk: Helpdesk, fetcher: Fetcher, folder: Folder, limits: Limits) -> Self {
        let retries = Retries::new(limits.timeout * BUDGET);
        Self {
            helpdesk,
            fetcher,
            folder,
            limits,
            places: Places::new(),
            runs: JoinSet::new(),
            handles: HashMap::new(),
            retries,
            pause: time::Instant::now(),
            is_crowded: false,
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
            let now = time::Instant::now();
            let retry = self.retries.next(now);
            let turn = self.places.next_end_of_turn().filter(|at| self.is_crowded && *at > now);
            let next = retry.into_iter().chain(turn).min().map_or(now + LOOK_EVERY, |at| at.min(now + LOOK_EVERY));
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
                () = time::sleep_until(next) => {}
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
        let now = time::Instant::now();
        self.is_crowded = false;
        self.retries.forget(now);
        if now < self.pause {
            return;
        }
        // What was never tried comes first, and makes room for itself.
        for fresh in [true, false] {
            match self.begin(fresh).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return tracing::error!(%error, "pending attachments could not be read"),
            }
        }
    }

    /// Begins files that were never tried (`fresh`), or all whose time has come. Whether there may be room for more.
    async fn begin(&mut self, fresh: bool) -> Result<bool, Error> {
        // One at a time for each customer: what one of them sends holds up nobody else.
        let mut passed: HashSet<String> = self.places.files().map(|file| file.customer.clone()).collect();
        while passed.len() < MAX_CUSTOMERS {
            let mut not: Vec<Uuid> = self.places.files().map(|file| file.row.id).collect();
            if fresh {
                not.extend(self.retries.all());
            } else {
                not.extend(self.retries.not_yet(time::Instant::now()));
            }
            let customers: Vec<String> = passed.iter().cloned().collect();
            let page = self.helpdesk.pending_files(&not, &customers, PAGE).await?;
            if page.is_empty() {
                return Ok(true);
            }
            for file in page {
                if !passed.insert(file.customer.clone()) || !self.places.has_room_for(&file) {
                    continue;
                }
                if self.places.is_full() && !(fresh && self.make_room().await) {
                    self.is_crowded = fresh;
                    return Ok(false);
                }
                if self.places.len() > 0 && !self.has_space(1 + self.places.len() as u64) {
                    // What is on its way may be smaller than it could be: it is known soon.
                    return Ok(false);
                }
                self.start(file).await?;
            }
        }
        Ok(true)
    }

    /// Ends the fetching of a file that has had its turn. Whether there was one.
    async fn make_room(&mut self) -> bool {
        let Some(id) = self.places.overdue(time::Instant::now()) else { return false };
        // One that is done just now makes room by itself.
        let Some(run) = self.handles.get(&id).filter(|run| !run.is_finished()) else { return false };
        run.abort();
        self.handles.remove(&id);
        let Some(place) = self.places.leave(id) else { return false };
        let took = place.since.elapsed();
        self.fail(place.file, took, TOO_SLOW.to_owned()).await;
        true
    }

    /// Whether so many more files fit into the folder, however large they are.
    fn has_space(&self, files: u64) -> bool {
        self.total.saturating_add(self.limits.max_size.saturating_mul(files)) <= self.limits.max_total
    }

    async fn start(&mut self, file: PendingFile) -> Result<(), Error> {
        match self.forbidden(&file).await? {
            None => {
                let (fetcher, url, id) = (self.fetcher.clone(), file.row.url.clone(), file.row.id);
                let run = self.runs.spawn(async move { fetcher.fetch(&url, id).await });
                self.places.take(run.id(), file, time::Instant::now());
                self.handles.insert(run.id(), run);
            }
            Some(reason) => self.settle(&file, Err(reason)).await,
        }
        Ok(())
    }

    /// Why a file is not even asked for.
    async fn forbidden(&self, file: &PendingFile) -> Result<Option<String>, Error> {
        if !self.has_space(1) {
            tracing::warn!("the attachments' folder is full (attachments.max_total)");
            return Ok(Some("the folder of the attachments is full".to_owned()));
        }
        let (of_ticket, of_customer) = self.helpdesk.counted_files(file).await?;
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
        self.handles.remove(&id);
        // It had to give way, and that is noted.
        let Some(Place { file, since, .. }) = self.places.leave(id) else { return };
        match outcome {
            Ok(fetched) => {
                self.total = self.total.saturating_add(fetched.size);
                self.settle(&file, Ok(fetched)).await;
            }
            Err(Failure::Temporary(reason)) => self.fail(file, since.elapsed(), reason).await,
            Err(Failure::Refused(reason)) => self.settle(&file, Err(reason)).await,
            Err(Failure::Local(error)) => {
                tracing::error!(%error, attachment.id = %file.row.id, "an attachment could not be written");
                self.pause = time::Instant::now() + OUR_TROUBLE;
            }
        }
    }

    /// One more try was of no use: another follows, unless the file has cost enough.
    async fn fail(&mut self, file: PendingFile, took: Duration, reason: String) {
        if let Some(times) = self.retries.fail(file.row.id, took, time::Instant::now()) {
            let tries = if times == 1 { "once".to_owned() } else { format!("{times} times") };
            self.settle(&file, Err(format!("{reason} (tried {tries})"))).await;
        }
    }

    async fn settle(&mut self, file: &PendingFile, outcome: Result<Fetched, String>) {
        let ticket = file.row.ticket_id;
        match &outcome {
            Ok(fetched) => tracing::info!(ticket.id = %ticket, size = fetched.size, "an attachment is stored"),
            Err(reason) => tracing::info!(ticket.id = %ticket, reason, "an attachment was refused"),
        }
        self.retries.settle(file.row.id);
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
                self.pause = time::Instant::now() + OUR_TROUBLE;
            }
        }
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
