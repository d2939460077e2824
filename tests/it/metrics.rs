//! What monitors read of the running application.

use deskbridge::helpdesk::Role;
use reqwest::Method;

use crate::support::{
    client::Client,
    database::Database,
    eventually,
    model::{Model, Reply},
    scenario,
    server::{Kind, Server, free_port},
    stage::{DESK, Setting, token},
};

scenario!(a_chat_shows_in_the_metrics_and_so_does_a_link_that_broke);

mod scenarios {
    use super::*;

    pub async fn a_chat_shows_in_the_metrics_and_so_does_a_link_that_broke(database: Database) {
        let mut server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("We open at nine.".into())).await;
        let port = free_port();
        let app = Setting { metrics: Some(port), ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let line = alice.say(DESK, "When do you open?").await;
        alice.receipt(&line).await;
        alice.answer().await;

        let open = reqwest::Client::new();
        let scrape = async || {
            let response = open.get(format!("http://127.0.0.1:{port}/metrics")).send().await.unwrap();
            assert_eq!(response.status(), 200);
            response.text().await.unwrap()
        };
        let shows = async |lines: &[&str]| {
            eventually(&format!("the metrics show {lines:?}"), || async {
                let text = scrape().await;
                lines.iter().all(|line| text.lines().any(|known| known == *line)).then_some(())
            })
            .await;
        };
        shows(&[
            r#"deskbridge_messages_total{author="customer",direction="in"} 1"#,
            r#"deskbridge_messages_total{author="assistant",direction="out"} 1"#,
            r#"deskbridge_tickets{desk="support",status="PENDING"} 1"#,
            r#"deskbridge_queue_length{queue="messages"} 0"#,
            r#"deskbridge_queue_length{queue="answers"} 0"#,
            r#"deskbridge_up{service="database"} 1"#,
            r#"deskbridge_up{service="xmpp"} 1"#,
            "deskbridge_xmpp_logins_total 1",
        ])
        .await;
        let text = scrape().await;
        for (start, end) in [
            ("deskbridge_llm_calls_total{", r#"purpose="answer",outcome="ok"} 1"#),
            ("deskbridge_llm_call_duration_seconds_count{", r#"outcome="ok"} 1"#),
        ] {
            assert!(text.lines().any(|line| line.starts_with(start) && line.ends_with(end)), "{start}…{end} in {text}");
        }

        server.kill();
        app.rest.becomes("xmpp", "unhealthy").await;
        server.restart().await;
        app.rest.healthy().await;
        shows(&["deskbridge_xmpp_logins_total 2"]).await;
        assert!(scrape().await.contains("deskbridge_xmpp_link_failures_total{reason="));

        // Over REST only who may: the listener on this machine is another.
        let ask = async |role: Role| app.rest.get(&token(role, "root"), "/metrics").await.status;
        assert_eq!((ask(Role::Admin).await, ask(Role::Agent).await, ask(Role::Service).await), (200, 403, 403));
        assert_eq!(app.rest.ask(app.rest.request(Method::GET, "/metrics")).await.status, 401);
        assert_eq!(app.rest.ask(app.rest.request(Method::GET, "/livez")).await.status, 200);
        let other = open.get(format!("http://127.0.0.1:{port}/api/v1/xmpp/tickets")).send().await.unwrap();
        assert_eq!(other.status(), 404);
        app.stop().await;
    }
}
