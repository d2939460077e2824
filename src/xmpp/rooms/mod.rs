//! Rooms (XEP-0045): an agent takes a ticket to one, to talk there with the customer.
//!
//! The desk makes the room, lets customer and agent in and invites both; what they say there becomes part of the ticket,
//! and nothing of it is sent to the chat as well. What is written in the chat goes the usual way, not to the room. The
//! room ends with the ticket, or when the assistant gets it.
//!
//! Who speaks is known by the room's word alone, which is the service's that the configuration names; of what was said
//! before the desk came it knows but names, so that becomes notes.
//!
//! Only customer and agent may be there. Whom a room lets in the room itself remembers; so at each coming of the desk and
//! at each change of agents it is asked, and whoever else it lists is sent away.

mod entrance;
mod host;
mod room;
mod upkeep;

use std::sync::Arc;

use deskbridge_entity::ticket::Model;
use jid::{BareJid, DomainPart, Jid};
use tokio::sync::{mpsc, oneshot};

use super::{
    outlet::Outlet,
    stanza::{Chat, Occupant, Subject},
};
use crate::helpdesk::{Agent, Error, Helpdesk};

/// Events that may wait.
const WAITING: usize = 4096;

/// The way to the rooms of a link.
#[derive(Clone, Debug)]
pub struct Rooms {
    /// The service's domain; without one there are no rooms.
    service: Option<Arc<DomainPart>>,
    events: mpsc::Sender<Event>,
}

/// What the rooms learn.
#[derive(Debug)]
pub enum Event {
    /// An agent wants a ticket's room.
    Open(Box<Model>, Agent),
    /// Somebody is in a room, or has left it.
    Occupant(Occupant),
    /// What was said before we came is over.
    Subject(Subject),
    /// Somebody has said something in a room.
    Line(Box<Chat>),
    /// The room does not let us in, for this reason.
    Refused(BareJid, &'static str),
    /// The room's answer to the request of this id, with those whom it lists, or why it went wrong.
    Answer(BareJid, String, Result<Vec<BareJid>, &'static str>),
    /// We go, and come again later.
    Leave(oneshot::Sender<()>),
}

impl Rooms {
    /// The rooms at a service, and the task that keeps them; it ends with the link.
    pub(super) fn new(
        service: Option<&str>,
        helpdesk: Helpdesk,
        outlet: Outlet,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (events, queue) = mpsc::channel(WAITING);
        // The configuration was checked.
        let service =
            service.and_then(|domain| DomainPart::new(domain).ok()).map(|domain| Arc::new(domain.into_owned()));
        let host = service.clone().map(|service| host::Host::new(helpdesk, outlet, service));
        let work = async move {
            if let Some(host) = host {
                host.keep(queue).await;
            }
        };
        (Self { service, events }, work)
    }

    /// Whether there are rooms.
    #[must_use]
    pub fn are_there(&self) -> bool {
        self.service.is_some()
    }

    /// Whether this is the service of the rooms, or one of its rooms.
    #[must_use]
    pub fn serves(&self, jid: &Jid) -> bool {
        self.service.as_ref().is_some_and(|service| jid.domain().as_str() == service.as_str())
    }

    /// Passes an event on, in order. Whether there was a place for it.
    #[must_use]
    pub fn offer(&self, event: Event) -> bool {
        self.events.try_send(event).is_ok()
    }

    /// Takes a ticket to a room; how that went its agent is told in a message. Gives a first word.
    ///
    /// # Errors
    /// [`Error::Conflict`] where there are no rooms.
    pub fn open(&self, ticket: &Model, agent: &Agent) -> Result<&'static str, Error> {
        if self.service.is_none() {
            return Err(Error::Conflict("no rooms are set up here (xmpp.rooms)".to_owned()));
        }
        if agent.jid.is_none() {
            return Err(Error::Conflict("nobody knows your address".to_owned()));
        }
        if !self.offer(Event::Open(Box::new(ticket.clone()), agent.clone())) {
            return Err(Error::Conflict("too much is going on; try again in a minute".to_owned()));
        }
        Ok("The room is being prepared.")
    }

    /// Leaves all rooms, which stay.
    pub(super) async fn leave(&self) {
        let (left, done) = oneshot::channel();
        if self.service.is_some() && self.offer(Event::Leave(left)) {
            // If the task has ended there is nothing to wait for.
            let _ = done.await;
        }
    }
}
