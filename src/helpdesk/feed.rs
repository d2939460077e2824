//! The XMPP server's event feed: its rooms and who is in them, as the server itself tells.
//!
//! What decides between events that are repeated or overtake each other stands with the operations
//! (`operation::feed_room`, `operation::feed_occupant`).

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    server_occupant::{self, Role as RoomRole},
    server_room, ticket,
};
use jid::{BareJid, Jid};
use uuid::Uuid;

use super::{
    Caller, Cursor, Error, Helpdesk, Page, check_jid,
    operation::{
        feed_occupant::{Come, Go, Turn},
        feed_room::{EndRoom, MakeRoom},
    },
    query,
};

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is stored.
    Done,
    /// It was stored before, or something newer was; nothing changes.
    Duplicate,
    /// It is about a room that nobody has told of.
    NoRoom,
    /// It is about somebody who is not in the room.
    NoOccupant,
}

/// A room is made.
#[derive(Clone, Debug)]
pub struct RoomMade {
    /// The server's name of this life of the room.
    pub session: String,
    /// The room's address.
    pub jid: BareJid,
    /// What people call it.
    pub name: String,
    /// When, by the server's clock; else it is now.
    pub at: Option<DateTime<Utc>>,
}

/// A room is gone.
#[derive(Clone, Debug)]
pub struct RoomEnded {
    /// As in [`RoomMade`].
    pub session: String,
    /// The room's address.
    pub jid: BareJid,
    /// As in [`RoomMade`].
    pub at: Option<DateTime<Utc>>,
}

/// Somebody comes into a room.
#[derive(Clone, Debug)]
pub struct Came {
    /// The real address.
    pub jid: Jid,
    /// The room's address.
    pub room: BareJid,
    /// The name in the room.
    pub nick: String,
    /// What the occupant may do.
    pub role: RoomRole,
    /// As the server says.
    pub email: Option<String>,
    /// A URL.
    pub avatar: Option<String>,
    /// The client's name.
    pub user_agent: Option<String>,
    /// The client's address.
    pub ip: Option<String>,
    /// As in [`RoomMade`].
    pub at: Option<DateTime<Utc>>,
}

/// Something about an occupant changes; what is `None` stays.
#[derive(Clone, Debug)]
pub struct Turned {
    /// The real address.
    pub jid: Jid,
    /// The room's address.
    pub room: BareJid,
    /// The name in the room.
    pub nick: Option<String>,
    /// What the occupant may do.
    pub role: Option<RoomRole>,
    /// `Some(None)` takes it away.
    pub email: Option<Option<String>>,
    /// As in [`RoomMade`].
    pub at: Option<DateTime<Utc>>,
}

/// Somebody leaves a room.
#[derive(Clone, Debug)]
pub struct Left {
    /// The real address.
    pub jid: Jid,
    /// The room's address.
    pub room: BareJid,
    /// As in [`RoomMade`].
    pub at: Option<DateTime<Utc>>,
}

/// Which rooms to list.
#[derive(Clone, Debug, Default)]
pub struct RoomFilter {
    /// At this address only.
    pub jid: Option<BareJid>,
    /// Only those that there are, or only those that have ended.
    pub active: Option<bool>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Rooms a page.
    pub limit: u64,
}

/// Which occupants to list.
#[derive(Clone, Debug, Default)]
pub struct OccupantFilter {
    /// Only those who are there, or only those who have left.
    pub present: Option<bool>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Occupants a page.
    pub limit: u64,
}

impl Helpdesk {
    /// Notes that a room is made. Another life of the same room ends with it.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless the caller is a program that may tell of rooms; [`Error::Invalid`].
    pub async fn room_made(&self, caller: &Caller, made: RoomMade) -> Result<Told, Error> {
        caller.require_feed()?;
        check_jid(&made.jid)?;
        self.writer.write(MakeRoom { id: Uuid::now_v7(), made }).await
    }

    /// Notes that a room is gone, and everybody in it with it.
    ///
    /// # Errors
    /// As [`Helpdesk::room_made`]; also [`Error::Invalid`] when the session is another room's.
    pub async fn room_ended(&self, caller: &Caller, ended: RoomEnded) -> Result<Told, Error> {
        caller.require_feed()?;
        check_jid(&ended.jid)?;
        self.writer.write(EndRoom { id: Uuid::now_v7(), ended }).await
    }

    /// Notes that somebody has come into a room.
    ///
    /// # Errors
    /// As [`Helpdesk::room_made`].
    pub async fn occupant_came(&self, caller: &Caller, came: Came) -> Result<Told, Error> {
        caller.require_feed()?;
        check_jid(&came.jid.to_bare())?;
        self.writer.write(Come { id: Uuid::now_v7(), came }).await
    }

    /// Notes a change of an occupant.
    ///
    /// # Errors
    /// As [`Helpdesk::room_made`].
    pub async fn occupant_turned(&self, caller: &Caller, turned: Turned) -> Result<Told, Error> {
        caller.require_feed()?;
        self.writer.write(Turn { turned }).await
    }

    /// Notes that somebody has left a room.
    ///
    /// # Errors
    /// As [`Helpdesk::room_made`].
    pub async fn occupant_left(&self, caller: &Caller, left: Left) -> Result<Told, Error> {
        caller.require_feed()?;
        check_jid(&left.jid.to_bare())?;
        self.writer.write(Go { id: Uuid::now_v7(), left }).await
    }

    /// The server's rooms, the last told of first. An agent of some desks sees the rooms of their tickets.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for everybody but the staff.
    pub async fn server_rooms(&self, caller: &Caller, filter: &RoomFilter) -> Result<Page<server_room::Model>, Error> {
        query::server_rooms(&self.store, caller, filter).await
    }

    /// Who is or was in a room, the last told of first.
    ///
    /// # Errors
    /// As [`Helpdesk::server_rooms`]; [`Error::NotFound`] when there is no such session that the caller may see.
    pub async fn server_occupants(
        &self,
        caller: &Caller,
        session: &str,
        filter: &OccupantFilter,
    ) -> Result<Page<server_occupant::Model>, Error> {
        query::server_occupants(&self.store, caller, session, filter).await
    }

    /// Who is in a ticket's room now, the desk itself left out; `None` without a room, or when nobody tells of it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn participants(&self, ticket: &ticket::Model) -> Result<Option<Vec<server_occupant::Model>>, Error> {
        let Some(room) = &ticket.room else { return Ok(None) };
        let there = query::participants(&self.store, room).await?;
        let is_other = |row: &server_occupant::Model| {
            BareJid::new(&row.bare).is_ok_and(|jid| jid.domain().as_str() != &*self.domain)
        };
        Ok(there.map(|rows| rows.into_iter().filter(is_other).collect()))
    }
}
