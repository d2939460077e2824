//! The task that keeps a link's rooms.

use std::{collections::HashMap, sync::Arc, time::Duration};

use deskbridge_entity::ticket::Model;
use jid::{BareJid, DomainPart, Jid};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc},
    time::{self, Instant, MissedTickBehavior},
};
use xmpp_parsers::minidom::Element;

use super::{
    Event,
    room::{Room, Step},
};
use crate::{
    helpdesk::{Agent, Error, Helpdesk, RoomLine, ticket_node},
    xmpp::{
        flood::{Floods, Verdict},
        outgoing,
        outlet::{Outlet, SendError},
        stanza::Chat,
    },
};

/// How often it is looked at what is late, and at what failed and may work now.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Keeps the rooms.
pub(super) struct Host {
    pub(super) helpdesk: Helpdesk,
    pub(super) outlet: Outlet,
    pub(super) service: Arc<DomainPart>,
    pub(super) rooms: HashMap<BareJid, Room>,
    floods: Floods,
}

pub(super) type Sent = Result<(), SendError>;

/// Whom a room lists, or why it does not do what it was asked for.
pub(super) type Answered = Result<Vec<BareJid>, &'static str>;

impl Host {
    pub fn new(helpdesk: Helpdesk, outlet: Outlet, service: Arc<DomainPart>) -> Self {
        Self { helpdesk, outlet, service, rooms: HashMap::new(), floods: Floods::default() }
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
            Event::Subject(subject) => {
                let room = self.rooms.get_mut(&subject.at.to_bare()).filter(|room| room.desk == subject.to);
                room.into_iter().for_each(|room| room.is_catching_up = false);
                Ok(())
            }
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

    pub(super) fn room_of(&self, row: &Model, jid: BareJid, agent: Option<Agent>) -> Option<Room> {
        let desk = self.helpdesk.desk(&row.desk)?;
        Room::of(row, desk, self.helpdesk.domain(), jid, agent)
    }

    pub(super) async fn enter(&mut self, room: Room) -> Sent {
        let join = outgoing::join(&room.desk, &room.own_place());
        self.rooms.insert(room.jid.clone(), room);
        self.outlet.send(&join).await
    }

    async fn hear(&mut self, line: Chat) -> Sent {
        let jid = line.from.to_bare();
        let (Some(room), Some(nick)) = (self.rooms.get_mut(&jid), line.from.resource()) else { return Ok(()) };
        if room.desk != line.to {
            return Ok(());
        }
        let was_before = room.is_catching_up && line.stamp.is_some();
        room.is_catching_up = was_before;
        if nick.as_str() == room.nick.as_str() {
            return Ok(());
        }
        if line.encrypted {
            if was_before || std::mem::replace(&mut room.has_explained, true) {
                return Ok(());
            }
            let desk = room.desk.clone();
            let name = desk.node().map(|node| node.to_string()).unwrap_or_default();
            let texts = self.helpdesk.desk(&name).map(|desk| desk.texts.clone()).unwrap_or_default();
            return self.outlet.send(&outgoing::room_line(&desk, &jid, &texts.encrypted())).await;
        }
        // What was said before we came was said by whoever had the name then.
        let speaker = room.occupants.get(nick.as_str()).filter(|_| !was_before).cloned();
        // How much that can be we have said ourselves.
        if !was_before {
            let (desk, who) = (room.desk.clone(), speaker.clone().unwrap_or_else(|| jid.clone()));
            if !self.bears(&jid, &desk, who, nick.as_str()).await? {
                return Ok(());
            }
        }
        let Some(room) = self.rooms.get(&jid) else { return Ok(()) };
        let heard = RoomLine {
            ticket: room.ticket,
            room: jid.clone(),
            nick: nick.to_string(),
            speaker,
            body: line.text(),
            stanza_id: line.id.clone().or_else(|| line.origin_id.clone()),
            agent_is_there: room.agent_is_there(),
        };
        match self.helpdesk.hear_room(heard).await {
            Ok(_) => {}
            Err(error @ (Error::Database(_) | Error::Busy | Error::WriteFailed(_) | Error::Stopping)) => {
                tracing::error!(%error, "a line of a room could not be stored");
            }
            Err(error) => tracing::debug!(%error, "a line of a room was left out"),
        }
        Ok(())
    }

    /// Whether one more line of somebody is kept now; the first that is not, room and ticket are told of.
    async fn bears(&mut self, jid: &BareJid, desk: &BareJid, speaker: BareJid, nick: &str) -> Result<bool, SendError> {
        let Some(known) = self.helpdesk.desk_at(desk) else { return Ok(true) };
        let limit = known.limits.messages_per_minute;
        let verdict = self.floods.count(&known.name, speaker, limit, Instant::now());
        if verdict == Verdict::Warned {
            let limit = limit.unwrap_or_default();
            let told = outgoing::room_line(desk, jid, &known.texts.too_fast(limit));
            if let Some(ticket) = self.rooms.get(jid).map(|room| room.ticket) {
                let note = format!("In the room {nick} says more than is kept here: {limit} lines a minute.");
                if let Err(error) = self.helpdesk.note_of_room(ticket, jid.clone(), note).await {
                    tracing::warn!(%error, "that somebody says too much in a room could not be stored");
                }
            }
            self.outlet.send(&told).await?;
        }
        Ok(verdict == Verdict::Taken)
    }

    /// Tells the agent who has the ticket, in its own chat.
    pub(super) async fn tell(&self, jid: &BareJid, text: &str) -> Sent {
        let Some(room) = self.rooms.get(jid) else { return Ok(()) };
        let Some(agent) = room.agent.as_ref().and_then(|agent| agent.jid.clone()) else { return Ok(()) };
        self.outlet.send(&outgoing::notice(&room.address, &Jid::from(agent), text, None)).await
    }

    pub(super) async fn send_all(&self, stanzas: Vec<Element>) -> Sent {
        for stanza in stanzas {
            self.outlet.send(&stanza).await?;
        }
        Ok(())
    }
}
