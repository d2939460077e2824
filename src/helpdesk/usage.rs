//! What the language model costs: every call is noted, and budgets bound their sum.
//!
//! Days and months are those of UTC. A budget is looked at before a call, so the last one may go a little over it.

use std::{collections::BTreeMap, fmt, time::Duration};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use deskbridge_entity::{
    llm_call::{self, Outcome, Purpose},
    ticket,
    token_count::Scope,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Caller, Error, Helpdesk, Limits, Role, Usage, operation::usage::RecordCalls, query};

/// The most days of one look at what was spent.
const LONGEST: TimeDelta = TimeDelta::days(366);

/// One call to a language model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The desk that it was made for.
    pub desk: String,
    /// The endpoint's name in the configuration.
    pub endpoint: String,
    /// The model's name.
    pub model: String,
    /// What for.
    pub purpose: Purpose,
    /// Tokens of the messages.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// Whether the tokens are our estimate.
    pub estimated: bool,
    /// How long it took, however it ended.
    pub latency: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

impl Call {
    /// All its tokens.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    pub(super) fn row(&self, now: DateTime<Utc>, of: Option<(Uuid, String)>) -> llm_call::Model {
        let (ticket_id, customer_key) = of.unzip();
        llm_call::Model {
            id: Uuid::now_v7(),
            created_at: now,
            desk: self.desk.clone(),
            ticket_id,
            customer_key,
            model: self.model.clone(),
            endpoint: self.endpoint.clone(),
            purpose: self.purpose,
            prompt_tokens: counted(self.prompt_tokens),
            completion_tokens: counted(self.completion_tokens),
            estimated: self.estimated,
            latency_ms: self.latency.as_millis().try_into().unwrap_or(i64::MAX),
            outcome: self.outcome,
        }
    }
}

/// A number as the tables hold it. No endpoint counts further than this, and the sum of many must still fit.
pub(super) fn counted(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX).min(1 << 40)
}

/// Tells somebody who knows the JID that it is this one, and nobody else who it was.
pub(super) fn customer_key(customer: &str) -> String {
    let digest = Sha256::digest(format!("deskbridge customer {customer}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whose sum, of which time: in the order in which the rows are locked.
pub(super) type Sum = (Scope, String, String);

pub(super) fn customers_day(now: DateTime<Utc>, key: &str) -> Sum {
    (Scope::Customer, now.format("%Y-%m-%d").to_string(), key.to_owned())
}

pub(super) fn desks_month(now: DateTime<Utc>, desk: &str) -> Sum {
    (Scope::Desk, now.format("%Y-%m").to_string(), desk.to_owned())
}

/// A budget that is spent. Its text is for agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Answers of the assistant since people had the ticket, or since its beginning.
    AnswersPerTicket(u32),
    /// Tokens of one customer in a day.
    TokensPerCustomerDay(u64),
    /// Tokens of a desk in a month.
    TokensPerDeskMonth(u64),
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnswersPerTicket(most) => {
                write!(f, "the assistant has answered {most} times here, which is its limit (answers_per_ticket)")
            }
            Self::TokensPerCustomerDay(most) => {
                write!(f, "the customer's {most} tokens of today are used up (tokens_per_customer_day)")
            }
            Self::TokensPerDeskMonth(most) => {
                write!(f, "the desk's {most} tokens of this month are used up (tokens_per_desk_month)")
            }
        }
    }
}

/// The first budget that is spent.
fn reached(limits: &Limits, answers: i64, customer: u64, desk: u64) -> Option<Budget> {
    let answers = u32::try_from(answers).unwrap_or_default();
    let spent = |limit: Option<u64>, tokens| limit.filter(|most| tokens >= *most);
    None.or_else(|| limits.answers_per_ticket.filter(|most| answers >= *most).map(Budget::AnswersPerTicket))
        .or_else(|| spent(limits.tokens_per_customer_day, customer).map(Budget::TokensPerCustomerDay))
        .or_else(|| spent(limits.tokens_per_desk_month, desk).map(Budget::TokensPerDeskMonth))
}

impl Helpdesk {
    /// Which budget keeps the model from being asked for this ticket, if one does.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn reached_budget(&self, ticket: &ticket::Model) -> Result<Option<Budget>, Error> {
        let Some(limits) = self.desk(&ticket.desk).map(|desk| desk.limits) else { return Ok(None) };
        let (mut customer, mut desk) = (0, 0);
        if limits.tokens_per_customer_day.is_some() || limits.tokens_per_desk_month.is_some() {
            let now = self.clock.now();
            let day = customers_day(now, &customer_key(&ticket.customer));
            (customer, desk) = query::tokens(&self.store, day, desks_month(now, &ticket.desk)).await?;
        }
        Ok(reached(&limits, ticket.episode_answers, customer, desk))
    }

    /// Whether the desk's budget is spent: what agents ask for is bounded by nothing else.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn desk_budget(&self, desk: &str) -> Result<Option<Budget>, Error> {
        let most = self.desk(desk).and_then(|desk| desk.limits.tokens_per_desk_month);
        let Some(most) = most else { return Ok(None) };
        let now = self.clock.now();
        let (_, spent) = query::tokens(&self.store, customers_day(now, ""), desks_month(now, desk)).await?;
        Ok((spent >= most).then_some(Budget::TokensPerDeskMonth(most)))
    }

    /// What the model cost by desk, day (of UTC) and model, from `first` to `last`, newest day first: of one desk, or of all
    /// that the caller answers at.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless the caller is of the staff, and of that desk; [`Error::NotFound`] for an unknown desk;
    /// [`Error::Invalid`] for more than a year.
    pub async fn usage(
        &self,
        caller: &Caller,
        desk: Option<&str>,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<Vec<Usage>, Error> {
        if !caller.is_staff() {
            return Err(Error::Forbidden("this is for the staff".to_owned()));
        }
        if last < first || last - first > LONGEST {
            return Err(Error::invalid("to", "must be a day of the year that begins with 'from'"));
        }
        let one = match desk {
            None => None,
            Some(desk) => {
                caller.require_desk(desk)?;
                Some(vec![self.known_desk(desk)?.name.clone()])
            }
        };
        // An admin's token may name desks all the same: it is for all of them.
        let own = caller.desks.clone().filter(|_| caller.role == Role::Agent);
        query::usage(&self.store, one.or(own).as_deref(), first, last).await
    }

    /// Notes calls that led to nothing which could be committed, or that were for no ticket.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn record_calls(&self, ticket: Option<Uuid>, calls: Vec<Call>) -> Result<(), Error> {
        if calls.is_empty() {
            return Ok(());
        }
        self.writer.write(RecordCalls { ticket, calls }).await
    }
}

/// Tokens by sum, as they are to be added.
pub(super) type Sums = BTreeMap<Sum, i64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_when_its_last_token_is() {
        let limits = Limits {
            answers_per_ticket: Some(3),
            tokens_per_customer_day: Some(100),
            tokens_per_desk_month: Some(1000),
            ..Limits::NONE
        };
        assert_eq!(reached(&limits, 2, 99, 999), None);
        assert_eq!(reached(&limits, 3, 0, 0), Some(Budget::AnswersPerTicket(3)));
        assert_eq!(reached(&limits, 0, 100, 0), Some(Budget::TokensPerCustomerDay(100)));
        assert_eq!(reached(&limits, 0, 0, 1001), Some(Budget::TokensPerDeskMonth(1000)));
        assert_eq!(reached(&Limits::NONE, i64::MAX, u64::MAX, u64::MAX), None);
    }

    #[test]
    fn days_and_months_are_periods_that_sort() {
        let now = DateTime::from_timestamp(1_764_115_199, 0).unwrap();
        assert_eq!(customers_day(now, "k"), (Scope::Customer, "2025-11-25".into(), "k".into()));
        assert_eq!(desks_month(now, "d"), (Scope::Desk, "2025-11".into(), "d".into()));
    }
}
