//! From the first step into a room to the invitations.

use std::collections::HashSet;

use jid::BareJid;
use uuid::Uuid;

use super::{
    host::{Host, Sent},
    room::Step,
    upkeep::{GONE, NOT_OURS},
};
use crate::xmpp::{
    outgoing::{self, Affiliation},
    stanza::Occupant,
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

    /// Lets customer and agent in; invitations follow.
    pub(super) async fn let_in(&mut self, jid: &BareJid) -> Sent {
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

    pub(super) async fn answered(&mut self, jid: &BareJid, id: &str, result: Result<(), &'static str>) -> Sent {
        let Some(room) = self.rooms.get_mut(jid).filter(|room| room.awaits(id)) else { return Ok(()) };
        if let Step::Ending(_) = room.step {
            if let Err(condition) = result {
                tracing::warn!(room = %jid, condition, "a room could not be removed");
            }
            return self.forget(jid).await;
        }
        if let Err(condition) = result {
            return match room.step {
                Step::Configuring { mentions_log: true, .. } if condition == "not-acceptable" => {
                    self.configure(jid, false).await
                }
                _ => self.fail(jid, condition).await,
            };
        }
        let was_made = matches!(room.step, Step::Configuring { .. });
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
}
