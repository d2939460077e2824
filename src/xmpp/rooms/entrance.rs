//! From the first step into a room to the invitations.

use std::collections::HashSet;

use jid::BareJid;
use uuid::Uuid;

use super::{
    host::{Answered, Host, Sent},
    room::Step,
    upkeep::{GONE, NOT_OURS},
};
use crate::{
    helpdesk::Error,
    xmpp::{
        outgoing::{self, Affiliation},
        stanza::Occupant,
    },
};

impl Host {
    /// Somebody is there, or gone.
    pub(super) async fn see(&mut self, occupant: Occupant) -> Sent {
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
            // A room that was lost and is made again is empty.
            room.invites = true;
            return self.configure(&jid, true).await;
        }
        if occupant.is_owner && !room.is_new {
            return self.let_in(&jid).await;
        }
        // Whoever made it may listen.
        let leave = outgoing::leave(&room.desk, &room.own_place());
        self.outlet.send(&leave).await?;
        self.fail(&jid, NOT_OURS).await
    }

    /// Makes a new room what it is to be.
    async fn configure(&mut self, jid: &BareJid, mentions_log: bool) -> Sent {
        let Some(room) = self.rooms.get_mut(jid) else { return Ok(()) };
        let id = Uuid::now_v7().to_string();
        let configure = outgoing::configure(&room.desk, jid, &id, &room.subject, mentions_log);
        room.enter(Step::Configuring { id, mentions_log });
        self.outlet.send(&configure).await
    }

    /// Lets customer and agent in and nobody else, whoever was let in before; invitations follow.
    pub(super) async fn let_in(&mut self, jid: &BareJid) -> Sent {
        let Some(room) = self.rooms.get_mut(jid) else { return Ok(()) };
        let mut due = HashSet::new();
        let mut stanzas = Vec::new();
        // Agents were admins once.
        for affiliation in ["member", "admin"] {
            let id = Uuid::now_v7().to_string();
            stanzas.push(outgoing::list(&room.desk, jid, &id, affiliation));
            due.insert(id);
        }
        room.enter(Step::Listing { due, found: HashSet::new() });
        self.send_all(stanzas).await
    }

    /// The room has listed `found`.
    async fn grant(&mut self, jid: &BareJid, found: HashSet<BareJid>) -> Sent {
        let Some(room) = self.rooms.get_mut(jid) else { return Ok(()) };
        let agent = room.agent.as_ref().and_then(|agent| agent.jid.clone());
        let guests: Vec<BareJid> = std::iter::once(room.customer.clone()).chain(agent).collect();
        let others = found.into_iter().filter(|other| !guests.contains(other) && *other != room.desk);
        let mut changes: Vec<_> = others.map(|other| (other, Affiliation::None)).collect();
        changes.extend(guests.iter().map(|guest| (guest.clone(), Affiliation::Member)));
        let mut stanzas = Vec::new();
        let mut due = HashSet::new();
        for (whom, affiliation) in changes {
            let id = Uuid::now_v7().to_string();
            stanzas.push(outgoing::grant(&room.desk, jid, &id, &whom, affiliation));
            due.insert(id);
        }
        room.enter(Step::Granting(due));
        self.send_all(stanzas).await
    }

    pub(super) async fn answered(&mut self, jid: &BareJid, id: &str, result: Answered) -> Sent {
        let Some(room) = self.rooms.get_mut(jid).filter(|room| room.awaits(id)) else { return Ok(()) };
        if let Step::Ending(_) = room.step {
            if let Err(condition) = result {
                tracing::warn!(room = %jid, condition, "a room could not be removed");
            }
            return self.forget(jid).await;
        }
        let listed = match result {
            Ok(listed) => listed,
            Err("not-acceptable") if matches!(room.step, Step::Configuring { mentions_log: true, .. }) => {
                return self.configure(jid, false).await;
            }
            Err(condition) => return self.fail(jid, condition).await,
        };
        if let Step::Listing { found, .. } = &mut room.step {
            found.extend(listed);
        }
        if !room.has_answered(id) {
            return Ok(());
        }
        match &mut room.step {
            Step::Configuring { .. } => self.let_in(jid).await,
            Step::Listing { found, .. } => {
                let found = std::mem::take(found);
                self.grant(jid, found).await
            }
            _ => {
                self.invite(jid).await?;
                // The ticket may have changed hands meanwhile.
                self.follow().await
            }
        }
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
            // Somebody else has the ticket by now, for whom the room stays.
            Err(Error::Conflict(_)) if !room.is_new => return Ok(()),
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
}
