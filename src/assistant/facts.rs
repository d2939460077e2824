//! The facts that a text states, as far as a program can tell: what can be looked up and would do harm if it were made up.

mod words;

use std::{collections::BTreeSet, sync::LazyLock};

use regex::{Captures, Regex};

use unicode_normalization::UnicodeNormalization;
use words::{FREE, FREE_OF, MONTHS, UNITS, WEEKDAYS, WORDS};

/// A fact, normalised, so that "€3,90" and "3.90 EUR" are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A sum of money.
    Price(String),
    /// A share of a hundred.
    Percent(String),
    /// A telephone number, its digits only.
    Phone(String),
    /// Something is for nothing, or half of it.
    Free,
    /// A time of day, as minutes.
    Time(u32),
    /// Any other number, in figures, or in words before a unit.
    Number(String),
    /// A month (1–12) or a day of the week (101–107).
    Day(u32),
    /// An e-mail address or a URL.
    Address(String),
    /// What stands in double quotes, its letters and digits only.
    Quote(String),
}

static EMAIL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+").ok());
static URL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"(?i)(?:https?://|www\.)[^\s<>()\[\]"'“”]+"#).ok());
static PRICE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:\p{Sc}|\b(?:EUR|USD|GBP|CHF|JPY|PLN|SEK|NOK|DKK|CZK|CAD|AUD))\s?(\d+(?:[.,]\d+)*)|(\d+(?:[.,]\d+)*)\s?(?:\p{Sc}|(?:EUR|USD|GBP|CHF|JPY|PLN|SEK|NOK|DKK|CZK|CAD|AUD|euros?|dollars?|pounds?|francs?|franken|cents?|zł)\b)",
    )
    .ok()
});
static PERCENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(\d+(?:[.,]\d+)*)\s?(?:%|percent\b|per cent\b|prozent\b|por ciento\b|procent\b)").ok()
});
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(\d{1,2})(?:[:.h](\d{2}))?\s?(am|pm|a\.m\.|p\.m\.|uhr|heures?|h)\b|\b(\d{1,2})[:h](\d{2})\b")
        .ok()
});
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\d+(?:[.,]\d+)*").ok());
static QUOTE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("\"([^\"\n]+)\"|“([^”“\n]+)[”“]|„([^“”\n]+)[“”]|«([^»\n]+)»").ok());
/// A telephone number, however it is grouped.
static PHONE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:\+\d|\b0\d|\(0)[\d\s()/.-]{4,}\d").ok());
/// `[1]`, and the numbers of a list or of steps.
static MARKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\[\d{1,3}\]|\(\d{1,2}\)|(?m:^\s*\d{1,2}[.)]\s)|\b(?:step|schritt|étape|paso|stap)\s\d{1,2}\b").ok()
});

/// The facts that `text` states. `quotes`: also what stands in double quotes, which a translation changes.
#[must_use]
pub fn facts(text: &str, quotes: bool) -> BTreeSet<Fact> {
    let mut facts = BTreeSet::new();
    let text: &str = &plain_forms(text);
    let mut rest = MARKS.as_ref().map_or_else(|| text.into(), |marks| marks.replace_all(text, " ")).into_owned();
    if let Some(quote) = QUOTE.as_ref().filter(|_| quotes) {
        let quoted = quote.captures_iter(&rest).filter_map(|found| found.iter().skip(1).flatten().next());
        facts.extend(
            quoted.map(|quoted| Fact::Quote(plain(quoted.as_str()))).filter(|fact| *fact != Fact::Quote(String::new())),
        );
    }
    // What a pattern has taken, the next does not see again: a price is no plain number, too.
    take(&mut rest, &URL, &mut facts, |found| {
        let address = found.get(0)?.as_str().trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_']);
        Some(Fact::Address(address.trim_end_matches('/').to_lowercase()))
    });
    take(&mut rest, &EMAIL, &mut facts, |found| Some(Fact::Address(found.get(0)?.as_str().to_lowercase())));
    take(&mut rest, &PHONE, &mut facts, |found| {
        Some(Fact::Phone(found.get(0)?.as_str().chars().filter(char::is_ascii_digit).collect()))
    });
    take(&mut rest, &PRICE, &mut facts, |found| Some(Fact::Price(number(found.get(1).or(found.get(2))?.as_str()))));
    take(&mut rest, &PERCENT, &mut facts, |found| Some(Fact::Percent(number(found.get(1)?.as_str()))));
    take(&mut rest, &TIME, &mut facts, time);
    take(&mut rest, &NUMBER, &mut facts, |found| Some(Fact::Number(number(found.get(0)?.as_str()))));
    let lower = rest.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    for (at, word) in words.iter().enumerate() {
        let is_counted = words.get(at + 1).is_some_and(|unit| UNITS.contains(unit));
        facts.extend(in_words(word).filter(|_| is_counted).map(|number| Fact::Number(number.to_owned())));
        facts.extend(place(&MONTHS, word).map(|month| Fact::Day(month + 1)));
        facts.extend(place(&WEEKDAYS, word).map(|day| Fact::Day(day + 101)));
        let is_half = *word == "half" && words.get(at + 1).is_some_and(|next| *next == "price");
        let before = at.checked_sub(1).and_then(|before| words.get(before)).copied().unwrap_or_default();
        // "Feel free to ask", "caffeine-free".
        let is_other = FREE_OF.contains(&before) || words.get(at + 1).is_some_and(|next| *next == "to");
        facts.extend((is_half || (FREE.contains(word) && !is_other)).then_some(Fact::Free));
    }
    facts
}

/// What `text`, of which a reply may say everything, supports.
#[derive(Debug)]
pub struct Support {
    facts: BTreeSet<Fact>,
    plain: String,
}

impl Support {
    /// Of the texts together.
    #[must_use]
    pub fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let text = texts.collect::<Vec<_>>().join("\n");
        let mut facts = facts(&text, false);
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric());
        facts.extend(words.filter_map(in_words).map(|number| Fact::Number(number.to_owned())));
        // "1. May" is no list where it may be quoted.
        if let Some(numbers) = NUMBER.as_ref() {
            facts.extend(numbers.find_iter(&text).map(|found| Fact::Number(number(found.as_str()))));
        }
        Self { facts, plain: plain(&text) }
    }

    /// Whether it says so, too.
    #[must_use]
    pub fn has(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Quote(letters) => self.plain.contains(letters.as_str()),
            // "9 to 17:00" is a time that is written as a number.
            Fact::Time(minutes) => {
                self.facts.contains(fact)
                    || (minutes % 60 == 0 && self.facts.contains(&Fact::Number((minutes / 60).to_string())))
            }
            Fact::Number(digits) => {
                let hour = digits.parse::<u32>().ok().and_then(|hour| hour.checked_mul(60));
                self.facts.contains(fact) || hour.is_some_and(|minutes| self.facts.contains(&Fact::Time(minutes)))
            }
            fact => self.facts.contains(fact),
        }
    }
}

impl std::fmt::Display for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Price(sum) => write!(f, "the price {sum}"),
            Self::Percent(share) => write!(f, "{share} %"),
            Self::Phone(digits) => write!(f, "the telephone number {digits}"),
            Self::Free => f.write_str("that something is free or at half the price"),
            Self::Time(minutes) => write!(f, "the time {}:{:02}", minutes / 60, minutes % 60),
            Self::Number(digits) => write!(f, "the number {digits}"),
            Self::Day(day @ ..101) => write!(f, "a month, the {day}."),
            Self::Day(day) => write!(f, "a weekday, the {}.", day - 100),
            Self::Address(address) => f.write_str(address),
            Self::Quote(letters) => write!(f, "the quote '{letters}'"),
        }
    }
}

/// With ordinary digits, letters and signs for those that only look like them, and without what nobody sees.
fn plain_forms(text: &str) -> String {
    text.nfkc().filter(|c| *c == '\n' || !super::draft::is_hidden(*c)).collect()
}

/// Adds what `read` makes of every match, and blanks the match out.
fn take(
    text: &mut String,
    pattern: &LazyLock<Option<Regex>>,
    facts: &mut BTreeSet<Fact>,
    read: impl Fn(&Captures<'_>) -> Option<Fact>,
) {
    let Some(pattern) = pattern.as_ref() else { return };
    let rest = pattern.replace_all(text, |found: &Captures<'_>| {
        facts.extend(read(found));
        " ; "
    });
    *text = rest.into_owned();
}

/// "5 pm", "17:00" and "17 Uhr" are one.
fn time(found: &Captures<'_>) -> Option<Fact> {
    let hour: u32 = found.get(1).or(found.get(4))?.as_str().parse().ok()?;
    let minute: u32 = found.get(2).or(found.get(5)).map_or(Some(0), |minute| minute.as_str().parse().ok())?;
    let half = found.get(3).map(|half| half.as_str().to_lowercase()).unwrap_or_default();
    let hour = match (half.as_bytes().first(), hour) {
        (Some(b'p'), 1..=11) => hour + 12,
        (Some(b'a'), 12) => 0,
        _ => hour,
    };
    Some(Fact::Time(hour * 60 + minute))
}

/// "3,90" and "3.90" are 3.9; "1.000" and "1,000" are 1000.
fn number(text: &str) -> String {
    let parts: Vec<&str> = text.split(['.', ',']).collect();
    let (whole, fraction) = match parts.as_slice() {
        [head @ .., last] if !head.is_empty() && last.len() != 3 => (head.concat(), *last),
        all => (all.concat(), ""),
    };
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

fn in_words(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|(_, words)| words.contains(&word)).map(|(number, _)| *number)
}

fn place(lists: &[&[&str]], word: &str) -> Option<u32> {
    lists.iter().position(|list| list.contains(&word)).and_then(|place| place.try_into().ok())
}

fn plain(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsupported(reply: &str, source: &str) -> Vec<String> {
        let support = Support::of([source].into_iter());
        facts(reply, true).iter().filter(|fact| !support.has(fact)).map(ToString::to_string).collect()
    }

    #[test]
    fn every_pattern_compiles() {
        for pattern in [&EMAIL, &URL, &PHONE, &PRICE, &PERCENT, &TIME, &NUMBER, &QUOTE, &MARKS] {
            assert!(pattern.is_some());
        }
    }

    #[test]
    fn what_the_source_says_in_another_way_is_supported() {
        for (reply, source) in [
            (
                "It costs 3,90 EUR, free from 35 €.",
                "Shipping costs €3.90 per parcel. It is free for orders of €35 or more.",
            ),
            ("Innerhalb von zwei bis 3 Werktagen.", "2 to 3 working days"),
            ("We open at 9 am and close at 5 pm, Monday to Friday.", "Monday to Friday from 9:00 to 17:00"),
            ("Wir sind montags bis freitags von 9 bis 17 Uhr da.", "Monday to Friday from 9:00 to 17:00"),
            ("You get 20% off [1].", "From 5 kg you get 20 % off"),
            ("1. Open the page.\n2. Write to HELLO@tea.example.", "write to hello@tea.example."),
            ("Step 1: open it. Step 2: (1) close it.", "Open it, then close it."),
            ("Ring +32 9 123-45-67, or 09/123 45 67.", "Telephone: +3291234567 or 091234567"),
            ("Choose \"change address\".", "select \"Change address\""),
            ("You have 1,000 leaves", "1000 leaves"),
            ("Steep them 2 or 3 times.", "can be steeped two or three times"),
            ("There are two things to say.", "Nothing."),
            ("Am 25. Dezember", "on 25 December"),
            ("See https://tea.example/help/returns/.", "https://tea.example/help/returns"),
            ("Feel free to ask about caffeine-free tea.", "Nothing."),
            ("The label is free.", "You get it free of charge."),
        ] {
            assert_eq!(unsupported(reply, source), [""; 0], "{reply}");
        }
    }

    #[test]
    fn what_the_source_does_not_say_is_found() {
        for (reply, source, expected) in [
            ("It costs €4.90.", "It costs €3.90, in 4.90 days", "the price 4.9"),
            ("Within 14 days.", "within 30 days", "the number 14"),
            ("Within three weeks.", "within 2 weeks", "the number 3"),
            ("You get 15 % off.", "15 days", "15 %"),
            ("Until 18:00.", "until 17:00", "the time 18:00"),
            ("On Sunday.", "on Saturdays", "a weekday, the 7."),
            ("Ring +32 9 123 45 68.", "+32 9 123 45 67", "the telephone number 3291234568"),
            ("It costs twenty euros.", "It costs ten euros.", "the number 20"),
            ("It costs CHF 35.", "It has 35 pages.", "the price 35"),
            ("Es ist kostenlos.", "Es kostet 3 €.", "that something is free or at half the price"),
            ("It costs €４.90.", "It costs €3.90", "the price 4.9"),
            ("In March.", "in April", "a month, the 3."),
            ("Write to a@evil.example.", "write to a@tea.example", "a@evil.example"),
            ("See www.evil.example/x.", "", "www.evil.example/x"),
            ("We \"always pay\".", "We never pay", "the quote 'alwayspay'"),
        ] {
            assert_eq!(unsupported(reply, source), [expected], "{reply}");
        }
    }
}
