//! The XMPP server's rooms, and who is in them.

use deskbridge_entity::{server_occupant, server_room, ticket};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};

use super::{Cursor, Page};
use crate::helpdesk::{
    Caller, Error, Role,
    feed::{OccupantFilter, RoomFilter},
    store::Store,
};

/// Participants of a ticket's room that are shown with it, at most.
const PARTICIPANTS: u64 = 100;

/// Only what the caller may see. A room whose end alone is known is none.
fn visible_to(caller: &Caller) -> Result<Select<server_room::Entity>, Error> {
    if !caller.is_staff() {
        return Err(Error::Forbidden("only staff see the server's rooms".to_owned()));
    }
    let all = server_room::Entity::find().filter(server_room::Column::CreatedAt.is_not_null());
    let (Role::Agent, Some(desks)) = (caller.role, &caller.desks) else { return Ok(all) };
    // Others' rooms are none of this agent's business.
    let of_tickets = ticket::Entity::find()
        .select_only()
        .column(ticket::Column::Room)
        .filter(ticket::Column::Room.is_not_null())
        .filter(ticket::Column::Desk.is_in(desks));
    Ok(all.filter(server_room::Column::Jid.in_subquery(of_tickets.into_query())))
}

pub(in crate::helpdesk) async fn server_rooms(
    store: &Store,
    caller: &Caller,
    filter: &RoomFilter,
) -> Result<Page<server_room::Model>, Error> {
    use server_room::Column::{EndedAt, Id, Jid, NotedAt};
    let mut query = visible_to(caller)?;
    if let Some(jid) = &filter.jid {
        query = query.filter(Jid.eq(jid.as_str()));
    }
    if let Some(active) = filter.active {
        query = query.filter(if active { EndedAt.is_null() } else { EndedAt.is_not_null() });
    }
    if let Some(Cursor { at, id }) = filter.after {
        query = query.filter(NotedAt.lte(at)).filter(Condition::any().add(NotedAt.lt(at)).add(Id.lt(id)));
    }
    let newest_first = query.order_by_desc(NotedAt).order_by_desc(Id).limit(filter.limit + 1);
    let rows = newest_first.all(store.read()).await?;
    Ok(Page::of(rows, filter.limit, |row| Cursor { at: row.noted_at, id: row.id }))
}

pub(in crate::helpdesk) async fn server_occupants(
    store: &Store,
    caller: &Caller,
    session: &str,
    filter: &OccupantFilter,
) -> Result<Page<server_occupant::Model>, Error> {
    use server_occupant::Column::{Id, JoinedAt, LeftAt, NotedAt, RoomId};
    let room = visible_to(caller)?.filter(server_room::Column::Session.eq(session)).one(store.read()).await?;
    let room = room.ok_or_else(|| Error::NotFound("room".to_owned()))?;
    let mut query = server_occupant::Entity::find().filter(RoomId.eq(room.id)).filter(JoinedAt.is_not_null());
    if let Some(present) = filter.present {
        query = query.filter(if present { LeftAt.is_null() } else { LeftAt.is_not_null() });
    }
    if let Some(Cursor { at, id }) = filter.after {
        query = query.filter(NotedAt.lte(at)).filter(Condition::any().add(NotedAt.lt(at)).add(Id.lt(id)));
    }
    let newest_first = query.order_by_desc(NotedAt).order_by_desc(Id).limit(filter.limit + 1);
    let rows = newest_first.all(store.read()).await?;
    Ok(Page::of(rows, filter.limit, |row| Cursor { at: row.noted_at, id: row.id }))
}

/// Who is in the room that there is at an address, the longest there first; `None` when nobody tells of it.
pub(in crate::helpdesk) async fn participants(
    store: &Store,
    room: &str,
) -> Result<Option<Vec<server_occupant::Model>>, Error> {
    let open = server_room::Entity::find()
        .filter(server_room::Column::Jid.eq(room))
        .filter(server_room::Column::CreatedAt.is_not_null())
        .filter(server_room::Column::EndedAt.is_null());
    let Some(room) = open.one(store.read()).await? else { return Ok(None) };
    let present = server_occupant::Entity::find()
        .filter(server_occupant::Column::RoomId.eq(room.id))
        .filter(server_occupant::Column::LeftAt.is_null())
        .order_by_asc(server_occupant::Column::JoinedAt)
        .order_by_asc(server_occupant::Column::Id)
        .limit(PARTICIPANTS);
    Ok(Some(present.all(store.read()).await?))
}
