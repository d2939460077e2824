//! A desk's pages over REST.

use super::*;

const PAGES: &str = "/api/v1/xmpp/desks/support/knowledge";

/// A request whose body is a page.
fn page(method: Method, token: &str, path: &str, text: &str) -> Request<Body> {
    request(method, &format!("{PAGES}/{path}"), Some(token), Some(text.to_owned()))
}

fn paths(list: &Value) -> Vec<&str> {
    list["pages"].as_array().unwrap().iter().map(|page| page["path"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn staff_read_the_pages_and_what_was_left_out() {
    let desks = Desks::new().await;
    let list = desks.get(&agent_of("support"), PAGES).await.ok(200);
    assert_eq!(paths(&list), ["fraud.md", "returns.md"]);
    assert_eq!(list["pages"][0]["audience"], "agents");
    assert_eq!(list["pages"][1]["title"], "Returns");
    assert_eq!(list["skipped"][0]["path"], "broken.md");
    assert!(list["skipped"][0]["reason"].as_str().unwrap().contains("audience"));
    let message = desks.get(&admin(), "/api/v1/xmpp/desks/billing/knowledge").await.failure(404, "NOT_FOUND");
    assert_eq!(message, "this desk has no knowledge folder");
    desks.get(&admin(), "/api/v1/xmpp/desks/nowhere/knowledge").await.failure(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_search_shows_what_its_audience_may_see() {
    let desks = Desks::new().await;
    let agent = agent_of("support");
    let found = desks.get(&agent, &format!("{PAGES}/search?q=stolen+gift+cards&limit=1")).await.ok(200);
    assert_eq!((&found["found"], &found["hits"][0]["path"]), (&json!(true), &json!("fraud.md")));
    let found = desks.get(&agent, &format!("{PAGES}/search?q=stolen+gift+cards&audience=customer")).await.ok(200);
    assert_eq!(found, json!({ "found": false, "hits": [] }));
    for query in ["q=tea&audience=staff", "q=tea&limit=0", "q=tea&limit=51", "", "q=tea&desk=billing"] {
        desks.get(&agent, &format!("{PAGES}/search?{query}")).await.failure(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn customers_programs_and_other_desks_see_none_of_it() {
    let desks = Desks::new().await;
    let search = format!("{PAGES}/search?q=tea&audience=customer");
    for token in [customer(ANN), program(&["tickets:read", "tickets:write"]), agent_of("billing")] {
        for path in [PAGES, &search] {
            desks.get(&token, path).await.failure(403, "FORBIDDEN");
        }
    }
    for token in [customer(ANN), program(&["tickets:write"]), agent_of("support"), agent_of("billing")] {
        desks.ask(page(Method::PUT, &token, "new.md", "x")).await.failure(403, "FORBIDDEN");
        desks.ask(page(Method::DELETE, &token, "returns.md", "")).await.failure(403, "FORBIDDEN");
    }
    for token in ["", "not.a.token"] {
        desks.get(token, PAGES).await.failure(401, "UNAUTHORIZED");
        desks.ask(page(Method::PUT, token, "new.md", "x")).await.failure(401, "UNAUTHORIZED");
    }
    assert_eq!(paths(&desks.get(&admin(), PAGES).await.ok(200)), ["fraud.md", "returns.md"]);
}

#[tokio::test]
async fn admins_store_and_delete_pages() {
    let desks = Desks::new().await;
    let hours = "---\ntitle: Hours\ntags: [shop]\n---\nOpen on Saturdays.";
    let stored = desks.ask(page(Method::PUT, &admin(), "shop/opening%20hours.md", hours)).await.ok(201);
    assert_eq!((&stored["path"], &stored["passages"]), (&json!("shop/opening hours.md"), &json!(1)));
    let search = format!("{PAGES}/search?q=saturdays&audience=customer");
    assert_eq!(desks.get(&admin(), &search).await.ok(200)["found"], true);

    // From now on for agents only, and at once.
    let hidden = hours.replace("title", "audience: agents\ntitle");
    desks.ask(page(Method::PUT, &admin(), "shop/opening%20hours.md", &hidden)).await.ok(200);
    assert_eq!(desks.get(&admin(), &search).await.ok(200)["hits"], json!([]));

    let answer = desks.ask(page(Method::DELETE, &admin(), "shop/opening%20hours.md", "")).await;
    assert_eq!(answer.status, 204);
    desks.ask(page(Method::DELETE, &admin(), "shop/opening%20hours.md", "")).await.failure(404, "NOT_FOUND");
    // Also what could not be used.
    assert_eq!(desks.ask(page(Method::DELETE, &admin(), "broken.md", "")).await.status, 204);
    let list = desks.get(&admin(), PAGES).await.ok(200);
    assert_eq!((paths(&list), &list["skipped"]), (vec!["fraud.md", "returns.md"], &json!([])));
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder_and_no_broken_page_comes_in() {
    let desks = Desks::new().await;
    for path in
        ["..%2Fout.md", "a%2F..%2F..%2Fout.md", "%2Ftmp%2Fout.md", ".hidden.md", "a/.b/c.md", "a%00.md", "a.exe", "a"]
    {
        desks.ask(page(Method::PUT, &admin(), path, "x")).await.failure(400, "BAD_REQUEST");
        desks.ask(page(Method::DELETE, &admin(), path, "")).await.failure(400, "BAD_REQUEST");
    }
    for text in ["---\naudience: staff\n---\nx", "---\nnot closed", "---\ntitle: [\n---\n"] {
        let message = desks.ask(page(Method::PUT, &admin(), "returns.md", text)).await.failure(422, "INVALID");
        assert!(message.starts_with("the page has "), "{message}");
    }
    let large = "a".repeat(1024 * 1024 + 1);
    desks.ask(page(Method::PUT, &admin(), "returns.md", &large)).await.failure(413, "PAYLOAD_TOO_LARGE");
    let found = desks.get(&admin(), &format!("{PAGES}/search?q=send+tea+back&audience=customer")).await.ok(200);
    assert_eq!(found["hits"][0]["path"], "returns.md");
}
