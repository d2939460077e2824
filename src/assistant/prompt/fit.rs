//! What fits into a prompt.

use super::{Author, Turn};

/// What the customer's newest lines may always take, in tokens, however small the budget is.
pub(super) const MIN_LINES_TOKENS: usize = 200;

/// An estimate of a text's length in tokens: one for four characters, rounded up, and four for the frame of a message.
///
/// True for English within a fifth or so; other scripts take more. A budget therefore stays well below the model's
/// context.
#[must_use]
pub fn estimate_tokens(text: &str) -> usize {
    text.chars().count().div_ceil(CHARS_PER_TOKEN) + FRAME_TOKENS
}

const CHARS_PER_TOKEN: usize = 4;
const FRAME_TOKENS: usize = 4;

/// The newest of `turns` that fit into `room`. A history that was cut begins with the customer.
pub(in super::super) fn latest_within(turns: &[Turn], room: usize) -> &[Turn] {
    let mut left = room;
    let mut from = turns.len();
    for (at, turn) in turns.iter().enumerate().rev() {
        let Some(rest) = left.checked_sub(estimate_tokens(&turn.text)) else {
            break;
        };
        left = rest;
        from = at;
    }
    if from > 0 {
        // An answer without its question misleads, and many chat templates refuse to begin with one.
        from += turns[from..].iter().take_while(|turn| turn.author != Author::Customer).count();
    }
    &turns[from..]
}

/// The end of `text` that fits into `tokens`, marked when it was cut.
pub(super) fn end_within(text: &str, tokens: usize) -> String {
    let chars = tokens.saturating_sub(FRAME_TOKENS) * CHARS_PER_TOKEN;
    let count = text.chars().count();
    if count <= chars {
        return text.to_owned();
    }
    let mark = "[…] ";
    let end: String = text.chars().skip(count - chars.saturating_sub(mark.chars().count())).collect();
    format!("{mark}{end}")
}
