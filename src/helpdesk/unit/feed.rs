//! The XMPP server's rooms and occupants in a batch.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use deskbridge_entity::{server_occupant, server_room};
use jid::{BareJid, Jid};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, Iterable, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Statement,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::{Unit, commit::ROWS_PER_STATEMENT};

/// What a batch needs of the feed.
#[derive(Debug, Default)]
pub(in crate::helpdesk) struct FeedNeeds {
    pub sessions: BTreeSet<String>,
    /// Addresses whose open room matters.
    pub rooms: BTreeSet<String>,
    /// Addresses of occupants that matter in those rooms.
    occupants: BTreeSet<String>,
}

impl FeedNeeds {
    pub(in crate::helpdesk) fn occupant(&mut self, room: &BareJid, jid: &Jid) {
        self.rooms.insert(room.to_string());
        self.occupants.insert(jid.to_string());
    }
}

/// A row, and whether it is to be written.
type Row<M> = (M, bool);

/// What a batch knows of the feed.
#[derive(Debug, Default)]
pub(in crate::helpdesk) struct Feed {
    rooms: HashMap<Uuid, Row<server_room::Model>>,
    occupants: HashMap<(Uuid, String), Row<server_occupant::Model>>,
}

fn is_open(room: &server_room::Model) -> bool {
    room.created_at.is_some() && room.ended_at.is_none()
}

impl Feed {
    pub(super) async fn load(&mut self, tx: &DatabaseTransaction, needs: FeedNeeds) -> Result<(), DbErr> {
        use server_room::Column::{CreatedAt, EndedAt, Id, Jid, Session};
        if needs.sessions.is_empty() && needs.rooms.is_empty() {
            return Ok(());
        }
        let open = Condition::all().add(Jid.is_in(needs.rooms)).add(CreatedAt.is_not_null()).add(EndedAt.is_null());
        let rows = server_room::Entity::find()
            .filter(Condition::any().add(Session.is_in(needs.sessions)).add(open))
            .order_by_asc(Id)
            .lock_exclusive()
            .all(tx)
            .await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        self.rooms.extend(rows.into_iter().map(|row| (row.id, (row, false))));
        if ids.is_empty() || needs.occupants.is_empty() {
            return Ok(());
        }
        let rows = server_occupant::Entity::find()
            .filter(server_occupant::Column::RoomId.is_in(ids))
            .filter(server_occupant::Column::Jid.is_in(needs.occupants))
            .all(tx)
            .await?;
        self.occupants.extend(rows.into_iter().map(|row| ((row.room_id, row.jid.clone()), (row, false))));
        Ok(())
    }

    pub(in crate::helpdesk) fn session(&self, session: &str) -> Option<&server_room::Model> {
        self.rooms.values().map(|(row, _)| row).find(|row| row.session == session)
    }

    /// The room that there is at an address.
    pub(in crate::helpdesk) fn open_at(&self, jid: &str) -> Option<&server_room::Model> {
        self.rooms.values().map(|(row, _)| row).find(|row| row.jid == jid && is_open(row))
    }

    pub(in crate::helpdesk) fn in_room(&self, room: Uuid, jid: &str) -> Option<&server_occupant::Model> {
        self.occupants.get(&(room, jid.to_owned())).map(|(row, _)| row)
    }

    /// The address of somebody who was, or is, in one of the rooms.
    pub(super) fn bare_of(&self, occupant: Uuid) -> Option<String> {
        self.occupants.values().find(|(row, _)| row.id == occupant).map(|(row, _)| row.bare.clone())
    }

    pub(in crate::helpdesk) fn put_room(&mut self, row: server_room::Model) {
        self.rooms.insert(row.id, (row, true));
    }

    pub(in crate::helpdesk) fn put_occupant(&mut self, row: server_occupant::Model) {
        self.occupants.insert((row.room_id, row.jid.clone()), (row, true));
    }

    pub(super) fn forget(&mut self, customer: &str) {
        self.occupants.retain(|_, (row, _)| row.bare != customer);
    }
}

impl Unit {
    /// Ends a room, and with it everybody's stay in it.
    pub(in crate::helpdesk) fn end_server_room(&mut self, room: server_room::Model, at: DateTime<Utc>) {
        use server_occupant::Column::{JoinedAt, LeftAt, RoomId};
        let (id, session) = (room.id, room.session.clone());
        self.feed.put_room(server_room::Model { ended_at: Some(at), ..room });
        for (row, _) in self.feed.occupants.values_mut().filter(|(row, _)| row.room_id == id) {
            row.left_at = row.left_at.or(Some(at));
        }
        self.run(
            &server_occupant::Entity::update_many()
                .col_expr(LeftAt, Expr::value(at))
                .filter(RoomId.eq(id))
                .filter(LeftAt.is_null()),
        );
        // Leaves whose join never came.
        self.run(&server_occupant::Entity::delete_many().filter(RoomId.eq(id)).filter(JoinedAt.is_null()));
        self.room_event("room.ended", &session);
    }

    pub(in crate::helpdesk) fn room_event(&mut self, kind: &'static str, session: &str) {
        self.event(kind, None, None, serde_json::json!({ "session": session }));
    }

    /// By its id: the row has the address, and may be erased.
    pub(in crate::helpdesk) fn occupant_event(&mut self, kind: &'static str, session: &str, occupant: Uuid) {
        self.event(kind, None, None, serde_json::json!({ "session": session, "occupant": occupant }));
    }

    pub(super) fn write_feed(&mut self, statements: &mut Vec<Statement>) {
        let changed = self.feed.rooms.drain().filter_map(|(_, (row, changed))| changed.then_some(row));
        let mut rooms: Vec<server_room::Model> = changed.collect();
        // What ends before what begins at the same address.
        rooms.sort_by_key(is_open);
        for chunk in rooms.chunks(ROWS_PER_STATEMENT) {
            use server_room::Column::{CreatedAt, EndedAt, Id, Name};
            let rows = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
            let update = OnConflict::column(Id).update_columns([Name, CreatedAt, EndedAt]).to_owned();
            statements.push(server_room::Entity::insert_many(rows).on_conflict(update).build(self.backend));
        }
        let changed = self.feed.occupants.drain().filter_map(|(_, (row, changed))| changed.then_some(row));
        let occupants: Vec<server_occupant::Model> = changed.collect();
        for chunk in occupants.chunks(ROWS_PER_STATEMENT) {
            use server_occupant::Column::{Bare, Id, Jid, NotedAt, RoomId};
            let rows = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
            let mutable =
                server_occupant::Column::iter().filter(|column| !matches!(column, Id | RoomId | Jid | Bare | NotedAt));
            let update = OnConflict::column(Id).update_columns(mutable).to_owned();
            statements.push(server_occupant::Entity::insert_many(rows).on_conflict(update).build(self.backend));
        }
    }
}
