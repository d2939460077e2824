//! Nothing acknowledged is lost or doubled, and every committed answer arrives, whatever is killed and whenever.

use crate::support::scenario;

scenario!(killed_in_mid_load_it_loses_and_doubles_nothing);
scenario!(stopped_in_mid_load_it_ends_in_time_and_loses_nothing);
scenario!(the_xmpp_server_is_killed_in_mid_load);
scenario!(a_question_whose_draft_was_running_at_the_crash_is_answered);
scenario!(a_question_whose_draft_was_running_at_the_stop_is_answered_at_once);

mod scenarios {
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    use tokio::sync::RwLock;

    use crate::support::{
        client::Client,
        database::Database,
        eventually,
        load::{Crowd, four},
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Process, Setting},
    };

    /// Lines between one kill and the next.
    const STRETCH: usize = 60;

    /// A place in the stretch with this number, never the same in two runs.
    fn somewhere_in(stretch: usize) -> usize {
        stretch * STRETCH + rand::random_range(5..STRETCH - 5)
    }

    pub async fn killed_in_mid_load_it_loses_and_doubles_nothing(database: Database) {
        let server = Arc::new(RwLock::new(Server::start(Kind::Prosody).await));
        let model = Model::start(Reply::Counted(Duration::from_millis(15))).await;
        let guard = server.read().await;
        let setting = Setting { quiet_window: "10ms", ..Setting::new(&guard, &database, Some(&model)) };
        let mut app = setting.spawn().await;
        let mut crowd = Crowd::start(&server, &four(30)).await;
        for kill in 0..5 {
            crowd.acknowledged(somewhere_in(kill)).await;
            app.kill();
            app = setting.spawn().await;
        }
        crowd.settle(&app.rest, &database).await;
        app.kill();
    }

    pub async fn stopped_in_mid_load_it_ends_in_time_and_loses_nothing(database: Database) {
        let server = Arc::new(RwLock::new(Server::start(Kind::Prosody).await));
        let model = Model::start(Reply::Counted(Duration::from_millis(15))).await;
        let guard = server.read().await;
        let setting = Setting { quiet_window: "10ms", ..Setting::new(&guard, &database, Some(&model)) };
        let mut app = setting.spawn().await;
        let mut crowd = Crowd::start(&server, &four(20)).await;
        for stop in 0..3 {
            crowd.acknowledged(somewhere_in(stop)).await;
            let began = Instant::now();
            assert_eq!(app.terminate().await.code(), Some(0));
            assert!(began.elapsed() < Duration::from_secs(10), "it took {:?} to stop", began.elapsed());
            app = setting.spawn().await;
        }
        crowd.settle(&app.rest, &database).await;
        assert_eq!(app.terminate().await.code(), Some(0));
    }

    pub async fn the_xmpp_server_is_killed_in_mid_load(database: Database) {
        let server = Arc::new(RwLock::new(Server::start(Kind::Prosody).await));
        let model = Model::start(Reply::Counted(Duration::from_millis(15))).await;
        let app = {
            let guard = server.read().await;
            let setting = Setting { quiet_window: "10ms", ..Setting::new(&guard, &database, Some(&model)) };
            setting.start().await
        };
        let mut crowd = Crowd::start(&server, &four(30)).await;
        for kill in 0..4 {
            crowd.acknowledged(somewhere_in(kill)).await;
            let mut server = server.write().await;
            server.kill();
            server.restart().await;
        }
        crowd.settle(&app.rest, &database).await;
        app.stop().await;
    }

    pub async fn a_question_whose_draft_was_running_at_the_crash_is_answered(database: Database) {
        // Alone on its database it knows that the lease is a dead process's; else it waits for the lease's end.
        let patience = if database.url.starts_with("sqlite:") { 5 } else { 20 };
        let waited = asked_again_after(&database, |app| async { app.kill() }).await;
        assert!(waited < Duration::from_secs(patience), "answered after {waited:?}");
    }

    pub async fn a_question_whose_draft_was_running_at_the_stop_is_answered_at_once(database: Database) {
        let waited = asked_again_after(&database, |app| async {
            assert_eq!(app.terminate().await.code(), Some(0));
        })
        .await;
        assert!(waited < Duration::from_secs(5), "answered after {waited:?}");
    }

    /// How long a customer waits for an answer after the next start when the first process ended during the draft.
    async fn asked_again_after<F: Future<Output = ()>>(
        database: &Database,
        end: impl FnOnce(Process) -> F,
    ) -> Duration {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Hang).await;
        let setting = Setting::new(&server, database, Some(&model));
        let app = setting.spawn().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "Do you ship to Norway?").await;
        eventually("the model is asked", || async { (model.requests().len() == 1).then_some(()) }).await;
        end(app).await;
        model.always(Reply::Answer("We do.".into()));
        let app = setting.spawn().await;
        let began = Instant::now();
        assert_eq!(alice.answer_text().await, "We do.");
        let waited = began.elapsed();
        app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(model.requests().len(), 2);
        app.kill();
        waited
    }
}
