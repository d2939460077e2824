//! How the assistant's draft grows, as the staff sees it live.

use crate::support::scenario;

scenario!(the_staff_sees_a_draft_grow_and_nobody_else_does);

mod scenarios {
    use std::{sync::Arc, time::Duration};

    use deskbridge::helpdesk::Role;
    use serde_json::{Value, json};
    use tokio::{sync::Notify, time};

    use crate::support::{
        client::Client,
        database::Database,
        listening::Stream,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Setting, agent_of, token},
    };

    const PIECES: [&str; 3] =
        ["{\"reply\": \"We open", " at nine.", "\", \"action\": \"continue\", \"reason\": \"\", \"citations\": []}"];

    fn pieces(gate: &Arc<Notify>) -> Reply {
        Reply::Pieces(Arc::clone(gate), PIECES.map(str::to_owned).to_vec())
    }

    /// The next event of this kind.
    async fn next(stream: &mut Stream, kind: &str) -> Value {
        loop {
            let (id, heard, data) = stream.next().await.unwrap();
            if heard == kind {
                assert_eq!(id.is_none(), kind == "draft", "{data}");
                return data;
            }
        }
    }

    fn stage(draft: &Value) -> (&str, Option<&str>) {
        (draft["stage"].as_str().unwrap(), draft["text"].as_str())
    }

    pub async fn the_staff_sees_a_draft_grow_and_nobody_else_does(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let gate = Arc::new(Notify::new());
        let model = Model::start(pieces(&gate)).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let port = app.rest.port();
        let mut root = Stream::open(port, &token(Role::Admin, "root"), None, None).await.unwrap();
        let mut agent = Stream::open(port, &agent_of("support"), None, None).await.unwrap();
        let mut other = Stream::open(port, &agent_of("billing"), None, None).await.unwrap();
        let mut customer = Stream::open(port, &token(Role::Customer, "alice@localhost"), None, None).await.unwrap();

        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "When do you open on Mondays?").await;
        let begun = next(&mut root, "draft").await;
        assert_eq!(stage(&begun), ("begun", None));
        assert_eq!(stage(&next(&mut root, "draft").await), ("writing", Some("We open")));
        // Pieces that come faster than one can read along are told together.
        time::sleep(Duration::from_millis(600)).await;
        gate.notify_one();
        assert_eq!(stage(&next(&mut root, "draft").await), ("writing", Some("We open at nine.")));
        gate.notify_one();
        gate.notify_one();
        assert_eq!(alice.answer_text().await, "We open at nine.");
        let ended = next(&mut root, "draft").await;
        assert_eq!(stage(&ended), ("ended", None));
        let ticket = ended["ticket_id"].as_str().unwrap().to_owned();
        assert!(begun["ticket_id"] == json!(ticket) && ended["timestamp"].is_string(), "{ended}");
        let heard: Vec<_> = [next(&mut agent, "draft").await, next(&mut agent, "draft").await].to_vec();
        assert_eq!(heard.iter().map(stage).collect::<Vec<_>>(), [("begun", None), ("writing", Some("We open"))]);

        // A line that overtakes a draft ends it, and another is begun.
        alice.say(DESK, "And on Sundays?").await;
        assert_eq!(stage(&next(&mut root, "draft").await).0, "begun");
        assert_eq!(stage(&next(&mut root, "draft").await).0, "writing");
        alice.say(DESK, "I mean next Sunday.").await;
        assert_eq!(stage(&next(&mut root, "draft").await), ("ended", None));
        assert_eq!(stage(&next(&mut root, "draft").await), ("begun", None));

        // The customer knows that something is written, and not what; who has nothing to do with the desk knows nothing.
        let mut kinds = Vec::new();
        while kinds.iter().filter(|kind| *kind == "message.created").count() < 4 {
            kinds.push(customer.next().await.unwrap().1);
        }
        assert!(kinds.contains(&"typing".to_owned()) && !kinds.contains(&"draft".to_owned()), "{kinds:?}");
        let root = token(Role::Admin, "root");
        let body = json!({ "jid": "bob@localhost", "message": "Hi", "desk": "billing" });
        assert_eq!(app.rest.post(&root, "/api/v1/xmpp/tickets", &body).await.status, 201);
        assert_eq!(next_of_any(&mut other).await.1["ticket"]["jid"], "bob@localhost");
        app.stop().await;
    }

    /// The first that is told, but for the opening.
    async fn next_of_any(stream: &mut Stream) -> (String, Value) {
        loop {
            let (_, kind, data) = stream.next().await.unwrap();
            if !data.is_null() {
                return (kind, data);
            }
        }
    }
}
