//! A program that is told what happened, and how it takes that.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Receivers of these tests are on this machine and have no certificate.
pub const LOCAL: &str = "allow_http = true\nallow_private = [\"127.0.0.0/8\"]\ntimeout = \"1s\"\n";

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16),
    /// Not at all, and the connection stays.
    Stall,
    /// By a redirection to this URL.
    Redirect(String),
}

/// What was sent.
#[derive(Clone, Debug)]
pub struct Letter {
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Letter {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn event(&self) -> String {
        self.json()["event"].as_str().unwrap().to_owned()
    }
}

/// A receiver that does what it is told, and answers 200 when it is told nothing.
pub struct Receiver {
    pub url: String,
    port: u16,
    heard: Arc<Mutex<Vec<Letter>>>,
    plan: Arc<Mutex<VecDeque<Answer>>>,
    task: Option<JoinHandle<()>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}/hook");
        let mut receiver = Self { url, port, heard: Arc::default(), plan: Arc::default(), task: None };
        receiver.listen(listener);
        receiver
    }

    fn listen(&mut self, listener: TcpListener) {
        let (heard, plan) = (Arc::clone(&self.heard), Arc::clone(&self.plan));
        self.task = Some(tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                tokio::spawn(serve(stream, Arc::clone(&heard), Arc::clone(&plan)));
            }
        }));
    }

    /// Nobody listens any more.
    pub async fn down(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }

    pub async fn up(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.listen(listener);
    }

    /// The next answers, in their order.
    pub fn plan(&self, answers: impl IntoIterator<Item = Answer>) {
        let mut plan = self.plan.lock().unwrap();
        plan.clear();
        plan.extend(answers);
    }

    pub fn heard(&self) -> Vec<Letter> {
        self.heard.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, heard: Arc<Mutex<Vec<Letter>>>, plan: Arc<Mutex<VecDeque<Answer>>>) {
    let Some(letter) = read(&mut stream).await else { return };
    heard.lock().unwrap().push(letter);
    let answer = plan.lock().unwrap().pop_front().unwrap_or(Answer::Status(200));
    let text = match answer {
        Answer::Status(status) => format!("HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n"),
        Answer::Redirect(url) => format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n"),
        Answer::Stall => return drop(stream.read(&mut [0; 16]).await),
    };
    let _ = stream.write_all(text.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Letter> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 8192];
        let length = stream.read(&mut part).await.ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: HashMap<String, String> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        if body.len() >= headers["content-length"].parse().unwrap() {
            return Some(Letter { headers, body: body.to_owned() });
        }
    }
}
