//! What several tests need.

use chrono::DateTime;
use deskbridge_entity::proposal::{Model, State};
use uuid::Uuid;

/// A proposal of `support` whose ticket is gone.
pub(super) fn proposal(state: State, question: &str, answer: &str) -> Model {
    Model {
        id: Uuid::now_v7(),
        desk: "support".into(),
        ticket_id: None,
        state,
        title: None,
        question: Some(question.into()),
        answer: Some(answer.into()),
        source: None,
        reason: None,
        page: None,
        similar_to: None,
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        decided_at: None,
        decided_by: None,
        lease_until: None,
        worker: None,
    }
}
