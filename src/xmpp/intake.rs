//! Reading: every stanza in order, in one task that never waits for anything to be written to the server.

mod limits;

use std::sync::Arc;

use jid::{BareJid, Jid};
use tokio::{sync::mpsc, time::Instant};
use tokio_xmpp::xmlstream::XmlStream;
use uuid::Uuid;
use xmpp_parsers::{minidom::Element, stanza_error::DefinedCondition};

use super::{
    agent_chat::{Act, Spoken},
    command::{
        serve::Commands,
        words::{self, Said},
    },
    composing::Composing,
    flood::Floods,
    gate::Rejected,
    line,
    login::{self, Down, Io},
    manners::Asked,
    outbox::Fences,
    outgoing,
    outlet::Outlet,
    pace::Pace,
    receipts::{Storing, refusal},
    rooms::{Event, Rooms},
    sightings::Sightings,
    stanza::{
        self, Chat, ChatState, Ignored, Inbound, Iq, MarkerKind, Presence, PresenceKind, Reactions, Refusal,
        Retraction, Sighting, State,
    },
    talkers::{AtTickets, Typists},
    tally::{Fate, Tally},
};
use crate::helpdesk::{Helpdesk, Report, short_id_of};

/// What the reading task needs.
pub(super) struct Intake {
    pub helpdesk: Helpdesk,
    pub outlet: Outlet,
    pub fences: Fences,
    pub pace: Arc<Pace>,
    pub parts: Arc<Pace>,
    pub returned: mpsc::UnboundedSender<u64>,
    pub storing: mpsc::Sender<Storing>,
    pub requests: mpsc::Sender<Asked>,
    pub presences: mpsc::Sender<Presence>,
    pub spoken: mpsc::Sender<Spoken>,
    pub commands: Commands,
    pub rooms: Rooms,
    pub encrypted: mpsc::Sender<Box<Chat>>,
    pub sightings: Sightings,
    pub typists: Typists,
    pub composing: Composing,
    pub at_tickets: AtTickets,
    pub floods: Floods,
    pub tally: Tally,
}

impl Intake {
    /// Reads until the stream ends.
    pub(super) async fn read(
        mut self,
        mut stream: XmlStream<Io, Element>,
        mut rejected: mpsc::Receiver<Rejected>,
    ) -> Down {
        loop {
            tokio::select! {
                // The stream last: in a flood it is always ready.
                biased;
                Some(refused) = rejected.recv() => self.refuse(&refused),
                () = self.tally.settle() => {}
                element = login::next(&mut stream) => match element {
                    Ok(Some(element)) => self.take(element).await,
                    // Silence: a sign of life is asked for. No answer to it ends the stream by a time-out.
                    Ok(None) => self.offer(&self.fences.ping(Fences::ALIVE), None),
                    Err(down) => return down,
                },
            }
        }
    }

    fn refuse(&mut self, rejected: &Rejected) {
        let from = rejected.head.as_ref().and_then(|head| head.from.as_ref());
        self.tally.note(Fate::Refused, rejected.reason, from, 1);
        self.tally.note(Fate::Unreported, "", None, rejected.unreported);
        if let Some(reply) = stanza::error_for_rejected(rejected, self.helpdesk.domain()) {
            self.offer(&reply, from);
        }
    }

    fn offer(&mut self, reply: &Element, to: Option<&Jid>) {
        if !self.outlet.offer(reply) {
            self.tally.note(Fate::Dropped, "the server reads too slowly, or the link is down", to, 1);
        }
    }

    async fn take(&mut self, element: Element) {
        match stanza::inbound(&element, self.helpdesk.domain()) {
            Ok(inbound) => self.act(inbound, element).await,
            Err(reason) => {
                let from = element.attr("from").and_then(|from| Jid::new(from).ok());
                self.tally.note(Fate::Ignored, reason, from.as_ref(), 1);
            }
        }
    }

    async fn act(&mut self, inbound: Inbound, element: Element) {
        match inbound.sighting() {
            Some(Sighting::Here(jid)) => self.sightings.note(jid),
            Some(Sighting::Gone(jid)) => {
                self.sightings.lose(jid);
                self.composing.lose(jid);
            }
            None => {}
        }
        match inbound {
            // Whoever stands behind a room's name is no customer: it is another for each room.
            Inbound::Chat(chat) if self.rooms.serves(&chat.from) => self.answer_error(&element, Refusal::IN_THE_ROOM),
            Inbound::RoomLine(line) => self.pass_on(line.from.clone(), Event::Line(line)),
            Inbound::RoomSubject(subject) => self.pass_on(subject.at.clone(), Event::Subject(subject)),
            Inbound::Occupant(occupant) => self.pass_on(occupant.at.clone(), Event::Occupant(occupant)),
            Inbound::Presence(presence) if self.rooms.serves(&presence.from) => {
                if presence.kind == PresenceKind::Error {
                    let refused = Event::Refused(presence.from.to_bare(), stanza::condition(&element));
                    self.pass_on(presence.from, refused);
                }
            }
            Inbound::IqReply(reply) if self.rooms.serves(&reply.from) => {
                let result =
                    if reply.is_error { Err(stanza::condition(&element)) } else { Ok(stanza::listed(&element)) };
                let answer = Event::Answer(reply.from.to_bare(), reply.id, result);
                self.pass_on(reply.from, answer);
            }
            Inbound::Chat(chat) if chat.encrypted => {
                if let Err(error) = self.encrypted.try_send(chat) {
                    self.drop_turn(&error.into_inner().from);
                }
            }
            Inbound::Chat(chat) => self.store(chat, element).await,
            Inbound::Receipt(receipt) => self.report(&receipt.from, &receipt.id, Report::Delivered).await,
            Inbound::Marker(marker) => {
                let report = match marker.kind {
                    MarkerKind::Received => Report::Delivered,
                    MarkerKind::Displayed | MarkerKind::Acknowledged => Report::Read,
                };
                self.report(&marker.from, &marker.id, report).await;
            }
            Inbound::Bounce(bounce) => {
                let id = bounce.id.unwrap_or_default();
                self.report(&bounce.from, &id, Report::Failed(bounce.condition.to_owned())).await;
            }
            Inbound::Iq(iq) if self.is_own_fence(&iq) => {}
            // Each kind has a queue of its own: an answer to a request never waits for what presence costs.
            Inbound::Iq(iq) if !self.bears_command(&iq, &element) => {}
            Inbound::Iq(iq) => {
                if let Err(error) = self.requests.try_send(Asked { iq, stanza: element }) {
                    self.drop_turn(&error.into_inner().iq.from);
                }
            }
            Inbound::Presence(presence) => {
                // Who goes offline types no more, and says nothing of it.
                if presence.kind == PresenceKind::Unavailable {
                    let (at, contact) = (presence.to.clone(), presence.from.to_bare());
                    self.note_typing(&at, contact, false).await;
                }
                if let Err(error) = self.presences.try_send(presence) {
                    self.drop_turn(&error.into_inner().from);
                }
            }
            Inbound::IqReply(reply) => {
                // A server that answers our ping in our place.
                if reply.from.domain().as_str() == self.helpdesk.domain() {
                    self.fence_came_back(&reply.id);
                }
            }
            Inbound::Malformed(_) => self.answer_error(&element, DefinedCondition::BadRequest.into()),
            Inbound::Retraction(retraction) => self.retract(retraction, element).await,
            Inbound::Reactions(reactions) => self.react(reactions).await,
            Inbound::ChatState(state) => self.note_state(state, element).await,
        }
    }

    /// Tells the rooms, if it comes from one of theirs.
    fn pass_on(&mut self, from: Jid, event: Event) {
        if !self.rooms.serves(&from) {
            self.tally.note(Fate::Ignored, Ignored::Room, Some(&from), 1);
        } else if !self.rooms.offer(event) {
            self.tally.note(Fate::Dropped, "too much of what rooms say waits", Some(&from), 1);
        }
    }

    fn is_own_fence(&self, iq: &Iq) -> bool {
        iq.from.domain().as_str() == self.helpdesk.domain() && self.fence_came_back(&iq.id)
    }

    fn fence_came_back(&self, id: &str) -> bool {
        // The outbox may have ended; then the session is ending, too.
        self.fences.number(id).is_some_and(|number| self.returned.send(number).is_ok())
            || self.pace.came_back(id)
            || self.parts.came_back(id)
    }

    /// In order, and without waiting for the disk: many lines share a commit.
    async fn store(&mut self, chat: Box<Chat>, stanza: Element) {
        if let Some(ticket) = chat.to.node().and_then(|node| short_id_of(node.as_str())).map(str::to_owned) {
            return self.pass_to_ticket(Spoken { act: Act::Line(chat), ticket, stanza });
        }
        let Some(desk) = self.helpdesk.desk_at(&chat.to).cloned() else {
            return self.answer_error(&stanza, Refusal::NO_DESK);
        };
        if !self.bears(&desk, &chat.to, &chat.from, chat.thread.as_deref(), &stanza) {
            return;
        }
        self.typists.wrote(&chat.to, chat.from.to_bare(), Instant::now());
        // Before the line itself reaches who is shown it.
        if let Some(shown) = self.composing.end_at(&desk.name, &chat.from.to_bare())
            && let Some(state) = shown.stanza(State::Active)
        {
            self.offer(&state, None);
        }
        // A correction stays a line: what it corrects was one.
        let (said, text) = match &chat.corrects {
            None => (words::at_desk(&chat.text()), chat.text()),
            Some(_) => (Said::Line, words::corrected(chat.text())),
        };
        if said != Said::Line {
            return self.commands.hear(desk, said, chat, stanza);
        }
        match self.helpdesk.receive(line::of(&desk, &chat, text)).await {
            Ok(outcome) => {
                let storing = Storing { outcome: Box::pin(outcome), chat, stanza };
                if let Err(error) = self.storing.try_send(storing) {
                    // The line is stored all the same; without a receipt the client sends it again.
                    let from = error.into_inner().chat.from;
                    self.tally.note(Fate::Dropped, "too many lines wait for their receipts", Some(&from), 1);
                }
            }
            Err(error) => self.answer_error(&stanza, refusal(&error)),
        }
    }

    /// What is done at a ticket's own address, in order.
    fn pass_to_ticket(&mut self, spoken: Spoken) {
        if !self.bears_at_ticket(spoken.act.from(), &spoken.stanza) {
            return;
        }
        self.at_tickets.wrote(&spoken.act.from().to_bare());
        if let Err(refused) = self.spoken.try_send(spoken) {
            let Spoken { act, stanza, .. } = refused.into_inner();
            self.tally.note(Fate::Refused, "too many lines to tickets wait", Some(act.from()), 1);
            self.answer_error(&stanza, Refusal::NOT_STORED);
        }
    }

    async fn retract(&mut self, retraction: Retraction, stanza: Element) {
        if let Some(ticket) = retraction.to.node().and_then(|node| short_id_of(node.as_str())).map(str::to_owned) {
            return self.pass_to_ticket(Spoken { act: Act::Retraction(retraction), ticket, stanza });
        }
        let Some(desk) = self.helpdesk.desk_at(&retraction.to).cloned() else { return };
        if !self.bears_quietly(&desk, &retraction.to, &retraction.from, None) {
            return;
        }
        if let Err(error) = self.helpdesk.retract(&desk.name, &retraction.from.to_bare(), retraction.retracts).await {
            tracing::error!(%error, "a retraction could not be stored");
        }
    }

    async fn react(&mut self, reactions: Reactions) {
        let Ok(message) = Uuid::try_parse(&reactions.id) else { return };
        let Some(desk) = self.helpdesk.desk_at(&reactions.to).cloned() else { return };
        if !self.bears_quietly(&desk, &reactions.to, &reactions.from, None) {
            return;
        }
        if let Err(error) = self.helpdesk.react(message, &reactions.from.to_bare(), reactions.emojis).await {
            tracing::error!(%error, "a reaction could not be stored");
        }
    }

    async fn note_state(&mut self, state: ChatState, stanza: Element) {
        let (contact, types) = (state.from.to_bare(), state.state == State::Composing);
        if let Some(ticket) = state.to.node().and_then(|node| short_id_of(node.as_str())).map(str::to_owned) {
            let is_told = self.at_tickets.says(&ticket, contact, types, Instant::now());
            if is_told
                && self.bears_state_at_ticket(&state.from)
                && let Err(refused) = self.spoken.try_send(Spoken { act: Act::State(state), ticket, stanza })
            {
                self.drop_turn(refused.into_inner().act.from());
            }
            return;
        }
        self.note_typing(&state.to, contact, types).await;
    }

    async fn note_typing(&mut self, at: &BareJid, contact: BareJid, types: bool) {
        if !self.typists.says(at, contact.clone(), types, Instant::now()) {
            return;
        }
        let Some(desk) = self.helpdesk.desk_at(at) else { return };
        if let Err(error) = self.helpdesk.note_typing(&desk.name, &contact, types).await {
            tracing::warn!(%error, "typing could not be noted");
        }
    }

    async fn report(&self, from: &Jid, id: &str, report: Report) {
        // Ids of other shapes name something we did not send as a message.
        let Ok(message) = Uuid::try_parse(id) else { return };
        if let Err(error) = self.helpdesk.note_report(message, &from.to_bare(), report).await {
            tracing::error!(%error, "a delivery report could not be stored");
        }
    }

    fn drop_turn(&mut self, from: &Jid) {
        self.tally.note(Fate::Dropped, "too many requests, presences or chat states wait", Some(from), 1);
    }

    /// Says something that belongs to no ticket.
    fn tell(&mut self, from: &BareJid, to: &Jid, thread: Option<&str>, text: &str) {
        self.offer(&outgoing::notice(from, to, text, thread), Some(to));
    }

    fn answer_error(&mut self, stanza: &Element, refusal: Refusal) {
        if let Some(reply) = stanza::error_reply(stanza, self.helpdesk.domain(), refusal) {
            let to = stanza.attr("from").and_then(|from| Jid::new(from).ok());
            self.offer(&reply, to.as_ref());
        }
    }
}
