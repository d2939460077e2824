//! What the assistant proposes to say and do next; it becomes a message only when it is committed.

/// The most characters of a ticket's subject.
pub const MAX_SUBJECT_CHARS: usize = 60;

/// The most tags of one draft.
pub const MAX_TAGS: usize = 5;

/// The most characters of a tag.
pub const MAX_TAG_CHARS: usize = 24;

/// What a model does when it is asked for a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It looks into the knowledge once more, with these words.
    Search(String),
    /// It has a draft.
    Draft(Draft),
}

/// What is to happen with the ticket beside the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The reply answers; the customer has the next word.
    Continue,
    /// The reply asks back.
    Clarify,
    /// The reply says that this is none of the desk's business.
    Decline,
    /// A person shall take over; the desk sends its own line to the customer.
    HandOff,
    /// The customer confirmed that it is done.
    Resolve,
}

/// How soon a ticket wants an answer, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Can wait.
    Low,
    /// The usual.
    Normal,
    /// Before the others. Only people call a ticket urgent: what a model calls it is up to whoever writes to it.
    High,
}

/// LLM (or built-in) text that is not yet a message, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The text for the customer; may be empty only with [`Action::HandOff`].
    pub reply: String,
    /// What happens next.
    pub action: Action,
    /// Why, for the agents; never shown to the customer.
    pub reason: Option<String>,
    /// The passages the reply rests on, numbered from 1 as they stood in the prompt, each once.
    pub citations: Vec<usize>,
    /// One line, at most [`MAX_SUBJECT_CHARS`] characters; only when asked for.
    pub subject: Option<String>,
    /// How soon the ticket wants a person's eye; it can only raise the ticket's.
    pub priority: Option<Priority>,
    /// Words to sort the ticket by, as [`tags`] makes them.
    pub tags: Vec<String>,
}

impl Draft {
    /// A draft with nothing but a reply.
    #[must_use]
    pub fn new(reply: impl Into<String>, action: Action) -> Self {
        Self {
            reply: reply.into(),
            action,
            reason: None,
            citations: Vec::new(),
            subject: None,
            priority: None,
            tags: Vec::new(),
        }
    }

    /// A draft that gives the ticket to a person, with the reason for the agents.
    #[must_use]
    pub fn hand_off(reply: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::new(reply, Action::HandOff) }
    }
}

/// Makes a subject of a model's (or a customer's) text: one line, no control or direction characters, no quotes
/// around it, cut at a word to [`MAX_SUBJECT_CHARS`]. `None` when nothing readable is left.
#[must_use]
pub fn subject(text: &str) -> Option<String> {
    let visible: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_hidden(*c)).collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_matches(['"', '“', '”', '\'', '*', '#', '`', ' ']).trim_end_matches('.');
    if !line.chars().any(char::is_alphanumeric) {
        return None;
    }
    if line.chars().count() <= MAX_SUBJECT_CHARS {
        return Some(line.to_owned());
    }
    let head: String = line.chars().take(MAX_SUBJECT_CHARS - 1).collect();
    // A word longer than half the line is cut in its middle rather than lost.
    let cut = head.rfind(' ').filter(|at| head[..*at].chars().count() >= MAX_SUBJECT_CHARS / 2);
    let head = cut.map_or(head.as_str(), |at| &head[..at]);
    Some(format!("{}…", head.trim_end_matches([' ', ',', ';', ':', '-'])))
}

/// Makes tags of a model's words: lower case, letters, digits, spaces and hyphens, at most [`MAX_TAGS`] of at most
/// [`MAX_TAG_CHARS`] characters and three words, each once. What is no such tag is left out.
#[must_use]
pub fn tags<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut tags = Vec::new();
    // A few more than are kept are looked at; who sends a thousand has none to say.
    for word in words.take(MAX_TAGS * 2) {
        let tag = word.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        let tag = tag.trim_matches(['#', '"', '\'']).to_owned();
        let is_plain = tag.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
        let is_short = tag.chars().count() <= MAX_TAG_CHARS && tag.split(' ').count() <= 3;
        if is_plain
            && is_short
            && tag.chars().any(char::is_alphanumeric)
            && !tags.contains(&tag)
            && tags.len() < MAX_TAGS
        {
            tags.push(tag);
        }
    }
    tags
}

/// Control characters, and those that change the direction or hide what stands in a line.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        // Tags and the selectors of variants: whole texts have been hidden in them.
        || matches!(c, '\u{e0000}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_clean_line() {
        assert_eq!(subject(" \"Parcel\n arrived\tdamaged.\" ").as_deref(), Some("Parcel arrived damaged"));
        assert_eq!(subject("a\u{202e}b\u{0}c\u{200b}").as_deref(), Some("abc"));
        assert_eq!(subject("  \"…\" \n"), None);
        assert_eq!(subject(""), None);
    }

    #[test]
    fn a_long_subject_is_cut_at_a_word() {
        let cut = subject("The parcel with the two tins of tea that I ordered last week came broken").unwrap();
        assert_eq!(cut, "The parcel with the two tins of tea that I ordered last…");
        assert_eq!(subject(&"é".repeat(80)).unwrap().chars().count(), MAX_SUBJECT_CHARS);
        assert_eq!(subject(&"é".repeat(60)).unwrap(), "é".repeat(60));
    }

    #[test]
    fn tags_are_few_short_and_plain() {
        let words = ["Returns", " #gift  card ", "returns", "", "-", "a b c d", "<b>", "\u{202e}x", "a,b", "Größe"];
        assert_eq!(tags(words.into_iter()), ["returns", "gift card", "größe"]);
        assert_eq!(tags(["x".repeat(25).as_str()].into_iter()), [""; 0]);
        let many: Vec<String> = (0..100).map(|n| format!("t{n}")).collect();
        assert_eq!(tags(many.iter().map(String::as_str)).len(), MAX_TAGS);
    }

    proptest::proptest! {
        #[test]
        fn a_subject_never_breaks_its_bounds(text in "\\PC{0,200}|[\\s\\S]{0,200}") {
            if let Some(subject) = subject(&text) {
                proptest::prop_assert!(subject.chars().count() <= MAX_SUBJECT_CHARS);
                proptest::prop_assert!(!subject.contains(is_hidden));
            }
        }
    }
}
