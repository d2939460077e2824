//! The task that keeps a link's rooms.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use deskbridge_entity::ticket::Model;
use jid::{BareJid, DomainPart, Jid};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc},
    time::{self, Instant, MissedTickBehavior},
};
use uuid::Uuid;
use xmpp_parsers::minidom::Element;

use super::{
    Event,
    room::{Room, Step},
};
use crate::{
    helpdesk::{Agent, Error, Helpdesk, RoomLine, keeps_room, texts::Text, ticket_node},
    xmpp::{
        outgoing::{self, Affiliation},
        outlet::{Outlet, SendError},
        stanza::{Chat, Occupant},
    },
};

/// How long a room has for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked at what is late, and at what failed and may work now.
const LOOK_EVERY: Duration = Duration::from_secs(10);
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
const GONE: &str = "gone";

/// Somebody else has made it.
const NOT_OURS: &str = "somebody else has a room of this name";

/// Keeps the rooms.
pub(super) struct Host {
    helpdesk: Helpdesk,
    outlet: Outlet,
    service: Arc<DomainPart>,
    rooms: HashMap<BareJid, Room>,
}

type Sent = Result<(), SendError>;

impl Host {
    pub fn new(helpdesk: Helpdesk, outlet: Outlet, service: Arc<DomainPart>) -> Self {
        Self { helpdesk, outlet, service, rooms: HashMap::new() }
    }

    /// Goes on with the rooms that there are, and serves until the link is down.
    pub async fn keep(mut self, mut events: mpsc::Receiver<Event>) {
        let mut commits = self.helpdesk.commits();
        let mut ticks = time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let sent = tokio::select! {
                event = events.recv() => match event {
                    Some(Event::Leave(left)) => {
                        let sent = self.leave().await;
                        // Nobody waits any more.
                        let _ = left.send(());
                        if sent.is_ok() {
                            return;
                        }
                        sent
                    }
                    Some(event) => self.take(event).await,
                    None => return,
                },
                commit = commits.recv() => match commit {
                    Ok(commit) if !commit.rooms => Ok(()),
                    Ok(_) | Err(RecvError::Lagged(_)) => self.follow().await,
                    Err(RecvError::Closed) => return,
                },
                _ = ticks.tick() => self.look().await,
            };
            if sent == Err(SendError::Down) {
                return;
            }
        }
    }

    async fn take(&mut self, event: Event) -> Sent {
        match event {
            Event::Open(row, agent) => self.open(&row, agent).await,
            Event::Occupant(occupant) => self.see(occupant).await,
            Event::Line(line) => self.hear(*line).await,
            Event::Refused(jid, condition) => match self.rooms.get(&jid).map(|room| room.step.clone()) {
                Some(Step::Joining) => self.fail(&jid, condition).await,
                _ => Ok(()),
            },
            Event::Answer(jid, id, result) => self.answered(&jid, &id, result).await,
            Event::Leave(_) => Ok(()),
        }
    }

    async fn open(&mut self, row: &Model, agent: Agent) -> Sent {
        let Some(jid) = self.place_of(row) else { return Ok(()) };
        if let Some(room) = self.rooms.get_mut(&jid) {
            // Asked for again: who has not come is invited once more.
            room.invites = true;
            return match room.step {
                Step::Open => self.let_in(&jid).await,
                Step::Ending(_) => {
                    room.agent = Some(agent);
                    self.tell(&jid, "The old room is just being removed: write /room again in a moment.").await
                }
                _ => Ok(()),
            };
        }
        let Some(mut room) = self.room_of(row, jid.clone(), Some(agent)) else { return Ok(()) };
        room.invites = true;
        room.is_new = row.room.is_none();
        self.enter(room).await
    }

    /// Where a ticket's room is, or where it is to be. Each has a name of its own: nobody can make it before us, and
    /// Prosody lets no room rise again (`muc_tombstones`).
    fn place_of(&self, row: &Model) -> Option<BareJid> {
        if let Some(room) = self.rooms.values().find(|room| room.ticket == row.id && room.is_in_use()) {
            return Some(room.jid.clone());
        }
        if let Some(room) = row.room.as_deref().and_then(|room| BareJid::new(room).ok()) {
            return Some(room);
        }
        let chance: u32 = rand::random();
        BareJid::new(&format!("{}-{chance:08x}@{}", ticket_node(&row.short_id), self.service)).ok()
    }

    fn room_of(&self, row: &Model, jid: BareJid, agent: Option<Agent>) -> Option<Room> {
        let desk = self.helpdesk.desk(&row.desk)?;
        Room::of(row, desk, self.helpdesk.domain(), jid, agent)
    }

    async fn enter(&mut self, room: Room) -> Sent {
        let join = outgoing::join(&room.desk, &room.own_place());
        self.rooms.insert(room.jid.clone(), room);
        self.outlet.send(&join).await
    }

    /// Somebody is there, or gone.
    async fn see(&mut self, occupant: Occupant) -> Sent {
        let jid = occupant.at.to_bare();
        let (Some(room), Some(nick)) = (self.rooms.get_mut(&jid), occupant.at.resource()) else { return Ok(()) };
        if room.desk != occupant.to {
            return Ok(());
        }
        if !occupant.is_self {
            match occupant.jid.filter(|_| occupant.is_there) {
                Some(who) => room.occupants.insert(nick.to_string(), who),
                None => room.occupants.remove(nick.as_str()),
            };
            return Ok(());
        }
        if !occupant.is_there {
            return match room.step {
                // The end of an earlier stay.
                Step::Joining | Step::Ending(_) => Ok(()),
                _ => self.fail(&jid, GONE).await,
            };
        }
        // The service may have given us another name.
        room.nick = nick.to_owned();
        if room.step != Step::Joining {
            return Ok(());
        }
        if occupant.is_created {
            let id = Uuid::now_v7().to_string();
            let configure = outgoing::configure(&room.desk, &jid, &id, &room.subject);
            // A room that was lost and is made again is empty.
            room.invites = true;
            room.enter(Step::Configuring(id));
            return self.outlet.send(&configure).await;
        }
        if occupant.is_owner && !room.is_new {
            return self.let_in(&jid).await;
        }
        // Whoever made it may listen.
        let leave = outgoing::leave(&room.desk, &room.own_place());
        self.outlet.send(&leave).await?;
        self.fail(&jid, NOT_OURS).await
    }

    /// Lets customer and agent in; invitations follow.
    async fn let_in(&mut self, jid: &BareJid) -> Sent {
        let Some(room) = self.rooms.get_mut(jid) else { return Ok(()) };
        let agent = room.agent.as_ref().and_then(|agent| agent.jid.clone());
        let guests = [(Some(room.customer.clone()), Affiliation::Member), (agent, Affiliation::Admin)];
        let mut stanzas = Vec::new();
        let mut due = HashSet::new();
        for (guest, affiliation) in guests {
            let Some(guest) = guest else { continue };
            let id = Uuid::now_v7().to_string();
            stanzas.push(outgoing::grant(&room.desk, jid, &id, &guest, affiliation));
            due.insert(id);
        }
        room.enter(Step::Granting(due));
        self.send_all(stanzas).await
    }

    async fn answered(&mut self, jid: &BareJid, id: &str, result: Result<(), &'static str>) -> Sent {
        let Some(room) = self.rooms.get_mut(jid).filter(|room| room.awaits(id)) else { return Ok(()) };
        if let Step::Ending(_) = room.step {
            if let Err(condition) = result {
                tracing::warn!(room = %jid, condition, "a room could not be removed");
            }
            return self.forget(jid).await;
        }
        if let Err(condition) = result {
            return self.fail(jid, condition).await;
        }
        let was_made = matches!(room.step, Step::Configuring(_));
        if !room.has_answered(id) {
            return Ok(());
        }
        if was_made { self.let_in(jid).await } else { self.invite(jid).await }
    }

    /// Everybody may come in: the ticket has its room now.
    async fn invite(&mut self, jid: &BareJid) -> Sent {
        let Some(room) = self.rooms.get_mut(jid) else { return Ok(()) };
        room.enter(Step::Open);
        if !std::mem::take(&mut room.invites) {
            return Ok(());
        }
        let room = room.clone();
        let Some(agent) = room.agent.clone() else { return Ok(()) };
        let row = match self.helpdesk.open_room(&agent.caller(), room.ticket, jid.clone()).await {
            Ok(row) => row,
            Err(error) => {
                self.tell(jid, &format!("There is no room: {error}.")).await?;
                return self.end(jid).await;
            }
        };
        let texts = self.helpdesk.desk(&row.desk).map(|desk| desk.texts.clone()).unwrap_or_default();
        let reason = texts.room_invitation(&agent.display_name(), jid.as_str());
        let absent = |guest: &BareJid| !room.occupants.values().any(|there| there == guest);
        let mut stanzas = Vec::new();
        if room.is_new {
            stanzas.push(outgoing::room_subject(&room.desk, jid, &room.subject));
        }
        for guest in [Some(&room.customer), agent.jid.as_ref()].into_iter().flatten().filter(|guest| absent(guest)) {
            stanzas.push(outgoing::invite(&room.desk, guest, jid, &reason));
            stanzas.push(outgoing::invite_by_room(&room.desk, guest, jid, &reason));
        }
        self.send_all(stanzas).await?;
        if let Some(room) = self.rooms.get_mut(jid) {
            room.is_new = false;
        }
        let text = format!(
            "The room is xmpp:{jid}?join. You and the customer are invited. What is said there is kept in the ticket and not \
             sent here; what you write here still goes to the customer's chat. The room ends with the ticket."
        );
        self.tell(jid, &text).await
    }

    async fn hear(&mut self, line: Chat) -> Sent {
        let jid = line.from.to_bare();
        let (Some(room), Some(nick)) = (self.rooms.get_mut(&jid), line.from.resource()) else { return Ok(()) };
        if room.desk != line.to || nick.as_str() == room.nick.as_str() {
            return Ok(());
        }
        if line.encrypted {
            if std::mem::replace(&mut room.has_explained, true) || line.stamp.is_some() {
                return Ok(());
            }
            let desk = room.desk.clone();
            let name = desk.node().map(|node| node.to_string()).unwrap_or_default();
            let texts = self.helpdesk.desk(&name).map(|desk| desk.texts.clone()).unwrap_or_default();
            return self.outlet.send(&outgoing::room_line(&desk, &jid, &texts.encrypted())).await;
        }
        let heard = RoomLine {
            ticket: room.ticket,
            room: jid.clone(),
            nick: nick.to_string(),
            // What was said before we came was said by whoever had the name then.
            speaker: room.occupants.get(nick.as_str()).filter(|_| line.stamp.is_none()).cloned(),
            body: line.text(),
            stanza_id: line.id.clone().or_else(|| line.origin_id.clone()),
            agent_is_there: room.agent_is_there(),
        };
        match self.helpdesk.hear_room(heard).await {
            Ok(_) => {}
            Err(error @ (Error::Database(_) | Error::WriteFailed(_) | Error::Stopping)) => {
                tracing::error!(%error, "a line of a room could not be stored");
            }
            Err(error) => tracing::debug!(%error, "a line of a room was left out"),
        }
        Ok(())
    }

    /// Tickets have changed: some need their room no longer, or have gone to another agent.
    async fn follow(&mut self) -> Sent {
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
        let agents = self.helpdesk.agents().await.unwrap_or_default();
        for row in &rows {
            let Some(jid) = row.room.as_deref().and_then(|room| BareJid::new(room).ok()) else { continue };
            let holder = agents.iter().find(|agent| Some(&agent.id) == row.agent.as_ref());
            let keeps = keeps_room(row);
            match self.rooms.get_mut(&jid) {
                Some(room) if keeps => {
                    let is_other = room.agent.as_ref().map(|agent| &agent.id) != holder.map(|agent| &agent.id);
                    if is_other && room.step == Step::Open && holder.is_some() {
                        room.agent = holder.cloned();
                        room.invites = true;
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

    async fn look(&mut self) -> Sent {
        let now = Instant::now();
        let is_late = |room: &&Room| room.step != Step::Open && now - room.since > PATIENCE;
        let late: Vec<BareJid> = self.rooms.values().filter(is_late).map(|room| room.jid.clone()).collect();
        for jid in late {
            self.fail(&jid, "remote-server-timeout").await?;
        }
        self.compare(true).await
    }

    /// Destroys a room, with everybody in it.
    async fn end(&mut self, jid: &BareJid) -> Sent {
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
    async fn fail(&mut self, jid: &BareJid, condition: &str) -> Sent {
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

    async fn forget(&mut self, jid: &BareJid) -> Sent {
        let Some(room) = self.rooms.remove(jid) else { return Ok(()) };
        if let Err(error) = self.helpdesk.close_room(room.ticket, jid.clone()).await {
            tracing::error!(%error, "that a room is gone could not be stored");
        }
        Ok(())
    }

    async fn leave(&mut self) -> Sent {
        let rooms = std::mem::take(&mut self.rooms);
        let leave = |room: &Room| outgoing::leave(&room.desk, &room.own_place());
        self.send_all(rooms.values().map(leave).collect()).await
    }

    /// Tells the agent who has the ticket, in its own chat.
    async fn tell(&self, jid: &BareJid, text: &str) -> Sent {
        let Some(room) = self.rooms.get(jid) else { return Ok(()) };
        let Some(agent) = room.agent.as_ref().and_then(|agent| agent.jid.clone()) else { return Ok(()) };
        self.outlet.send(&outgoing::notice(&room.address, &Jid::from(agent), text, None)).await
    }

    async fn send_all(&self, stanzas: Vec<Element>) -> Sent {
        for stanza in stanzas {
            self.outlet.send(&stanza).await?;
        }
        Ok(())
    }
}
