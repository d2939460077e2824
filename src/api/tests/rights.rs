//! Who may do what: every route of the table, asked by everybody, of what is their own and of what is not. What is denied
//! changes nothing.

use uuid::Uuid;

use super::{
    stage::{Asker, Scene, Stage, askers, check, operations, sample, sample_of},
    *,
};
use crate::api::{access::Foreign, routes::table};

#[tokio::test]
async fn every_route_is_open_to_those_it_is_for_and_shut_to_all_others() {
    let stage = Stage::new().await;
    let root = check(&admin());
    let mut tried = 0;
    for route in table() {
        let access = route.access.unwrap();
        for (method, operation) in operations(&route) {
            let sample = sample_of(&operation);
            for Asker { who, token, owns } in askers() {
                let scene = stage.scene(&sample, &token).await;
                let id = scene.ticket.parse().unwrap();
                let before = stage.desks.api.helpdesk.ticket(&root, id).await.unwrap();
                let answer = stage.desks.ask(scene.request(&method, &sample, Some(&token))).await;
                let what = format!("{method} {} by {who}: {} {}", sample.path, answer.status, answer.text);
                let (is_admitted, status) = (access.admits(&check(&token)), answer.status.as_u16());
                match access.foreign() {
                    _ if !is_admitted => assert_eq!(status, 403, "{what}"),
                    Foreign::Hidden if !owns => assert_eq!(status, 404, "{what}"),
                    Foreign::Refused if !owns => assert_eq!(status, 403, "{what}"),
                    Foreign::LeftOut if !owns => {
                        assert_eq!(status, 200, "{what}");
                        assert!(!answer.text.contains(&scene.ticket) && !answer.text.contains(ANN), "{what}");
                    }
                    // A file that is still to be fetched.
                    _ if operation == "attachment_show" => assert_eq!(status, 409, "{what}"),
                    _ => assert!(answer.status.is_success(), "{what}"),
                }
                let after = stage.desks.api.helpdesk.ticket(&root, id).await.unwrap();
                if !answer.status.is_success() {
                    assert_eq!(before, after, "{what}");
                    assert!(owns || !answer.text.contains(ANN), "{what}");
                } else if sample.path.contains("tickets/{t}") && answer.json()["tags"].is_array() {
                    assert_eq!(answer.json()["version"], after.version, "{what}");
                    assert!(!who.contains("customer"), "{what}");
                }
                stage.clear(&scene).await;
                tried += 1;
            }
        }
    }
    assert!(tried > 450, "{tried}");
}

#[tokio::test]
async fn no_route_opens_without_a_token_and_an_id_that_names_nothing_is_404() {
    let stage = Stage::new().await;
    let scene = stage.scene(&sample("", Value::Null), &admin()).await;
    for route in table() {
        for (method, operation) in operations(&route) {
            let sample = sample_of(&operation);
            let none = stage.desks.ask(scene.request(&method, &sample, None)).await;
            none.failure(401, "UNAUTHORIZED");
            if !sample.path.contains("{t}/")
                && !["{file}", "{proposal}", "{webhook}"].iter().any(|id| sample.path.contains(id))
            {
                continue;
            }
            let access = route.access.unwrap();
            for id in [Uuid::now_v7().to_string(), "nonsense".to_owned(), "%00".to_owned(), "%ff".to_owned()] {
                let [ticket, file, proposal, webhook, delivery, message] = std::array::from_fn(|_| id.clone());
                let scene = Scene { ticket, file, proposal, webhook, delivery, message };
                for Asker { who, token, .. } in askers().iter().filter(|asker| access.admits(&check(&asker.token))) {
                    let path = scene.fill(sample.path);
                    let body = (!sample.body.is_null()).then(|| sample.body.to_string());
                    let answer = stage.desks.ask(request(method.clone(), &path, Some(token), body)).await;
                    assert_eq!(answer.status, 404, "{method} {path} by {who}: {}", answer.text);
                }
            }
        }
    }
    for (method, id, body) in [
        (Method::DELETE, "nobody", None),
        (Method::POST, "nobody/duty", Some(json!({ "duty": "off" }).to_string())),
        (Method::DELETE, "%ff", None),
    ] {
        let path = format!("/api/v1/xmpp/agents/{id}");
        stage.desks.ask(request(method, &path, Some(&admin()), body)).await.failure(404, "NOT_FOUND");
    }
    stage.desks.get(&admin(), "/api/v1/xmpp/queue?desk=nowhere").await.failure(404, "NOT_FOUND");
}

/// Where a list takes a desk's name, another desk's is refused.
#[tokio::test]
async fn a_named_desk_is_for_its_own_staff() {
    let stage = Stage::new().await;
    for path in ["/api/v1/xmpp/queue?desk=support", "/api/v1/xmpp/usage?desk=support"] {
        stage.desks.get(&agent_of("billing"), path).await.failure(403, "FORBIDDEN");
        stage.desks.get(&agent_of("support"), path).await.ok(200);
    }
}

/// What people do with a ticket answers with it, and with its version as its entity tag.
#[tokio::test]
async fn a_change_answers_with_the_ticket_as_it_is_then() {
    let stage = Stage::new().await;
    let sue = mint(&Claims { desks: Some(vec!["support".to_owned()]), ..claims("sue", Role::Agent) });
    for (method, operation) in changes() {
        let sample = sample_of(&operation);
        let scene = stage.scene(&sample, &sue).await;
        let token = if ["ticket_assign", "ticket_close"].contains(&&*operation) { admin() } else { sue.clone() };
        let answer = stage.desks.ask(scene.request(&method, &sample, Some(&token))).await;
        let tag = answer.header("etag").to_owned();
        let shown = answer.ok(200);
        assert_eq!((&shown["id"], tag), (&json!(scene.ticket), format!("\"{}\"", shown["version"])), "{operation}");
        stage.clear(&scene).await;
    }
}

/// What people do with a ticket.
fn changes() -> Vec<(Method, String)> {
    let all = table().iter().flat_map(operations).collect::<Vec<_>>();
    let is_change = |(method, name): &(Method, String)| {
        *method != Method::GET && name.starts_with("ticket_") && name != "ticket_open"
    };
    all.into_iter().filter(is_change).collect()
}

#[tokio::test]
async fn a_closed_ticket_is_final_and_can_only_be_described() {
    let stage = Stage::new().await;
    let scene = stage.scene(&sample("", Value::Null), &admin()).await;
    stage.clear(&scene).await;
    for (method, operation) in changes() {
        let sample = sample_of(&operation);
        let answer = stage.desks.ask(scene.request(&method, &sample, Some(&admin()))).await;
        if ["close", "notes", "priority", "tags"].iter().any(|word| sample.path.ends_with(word)) {
            assert_eq!(answer.ok(200)["status"], "CLOSED", "{operation}");
        } else {
            assert_eq!(answer.overtaken().1["status"], "CLOSED", "{operation}");
        }
    }
    let (desks, ticket) = (&stage.desks, &scene.ticket);
    let (reason, seen) = desks.post(&customer(ANN), &of(ticket, "resolve"), json!({})).await.overtaken();
    assert_eq!((reason.as_str(), &seen["tags"]), ("this ticket is closed", &Value::Null), "{seen}");
}
