//! What a program asks for under a key is done once, on either database, whatever dies in between.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use deskbridge::helpdesk::Role;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    PATIENCE,
    database::Database,
    scenario,
    server::{Kind, Server},
    stage::{Rest, Setting, token},
};

const TICKETS: &str = "/api/v1/xmpp/tickets";

scenario!(sixteen_requests_with_one_key_are_one_message);
scenario!(a_kill_between_the_message_and_its_answer_doubles_nothing);

/// Asks once. `None` when there is no answer.
async fn ask(rest: &Rest, token: &str, path: &str, key: &str, body: &Value) -> Option<(u16, Value)> {
    let request = rest.request(reqwest::Method::POST, path).bearer_auth(token).header("idempotency-key", key);
    let request = request.header("content-type", "application/json").body(body.to_string());
    let answer = request.timeout(Duration::from_secs(5)).send().await.ok()?;
    let status = answer.status().as_u16();
    Some((status, serde_json::from_str(&answer.text().await.ok()?).ok()?))
}

mod scenarios {
    use super::*;

    pub async fn sixteen_requests_with_one_key_are_one_message(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let (rest, ann) = (&app.rest, token(Role::Customer, "ann@example.com"));
        let body = json!({ "jid": "ann@example.com", "message": "My tea is cold" });
        let answers = join_all((0..16).map(|_| ask(rest, &ann, TICKETS, "k-1", &body))).await;
        let ids: BTreeSet<String> = answers
            .iter()
            .map(|answer| {
                let (status, body) = answer.as_ref().expect("an answer");
                assert_eq!(*status, 201, "{body}");
                body["message_id"].to_string()
            })
            .collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
        let lines = database.texts("SELECT body FROM message WHERE author = 'customer'").await;
        assert_eq!(lines, ["My tea is cold"]);
        app.stop().await;
    }

    pub async fn a_kill_between_the_message_and_its_answer_doubles_nothing(database: Database) {
        const LINES: usize = 40;
        let server = Server::start(Kind::Prosody).await;
        // No answers of the desk between the lines.
        let setting = Setting { quiet_window: "1h", ..Setting::new(&server, &database, None) };
        let mut app = setting.spawn().await;
        let ann = token(Role::Customer, "ann@example.com");
        let (mut kills, mut again, mut ticket) = (0, 0, String::new());
        for number in 0..LINES {
            let (text, key) = (format!("line {number}"), format!("k-{number}"));
            let body = json!({ "jid": "ann@example.com", "message": text, "content": text });
            let path = if number == 0 { TICKETS.to_owned() } else { format!("{TICKETS}/{ticket}/messages") };
            let began = Instant::now();
            let dies = number % 4 == 0;
            let mut tries = 0;
            let said = loop {
                tries += 1;
                let asking = ask(&app.rest, &ann, &path, &key, &body);
                let answer = if dies && tries == 1 {
                    // Somewhere on the way: before, in or behind the commit.
                    let fate =
                        tokio::time::timeout(Duration::from_micros(rand::random_range(500..12_000)), asking).await;
                    app.kill();
                    kills += 1;
                    app = setting.spawn().await;
                    fate.ok().flatten()
                } else {
                    asking.await
                };
                match answer {
                    Some((201, said)) => break said,
                    Some((status, said)) => assert!(status == 409 || status >= 500, "{status} {said}"),
                    None => again += 1,
                }
                assert!(began.elapsed() < PATIENCE, "{text} is never answered");
            };
            if number == 0 {
                ticket = said["ticket_id"].as_str().unwrap().to_owned();
            }
            let stored = database.texts(&format!("SELECT body FROM message WHERE body = '{text}'")).await;
            assert_eq!(stored.len(), 1, "{text} is there {} times", stored.len());
        }
        let lines = database.texts("SELECT body FROM message WHERE author = 'customer' ORDER BY seq").await;
        assert!(lines.into_iter().eq((0..LINES).map(|number| format!("line {number}"))));
        assert_eq!(kills, LINES / 4);
        eprintln!("{kills} kills, {again} lines were asked for again");
        app.kill();
    }
}
