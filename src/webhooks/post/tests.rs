//! Against receivers that dawdle, point elsewhere and lie.

use std::time::Instant;

use deskbridge_entity::webhook::Secret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::address::Private;

/// A receiver that answers every request so, and tells what it was sent. An empty answer is none at all.
async fn receiver(answer: &'static str) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/hook?key=1", listener.local_addr().unwrap());
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"{}") {
                    let mut part = [0; 4096];
                    let length = stream.read(&mut part).await.unwrap();
                    request.extend_from_slice(&part[..length]);
                }
                tell.send(String::from_utf8(request).unwrap()).unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                // It never closes by itself.
                let _ = stream.read(&mut [0; 64]).await;
            });
        }
    });
    (url, told)
}

fn post(policy: Policy) -> Post {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = Settings { policy, timeout: Duration::from_millis(500), keep: Duration::ZERO };
    Post::new(&settings).unwrap()
}

fn local() -> Policy {
    Policy::new(Private::In(vec!["127.0.0.1/32".parse().unwrap()]), true)
}

async fn send(post: &Post, url: &str) -> Outcome {
    let hook = sign::tests::hook(Secret(format!("whsec_{}", "c2VjcmV0".repeat(4))));
    let hook = webhook::Model { url: url.to_owned(), ..hook };
    let now = DateTime::from_timestamp(1_700_000_000, 5).unwrap();
    post.send(Letter { hook: &hook, id: Uuid::nil(), kind: "ticket.created", body: "{}".to_owned(), now }).await
}

#[tokio::test]
async fn what_is_sent_and_what_comes_of_it() {
    let (url, mut told) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(send(&post(local()), &url).await, Outcome::Answered(StatusCode::NO_CONTENT, None));
    let request = told.recv().await.unwrap().to_ascii_lowercase();
    assert!(request.starts_with("post /hook?key=1 http/1.1\r\n"), "{request}");
    for header in [
        "content-type: application/json",
        "content-length: 2",
        "webhook-id: 00000000-0000-0000-0000-000000000000",
        "webhook-timestamp: 1700000000",
        "webhook-signature: v1,",
        "x-deskbridge-event: ticket.created",
        "x-deskbridge-signature: sha256=",
        "user-agent: deskbridge/",
    ] {
        assert!(request.contains(&format!("\r\n{header}")), "{header}: {request}");
    }
    for (answer, outcome) in [
        ("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", Outcome::Answered(StatusCode::GONE, None)),
        (
            "HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n",
            Outcome::Answered(StatusCode::SERVICE_UNAVAILABLE, Some(Duration::from_secs(120))),
        ),
        // A body that never comes changes nothing of the answer.
        ("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\nOK", Outcome::Answered(StatusCode::OK, None)),
        ("nonsense\r\n\r\n", Outcome::Failed("the connection broke off")),
        ("", Outcome::Failed("no answer in time")),
    ] {
        let (url, _told) = receiver(answer).await;
        let began = Instant::now();
        assert_eq!(send(&post(local()), &url).await, outcome, "{answer}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_redirection_is_not_followed() {
    let (elsewhere, mut told) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let redirect = format!("HTTP/1.1 307 Moved\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n");
    let (url, _told) = receiver(redirect.leak()).await;
    assert_eq!(send(&post(local()), &url).await, Outcome::Answered(StatusCode::TEMPORARY_REDIRECT, None));
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn a_name_that_leads_inside_by_now_is_not_asked() {
    let (url, mut told) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let port = url.split(':').nth(2).unwrap().split('/').next().unwrap();
    let private = Outcome::Failed("its host leads to an address that may not be asked");
    // As when the name server gives another answer than when the webhook was made.
    let rebound = post(Policy::scripted(&[("evil.example", &["127.0.0.1", "::1"])]));
    assert_eq!(send(&rebound, &format!("https://evil.example:{port}/")).await, private);
    assert_eq!(send(&rebound, &url).await, Outcome::Failed("its URL may not be asked"));
    // As when the operator has taken an allowance back.
    let strict = post(Policy::new(Private::Refused, true));
    assert_eq!(send(&strict, &url).await, Outcome::Failed("its URL may not be asked"));
    assert_eq!(send(&strict, &format!("http://localhost:{port}/")).await, private);
    assert!(told.try_recv().is_err());
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    assert_eq!(send(&post(local()), &format!("http://{nobody}/")).await, Outcome::Failed("no connection"));
}
