//! Being a good contact: requests are answered, subscriptions accepted (`meeting`), presence shown (`display`).

mod display;
mod meeting;

use std::sync::Arc;

use jid::{BareJid, Jid};
use tokio::sync::mpsc;
use xmpp_parsers::{minidom::Element, stanza_error::DefinedCondition};

use super::{
    command::serve::Commands,
    composing::Composing,
    identity::{Directory, SOFTWARE},
    outgoing,
    outlet::{Outlet, SendError},
    pace::Pace,
    stanza::{self, Iq, IqKind, Refusal},
};
use crate::helpdesk::Helpdesk;

/// Requests, and as many presences, that may wait for their answer.
pub(super) const WAITING: usize = 4096;

/// What somebody asks of us.
pub(super) struct Asked {
    /// What is asked.
    pub iq: Iq,
    /// The stanza it came in, for an error answer.
    pub stanza: Element,
}

/// The polite side of a session.
#[derive(Clone)]
pub(super) struct Manners {
    pub helpdesk: Helpdesk,
    pub outlet: Outlet,
    pub pace: Arc<Pace>,
    pub commands: Commands,
    pub composing: Composing,
}

impl Manners {
    /// Answers requests in order, until the link is down.
    pub(super) async fn answer(self, mut requests: mpsc::Receiver<Asked>) {
        while let Some(Asked { iq, stanza }) = requests.recv().await {
            if let Iq { kind: IqKind::Set(stanza::Request::Command(ask)), from, to, id } = iq {
                self.commands.answer(from, to, id, *ask, stanza);
                continue;
            }
            if self.reply(&iq, &stanza).await == Err(SendError::Down) {
                return;
            }
        }
    }

    async fn reply(&self, iq: &Iq, stanza: &Element) -> Result<(), SendError> {
        let payload = match &iq.kind {
            IqKind::Get(request) => self.payload(&iq.from, &iq.to, request).await,
            IqKind::Set(_) => Err(DefinedCondition::ServiceUnavailable.into()),
        };
        let reply = match payload {
            Ok(payload) => Some(outgoing::result(&iq.to, &iq.from, &iq.id, payload)),
            Err(refusal) => stanza::error_reply(stanza, self.helpdesk.domain(), refusal),
        };
        match reply {
            Some(reply) => self.outlet.send(&reply).await,
            None => Ok(()),
        }
    }

    async fn payload(&self, from: &Jid, to: &BareJid, request: &stanza::Request) -> Result<Option<Element>, Refusal> {
        if let Some(payload) = self.commands.browse(from, to, request).await? {
            return Ok(Some(payload));
        }
        if let Some(payload) = Directory::of(&self.helpdesk).answer(to, request)? {
            return Ok(Some(payload));
        }
        match request {
            stanza::Request::Ping => Ok(None),
            stanza::Request::Version => Ok(Some(outgoing::version(SOFTWARE, env!("CARGO_PKG_VERSION")))),
            stanza::Request::Time => Ok(Some(outgoing::time(self.helpdesk.clock().now()))),
            _ => Err(DefinedCondition::ServiceUnavailable.into()),
        }
    }
}
