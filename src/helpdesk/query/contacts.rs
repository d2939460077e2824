//! Who is there, and who watches a desk.

use deskbridge_entity::{
    presence::{self},
    subscription,
    ticket::{self},
};
use jid::{BareJid, Jid};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
};

use crate::helpdesk::{Error, store::Store};

/// The numbers of the events that name a JID: what REST callers told of its presence.
pub(in crate::helpdesk) async fn presence_events_of(store: &Store, customer: &BareJid) -> Result<Vec<i64>, Error> {
    let sql = "SELECT seq, data ->> 'jid' AS jid FROM event WHERE kind = 'presence.updated'";
    let statement = Statement::from_string(store.backend(), sql);
    let rows = ConnectionTrait::query_all_raw(store.read(), statement).await?;
    let mut told = Vec::new();
    for row in rows {
        let jid: Option<String> = row.try_get("", "jid")?;
        if jid.and_then(|jid| Jid::new(&jid).ok()).is_some_and(|jid| jid.to_bare() == *customer) {
            told.push(row.try_get("", "seq")?);
        }
    }
    Ok(told)
}

/// What is known of a JID and its resources, newest first.
pub(in crate::helpdesk) async fn presence(store: &Store, jid: &Jid) -> Result<Vec<presence::Model>, Error> {
    let query = presence::Entity::find().order_by_desc(presence::Column::UpdatedAt).limit(100);
    let query = if jid.is_bare() {
        query.filter(presence::Column::Bare.eq(jid.to_string()))
    } else {
        query.filter(presence::Column::Jid.eq(jid.to_string()))
    };
    Ok(query.all(store.read()).await?)
}

/// Whether somebody has a ticket at one of these desks.
pub(in crate::helpdesk) async fn is_customer_of(store: &Store, jid: &BareJid, desks: &[String]) -> Result<bool, Error> {
    let tickets = ticket::Entity::find()
        .filter(ticket::Column::Customer.eq(jid.as_str()))
        .filter(ticket::Column::Desk.is_in(desks));
    Ok(tickets.count(store.read()).await? > 0)
}

/// Whether a contact sees a desk's presence.
pub(in crate::helpdesk) async fn is_subscribed(store: &Store, desk: &str, contact: &BareJid) -> Result<bool, Error> {
    let key = (desk.to_owned(), contact.to_string());
    Ok(subscription::Entity::find_by_id(key).count(store.house()).await? > 0)
}

/// Everybody who sees a desk's presence.
pub(in crate::helpdesk) async fn subscribers(store: &Store, desk: &str) -> Result<Vec<BareJid>, Error> {
    let rows = subscription::Entity::find().filter(subscription::Column::Desk.eq(desk)).all(store.house()).await?;
    Ok(rows.into_iter().filter_map(|row| BareJid::new(&row.jid).ok()).collect())
}
