//! What webhooks are told, for the worker that tells them.
//!
//! The row is the queue: it is written with its event. A body is made when it is first to be sent and stored before that,
//! so that each try sends the same bytes.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    attachment,
    message::{self, Visibility},
    server_occupant, server_room, ticket, webhook, webhook_delivery,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Error, Helpdesk,
    happening::PING,
    operation::webhook_delivery::{ClaimDeliveries, ForgetDeliveries, FreeDeliveries, SettleDelivery, StoreBodies},
    query,
    unit::Subscriber,
};

/// Deliveries that one change removes.
const FORGOTTEN_AT_ONCE: u64 = 500;

/// A delivery whose time has come.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    /// What.
    pub row: webhook_delivery::Model,
    /// To whom.
    pub webhook: webhook::Model,
}

/// What a delivery tells of, as it is now.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// The `webhook-id`.
    pub id: Uuid,
    /// Such as `ticket.escalated`.
    pub kind: String,
    /// The event's number in the log; a test has none.
    pub seq: Option<i64>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What the event noted.
    pub data: Value,
    /// Of which ticket.
    pub ticket_id: Option<Uuid>,
    /// That ticket; one that was erased is not there.
    pub ticket: Option<ticket::Model>,
    /// Of which message.
    pub message: Option<message::Model>,
    /// The message's files.
    pub attachments: Vec<attachment::Model>,
    /// In which of the XMPP server's rooms.
    pub room: Option<server_room::Model>,
    /// Who in that room.
    pub occupant: Option<server_occupant::Model>,
}

/// A body, or that there is nothing to tell.
#[derive(Clone, Debug)]
pub struct Made {
    /// Of which delivery.
    pub delivery: Uuid,
    /// The version of its ticket that the body was made of.
    pub version: Option<i64>,
    /// The body; without one the delivery is dropped.
    pub body: Option<String>,
}

/// How a try ended.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The answer's status, if there was an answer.
    pub status: Option<u16>,
    /// Why it failed, in a few words that hold nothing of the answer.
    pub error: Option<String>,
    /// What follows.
    pub verdict: Verdict,
}

/// What follows from a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has arrived.
    Delivered,
    /// It is tried again, after so long.
    Again(Duration),
    /// It was tried often enough.
    GivenUp,
    /// The receiver wants nothing any more.
    Gone,
}

impl Helpdesk {
    /// Webhooks that something is due for.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn due_webhooks(&self) -> Result<Vec<Uuid>, Error> {
        query::due_webhooks(&self.store, self.clock.now()).await
    }

    /// Takes what is due for these webhooks, so many of each, but nothing of `running`. A dead worker's deliveries are
    /// others' after `lease`.
    ///
    /// # Errors
    /// [`Error::WriteFailed`], [`Error::Database`].
    pub async fn claim_deliveries(
        &self,
        worker: Uuid,
        lease: Duration,
        wanted: Vec<(Uuid, u64)>,
        running: &HashSet<Uuid>,
    ) -> Result<Vec<DueDelivery>, Error> {
        let running_now = running.iter().copied().collect();
        self.writer.write(ClaimDeliveries { worker, lease, wanted, running: running_now }).await?;
        let rows = query::claimed_deliveries(&self.store, worker, self.clock.now()).await?;
        let fresh = rows.into_iter().filter(|(row, _)| !running.contains(&row.id));
        Ok(fresh.map(|(row, webhook)| DueDelivery { row, webhook }).collect())
    }

    /// Gives back what a worker has claimed. At the start, with the database to itself, a process does so for those before
    /// it (`None`).
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn free_deliveries(&self, worker: Option<Uuid>) -> Result<(), Error> {
        if worker.is_none() && !self.store.is_embedded() {
            return Ok(());
        }
        self.writer.write(FreeDeliveries { worker }).await
    }

    /// What a delivery tells of. `None` where that is gone, or where its webhook may not know of it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn occurrence(&self, due: &DueDelivery) -> Result<Option<Occurrence>, Error> {
        let DueDelivery { row, webhook } = due;
        let (ticket, message) = query::of_delivery(&self.store, row).await?;
        let text = |name: &str| row.data.get(name).and_then(Value::as_str);
        let (room, occupant) = match text("session") {
            Some(session) => {
                let occupant = text("occupant").and_then(|id| Uuid::parse_str(id).ok());
                query::of_room(&self.store, session, occupant).await?
            }
            None => (None, None),
        };
        let is_gone = (row.ticket_id.is_some() && ticket.is_none() && row.kind != query::ERASED)
            || (row.message_id.is_some() && message.is_none())
            || (text("session").is_some() && room.is_none())
            || (text("occupant").is_some() && occupant.is_none());
        let is_note = message.as_ref().is_some_and(|message| message.visibility == Visibility::Internal);
        let desk = ticket.as_ref().map(|ticket| ticket.desk.as_str()).or_else(|| text("desk"));
        let subscriber = Subscriber::of(webhook);
        let may_know = (!is_note || webhook.include_internal) && subscriber.serves(desk);
        if is_gone || !(may_know || row.kind == PING) {
            return Ok(None);
        }
        let Some(data) = subscriber.cut(row.data.clone()) else { return Ok(None) };
        let attachments = query::attachments(&self.store, message.as_slice()).await?;
        Ok(Some(Occurrence {
            id: row.id,
            kind: row.kind.clone(),
            seq: row.seq,
            at: row.created_at,
            data,
            ticket_id: row.ticket_id,
            ticket,
            message,
            attachments,
            room,
            occupant,
        }))
    }

    /// Stores bodies; gives the deliveries that may be sent now. The others are gone, or have changed and are due again.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn store_bodies(&self, worker: Uuid, made: Vec<Made>) -> Result<BTreeSet<Uuid>, Error> {
        self.writer.write(StoreBodies { worker, made }).await
    }

    /// Notes how a try ended. It counts only while the delivery is this worker's.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn settle_delivery(&self, worker: Uuid, due: &DueDelivery, tried: Tried) -> Result<(), Error> {
        let settle = SettleDelivery { worker, webhook: due.webhook.id, delivery: due.row.id, tried };
        self.writer.write(settle).await
    }

    /// Removes deliveries that have ended and are older than `keep`. Gives how many.
    ///
    /// # Errors
    /// [`Error::WriteFailed`], [`Error::Database`].
    pub async fn forget_deliveries(&self, keep: Duration) -> Result<usize, Error> {
        let before = self.clock.now() - super::lifecycle::delta(keep);
        let mut removed = 0;
        loop {
            let ids = query::old_deliveries(&self.store, before, FORGOTTEN_AT_ONCE).await?;
            removed += ids.len();
            let is_last = (ids.len() as u64) < FORGOTTEN_AT_ONCE;
            if !ids.is_empty() {
                self.writer.write(ForgetDeliveries { ids }).await?;
            }
            if is_last {
                return Ok(removed);
            }
        }
    }
}
