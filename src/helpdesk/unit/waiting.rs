//! How many tickets wait for a person, as far as a batch must know: those that are not snoozed, by desk and priority.
//! It is the order of `query::queue`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use deskbridge_entity::ticket::{self, Priority, Status};
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QuerySelect};

use super::Unit;
use crate::helpdesk::{Agent, Desk, agents, query, texts::Wait};

/// Tickets that an agent who comes on duty is told of by themselves.
const TOLD_ONE_BY_ONE: u64 = 5;

/// By desk: how many of each priority.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    desks: HashMap<String, [u64; 4]>,
}

/// The priority with which a ticket waits, if it does.
pub(super) fn place_of(row: &ticket::Model, now: DateTime<Utc>) -> Option<Priority> {
    let is_awake = row.snoozed_until.is_none_or(|until| until <= now);
    (row.status == Status::Escalated && is_awake).then_some(row.priority)
}

impl Waiting {
    /// A ticket of the desk has changed its place.
    pub(super) fn moved(&mut self, desk: &str, from: Option<Priority>, to: Option<Priority>) {
        if from == to {
            return;
        }
        let counts = self.desks.entry(desk.to_owned()).or_default();
        if let Some(priority) = from {
            counts[priority as usize] = counts[priority as usize].saturating_sub(1);
        }
        if let Some(priority) = to {
            counts[priority as usize] += 1;
        }
    }

    /// How many are taken before one that begins to wait now.
    fn before(&self, desk: &str, priority: Priority) -> u64 {
        self.desks.get(desk).map_or(0, |counts| counts[priority as usize..].iter().sum())
    }
}

impl Unit {
    pub(super) async fn load_waiting(&mut self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let counts: Vec<(String, Priority, i64)> = query::waiting(ticket::Entity::find(), self.now)
            .select_only()
            .columns([ticket::Column::Desk, ticket::Column::Priority])
            .column_as(ticket::Column::Id.count(), "waiting")
            .group_by(ticket::Column::Desk)
            .group_by(ticket::Column::Priority)
            .into_tuple()
            .all(tx)
            .await?;
        for (desk, priority, count) in counts {
            self.waiting.desks.entry(desk).or_default()[priority as usize] = count.try_into().unwrap_or_default();
        }
        Ok(())
    }

    /// What waits for an agent who may come on duty, as far as it is told one by one. Who is there already may go and come in
    /// this very batch.
    pub(super) async fn load_queue(&mut self, tx: &DatabaseTransaction, jid: &str) -> Result<(), DbErr> {
        let comes = |agent: &&Agent| agent.jid.as_ref().is_some_and(|own| own.as_str() == jid);
        let Some(agent) = self.agents.iter().find(comes) else { return Ok(()) };
        let desks: Vec<String> = self.waiting_at(agent).into_iter().map(|(desk, _)| desk).collect();
        if desks.is_empty() {
            return Ok(());
        }
        let rows = query::first_in_queue(&desks, self.now, TOLD_ONE_BY_ONE).all(tx).await?;
        self.queues.insert(agent.id.clone(), rows);
        Ok(())
    }

    /// The first tickets that wait for an agent who comes, as they are now.
    pub(in crate::helpdesk) fn queue_of(&self, agent: &str) -> Vec<ticket::Model> {
        let rows = self.queues.get(agent).into_iter().flatten().filter(|row| !self.erased.contains(&row.id));
        let rows = rows.map(|row| self.ticket(row.id).unwrap_or(row));
        rows.filter(|row| place_of(row, self.now).is_some()).cloned().collect()
    }

    /// What a customer can be told whose ticket is about to wait. Needs `people`.
    pub(in crate::helpdesk) fn wait<'a>(&self, desk: &'a Desk, row: &ticket::Model) -> Wait<'a> {
        // Of a desk whose people use nothing but REST, nobody knows who is there.
        let on_duty = agents::on_duty(&self.agents, &desk.name).unwrap_or(true);
        // One that has waited before comes before its equals; how many of them is not counted here.
        let is_last = row.waiting_since.is_none();
        let ahead = is_last.then(|| self.waiting.before(&desk.name, row.priority));
        Wait { ahead, hours: &desk.hours, now: self.now, on_duty, assistant: desk.assistant }
    }

    /// The desks of an agent where somebody waits, and how many do.
    pub(in crate::helpdesk) fn waiting_at(&self, agent: &Agent) -> Vec<(String, u64)> {
        let counted = self.waiting.desks.iter().map(|(desk, counts)| (desk, counts.iter().sum::<u64>()));
        let served = counted.filter(|(desk, waiting)| *waiting > 0 && agent.serves(desk));
        let mut served: Vec<_> = served.map(|(desk, waiting)| (desk.clone(), waiting)).collect();
        served.sort_unstable();
        served
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_behind_all_that_are_as_urgent_or_more() {
        let mut waiting = Waiting::default();
        for (desk, priority) in [
            ("support", Priority::Low),
            ("support", Priority::Normal),
            ("support", Priority::Urgent),
            ("billing", Priority::High),
        ] {
            waiting.moved(desk, None, Some(priority));
        }
        let before = |waiting: &Waiting, priority| waiting.before("support", priority);
        assert_eq!(before(&waiting, Priority::Low), 3);
        assert_eq!(before(&waiting, Priority::Normal), 2);
        assert_eq!(before(&waiting, Priority::High), 1);
        waiting.moved("support", Some(Priority::Low), Some(Priority::High));
        assert_eq!((before(&waiting, Priority::High), before(&waiting, Priority::Low)), (2, 3));
        waiting.moved("support", Some(Priority::Urgent), None);
        assert_eq!((before(&waiting, Priority::Urgent), before(&waiting, Priority::Low)), (0, 2));
    }
}
