//! The stage of the integration tests.

pub mod client;
pub mod component;
pub mod contact;
pub mod database;
pub mod listening;
pub mod load;
pub mod model;
pub mod obedient;
pub mod receiver;
pub mod served;
pub mod server;
pub mod staff;
pub mod stage;
pub mod web;

use std::{future::Future, time::Duration};

/// How long a test waits for something that must happen. Far longer than it takes: a busy machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `probe` gives a value; `what` names it when it never does.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let began = tokio::time::Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(value) = probe().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never happened: {what}");
}

/// Runs a scenario on both databases: `scenario!(name, |db| async { … })` makes the tests `name::sqlite` and
/// `name::postgres`.
macro_rules! scenario {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::scenarios::$name($crate::support::database::Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::scenarios::$name($crate::support::database::Database::postgres().await).await;
            }
        }
    };
}
pub(crate) use scenario;

/// The same for a scenario that does not care which XMPP server it is on: here it is Prosody, `ejabberd.rs` has it, too.
macro_rules! scenario_on_any_server {
    ($name:ident) => {
        mod $name {
            use crate::support::{
                database::Database,
                server::{Kind, Server},
            };

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::scenarios::$name(&Server::start(Kind::Prosody).await, Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::scenarios::$name(&Server::start(Kind::Prosody).await, Database::postgres().await).await;
            }
        }
    };
}
pub(crate) use scenario_on_any_server;
