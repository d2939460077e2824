//! Who is there, and who watches a desk.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use deskbridge_entity::{
    presence::{self},
    presence_told, subscription,
    ticket::{self, Status},
};
use jid::{BareJid, Jid};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::helpdesk::{Error, store::Store};

/// What is known of a JID and its resources, newest first.
pub(in crate::helpdesk) async fn presence(store: &Store, jid: &Jid) -> Result<Vec<presence::Model>, Error> {
    let query = presence::Entity::find()
        .order_by_desc(presence::Column::UpdatedAt)
        // What one batch has written has one time.
        .order_by_asc(presence::Column::Jid)
        .limit(100);
    let query = if jid.is_bare() {
        query.filter(presence::Column::Bare.eq(jid.to_string()))
    } else {
        query.filter(presence::Column::Jid.eq(jid.to_string()))
    };
    Ok(query.all(store.read()).await?)
}

/// Of whom of these bare JIDs something is told: those with a live ticket, and those of whom something was.
pub(in crate::helpdesk) async fn concerned(store: &Store, of: &BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
    let live = ticket::Entity::find()
        .select_only()
        .column(ticket::Column::Customer)
        .filter(ticket::Column::Customer.is_in(of))
        .filter(ticket::Column::Status.is_in([Status::Open, Status::Pending, Status::Escalated]));
    let told = presence_told::Entity::find()
        .select_only()
        .column(presence_told::Column::Jid)
        .filter(presence_told::Column::Jid.is_in(of));
    let mut concerned: BTreeSet<String> = live.into_tuple::<String>().all(store.house()).await?.into_iter().collect();
    concerned.extend(told.into_tuple::<String>().all(store.house()).await?);
    Ok(concerned)
}

/// When what somebody shows is to be looked at again, without a change.
pub(in crate::helpdesk) async fn next_appearance(store: &Store) -> Result<Option<DateTime<Utc>>, Error> {
    use presence_told::Column::LookAt;
    let first = presence_told::Entity::find().select_only().column(LookAt).filter(LookAt.is_not_null());
    let first: Option<Option<DateTime<Utc>>> =
        first.order_by_asc(LookAt).limit(1).into_tuple().one(store.house()).await?;
    Ok(first.flatten())
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
