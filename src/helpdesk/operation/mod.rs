//! The changes of the domain, one file each kind.

pub(super) mod agent;
pub(super) mod answer;
pub(super) mod appearance;
pub(super) mod attachment;
pub(super) mod copilot;
mod correction;
pub(super) mod customer;
pub(super) mod delivery;
pub(super) mod echo;
pub(super) mod erase;
pub(super) mod feed_occupant;
pub(super) mod feed_room;
pub(super) mod hand_off;
pub(super) mod hint;
pub(super) mod job;
pub(super) mod keep;
pub(super) mod line;
pub(super) mod note;
pub(super) mod presence;
pub(super) mod proposal;
pub(super) mod reaction;
pub(super) mod redact;
pub(super) mod reply;
pub(super) mod retention;
pub(super) mod retraction;
pub(super) mod room;
pub(super) mod staff;
pub(super) mod sweep;
pub(super) mod typing;
pub(super) mod usage;
pub(super) mod webhook;
pub(super) mod webhook_delivery;

use chrono::{DateTime, Utc};
use deskbridge_entity::message::{self, Author, Visibility};
use jid::BareJid;
use uuid::Uuid;

use super::{
    Error,
    unit::{Needs, Unit, new_ticket},
    writer::Operation,
};

/// Nothing changes: the stanza was heard, and is known from now on.
pub(super) struct Hear;

impl Operation for Hear {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, _: &mut Unit) -> Result<(), Error> {
        Ok(())
    }
}

/// Opens the conversation's next ticket, with a subject from its first words. Gives its id.
fn open(unit: &mut Unit, desk: &str, customer: &BareJid, first_words: &str) -> Uuid {
    let subject = line::subject_of(first_words);
    let mut ticket = new_ticket(Uuid::now_v7(), desk, customer.as_str(), &subject, unit.now);
    let conversation = (desk.to_owned(), customer.to_string());
    ticket.previous_ticket_id = unit.current(&conversation).map(|latest| latest.id);
    // What agents were told of the conversation counts on, also after it was erased.
    let told = unit.current(&conversation).and_then(|row| row.notices_until);
    ticket.notices_until = told.max(unit.told_before_erasing(&conversation));
    let id = ticket.id;
    unit.open(ticket);
    id
}

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
        corrects: None,
        superseded_at: None,
        retracted_at: None,
        redacted_at: None,
        reply_to: None,
        reaction: None,
        markable: false,
        client_key: None,
        client_id: None,
    }
}

/// A message that goes to the customer over XMPP.
fn outbound(ticket_id: Uuid, author: Author, body: String, now: DateTime<Utc>) -> message::Model {
    message::Model { outbound: true, ..new_message(ticket_id, author, body, now) }
}
