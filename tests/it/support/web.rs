//! An upload server, and files that lie there.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};

use super::{
    client::chat_line,
    eventually,
    stage::{DESK, Rest},
};

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a cat";
/// Upload servers of these tests are on this machine and have no certificate.
pub const LOCAL: &str = "allow_http = true\nallow_private_addresses = true\n";

/// An upload server with one picture under every path.
pub struct Web {
    pub url: String,
    asked: Arc<AtomicUsize>,
    /// How many requests are still to be turned away.
    pub busy: Arc<AtomicUsize>,
    pub open: watch::Sender<bool>,
}

impl Web {
    /// It answers once it is open.
    pub async fn start(is_open: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let (open, opened) = watch::channel(is_open);
        let busy = Arc::new(AtomicUsize::new(0));
        let (count, troubles) = (Arc::clone(&asked), Arc::clone(&busy));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (count, troubles, mut opened) = (Arc::clone(&count), Arc::clone(&troubles), opened.clone());
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    count.fetch_add(1, Ordering::SeqCst);
                    let _ = opened.wait_for(|open| *open).await;
                    let left = troubles.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                    if left.is_ok() {
                        let _ = stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await;
                        return;
                    }
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", PNG.len());
                    let _ = stream.write_all(head.as_bytes()).await;
                    let _ = stream.write_all(PNG).await;
                });
            }
        });
        Self { url, asked, busy, open }
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A file as clients send it after an upload (XEP-0363 §5, XEP-0066 §3).
pub fn file(id: &str, url: &str) -> String {
    let line = chat_line(id, DESK, url);
    line.replace("</message>", &format!("<x xmlns='jabber:x:oob'><url>{url}</url></x></message>"))
}

/// Waits until the only file of the ticket has this state; gives it.
pub async fn file_in(rest: &Rest, reader: &str, ticket: &str, state: &str) -> Value {
    eventually(&format!("the file is {state}"), || async {
        let conversation = rest.sync(reader, ticket).await;
        let files: Vec<Value> = conversation["messages"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|message| message["attachments"].as_array())
            .flatten()
            .cloned()
            .collect();
        assert_eq!(files.len(), 1, "{conversation}");
        (files[0]["state"] == state).then(|| files[0].clone())
    })
    .await
}
