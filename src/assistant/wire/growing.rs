//! What can be shown of an answer that is still being written.

use super::{super::draft::is_hidden, MAX_REPLY_CHARS, without_thoughts};

/// The key that the reply stands behind.
const KEY: &str = "\"reply\"";

/// The reply in what a model has written so far; `None` while none has begun, and of one that is too long to become any.
pub(in super::super) fn reply_so_far(content: &str) -> Option<String> {
    let text = without_thoughts(content).trim_start();
    if !text.contains(['{', '`']) && !"<think>".starts_with(text) {
        return shown(text);
    }
    let (_, behind) = text.split_once(KEY)?;
    let value = behind.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    shown(&unescaped(value))
}

/// As a message would have it.
fn shown(reply: &str) -> Option<String> {
    if reply.chars().nth(MAX_REPLY_CHARS).is_some() {
        return None;
    }
    let seen: String = reply.chars().filter(|c| !is_hidden(*c) || matches!(c, '\n' | '\t')).collect();
    Some(seen.trim().to_owned()).filter(|reply| !reply.is_empty())
}

/// A JSON string (RFC 8259 §7) up to its end or as far as it goes; an escape that is not whole yet is left out.
fn unescaped(value: &str) -> String {
    let mut ends = value.char_indices();
    let mut end = value.len();
    while let Some((at, c)) = ends.next() {
        match c {
            '"' => {
                end = at;
                break;
            }
            '\\' => drop(ends.next()),
            _ => {}
        }
    }
    // A half escape is at most a surrogate's and five characters of its other half.
    (0..=11).filter_map(|less| value.get(..end.checked_sub(less)?)).find_map(read).unwrap_or_default()
}

fn read(part: &str) -> Option<String> {
    // Small models break their lines within strings.
    let part = part.replace('\n', "\\n").replace('\t', "\\t");
    serde_json::from_str(&format!("\"{part}\"")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_grows_with_what_is_written() {
        let whole = r#"{"reply": "Grüß \"Gott\"\n\ud83d\ude00!", "action": "continue", "reason": "\"reply\": \"x\""}"#;
        let mut last = String::new();
        for end in (0..=whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            let now = reply_so_far(&whole[..end]).unwrap_or_default();
            assert!(now.starts_with(&last), "{last:?} {now:?}");
            last = now;
        }
        assert_eq!(last, "Grüß \"Gott\"\n😀!");
    }

    #[test]
    fn plain_text_is_a_reply_and_thoughts_are_none() {
        assert_eq!(reply_so_far("We open at"), Some("We open at".to_owned()));
        for nothing in [
            "",
            " ",
            "<thi",
            "<think>We open",
            "```json",
            "{",
            "{\"rep",
            "{\"reply\"",
            "{\"reply\": null",
            "{\"reply\":\"\\",
        ] {
            assert_eq!(reply_so_far(nothing), None, "{nothing}");
        }
        assert_eq!(reply_so_far("<think>no</think>\nYes"), Some("Yes".to_owned()));
        assert_eq!(reply_so_far("```json\n{\"reply\":\"Two\nlines"), Some("Two\nlines".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn any_content_can_be_looked_at(content in "(\\PC|\\{|\"reply\":|\"|\\\\|\\}|```|\n){0,60}") {
            let _ = reply_so_far(&content);
        }

        #[test]
        fn what_is_shown_in_the_end_is_the_reply(reply in "\\PC{1,80}", cut in 0..80_usize) {
            let whole = serde_json::json!({ "reply": reply }).to_string();
            let shown = reply_so_far(&whole).unwrap_or_default();
            let reply: String = reply.chars().filter(|c| !is_hidden(*c)).collect();
            proptest::prop_assert_eq!(&shown, reply.trim());
            let end = (0..=whole.len().saturating_sub(cut)).rev().find(|end| whole.is_char_boundary(*end)).unwrap();
            let part = reply_so_far(&whole[..end]).unwrap_or_default();
            proptest::prop_assert!(reply.trim().starts_with(&part), "{part:?} {reply:?}");
        }
    }
}
