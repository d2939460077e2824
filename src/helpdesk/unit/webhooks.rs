//! Webhooks in a batch: which there are, and what they are to be told of it.
//!
//! Most commits have no webhook to tell, and must not pay for knowing. A process remembers the webhooks together with the
//! number that the events' counter had when it read them; that counter's row is raised by every commit with events, and
//! every change of webhooks raises the number on it. So a commit learns for nothing, and under the row's lock, whether what
//! its process remembers is still so, whichever process changed it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use deskbridge_entity::{message::Visibility, ticket, webhook, webhook_delivery};
use jid::Jid;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Statement, sea_query::LockType,
};
use serde_json::Value;
use uuid::Uuid;

use super::{PendingEvent, Unit, commit::ROWS_PER_STATEMENT};
use crate::helpdesk::happening;

/// What a batch needs of webhooks.
#[derive(Debug, Default)]
pub(in crate::helpdesk) struct HookNeeds {
    pub webhooks: BTreeSet<Uuid>,
    /// How many there are.
    pub count: bool,
    /// With their tickets' versions.
    pub deliveries: BTreeSet<Uuid>,
}

/// What a batch knows of webhooks, and changes.
#[derive(Debug, Default)]
pub(in crate::helpdesk) struct Hooks {
    rows: HashMap<Uuid, webhook::Model>,
    pub count: u64,
    deliveries: HashMap<Uuid, webhook_delivery::Model>,
    versions: HashMap<Uuid, i64>,
    /// Tests, which are no events.
    made: Vec<webhook_delivery::Model>,
    /// Changes of webhooks, which this batch's own events are told by already.
    pub(super) statements: Vec<Statement>,
    /// Whether anything is to be delivered that was not.
    pub(super) rings: bool,
}

impl Hooks {
    pub(super) async fn load(&mut self, tx: &DatabaseTransaction, needs: HookNeeds) -> Result<(), DbErr> {
        if needs.count {
            self.count = webhook::Entity::find().count(tx).await?;
        }
        if !needs.webhooks.is_empty() {
            let rows = webhook::Entity::find()
                .filter(webhook::Column::Id.is_in(needs.webhooks))
                .order_by_asc(webhook::Column::Id)
                // Weaker than FOR UPDATE: another process that adds a delivery looks whether its webhook is there.
                .lock(LockType::NoKeyUpdate)
                .all(tx)
                .await?;
            self.rows.extend(rows.into_iter().map(|row| (row.id, row)));
        }
        if needs.deliveries.is_empty() {
            return Ok(());
        }
        let rows = webhook_delivery::Entity::find()
            .filter(webhook_delivery::Column::Id.is_in(needs.deliveries))
            .order_by_asc(webhook_delivery::Column::Id)
            .lock_exclusive()
            .all(tx)
            .await?;
        let tickets: BTreeSet<Uuid> = rows.iter().filter_map(|row| row.ticket_id).collect();
        self.deliveries.extend(rows.into_iter().map(|row| (row.id, row)));
        if !tickets.is_empty() {
            let versions: Vec<(Uuid, i64)> = ticket::Entity::find()
                .select_only()
                .columns([ticket::Column::Id, ticket::Column::Version])
                .filter(ticket::Column::Id.is_in(tickets))
                .into_tuple()
                .all(tx)
                .await?;
            self.versions.extend(versions);
        }
        Ok(())
    }

    pub(in crate::helpdesk) fn webhook(&self, id: Uuid) -> Option<&webhook::Model> {
        self.rows.get(&id)
    }

    /// The same, for what is noted of it by statements of its own.
    pub(in crate::helpdesk) fn webhook_mut(&mut self, id: Uuid) -> Option<&mut webhook::Model> {
        self.rows.get_mut(&id)
    }

    pub(in crate::helpdesk) fn delivery(&self, id: Uuid) -> Option<&webhook_delivery::Model> {
        self.deliveries.get(&id)
    }

    /// The version of a ticket that one of the deliveries is of.
    pub(in crate::helpdesk) fn version_of(&self, ticket: Uuid) -> Option<i64> {
        self.versions.get(&ticket).copied()
    }

    /// Adds a delivery that is of no event.
    pub(in crate::helpdesk) fn deliver(&mut self, row: webhook_delivery::Model) {
        self.rings = true;
        self.made.push(row);
    }

    /// Something that was made before is to be delivered (again).
    pub(in crate::helpdesk) fn ring(&mut self) {
        self.rings = true;
    }
}

impl Unit {
    /// Writes a webhook, and says so in the log.
    pub(in crate::helpdesk) fn put_webhook(&mut self, kind: &'static str, row: webhook::Model) {
        let mut active = row.clone().into_active_model().reset_all();
        let statement = if self.hooks.rows.contains_key(&row.id) {
            active.not_set(webhook::Column::Id);
            webhook::Entity::update_many().set(active).filter(webhook::Column::Id.eq(row.id)).build(self.backend)
        } else {
            self.hooks.count += 1;
            webhook::Entity::insert(active).build(self.backend)
        };
        self.hooks.statements.push(statement);
        self.hooks.rings = true;
        self.event(kind, None, None, serde_json::json!({ "webhook": row.id }));
        self.hooks.rows.insert(row.id, row);
    }

    /// Removes a webhook with all of its deliveries.
    pub(in crate::helpdesk) fn remove_webhook(&mut self, id: Uuid) {
        self.hooks.rows.remove(&id);
        self.hooks.made.retain(|row| row.webhook_id != id);
        self.hooks.statements.push(webhook::Entity::delete_by_id(id).build(self.backend));
        self.event("webhook.removed", None, None, serde_json::json!({ "webhook": id }));
    }

    /// Takes what names a customer out of this batch's events.
    pub(super) fn scrub_events(&mut self, customer: &str) {
        for event in &mut self.events {
            if bare_in(&event.data).as_deref() == Some(customer) {
                event.data = serde_json::json!({ "erased": true });
            }
        }
    }

    /// What webhooks are to be told of this batch's events, the first of which has the number `first`.
    pub(super) fn deliveries(&self, first: i64, subscribers: &[Subscriber]) -> Vec<webhook_delivery::Model> {
        let mut rows = Vec::new();
        if subscribers.is_empty() {
            return rows;
        }
        for (seq, (place, event)) in (first..).zip(self.events.iter().enumerate()) {
            let names: &[&str] = if event.told_as.is_empty() { &[event.kind] } else { &event.told_as };
            let told = names.iter().filter(|name| happening::KINDS.contains(name));
            for (name, subscriber) in told.flat_map(|name| subscribers.iter().map(move |one| (*name, one))) {
                if event.data.get("erased").is_none()
                    && subscriber.wants(name)
                    && self.may_know(subscriber, place, event)
                {
                    rows.push(self.delivery_of(subscriber.id, name, seq, event));
                }
            }
        }
        rows
    }

    /// As far as this batch knows; the rest is looked at when the delivery is made.
    fn may_know(&self, subscriber: &Subscriber, place: usize, event: &PendingEvent) -> bool {
        let said = self.message_events.iter().position(|at| *at == place).map(|index| &self.new_messages[index]);
        let message = said.or_else(|| event.message_id.and_then(|id| self.message(id)));
        let is_note = message.is_some_and(|message| message.visibility == Visibility::Internal);
        let desk = event.ticket_id.and_then(|id| self.ticket(id)).map(|row| row.desk.as_str());
        let desk = desk.or_else(|| event.data.get("desk").and_then(Value::as_str));
        let serves = match event.data.get("desks").and_then(Value::as_array) {
            Some(desks) => subscriber.serves_one_of(desks),
            None => subscriber.serves(desk),
        };
        (!is_note || subscriber.include_internal) && serves
    }

    fn delivery_of(&self, webhook: Uuid, name: &str, seq: i64, event: &PendingEvent) -> webhook_delivery::Model {
        let occupant = event.data.get("occupant").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
        webhook_delivery::Model {
            seq: Some(seq),
            ticket_id: event.ticket_id,
            message_id: event.message_id,
            about: occupant.and_then(|id| self.feed.bare_of(id)).or_else(|| bare_in(&event.data)),
            data: event.data.clone(),
            ..new_delivery(Uuid::now_v7(), webhook, name, self.now)
        }
    }

    pub(super) fn write_deliveries(&mut self, mut rows: Vec<webhook_delivery::Model>, statements: &mut Vec<Statement>) {
        rows.append(&mut self.hooks.made);
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            let rows = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
            statements.push(webhook_delivery::Entity::insert_many(rows).build(self.backend));
        }
    }
}

/// The bare JID that an event of nobody's ticket names.
fn bare_in(data: &Value) -> Option<String> {
    let jid = data.get("jid")?.as_str()?;
    Some(Jid::new(jid).map_or_else(|_| jid.to_owned(), |jid| jid.to_bare().to_string()))
}

/// A delivery that is due now.
pub(in crate::helpdesk) fn new_delivery(
    id: Uuid,
    webhook: Uuid,
    kind: &str,
    now: chrono::DateTime<chrono::Utc>,
) -> webhook_delivery::Model {
    webhook_delivery::Model {
        id,
        webhook_id: webhook,
        kind: kind.to_owned(),
        seq: None,
        ticket_id: None,
        message_id: None,
        about: None,
        data: Value::Object(serde_json::Map::new()),
        body: None,
        state: webhook_delivery::State::Pending,
        due_at: now,
        tries: 0,
        tried_at: None,
        status: None,
        error: None,
        ended_at: None,
        lease_until: None,
        worker: None,
        created_at: now,
    }
}

/// A webhook as far as a commit cares.
#[derive(Debug)]
pub(in crate::helpdesk) struct Subscriber {
    id: Uuid,
    events: Vec<String>,
    /// `None` is every desk.
    desks: Option<Vec<String>>,
    include_internal: bool,
}

impl Subscriber {
    pub(in crate::helpdesk) fn of(row: &webhook::Model) -> Self {
        Self {
            id: row.id,
            events: words(&row.events),
            desks: row.desks.as_ref().map(words),
            include_internal: row.include_internal,
        }
    }

    fn wants(&self, kind: &str) -> bool {
        self.events.iter().any(|pattern| happening::fits(pattern, kind))
    }

    /// Whether it is told of what happens at a desk; what is of none is for everybody.
    pub(in crate::helpdesk) fn serves(&self, desk: Option<&str>) -> bool {
        let (Some(desks), Some(desk)) = (&self.desks, desk) else { return true };
        desks.iter().any(|name| name == desk)
    }

    /// What an event has noted, with those alone of the desks it concerns that this is told of; `None` where that is none.
    pub(in crate::helpdesk) fn cut(&self, mut data: Value) -> Option<Value> {
        if self.desks.is_some()
            && let Some(desks) = data.get_mut("desks").and_then(Value::as_array_mut)
        {
            desks.retain(|desk| self.serves(desk.as_str()));
            if desks.is_empty() {
                return None;
            }
        }
        Some(data)
    }

    /// Whether it is told of what concerns these desks.
    fn serves_one_of(&self, desks: &[Value]) -> bool {
        self.desks.is_none() || desks.iter().any(|desk| self.serves(desk.as_str()))
    }
}

/// A JSON list of texts.
fn words(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The webhooks that are told of what happens, and the number by which it is known that there are no others.
type Known = (i64, Arc<[Subscriber]>);

/// What a process remembers of the webhooks.
#[derive(Debug, Default)]
pub(in crate::helpdesk) struct Subscribers(Mutex<Option<Known>>);

impl Subscribers {
    /// Those that there are, at the counter's number `at`, whose row the transaction has locked.
    pub(super) async fn at(&self, tx: &DatabaseTransaction, at: i64) -> Result<Known, DbErr> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|(number, _)| *number == at) {
            return Ok(known);
        }
        let rows = webhook::Entity::find().filter(webhook::Column::DisabledAt.is_null()).all(tx).await?;
        Ok((at, rows.iter().map(Subscriber::of).collect()))
    }

    /// Remembers them: only what is committed, as a number that was rolled back is given again.
    pub(super) fn keep(&self, known: Known) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
}
