//! How a model comes to an answer: it may look into the knowledge again, a few times, and then has to decide.

use std::sync::Arc;

use deskbridge_entity::llm_call::Purpose;
use tokio::time::{self, Instant};

use super::{
    brain::{Brain, Failure, Material, Thought},
    claims,
    draft::{Action, Draft, Step},
    guard, history, links,
    llm::LlmError,
    meter::Meter,
    model::{Model, ModelError, Terms},
    outcome, plain,
    progress::Progress,
    prompt::{ChatMessage, Desk, Fact, Objection, Prompt, Searched},
    sources,
    weigh::{self, Basis, Fault},
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
    pub(super) progress: &'a Progress,
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

impl Found {
    fn retrieval(&self) -> Retrieval {
        match (self.asked, self.passages.is_empty()) {
            (false, _) => Retrieval::NotAsked,
            (true, false) => Retrieval::Found,
            (true, true) => Retrieval::Nothing,
        }
    }
}

impl Brain {
    pub(super) async fn answer(&self, asked: &Asked<'_>) -> Result<Thought, Failure> {
        let Due { ticket, transcript } = asked.due;
        let desk = desk(&ticket.desk, self.desks.get(&ticket.desk));
        let terms = Terms {
            purpose: Purpose::Answer,
            meter: asked.meter,
            until: asked.until,
            progress: Some(asked.progress),
            max_tokens: self.max_tokens,
        };
        let (numbers, mut turns) = history::turns(transcript);
        let mut earlier = ticket.context_summary.clone();
        let mut condensed = None;
        let mut objection: Option<Objection> = None;
        // Only before the first draft: later the model has asked for something, and waits for what came of it.
        let mut may_condense = true;
        let mut step = 1;
        let mut found = self.first_look(asked).await?;
        if found.asked && found.passages.is_empty() && step < self.max_steps {
            step += 1;
            if let Some(query) = self.reword(asked, desk, &turns, &terms).await {
                self.look_again(asked, &mut found, query).await?;
            }
        }
        let (draft, citations) = loop {
            let facts = facts(ticket.episode_summary.as_deref(), earlier.as_deref());
            let may_search = found.asked && !found.exhausted && step < self.max_steps;
            let prompt = Prompt {
                desk,
                facts: &facts,
                passages: &found.passages,
                searches: &found.searches,
                search: may_search,
                history: &turns,
                triage: !ticket.subject_is_named,
                language: history::language(transcript),
                objection: objection.as_ref(),
                budget_tokens: self.context_tokens,
            };
            let rendered = self.prompts.messages(&prompt)?;
            if rendered.left_out > 0 && std::mem::take(&mut may_condense) {
                let long = (numbers.as_slice(), turns.as_slice());
                if let Some((new, covered)) = self.condense(asked.model, ticket, long, &terms).await {
                    turns.drain(..covered);
                    earlier = Some(new.summary.clone());
                    condensed = Some(new);
                    continue;
                }
            }
            may_condense = false;
            let form = Form::Draft { triage: prompt.triage, search: may_search, passages: found.passages.len() };
            match asked.model.step(&rendered.messages, form, &terms).await.map_err(Failure::Model)? {
                Step::Search(query) if may_search => self.look_again(asked, &mut found, query).await?,
                Step::Search(_) => {
                    let reason = "the model wanted to search on and on and gave no answer";
                    break (Draft::hand_off("", reason), Vec::new());
                }
                Step::Draft(draft) => {
                    let said = said(asked, earlier.as_deref());
                    let draft = guarded(draft, &rendered.messages, desk, &found.passages, &said)?;
                    let (draft, weighed) = self.weighed(asked, desk, earlier.as_deref(), draft, &found);
                    match weighed {
                        Ok(citations) => break (draft, citations),
                        Err(Fault::Mendable(reason, new)) if objection.is_none() && step < self.max_steps => {
                            tracing::info!(ticket.id = %ticket.id, reason, "a draft is made anew");
                            objection = Some(new);
                        }
                        // The reply goes: it may be wrong, and the line of the hand-off is true.
                        Err(fault) => {
                            let reason = Some(fault.reason().to_owned());
                            let draft = Draft { reply: String::new(), action: Action::HandOff, reason, ..draft };
                            break (draft, Vec::new());
                        }
                    }
                }
            }
            step += 1;
        };
        tracing::info!(ticket.id = %ticket.id, steps = step, sources = citations.len(), "a draft is made");
        let thought = finish(asked, draft, citations, found)?;
        Ok(Thought { drafted: Drafted { condensed, ..thought.drafted }, ..thought })
    }

    /// The draft without what may not be in it, and the passages that it rests on, or why it is not sent.
    fn weighed(
        &self,
        asked: &Asked<'_>,
        desk: Desk<'_>,
        earlier: Option<&str>,
        draft: Draft,
        found: &Found,
    ) -> (Draft, Result<Vec<usize>, Fault>) {
        let ticket = &asked.due.ticket;
        let (reply, shown) = sources::cleaned(&draft.reply, &draft.citations, &found.passages);
        let draft = Draft { reply, ..draft };
        let told = history::told(&asked.due.transcript);
        let basis = Basis {
            retrieval: found.retrieval(),
            passages: &found.passages,
            nothing_before: ticket.nothing_found,
            has_pages: self.knows(&ticket.desk),
            question: asked.question,
            said: &[told.as_str(), earlier.unwrap_or_default(), ticket.episode_summary.as_deref().unwrap_or_default()]
                .join("\n"),
            answered: &history::answered(&asked.due.transcript),
            is_reworded: !found.searches.is_empty(),
            own: &format!("{}\n{}", desk.title, desk.instructions.unwrap_or_default()),
        };
        if draft.action == Action::HandOff && !claims::only_passes_on(&draft.reply) {
            // The desk's own line is true.
            return (Draft { reply: String::new(), ..draft }, Ok(Vec::new()));
        }
        let weighed = weigh::weigh(&draft, &shown, &basis);
        (draft, weighed)
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
        asked.progress.searches(&query);
        let before = found.passages.len();
        let search = self.search_by_query(&asked.due.ticket.desk, &query);
        for passage in time::timeout_at(asked.until, search).await.map_err(|_| Failure::Timeout(self.timeout))? {
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

/// What the model may say because it was said before.
fn said<'a>(asked: &Asked<'a>, earlier: Option<&'a str>) -> Vec<&'a str> {
    let Due { ticket, transcript } = asked.due;
    let before = [ticket.episode_summary.as_deref(), earlier].into_iter().flatten();
    before.chain(transcript.iter().map(|said| said.body.as_str())).collect()
}

/// A draft that carries nothing of what the model was told and may not pass on, nor addresses that nobody has shown it.
fn guarded(
    draft: Draft,
    messages: &[ChatMessage],
    desk: Desk<'_>,
    passages: &[Arc<Passage>],
    said: &[&str],
) -> Result<Draft, Failure> {
    // The first of them is the text that the model was given before all else.
    let system = messages.first().map(|message| message.content.as_str()).unwrap_or_default();
    let told = guard::Told { system, instructions: desk.instructions, title: desk.title, passages };
    let known = desk.instructions.into_iter().chain(said.iter().copied());
    let reply = told.guarded(&draft.reply, known).map_err(|error| Failure::Model(error.into()))?;
    let subject = draft.subject.filter(|subject| !told.is_touched_by(subject));
    let subject = subject.map(|subject| links::without_foreign_links(&subject, &[]));
    Ok(Draft { reply, subject, ..draft })
}

/// Makes a thought of a draft and the passages that it rests on.
fn finish(asked: &Asked<'_>, draft: Draft, citations: Vec<usize>, found: Found) -> Result<Thought, Failure> {
    let Due { ticket, transcript } = asked.due;
    // An answer may have been nothing but a link, or characters that nobody sees.
    if draft.action != Action::HandOff && !draft.reply.chars().any(is_visible) {
        let error = LlmError::Malformed("nothing is left of it without links");
        return Err(Failure::Model(ModelError::Failed(error)));
    }
    // Sources without a word are no words for a hand-off.
    let citations = if draft.reply.trim().is_empty() { Vec::new() } else { citations };
    let reply = sources::with_sources(&draft.reply, &citations, &found.passages);
    let (triage, retrieval) = (outcome::triage(&draft), found.retrieval());
    let outcome = outcome::outcome(Draft { reply, ..draft }, ticket, transcript);
    let drafted = Drafted { triage, retrieval, ..Drafted::of(outcome) };
    Ok(Thought { drafted, passages: found.passages, citations })
}

/// Letters, digits, and symbols such as emoji: an answer has at least one.
fn is_visible(c: char) -> bool {
    c.is_alphanumeric() || (c >= '\u{2190}' && c != '\u{FEFF}')
}
