//! All that is known of a customer, to be handed out.

use sea_orm::{Statement, Value};
use serde_json::{Map, Value as Json};

use super::{PLACES, numbered};
use crate::helpdesk::{Error, store::Store};

/// Rows that an export reads at once: a message has at most 64 KiB.
const READ_AT_ONCE: usize = 100;

/// All that is known of a customer, part by part.
#[derive(Debug)]
pub struct Export {
    store: Store,
    customer: String,
    /// Where it is in the list.
    place: usize,
    after: Option<Value>,
}

impl Export {
    pub(in crate::helpdesk) fn new(store: Store, customer: String) -> Self {
        Self { store, customer, place: 0, after: None }
    }

    /// The next rows, at most a hundred, each with the name of its kind; `None` at the end. What was taken back is in it without
    /// its text, which nobody is shown any more.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn next(&mut self) -> Result<Option<Vec<Json>>, Error> {
        while let Some(place) = PLACES.get(self.place) {
            let backend = self.store.backend();
            let order = place.order.0;
            let behind = if self.after.is_some() { format!(" AND {order} > ?") } else { String::new() };
            let sql = format!(
                "SELECT * FROM {} WHERE {}{behind} ORDER BY {order} LIMIT {READ_AT_ONCE}",
                place.table,
                place.condition(&self.customer)
            );
            let values = [Value::from(place.value(&self.customer))].into_iter().chain(self.after.take());
            let statement = Statement::from_sql_and_values(backend, numbered(backend, &sql), values);
            let (rows, last) = (place.read)(self.store.read().clone(), statement, place.order).await?;
            match last.filter(|_| rows.len() == READ_AT_ONCE) {
                Some(last) => self.after = Some(last),
                None => self.place += 1,
            }
            if !rows.is_empty() {
                return Ok(Some(rows.into_iter().map(|row| shown(place.name, row)).collect()));
            }
        }
        Ok(None)
    }
}

fn shown(kind: &str, mut row: Map<String, Json>) -> Json {
    if row.get("retracted_at").is_some_and(|at| !at.is_null()) {
        row.insert("body".to_owned(), Json::from(""));
    }
    // How a repeated stanza is known, and who works on it, tells nobody anything.
    row.retain(|name, _| !matches!(name.as_str(), "sender_key" | "archive_key" | "lease_until" | "worker"));
    row.insert("kind".to_owned(), Json::from(kind));
    Json::Object(row)
}
