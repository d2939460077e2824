//! A text as a reader or a browser takes it.

use unicode_normalization::UnicodeNormalization;

use super::super::draft::is_hidden;

/// A text without invisible characters, with compatibility forms (UAX #15) and the other full stops of host names
/// (UTS #46) as what they stand for, and `/` for `\`; and where each of its bytes came from.
#[derive(Debug)]
pub(in crate::assistant) struct View {
    pub(in crate::assistant) text: String,
    /// For each byte, and for the end.
    origins: Vec<usize>,
}

impl View {
    pub(in crate::assistant) fn of(original: &str) -> Self {
        let mut view =
            Self { text: String::with_capacity(original.len()), origins: Vec::with_capacity(original.len() + 1) };
        let mut seen = original.char_indices().filter(|(_, c)| c.is_whitespace() || !is_hidden(*c)).peekable();
        while let Some((at, c)) = seen.next() {
            let is_ascii_next = seen.peek().is_some_and(|(_, next)| next.nfkc().all(|c| c.is_ascii_alphanumeric()));
            let is_inside = view.text.ends_with(|c: char| c.is_ascii_alphanumeric()) && is_ascii_next;
            for c in c.nfkc() {
                view.text.push(match c {
                    '\u{3002}' if is_inside => '.',
                    '\\' => '/',
                    c => c,
                });
            }
            view.origins.resize(view.text.len(), at);
        }
        view.origins.push(original.len());
        view
    }

    /// The range of the original that became this one.
    pub(in crate::assistant) fn range(&self, start: usize, end: usize) -> (usize, usize) {
        (self.origins[start], self.origins[end])
    }
}
