//! What an agent asks the assistant for at a ticket's address: a suggested reply, a summary, and to send what was
//! suggested.
//!
//! A model takes its time, so what waits for one runs beside everything else, and ends with the link.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use deskbridge_entity::{
    copilot::{Kind, Source},
    ticket::Model,
};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet};
use uuid::Uuid;

use super::{AtTicket, Command, errand::Busy};
use crate::helpdesk::{Caller, Error, Helpdesk};

/// How long an agent who asks by chat is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Agents who may wait at once.
const WAITING: usize = 32;
/// Suggestions that are remembered as shown.
const SHOWN: usize = 256;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The assistant's help on one link. Clones share everything.
#[derive(Clone)]
pub struct Copilot {
    tasks: mpsc::Sender<Task>,
    places: Arc<tokio::sync::Semaphore>,
    /// Agent, ticket, and the suggestion that the agent saw last there.
    shown: Arc<Mutex<VecDeque<(String, Uuid, Uuid)>>>,
}

impl Copilot {
    /// The way in, and what runs its tasks until it is dropped.
    pub fn new() -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (tasks, queue) = mpsc::channel(WAITING);
        (Self { tasks, places: Arc::new(tokio::sync::Semaphore::new(WAITING)), shown: Arc::default() }, run(queue))
    }

    /// Runs something that waits for a model, beside all else.
    ///
    /// # Errors
    /// [`Busy`]; then nothing was done.
    pub fn aside(&self, task: impl Future<Output = ()> + Send + 'static) -> Result<(), Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        let task = Box::pin(async move {
            let _place = place;
            task.await;
        });
        self.tasks.try_send(task).map_err(|_| Busy)
    }

    /// A draft of the agent's next reply, and how to send it.
    ///
    /// # Errors
    /// As [`Helpdesk::ask_copilot`].
    pub async fn suggest(
        &self,
        helpdesk: &Helpdesk,
        caller: &Caller,
        ticket: &Model,
        hint: Option<String>,
    ) -> Result<String, Error> {
        let row = helpdesk.ask_copilot(caller, ticket.id, Kind::Suggestion, hint, PATIENCE).await?.row;
        let text = row.text.as_deref().unwrap_or_default();
        if text.is_empty() {
            return Ok("Nothing to suggest: no page fits, and no language model is configured.".to_owned());
        }
        self.show(caller, ticket.id, row.id);
        let head = match row.source {
            Some(Source::Rules) => "What fits best in the pages (no language model is configured):",
            _ => "A suggestion, not sent:",
        };
        let sources = sources(&row.citations);
        Ok(format!("{head}\n\n{text}\n\n{sources}/send sends it as it is, /suggest TEXT makes one that says TEXT."))
    }

    /// What is known of a ticket, with the assistant's summary where a model has made one.
    ///
    /// # Errors
    /// As [`Helpdesk::ask_copilot`], but for what is the model's: that is told.
    pub async fn summary(
        &self,
        helpdesk: &Helpdesk,
        caller: &Caller,
        ticket: &Model,
        facts: String,
    ) -> Result<String, Error> {
        let asked = helpdesk.ask_copilot(caller, ticket.id, Kind::Summary, None, PATIENCE).await;
        match asked {
            Ok(aid) if aid.row.source == Some(Source::Model) => {
                Ok(format!("{facts}\n\n{}", aid.row.text.unwrap_or_default()))
            }
            // The facts are what rules can say.
            Ok(_) => Ok(facts),
            Err(error @ (Error::Unavailable(_) | Error::NotReady)) => {
                Ok(format!("{facts}\n\nThere is no summary: {error}."))
            }
            Err(error) => Err(error),
        }
    }

    /// Sends the suggestion that the agent saw last, if the conversation has not gone on.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is none; else as [`Helpdesk::send_suggestion`] and [`Helpdesk::check_unheard`].
    pub async fn send(&self, helpdesk: &Helpdesk, caller: &Caller, ticket: &Model) -> Result<(), Error> {
        // One that was sent has made the conversation go on: a repeated stanza finds nothing to send.
        helpdesk.check_unheard().await?;
        let seen = self.seen(caller, ticket.id);
        let none = || Error::Conflict("there is no suggestion to send: ask for one with /suggest".to_owned());
        helpdesk.send_suggestion(caller, ticket.id, seen.ok_or_else(none)?).await
    }

    fn show(&self, caller: &Caller, ticket: Uuid, suggestion: Uuid) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.retain(|(agent, of, _)| !(*agent == caller.id && *of == ticket));
        shown.truncate(SHOWN - 1);
        shown.push_front((caller.id.clone(), ticket, suggestion));
    }

    fn seen(&self, caller: &Caller, ticket: Uuid) -> Option<Uuid> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.iter().find(|(agent, of, _)| *agent == caller.id && *of == ticket).map(|(.., suggestion)| *suggestion)
    }
}

/// Whether an order may wait for a model.
#[must_use]
pub fn is_slow(order: &AtTicket) -> bool {
    matches!(order, AtTicket::Suggest(_) | AtTicket::Summary)
}

/// The same for a command's node.
#[must_use]
pub fn is_slow_node(node: &str) -> bool {
    [Command::Suggest, Command::Summary].iter().any(|command| command.node() == node)
}

/// One line a page, or nothing.
fn sources(citations: &Value) -> String {
    let line = |page: &Value| {
        let title = page["title"].as_str()?;
        let mut line = page["url"].as_str().map_or_else(|| title.to_owned(), |url| format!("{title} – {url}"));
        if page["internal"] == true {
            line.push_str(" (for agents only)");
        }
        Some(line)
    };
    let lines: Vec<String> = citations.as_array().into_iter().flatten().filter_map(line).collect();
    if lines.is_empty() { String::new() } else { format!("From: {}\n\n", lines.join("\nFrom: ")) }
}

async fn run(mut queue: mpsc::Receiver<Task>) {
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            task = queue.recv() => match task {
                Some(task) => drop(running.spawn(task)),
                None => return,
            },
            Some(ended) = running.join_next(), if !running.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "helping an agent failed unexpectedly");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_suggestion_of_each_agent_in_each_ticket_is_remembered() {
        let (copilot, _running) = Copilot::new();
        let caller = |id: &str| Caller { id: id.to_owned(), ..Caller::customer(&"x@y".parse().unwrap()) };
        let (eve, max) = (caller("eve"), caller("max"));
        let [one, two, old, new, other] = [(); 5].map(|()| Uuid::now_v7());
        copilot.show(&eve, one, old);
        copilot.show(&max, one, other);
        copilot.show(&eve, one, new);
        assert_eq!(copilot.seen(&eve, one), Some(new));
        assert_eq!((copilot.seen(&max, one), copilot.seen(&eve, two)), (Some(other), None));
        for _ in 0..SHOWN {
            copilot.show(&eve, Uuid::now_v7(), new);
        }
        assert_eq!((copilot.seen(&max, one), copilot.shown.lock().unwrap().len()), (None, SHOWN));
    }

    #[test]
    fn pages_are_named_a_line_each() {
        assert_eq!(sources(&json!([])), "");
        let pages = json!([
            { "title": "Returns", "url": "https://tea.example/r", "internal": false },
            { "title": "Hours", "url": null, "internal": true },
        ]);
        assert_eq!(sources(&pages), "From: Returns – https://tea.example/r\nFrom: Hours (for agents only)\n\n");
    }
}
