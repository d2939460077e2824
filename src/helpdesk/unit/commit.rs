//! Writing what a batch has changed, by a few statements whatever its size.

use deskbridge_entity::{counter, event, message, presence, subscription, ticket};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, Iterable, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{Committed, Unit};

/// Rows written by one statement: SQLite takes 32,766 parameters, PostgreSQL 65,535.
const ROWS_PER_STATEMENT: usize = 500;

impl Unit {
    /// Writes everything and commits.
    pub(in crate::helpdesk) async fn commit(mut self, tx: DatabaseTransaction) -> Result<Committed, DbErr> {
        let mut committed = Committed { outbox: self.new_messages.iter().any(|m| m.outbound), ..Committed::default() };
        self.announce_tickets(&mut committed);
        for statement in std::mem::take(&mut self.leases) {
            sea_orm::ConnectionTrait::execute_raw(&tx, statement).await?;
        }
        self.write_tickets(&tx).await?;
        self.write_events(&tx, &mut committed).await?;
        for chunk in self.new_messages.chunks(ROWS_PER_STATEMENT) {
            let rows = chunk.iter().cloned().map(|row| sparse(row.into_active_model()));
            message::Entity::insert_many(rows).exec_without_returning(&tx).await?;
        }
        self.write_presence(&tx).await?;
        for statement in std::mem::take(&mut self.statements) {
            sea_orm::ConnectionTrait::execute_raw(&tx, statement).await?;
        }
        tx.commit().await?;
        Ok(committed)
    }

    fn announce_tickets(&mut self, committed: &mut Committed) {
        let mut events = Vec::new();
        for tracked in self.tickets.values().filter(|tracked| tracked.changed) {
            let row = &tracked.row;
            if row.epoch != tracked.epoch_before {
                committed.epochs.push((row.id, row.epoch));
            }
            if row.reply_lease_until.is_none()
                && let Some(at) = row.reply_due_at
            {
                committed.reply_due_at = Some(committed.reply_due_at.map_or(at, |earlier| Ord::min(earlier, at)));
            }
            let data = serde_json::json!({
                "desk": row.desk,
                "status": sea_orm::ActiveEnum::to_value(&row.status),
                "handler": sea_orm::ActiveEnum::to_value(&row.handler),
                "priority": sea_orm::ActiveEnum::to_value(&row.priority),
                "version": row.version,
            });
            events.push((tracked.announced, row.id, data));
        }
        for (announced, id, data) in events {
            match announced {
                Some(place) => self.events[place].data = data,
                None => self.event("ticket.updated", Some(id), None, data),
            }
        }
    }

    async fn write_tickets(&self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let changed: Vec<_> = self.tickets.values().filter(|t| t.changed).map(|t| &t.row).collect();
        for chunk in changed.chunks(ROWS_PER_STATEMENT) {
            let rows = chunk.iter().map(|&row| sparse(row.clone().into_active_model()));
            use ticket::Column::{CreatedAt, Customer, Desk, Id, PreviousTicketId};
            // What never changes is left out: every index on a column that is written costs its part.
            let mutable = ticket::Column::iter()
                .filter(|column| !matches!(column, Id | Desk | Customer | PreviousTicketId | CreatedAt));
            ticket::Entity::insert_many(rows)
                .on_conflict(OnConflict::column(Id).update_columns(mutable).to_owned())
                .exec_without_returning(tx)
                .await?;
        }
        Ok(())
    }

    /// Numbers the events. The counter's row stays locked until the commit, so numbers are in commit order.
    async fn write_events(&mut self, tx: &DatabaseTransaction, committed: &mut Committed) -> Result<(), DbErr> {
        if self.events.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(self.events.len()).unwrap_or(i64::MAX);
        let last = counter::Entity::update_many()
            .col_expr(counter::Column::Value, Expr::col(counter::Column::Value).add(count))
            .filter(counter::Column::Name.eq("event"))
            .exec_with_returning(tx)
            .await?
            .first()
            .map(|row| row.value)
            .ok_or_else(|| DbErr::RecordNotFound("the counter 'event' is missing".to_owned()))?;
        let first = last - count + 1;
        for (message, index) in self.new_messages.iter_mut().zip(&self.message_events) {
            message.seq = first + i64::try_from(*index).unwrap_or(i64::MAX);
        }
        let now = self.now;
        let rows: Vec<event::ActiveModel> = (first..)
            .zip(self.events.drain(..))
            .map(|(seq, pending)| {
                event::Model {
                    seq,
                    kind: pending.kind.to_owned(),
                    ticket_id: pending.ticket_id,
                    message_id: pending.message_id,
                    data: pending.data,
                    created_at: now,
                }
                .into_active_model()
            })
            .map(sparse)
            .collect();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            event::Entity::insert_many(chunk.to_vec()).exec_without_returning(tx).await?;
        }
        committed.last_seq = Some(last);
        Ok(())
    }

    async fn write_presence(&mut self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let rows: Vec<_> = self.presences.drain().map(|(_, row)| row.into_active_model()).collect();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            presence::Entity::insert_many(chunk.to_vec())
                .on_conflict(
                    OnConflict::column(presence::Column::Jid)
                        .update_columns(presence::Column::iter().filter(|c| !matches!(c, presence::Column::Jid)))
                        .to_owned(),
                )
                .exec_without_returning(tx)
                .await?;
        }
        let mut begun = Vec::new();
        for ((desk, jid), row) in self.subscriptions.drain() {
            match row {
                Some(row) => begun.push(row.into_active_model()),
                None => {
                    subscription::Entity::delete_by_id((desk, jid)).exec(tx).await?;
                }
            }
        }
        if !begun.is_empty() {
            let key = [subscription::Column::Desk, subscription::Column::Jid];
            subscription::Entity::insert_many(begun)
                .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
                .exec_without_returning(tx)
                .await?;
        }
        Ok(())
    }
}

/// Leaves NULLs out. A statement names only the columns that one of its rows has; most rows have few, and every
/// value bound costs its part.
fn sparse<A: ActiveModelTrait>(mut row: A) -> A {
    for column in <A::Entity as EntityTrait>::Column::iter() {
        match row.take(column).into_value() {
            Some(value) if value != value.as_null() => row.set(column, value),
            _ => {}
        }
    }
    row
}
