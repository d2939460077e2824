//! The OpenAPI document: it is the one in the repository and the one that is served, and it leaves nothing out.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::api::{
    openapi,
    routes::{probes, table},
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
            assert_eq!(operation["requestBody"].is_null(), !answers.contains_key("422"), "{what}");
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(ids.insert(id), "twice: {what}");
            seen += 1;
        }
    }
    let routes = table().iter().chain(&probes()).map(|route| route.paths.paths.len()).sum::<usize>();
    assert!(seen >= routes, "{seen} of {routes}");
}
