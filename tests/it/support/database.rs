//! A database of its own for each test.

use sea_orm::ConnectionTrait;
use tempfile::TempDir;

/// A database that nobody else uses, and the folder that the test may fill.
pub struct Database {
    pub url: String,
    pub folder: TempDir,
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        Self { url: format!("sqlite://{}/deskbridge.db?mode=rwc", folder.path().display()), folder }
    }

    /// On the server that `scripts/with-postgres` has started.
    pub async fn postgres() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the tests' own environment, not the program's configuration")]
        let server = std::env::var("DESKBRIDGE_TEST_POSTGRES").expect(
            "DESKBRIDGE_TEST_POSTGRES is not set: run the tests by `make test`, or under `scripts/with-postgres`",
        );
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let admin = sea_orm::Database::connect(&server).await.unwrap();
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        admin.close().await.unwrap();
        let (server, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{server}/{name}"), folder: TempDir::new().unwrap() }
    }

    pub async fn connect(&self) -> sea_orm::DatabaseConnection {
        sea_orm::Database::connect(&self.url).await.unwrap()
    }

    /// What a query of one text column gives.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        strings(&self.connect().await, sql).await
    }

    /// Every row that has `text` somewhere, as text, with its table.
    pub async fn find(&self, text: &str) -> Vec<String> {
        let db = self.connect().await;
        let mut found = Vec::new();
        for table in [
            "ticket",
            "message",
            "event",
            "notice",
            "attachment",
            "presence",
            "subscription",
            "agent",
            "copilot",
            "proposal",
            "llm_call",
            "token_count",
            "kept_answer",
            "webhook_delivery",
            "api_key",
        ] {
            let rows = match db.get_database_backend() {
                sea_orm::DbBackend::Sqlite => {
                    let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                    let columns = strings(&db, &columns).await;
                    let all = columns.iter().map(|name| format!("quote(\"{name}\")"));
                    let all = all.collect::<Vec<_>>().join(" || ' ' || ");
                    strings(&db, &format!("SELECT {all} FROM {table}")).await
                }
                _ => strings(&db, &format!("SELECT t::text FROM {table} t")).await,
            };
            found.extend(rows.into_iter().filter(|row| row.contains(text)).map(|row| format!("{table}: {row}")));
        }
        found
    }
}

async fn strings(db: &sea_orm::DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = sea_orm::Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
