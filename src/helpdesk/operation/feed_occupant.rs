//! Somebody comes into a room of the XMPP server, changes there, or leaves, as the server tells it.
//!
//! **The later moment counts**, where the server says when: what happened before what is known changes nothing. Where it does
//! not say, an event happens when it arrives; but a leave that comes before its join within [`EARLY_LEAVE`] stays a leave.

use chrono::TimeDelta;
use deskbridge_entity::{
    server_occupant::{Model, Role},
    server_room,
};
use uuid::Uuid;

use crate::helpdesk::{
    Error,
    feed::{Came, Left, Told, Turned},
    unit::{Needs, Unit},
    writer::Operation,
};

/// How long a leave without a time waits for its join.
const EARLY_LEAVE: TimeDelta = TimeDelta::minutes(5);

pub(in crate::helpdesk) struct Come {
    pub id: Uuid,
    pub came: Came,
}

impl Come {
    /// The occupant as it is when it comes; `known` is the same address in this room before.
    fn row(&self, unit: &Unit, room: &server_room::Model, known: Option<&Model>) -> Model {
        let Came { jid, nick, role, email, avatar, user_agent, ip, at, .. } = self.came.clone();
        let at = at.unwrap_or(unit.now);
        Model {
            id: known.map_or(self.id, |known| known.id),
            room_id: room.id,
            jid: jid.to_string(),
            bare: jid.to_bare().to_string(),
            nick,
            role,
            email,
            avatar,
            user_agent,
            ip,
            noted_at: known.map_or(unit.now, |known| known.noted_at),
            joined_at: Some(at),
            changed_at: Some(at),
            left_at: None,
        }
    }
}

impl Operation for Come {
    type Output = Told;

    fn needs(&self, needs: &mut Needs) {
        needs.feed.occupant(&self.came.room, &self.came.jid);
    }

    fn apply(&self, unit: &mut Unit) -> Result<Told, Error> {
        let Some(room) = unit.feed.open_at(self.came.room.as_str()).cloned() else { return Ok(Told::NoRoom) };
        let told_at = self.came.at;
        if told_at.is_some_and(|at| room.created_at.is_some_and(|created| at < created)) {
            // Into a life of the room that is over.
            return Ok(Told::NoRoom);
        }
        let known = unit.feed.in_room(room.id, self.came.jid.as_str()).cloned();
        let mut row = self.row(unit, &room, known.as_ref());
        let left = known.as_ref().and_then(|known| known.left_at);
        match (&known, left) {
            (None, _) => {}
            (Some(_), None) => return Ok(Told::Duplicate),
            (Some(known), Some(left)) => {
                let is_over = told_at.map_or_else(
                    || known.joined_at.is_none() && unit.now - known.noted_at <= EARLY_LEAVE,
                    |at| at <= left,
                );
                if is_over && known.joined_at.is_some() {
                    return Ok(Told::Duplicate);
                }
                if is_over {
                    row.joined_at = row.joined_at.min(Some(left));
                    row.left_at = Some(left);
                }
            }
        }
        let (id, is_gone) = (row.id, row.left_at.is_some());
        unit.feed.put_occupant(row);
        unit.occupant_event("participant.joined", &room.session, id);
        if is_gone {
            unit.occupant_event("participant.left", &room.session, id);
        }
        Ok(Told::Done)
    }
}

pub(in crate::helpdesk) struct Turn {
    pub turned: Turned,
}

impl Operation for Turn {
    type Output = Told;

    fn needs(&self, needs: &mut Needs) {
        needs.feed.occupant(&self.turned.room, &self.turned.jid);
    }

    fn apply(&self, unit: &mut Unit) -> Result<Told, Error> {
        let Turned { jid, room, nick, role, email, at } = self.turned.clone();
        let Some(room) = unit.feed.open_at(room.as_str()).cloned() else { return Ok(Told::NoOccupant) };
        let known = unit.feed.in_room(room.id, jid.as_str()).filter(|row| row.left_at.is_none()).cloned();
        let Some(known) = known else { return Ok(Told::NoOccupant) };
        if at.is_some_and(|at| known.changed_at.is_some_and(|changed| at < changed)) {
            // Overtaken by a newer one.
            return Ok(Told::Done);
        }
        let role: Role = role.unwrap_or(known.role);
        let (nick, email) = (nick.unwrap_or_else(|| known.nick.clone()), email.unwrap_or_else(|| known.email.clone()));
        let changes = (&nick, role, &email) != (&known.nick, known.role, &known.email);
        let changed_at = Some(at.unwrap_or(unit.now));
        unit.feed.put_occupant(Model { nick, role, email, changed_at, ..known.clone() });
        if changes {
            unit.occupant_event("participant.updated", &room.session, known.id);
        }
        Ok(Told::Done)
    }
}

pub(in crate::helpdesk) struct Go {
    pub id: Uuid,
    pub left: Left,
}

impl Operation for Go {
    type Output = Told;

    fn needs(&self, needs: &mut Needs) {
        needs.feed.occupant(&self.left.room, &self.left.jid);
    }

    fn apply(&self, unit: &mut Unit) -> Result<Told, Error> {
        let Left { jid, room, at: told_at } = &self.left;
        let at = told_at.unwrap_or(unit.now);
        let Some(room) = unit.feed.open_at(room.as_str()).cloned() else { return Ok(Told::NoOccupant) };
        let is_before = |moment| told_at.is_some() && moment > Some(at);
        let Some(known) = unit.feed.in_room(room.id, jid.as_str()).cloned() else {
            if !is_before(room.created_at) {
                unit.feed.put_occupant(self.early(unit, &room));
            }
            return Ok(Told::NoOccupant);
        };
        if known.left_at.is_some() || is_before(known.joined_at) {
            return Ok(Told::NoOccupant);
        }
        let id = known.id;
        unit.feed.put_occupant(Model { left_at: Some(at), ..known });
        unit.occupant_event("participant.left", &room.session, id);
        Ok(Told::Done)
    }
}

impl Go {
    /// What is kept of a leave until its join comes.
    fn early(&self, unit: &Unit, room: &server_room::Model) -> Model {
        Model {
            id: self.id,
            room_id: room.id,
            jid: self.left.jid.to_string(),
            bare: self.left.jid.to_bare().to_string(),
            nick: String::new(),
            role: Role::Participant,
            email: None,
            avatar: None,
            user_agent: None,
            ip: None,
            noted_at: unit.now,
            joined_at: None,
            changed_at: None,
            left_at: Some(self.left.at.unwrap_or(unit.now)),
        }
    }
}
