//! What time does to tickets. Each is looked at again under lock: what changed meanwhile is left alone.

use deskbridge_entity::{
    message::Author,
    ticket::{Handler, Status},
    token_count,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    hand_off::{tell_on_duty, waits},
    outbound,
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
    /// Looked at and left alone for now.
    pub postponed: u64,
}

impl Swept {
    /// How many tickets it has looked at.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.nudged + self.resolved + self.closed + self.timed_out + self.woken + self.postponed
    }

    /// Adds what another part of the sweep did.
    pub fn add(&mut self, other: Self) {
        self.nudged += other.nudged;
        self.resolved += other.resolved;
        self.closed += other.closed;
        self.timed_out += other.timed_out;
        self.woken += other.woken;
        self.postponed += other.postponed;
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
