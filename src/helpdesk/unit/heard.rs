//! Commands count once: a stanza that comes again does nothing.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use deskbridge_entity::{heard, opening, ticket};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::OnConflict,
};

use super::{
    Conversation, Unit,
    load::{DAY, REMEMBERED, received_at},
};
use crate::helpdesk::{Error, lifecycle, usage::customer_key};

impl Unit {
    /// Carries out what a stanza asks for, unless one of its `keys` is known. What fails may be asked for again.
    pub(in crate::helpdesk) fn once<T>(
        &mut self,
        keys: &[String],
        apply: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if keys.iter().any(|key| self.heard.contains(key)) {
            return Err(Error::Repeated);
        }
        let done = apply(self)?;
        if !keys.is_empty() {
            self.remember(keys);
        }
        Ok(done)
    }

    fn remember(&mut self, keys: &[String]) {
        self.heard.extend(keys.iter().cloned());
        let now = self.now;
        let rows = keys.iter().map(|key| heard::Model { key: key.clone(), heard_at: now }.into_active_model());
        let again = OnConflict::column(heard::Column::Key).update_column(heard::Column::HeardAt).to_owned();
        self.run(&heard::Entity::insert_many(rows).on_conflict(again));
        // Here, because it is the only place where they become more.
        self.run(&heard::Entity::delete_many().filter(heard::Column::HeardAt.lt(now - REMEMBERED)));
    }

    pub(super) async fn load_heard(&mut self, tx: &DatabaseTransaction, keys: HashSet<String>) -> Result<(), DbErr> {
        let known = heard::Entity::find().filter(heard::Column::Key.is_in(keys));
        let known = known.filter(heard::Column::HeardAt.gte(self.now - REMEMBERED)).all(tx).await?;
        self.heard.extend(known.into_iter().map(|row| row.key));
        Ok(())
    }

    /// Notes what a customer who is about to be erased has opened within a day, under a hash: the limit stands.
    pub(in crate::helpdesk) fn keep_openings(&mut self, customer: &str) {
        let now = self.now;
        let rows = self.tickets.values().map(|tracked| &tracked.row).filter(|row| row.customer == customer);
        let opened: Vec<_> = rows.filter_map(|row| opened_lately(row, now)).collect();
        if opened.is_empty() {
            return;
        }
        let mut opened: Vec<_> = opened.into_iter().map(|(row, at)| (at, row.id, row.desk.clone())).collect();
        opened.sort_unstable();
        for (at, _, desk) in &opened {
            self.count_told((desk.clone(), customer.to_owned()), *at);
        }
        let rows = opened.into_iter().map(|(opened_at, id, desk)| {
            opening::Model { id, desk, customer: customer_key(customer), opened_at }.into_active_model()
        });
        let insert = opening::Entity::insert_many(rows.collect::<Vec<_>>());
        self.run(&insert);
        self.run(&opening::Entity::delete_many().filter(opening::Column::OpenedAt.lt(now - DAY)));
    }

    /// Counts what was erased among the tickets that these had lately.
    pub(super) async fn load_openings(
        &mut self,
        tx: &DatabaseTransaction,
        conversations: &[&Conversation],
    ) -> Result<(), DbErr> {
        let hashes: HashSet<String> = conversations.iter().map(|(_, customer)| customer_key(customer)).collect();
        let rows = opening::Entity::find()
            .filter(opening::Column::Customer.is_in(hashes))
            .filter(opening::Column::OpenedAt.gt(self.now - DAY))
            .order_by_asc(opening::Column::OpenedAt)
            .all(tx)
            .await?;
        for conversation in conversations.iter().filter(|_| !rows.is_empty()) {
            let hash = customer_key(&conversation.1);
            for row in rows.iter().filter(|row| row.desk == conversation.0 && row.customer == hash) {
                let count = self.opened_lately.entry((*conversation).clone()).or_default();
                *count = count.saturating_add(1);
                self.count_told((*conversation).clone(), row.opened_at);
            }
        }
        Ok(())
    }

    /// How often agents were told of what was erased nobody knows any more: once of each ticket.
    fn count_told(&mut self, conversation: Conversation, at: DateTime<Utc>) {
        let until = self.told_before_erasing(&conversation);
        self.told_before_erasing.insert(conversation, lifecycle::told_until(until, at));
    }

    /// Until when notices count of what was erased of a conversation.
    pub(in crate::helpdesk) fn told_before_erasing(&self, conversation: &Conversation) -> Option<DateTime<Utc>> {
        self.told_before_erasing.get(conversation).copied()
    }
}

fn opened_lately(row: &ticket::Model, now: DateTime<Utc>) -> Option<(&ticket::Model, DateTime<Utc>)> {
    received_at(row.id).filter(|at| now - *at < DAY).map(|at| (row, at))
}
