//! Stanzas as text in, values out; one file each noun.

mod change;
mod chat;
mod fuzz;
mod iq;
mod presence;
mod reply;
mod room;
mod signal;
mod text;

use super::*;

const DOMAIN: &str = "help.example";

fn element(xml: &str) -> Element {
    let stream = format!("<stream xmlns='jabber:component:accept'>{xml}</stream>").parse::<Element>().unwrap();
    stream.children().next().unwrap().clone()
}

/// Adds addresses to a stanza that is written without them.
fn read(xml: &str) -> Result<Inbound, Ignored> {
    let xml = xml.replacen(' ', " from='alice@home.example/phone' to='support@help.example' ", 1);
    inbound(&element(&xml), DOMAIN)
}

fn chat(inner: &str) -> Chat {
    match read(&format!("<message type='chat' id='m1'>{inner}</message>")) {
        Ok(Inbound::Chat(chat)) => *chat,
        other => panic!("{other:?}"),
    }
}

fn body(inner: &str) -> String {
    chat(inner).body
}
