//! Health, and the server on a real socket.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    api::serve::{Bounds, serve_within},
    health::Status,
};

#[tokio::test]
async fn health_is_200_only_when_all_parts_are_and_says_why_not() {
    let desks = Desks::new().await;
    let ask = async || desks.ask(request(Method::GET, "/healthz", None, None)).await;
    let health = &desks.api.health;
    health.set_assistant(Status::Healthy);
    health.set_xmpp(Status::Unhealthy("wrong secret".into()));
    let ill = ask().await.ok(503);
    assert_eq!(ill["status"], "unhealthy");
    assert_eq!(ill["services"], json!({ "database": "healthy", "xmpp": "unhealthy", "assistant": "healthy" }));
    assert_eq!(ill["details"], json!({ "xmpp": "wrong secret" }));
    health.set_xmpp(Status::Healthy);
    let well = ask().await.ok(200);
    assert_eq!(well["status"], "healthy");
    assert!(well.get("details").is_none() && well["timestamp"].as_str().unwrap().ends_with('Z'));
}

struct Served {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    _desks: Desks,
}

async fn served(routes: Option<Router<Api>>) -> Served {
    served_within(Bounds::default(), routes).await
}

async fn served_within(bounds: Bounds, routes: Option<Router<Api>>) -> Served {
    let desks = Desks::new().await;
    let router = routes.map_or_else(|| desks.router.clone(), |routes| around(routes, desks.api.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve_within(bounds, listener, router, stop.clone()));
    Served { address, stop, serving, _desks: desks }
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("the server closes the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_request_over_a_socket_is_answered() {
    let served = served(None).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("\"NOT_FOUND\""), "{answer}");
}

#[tokio::test]
async fn a_header_that_is_too_large_or_no_http_is_refused() {
    let served = served(None).await;
    let large = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", "x".repeat(100_000));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000));
    for (sent, status) in [(large.as_str(), "431"), (long.as_str(), "431"), ("\u{1}\u{2} nonsense\r\n\r\n", "400")] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        // The server may close before all of it is written.
        let _ = stream.write_all(sent.as_bytes()).await;
        let answer = until_closed(&mut stream).await;
        // What was not read yet can turn the closing into a reset, and that can overtake the answer.
        assert!(answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
}

#[tokio::test]
async fn a_running_request_ends_before_the_server_does_and_idle_connections_do_not_hold_it() {
    let routes = Router::new().route(
        "/slow",
        axum::routing::get(async || {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "done"
        }),
    );
    let served = served(Some(routes)).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    let mut busy = TcpStream::connect(served.address).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    served.stop.cancel();
    assert!(until_closed(&mut busy).await.ends_with("done"));
    assert_eq!(until_closed(&mut idle).await, "");
    timeout(SOON, served.serving).await.expect("the server ends").unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn who_sends_half_a_header_or_nothing_keeps_no_connection() {
    let served = served_within(Bounds { header: Duration::from_millis(100), ..Bounds::default() }, None).await;
    for half in ["", "GET / HT", "GET /nowhere HTTP/1.1\r\nHost: x\r\nX-Half: "] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        until_closed(&mut stream).await;
    }
    // An answered request does not make it a client of trust.
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\nGET /again HT").await.unwrap();
    let answers = until_closed(&mut stream).await;
    assert_eq!(answers.matches("HTTP/1.1 404").count(), 1, "{answers}");
}

#[tokio::test]
async fn idle_connections_keep_nobody_out_and_busy_ones_are_left_alone() {
    let bounds = Bounds { connections: 2, ..Bounds::default() };
    let leave = Arc::new(Notify::new());
    let slow = Arc::clone(&leave);
    let waits = async move || {
        slow.notified().await;
        "done"
    };
    let served = served_within(bounds, Some(Router::new().route("/slow", axum::routing::get(waits)))).await;
    let request = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut busy = TcpStream::connect(served.address).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(request).await.unwrap();
    // Answered, and kept open.
    timeout(SOON, idle.read_u8()).await.expect("an answer").unwrap();
    let mut next = TcpStream::connect(served.address).await.unwrap();
    next.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    until_closed(&mut idle).await;
    // Now both are busy: who comes waits until one of them is not.
    let mut waiting = TcpStream::connect(served.address).await.unwrap();
    waiting.write_all(request).await.unwrap();
    let early = timeout(Duration::from_millis(100), waiting.read_u8()).await;
    assert!(early.is_err(), "a third connection was served");
    leave.notify_one();
    timeout(SOON, waiting.read_u8()).await.expect("its turn comes").unwrap();
    assert!(until_closed(&mut busy).await.ends_with("done"));
}

#[tokio::test]
async fn a_thousand_idle_connections_keep_nobody_out() {
    let served = served(None).await;
    let mut held = Vec::new();
    for number in 0..1_100 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        // Some send nothing, some half a header, some wait behind an answer.
        let sent: &[u8] = [&b""[..], b"GET / HT", b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"][number % 3];
        stream.write_all(sent).await.unwrap();
        held.push(stream);
    }
    let mut probe = TcpStream::connect(served.address).await.unwrap();
    let asked = std::time::Instant::now();
    probe.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let answer = until_closed(&mut probe).await;
    assert!(answer.contains("\"database\":\"healthy\""), "{answer}");
    assert!(asked.elapsed() < Duration::from_secs(3), "it took {:?}", asked.elapsed());
}

#[tokio::test]
async fn who_has_no_token_keeps_no_connection() {
    let served = served(None).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(format!("GET {TICKETS} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("connection: close"), "{answer}");
}
