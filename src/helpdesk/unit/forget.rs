//! Taking a customer out of a batch that is under way.

use std::collections::HashSet;

use uuid::Uuid;

use super::{Traces, Unit, waiting::place_of};

impl Unit {
    /// Forgets what this batch has read and prepared of a customer, so that nothing of it is written. Gives what the
    /// tables have. Who writes later in the same batch is a new customer.
    pub(in crate::helpdesk) fn forget(&mut self, customer: &str) -> Traces {
        let mut traces = self.traces.remove(customer).unwrap_or_default();
        let tracked = self.tickets.values().map(|tracked| &tracked.row).filter(|row| row.customer == customer);
        let now = self.now;
        let in_hand: Vec<_> = tracked.map(|row| (row.id, row.desk.clone(), place_of(row, now))).collect();
        for (id, desk, place) in in_hand {
            self.waiting.moved(&desk, place, None);
            if let Some(place) = self.tickets.remove(&id).and_then(|tracked| tracked.announced) {
                self.events[place].data = serde_json::json!({ "erased": true });
            }
            if !traces.tickets.iter().any(|(known, _)| *known == id) {
                traces.tickets.push((id, desk));
            }
        }
        let gone: HashSet<Uuid> = traces.tickets.iter().map(|(id, _)| *id).collect();
        self.current.retain(|(_, of), _| of != customer);
        self.hints.retain(|(_, of), _| of != customer);
        self.forget_calls(customer, &gone);
        self.feed.forget(customer);
        self.appearances.forget(customer);
        self.scrub_events(customer);
        self.forget_parts(&gone);
        traces
    }

    /// Forgets what this batch has read and prepared of a closed ticket, whose row goes. Nothing of it is written.
    pub(in crate::helpdesk) fn forget_ticket(&mut self, id: Uuid) {
        let Some(tracked) = self.tickets.remove(&id) else { return };
        self.current.retain(|_, of| *of != id);
        for row in self.calls.iter_mut().filter(|row| row.ticket_id == Some(id)) {
            row.ticket_id = None;
        }
        if let Some(place) = tracked.announced {
            self.events[place].data = serde_json::json!({ "erased": true });
        }
        self.forget_parts(&HashSet::from([id]));
    }

    fn forget_parts(&mut self, gone: &HashSet<Uuid>) {
        self.known.retain(|_, known| !gone.contains(&known.ticket));
        self.loaded_messages.retain(|_, message| !gone.contains(&message.ticket_id));
        self.recent.retain(|id, _| !gone.contains(id));
        self.due.retain(|id| !gone.contains(id));
        self.steps.retain(|id| !gone.contains(id));
        self.notices.retain(|notice| notice.ticket_id.is_none_or(|id| !gone.contains(&id)));
        self.attachments.retain(|file| !gone.contains(&file.ticket_id));
        self.files_gone = true;
        let messages = std::mem::take(&mut self.new_messages).into_iter().zip(std::mem::take(&mut self.message_events));
        (self.new_messages, self.message_events) =
            messages.filter(|(message, _)| !gone.contains(&message.ticket_id)).unzip();
        self.erased.extend(gone);
    }

    /// The same with the customer's presence, and what it sees of ours.
    pub(in crate::helpdesk) fn forget_presence(&mut self, customer: &str, traces: &mut Traces) {
        for ((desk, jid), row) in &self.subscriptions {
            if jid == customer && row.is_some() && !traces.subscribed.contains(desk) {
                traces.subscribed.push(desk.clone());
            }
        }
        self.subscriptions.retain(|(_, jid), _| jid != customer);
        self.presences.retain(|_, row| row.bare != customer);
    }
}
