//! Prompts for what the model writes beside an answer: a summary of what was said, the words to look a question up by. Pure.
//!
//! Each has a short system text of its own and the conversation in one fence.

use minijinja::context;

use super::{
    Author, ChatMessage, Desk, MIN_LINES_TOKENS, PromptError, Prompts, Role, Turn, end_within, estimate_tokens,
    neutralised,
};

impl Prompts {
    /// The messages of a request for a summary of what was said; `before` is the summary of what stood before it. Of
    /// what is too long, the end stays.
    ///
    /// # Errors
    ///
    /// As [`Prompts::messages`].
    pub fn summary(
        &self,
        before: Option<&str>,
        turns: &[Turn],
        budget_tokens: usize,
    ) -> Result<Vec<ChatMessage>, PromptError> {
        let system = self.render("summary.md.j2", context! {})?;
        let before =
            before.map(|before| format!("<before>\n{}\n</before>\n\n", neutralised(before))).unwrap_or_default();
        Ok(beside(system, &before, turns, budget_tokens))
    }

    /// The messages of a request for the words that the customer's newest lines are to be looked up by. `language` is the
    /// pages', in English. Of what is too long, the end stays.
    ///
    /// # Errors
    ///
    /// As [`Prompts::messages`].
    pub fn query(
        &self,
        desk: Desk<'_>,
        language: Option<&str>,
        turns: &[Turn],
        budget_tokens: usize,
    ) -> Result<Vec<ChatMessage>, PromptError> {
        let system = self.render("query.md.j2", context! { desk => context! { title => desk.title }, language })?;
        let mut messages = beside(system, "", turns, budget_tokens);
        if let Some(last) = messages.last_mut() {
            last.content.push_str("\n\nQuery:");
        }
        Ok(messages)
    }
}

/// The system text, and the end of what was said, as far as both fit.
fn beside(system: String, before: &str, turns: &[Turn], budget_tokens: usize) -> Vec<ChatMessage> {
    let said = turns.iter().map(|turn| {
        let who = match turn.author {
            Author::Customer => "Customer",
            Author::Assistant => "Assistant",
            Author::Agent => "Agent",
        };
        format!("{who}: {}", neutralised(&turn.text))
    });
    let said = said.collect::<Vec<_>>().join("\n");
    let room = budget_tokens.saturating_sub(estimate_tokens(&system) + estimate_tokens(before));
    let said = end_within(&said, room.max(MIN_LINES_TOKENS));
    let content = format!("{before}<conversation>\n{said}\n</conversation>");
    vec![ChatMessage { role: Role::System, content: system }, ChatMessage { role: Role::User, content }]
}
