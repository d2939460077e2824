//! Delivering what was committed: oldest first, many in flight, and a ping behind each batch as the fence.
//!
//! A component stream has no acknowledgements of its own, but it is ordered: the answer to a ping comes after the
//! server has routed everything before it. The ping goes to ourselves, through the server: every server routes it,
//! whatever modules and domains it has. Only its return marks the batch as sent. What was not confirmed when the
//! stream broke goes out again, under the same id.

use std::{borrow::Cow, collections::VecDeque, time::Duration};

use deskbridge_entity::{message::Author, notice};
use jid::{BareJid, Jid};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc},
    time,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use xmpp_parsers::minidom::Element;

use super::{
    composing::Composing,
    login::Down,
    outgoing,
    outlet::{Outlet, SendError},
    sightings::Sightings,
    styling,
};
use crate::helpdesk::{Error, Helpdesk, Outgoing, Replied, Report};

/// Messages in one batch.
const BATCH: u64 = 256;
/// Batches without their fence's answer; then we wait.
const FENCES: usize = 16;
/// How long the server may take to bring a fence back.
const FENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long confirmations are gathered before they are noted: each note is a commit, and customers' lines wait behind
/// it. After a crash what was not noted is sent again, under the same ids.
const NOTE_AFTER: Duration = Duration::from_millis(50);
/// How often to look without having been rung, for what another process committed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Fences of one session: ids that nobody outside can guess.
#[derive(Clone, Debug)]
pub struct Fences {
    session: Uuid,
    address: BareJid,
}

impl Fences {
    /// The number of a ping that stands behind no batch and only asks for a sign of life.
    pub const ALIVE: u64 = 0;

    /// Fences that go to `address`, which must be our own domain.
    #[must_use]
    pub fn new(address: BareJid) -> Self {
        Self { session: Uuid::new_v4(), address }
    }

    /// The ping with this number.
    #[must_use]
    pub fn ping(&self, number: u64) -> Element {
        outgoing::ping(&self.address, &Jid::from(self.address.clone()), &format!("fence-{}-{number}", self.session))
    }

    /// The number of the fence that came back with this id.
    #[must_use]
    pub fn number(&self, id: &str) -> Option<u64> {
        id.strip_prefix("fence-")?.strip_prefix(&self.session.to_string())?.strip_prefix('-')?.parse().ok()
    }
}

/// Sends what is unsent, until the link is down or `stop` is called and everything is confirmed.
pub(super) async fn deliver(
    helpdesk: Helpdesk,
    outlet: Outlet,
    fences: Fences,
    (sightings, composing): (Sightings, Composing),
    mut returned: mpsc::UnboundedReceiver<u64>,
    stop: CancellationToken,
) -> Down {
    let mut commits = helpdesk.commits();
    let mut batches = Batches {
        helpdesk,
        outlet,
        fences,
        sightings,
        composing,
        in_flight: VecDeque::new(),
        confirmed: Sent::default(),
        note_at: None,
        sent_up_to: 0,
        notices_sent_up_to: 0,
        next_fence: Fences::ALIVE + 1,
    };
    let mut look = true;
    loop {
        if look && let Err(down) = batches.send_unsent().await {
            return down;
        }
        if stop.is_cancelled() && batches.in_flight.is_empty() {
            batches.note_confirmed().await;
            return Down::Stopping;
        }
        // A returned fence brings nothing new to send, unless it makes room for what was held back.
        look = stop.is_cancelled();
        let overdue = batches.in_flight.front().map(|batch| batch.sent_at + FENCE_TIMEOUT);
        tokio::select! {
            () = stop.cancelled(), if !stop.is_cancelled() => look = true,
            number = returned.recv() => match number {
                Some(number) => {
                    look |= batches.in_flight.len() >= FENCES;
                    batches.came_back(number);
                }
                None => return broken(),
            },
            () = time::sleep_until(batches.note_at.unwrap_or_else(time::Instant::now)), if batches.note_at.is_some() => {
                batches.note_confirmed().await;
            }
            () = ring(&mut commits), if batches.in_flight.len() < FENCES && !stop.is_cancelled() => look = true,
            () = time::sleep(LOOK_EVERY), if batches.in_flight.len() < FENCES => look = true,
            () = time::sleep_until(overdue.unwrap_or_else(time::Instant::now)), if overdue.is_some() => {
                return Down::Broken(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer to a ping"));
            }
        }
    }
}

/// Another task of the link has ended, and may not have said why yet. Not [`Down::Closed`]: this may be the first word
/// about a server that was killed, and then what it had confirmed a moment ago must go out again.
fn broken() -> Down {
    Down::Broken(std::io::ErrorKind::BrokenPipe.into())
}

/// Returns when a commit has left something to send.
async fn ring(commits: &mut tokio::sync::broadcast::Receiver<std::sync::Arc<crate::helpdesk::Committed>>) {
    loop {
        match commits.recv().await {
            Ok(commit) if !commit.outbox => {}
            Ok(_) | Err(RecvError::Lagged(_)) => break,
            // The process is ending; the other branches will say so.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
    // One look serves all that have rung so far.
    while commits.try_recv().is_ok() {}
}

struct Batch {
    fence: u64,
    sent: Sent,
    sent_at: time::Instant,
}

/// Ids of what is on its way, or has arrived.
#[derive(Default)]
struct Sent {
    messages: Vec<Uuid>,
    notices: Vec<Uuid>,
}

struct Batches {
    helpdesk: Helpdesk,
    outlet: Outlet,
    fences: Fences,
    sightings: Sightings,
    composing: Composing,
    in_flight: VecDeque<Batch>,
    /// Confirmed, but not noted yet, and when they will be.
    confirmed: Sent,
    note_at: Option<time::Instant>,
    sent_up_to: i64,
    notices_sent_up_to: i64,
    next_fence: u64,
}

impl Batches {
    async fn send_unsent(&mut self) -> Result<(), Down> {
        while self.in_flight.len() < FENCES {
            let unsent = match self.helpdesk.unsent(self.sent_up_to, BATCH).await {
                Ok(unsent) => unsent,
                Err(error) => {
                    tracing::error!(%error, "the outbox could not be read");
                    time::sleep(LOOK_EVERY).await;
                    return Ok(());
                }
            };
            let notices = match self.helpdesk.unsent_notices(self.notices_sent_up_to, BATCH).await {
                Ok(notices) => notices,
                Err(error) => {
                    tracing::error!(%error, "the notices could not be read");
                    Vec::new()
                }
            };
            if unsent.is_empty() && notices.is_empty() {
                return Ok(());
            }
            self.sent_up_to = unsent.last().map_or(self.sent_up_to, |last| last.seq);
            self.notices_sent_up_to = notices.last().map_or(self.notices_sent_up_to, |(last, _)| last.seq);
            let is_last_batch = unsent.len().max(notices.len()) < usize::try_from(BATCH).unwrap_or(usize::MAX);
            let mut sent = Sent::default();
            for message in unsent {
                if self.send(&message).await? {
                    sent.messages.push(message.id);
                }
            }
            for (notice, replied) in notices {
                self.send_notice(&notice, replied.as_ref()).await?;
                sent.notices.push(notice.id);
            }
            self.outlet.send(&self.fences.ping(self.next_fence)).await.map_err(|_| broken())?;
            self.in_flight.push_back(Batch { fence: self.next_fence, sent, sent_at: time::Instant::now() });
            self.next_fence += 1;
            if is_last_batch {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What agents are told, and what takes a message back from a customer. One that cannot be addressed or written is dropped: the ticket says the same.
    async fn send_notice(&self, notice: &notice::Model, replied: Option<&Replied>) -> Result<(), Down> {
        let addresses = (self.helpdesk.desk_address(&notice.sender), BareJid::new(&notice.recipient));
        let (Ok(from), Ok(to)) = addresses else { return Ok(()) };
        let (own, to) = (to.clone(), Jid::from(to));
        let stanza = match notice.retracts {
            Some(message) => outgoing::retraction(notice.id, &from, &to, message, &notice.body),
            None => outgoing::message(&outgoing::Answer {
                id: notice.id,
                from: &from,
                to: &to,
                body: &notice.body,
                thread: None,
                // Only agents are told something here.
                chat_states: self.composing.client(&own).is_some(),
                link: None,
                replaces: None,
                reply: replied.map(|replied| reply(replied, &own, &from)),
            }),
        };
        match self.outlet.send(&stanza).await {
            Ok(()) | Err(SendError::Unwritable) => Ok(()),
            Err(SendError::Down) => Err(broken()),
        }
    }

    /// Whether the message is on its way; one that cannot be addressed or written counts as failed.
    async fn send(&self, message: &Outgoing) -> Result<bool, Down> {
        let Ok(from) = self.helpdesk.desk_address(&message.desk) else { return Ok(false) };
        let to = self.sightings.address(&message.to);
        if message.author == Author::Agent {
            self.show_read(message, &from, &to).await?;
        }
        // Models write Markdown, and REST shows it; chat clients show message styling. People write what they mean.
        let body = match message.author {
            Author::Assistant => styling::from_markdown(&message.body),
            Author::Agent | Author::System | Author::Customer => Cow::Borrowed(message.body.as_str()),
        };
        let own = to.to_bare();
        let stanza = outgoing::message(&outgoing::Answer {
            id: message.id,
            from: &from,
            to: &to,
            body: &body,
            thread: None,
            chat_states: message.chat_states,
            link: message.link.as_deref(),
            replaces: message.replaces,
            reply: message.reply.as_ref().map(|replied| reply(replied, &own, &from)),
        });
        match self.outlet.send(&stanza).await {
            Ok(()) => Ok(true),
            Err(SendError::Down) => Err(broken()),
            Err(SendError::Unwritable) => {
                let failed = Report::Failed("internal-server-error".to_owned());
                self.note(self.helpdesk.note_report(message.id, &message.to.to_bare(), failed).await);
                Ok(false)
            }
        }
    }

    /// An agent who replies has read what the customer wrote (XEP-0333).
    async fn show_read(&self, reply: &Outgoing, from: &BareJid, to: &Jid) -> Result<(), Down> {
        let line = match self.helpdesk.markable_line_before(reply.ticket, reply.seq).await {
            Ok(line) => line,
            Err(error) => {
                tracing::warn!(%error, "a chat marker was left out");
                None
            }
        };
        let Some(id) = line else { return Ok(()) };
        match self.outlet.send(&outgoing::displayed(from, to, &id)).await {
            Err(SendError::Down) => Err(broken()),
            Ok(()) | Err(SendError::Unwritable) => Ok(()),
        }
    }

    fn came_back(&mut self, fence: u64) {
        while let Some(batch) = self.in_flight.pop_front_if(|batch| batch.fence <= fence) {
            self.confirmed.messages.extend(batch.sent.messages);
            self.confirmed.notices.extend(batch.sent.notices);
        }
        if !(self.confirmed.messages.is_empty() && self.confirmed.notices.is_empty()) {
            self.note_at.get_or_insert_with(|| time::Instant::now() + NOTE_AFTER);
        }
    }

    async fn note_confirmed(&mut self) {
        self.note_at = None;
        let Sent { messages, notices } = std::mem::take(&mut self.confirmed);
        if !(messages.is_empty() && notices.is_empty()) {
            self.note(self.helpdesk.mark_sent(messages, notices).await);
        }
    }

    /// What could not be noted is sent again with the next link: late, but not lost.
    fn note(&self, result: Result<(), Error>) {
        if let Err(error) = result {
            tracing::error!(%error, "the state of a delivery could not be stored");
        }
    }
}

/// What a message answers, to a receiver of this address, where it comes from `from`.
fn reply<'a>(replied: &'a Replied, own: &'a BareJid, from: &'a BareJid) -> outgoing::Reply<'a> {
    let to = if replied.is_own { own } else { from };
    outgoing::Reply { to, id: replied.known_as.as_deref(), text: &replied.text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_knows_its_own_and_no_others() {
        let address = BareJid::new("help.example.org").unwrap();
        let (ours, others) = (Fences::new(address.clone()), Fences::new(address));
        let ping = ours.ping(7);
        let id = ping.attr("id").unwrap();
        assert_eq!(ours.number(id), Some(7));
        assert_eq!(others.number(id), None);
        assert_eq!(ours.number("fence-1"), None);
    }
}
