//! What was spent.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use deskbridge_entity::token_count::{self, Column};
use sea_orm::{ColumnTrait, Condition, DbBackend, EntityTrait, FromQueryResult, QueryFilter, Statement};

use crate::helpdesk::{Error, store::Store, usage::Sum};

/// The tokens of a customer's day and of a desk's month: two look-ups by key.
pub(in crate::helpdesk) async fn tokens(store: &Store, customer: Sum, desk: Sum) -> Result<(u64, u64), Error> {
    let is = |(scope, period, key): &Sum| {
        Condition::all().add(Column::Scope.eq(*scope)).add(Column::Period.eq(period)).add(Column::Key.eq(key))
    };
    let either = Condition::any().add(is(&customer)).add(is(&desk));
    let rows = token_count::Entity::find().filter(either).all(store.read()).await?;
    let of = |wanted: token_count::Scope| {
        let row = rows.iter().find(|row| row.scope == wanted);
        row.map_or(0, |row| u64::try_from(row.tokens).unwrap_or_default())
    };
    Ok((of(customer.0), of(desk.0)))
}

/// What the calls of one desk, day and model were together.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Usage {
    /// The desk's name.
    pub desk: String,
    /// Of UTC, such as `2030-01-31`.
    pub day: String,
    /// The model's name.
    pub model: String,
    /// How many calls were made.
    pub calls: i64,
    /// How many of them brought nothing that could be used.
    pub failed: i64,
    /// Tokens of their messages.
    pub prompt_tokens: i64,
    /// Tokens of their answers.
    pub completion_tokens: i64,
    /// How many calls have estimated tokens, because the endpoint did not say.
    pub estimated: i64,
    /// Milliseconds that they took together.
    pub latency_ms: i64,
}

/// Sums of the calls from the beginning of one day to the end of another, newest day first.
pub(in crate::helpdesk) async fn usage(
    store: &Store,
    desks: Option<&[String]>,
    first: NaiveDate,
    last: NaiveDate,
) -> Result<Vec<Usage>, Error> {
    let statement = sums(store.backend(), desks, first, last);
    Ok(Usage::find_by_statement(statement).all(store.read()).await?)
}

fn sums(backend: DbBackend, desks: Option<&[String]>, first: NaiveDate, last: NaiveDate) -> Statement {
    // A day of UTC: SQLite keeps moments as text of that zone.
    let day = match backend {
        DbBackend::Sqlite => "substr(created_at, 1, 10)",
        _ => "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    };
    let mut values = vec![start_of(first).into(), start_of(last.succ_opt().unwrap_or(last)).into()];
    let of_desks = desks.map_or_else(String::new, |desks| {
        let places: Vec<String> = desks
            .iter()
            .map(|desk| {
                values.push(desk.as_str().into());
                format!("${}", values.len())
            })
            .collect();
        // No desk at all is none of them.
        if places.is_empty() { "AND 1 = 0".to_owned() } else { format!("AND desk IN ({})", places.join(", ")) }
    });
    let sum = |what: &str| format!("CAST(COALESCE(SUM({what}), 0) AS BIGINT)");
    let sql = format!(
        "SELECT desk, {day} AS day, model, COUNT(*) AS calls, {} AS failed, {} AS prompt_tokens, \
         {} AS completion_tokens, {} AS estimated, {} AS latency_ms FROM llm_call \
         WHERE created_at >= $1 AND created_at < $2 {of_desks} GROUP BY 1, 2, 3 ORDER BY 2 DESC, 1, 3",
        sum("CASE WHEN outcome = 'ok' THEN 0 ELSE 1 END"),
        sum("prompt_tokens"),
        sum("completion_tokens"),
        sum("CASE WHEN estimated THEN 1 ELSE 0 END"),
        sum("latency_ms"),
    );
    Statement::from_sql_and_values(backend, sql, values)
}

fn start_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait;

    use super::*;

    #[tokio::test]
    async fn no_sum_of_a_few_days_reads_the_calls_of_all() {
        let folder = tempfile::TempDir::new().unwrap();
        let url = format!("sqlite://{}/usage.db?mode=rwc", folder.path().display());
        let store = Store::connect(&url).await.unwrap();
        store.migrate().await.unwrap();
        let day = NaiveDate::from_ymd_opt(2026, 11, 25).unwrap();
        let (one, two) = (vec!["support".to_owned()], vec!["billing".to_owned(), "support".to_owned()]);
        for desks in [None, Some(&one[..]), Some(&two[..])] {
            let mut plan = sums(store.backend(), desks, day, day);
            plan.sql = format!("EXPLAIN QUERY PLAN {}", plan.sql);
            let rows = store.read().query_all_raw(plan).await.unwrap();
            let steps: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
            assert!(steps[0].starts_with("SEARCH llm_call USING INDEX"), "{desks:?}: {steps:?}");
        }
    }
}
