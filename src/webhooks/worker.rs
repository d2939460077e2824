//! Delivering what is due, and again when that may help.

use std::{collections::HashMap, time::Duration};

use deskbridge_entity::webhook_delivery;
use reqwest::StatusCode;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    task::{self, JoinSet},
    time,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Render, Settings,
    post::{Letter, Outcome, Post},
    schedule,
};
use crate::{
    helpdesk::{Committed, DueDelivery, Error, Helpdesk, MadeBody, Tried, Verdict},
    metrics::Webhooks,
};

/// Deliveries that are sent at once.
const AT_ONCE: usize = 64;
/// Those of one webhook. One whose last try failed has one: however slow receivers are, there are more places than webhooks.
const OF_A_WEBHOOK: usize = 4;
/// How much longer than a try may take a dead worker's deliveries wait for another.
const LEASE_MARGIN: Duration = Duration::from_secs(5);
/// How often to look without having been rung: for what is to be tried again, and what another process has committed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often old deliveries are removed.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// Delivers until it is stopped.
#[derive(Debug)]
pub struct Worker {
    helpdesk: Helpdesk,
    settings: Settings,
    post: Post,
    render: Render,
    metrics: Webhooks,
    id: Uuid,
    runs: JoinSet<Ended>,
    /// What is being sent, with its webhook.
    running: HashMap<Uuid, Uuid>,
    tasks: HashMap<task::Id, Uuid>,
    /// Webhooks whose last try failed.
    failing: std::collections::HashSet<Uuid>,
    /// Who was served first the last time: the next one is, now.
    turn: usize,
}

/// A try has ended.
#[derive(Debug)]
struct Ended {
    webhook: Uuid,
    is_delivered: bool,
}

impl Worker {
    /// A worker whose bodies are made by `render`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(helpdesk: Helpdesk, settings: Settings, render: Render, metrics: Webhooks) -> reqwest::Result<Self> {
        Ok(Self {
            post: Post::new(&settings)?,
            helpdesk,
            settings,
            render,
            metrics,
            id: Uuid::now_v7(),
            runs: JoinSet::new(),
            running: HashMap::new(),
            tasks: HashMap::new(),
            failing: std::collections::HashSet::new(),
            turn: 0,
        })
    }

    /// Works until `stop` is called; what is being sent then is sent again by the next process, under the same id.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut commits = self.helpdesk.commits();
        if let Err(error) = self.helpdesk.free_deliveries(None).await {
            tracing::warn!(%error, "deliveries of the process before could not be freed; their leases end by themselves");
        }
        let mut forget = time::interval(FORGET_EVERY);
        loop {
            if let Err(error) = self.start_some().await {
                tracing::error!(%error, "what is to be told to webhooks could not be read");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = self.runs.join_next_with_id(), if !self.runs.is_empty() => self.end(ended),
                _ = forget.tick() => self.forget().await,
                () = ring(&mut commits) => {}
                () = time::sleep(LOOK_EVERY) => {}
            }
        }
        self.runs.shutdown().await;
        if let Err(error) = self.helpdesk.free_deliveries(Some(self.id)).await {
            tracing::warn!(%error, "deliveries could not be given back; their leases end by themselves");
        }
    }

    async fn forget(&self) {
        match self.helpdesk.forget_deliveries(self.settings.keep).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "old deliveries to webhooks were removed"),
            Err(error) => tracing::warn!(%error, "old deliveries to webhooks could not be removed"),
        }
    }

    async fn start_some(&mut self) -> Result<(), Error> {
        let wanted = self.wanted(self.helpdesk.due_webhooks().await?);
        if wanted.is_empty() {
            return Ok(());
        }
        let lease = self.settings.timeout + LEASE_MARGIN;
        let running = self.running.keys().copied().collect();
        let mut claimed = self.helpdesk.claim_deliveries(self.id, lease, wanted, &running).await?;
        self.make_bodies(&mut claimed).await?;
        for due in claimed {
            let webhook = due.webhook.id;
            self.running.insert(due.row.id, webhook);
            let id = due.row.id;
            let run = deliver(self.helpdesk.clone(), self.post.clone(), self.metrics.clone(), self.id, due);
            let run = self.runs.spawn(run);
            self.tasks.insert(run.id(), id);
        }
        Ok(())
    }

    /// How many deliveries of which webhooks may be begun.
    fn wanted(&mut self, mut due: Vec<Uuid>) -> Vec<(Uuid, u64)> {
        if due.is_empty() {
            return Vec::new();
        }
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn % due.len();
        due.rotate_left(first);
        let mut free = AT_ONCE.saturating_sub(self.running.len());
        let mut wanted = Vec::new();
        for webhook in due {
            let most = if self.failing.contains(&webhook) { 1 } else { OF_A_WEBHOOK };
            let has = self.running.values().filter(|of| **of == webhook).count();
            let more = most.saturating_sub(has).min(free);
            if more > 0 {
                free -= more;
                wanted.push((webhook, more as u64));
            }
        }
        wanted
    }

    /// Makes what is sent for the first time, and leaves only what may be sent: also of what was made before, whose webhook
    /// may be told less by now.
    async fn make_bodies(&self, claimed: &mut Vec<DueDelivery>) -> Result<(), Error> {
        let mut made = Vec::new();
        for due in claimed.iter_mut() {
            let occurrence = self.helpdesk.occurrence(due).await?;
            if occurrence.is_some() && due.row.body.is_some() {
                continue;
            }
            due.row.body = occurrence.as_ref().map(|occurrence| (self.render)(&self.helpdesk, occurrence));
            let version = occurrence.and_then(|occurrence| occurrence.ticket).map(|ticket| ticket.version);
            made.push(MadeBody { delivery: due.row.id, version, body: due.row.body.clone() });
        }
        if made.is_empty() {
            return Ok(());
        }
        let fresh: Vec<Uuid> = made.iter().map(|made| made.delivery).collect();
        let stored = self.helpdesk.store_bodies(self.id, made).await?;
        claimed.retain(|due| !fresh.contains(&due.row.id) || stored.contains(&due.row.id));
        Ok(())
    }

    fn end(&mut self, ended: Result<(task::Id, Ended), task::JoinError>) {
        let id = match ended {
            Ok((id, Ended { webhook, is_delivered: true })) => {
                self.failing.remove(&webhook);
                id
            }
            Ok((id, Ended { webhook, .. })) => {
                self.failing.insert(webhook);
                id
            }
            // Its lease ends, and it is tried again.
            Err(error) => {
                tracing::error!(%error, "a delivery to a webhook failed unexpectedly");
                error.id()
            }
        };
        if let Some(delivery) = self.tasks.remove(&id) {
            self.running.remove(&delivery);
        }
    }
}

/// Sends it and notes what came of it.
async fn deliver(helpdesk: Helpdesk, post: Post, metrics: Webhooks, worker: Uuid, mut due: DueDelivery) -> Ended {
    let webhook = due.webhook.id;
    let body = due.row.body.take().unwrap_or_default();
    let now = helpdesk.clock().now();
    let letter = Letter { hook: &due.webhook, id: due.row.id, kind: &due.row.kind, body, now };
    let outcome = post.send(letter).await;
    let tried = judge(&due.row, &outcome, rand::random());
    metrics.tried(match tried.verdict {
        Verdict::Delivered => "delivered",
        Verdict::Again(_) => "failed",
        Verdict::GivenUp => "given_up",
        Verdict::Gone => "gone",
    });
    let is_delivered = tried.verdict == Verdict::Delivered;
    tracing::debug!(webhook.id = %webhook, delivery.id = %due.row.id, verdict = ?tried.verdict, "a try to tell a webhook");
    if let Err(error) = helpdesk.settle_delivery(worker, &due, tried).await {
        tracing::error!(%error, "what came of a delivery could not be stored; it is sent again");
    }
    Ended { webhook, is_delivered }
}

/// What follows from a try.
fn judge(row: &webhook_delivery::Model, outcome: &Outcome, chance: f64) -> Tried {
    let tries = u32::try_from(row.tries).unwrap_or_default() + 1;
    let again = |asked| schedule::pause(tries, chance, asked).map_or(Verdict::GivenUp, Verdict::Again);
    match *outcome {
        Outcome::Answered(status, _) if status.is_success() => {
            Tried { status: Some(status.as_u16()), error: None, verdict: Verdict::Delivered }
        }
        Outcome::Answered(status, asked) => {
            let is_gone = status == StatusCode::GONE;
            let what = if status.is_redirection() { ": a redirection, which is not followed" } else { "" };
            Tried {
                status: Some(status.as_u16()),
                error: Some(format!("it answered {}{what}", status.as_u16())),
                verdict: if is_gone { Verdict::Gone } else { again(asked) },
            }
        }
        Outcome::Failed(words) => Tried { status: None, error: Some(words.to_owned()), verdict: again(None) },
    }
}

/// Returns when a commit has left something to deliver.
async fn ring(commits: &mut broadcast::Receiver<std::sync::Arc<Committed>>) {
    loop {
        match commits.recv().await {
            Ok(commit) if commit.webhooks => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            // The process is ending; the other branches will say so.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
