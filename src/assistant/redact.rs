//! Taking out of a text what belongs to one person, before anybody sees it as knowledge. Pure.
//!
//! Better too much than too little: an agent reads the result, and puts back what should have stayed.

use super::draft::is_hidden;

/// What stands in the place of an address, a number, a link and a name.
const MARKS: [&str; 4] = ["[address]", "[number]", "[link]", "[name]"];

/// Digits that a number may have at most to stay: years, prices, times and amounts are shorter.
const SHORT_NUMBER: usize = 4;
/// Characters from which on a part of a path may be a secret.
const OPAQUE: usize = 16;
/// Shorter names are words of the language too often.
const SHORTEST_NAME: usize = 3;

/// A text without JIDs, e-mail addresses, phone numbers, long numbers, codes with numbers in them, links that carry more
/// than a plain path, and without `names`. A line keeps its breaks.
#[must_use]
pub(super) fn redacted(text: &str, names: &[String]) -> String {
    let text: String = text.chars().filter(|c| matches!(c, '\n' | '\t') || !is_hidden(*c)).collect();
    let names: Vec<String> = names.iter().flat_map(|name| words_of(name)).collect();
    let lines: Vec<String> = text.lines().map(|line| without_numbers(&without_words(line, &names))).collect();
    lines.join("\n")
}

/// Whether a text says something beside what was taken out of it.
#[must_use]
pub(super) fn says_something(text: &str) -> bool {
    let rest = MARKS.iter().fold(text.to_owned(), |rest, mark| rest.replace(mark, " "));
    rest.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 2).count() >= 3
}

/// The words of a name, and without the number behind each: `ann1985` is Ann.
fn words_of(name: &str) -> impl Iterator<Item = String> {
    let words = name.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    let words = words.flat_map(|word| [word.trim_end_matches(char::is_numeric).to_owned(), word]);
    words.filter(|word| word.chars().count() >= SHORTEST_NAME && !word.chars().all(char::is_numeric))
}

/// Word by word; what stands around an address or a link, such as a full stop, stays.
fn without_words(line: &str, names: &[String]) -> String {
    line.split_inclusive(char::is_whitespace)
        .map(|piece| {
            let word = piece.trim_end();
            let space = &piece[word.len()..];
            let core = word.trim_matches(|c: char| ".,;:!?()[]<>\"'“”„»«*_`".contains(c));
            let kept =
                if core.is_empty() { word.to_owned() } else { word.replacen(core, &word_without(core, names), 1) };
            format!("{kept}{space}")
        })
        .collect()
}

fn word_without(word: &str, names: &[String]) -> String {
    if let Some((scheme, rest)) = word.split_once("://") {
        return if is_plain_link(rest) { format!("{scheme}://{rest}") } else { MARKS[2].to_owned() };
    }
    if has_address(word) {
        return MARKS[0].to_owned();
    }
    if is_code(word) {
        return MARKS[1].to_owned();
    }
    without_names(word, names)
}

/// Something on both sides of an `@`, also a full-width one.
fn has_address(word: &str) -> bool {
    let at = |c| matches!(c, '@' | '＠' | '﹫');
    word.find(at).is_some_and(|place| {
        let behind = word[place..].chars().skip(1).any(char::is_alphanumeric);
        behind && word[..place].chars().any(char::is_alphanumeric)
    })
}

/// Letters and several digits in one word: an order, a parcel, a licence.
fn is_code(word: &str) -> bool {
    let digits = word.chars().filter(|c| c.is_numeric()).count();
    digits >= SHORT_NUMBER && word.chars().any(char::is_alphabetic)
}

/// A host and a path of ordinary words: no user, no query, no fragment, nothing that looks like a secret.
fn is_plain_link(rest: &str) -> bool {
    let is_opaque = |part: &str| {
        let digits = part.chars().filter(char::is_ascii_digit).count();
        part.len() >= OPAQUE && digits > 0 || digits > SHORT_NUMBER
    };
    !rest.contains(['@', '?', '#', '=', '%', ';']) && !rest.split('/').any(is_opaque)
}

fn without_names(word: &str, names: &[String]) -> String {
    let parts = word.split_inclusive(|c: char| !c.is_alphanumeric());
    parts
        .map(|part| {
            let name = part.trim_end_matches(|c: char| !c.is_alphanumeric());
            let is_name = names.contains(&name.to_lowercase());
            if is_name { format!("{}{}", MARKS[3], &part[name.len()..]) } else { part.to_owned() }
        })
        .collect()
}

/// Numbers of many digits, however they are grouped: `+49 (30) 123-45 67`, `48213`, `2026-11-25`.
fn without_numbers(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_numeric() || c == '+') {
        let end = number_end(&rest[start..]) + start;
        let number = &rest[start..end];
        kept.push_str(&rest[..start]);
        let is_long = number.chars().filter(|c| c.is_numeric()).count() > SHORT_NUMBER;
        if is_long {
            // The bracket or mark before it is a part of it: `(030) …`, `#48213`.
            let before = kept.trim_end_matches(['(', '#']).len();
            kept.truncate(before);
            kept.push_str(MARKS[1]);
        } else {
            kept.push_str(number);
        }
        rest = &rest[end..];
    }
    kept.push_str(rest);
    kept
}

/// Where a number ends that begins at the beginning: behind its last digit.
fn number_end(text: &str) -> usize {
    let mut end = text.chars().next().map_or(0, char::len_utf8);
    let mut separators = 0;
    for (at, c) in text.char_indices() {
        if c.is_numeric() {
            end = at + c.len_utf8();
            separators = 0;
        } else if at > 0 {
            separators += 1;
            // `10, 20` are two numbers; `12) 34` is one.
            if separators > 2 || !matches!(c, ' ' | '\u{a0}' | '-' | '–' | '/' | '.' | '(' | ')') {
                break;
            }
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(text: &str) -> String {
        redacted(
            text,
            &["ann.smith".to_owned(), "Eve".to_owned(), "bo".to_owned(), "carla99".to_owned(), "jörg".to_owned()],
        )
    }

    #[test]
    fn what_belongs_to_one_person_goes() {
        for (text, expected) in [
            ("Write to ann@example.com.", "Write to [address]."),
            ("xmpp:ann@example.com/phone, mailto:a@b", "[address], [address]"),
            ("ann＠example.com", "[address]"),
            ("an\u{200b}n@exa\u{200b}mple.com", "[address]"),
            ("Call +49 (30) 123-45 67 now", "Call [number] now"),
            ("Call (030) 1234567!", "Call [number]!"),
            ("Order #48213, order TK-48213 or A1B2C3D4", "Order [number], order [number] or [number]"),
            ("Born 1990-05-17", "Born [number]"),
            ("٤٨٢١٣ and 48 213", "[number] and [number]"),
            ("DE89 3704 0044 0532 0130 00", "DE[number]"),
            ("018f3c5e-7c1d-7b7a-8d6e-1f2a3b4c5d6e", "[number]"),
            (
                "See https://tea.example/o?token=abc and https://tea.example/help/returns.",
                "See [link] and https://tea.example/help/returns.",
            ),
            ("https://u:p@tea.example/ https://tea.example/t/a8f5f167f44f4964e6c998de", "[link] [link]"),
            ("Dear Ann, Eve's colleague Smith", "Dear [name], [name]'s colleague [name]"),
            ("Hi ANN!\nBye", "Hi [name]!\nBye"),
            ("Hello Jörg, hello joerg77", "Hello [name], hello joerg77"),
            ("So carla99 is Carla", "So [name] is [name]"),
        ] {
            assert_eq!(redact(text), expected, "{text}");
        }
    }

    #[test]
    fn what_everybody_may_know_stays() {
        for text in [
            "Within 30 days, 9:00 to 17:00, since 2026.",
            "It costs 12.50 €, 3 for 30.",
            "Any announcement annoys; bo knows.",
            "Use @ for at, 1/2 cup at 75 °C.",
            "- one\n- two\n\nthree",
            "From 10, 20 or 1000 on",
            "",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn a_text_of_gaps_says_nothing() {
        assert!(!says_something("[address], [number] [link]!") && !says_something("ok, see [link]"));
        assert!(says_something("Send it back within 30 days."));
    }

    proptest::proptest! {
        #[test]
        fn no_address_and_no_long_number_survives(text in "[a-z0-9@+ .\\-/:()#\n]{0,80}|\\PC{0,80}") {
            let redacted = redact(&text);
            for word in redacted.split_whitespace() {
                proptest::prop_assert!(!has_address(word) || word.contains("://"), "{redacted:?}");
            }
            let longest = redacted.split(|c: char| !c.is_numeric()).map(|run| run.chars().count()).max().unwrap_or(0);
            proptest::prop_assert!(longest <= SHORT_NUMBER || redacted.contains("://"), "{redacted:?}");
        }
    }
}
