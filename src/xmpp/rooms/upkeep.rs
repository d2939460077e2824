//! What rooms need while they last, and their end.

use std::time::Duration;

use deskbridge_entity::ticket::Handler;
use jid::BareJid;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    host::{Host, Sent},
    room::{Room, Step},
};
use crate::{
    helpdesk::{Agent, keeps_room, texts::Text},
    xmpp::outgoing,
};

/// How long a room has for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// What may be over in a while: a room of ours is tried again then. Any other answer means that it is ours no longer.
const PASSING: [&str; 7] = [
    "internal-server-error",
    "recipient-unavailable",
    "remote-server-not-found",
    "remote-server-timeout",
    "resource-constraint",
    "service-unavailable",
    "undefined-condition",
];

/// Somebody has destroyed it, or sent us away.
pub(super) const GONE: &str = "gone";

/// Somebody else has made it.
pub(super) const NOT_OURS: &str = "somebody else has a room of this name";

impl Host {
    /// Tickets have changed: some need their room no longer, or have gone to another agent.
    pub(super) async fn follow(&mut self) -> Sent {
        // A room that is being made belongs to no ticket yet; what has changed is checked when it is there.
        if self.rooms.values().all(|room| room.is_new) { Ok(()) } else { self.compare(false).await }
    }

    /// Makes the rooms what the tickets say; on `whole`, also those that we are not in.
    async fn compare(&mut self, whole: bool) -> Sent {
        let rows = match self.helpdesk.tickets_in_rooms().await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(%error, "the tickets with rooms could not be read");
                return Ok(());
            }
        };
        let agents = match self.helpdesk.agents().await {
            Ok(agents) => agents,
            Err(error) => {
                tracing::error!(%error, "the agents of the tickets with rooms could not be read");
                return Ok(());
            }
        };
        for row in &rows {
            let Some(jid) = row.room.as_deref().and_then(|room| BareJid::new(room).ok()) else { continue };
            let is_holder = |agent: &&Agent| Some(&agent.id) == row.agent.as_ref() && agent.serves(&row.desk);
            let holder = agents.iter().find(is_holder).filter(|_| row.handler == Handler::Agent);
            let keeps = keeps_room(row);
            match self.rooms.get_mut(&jid) {
                Some(room) if keeps => {
                    // On the way to being open it is looked at again.
                    if room.step == Step::Open && !room.is_with(holder) {
                        room.agent = holder.cloned();
                        room.invites = holder.is_some();
                        self.let_in(&jid).await?;
                    }
                }
                Some(_) => self.end(&jid).await?,
                // Another service's, from before the configuration was changed, is out of our reach.
                None if !whole || jid.domain().as_str() != self.service.as_str() => {}
                None => {
                    let Some(room) = self.room_of(row, jid.clone(), holder.cloned()) else { continue };
                    if keeps {
                        self.enter(room).await?;
                    } else {
                        self.rooms.insert(jid.clone(), room);
                        self.end(&jid).await?;
                    }
                }
            }
        }
        let has_row = |room: &Room| rows.iter().any(|row| row.room.as_deref() == Some(room.jid.as_str()));
        let orphans: Vec<BareJid> =
            self.rooms.values().filter(|room| !room.is_new && !has_row(room)).map(|room| room.jid.clone()).collect();
        for jid in orphans {
            self.end(&jid).await?;
        }
        Ok(())
    }

    pub(super) async fn look(&mut self) -> Sent {
        let now = Instant::now();
        let is_late = |room: &&Room| room.step != Step::Open && now - room.since > PATIENCE;
        let late: Vec<BareJid> = self.rooms.values().filter(is_late).map(|room| room.jid.clone()).collect();
        for jid in late {
            self.fail(&jid, "remote-server-timeout").await?;
        }
        self.compare(true).await
    }

    /// Destroys a room, with everybody in it.
    pub(super) async fn end(&mut self, jid: &BareJid) -> Sent {
        let Some(room) = self.rooms.get_mut(jid) else { return Ok(()) };
        if matches!(room.step, Step::Ending(_)) {
            return Ok(());
        }
        let id = Uuid::now_v7().to_string();
        room.enter(Step::Ending(id.clone()));
        let desk = room.desk.clone();
        let texts = desk.node().and_then(|node| self.helpdesk.desk(node.as_str())).map(|desk| desk.texts.clone());
        let reason = texts.unwrap_or_default().plain(Text::RoomClosed);
        self.outlet.send(&outgoing::destroy(&desk, jid, &id, &reason)).await
    }

    /// Something went wrong with a room: it is not there, or not yet.
    pub(super) async fn fail(&mut self, jid: &BareJid, condition: &str) -> Sent {
        let Some(room) = self.rooms.get(jid) else { return Ok(()) };
        let is_new = room.is_new;
        // We have made it, or did once; what is gone or not ours need not be removed.
        let is_there = match room.step {
            Step::Joining => !is_new && condition != NOT_OURS,
            Step::Ending(_) => false,
            _ => condition != GONE,
        };
        if !is_new && PASSING.contains(&condition) {
            tracing::warn!(room = %jid, condition, "a room is out of reach; it is tried again");
            self.rooms.remove(jid);
            return Ok(());
        }
        let what = if is_new { "The room could not be made" } else { "The room is lost" };
        self.tell(jid, &format!("{what}: {}.", condition.replace('-', " "))).await?;
        if is_there { self.end(jid).await } else { self.forget(jid).await }
    }

    pub(super) async fn forget(&mut self, jid: &BareJid) -> Sent {
        let Some(room) = self.rooms.remove(jid) else { return Ok(()) };
        if let Err(error) = self.helpdesk.close_room(room.ticket, jid.clone()).await {
            tracing::error!(%error, "that a room is gone could not be stored");
        }
        Ok(())
    }

    pub(super) async fn leave(&mut self) -> Sent {
        let rooms = std::mem::take(&mut self.rooms);
        let leave = |room: &Room| outgoing::leave(&room.desk, &room.own_place());
        self.send_all(rooms.values().map(leave).collect()).await
    }
}
