//! What agents ask for: a suggested reply, and a summary. By the model, or by rules where there is none.

use std::sync::Arc;

use deskbridge_entity::{
    copilot::{Kind, Source},
    llm_call::Purpose,
    message::Author,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    brain::{Brain, Failure},
    guard,
    llm::LlmError,
    meter::Meter,
    model::{Model, ModelError, Terms},
    prompt::{
        ChatMessage, Desk,
        case::{Case, Speaker, Task},
    },
    situation::{Before, situation},
    sources,
};
use crate::{
    helpdesk::{Made, Request, Said},
    knowledge::{Audience, Passage},
};

/// Makes what is asked for. Dropping the future drops the model's request, too; what was spent is in `meter`.
///
/// # Errors
/// [`Failure`]; nothing else comes of it.
pub(super) async fn make(brain: &Brain, request: &Request, meter: &Meter) -> Result<Made, Failure> {
    match (request.row.kind, &brain.model) {
        (Kind::Suggestion, Some(model)) => suggest(brain, model, request, meter).await,
        // What stands as it is in a text for the customer must be a customer's to read.
        (Kind::Suggestion, None) => Ok(quote(&passages(brain, request, Audience::Customer).await)),
        (Kind::Summary, Some(model)) => {
            let lines: Vec<_> = request.said.iter().filter_map(line).collect();
            let messages = brain.prompts.case(Task::Summary, &case(brain, &request.ticket.desk, &lines))?;
            let text = ask(brain, model, Purpose::Summary, &messages, meter).await?;
            let (text, _) = sources::apart(&text, &[], &[], "");
            Ok(made(said(text)?, &[], Source::Model))
        }
        (Kind::Summary, None) => {
            let public = request.said.iter().filter(|said| !said.is_note);
            let said: Vec<_> = public.map(|said| (said.author, said.body.as_str())).collect();
            Ok(made(situation(&request.ticket.subject, &Before::default(), &said), &[], Source::Rules))
        }
    }
}

async fn suggest(brain: &Brain, model: &Model, request: &Request, meter: &Meter) -> Result<Made, Failure> {
    let passages = passages(brain, request, Audience::Agent).await;
    let lines: Vec<_> = request.said.iter().filter_map(line).collect();
    let hint = Some(request.row.hint.as_str()).filter(|hint| !hint.is_empty());
    let case = Case { passages: &passages, hint, ..case(brain, &request.ticket.desk, &lines) };
    let messages = brain.prompts.case(Task::Suggestion, &case)?;
    let text = ask(brain, model, Purpose::Suggestion, &messages, meter).await?;
    // It may be sent as it is.
    let system = messages.first().map_or("", |message| message.content.as_str());
    let Desk { title, instructions } = case.desk;
    let told = guard::Told { system, instructions, title, passages: &passages };
    let public = lines.iter().filter(|(speaker, _)| *speaker != Speaker::Note).map(|(_, text)| *text);
    let text =
        told.guarded(&text, public.chain(instructions).chain(hint)).map_err(|error| Failure::Model(error.into()))?;
    let (text, cited) = sources::apart(&text, &[], &passages, hint.unwrap_or_default());
    Ok(made(said(text)?, &cited, Source::Model))
}

/// The passages that fit best, as they stand.
fn quote(passages: &[Arc<Passage>]) -> Made {
    let texts: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
    made(texts.join("\n\n"), passages, Source::Rules)
}

fn made(text: String, cited: &[Arc<Passage>], source: Source) -> Made {
    let citation = |passage: &Arc<Passage>| {
        let internal = passage.audience == Audience::Agent;
        json!({ "title": passage.title, "url": passage.url, "internal": internal })
    };
    let citations = cited.iter().map(citation);
    Made { text, citations: Value::Array(citations.collect()), source }
}

/// A prompt about a ticket, without passages and hint.
pub(super) fn case<'a>(brain: &'a Brain, desk: &'a str, lines: &'a [(Speaker, &'a str)]) -> Case<'a> {
    let material = brain.desks.get(desk);
    let desk = Desk {
        title: material.map_or(desk, |material| &material.title),
        instructions: material.and_then(|material| material.prompt.as_deref()),
    };
    Case { desk, passages: &[], lines, hint: None, budget_tokens: brain.context_tokens }
}

/// Asks the model for a text.
pub(super) async fn ask(
    brain: &Brain,
    model: &Model,
    purpose: Purpose,
    messages: &[ChatMessage],
    meter: &Meter,
) -> Result<String, Failure> {
    let until = Instant::now() + brain.timeout;
    let terms = Terms { purpose, meter, until, progress: None, max_tokens: brain.max_tokens };
    model.text(messages, &terms).await.map_err(|error| match error {
        ModelError::OutOfTime => Failure::Timeout(brain.timeout),
        error => Failure::Model(error),
    })
}

/// A text that is not empty.
pub(super) fn said(text: String) -> Result<String, Failure> {
    if text.chars().any(char::is_alphanumeric) {
        return Ok(text);
    }
    Err(Failure::Model(LlmError::Malformed("nothing is left of it without links").into()))
}

/// What Deskbridge itself said to the customer is no part of the matter; what it noted for the staff is.
fn line(said: &Said) -> Option<(Speaker, &str)> {
    let speaker = match said.author {
        _ if said.is_note => Speaker::Note,
        Author::Customer => Speaker::Customer,
        Author::Assistant => Speaker::Assistant,
        Author::Agent => Speaker::Agent,
        Author::System => return None,
    };
    Some((speaker, &said.body))
}

/// What the desk's pages say to what the customer asks, or asked last, and to what the agent wants to say.
async fn passages(brain: &Brain, request: &Request, audience: Audience) -> Vec<Arc<Passage>> {
    let mut question = question(&request.said);
    if !request.row.hint.is_empty() {
        question = format!("{question}\n{}", request.row.hint);
    }
    brain.search_for(audience, &request.ticket.desk, &question).await
}

/// The last lines that the customer wrote in a row.
fn question(said: &[Said]) -> String {
    let spoken: Vec<&Said> = said.iter().filter(|said| !said.is_note && said.author != Author::System).collect();
    let behind = spoken.iter().rev().skip_while(|said| said.author != Author::Customer);
    let mut lines: Vec<&str> =
        behind.take_while(|said| said.author == Author::Customer).map(|said| said.body.as_str()).collect();
    lines.reverse();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(author: Author, body: &str) -> Said {
        Said { author, name: None, is_note: false, body: body.to_owned() }
    }

    #[test]
    fn the_question_is_what_the_customer_wrote_last_whoever_has_spoken_since() {
        let note = Said { is_note: true, ..say(Author::Agent, "note") };
        let said = [
            say(Author::Customer, "old"),
            say(Author::Assistant, "answer"),
            say(Author::Customer, "one"),
            note,
            say(Author::System, "in the queue"),
            say(Author::Customer, "two"),
            say(Author::Agent, "hm"),
        ];
        assert_eq!(question(&said), "one\ntwo");
        assert_eq!(question(&said[..2]), "old");
        assert_eq!(question(&[]), "");
    }

    #[test]
    fn notes_are_notes_whoever_wrote_them_and_our_own_lines_are_nobodys() {
        let note = |author| Said { is_note: true, ..say(author, "x") };
        assert_eq!(line(&note(Author::System)), Some((Speaker::Note, "x")));
        assert_eq!(line(&note(Author::Agent)), Some((Speaker::Note, "x")));
        assert_eq!(line(&say(Author::System, "x")), None);
        assert_eq!(line(&say(Author::Agent, "x")), Some((Speaker::Agent, "x")));
    }
}
