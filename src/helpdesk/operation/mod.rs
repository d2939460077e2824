//! The changes of the domain, one file each kind.

pub(super) mod answer;
pub(super) mod delivery;
pub(super) mod line;
pub(super) mod presence;
pub(super) mod reply;

use chrono::{DateTime, Utc};
use deskbridge_entity::message::{self, Author, Visibility};
use uuid::Uuid;

/// A public message of nobody in particular, not to be delivered; callers set what differs.
fn new_message(ticket_id: Uuid, author: Author, body: String, now: DateTime<Utc>) -> message::Model {
    message::Model {
        id: Uuid::now_v7(),
        ticket_id,
        seq: 0,
        author,
        author_id: None,
        author_name: None,
        visibility: Visibility::Public,
        body,
        sender_key: None,
        archive_key: None,
        stanza_id: None,
        outbound: false,
        created_at: now,
        sent_at: None,
        delivered_at: None,
        read_at: None,
        failed_at: None,
        failure: None,
    }
}

/// A message that goes to the customer over XMPP.
fn outbound(ticket_id: Uuid, author: Author, body: String, now: DateTime<Utc>) -> message::Model {
    message::Model { outbound: true, ..new_message(ticket_id, author, body, now) }
}
