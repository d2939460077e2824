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
}
