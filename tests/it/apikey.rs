//! Keys of programs through the real binary, beside a Deskbridge that runs.

use serde_json::json;

use crate::{
    cli::deskbridge,
    support::{
        database::Database,
        eventually, scenario,
        server::{Kind, Server},
        stage::Setting,
    },
};

scenario!(a_key_is_made_used_listed_and_revoked_beside_a_running_deskbridge);

const TICKETS: &str = "/api/v1/xmpp/tickets";

mod scenarios {
    use super::*;

    pub async fn a_key_is_made_used_listed_and_revoked_beside_a_running_deskbridge(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let setting = Setting::new(&server, &database, None);
        let app = setting.spawn().await;
        let folder = database.folder.path();
        let file = folder.join("deskbridge.toml");
        let run = |args: &[&str]| {
            let env = [("DESKBRIDGE_CONFIG", file.to_str().unwrap())];
            deskbridge(folder, &env, &[&["apikey"], args].concat())
        };
        let create = |args: &[&str]| {
            let made = run(&[&["create"], args].concat());
            assert!(made.code == 0 && made.err.contains("shown once"), "{made:?}");
            made.out.strip_suffix('\n').unwrap().to_owned()
        };
        let reads = create(&["--name", "cron", "--scope", "tickets:read", "--expires", "90d"]);
        let writes = create(&["--name", "shop", "--scope", "tickets:read", "--scope", "tickets:write"]);
        let secret = &reads[15..];
        assert!(reads.starts_with("dbk_") && reads.len() == 64, "{}", reads.len());

        let open = json!({ "jid": "ann@localhost", "message": "How long is a gift card valid?" });
        eventually("the key is known", || async { (app.rest.get(&writes, TICKETS).await.status == 200).then_some(()) })
            .await;
        assert_eq!(app.rest.post(&writes, TICKETS, &open).await.status, 201);
        assert_eq!(app.rest.get(&reads, TICKETS).await.status, 200);
        assert_eq!(app.rest.post(&reads, TICKETS, &open).await.status, 403);

        let list = run(&["list"]);
        let line = |name: &str| list.out.lines().find(|line| line.contains(name)).unwrap().to_owned();
        assert_eq!((list.code, list.err.as_str(), list.out.lines().count()), (0, "", 3), "{}", list.out);
        assert!(line("shop").contains("tickets:read,tickets:write") && line("shop").contains("never"), "{}", list.out);
        assert!(line("cron").starts_with(&reads[..14]) && line("cron").contains("valid"), "{}", list.out);
        assert!(!list.out.contains(secret) && !list.out.contains(&secret[..20]), "{}", list.out);

        for (wrong, word) in [
            (&["create", "--name", "x", "--scope", "tickets:delete"][..], "tickets:read, tickets:write"),
            (&["create", "--name", "cron", "--scope", "tickets:read"], "'cron'"),
            (&["revoke", "nobody"], "'nobody'"),
        ] {
            let refused = run(wrong);
            assert!(refused.code == 1 && refused.err.contains(word) && refused.out.is_empty(), "{refused:?}");
        }
        for wrong in [&["create", "--name", "x"][..], &["create", "--scope", "tickets:read"], &["revoke"], &["drop"]] {
            assert_eq!(run(wrong).code, 2, "{wrong:?}");
        }

        let revoked = run(&["revoke", "cron"]);
        assert!(revoked.code == 0 && revoked.out.contains(&reads[..14]), "{revoked:?}");
        let answer = eventually("the key is refused", || async {
            let answer = app.rest.get(&reads, TICKETS).await;
            (answer.status == 401).then_some(answer)
        })
        .await;
        assert_eq!(answer.json["error"]["message"], "the key was revoked");
        assert_eq!(app.rest.get(&writes, TICKETS).await.status, 200);
        assert_eq!(run(&["revoke", &writes[..14]]).code, 0);

        assert_eq!(app.terminate().await.code(), Some(0));
        let list = run(&["list"]).out;
        assert!(list.lines().skip(1).all(|line| line.contains("revoked") && !line.ends_with("never")), "{list}");

        // Nobody who has the database or the log has a key.
        assert!(database.find(&reads[4..14]).await.iter().any(|row| row.starts_with("api_key")));
        for key in [&reads, &writes] {
            assert_eq!(database.find(&key[15..]).await, Vec::<String>::new());
            let log = std::fs::read(setting.log()).unwrap();
            for file in
                std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file())
            {
                let bytes = std::fs::read(&file).unwrap();
                let has = |bytes: &[u8]| bytes.windows(20).any(|window| window == &key.as_bytes()[15..35]);
                assert!(!has(&bytes) && !has(&log), "{}", file.display());
            }
        }
    }
}
