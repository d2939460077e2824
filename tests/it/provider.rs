//! An identity provider, configured as an operator does it, with the real binary: without a secret of our own.

#[path = "../../src/api/tests/provider/idp.rs"]
#[expect(dead_code, reason = "the tests of the routes use all of it")]
mod idp;

use serde_json::json;

use self::idp::{AUDIENCE, ISSUER, Idp, Served, Signer, keycloak};
use crate::{
    cli::deskbridge,
    support::{
        database::Database,
        eventually,
        server::{Kind, Server},
        stage::{Setting, token},
    },
};
use deskbridge::helpdesk::Role;

const TICKETS: &str = "/api/v1/xmpp/tickets";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_is_enough_and_doctor_looks_at_it() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let signer = Signer::rsa("one");
    let idp = Idp::with(&[&signer]).await;
    let auth = [
        ("DESKBRIDGE_AUTH__JWKS_URL", idp.url.clone()),
        ("DESKBRIDGE_AUTH__ISSUER", ISSUER.to_owned()),
        ("DESKBRIDGE_AUTH__AUDIENCE", AUDIENCE.to_owned()),
        ("DESKBRIDGE_AUTH__ROLES", "helpdesk-agent=agent; default-roles-tea=customer".to_owned()),
        ("DESKBRIDGE_AUTH__CLAIMS__ROLES", "realm_access.roles".to_owned()),
        ("DESKBRIDGE_AUTH__CLAIMS__JID", "email".to_owned()),
    ];
    let mut setting = Setting::new(&server, &database, None);
    setting.env = auth.to_vec();
    let app = setting.spawn().await;
    let eve = signer.sign(&keycloak(json!({})));
    let ann = json!({ "realm_access": { "roles": ["default-roles-tea"] }, "email": "ann@localhost" });
    let ann = signer.sign(&keycloak(ann));
    let open = json!({ "jid": "ann@localhost", "message": "How long is a gift card valid?" });
    assert_eq!(app.rest.post(&ann, TICKETS, &open).await.status, 201);
    assert_eq!(app.rest.tickets(&eve).await.len(), 1);
    assert_eq!(app.rest.tickets(&token(Role::Admin, "root")).await.len(), 1, "our own beside it");
    // It goes away; nobody notices but who looks.
    idp.serves(Served::Text(500, String::new()));
    let stranger = Signer::rsa("two").sign(&keycloak(json!({})));
    assert_eq!(app.rest.get(&stranger, TICKETS).await.status, 401);
    eventually("it is said", || async { (app.rest.health_of("identity").await == "unhealthy").then_some(()) }).await;
    app.rest.healthy().await;
    assert_eq!(app.rest.get(&eve, TICKETS).await.status, 200);
    assert_eq!(app.terminate().await.code(), Some(0));
    let log = std::fs::read_to_string(setting.log()).unwrap();
    assert_eq!(log.matches("identity provider's keys cannot be fetched").count(), 1, "{log}");
    assert!(!log.contains(eve.as_str()) && !log.contains("eve@staff"), "{log}");

    let file = setting.write(0);
    let examine = |more: &[(&str, &str)]| {
        let mut env: Vec<_> = auth.iter().map(|(name, value)| (*name, value.as_str())).collect();
        env.extend(more);
        deskbridge(database.folder.path(), &env, &["doctor", "--config", file.to_str().unwrap()])
    };
    let ill = examine(&[]);
    assert!(
        ill.code == 1 && ill.out.contains("FAIL  identity") && ill.out.contains("answers 500, not 200"),
        "{}",
        ill.out
    );
    idp.rotates_to(&[&signer]);
    let well = examine(&[]);
    assert!(
        well.code == 0 && well.out.contains("ok    identity") && well.out.contains("1 usable keys"),
        "{}",
        well.out
    );

    // Without a secret of our own all is well but for who would make tokens with it.
    let text = std::fs::read_to_string(&file).unwrap();
    let kept: Vec<_> = text.lines().filter(|line| !line.starts_with("jwt_secret")).collect();
    std::fs::write(&file, kept.join("\n")).unwrap();
    let well = examine(&[]);
    assert_eq!(well.code, 0, "{}", well.out);
    let env: Vec<_> = auth.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = deskbridge(
        database.folder.path(),
        &env,
        &["token", "--sub", "eve", "--role", "agent", "--config", file.to_str().unwrap()],
    );
    assert!(refused.code == 1 && refused.err.contains("auth.jwt_secret"), "{refused:?}");
}
