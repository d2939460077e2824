//! A component of the test's own (XEP-0114): it speaks for every address of its domain, as another server would, and
//! can send what no server lets its users send.

use std::collections::VecDeque;

use futures::{SinkExt, StreamExt};
use tokio::{io::BufStream, net::TcpStream};
use tokio_xmpp::xmlstream::{StreamHeader, Timeouts, XmlStream, initiate_stream};
use xmpp_parsers::{component::Handshake, minidom::Element, ns};

use super::{
    PATIENCE,
    client::Client,
    server::{SECRET, Server},
};

/// Logs in as `domain`. What it sends must carry a `from` on that domain.
pub async fn connect(server: &Server, domain: &str) -> Client {
    let tcp = TcpStream::connect(server.component()).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let std = tcp.into_std().unwrap();
    let raw = TcpStream::from_std(std.try_clone().unwrap()).unwrap();
    let io = BufStream::new(TcpStream::from_std(std).unwrap());
    let timeouts = Timeouts { read_timeout: PATIENCE * 4, response_timeout: PATIENCE };
    let header = StreamHeader { to: Some(domain.into()), from: None, id: None };
    let mut pending = initiate_stream(io, ns::COMPONENT, header, timeouts).await.unwrap();
    let id = pending.take_header().id.unwrap_or_default().into_owned();
    let mut stream: XmlStream<BufStream<TcpStream>, Element> = pending.skip_features();
    stream.send(&Handshake::from_stream_id_and_password(id, SECRET)).await.unwrap();
    let answer = stream.next().await.unwrap().unwrap();
    assert_eq!(answer.name(), "handshake", "login as {domain}: {}", String::from(&answer));
    Client { jid: domain.to_owned(), stream, raw, seen: VecDeque::new(), sent: 0 }
}
