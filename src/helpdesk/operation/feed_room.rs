//! A room of the XMPP server is made, or gone, as the server tells it.
//!
//! **An end is final.** A session that has ended never opens again, whatever comes behind it, and an end that comes before its
//! room is kept until the room comes. A room lives one life at a time: of two open sessions at one address the one that was
//! made later stays.

use chrono::TimeDelta;
use deskbridge_entity::server_room;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::helpdesk::{
    Error,
    feed::{RoomEnded, RoomMade, Told},
    unit::{Needs, Unit},
    writer::Operation,
};

/// How long an end waits for its room.
const EARLY_END: TimeDelta = TimeDelta::days(1);

pub(in crate::helpdesk) struct MakeRoom {
    pub id: Uuid,
    pub made: RoomMade,
}

impl Operation for MakeRoom {
    type Output = Told;

    fn needs(&self, needs: &mut Needs) {
        needs.feed.sessions.insert(self.made.session.clone());
        needs.feed.rooms.insert(self.made.jid.to_string());
    }

    fn apply(&self, unit: &mut Unit) -> Result<Told, Error> {
        let RoomMade { session, jid, name, at: told_at } = &self.made;
        let at = told_at.unwrap_or(unit.now);
        if let Some(known) = unit.feed.session(session).cloned() {
            if known.created_at.is_some() || known.jid != jid.as_str() {
                return Ok(Told::Duplicate);
            }
            // Its end came first.
            let created_at = known.ended_at.map(|end| end.min(at));
            unit.feed.put_room(server_room::Model { name: name.clone(), created_at, ..known });
            unit.room_event("room.created", session);
            unit.room_event("room.ended", session);
            return Ok(Told::Done);
        }
        let mut ended_at = None;
        if let Some(other) = unit.feed.open_at(jid.as_str()).cloned() {
            if told_at.is_some() && other.created_at.is_some_and(|created| at < created) {
                ended_at = other.created_at;
            } else {
                unit.end_server_room(other, at);
            }
        }
        unit.feed.put_room(server_room::Model {
            id: self.id,
            session: session.clone(),
            jid: jid.to_string(),
            name: name.clone(),
            noted_at: unit.now,
            created_at: Some(at),
            ended_at,
        });
        unit.room_event("room.created", session);
        if ended_at.is_some() {
            unit.room_event("room.ended", session);
        }
        Ok(Told::Done)
    }
}

pub(in crate::helpdesk) struct EndRoom {
    pub id: Uuid,
    pub ended: RoomEnded,
}

impl Operation for EndRoom {
    type Output = Told;

    fn needs(&self, needs: &mut Needs) {
        needs.feed.sessions.insert(self.ended.session.clone());
        needs.feed.rooms.insert(self.ended.jid.to_string());
    }

    fn apply(&self, unit: &mut Unit) -> Result<Told, Error> {
        let RoomEnded { session, jid, at } = &self.ended;
        let at = at.unwrap_or(unit.now);
        let Some(known) = unit.feed.session(session).cloned() else {
            unit.feed.put_room(server_room::Model {
                id: self.id,
                session: session.clone(),
                jid: jid.to_string(),
                name: String::new(),
                noted_at: unit.now,
                created_at: None,
                ended_at: Some(at),
            });
            // Those whose room never came.
            unit.run(
                &server_room::Entity::delete_many()
                    .filter(server_room::Column::CreatedAt.is_null())
                    .filter(server_room::Column::NotedAt.lt(unit.now - EARLY_END)),
            );
            return Ok(Told::NoRoom);
        };
        if known.jid != jid.as_str() {
            return Err(Error::invalid("jid", "is not the address of this session's room"));
        }
        match (known.created_at, known.ended_at) {
            (None, _) => Ok(Told::NoRoom),
            (Some(_), Some(_)) => Ok(Told::Duplicate),
            (Some(created), None) => {
                unit.end_server_room(known, at.max(created));
                Ok(Told::Done)
            }
        }
    }
}
