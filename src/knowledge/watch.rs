//! Notices when a knowledge folder changes.

use std::{path::Path, sync::Arc, time::Duration};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::AccessKind};
use tokio::{sync::Notify, task, time};
use tokio_util::sync::CancellationToken;

use super::{Shelf, folder};

/// A folder is read when nothing has happened in it for so long: editors and copies make many steps.
const QUIET: Duration = Duration::from_millis(300);

/// It is read after so long in any case.
const MOST: Duration = Duration::from_secs(3);

/// How often it is looked through for what was not reported: on network drives, through links, or because the folder itself
/// was replaced.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Reads a shelf's folder again whenever something in it has changed, until `stop`.
pub async fn watch(shelf: &Shelf, stop: &CancellationToken) {
    let Some(folder) = shelf.folder() else { return };
    let changed = Arc::new(Notify::new());
    let mut watcher = None;
    let mut state = None;
    loop {
        if watcher.is_none() {
            watcher = start(folder, &changed);
        }
        let heard = stop.run_until_cancelled(time::timeout(LOOK_EVERY, changed.notified())).await;
        let Some(heard) = heard else { return };
        let place = folder.to_owned();
        let now = task::spawn_blocking(move || folder::state(&place)).await.ok().flatten();
        if heard.is_err() {
            // Of a folder that was replaced nothing more is heard.
            watcher = None;
            if now == state {
                continue;
            }
        } else if stop.run_until_cancelled(settled(&changed)).await.is_none() {
            return;
        }
        state = now;
        match shelf.reload().await {
            Ok(knowledge) => tracing::info!(
                folder = %folder.display(),
                pages = knowledge.pages().len(),
                skipped = knowledge.skipped().len(),
                "knowledge was read again"
            ),
            Err(error) => tracing::warn!(%error, "knowledge could not be read again; the old is kept"),
        }
    }
}

/// Until nothing has happened for a while, but not for ever.
async fn settled(changed: &Notify) {
    let quiet = async { while time::timeout(QUIET, changed.notified()).await.is_ok() {} };
    drop(time::timeout(MOST, quiet).await);
}

fn start(folder: &Path, changed: &Arc<Notify>) -> Option<RecommendedWatcher> {
    let bell = Arc::clone(changed);
    let heard = move |event: notify::Result<Event>| {
        if event.map_or(true, |event| matters(&event)) {
            bell.notify_one();
        }
    };
    let watcher = notify::recommended_watcher(heard)
        .and_then(|mut watcher| watcher.watch(folder, RecursiveMode::Recursive).map(|()| watcher));
    match watcher {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "changes of this folder are noticed within a minute only");
            None
        }
    }
}

/// Reading changes nothing, and what has a dot before its name is no page.
fn matters(event: &Event) -> bool {
    let is_hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let read = matches!(&event.kind, EventKind::Access(kind) if !matches!(kind, AccessKind::Close(notify::event::AccessMode::Write)));
    !read && (event.paths.is_empty() || event.paths.iter().any(|path| !is_hidden(path)))
}
