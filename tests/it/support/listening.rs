//! Listening to `/api/v1/xmpp/events`.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::PATIENCE;

const EVENTS: &str = "/api/v1/xmpp/events";

/// A connection to the stream, taken apart by hand: a library would hide where it broke off.
pub struct Stream {
    socket: TcpStream,
    text: String,
    raw: Vec<u8>,
}

impl Stream {
    /// `None` when it is refused for now.
    pub async fn open(port: u16, token: &str, last: Option<i64>, buffer: Option<u32>) -> Option<Self> {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let mut socket = socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let ask = format!("GET {EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{last}\r\n");
        socket.write_all(ask.as_bytes()).await.unwrap();
        let mut stream = Self { socket, text: String::new(), raw: Vec::new() };
        loop {
            stream.read().await?;
            if let Some(end) = stream.raw.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head: Vec<u8> = stream.raw.drain(..end + 4).collect();
                let head = String::from_utf8_lossy(&head).into_owned();
                assert!(head.contains(" 200 ") || head.contains(" 429 ") || head.contains(" 503 "), "{head}");
                return head.contains(" 200 ").then_some(stream);
            }
        }
    }

    pub async fn read(&mut self) -> Option<()> {
        let read = timeout(PATIENCE, self.socket.read_buf(&mut self.raw)).await.expect("something comes");
        (read.ok()? > 0).then_some(())
    }

    /// The next event's number, its kind and its data; of a heartbeat only the number.
    pub async fn next(&mut self) -> Option<(Option<i64>, String, Value)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                let data = field("data: ");
                let data = if data.is_empty() { Value::Null } else { serde_json::from_str(data).unwrap() };
                let event = (field("id: ").parse().ok(), field("event: ").to_owned(), data);
                self.text = rest.to_owned();
                return Some(event);
            }
            while !self.take_chunk() {
                self.read().await?;
            }
        }
    }

    /// A chunk of the body (RFC 9112 §7.1).
    fn take_chunk(&mut self) -> bool {
        let Some(line) = self.raw.windows(2).position(|bytes| bytes == b"\r\n") else { return false };
        let size = usize::from_str_radix(std::str::from_utf8(&self.raw[..line]).unwrap(), 16).unwrap();
        if self.raw.len() < line + 2 + size + 2 {
            return false;
        }
        self.text.push_str(std::str::from_utf8(&self.raw[line + 2..line + 2 + size]).unwrap());
        self.raw.drain(..line + 2 + size + 2);
        true
    }
}
