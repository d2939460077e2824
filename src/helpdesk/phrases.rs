//! Plain words that need no model: asking for a person, thanking, greeting.
//!
//! The lists are small on purpose. A missed phrase only costs a turn; a hand-off too many costs a person's minute.

mod person;
mod small_talk;
mod small_words;

pub use person::asks_for_person;
pub use small_talk::{SmallTalk, small_talk};

/// The words in lower case without accents and punctuation, with one space around each.
fn words(text: &str) -> String {
    let mut words = String::from(" ");
    let combining_accent = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    for c in text.chars().flat_map(char::to_lowercase).filter(|c| !combining_accent(c)) {
        let plain = match c {
            'à' | 'á' | 'â' | 'ä' => 'a',
            'è' | 'é' | 'ê' | 'ë' => 'e',
            'ì' | 'í' | 'î' | 'ï' => 'i',
            'ò' | 'ó' | 'ô' | 'ö' => 'o',
            'ù' | 'ú' | 'û' | 'ü' => 'u',
            'ç' => 'c',
            'ñ' => 'n',
            c if c.is_alphanumeric() => c,
            _ => ' ',
        };
        if plain != ' ' || !words.ends_with(' ') {
            words.push(plain);
        }
    }
    if !words.ends_with(' ') {
        words.push(' ');
    }
    words
}
