//! The OpenAPI document: it is the one in the repository and the one that is served, and it leaves nothing out.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    stage::{Asker, Stage, askers, check, operations, sample_of},
    *,
};
use crate::{
    api::{
        Rate, openapi,
        routes::{probes, table},
    },
    helpdesk::happening,
};

#[test]
fn the_document_in_the_repository_is_the_present_one() {
    let kept = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json")).unwrap_or_default();
    assert!(kept == openapi::text().unwrap(), "openapi.json is stale: make openapi writes it anew");
}

#[tokio::test]
async fn the_document_and_its_page_are_served_without_a_token() {
    let desks = Desks::new().await;
    let served = desks.ask(request(Method::GET, "/openapi.json", None, None)).await;
    let kept: Value = serde_json::from_str(&openapi::text().unwrap()).unwrap();
    assert_eq!(served.ok(200), kept);
    let page = desks.ask(request(Method::GET, "/docs/", None, None)).await;
    assert!(page.status == 200 && page.text.contains("swagger-ui"), "{}", page.text);
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    let moved = desks.ask(request(Method::GET, "/docs", None, None)).await;
    assert!(moved.status.is_redirection() && moved.header("location") == "/docs/", "{}", moved.status);
    let config = desks.ask(request(Method::GET, "/docs/swagger-initializer.js", None, None)).await;
    assert!(config.text.contains("/openapi.json"), "{}", config.text);
}

/// Types of one name would stand for each other.
#[test]
fn each_name_stands_for_one_type() {
    let mut known = BTreeMap::new();
    for route in table().into_iter().chain(probes()) {
        for (name, schema) in route.schemas {
            let schema = serde_json::to_value(schema).unwrap();
            let other = known.insert(name.clone(), schema.clone());
            assert!(
                other.is_none_or(|other| other == schema),
                "{name}: give one of them another name (schema(as = …))"
            );
        }
    }
}

#[test]
fn every_operation_says_who_it_is_for_and_how_it_fails() {
    let document = serde_json::to_value(openapi::document()).unwrap();
    let (mut seen, mut ids) = (0, BTreeSet::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(!path.contains('*'), "{path}");
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}: {operation}");
            let is_probe = ["/healthz", "/livez"].contains(&path.as_str());
            assert_eq!(operation["security"].is_array(), !is_probe, "{what}");
            assert!(is_probe || operation["description"].as_str().unwrap().contains("For "), "{what}");
            assert!(operation["summary"].is_string() && operation["operationId"].is_string(), "{what}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('2')), "{what}");
            for status in ["400", "500", "503"] {
                assert!(answers.contains_key(status), "{status}: {what}");
            }
            for status in ["401", "403", "429"] {
                assert_eq!(answers.contains_key(status), !is_probe, "{status}: {what}");
            }
            // A field where there is no body is one too many.
            assert_eq!(method != "get", answers.contains_key("422"), "{what}");
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(ids.insert(id), "twice: {what}");
            seen += 1;
        }
    }
    let routes = table().iter().chain(&probes()).map(|route| route.paths.paths.len()).sum::<usize>();
    assert!(seen >= routes, "{seen} of {routes}");
}

#[test]
fn what_is_told_without_being_asked_for_is_described_too() {
    let document = serde_json::to_value(openapi::document()).unwrap();
    let schemas = &document["components"]["schemas"];
    let about = document["paths"]["/api/v1/xmpp/events"]["get"]["description"].as_str().unwrap();
    for (name, fields) in [
        ("ChangeOut", &["seq", "type", "timestamp"][..]),
        ("TypingEvent", &["ticket_id", "by", "typing"]),
        ("DraftEvent", &["ticket_id", "stage"]),
        ("PresenceEvent", &["jid", "status", "source"]),
    ] {
        assert!(about.contains(&format!("`{name}`")), "{name}: {about}");
        for field in fields {
            let required = schemas[name]["required"].as_array().unwrap();
            assert!(required.iter().any(|known| known == field), "{name}.{field}: {required:?}");
        }
    }
    let body = &document["webhooks"]["event"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["$ref"], "#/components/schemas/WebhookEvent");
    let words = |name: &str| schemas[name]["enum"].as_array().unwrap().len();
    assert_eq!((words("EventWord"), words("ChangeWord")), (happening::KINDS.len() + 1, happening::LOGGED.len()));
    assert_eq!(schemas["Values"]["additionalProperties"], true);
    // Each name leads somewhere.
    let text = document.to_string();
    for name in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(schemas[name].is_object(), "{name}");
    }
    assert!(!text.contains("reference"), "whose?");
}

/// Headers that an answer has only at times: the next page, what was there before, and the ticket of who was overtaken.
fn is_at_times(status: u16, header: &str) -> bool {
    match header {
        "Link" | "Idempotency-Replayed" => true,
        "ETag" | "Retry-After" => status == 409,
        _ => false,
    }
}

/// The answer has what the document promises for it, and of what is promised anywhere nothing that is not promised here.
fn check_headers(document: &Value, method: &Method, operation: &str, answer: &Answer) {
    let methods =
        document["paths"].as_object().unwrap().values().filter_map(|item| item.get(method.as_str().to_lowercase()));
    let twin = format!("{operation}_put");
    let is_it = |found: &&Value| [operation, &twin].contains(&found["operationId"].as_str().unwrap());
    let described = methods.into_iter().find(is_it).unwrap();
    let promised = &described["responses"][answer.status.as_str()]["headers"];
    let what = format!("{method} {operation} {}: {:?}, promised {promised}", answer.status, answer.headers);
    let promised = promised.as_object().unwrap_or_else(|| panic!("{what}"));
    for name in promised.keys().filter(|name| !is_at_times(answer.status.as_u16(), name)) {
        assert!(answer.headers.contains_key(name), "{name}: {what}");
    }
    let spelled: Vec<String> = promised.keys().map(|name| name.to_lowercase()).collect();
    for name in answer.headers.keys().map(|name| name.as_str()) {
        let is_ours = name.starts_with("x-ratelimit") || name.starts_with("idempotency");
        if is_ours || ["etag", "link", "location", "retry-after", "www-authenticate", "x-request-id"].contains(&name) {
            assert!(spelled.iter().any(|promised| promised == name), "{name}: {what}");
        }
    }
}

#[tokio::test]
async fn each_answer_has_the_headers_that_the_document_promises() {
    let mut stage = Stage::new().await;
    let document = serde_json::to_value(openapi::document()).unwrap();
    let limited = |per_second: u32, burst: u32| {
        let rate = Rate { per_second: per_second.try_into().unwrap(), burst: burst.try_into().unwrap() };
        Rates::new(move |_| Some(rate))
    };
    stage.desks.router = router(Api { rates: limited(1_000, 100_000), ..stage.desks.api.clone() });
    let mut statuses = BTreeSet::new();
    for route in table() {
        for (method, operation) in operations(&route) {
            let sample = sample_of(&operation);
            let is_for = |asker: &Asker| asker.owns && route.access.unwrap().admits(&check(&asker.token));
            let Asker { token, .. } = askers().into_iter().rfind(is_for).unwrap();
            let scene = stage.scene(&sample, &token).await;
            let ask = async |token: Option<&str>, header: Option<(&'static str, &str)>| {
                let mut request = scene.request(&method, &sample, token);
                if let Some((name, value)) = header {
                    request.headers_mut().insert(name, value.parse().unwrap());
                }
                stage.desks.ask(request).await
            };
            let mut answers = vec![ask(None, None).await];
            // Twice under a key, which counts for a POST alone.
            for _ in 0..2 {
                answers.push(ask(Some(&token), Some(("idempotency-key", scene.ticket.as_str()))).await);
            }
            if method == Method::GET {
                answers.push(ask(Some(&token), Some(("if-none-match", "*"))).await);
            }
            if sample.path.contains("{t}/") {
                answers.push(ask(Some(&token), Some(("if-match", "\"999\""))).await);
            }
            for answer in &answers {
                check_headers(&document, &method, &operation, answer);
                statuses.insert(answer.status.as_u16());
            }
            stage.clear(&scene).await;
        }
    }
    stage.desks.router = router(Api { rates: limited(1, 1), ..stage.desks.api.clone() });
    stage.desks.get(&admin(), TICKETS).await.ok(200);
    let refused = stage.desks.get(&admin(), TICKETS).await;
    check_headers(&document, &Method::GET, "ticket_list", &refused);
    statuses.insert(refused.status.as_u16());
    assert!([200, 201, 202, 204, 304, 401, 409, 429].iter().all(|status| statuses.contains(status)), "{statuses:?}");
}
