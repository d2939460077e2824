//! Fences in a prompt: what stands between them is material, and cannot end them.

use super::draft::is_hidden;

/// Takes the fence characters out of text we did not write, so that it cannot close a fence or open one.
#[must_use]
pub(super) fn neutralised(text: &str) -> String {
    let visible: String = text.chars().filter(|c| matches!(c, '\n' | '\t') || !is_hidden(*c)).collect();
    let mut kept = String::with_capacity(visible.len());
    let mut rest = visible.as_str();
    while let Some(c) = rest.chars().next() {
        let (c, length) = entity(rest).unwrap_or((c, c.len_utf8()));
        kept.push(match c {
            // Models read the full-width and the small forms as what they look like.
            '<' | '\u{FF1C}' | '\u{FE64}' => '‹',
            '>' | '\u{FF1E}' | '\u{FE65}' => '›',
            c => c,
        });
        rest = &rest[length..];
    }
    kept
}

/// A fence character that is written as an HTML entity at the beginning of `text`, and how long it is.
fn entity(text: &str) -> Option<(char, usize)> {
    let name = text.strip_prefix('&')?;
    let length = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '#')).unwrap_or(name.len());
    let lower = name[..length].to_ascii_lowercase();
    let number = lower.strip_prefix('#').map(|number| match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    });
    let c = match (lower.as_str(), number) {
        ("lt", _) | (_, Some(Ok(0x3C))) => '<',
        ("gt", _) | (_, Some(Ok(0x3E))) => '>',
        _ => return None,
    };
    let end = if name[length..].starts_with(';') { 1 } else { 0 };
    Some((c, 1 + length + end))
}
