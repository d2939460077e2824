//! What becomes of a page that is proposed.

use deskbridge_entity::proposal::{self, State};
use uuid::Uuid;

use crate::helpdesk::{
    Caller, Error,
    audit::Deed,
    learning::{Edits, Learned},
    unit::{Needs, Unit},
    writer::Operation,
};

/// Notes what was made of a ticket that is due: a proposal, nothing, or nothing yet.
pub(in crate::helpdesk) struct SettleLesson {
    pub id: Uuid,
    pub learned: Learned,
}

impl Operation for SettleLesson {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.proposals.insert(self.id);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let Some(row) = unit.proposal(self.id).filter(|row| row.state == State::Due) else { return Ok(()) };
        let (desk, ticket) = (row.desk.clone(), row.ticket_id);
        unit.change_proposal(self.id, |row| match &self.learned {
            Learned::Proposal { question, answer, source } => {
                row.state = State::Proposed;
                row.question = Some(question.clone());
                row.answer = Some(answer.clone());
                row.source = Some(*source);
            }
            Learned::Nothing { reason, similar_to } => {
                row.state = State::Discarded;
                row.reason = Some(reason.clone());
                row.similar_to.clone_from(similar_to);
            }
        });
        if matches!(self.learned, Learned::Proposal { .. }) {
            let data = serde_json::json!({ "proposal": self.id, "desk": desk });
            unit.event("proposal.made", ticket, None, data);
        }
        Ok(())
    }
}

/// An agent's decision. Of two who decide at once, one learns that the other was faster.
pub(in crate::helpdesk) struct Decide {
    pub id: Uuid,
    /// The version that the caller has seen, if it must be that one.
    pub expected: Option<i64>,
    pub caller: Caller,
    pub decision: Decision,
}

/// What is decided.
#[derive(Clone, Debug)]
pub(in crate::helpdesk) enum Decision {
    Approve(Edits),
    Reject(Option<String>),
}

impl Operation for Decide {
    type Output = proposal::Model;

    fn needs(&self, needs: &mut Needs) {
        needs.proposals.insert(self.id);
    }

    fn apply(&self, unit: &mut Unit) -> Result<proposal::Model, Error> {
        let missing = || Error::NotFound(format!("proposal {}", self.id));
        let row = unit.proposal(self.id).filter(|row| self.caller.serves(&row.desk)).ok_or_else(missing)?;
        match row.state {
            State::Proposed => {}
            State::Due => return Err(missing()),
            State::Approved | State::Rejected | State::Discarded => {
                let who = row.decided_by.as_deref().map(|id| format!(" by {id}")).unwrap_or_default();
                return Err(Error::Conflict(format!("this proposal was decided already{who}")));
            }
        }
        if self.expected.is_some_and(|version| version != row.version) {
            return Err(Error::Conflict(format!("the proposal has changed: it is at version {} now", row.version)));
        }
        let (now, desk, ticket) = (unit.now, row.desk.clone(), row.ticket_id);
        unit.change_proposal(self.id, |row| {
            row.decided_at = Some(now);
            row.decided_by = Some(self.caller.id.clone());
            match &self.decision {
                Decision::Approve(edits) => {
                    row.state = State::Approved;
                    row.reason = None;
                    row.title = edits.title.clone().or(row.title.take());
                    row.question = edits.question.clone().or(row.question.take());
                    row.answer = edits.answer.clone().or(row.answer.take());
                }
                Decision::Reject(reason) => {
                    row.state = State::Rejected;
                    row.reason.clone_from(reason);
                }
            }
        });
        if matches!(self.decision, Decision::Reject(_)) {
            let data = serde_json::json!({ "proposal": self.id, "desk": desk });
            unit.event("proposal.rejected", ticket, None, data);
        }
        unit.proposal(self.id).cloned().ok_or_else(missing)
    }

    fn deed(&self, row: &proposal::Model, _: &Unit) -> Option<Deed> {
        let word = match self.decision {
            Decision::Approve(_) => "proposal.approve",
            Decision::Reject(_) => "proposal.reject",
        };
        let mut deed = Deed::of(&self.caller, word).at_desk(&row.desk).to(self.id);
        deed.ticket = row.ticket_id;
        Some(deed)
    }
}

/// Notes that an approved page is written, or why it could not be: then it is to be decided again.
pub(in crate::helpdesk) struct NotePage {
    pub id: Uuid,
    pub written: Result<String, String>,
}

impl Operation for NotePage {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.proposals.insert(self.id);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let waits = |row: &&proposal::Model| row.state == State::Approved && row.page.is_none();
        let Some(row) = unit.proposal(self.id).filter(waits) else { return Ok(()) };
        let (desk, ticket) = (row.desk.clone(), row.ticket_id);
        unit.change_proposal(self.id, |row| match &self.written {
            Ok(path) => row.page = Some(path.clone()),
            Err(reason) => {
                row.state = State::Proposed;
                row.reason = Some(reason.clone());
                row.decided_at = None;
                row.decided_by = None;
            }
        });
        if let Ok(path) = &self.written {
            let data = serde_json::json!({ "proposal": self.id, "desk": desk, "page": path });
            unit.event("proposal.approved", ticket, None, data);
        }
        Ok(())
    }
}
