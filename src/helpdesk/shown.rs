//! What agents read by chat of what strangers write: nothing that is not seen.

use std::borrow::Cow;

/// Takes out what nobody sees and what turns the direction of the text, and makes every line break a plain one. Joiners
/// and marks that Arabic, Hebrew or Indic writing needs stay.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| is_unseen(c) || (is_line_break(c) && c != '\n')) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    let seen = text.chars().filter(|c| !is_unseen(*c));
    Cow::Owned(seen.map(|c| if is_line_break(c) { '\n' } else { c }).collect())
}

/// Whether a program may begin a new line here.
#[must_use]
pub fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_unseen(c: char) -> bool {
    let is_control = c.is_control() && c != '\t' && !is_line_break(c);
    let turns = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let is_nothing = matches!(c, '\u{180E}' | '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}'
        | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E01EF}');
    is_control || turns || is_nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_not_there() {
        assert_eq!(shown("r\u{202e}gnp\u{202c} \u{2066}x\u{2069}\u{200b}\u{feff}\u{e0041}\u{9b}\u{0}."), "rgnp x.");
        assert_eq!(shown("a\r\nb\rc\u{2028}d\u{85}e\tf\n"), "a\nb\nc\nd\ne\tf\n");
        let plain = "👨‍👩‍👧 ❤️ نمی‌دانم שלום\u{200f}";
        assert_eq!(shown(plain), plain);
    }
}
