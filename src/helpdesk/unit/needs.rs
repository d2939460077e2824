//! What a batch needs before it can run.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::{appearances::AppearanceNeeds, feed::FeedNeeds, webhooks::HookNeeds};

/// Who writes to which desk: desk name and bare JID.
pub(in crate::helpdesk) type Conversation = (String, String);

/// Where a message may be that is known by its writer's id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::helpdesk) enum Within {
    Ticket(Uuid),
    /// Any of this customer's.
    Customer(String),
}

/// What a batch needs before it can run.
#[derive(Debug, Default)]
pub(in crate::helpdesk) struct Needs {
    pub tickets: BTreeSet<Uuid>,
    /// Tickets whose conversation's live ticket matters, too, because it may be another one.
    pub with_siblings: BTreeSet<Uuid>,
    pub conversations: HashSet<Conversation>,
    pub messages: BTreeSet<Uuid>,
    /// Of these messages' conversations the live ticket matters, too, because it may be another one.
    pub messages_with_siblings: BTreeSet<Uuid>,
    /// Conversations in whose current ticket the recent messages matter, without their texts.
    pub recent: HashSet<Conversation>,
    /// Tickets of which the same matters.
    pub recent_in: BTreeSet<Uuid>,
    pub stanza_keys: HashSet<String>,
    /// Stanzas with commands, by their keys.
    pub heard: HashSet<String>,
    /// Customers who open a ticket whatever they have. Of those without a live one it is known anyway how many.
    pub opens: bool,
    /// How many due tickets to claim; with it comes the time when the next one is due.
    pub due: u64,
    /// Due tickets that their claimant is at already, on this epoch.
    pub running: HashMap<Uuid, i64>,
    /// Agents, and how many tickets wait at each desk. Loaded anyway where people have a ticket.
    pub people: bool,
    /// Who may just come on duty, by bare JIDs: of such an agent the first tickets that wait matter.
    pub comers: BTreeSet<String>,
    /// How many tickets that time has something to do to.
    pub steps: u64,
    /// Agents of whom every ticket matters that is not closed.
    pub held_by: BTreeSet<String>,
    /// Whether these were told what is said once.
    pub hints: HashSet<Conversation>,
    /// Customers of whom everything goes.
    pub erased: BTreeSet<String>,
    pub proposals: BTreeSet<Uuid>,
    /// Messages that may be there already, by what their writers know them by.
    pub written: HashSet<(String, Within)>,
    pub feed: FeedNeeds,
    pub hooks: HookNeeds,
    pub appearances: AppearanceNeeds,
}
