//! Where a customer is in the database: every table that can hold its address, its words or what was made of them.
//!
//! Preview, erasure and the end of old tickets go by this list. A new table is one line here, or one in [`NOTHING_OF_CUSTOMERS`]; a test fails for a
//! table that is in neither.

mod export;

use chrono::{DateTime, SecondsFormat, Utc};
use deskbridge_entity::{
    attachment, copilot, event, hint, kept_answer, llm_call, message, notice, presence, presence_told, proposal,
    server_occupant, subscription, ticket, token_count, webhook_delivery,
};
use futures::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, FromQueryResult, IdenStatic, Iterable,
    ModelTrait, Statement, Value, sea_query::value::sea_value_to_json_value,
};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::usage::customer_key;

pub use export::Export;

/// How a row is known to be a customer's: by the column.
#[derive(Clone, Copy, Debug)]
enum Whose {
    /// The id of a ticket of the customer's.
    Ticket(&'static str),
    /// The bare JID.
    Jid(&'static str),
    /// The hash of the bare JID.
    Key(&'static str),
    /// The JID, bare or full, within the JSON.
    Within(&'static str),
}

/// What rows are read in the order of: unique among those of one customer.
#[derive(Clone, Copy, Debug)]
struct Order(&'static str);

/// What an erasure does to the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Remove,
    /// They stay, and lead to the customer no more: these columns are emptied.
    Unlink(&'static [&'static str]),
    /// The rows stay, and say nothing more: their JSON is emptied.
    Empty(&'static str),
    /// As `Remove`, unless the customer is an agent, too: then they are the agent's.
    RemoveContact,
}

/// A table.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// What its rows are called in a preview.
    name: &'static str,
    table: &'static str,
    whose: Whose,
    /// Of these rows only.
    only: Option<&'static str>,
    order: Order,
    end: End,
    read: Read,
}

/// Reads rows as JSON.
type Read = fn(DatabaseConnection, Statement, Order) -> BoxFuture<'static, Result<Rows, DbErr>>;

/// Rows, and the last one's place in their order.
type Rows = (Vec<Map<String, Json>>, Option<Value>);

const fn rows<E: EntityTrait>(name: &'static str, table: &'static str, whose: Whose) -> Place {
    Place { name, table, whose, only: None, order: Order("id"), end: End::Remove, read: read::<E> }
}

fn read<E: EntityTrait>(
    connection: DatabaseConnection,
    statement: Statement,
    order: Order,
) -> BoxFuture<'static, Result<Rows, DbErr>> {
    Box::pin(async move {
        let models = E::find().from_raw_sql(statement).all(&connection).await?;
        let name = |column: &E::Column| column.as_str().to_owned();
        let of_order = E::Column::iter().find(|column| column.as_str() == order.0);
        let last = of_order.and_then(|column| models.last().map(|model| model.get(column)));
        let json = |model: &E::Model| {
            let columns = E::Column::iter();
            columns.map(|column| (name(&column), json_of(&model.get(column)))).collect()
        };
        Ok((models.iter().map(json).collect(), last))
    })
}

/// A value of a row as REST would write it; the library writes times as SQL does.
fn json_of(value: &Value) -> Json {
    match value {
        Value::ChronoDateTimeUtc(Some(at)) => Json::from(at.to_rfc3339_opts(SecondsFormat::Micros, true)),
        other => sea_value_to_json_value(other),
    }
}

/// In the order in which they go: what is known by a ticket before the ticket.
const PLACES: &[Place] = &[
    Place { order: Order("seq"), ..rows::<message::Entity>("messages", "message", Whose::Ticket("ticket_id")) },
    Place { order: Order("seq"), ..rows::<notice::Entity>("notices", "notice", Whose::Ticket("ticket_id")) },
    rows::<attachment::Entity>("attachments", "attachment", Whose::Ticket("ticket_id")),
    rows::<copilot::Entity>("suggestions", "copilot", Whose::Ticket("ticket_id")),
    Place {
        only: Some("state <> 'approved'"),
        ..rows::<proposal::Entity>("proposals", "proposal", Whose::Ticket("ticket_id"))
    },
    // What an agent has approved is the desk's own words; the ticket's end takes its name from it.
    Place {
        only: Some("state = 'approved'"),
        end: End::Unlink(&["ticket_id"]),
        ..rows::<proposal::Entity>("approved_pages", "proposal", Whose::Ticket("ticket_id"))
    },
    // What it cost stays, as the desk's.
    Place {
        end: End::Unlink(&["ticket_id", "customer_key"]),
        ..rows::<llm_call::Entity>("llm_calls", "llm_call", Whose::Key("customer_key"))
    },
    Place {
        only: Some("scope = 'customer'"),
        order: Order("period"),
        ..rows::<token_count::Entity>("token_counts", "token_count", Whose::Key("key"))
    },
    rows::<webhook_delivery::Entity>("deliveries", "webhook_delivery", Whose::Ticket("ticket_id")),
    rows::<webhook_delivery::Entity>("deliveries_about", "webhook_delivery", Whose::Jid("about")),
    Place { order: Order("key"), ..rows::<kept_answer::Entity>("answers", "kept_answer", Whose::Ticket("ticket_id")) },
    rows::<ticket::Entity>("tickets", "ticket", Whose::Jid("customer")),
    rows::<server_occupant::Entity>("occupants", "server_occupant", Whose::Jid("bare")),
    // The numbers of the event log stay without gaps. All other events name rows by their ids.
    Place {
        only: Some("kind = 'presence.updated'"),
        order: Order("seq"),
        end: End::Empty("data"),
        ..rows::<event::Entity>("presence_events", "event", Whose::Within("data"))
    },
    Place { order: Order("desk"), ..rows::<hint::Entity>("hints", "hint", Whose::Jid("jid")) },
    Place {
        order: Order("jid"),
        end: End::RemoveContact,
        ..rows::<presence::Entity>("presences", "presence", Whose::Jid("bare"))
    },
    Place {
        order: Order("jid"),
        end: End::RemoveContact,
        ..rows::<presence_told::Entity>("presences_told", "presence_told", Whose::Jid("jid"))
    },
    Place {
        order: Order("desk"),
        end: End::RemoveContact,
        ..rows::<subscription::Entity>("subscriptions", "subscription", Whose::Jid("jid"))
    },
];

/// Tables without a customer's address or words: numbers, hashes, and what is the staff's.
#[cfg(test)]
const NOTHING_OF_CUSTOMERS: &[&str] = &[
    "agent",
    // A customer is a hash there.
    "audit",
    "counter",
    // Hashes.
    "heard",
    "opening",
    // A room's own address and name.
    "server_room",
    // Programs of the staff's.
    "api_key",
    "webhook",
    "seaql_migrations",
];

impl Place {
    /// Values take the places of `?`, one after the other.
    fn condition(&self, customer: &str) -> String {
        let of = match self.whose {
            Whose::Ticket(column) => format!("{column} IN (SELECT id FROM ticket WHERE customer = ?)"),
            Whose::Jid(column) | Whose::Key(column) => format!("{column} = ?"),
            // A bare JID has no slash, so what begins with it and one is the JID or a resource of it.
            Whose::Within(column) => {
                format!("substr(({column} ->> 'jid') || '/', 1, {}) = ?", customer.chars().count() + 1)
            }
        };
        self.narrowed(of)
    }

    fn narrowed(&self, of: String) -> String {
        match self.only {
            Some(only) => format!("{of} AND {only}"),
            None => of,
        }
    }

    fn value(&self, customer: &str) -> String {
        match self.whose {
            Whose::Ticket(_) | Whose::Jid(_) => customer.to_owned(),
            Whose::Key(_) => customer_key(customer),
            Whose::Within(_) => format!("{customer}/"),
        }
    }

    fn statement(&self, backend: DbBackend, begin: &str, customer: &str) -> Statement {
        let sql = format!("{begin} WHERE {}", self.condition(customer));
        Statement::from_sql_and_values(backend, numbered(backend, &sql), [self.value(customer).into()])
    }

    /// How a statement begins that ends rows.
    fn ending(&self) -> String {
        let table = self.table;
        match self.end {
            End::Remove | End::RemoveContact => format!("DELETE FROM {table}"),
            End::Empty(column) => format!("UPDATE {table} SET {column} = '{{\"erased\":true}}'"),
            End::Unlink(columns) => {
                let emptied: Vec<String> = columns.iter().map(|column| format!("{column} = NULL")).collect();
                format!("UPDATE {table} SET {}", emptied.join(", "))
            }
        }
    }

    fn end(&self, backend: DbBackend, customer: &str) -> Statement {
        self.statement(backend, &self.ending(), customer)
    }

    /// The same for the rows of some tickets; `None` for rows that are no ticket's.
    fn end_in(&self, backend: DbBackend, tickets: &[Uuid]) -> Option<Statement> {
        let Whose::Ticket(column) = self.whose else { return None };
        let of = format!("{column} IN ({})", vec!["?"; tickets.len()].join(", "));
        let sql = format!("{} WHERE {}", self.ending(), self.narrowed(of));
        Some(Statement::from_sql_and_values(
            backend,
            numbered(backend, &sql),
            tickets.iter().map(|id| Value::from(*id)),
        ))
    }

    fn count(&self, backend: DbBackend, customer: &str) -> Statement {
        self.statement(backend, &format!("SELECT COUNT(*) AS count FROM {}", self.table), customer)
    }
}

/// PostgreSQL numbers the places of values.
fn numbered(backend: DbBackend, sql: &str) -> String {
    if backend != DbBackend::Postgres {
        return sql.to_owned();
    }
    let mut parts = sql.split('?');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.zip(1..).fold(first, |sql, (part, number)| format!("{sql}${number}{part}"))
}

/// What takes everything of a customer out of the tables; what it is as a contact only if it is no agent.
pub(super) fn removal(backend: DbBackend, customer: &str, is_agent: bool) -> Vec<Statement> {
    let goes = |place: &&Place| !(is_agent && place.end == End::RemoveContact);
    PLACES.iter().filter(goes).map(|place| place.end(backend, customer)).collect()
}

/// What takes everything in some tickets out of the tables, but for the tickets themselves.
pub(super) fn removal_in(backend: DbBackend, tickets: &[Uuid]) -> Vec<Statement> {
    PLACES.iter().filter_map(|place| place.end_in(backend, tickets)).collect()
}

/// What there is of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Its tickets, by desk.
    pub desks: Vec<DeskPart>,
    /// How many rows there are of each kind, by the kinds' names.
    pub rows: Vec<(&'static str, u64)>,
    /// Bytes of files in the data folder.
    pub bytes: u64,
}

/// A customer's tickets at one desk.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct DeskPart {
    /// The desk's name.
    pub desk: String,
    /// How many.
    pub tickets: i64,
    /// When the first was opened.
    pub first_at: DateTime<Utc>,
    /// When something was last said.
    pub last_at: DateTime<Utc>,
}

impl Footprint {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.iter().all(|(_, count)| *count == 0)
    }

    /// How many rows there are of a kind.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.rows.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count)
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Looks everything up. Within a transaction, what it tells is what an erasure in the same takes.
pub(super) async fn footprint(connection: &impl ConnectionTrait, customer: &str) -> Result<Footprint, DbErr> {
    let backend = connection.get_database_backend();
    let one = |sql: &str| Statement::from_sql_and_values(backend, numbered(backend, sql), [customer.into()]);
    let desks = one(
        "SELECT desk, COUNT(*) AS tickets, MIN(created_at) AS first_at, MAX(last_message_at) AS last_at FROM ticket \
         WHERE customer = ? GROUP BY desk ORDER BY desk",
    );
    let desks = DeskPart::find_by_statement(desks).all(connection).await?;
    let mut rows = Vec::with_capacity(PLACES.len());
    for place in PLACES {
        let row = connection.query_one_raw(place.count(backend, customer)).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.try_get("", "count"))?;
        rows.push((place.name, unsigned(count)));
    }
    let bytes = one("SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes FROM attachment \
         WHERE state = 'stored' AND ticket_id IN (SELECT id FROM ticket WHERE customer = ?)");
    let bytes: i64 = connection.query_one_raw(bytes).await?.map_or(Ok(0), |row| row.try_get("", "bytes"))?;
    Ok(Footprint { desks, rows, bytes: unsigned(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helpdesk::Store;

    #[tokio::test]
    async fn every_table_says_whether_it_holds_something_of_customers() {
        let folder = tempfile::TempDir::new().unwrap();
        let url = format!("sqlite://{}/desk.db?mode=rwc", folder.path().display());
        let store = Store::connect(&url).await.unwrap();
        store.migrate().await.unwrap();
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let rows = store.read().query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
        assert!(rows.len() > 15, "the schema is there");
        for row in rows {
            let name: String = row.try_get("", "name").unwrap();
            let is_place = PLACES.iter().any(|place| place.table == name);
            let is_none = NOTHING_OF_CUSTOMERS.contains(&name.as_str());
            assert!(is_place != is_none, "the table '{name}': add it to PLACES or to NOTHING_OF_CUSTOMERS");
        }
        // And every statement is one that the database takes.
        for statement in removal(DbBackend::Sqlite, "ann@example.com", false) {
            store.read().execute_raw(statement).await.unwrap();
        }
        assert!(footprint(store.read(), "ann@example.com").await.unwrap().is_empty());
    }
}
