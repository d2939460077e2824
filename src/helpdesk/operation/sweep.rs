//! What time does to tickets. Each is looked at again under lock: what changed meanwhile is left alone.

use chrono::{DateTime, TimeDelta, Utc};
use deskbridge_entity::{
    event,
    message::Author,
    notice,
    ticket::{Handler, Status},
    token_count,
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::{
    hand_off::{tell_on_duty, tell_waits, waits},
    keep, outbound,
    staff::{requeue, resolve},
};
use crate::helpdesk::{
    Error,
    lifecycle::{self, Resolution, Step},
    unit::{Needs, Unit},
    usage::customers_day,
    writer::Operation,
};

/// How many tickets a sweep has changed, by what it did to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Asked whether anything is left.
    pub nudged: u64,
    /// Resolved because nobody wrote any more.
    pub resolved: u64,
    /// Closed because the reopen window is over.
    pub closed: u64,
    /// Back in the queue because an agent did not answer.
    pub timed_out: u64,
    /// Back from a snooze.
    pub woken: u64,
    /// Told to agents, later than at once.
    pub told: u64,
    /// Looked at and left alone for now.
    pub postponed: u64,
    /// Gone, because they were closed longer ago than the desk keeps them.
    pub forgotten: u64,
}

impl Swept {
    /// How many tickets it has looked at, and how many are gone.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.nudged
            + self.resolved
            + self.closed
            + self.timed_out
            + self.woken
            + self.told
            + self.postponed
            + self.forgotten
    }

    /// Adds what another part of the sweep did.
    pub fn add(&mut self, other: Self) {
        self.nudged += other.nudged;
        self.resolved += other.resolved;
        self.closed += other.closed;
        self.timed_out += other.timed_out;
        self.woken += other.woken;
        self.told += other.told;
        self.postponed += other.postponed;
        self.forgotten += other.forgotten;
    }
}

/// Does what is due by time to at most `limit` tickets.
pub(in crate::helpdesk) struct Sweep {
    pub limit: u64,
}

impl Operation for Sweep {
    type Output = Swept;

    fn needs(&self, needs: &mut Needs) {
        needs.steps += self.limit;
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        purge_notices(unit);
        forget_presences(unit);
        keep::purge(unit);
        // Of a customer's days only this one is of use.
        let (scope, today, _) = customers_day(unit.now, "");
        let over = token_count::Entity::delete_many().filter(token_count::Column::Scope.eq(scope));
        unit.run(&over.filter(token_count::Column::Period.lt(today)));
        for id in std::mem::take(&mut unit.steps) {
            let Some(row) = unit.ticket(id).cloned() else { continue };
            let desk = unit.desk(&row.desk);
            let step = lifecycle::next_step(&row, &desk.rules).filter(|(_, at)| *at <= unit.now);
            match step.map(|(step, _)| step) {
                Some(Step::Nudge) => {
                    unit.change(id, |row, now| row.nudged_at = Some(now));
                    unit.say(outbound(id, Author::System, desk.texts.nudge(), unit.now));
                    swept.nudged += 1;
                }
                Some(Step::ResolveIdle) => {
                    resolve(unit, &row, Resolution::Idle);
                    swept.resolved += 1;
                }
                Some(Step::Close) => {
                    unit.change(id, lifecycle::closed);
                    swept.closed += 1;
                }
                Some(Step::TimeOut) => {
                    requeue(unit, &row, "the agent who had it did not answer in time");
                    swept.timed_out += 1;
                }
                Some(Step::Tell) => {
                    tell_waits(unit, id);
                    swept.told += 1;
                }
                Some(Step::Wake) => {
                    wake(unit, &row);
                    swept.woken += 1;
                }
                // The desk's times have changed, or something happened in the same batch.
                None => {
                    unit.reschedule(id);
                    swept.postponed += 1;
                }
            }
        }
        Ok(swept)
    }
}

/// How long what agents were told is kept after it was made, for looking into what went wrong.
const NOTICES_KEPT: TimeDelta = TimeDelta::days(7);
/// Notices that one part of a sweep removes.
const PURGED_AT_ONCE: u64 = 1000;

/// Removes old notices that were sent, the oldest first. Their ids are in the order of their making, so the oldest are at
/// the beginning of an index that is there anyway.
fn purge_notices(unit: &mut Unit) {
    let old = notice::Entity::find()
        .select_only()
        .column(notice::Column::Id)
        .filter(notice::Column::Id.lt(first_id_at(unit.now - NOTICES_KEPT)))
        .filter(notice::Column::SentAt.is_not_null())
        .order_by_asc(notice::Column::Id)
        .limit(PURGED_AT_ONCE);
    unit.run(&notice::Entity::delete_many().filter(notice::Column::Id.in_subquery(QueryTrait::into_query(old))));
}

/// How long the event log says who was there: as long as a delivery to a webhook may take, with all of its tries.
const PRESENCES_KEPT: TimeDelta = TimeDelta::days(7);

/// Empties old events of who is there: nobody can act on them, and together they tell how somebody lives. The oldest stand at
/// the beginning of an index of their own, out of which they fall by their new kind.
fn forget_presences(unit: &mut Unit) {
    use event::Column::{CreatedAt, Data, Kind, Seq};
    let oldest = event::Entity::find()
        .select_only()
        .columns([Seq, CreatedAt])
        .filter(Kind.eq("presence.updated"))
        .order_by_asc(Seq)
        .limit(PURGED_AT_ONCE);
    let old = Query::select()
        .column(Seq)
        .from_subquery(QueryTrait::into_query(oldest), Alias::new("oldest"))
        .and_where(Expr::col(CreatedAt).lt(unit.now - PRESENCES_KEPT))
        .take();
    unit.run(
        &event::Entity::update_many()
            .col_expr(Kind, Expr::value("presence.forgotten"))
            .col_expr(Data, Expr::value(serde_json::json!({})))
            .filter(Seq.in_subquery(old)),
    );
}

/// Below every UUIDv7 that was made at this time or later (RFC 9562 §5.7: it begins with the milliseconds).
fn first_id_at(at: DateTime<Utc>) -> Uuid {
    Uuid::from_u128(u128::try_from(at.timestamp_millis()).unwrap_or_default() << 80)
}

/// A snooze is over: who had the ticket owes the next step, and is told.
fn wake(unit: &mut Unit, row: &deskbridge_entity::ticket::Model) {
    unit.change(row.id, |row, now| {
        row.snoozed_until = None;
        row.nudged_at = None;
        if row.handler == Handler::Agent {
            row.status = Status::Open;
            row.claimed_at = Some(now);
        }
    });
    if row.status == Status::Escalated {
        return tell_on_duty(unit, row.id, None, waits);
    }
    if let Some(jid) = unit.holder(row).and_then(|agent| agent.jid.clone()) {
        unit.tell(&jid, row.id, None, format!("The snooze is over: {} ({})", row.subject, row.customer));
    }
}
