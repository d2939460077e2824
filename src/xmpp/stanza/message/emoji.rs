//! What is an emoji: nothing else is a reaction (XEP-0444 §3).

/// The longest in characters: a family of four with skin tones and joiners has 11.
const MAX_CHARS: usize = 12;
/// Shows what is before it as a picture.
const PICTURE: char = '\u{FE0F}';
const JOINER: char = '\u{200D}';
/// Puts a cap on the key before it.
const KEYCAP: char = '\u{20E3}';

/// Whether a text is an emoji, or a few in a row. It need not be one that Unicode has today, but it has neither letters
/// nor anything that nobody sees.
pub(super) fn is_emoji(text: &str) -> bool {
    let is_key = |c: char| c.is_ascii_digit() || matches!(c, '#' | '*');
    let is_part = |c| matches!(c, PICTURE | JOINER) || is_picture(c);
    let is_keycap = || {
        let mut chars = text.chars().filter(|c| *c != PICTURE);
        chars.next().is_some_and(is_key) && chars.next() == Some(KEYCAP) && chars.next().is_none()
    };
    let is_row = || text.chars().any(is_picture) && text.chars().all(is_part);
    text.chars().count() <= MAX_CHARS && (is_row() || is_keycap())
}

/// The blocks that have emoji: symbols, arrows and pictographs.
fn is_picture(c: char) -> bool {
    matches!(c,
        '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{24C2}' | '\u{3030}' | '\u{303D}'
        | '\u{3297}' | '\u{3299}' | '\u{2190}'..='\u{21FF}' | '\u{2300}'..='\u{23FF}' | '\u{25A0}'..='\u{27BF}'
        | '\u{2900}'..='\u{297F}' | '\u{2B00}'..='\u{2BFF}' | '\u{1F000}'..='\u{1F0FF}' | '\u{1F170}'..='\u{1FAFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_no_text() {
        for emoji in ["👍", "👍🏽", "❤️", "❤", "👨🏻‍👩🏽‍👧🏿‍👦🏾", "🇩🇪", "3️⃣", "#️⃣", "🎉🎉🎉", "✅", "↩️", "🏳️‍🌈"]
        {
            assert!(is_emoji(emoji), "{emoji}");
        }
        let hidden = "👍\u{E0068}\u{E0069}";
        let many = "👍".repeat(MAX_CHARS + 1);
        for text in [
            "",
            "a",
            "+1",
            "7",
            "ok 👍",
            "👍 https://evil.example",
            "👍a",
            "\u{FE0F}",
            "\u{200D}",
            hidden,
            &many,
            "12\u{20E3}",
            "é",
            "好",
        ] {
            assert!(!is_emoji(text), "{text:?}");
        }
    }
}
