//! One stream from login to farewell.

use std::{sync::Arc, time::Duration};

use jid::BareJid;
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
    time,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    IN_DOUBT,
    agent_chat::{self, AgentChat},
    command::{
        copilot::Copilot,
        errand::{self, Errands},
        serve::Commands,
    },
    composing::Composing,
    flood::Floods,
    hints::{self, Hints},
    intake::Intake,
    login::{self, Account, Down},
    manners::{Manners, WAITING},
    outbox::{self, Fences},
    outlet::{self, Outlet},
    pace::Pace,
    receipts::{self, STORING},
    rooms::Rooms,
    sightings::Sightings,
    talkers::{AtTickets, Typists},
    tally::Tally,
};
use crate::{
    health::{Health, Status},
    helpdesk::Helpdesk,
    metrics,
};

/// How long the farewell may take: confirming what was sent, and telling the contacts.
const FAREWELL: Duration = Duration::from_secs(5);

/// Logs in and serves until the stream ends or `stop` is called.
pub(super) async fn hold(
    helpdesk: &Helpdesk,
    account: &Account,
    health: &Health,
    counted: &metrics::Link,
    composing: &Composing,
    stop: &CancellationToken,
) -> Down {
    let login = tokio::select! {
        login = login::log_in(account) => login,
        () = stop.cancelled() => return Down::Stopping,
    };
    let stream = match login {
        Ok(stream) => stream,
        Err(down) => return down,
    };
    let Ok(address) = BareJid::new(&account.domain) else {
        return Down::Protocol("xmpp.domain is no domain".to_owned());
    };
    if let Err(error) = helpdesk.forget_xmpp_presence().await {
        tracing::error!(%error, "old presence could not be cleared");
    }
    let contacts = Manners::contacts(helpdesk).await;
    health.set_xmpp(Status::Healthy);
    counted.up();
    tracing::info!(server = %account.server, domain = %account.domain, "the XMPP link is up");
    let session = Session::begin(helpdesk, stream, address, contacts, account.rooms.as_deref(), composing.clone());
    let down = session.serve(stop).await;
    if down.is_abrupt()
        && let Err(error) = helpdesk.resend_unconfirmed(IN_DOUBT).await
    {
        tracing::error!(%error, "unconfirmed messages could not be put back into the outbox");
    }
    down
}

/// The tasks of one stream. Dropping it ends them all.
struct Session {
    writer: AbortOnDropHandle<Down>,
    /// Each ends with the reason why the link is down.
    tasks: JoinSet<Down>,
    /// They end with the link.
    helpers: JoinSet<()>,
    /// Shows changes of presence, until the farewell.
    showing: AbortOnDropHandle<()>,
    manners: Manners,
    agent_chat: AgentChat,
    rooms: Rooms,
    drain: CancellationToken,
}

impl Session {
    fn begin(
        helpdesk: &Helpdesk,
        stream: login::Stream,
        address: BareJid,
        contacts: Vec<(BareJid, Vec<BareJid>)>,
        service: Option<&str>,
        composing: Composing,
    ) -> Self {
        let login::Stream { read, rejected, write } = stream;
        let (outlet, frames) = Outlet::new();
        let (returned, fences_back) = mpsc::unbounded_channel();
        let (storing, stored) = mpsc::channel(STORING);
        let (encrypted, unread) = mpsc::channel(hints::WAITING);
        let (requests, asked) = mpsc::channel(WAITING);
        let (presences, shown) = mpsc::channel(WAITING);
        let (meetings, met) = mpsc::channel(WAITING);
        let (spoken, lines) = mpsc::channel(agent_chat::WAITING);
        let fences = Fences::new(address.clone());
        let (pace, parts) = (Arc::new(Pace::of_presence(address.clone())), Arc::new(Pace::of_parts(address)));
        let (errands, running) = Errands::new(errand::COMMANDS);
        let (exports, exporting) = Errands::new(errand::EXPORTS);
        let (rooms, keeping) = Rooms::new(service, helpdesk.clone(), outlet.clone());
        let (copilot, helping) = Copilot::new();
        let commands = Commands::new(
            helpdesk.clone(),
            outlet.clone(),
            rooms.clone(),
            copilot.clone(),
            (errands, exports),
            Arc::clone(&parts),
        );
        let manners = Manners {
            helpdesk: helpdesk.clone(),
            outlet: outlet.clone(),
            pace: Arc::clone(&pace),
            commands: commands.clone(),
            composing: composing.clone(),
        };
        let drain = CancellationToken::new();
        let sightings = Sightings::default();
        let intake = Intake {
            helpdesk: helpdesk.clone(),
            outlet: outlet.clone(),
            fences: fences.clone(),
            pace,
            parts,
            returned,
            storing,
            requests,
            presences,
            spoken,
            commands,
            rooms: rooms.clone(),
            encrypted,
            sightings: sightings.clone(),
            typists: Typists::default(),
            composing: composing.clone(),
            at_tickets: AtTickets::default(),
            floods: Floods::default(),
            tally: Tally::default(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(intake.read(read, rejected));
        let known = (sightings, composing.clone());
        tasks.spawn(outbox::deliver(helpdesk.clone(), outlet.clone(), fences, known, fences_back, drain.clone()));
        let mut helpers = JoinSet::new();
        helpers.spawn(receipts::acknowledge(stored, outlet.clone(), helpdesk.clone()));
        helpers.spawn(Hints { helpdesk: helpdesk.clone(), outlet: outlet.clone() }.explain(unread));
        helpers.spawn(running);
        helpers.spawn(exporting);
        helpers.spawn(keeping);
        helpers.spawn(manners.clone().answer(asked));
        helpers.spawn(manners.clone().meet(shown, meetings));
        helpers.spawn(manners.clone().respond(met));
        helpers.spawn(helping);
        let agent_chat = AgentChat { helpdesk: helpdesk.clone(), outlet, rooms: rooms.clone(), copilot, composing };
        helpers.spawn(agent_chat.clone().listen(lines));
        let showing = AbortOnDropHandle::new(tokio::spawn(manners.clone().show(contacts)));
        let writer = AbortOnDropHandle::new(tokio::spawn(outlet::write(frames, write)));
        Self { writer, tasks, helpers, showing, manners, agent_chat, rooms, drain }
    }

    async fn serve(mut self, stop: &CancellationToken) -> Down {
        tokio::select! {
            down = ended(&mut self.tasks) => down,
            down = &mut self.writer => down.unwrap_or_else(failed),
            () = stop.cancelled() => {
                if time::timeout(FAREWELL, self.farewell()).await.is_err() {
                    tracing::warn!("the farewell took too long; what is unconfirmed is sent again next time");
                }
                Down::Stopping
            }
        }
    }

    /// Unavailable to the contacts, then the outbox until everything is confirmed, then the end of the stream.
    async fn farewell(mut self) {
        // Who left a moment ago must not make a desk appear again.
        self.showing.abort();
        let _ = (&mut self.showing).await;
        // Whoever cannot be told now will be told by the server.
        let _ = self.manners.take_leave().await;
        let _ = self.agent_chat.hush().await;
        self.rooms.leave().await;
        self.drain.cancel();
        // The first task to end is the outbox, or the link broke: nothing more to wait for either way.
        ended(&mut self.tasks).await;
        self.tasks.shutdown().await;
        self.helpers.shutdown().await;
        drop((self.manners, self.agent_chat));
        // With the last outlet gone the writer closes the stream.
        let _ = self.writer.await;
    }
}

async fn ended(tasks: &mut JoinSet<Down>) -> Down {
    match tasks.join_next().await {
        Some(Ok(down)) => down,
        Some(Err(error)) => failed(error),
        None => Down::Closed,
    }
}

fn failed(error: JoinError) -> Down {
    Down::Protocol(format!("a task of the link failed: {error}"))
}
