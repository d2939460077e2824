//! Loading what a batch needs, by a few queries whatever its size.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    attachment, hint, message, subscription,
    ticket::{self, Handler, Status},
};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockBehavior, LockType},
};
use uuid::Uuid;

use super::{Conversation, Known, Needs, Traces, Unit, Within};
use crate::helpdesk::{agents, footprint::footprint, lifecycle::is_live, query};

/// How long a stanza is remembered: longer than any client or server replays, shorter than it takes a client
/// that counts its ids from one to say the same words under the same id again.
pub(in crate::helpdesk) const REMEMBERED: chrono::TimeDelta = chrono::TimeDelta::hours(24);

/// What "a day" means where a customer's new tickets are counted.
pub(super) const DAY: chrono::TimeDelta = chrono::TimeDelta::hours(24);

impl Unit {
    pub(super) async fn fill(&mut self, tx: &DatabaseTransaction, mut needs: Needs) -> Result<(), DbErr> {
        if !needs.messages.is_empty() {
            let rows = message::Entity::find().filter(message::Column::Id.is_in(needs.messages)).all(tx).await?;
            for row in rows {
                needs.tickets.insert(row.ticket_id);
                if needs.messages_with_siblings.contains(&row.id) {
                    needs.with_siblings.insert(row.ticket_id);
                }
                self.loaded_messages.insert(row.id, row);
            }
        }
        if !needs.stanza_keys.is_empty() {
            self.load_known(tx, needs.stanza_keys).await?;
        }
        for (key, within) in needs.written {
            self.load_written(tx, key, within).await?;
        }
        if !needs.heard.is_empty() {
            self.load_heard(tx, needs.heard).await?;
        }
        if needs.due > 0 {
            self.load_due(tx, needs.due, &needs.running).await?;
        }
        if needs.steps > 0 {
            self.load_steps(tx, needs.steps).await?;
        }
        if !needs.held_by.is_empty() {
            self.load_held(tx, needs.held_by).await?;
        }
        needs.tickets.extend(&needs.with_siblings);
        needs.tickets.extend(&needs.recent_in);
        needs.conversations.extend(needs.recent.iter().cloned());
        if !needs.tickets.is_empty() {
            // In the order of their ids, so that two processes cannot wait for each other.
            let rows = ticket::Entity::find()
                .filter(ticket::Column::Id.is_in(needs.tickets))
                .order_by_asc(ticket::Column::Id)
                .lock_exclusive()
                .all(tx)
                .await?;
            rows.into_iter().for_each(|row| {
                if needs.with_siblings.contains(&row.id) {
                    needs.conversations.insert((row.desk.clone(), row.customer.clone()));
                }
                self.track(row);
            });
        }
        self.feed.load(tx, std::mem::take(&mut needs.feed)).await?;
        self.hooks.load(tx, std::mem::take(&mut needs.hooks)).await?;
        if !needs.proposals.is_empty() {
            self.load_proposals(tx, needs.proposals).await?;
        }
        if !needs.erased.is_empty() {
            self.load_traces(tx, needs.erased).await?;
        }
        if !needs.conversations.is_empty() {
            self.load_conversations(tx, &needs.conversations).await?;
            let may_open = |conversation: &&Conversation| {
                needs.opens || self.current(conversation).is_none_or(|row| !is_live(row.status))
            };
            let may_open: Vec<&Conversation> = needs.conversations.iter().filter(may_open).collect();
            if !may_open.is_empty() {
                self.load_openings(tx, &may_open).await?;
            }
        }
        needs.recent_in.extend(needs.recent.iter().filter_map(|conversation| self.current.get(conversation)));
        for ticket in needs.recent_in {
            self.load_recent(tx, ticket).await?;
        }
        if !needs.hints.is_empty() {
            self.load_hints(tx, needs.hints).await?;
        }
        let is_with_people = |row: &ticket::Model| row.handler == Handler::Agent || row.status == Status::Escalated;
        if needs.people || self.tickets.values().any(|tracked| is_with_people(&tracked.row)) {
            self.load_people(tx).await?;
        }
        self.load_appearances(tx, needs.appearances).await?;
        for jid in needs.comers {
            self.load_queue(tx, &jid).await?;
        }
        Ok(())
    }

    async fn load_people(&mut self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        self.agents = agents::load(tx).await?;
        self.load_waiting(tx).await
    }

    /// What these agents have: all but closed tickets, in the order of their ids.
    async fn load_held(&mut self, tx: &DatabaseTransaction, agents: BTreeSet<String>) -> Result<(), DbErr> {
        let rows = ticket::Entity::find()
            .filter(ticket::Column::Handler.eq(Handler::Agent))
            .filter(ticket::Column::Status.ne(Status::Closed))
            .filter(ticket::Column::Agent.is_in(agents))
            .order_by_asc(ticket::Column::Id)
            .lock_exclusive()
            .all(tx)
            .await?;
        rows.into_iter().for_each(|row| self.track(row));
        Ok(())
    }

    async fn load_hints(&mut self, tx: &DatabaseTransaction, of: HashSet<Conversation>) -> Result<(), DbErr> {
        let jids: BTreeSet<String> = of.into_iter().map(|(_, jid)| jid).collect();
        let rows = hint::Entity::find().filter(hint::Column::Jid.is_in(jids)).all(tx).await?;
        self.hints.extend(rows.into_iter().map(|row| ((row.desk, row.jid), None)));
        Ok(())
    }

    /// Tickets whose time has come, the longest due first. Another process may be at some of them.
    async fn load_steps(&mut self, tx: &DatabaseTransaction, limit: u64) -> Result<(), DbErr> {
        let rows = ticket::Entity::find()
            .filter(ticket::Column::StepAt.lte(self.now))
            .order_by_asc(ticket::Column::StepAt)
            .limit(limit)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(tx)
            .await?;
        for row in rows {
            self.steps.push(row.id);
            self.track(row);
        }
        Ok(())
    }

    /// Everything of the customers who are to be erased, by its ids.
    async fn load_traces(&mut self, tx: &DatabaseTransaction, customers: BTreeSet<String>) -> Result<(), DbErr> {
        for customer in customers {
            let mut traces = Traces::default();
            // Under lock, so that another process that has a line for one of them waits, and then finds it gone.
            let rows = ticket::Entity::find()
                .filter(ticket::Column::Customer.eq(&customer))
                .order_by_asc(ticket::Column::Id)
                .lock_exclusive()
                .all(tx)
                .await?;
            traces.tickets = rows.iter().map(|row| (row.id, row.desk.clone())).collect();
            rows.into_iter().for_each(|row| self.track(row));
            traces.attachments = attachment::Entity::find()
                .select_only()
                .column(attachment::Column::Id)
                .filter(attachment::Column::TicketId.in_subquery(query::ids_of(&customer)))
                .into_tuple()
                .all(tx)
                .await?;
            traces.subscribed = subscription::Entity::find()
                .select_only()
                .column(subscription::Column::Desk)
                .filter(subscription::Column::Jid.eq(&customer))
                .into_tuple()
                .all(tx)
                .await?;
            traces.footprint = footprint(tx, &customer).await?;
            self.traces.insert(customer, traces);
        }
        Ok(())
    }

    async fn load_known(&mut self, tx: &DatabaseTransaction, keys: HashSet<String>) -> Result<(), DbErr> {
        let rows: Vec<(Option<String>, Option<String>, Uuid, Uuid)> = message::Entity::find()
            .select_only()
            .columns([
                message::Column::SenderKey,
                message::Column::ArchiveKey,
                message::Column::TicketId,
                message::Column::Id,
            ])
            .filter(
                Condition::any()
                    .add(message::Column::SenderKey.is_in(keys.iter().cloned()))
                    .add(message::Column::ArchiveKey.is_in(keys)),
            )
            .into_tuple()
            .all(tx)
            .await?;
        for (sender_key, archive_key, ticket, message) in rows {
            if received_at(message).is_some_and(|at| self.now - at > REMEMBERED) {
                continue;
            }
            for key in [sender_key, archive_key].into_iter().flatten() {
                self.known.insert(key, Known { ticket, message });
            }
        }
        Ok(())
    }

    async fn load_written(&mut self, tx: &DatabaseTransaction, key: String, within: Within) -> Result<(), DbErr> {
        let known = message::Entity::find().filter(message::Column::ClientKey.eq(&key));
        let known = match within {
            Within::Ticket(id) => known.filter(message::Column::TicketId.eq(id)),
            Within::Customer(jid) => known.filter(message::Column::TicketId.in_subquery(query::ids_of(&jid))),
        };
        let rows = known.all(tx).await?;
        self.written.extend(rows.into_iter().map(|row| ((row.ticket_id, key.clone()), row)));
        Ok(())
    }

    async fn load_conversations(
        &mut self,
        tx: &DatabaseTransaction,
        conversations: &HashSet<Conversation>,
    ) -> Result<(), DbErr> {
        let customers: BTreeSet<&str> = conversations.iter().map(|(_, customer)| customer.as_str()).collect();
        // Ids and places only: a customer may have years of old tickets.
        let mut rows: Vec<(Uuid, String, String, Status, DateTime<Utc>)> = ticket::Entity::find()
            .select_only()
            .columns([
                ticket::Column::Id,
                ticket::Column::Desk,
                ticket::Column::Customer,
                ticket::Column::Status,
                ticket::Column::LastMessageAt,
            ])
            .filter(ticket::Column::Customer.is_in(customers))
            .into_tuple()
            .all(tx)
            .await?;
        // The live one is the last in this order; where none lives, the latest is.
        rows.sort_by_key(|&(id, .., status, last)| (is_live(status), last, id));
        for (id, desk, customer, ..) in rows {
            let conversation = (desk, customer);
            if conversations.contains(&conversation) {
                if received_at(id).is_some_and(|at| self.now - at < DAY) {
                    *self.opened_lately.entry(conversation.clone()).or_default() += 1;
                }
                self.current.insert(conversation, id);
            }
        }
        let missing: BTreeSet<Uuid> =
            self.current.values().filter(|id| !self.tickets.contains_key(id)).copied().collect();
        if !missing.is_empty() {
            let rows = ticket::Entity::find()
                .filter(ticket::Column::Id.is_in(missing))
                .order_by_asc(ticket::Column::Id)
                .lock_exclusive()
                .all(tx)
                .await?;
            rows.into_iter().for_each(|row| self.track(row));
        }
        Ok(())
    }

    /// The longest due tickets that nobody has claimed, and behind them the time when the next one is due.
    async fn load_due(
        &mut self,
        tx: &DatabaseTransaction,
        limit: u64,
        running: &HashMap<Uuid, i64>,
    ) -> Result<(), DbErr> {
        let rows = query::due(self.now, limit, running)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(tx)
            .await?;
        let (due, next_due) = query::pick_due(rows, self.now, limit, running);
        self.next_due = next_due;
        for row in due {
            self.due.push(row.id);
            self.track(row);
        }
        Ok(())
    }
}

/// When the row with this UUIDv7 was made.
pub(super) fn received_at(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}
