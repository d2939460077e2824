//! How a model comes to an answer: it may look into the knowledge again, a few times, and then has to decide.

use std::sync::Arc;

use deskbridge_entity::llm_call::Purpose;
use tokio::time::{self, Instant};

use super::{
    brain::{Brain, Failure, Material, Thought},
    draft::{Action, Draft, Step},
    guard, history, links,
    llm::LlmError,
    meter::Meter,
    model::{Model, ModelError, Terms},
    outcome, plain,
    prompt::{ChatMessage, Desk, Fact, Prompt, Searched},
    sources,
    wire::Form,
};
use crate::{
    helpdesk::{Drafted, Due, Retrieval, phrases},
    knowledge::Passage,
};

/// What is to be answered, and by what.
pub(super) struct Asked<'a> {
    pub(super) model: &'a Model,
    pub(super) due: &'a Due,
    pub(super) question: &'a str,
    pub(super) meter: &'a Meter,
    pub(super) until: Instant,
}

/// What a run has looked up.
#[derive(Default)]
struct Found {
    passages: Vec<Arc<Passage>>,
    searches: Vec<Searched>,
    /// Whether the knowledge was asked at all.
    asked: bool,
    /// Nothing more is to be had of it.
    exhausted: bool,
}

impl Brain {
    pub(super) async fn answer(&self, asked: &Asked<'_>) -> Result<Thought, Failure> {
        let Due { ticket, transcript } = asked.due;
        let material = self.desks.get(&ticket.desk);
        let terms =
            Terms { purpose: Purpose::Answer, meter: asked.meter, until: asked.until, max_tokens: self.max_tokens };
        let mut found = self.first_look(asked).await?;
        let (numbers, mut turns) = history::turns(transcript);
        let mut earlier = ticket.context_summary.clone();
        let mut condensed = None;
        let mut step = 1;
        let (draft, system) = loop {
            let facts = facts(ticket.episode_summary.as_deref(), earlier.as_deref());
            let may_search = found.asked && !found.exhausted && step < self.max_steps;
            let prompt = Prompt {
                desk: desk(&ticket.desk, material),
                facts: &facts,
                passages: &found.passages,
                searches: &found.searches,
                search: may_search,
                history: &turns,
                triage: !ticket.subject_is_named,
                budget_tokens: self.context_tokens,
            };
            let rendered = self.prompts.messages(&prompt)?;
            if rendered.left_out > 0 && step == 1 && condensed.is_none() {
                let long = (numbers.as_slice(), turns.as_slice());
                if let Some((new, covered)) = self.condense(asked.model, ticket, long, &terms).await {
                    turns.drain(..covered);
                    earlier = Some(new.summary.clone());
                    condensed = Some(new);
                    continue;
                }
            }
            let form = Form::Draft { triage: prompt.triage, search: may_search, passages: found.passages.len() };
            match asked.model.step(&rendered.messages, form, &terms).await.map_err(Failure::Model)? {
                Step::Draft(draft) => break (draft, system_of(rendered.messages)),
                Step::Search(query) if may_search => self.look_again(asked, &mut found, query).await?,
                Step::Search(_) => {
                    let reason = "the model wanted to search on and on and gave no answer";
                    break (Draft::hand_off("", reason), system_of(rendered.messages));
                }
            }
            step += 1;
        };
        let desk = desk(&ticket.desk, material);
        let told = guard::Told {
            system: &system,
            instructions: desk.instructions,
            title: desk.title,
            passages: &found.passages,
        };
        let known = [desk.instructions, ticket.episode_summary.as_deref(), earlier.as_deref()].into_iter().flatten();
        let draft = guarded(draft, &told, known.chain(transcript.iter().map(|said| said.body.as_str())))?;
        let thought = finish(asked, draft, found)?;
        tracing::info!(ticket.id = %ticket.id, steps = step, uncited = thought.is_uncited, "a draft is made");
        Ok(Thought { drafted: Drafted { condensed, ..thought.drafted }, ..thought })
    }

    /// What the customer's words bring. Who greets, thanks or asks about the assistant asks for no page. What follows up
    /// on a question ("and to Austria?") is looked up together with it, if it finds nothing alone.
    async fn first_look(&self, asked: &Asked<'_>) -> Result<Found, Failure> {
        let Due { ticket, transcript } = asked.due;
        let is_talk = phrases::small_talk(asked.question).is_some() || plain::is_about_us(asked.question);
        if is_talk || asked.question.trim().is_empty() || !self.knows(&ticket.desk) {
            return Ok(Found::default());
        }
        let mut passages = self.look(asked, asked.question).await?;
        let before = history::question_before(transcript);
        if passages.is_empty() && !before.is_empty() {
            passages = self.look(asked, &format!("{before}\n{}", asked.question)).await?;
        }
        Ok(Found { passages, asked: true, ..Found::default() })
    }

    async fn look_again(&self, asked: &Asked<'_>, found: &mut Found, query: String) -> Result<(), Failure> {
        let before = found.passages.len();
        for passage in self.look(asked, &query).await? {
            if !found.passages.iter().any(|known| **known == *passage) {
                found.passages.push(passage);
            }
        }
        let new = found.passages.len() - before;
        // Twice the same, or twice for nothing: it will not get better.
        let same = |searched: &Searched| searched.query.eq_ignore_ascii_case(&query);
        let was_vain = found.searches.last().is_some_and(|searched| searched.found == 0);
        found.exhausted = new == 0 && (was_vain || found.searches.iter().any(same));
        found.searches.push(Searched { query, found: new });
        Ok(())
    }

    async fn look(&self, asked: &Asked<'_>, query: &str) -> Result<Vec<Arc<Passage>>, Failure> {
        let search = self.search(&asked.due.ticket.desk, query);
        time::timeout_at(asked.until, search).await.map_err(|_| Failure::Timeout(self.timeout))
    }
}

fn desk<'a>(name: &'a str, material: Option<&'a Material>) -> Desk<'a> {
    Desk {
        title: material.map_or(name, |material| &material.title),
        instructions: material.and_then(|material| material.prompt.as_deref()),
    }
}

fn facts(with_people: Option<&str>, earlier: Option<&str>) -> Vec<Fact> {
    let fact = |name: &str, value: Option<&str>| Some(Fact { name: name.to_owned(), value: value?.to_owned() });
    [fact("before, with a colleague", with_people), fact("earlier in this conversation", earlier)]
        .into_iter()
        .flatten()
        .collect()
}

/// The text that the model was given before all else.
fn system_of(messages: Vec<ChatMessage>) -> String {
    messages.into_iter().next().map(|message| message.content).unwrap_or_default()
}

/// A draft that carries nothing of what the model was told and may not pass on, nor addresses that nobody has shown it.
fn guarded<'a>(
    draft: Draft,
    told: &'a guard::Told<'_>,
    known: impl Iterator<Item = &'a str>,
) -> Result<Draft, Failure> {
    let reply = told.guarded(&draft.reply, known).map_err(|error| Failure::Model(error.into()))?;
    let subject = draft.subject.filter(|subject| !told.is_touched_by(subject));
    let subject = subject.map(|subject| links::without_foreign_links(&subject, &[]));
    Ok(Draft { reply, subject, ..draft })
}

/// Holds a draft against what was retrieved.
fn finish(asked: &Asked<'_>, draft: Draft, found: Found) -> Result<Thought, Failure> {
    let Due { ticket, transcript } = asked.due;
    let retrieval = match (found.asked, found.passages.is_empty()) {
        (false, _) => Retrieval::NotAsked,
        (true, false) => Retrieval::Found,
        (true, true) => Retrieval::Nothing,
    };
    let draft = match refusal(&draft, retrieval, ticket.nothing_found, asked.question) {
        // The reply goes: it may be wrong, and the line of the hand-off is true.
        Some(reason) => Draft { reply: String::new(), action: Action::HandOff, reason: Some(reason.into()), ..draft },
        None => draft,
    };
    let (reply, citations) = if draft.reply.trim().is_empty() {
        // Sources without a word are no words for a hand-off.
        (String::new(), Vec::new())
    } else {
        sources::with_sources(&draft.reply, &draft.citations, &found.passages)
    };
    // An answer may have been nothing but a link, or characters that nobody sees.
    if draft.action != Action::HandOff && !reply.chars().any(is_visible) {
        let error = LlmError::Malformed("nothing is left of it without links");
        return Err(Failure::Model(ModelError::Failed(error)));
    }
    let is_uncited = draft.action == Action::Continue
        && retrieval == Retrieval::Found
        && citations.is_empty()
        && plain::states_something(&reply, asked.question);
    let triage = outcome::triage(&draft);
    let outcome = outcome::outcome(Draft { reply, ..draft }, ticket, transcript);
    let drafted = Drafted { triage, retrieval, ..Drafted::of(outcome) };
    Ok(Thought { drafted, passages: found.passages, citations, is_uncited })
}

/// Why a draft is not sent although the model would: where the desk has pages and none fits, the model has nothing to
/// answer from, whatever it says. `before` counts the questions right before this one for which nothing was found.
fn refusal(draft: &Draft, retrieval: Retrieval, before: i64, question: &str) -> Option<&'static str> {
    if retrieval != Retrieval::Nothing || draft.action == Action::HandOff {
        return None;
    }
    if before > 0 {
        return Some("the help pages have nothing for the customer's questions, twice in a row");
    }
    let answers = draft.action != Action::Clarify && plain::states_something(&draft.reply, question);
    answers.then_some("the model answered without a page to answer from")
}

/// Letters, digits, and symbols such as emoji: an answer has at least one.
fn is_visible(c: char) -> bool {
    c.is_alphanumeric() || (c >= '\u{2190}' && c != '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_page_nothing_is_stated_and_twice_nothing_is_a_persons() {
        let asks = "Do you repair bicycles?";
        let answer = Draft::new("Yes, we do.", Action::Continue);
        let back = Draft::new("What kind of bicycle is it?", Action::Clarify);
        let refused = |draft: &Draft, retrieval, before| refusal(draft, retrieval, before, asks).is_some();
        assert!(refused(&answer, Retrieval::Nothing, 0) && refused(&answer, Retrieval::Nothing, 1));
        assert!(!refused(&back, Retrieval::Nothing, 0) && refused(&back, Retrieval::Nothing, 1));
        for retrieval in [Retrieval::Found, Retrieval::NotAsked] {
            assert!(!refused(&answer, retrieval, 5));
        }
        assert!(!refused(&Draft::hand_off("I do not know.", "r"), Retrieval::Nothing, 1));
        let chat = Draft::new("Good luck!", Action::Continue);
        assert_eq!(refusal(&chat, Retrieval::Nothing, 0, "ok I will try that"), None);
    }
}
