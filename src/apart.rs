//! A thread apart for requests to servers that strangers name.
//!
//! A server can send interim answers (`100 Continue`) faster than they are read away: the HTTP library skips them for as long as
//! there are more, and the thread that it does that on does nothing else meanwhile. So it is not one that others wait for.

use std::{io, sync::LazyLock};

use tokio::runtime::{Builder, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// For the life of the process.
static APART: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(1).max_blocking_threads(8).thread_name("apart").enable_all().build()
});

/// Does this on the thread apart. Who stops waiting ends it, as soon as it yields: limits of time belong around this.
///
/// # Panics
/// When `work` does.
pub async fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let Ok(runtime) = &*APART else { return work.await };
    match AbortOnDropHandle::new(runtime.spawn(work)).await {
        Ok(done) => done,
        // It is cancelled by nobody else.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_blocks_its_thread_blocks_nobody_else() {
        let (tell, told) = mpsc::channel();
        let waiting = tokio::spawn(apart(async move { told.recv().unwrap() }));
        // On the same thread nobody would get here.
        tokio::task::yield_now().await;
        tell.send(7).unwrap();
        assert_eq!(waiting.await.unwrap(), 7);
    }
}
