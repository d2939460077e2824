//! The hint that encrypted messages cannot be read: once to each contact of a desk, also over restarts.

use std::collections::HashSet;

use jid::BareJid;
use tokio::sync::mpsc;

use super::{
    outgoing,
    outlet::{Outlet, SendError},
    stanza::Chat,
};
use crate::helpdesk::Helpdesk;

/// Hints that may wait. Who finds no room gets the hint for the next message.
pub(super) const WAITING: usize = 256;

/// Contacts that need no look at the disk any more are remembered up to this many.
const TOLD: usize = 10_000;

/// The side of a session that explains.
pub(super) struct Hints {
    pub helpdesk: Helpdesk,
    pub outlet: Outlet,
}

impl Hints {
    /// Explains to who writes encrypted messages, until the link is down.
    pub(super) async fn explain(self, mut encrypted: mpsc::Receiver<Box<Chat>>) {
        let mut told: HashSet<(BareJid, BareJid)> = HashSet::new();
        while let Some(chat) = encrypted.recv().await {
            let Some(desk) = self.helpdesk.desk_at(&chat.to) else { continue };
            let contact = chat.from.to_bare();
            if told.len() >= TOLD {
                told.clear();
            }
            // Who floods us must not cost a commit each time.
            if !told.insert((chat.to.clone(), contact.clone())) {
                continue;
            }
            match self.helpdesk.hint_once(&desk.name, &contact).await {
                Ok(true) => {
                    let text = desk.texts.encrypted();
                    let notice = outgoing::notice(&chat.to, &chat.from, &text, chat.thread.as_deref());
                    if self.outlet.send(&notice).await == Err(SendError::Down) {
                        return;
                    }
                }
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "whom we told about encryption could not be noted"),
            }
        }
    }
}
