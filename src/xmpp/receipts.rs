//! Receipts: what a customer's client is told of a line, when it is on disk or was refused.

use std::pin::Pin;

use tokio::sync::mpsc;
use xmpp_parsers::{minidom::Element, stanza_error::DefinedCondition};

use super::{
    outgoing,
    outlet::{Outlet, SendError},
    stanza::{self, Chat, Refusal},
    talkers::Echoes,
};
use crate::helpdesk::{Error, Helpdesk, Received};

/// A line on its way to the disk, and whom to tell.
pub(super) struct Storing {
    pub outcome: Pin<Box<dyn Future<Output = Result<Received, Error>> + Send>>,
    pub chat: Box<Chat>,
    pub stanza: Element,
}

/// Lines that may be on their way to the disk without their receipts.
pub(super) const STORING: usize = 4096;

/// Sends the receipts (XEP-0184), each after its line's commit: it promises that the line is on disk.
pub(super) async fn acknowledge(mut storing: mpsc::Receiver<Storing>, outlet: Outlet, helpdesk: Helpdesk) {
    let mut echoes = Echoes::default();
    while let Some(Storing { outcome, chat, stanza }) = storing.recv().await {
        let outcome = outcome.await;
        if let Ok(received) = &outcome
            && is_limited(&helpdesk, &chat)
            && echoes.heard(received.ticket, received.pace)
            && let Err(error) = helpdesk.stop_echo(received.ticket).await
        {
            tracing::error!(%error, "an exchange with another program could not be ended");
        }
        let sent = match outcome {
            // A repeated line gets its receipt again: the first one may have been lost.
            Ok(_) if chat.wants_receipt => match &chat.id {
                Some(id) => outlet.send(&outgoing::receipt(&chat.to, &chat.from, id)).await,
                None => Ok(()),
            },
            Ok(_) => Ok(()),
            Err(error) => match stanza::error_reply(&stanza, helpdesk.domain(), refusal(&error)) {
                Some(reply) => outlet.send(&reply).await,
                None => Ok(()),
            },
        };
        if sent == Err(SendError::Down) {
            return;
        }
    }
}

/// Whether the desk bounds what one customer may ask; where it does not, machines may talk, as load tests do.
fn is_limited(helpdesk: &Helpdesk, chat: &Chat) -> bool {
    helpdesk.desk_at(&chat.to).is_some_and(|desk| desk.limits.messages_per_minute.is_some())
}

/// What a customer's client is told when a line was not taken.
pub(super) fn refusal(error: &Error) -> Refusal {
    match error {
        Error::NotFound(_) => Refusal::NO_DESK,
        Error::Forbidden(_) => DefinedCondition::Forbidden.into(),
        // The text names the value and what is wrong with it, and nothing of its own.
        Error::Invalid { .. } => Refusal::new(DefinedCondition::NotAcceptable, error.to_string()),
        Error::Conflict(_) | Error::GoesOn { .. } | Error::Overtaken { .. } | Error::Repeated => {
            DefinedCondition::Conflict.into()
        }
        Error::Limited(_) => Refusal::new(DefinedCondition::PolicyViolation, error.to_string()).for_now(),
        Error::Stopping
        | Error::Database(_)
        | Error::Busy
        | Error::WriteFailed(_)
        | Error::Unavailable(_)
        | Error::NotReady => Refusal::NOT_STORED,
    }
}
