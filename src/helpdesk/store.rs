//! The database: one connection that writes, a pool that reads for those who ask, and a small one for ourselves.
//!
//! SQLite allows one writer; a second would only wait and fail. PostgreSQL could take more, but the one
//! writer commits many changes at once (`writer`), which is faster than many connections that commit one each.
//!
//! What the desk lives by (the outbox, the assistant, files, a sign of life) reads by connections of its own: however many
//! ask for their tickets, answers go out.

use deskbridge_migration::{Migrator, MigratorTrait};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The connections to one database.
#[derive(Clone, Debug)]
pub struct Store {
    write: DatabaseConnection,
    read: DatabaseConnection,
    house: DatabaseConnection,
    /// Whether what was removed may still stand in SQLite's log.
    unscrubbed: Arc<AtomicBool>,
}

/// How many connections read at once for those who ask.
const READERS: u32 = 4;
/// How many read for ourselves.
const HOUSE: u32 = 2;
/// How long a request waits for a connection before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often SQLite's log is tried to be emptied at once, and the pause in between: a reader is in the way for as long as it
/// reads.
const SCRUB_TRIES: u32 = 10;
const SCRUB_PAUSE: Duration = Duration::from_millis(50);
/// How long our own work waits.
const OWN_PATIENCE: Duration = Duration::from_secs(10);

impl Store {
    /// Connects to `sqlite://…` or `postgres://…`. A SQLite file's missing folder is created when the URL
    /// says `mode=rwc`.
    ///
    /// # Errors
    /// [`DbErr`] when the URL is of another kind or the database does not answer within ten seconds.
    pub async fn connect(url: &str) -> Result<Self, DbErr> {
        if url.starts_with("sqlite:") {
            let path = sqlite_path(url)?;
            if let Some(folder) = std::path::Path::new(path).parent()
                && url.contains("mode=rwc")
            {
                std::fs::create_dir_all(folder)
                    .map_err(|e| DbErr::Custom(format!("cannot create the folder {}: {e}", folder.display())))?;
            }
        } else if !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            return Err(DbErr::Custom("the database URL must start with sqlite:// or postgres://".to_owned()));
        }
        let write = Database::connect(options(url, 1, OWN_PATIENCE)).await?;
        let read = Database::connect(options(url, READERS, PATIENCE)).await?;
        let house = Database::connect(options(url, HOUSE, OWN_PATIENCE)).await?;
        Ok(Self { write, read, house, unscrubbed: Arc::default() })
    }

    /// Brings the schema up to date. Gives how many steps that took.
    ///
    /// # Errors
    /// As [`Store::pending`].
    pub async fn migrate(&self) -> Result<usize, DbErr> {
        let pending = self.pending().await?;
        Migrator::up(&self.write, None).await?;
        Ok(pending)
    }

    /// How many steps the schema is behind.
    ///
    /// # Errors
    /// [`DbErr::Custom`] with an advice when the database was made by a newer Deskbridge; else what the
    /// database says.
    pub async fn pending(&self) -> Result<usize, DbErr> {
        // The library stops at a step it does not know, with its own words; ours say what to do.
        if let Some(newer) = self.unknown_step().await? {
            return Err(DbErr::Custom(format!(
                "the database is newer than this Deskbridge (it has the step '{newer}'): install the newer version again, \
                 or point database.url at another database"
            )));
        }
        Ok(Migrator::get_pending_migrations(&self.write).await?.len())
    }

    async fn unknown_step(&self) -> Result<Option<String>, DbErr> {
        Migrator::install(&self.write).await?;
        let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
        let rows = self
            .write
            .query_all_raw(Statement::from_string(
                self.backend(),
                "SELECT version FROM seaql_migrations ORDER BY version",
            ))
            .await?;
        for row in rows {
            let version: String = row.try_get("", "version")?;
            if !known.contains(&version) {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    /// For reading what somebody asks for, outside of transactions. When many ask, [`DbErr::ConnectionAcquire`].
    #[must_use]
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// For reading what the desk itself lives by, outside of transactions: nothing that others can ask for in numbers.
    #[must_use]
    pub(super) fn house(&self) -> &DatabaseConnection {
        &self.house
    }

    /// Which database this is.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.write.get_database_backend()
    }

    /// Whether this process has the database to itself, as with SQLite.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.backend() == DbBackend::Sqlite
    }

    /// Begins a transaction on the writing connection. IMMEDIATE on SQLite: a deferred one that reads first
    /// fails with "database is locked" when it wants to write.
    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        self.write
            .begin_with_options(TransactionOptions {
                isolation_level: None,
                access_mode: Some(AccessMode::ReadWrite).filter(|_| !self.is_embedded()),
                sqlite_transaction_mode: self.is_embedded().then_some(SqliteTransactionMode::Immediate),
            })
            .await
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`DbErr`] when it does not answer.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.house.ping().await
    }

    /// Takes what was removed out of SQLite's files, too: the pages are overwritten (`secure_delete`), and the log that still
    /// has them as they were is emptied. What readers keep from that is done by [`Store::scrub_again`]. Of PostgreSQL it is
    /// `VACUUM`'s business.
    pub(super) async fn scrub(&self) {
        self.unscrubbed.store(self.is_embedded(), Ordering::SeqCst);
        for _ in 0..SCRUB_TRIES {
            self.scrub_again().await;
            if !self.unscrubbed.load(Ordering::SeqCst) {
                return;
            }
            tokio::time::sleep(SCRUB_PAUSE).await;
        }
        tracing::warn!("what was erased is still in the database's log, which is being read; this is tried again");
    }

    /// Does what [`Store::scrub`] could not do, if there is something.
    pub(super) async fn scrub_again(&self) {
        if !self.unscrubbed.load(Ordering::SeqCst) {
            return;
        }
        // <https://sqlite.org/pragma.html#pragma_wal_checkpoint>: the first column says whether somebody was in the way. Whoever
        // writes waits for it, so it waits for readers no longer than this.
        let sql = "PRAGMA busy_timeout = 250; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = 5000";
        let busy = match self.house.query_all_raw(Statement::from_string(self.backend(), sql)).await {
            Ok(rows) => rows.get(1).and_then(|row| row.try_get_by_index::<i32>(0).ok()),
            Err(error) => {
                tracing::debug!(%error, "the database's log could not be emptied");
                None
            }
        };
        if busy == Some(0) {
            self.unscrubbed.store(false, Ordering::SeqCst);
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        // A failed close leaves nothing undone: every commit was synced when it happened.
        let _ = self.read.clone().close().await;
        let _ = self.house.clone().close().await;
        let _ = self.write.clone().close().await;
    }
}

fn sqlite_path(url: &str) -> Result<&str, DbErr> {
    let rest = url.trim_start_matches("sqlite:").trim_start_matches("//");
    let path = rest.split('?').next().unwrap_or_default();
    if path.is_empty() || path == ":memory:" {
        return Err(DbErr::Custom(
            "a SQLite database needs a file, such as sqlite://data/deskbridge.db?mode=rwc: in memory nothing would be kept"
                .to_owned(),
        ));
    }
    Ok(path)
}

fn options(url: &str, connections: u32, patience: Duration) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .connect_timeout(Duration::from_secs(10))
        .acquire_timeout(patience)
        // SQL text does not belong in logs: it can carry customers' words.
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire(!url.starts_with("sqlite:"))
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .pragma("journal_mode", "WAL")
                // A receipt promises that the line is on disk, also after a power loss.
                .pragma("synchronous", "FULL")
                .pragma("foreign_keys", "ON")
                // What is removed is overwritten, so that nothing of it is found in the file.
                .pragma("secure_delete", "ON")
                .pragma("busy_timeout", "5000")
                // Sixteen MiB of log: a checkpoint holds up whoever commits next, so not every few moments.
                .pragma("wal_autocheckpoint", "4000")
                .pragma("cache_size", "-4096")
        });
    options
}
