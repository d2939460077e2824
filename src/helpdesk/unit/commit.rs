//! Writing what a batch has changed, by a few statements whatever its size.

use std::collections::HashSet;

use chrono::TimeDelta;
use deskbridge_entity::{attachment, audit, counter, event, hint, message, notice, presence, subscription, ticket};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    IntoActiveModel, Iterable, Order, QueryFilter, QueryTrait, Statement,
    sea_query::{Expr, ExprTrait, Func, OnConflict, Query, WindowStatement},
};

use super::{Committed, Unit, webhooks::Subscribers};
use crate::helpdesk::{counts::Written, happening, lifecycle, query::INSIDE};

/// Rows written by one statement: SQLite takes 32,766 parameters, PostgreSQL 65,535.
pub(super) const ROWS_PER_STATEMENT: usize = 500;
/// Resources that are known of one bare JID. People have a few; who invents new ones all the time loses the oldest.
const RESOURCES: i64 = 32;
/// How long it is remembered that a resource has gone.
const GONE_FOR: TimeDelta = TimeDelta::days(1);

impl Unit {
    /// Writes everything and commits.
    pub(in crate::helpdesk) async fn commit(
        mut self,
        tx: DatabaseTransaction,
        subscribers: &Subscribers,
    ) -> Result<Committed, DbErr> {
        let mut committed = Committed {
            outbox: !self.notices.is_empty() || self.new_messages.iter().any(|message| message.outbound),
            files_gone: self.files_gone,
            files: self.attachments.iter().any(|file| file.state == attachment::State::Pending),
            duty: self.duty_changed,
            presences: std::mem::take(&mut self.appearances.moved).into_iter().collect(),
            copilot: self.copilot,
            learning: self.learning,
            rooms: !self.erased.is_empty(),
            written: Written::of(&self.new_messages),
            ..Committed::default()
        };
        committed.epochs.extend(self.erased.drain(..).map(|id| (id, i64::MAX)));
        self.announce_tickets(&mut committed);
        let numbers = self.number_events(&tx, &mut committed).await?;
        let first = numbers.map_or(0, |numbers| numbers.first);
        self.number_notices(&tx).await?;
        execute(&tx, std::mem::take(&mut self.hooks.statements)).await?;
        let known = match numbers {
            Some(numbers) => Some(subscribers.at(&tx, numbers.webhooks).await?),
            None => None,
        };
        let deliveries = known.as_ref().map_or_else(Vec::new, |(_, known)| self.deliveries(first, known));
        committed.webhooks = self.hooks.rings || !deliveries.is_empty();
        let mut statements = std::mem::take(&mut self.first);
        self.write_tickets(&mut statements);
        self.write_events(first, &mut statements);
        self.write_messages(&mut statements);
        self.write_notices(&mut statements);
        self.write_attachments(&mut statements);
        self.write_presence(&mut statements);
        self.write_appearances(&mut statements);
        self.write_hints(&mut statements);
        self.write_calls(&mut statements);
        self.write_feed(&mut statements);
        self.write_deliveries(deliveries, &mut statements);
        self.write_deeds(&mut statements);
        statements.append(&mut self.statements);
        execute(&tx, statements).await?;
        tx.commit().await?;
        if let Some(known) = known {
            subscribers.keep(known);
        }
        Ok(committed)
    }

    fn announce_tickets(&mut self, committed: &mut Committed) {
        let mut events = Vec::new();
        for tracked in self.tickets.values().filter(|tracked| tracked.changed) {
            let row = &tracked.row;
            committed.rooms |= row.room.is_some();
            if row.epoch != tracked.epoch_before {
                committed.epochs.push((row.id, row.epoch));
            }
            if row.reply_lease_until.is_none()
                && let Some(at) = row.reply_due_at
            {
                committed.reply_due_at = Some(committed.reply_due_at.map_or(at, |earlier| Ord::min(earlier, at)));
            }
            let mut data = serde_json::json!({
                "desk": row.desk,
                "status": sea_orm::ActiveEnum::to_value(&row.status),
                "handler": sea_orm::ActiveEnum::to_value(&row.handler),
                "priority": sea_orm::ActiveEnum::to_value(&row.priority),
                "version": row.version,
                "shown_version": row.shown_version,
            });
            if row.shown_version == tracked.shown_before {
                data[INSIDE] = true.into();
            }
            let names = happening::names(tracked.before, (row.status, row.handler));
            events.push((tracked.announced, row.id, data, names));
        }
        if let Some(at) = self.moved_due {
            committed.reply_due_at = Some(committed.reply_due_at.map_or(at, |earlier| Ord::min(earlier, at)));
        }
        for (announced, id, data, names) in events {
            let place = announced.unwrap_or(self.events.len());
            if announced.is_none() {
                self.event("ticket.updated", Some(id), None, data);
            } else {
                self.events[place].data = data;
            }
            self.events[place].told_as = names;
        }
    }

    fn write_tickets(&self, statements: &mut Vec<Statement>) {
        let mut changed: Vec<_> = self.tickets.values().filter(|t| t.changed).map(|t| &t.row).collect();
        // What ends before what begins: a conversation has one live ticket at any time.
        changed.sort_by_key(|row| lifecycle::is_live(row.status));
        for chunk in changed.chunks(ROWS_PER_STATEMENT) {
            let rows = chunk.iter().map(|&row| sparse(row.clone().into_active_model()));
            use ticket::Column::{CreatedAt, Customer, Desk, Id, PreviousTicketId, ShortId};
            // What never changes is left out: every index on a column that is written costs its part.
            let mutable = ticket::Column::iter()
                .filter(|column| !matches!(column, Id | ShortId | Desk | Customer | PreviousTicketId | CreatedAt));
            let update = OnConflict::column(Id).update_columns(mutable).to_owned();
            statements.push(ticket::Entity::insert_many(rows).on_conflict(update).build(self.backend));
        }
    }

    /// Numbers the events, and messages by their events.
    async fn number_events(
        &mut self,
        tx: &DatabaseTransaction,
        committed: &mut Committed,
    ) -> Result<Option<Numbers>, DbErr> {
        let webhooks_change = !self.hooks.statements.is_empty();
        let Some(numbers) = take_numbers(tx, "event", self.events.len(), webhooks_change).await? else {
            return Ok(None);
        };
        for (message, index) in self.new_messages.iter_mut().zip(&self.message_events) {
            message.seq = numbers.first + i64::try_from(*index).unwrap_or(i64::MAX);
        }
        committed.last_seq = Some(numbers.last);
        Ok(Some(numbers))
    }

    async fn number_notices(&mut self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let Some(numbers) = take_numbers(tx, "notice", self.notices.len(), false).await? else { return Ok(()) };
        for (seq, notice) in (numbers.first..).zip(&mut self.notices) {
            notice.seq = seq;
        }
        Ok(())
    }

    fn write_events(&mut self, first: i64, statements: &mut Vec<Statement>) {
        let now = self.now;
        let rows: Vec<event::ActiveModel> = (first..)
            .zip(self.events.drain(..))
            .map(|(seq, pending)| event::Model {
                seq,
                kind: pending.kind.to_owned(),
                ticket_id: pending.ticket_id,
                message_id: pending.message_id,
                data: pending.data,
                created_at: now,
            })
            .map(|row| sparse(row.into_active_model()))
            .collect();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            statements.push(event::Entity::insert_many(chunk.to_vec()).build(self.backend));
        }
    }

    fn write_messages(&self, statements: &mut Vec<Statement>) {
        for chunk in self.new_messages.chunks(ROWS_PER_STATEMENT) {
            let rows = chunk.iter().cloned().map(|row| sparse(row.into_active_model()));
            statements.push(message::Entity::insert_many(rows).build(self.backend));
        }
    }

    fn write_notices(&self, statements: &mut Vec<Statement>) {
        for chunk in self.notices.chunks(ROWS_PER_STATEMENT) {
            let rows = chunk.iter().cloned().map(|row| sparse(row.into_active_model()));
            statements.push(notice::Entity::insert_many(rows).build(self.backend));
        }
    }

    fn write_attachments(&self, statements: &mut Vec<Statement>) {
        for chunk in self.attachments.chunks(ROWS_PER_STATEMENT) {
            let rows = chunk.iter().cloned().map(|row| sparse(row.into_active_model()));
            statements.push(attachment::Entity::insert_many(rows).build(self.backend));
        }
    }

    fn write_deeds(&mut self, statements: &mut Vec<Statement>) {
        let rows: Vec<_> = self.deeds.drain(..).map(|row| sparse(row.into_active_model())).collect();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            statements.push(audit::Entity::insert_many(chunk.to_vec()).build(self.backend));
        }
    }

    fn write_hints(&mut self, statements: &mut Vec<Statement>) {
        let rows: Vec<_> =
            self.hints.drain().filter_map(|(_, row)| row).map(IntoActiveModel::into_active_model).collect();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            // Another process may have said it at the same moment.
            let keep = OnConflict::columns([hint::Column::Desk, hint::Column::Jid]).do_nothing().to_owned();
            statements.push(hint::Entity::insert_many(chunk.to_vec()).on_conflict(keep).build(self.backend));
        }
    }

    fn write_presence(&mut self, statements: &mut Vec<Statement>) {
        let resources = self.presences.values().filter(|row| row.jid != row.bare);
        let with_resources: HashSet<String> = resources.map(|row| row.bare.clone()).collect();
        let rows: Vec<_> = self.presences.drain().map(|(_, row)| row.into_active_model()).collect();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            let mutable = presence::Column::iter().filter(|c| !matches!(c, presence::Column::Jid));
            let update = OnConflict::column(presence::Column::Jid).update_columns(mutable).to_owned();
            statements.push(presence::Entity::insert_many(chunk.to_vec()).on_conflict(update).build(self.backend));
        }
        if !with_resources.is_empty() {
            statements.push(self.forget_resources(with_resources));
        }
        let mut begun = Vec::new();
        for (key, row) in self.subscriptions.drain() {
            match row {
                Some(row) => begun.push(row.into_active_model()),
                None => statements.push(subscription::Entity::delete_by_id(key).build(self.backend)),
            }
        }
        if !begun.is_empty() {
            let key = [subscription::Column::Desk, subscription::Column::Jid];
            let keep = OnConflict::columns(key).do_nothing().to_owned();
            statements.push(subscription::Entity::insert_many(begun).on_conflict(keep).build(self.backend));
        }
    }

    /// Forgets the resources of these bare JIDs that are too many or long gone. They are looked up by index, and are
    /// few because this runs whenever one is added.
    fn forget_resources(&self, of: HashSet<String>) -> Statement {
        use presence::Column::{Available, Bare, Jid, UpdatedAt};
        // Some clients have a new resource with each login: those that have gone go first.
        let by_worth = WindowStatement::partition_by(Bare)
            .order_by(Available, Order::Desc)
            .order_by(UpdatedAt, Order::Desc)
            .order_by(Jid, Order::Asc)
            .take();
        let ranked = Query::select()
            .columns([Jid, Available, UpdatedAt])
            .expr_window_as(Func::cust("ROW_NUMBER"), by_worth, "place")
            .from(presence::Entity)
            .and_where(Bare.is_in(of))
            // What was told of the bare JID itself is no resource.
            .and_where(Expr::col(Jid).ne(Expr::col(Bare)))
            .take();
        let gone = Expr::col(Available).eq(false).and(Expr::col(UpdatedAt).lt(self.now - GONE_FOR));
        let superfluous = Query::select()
            .column(Jid)
            .from_subquery(ranked, "ranked")
            .cond_where(Condition::any().add(Expr::col("place").gt(RESOURCES)).add(gone))
            .take();
        presence::Entity::delete_many().filter(Jid.in_subquery(superfluous)).build(self.backend)
    }
}

/// Numbers of a counter, the first and the last.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    first: i64,
    last: i64,
    /// The number of changes that webhooks have seen, with this batch's.
    webhooks: i64,
}

/// Takes the next `count` numbers of a counter. Its row stays locked until the commit, so numbers are in commit order.
async fn take_numbers(
    tx: &DatabaseTransaction,
    name: &str,
    count: usize,
    webhooks_change: bool,
) -> Result<Option<Numbers>, DbErr> {
    if count == 0 {
        return Ok(None);
    }
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut update = counter::Entity::update_many()
        .col_expr(counter::Column::Value, Expr::col(counter::Column::Value).add(count))
        .filter(counter::Column::Name.eq(name));
    if webhooks_change {
        update = update.col_expr(counter::Column::Webhooks, Expr::col(counter::Column::Webhooks).add(1));
    }
    let rows = update.exec_with_returning(tx).await?;
    let row = rows.first().ok_or_else(|| DbErr::RecordNotFound(format!("the counter '{name}' is missing")))?;
    Ok(Some(Numbers { first: row.value - count + 1, last: row.value, webhooks: row.webhooks }))
}

/// Executes statements in order. SQLite takes them as one: each call is two hops between threads, which at rest
/// cost more than the statements do. PostgreSQL takes no values with more than one.
async fn execute(tx: &DatabaseTransaction, statements: Vec<Statement>) -> Result<(), DbErr> {
    if tx.get_database_backend() != DbBackend::Sqlite || statements.len() < 2 {
        for statement in statements {
            tx.execute_raw(statement).await?;
        }
        return Ok(());
    }
    let mut sql = String::new();
    let mut values = Vec::new();
    for statement in statements {
        sql.push_str(&statement.sql);
        sql.push(';');
        values.extend(statement.values.into_iter().flat_map(|values| values.0));
    }
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)).await?;
    Ok(())
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
