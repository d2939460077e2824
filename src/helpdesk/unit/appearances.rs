//! Who shows what in a batch, and what was told of it.

use std::collections::{BTreeSet, HashMap};

use deskbridge_entity::{
    presence,
    presence_told::{Column, Entity, Model},
    ticket::{self, Status},
};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, Iterable, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Statement, sea_query::OnConflict,
};

use super::{Unit, commit::ROWS_PER_STATEMENT};

/// Rows that are looked at again at once.
const AT_ONCE: u64 = 500;

/// What a batch needs of what somebody shows.
#[derive(Debug, Default)]
pub(in crate::helpdesk) struct AppearanceNeeds {
    /// Bare JIDs, whosever.
    pub of: BTreeSet<String>,
    /// Also all agents' (which takes `people`), and those that are to be looked at again.
    pub again: bool,
}

/// What a batch knows of what somebody shows.
#[derive(Debug, Default)]
pub(in crate::helpdesk) struct Appearances {
    /// What was told, by bare JIDs.
    told: HashMap<String, Model>,
    /// What is known of them, the newest first.
    shown: HashMap<String, Vec<presence::Model>>,
    /// Desks at which they have live tickets.
    live: HashMap<String, BTreeSet<String>>,
    /// What is told from now on; `None` is nothing.
    changed: HashMap<String, Option<Model>>,
    /// Those whose appearance may have changed by this batch.
    pub moved: BTreeSet<String>,
}

impl Appearances {
    /// Desks at which somebody has live tickets.
    pub(in crate::helpdesk) fn live_at(&self, jid: &str) -> Vec<String> {
        self.live.get(jid).into_iter().flatten().cloned().collect()
    }

    /// What is known of a bare JID, the newest first.
    pub(in crate::helpdesk) fn shown_by(&self, jid: &str) -> &[presence::Model] {
        self.shown.get(jid).map_or(&[], Vec::as_slice)
    }

    /// What was told of somebody.
    pub(in crate::helpdesk) fn told_of(&self, jid: &str) -> Option<&Model> {
        self.told.get(jid)
    }

    /// Everybody of whom something was told.
    pub(in crate::helpdesk) fn known(&self) -> BTreeSet<String> {
        self.told.keys().cloned().collect()
    }

    /// Notes what is told of somebody from now on.
    pub(in crate::helpdesk) fn tell(&mut self, row: Model) {
        self.told.insert(row.jid.clone(), row.clone());
        self.changed.insert(row.jid.clone(), Some(row));
    }

    /// Notes what somebody shows, where it is known what it has shown.
    pub(in crate::helpdesk) fn show(&mut self, row: &presence::Model) {
        let Some(shown) = self.shown.get_mut(&row.bare) else { return };
        shown.retain(|known| known.jid != row.jid);
        shown.push(row.clone());
        // As they are read.
        shown.sort_by(|a, b| b.updated_at.cmp(&a.updated_at).then_with(|| a.jid.cmp(&b.jid)));
    }

    /// Somebody is nobody's business any more.
    pub(in crate::helpdesk) fn drop(&mut self, jid: &str) {
        if self.told.remove(jid).is_some() {
            self.changed.insert(jid.to_owned(), None);
        }
    }

    /// A customer is erased; its rows go with all others.
    pub(super) fn forget(&mut self, customer: &str) {
        self.told.remove(customer);
        self.shown.get_mut(customer).into_iter().for_each(Vec::clear);
        self.live.remove(customer);
        self.changed.remove(customer);
        self.moved.remove(customer);
    }
}

impl Unit {
    pub(super) async fn load_appearances(
        &mut self,
        tx: &DatabaseTransaction,
        needs: AppearanceNeeds,
    ) -> Result<(), DbErr> {
        let mut of = needs.of;
        if needs.again {
            let told = Entity::find().select_only().column(Column::Jid);
            let due = told.clone().filter(Column::LookAt.lte(self.now)).order_by_asc(Column::LookAt).limit(AT_ONCE);
            // Some may be agents no more.
            let agents = told.filter(Column::OnDuty.is_not_null());
            of.extend(due.into_tuple::<String>().all(tx).await?);
            of.extend(agents.into_tuple::<String>().all(tx).await?);
            of.extend(self.agents.iter().filter_map(|agent| Some(agent.jid.as_ref()?.to_string())));
        }
        if of.is_empty() {
            return Ok(());
        }
        // Under lock, so that an erasure waits for what is told, or is seen. Tickets come before all else, for everybody.
        let live: Vec<(uuid::Uuid, String, String)> = ticket::Entity::find()
            .select_only()
            .columns([ticket::Column::Id, ticket::Column::Customer, ticket::Column::Desk])
            .filter(ticket::Column::Customer.is_in(&of))
            .filter(ticket::Column::Status.is_in([Status::Open, Status::Pending, Status::Escalated]))
            .order_by_asc(ticket::Column::Id)
            .lock_exclusive()
            .into_tuple()
            .all(tx)
            .await?;
        for (_, customer, desk) in live {
            self.appearances.live.entry(customer).or_default().insert(desk);
        }
        let told = Entity::find().filter(Column::Jid.is_in(&of)).order_by_asc(Column::Jid).lock_exclusive().all(tx);
        self.appearances.told.extend(told.await?.into_iter().map(|row| (row.jid.clone(), row)));
        let shown = presence::Entity::find().filter(presence::Column::Bare.is_in(&of));
        // What one batch has written has one time.
        let shown =
            shown.order_by_desc(presence::Column::UpdatedAt).order_by_asc(presence::Column::Jid).all(tx).await?;
        self.appearances.shown.extend(of.into_iter().map(|jid| (jid, Vec::new())));
        for row in shown {
            self.appearances.shown.entry(row.bare.clone()).or_default().push(row);
        }
        Ok(())
    }

    pub(super) fn write_appearances(&mut self, statements: &mut Vec<Statement>) {
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        for (jid, row) in self.appearances.changed.drain() {
            match row {
                Some(row) => rows.push(row),
                None => gone.push(jid),
            }
        }
        // In one order, so that two processes cannot wait for each other.
        rows.sort_by(|a, b| a.jid.cmp(&b.jid));
        let mutable = Column::iter().filter(|column| !matches!(column, Column::Jid));
        let update = OnConflict::column(Column::Jid).update_columns(mutable).to_owned();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            let rows = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
            statements.push(Entity::insert_many(rows).on_conflict(update.clone()).build(self.backend));
        }
        if !gone.is_empty() {
            statements.push(Entity::delete_many().filter(Column::Jid.is_in(gone)).build(self.backend));
        }
    }
}
