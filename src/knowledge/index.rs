//! The lexical index: BM25 over the passages, and how much of a question a passage covers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    sync::Arc,
};

use bm25::{DefaultTokenizer, Embedder, EmbedderBuilder, Language, Tokenizer};

use super::passage::Passage;

/// How often the title and headings are counted beside the text: they say in two words what a passage is about.
const TITLE_WEIGHT: usize = 2;

/// Words that say nothing about what is asked for, beyond the tokenizer's own stop words: what a chat adds around a
/// question, and amounts ("how much", "any").
const CHAT_WORDS: &str = "hello hi hey dear please thanks thank help question ask tell know want would like could need \
    get got also still really just maybe much many any anything something someone one lot cannot";

/// The most characters of a query that are looked at: enough for a long question, and a bound on the time that a
/// pasted document can cost.
const MAX_QUERY_CHARS: usize = 1000;

/// A token as a number; 64 bits, so that two words of one corpus practically never fall together.
type Token = u64;

/// Splits text into lower-case English stems without accents, stop words and [`CHAT_WORDS`].
///
/// Text in another language is split as well, only without its own stemming and stop words.
#[derive(Clone)]
struct Words {
    english: Arc<DefaultTokenizer>,
    chat: Arc<HashSet<String>>,
}

impl Words {
    fn new() -> Self {
        let english = DefaultTokenizer::new(Language::English);
        let chat = english.tokenize(CHAT_WORDS).into_iter().collect();
        Self { english: Arc::new(english), chat: Arc::new(chat) }
    }
}

impl Tokenizer for Words {
    fn tokenize(&self, text: &str) -> Vec<String> {
        // In text that is not plain ASCII the tokenizer drops line breaks, gluing two words into one, and spells out
        // symbols: a lone teacup emoji would ask for "tea".
        let text: String = text.chars().map(|c| if is_part_of_word(c) { c } else { ' ' }).collect();
        // "e-mail" would be split into "e" and "mail" and never meet "email".
        let text = text.replace("e-mail", "email").replace("E-mail", "email");
        let stems = self.english.tokenize(&text).into_iter();
        stems.filter(|stem| !self.chat.contains(stem)).collect()
    }
}

fn is_part_of_word(c: char) -> bool {
    let combining_accent = ('\u{300}'..='\u{36f}').contains(&c);
    c.is_alphanumeric() || c.is_ascii_punctuation() || c == '’' || combining_accent
}

pub(super) struct Index {
    /// Fitted to this corpus: BM25 weighs a passage's length against the average.
    embedder: Embedder<Token, Words>,
    /// For each token the passages that it stands in, with its weight there.
    postings: HashMap<Token, Vec<(usize, f32)>>,
    /// The tokens of each passage in order, for coverage.
    tokens: Vec<Box<[Token]>>,
}

impl Index {
    pub(super) fn new(passages: &[Arc<Passage>]) -> Self {
        let words = Words::new();
        let texts: Vec<String> = passages.iter().map(|passage| indexed_text(passage)).collect();
        let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
        let embedder: Embedder<Token, Words> =
            EmbedderBuilder::with_tokenizer_and_fit_to_corpus(words, &borrowed).build();

        let mut postings: HashMap<Token, Vec<(usize, f32)>> = HashMap::new();
        let mut tokens = Vec::with_capacity(texts.len());
        for (position, text) in texts.iter().enumerate() {
            // A word that stands there twice comes twice, with one weight for both.
            let weights: BTreeMap<Token, f32> =
                embedder.embed(text).iter().map(|token| (token.index, token.value)).collect();
            for (token, weight) in &weights {
                postings.entry(*token).or_default().push((position, *weight));
            }
            tokens.push(weights.into_keys().collect());
        }
        Self { embedder, postings, tokens }
    }

    /// The positions of the `most` passages that share words with `query` and fit best, best first, with their scores; equal
    /// ones in the order of the pages.
    pub(super) fn rank(&self, query: &str, most: usize) -> Vec<(usize, f32)> {
        // The crate's own scorer looks through every word of every passage that shares one: too slow for thousands.
        let mut scores = vec![0.0; self.tokens.len()];
        for token in self.embedder.embed(bounded(query)).indices() {
            let rarity = self.rarity(*token);
            for (position, weight) in self.postings.get(token).into_iter().flatten() {
                if let Some(score) = scores.get_mut(*position) {
                    *score += rarity * weight;
                }
            }
        }
        let scores = scores.into_iter().enumerate().filter(|(_, score)| *score > 0.0);
        best(scores.collect(), most)
    }

    /// The share (0 to 1) of the query's content words that the passage contains, rare words counting more.
    pub(super) fn coverage(&self, query: &str, position: usize) -> f32 {
        let Some(passage) = self.tokens.get(position) else {
            return 0.0;
        };
        let (mut covered, mut whole) = (0.0, 0.0);
        for token in self.embedder.embed(bounded(query)).indices().collect::<BTreeSet<_>>() {
            let rarity = self.rarity(*token);
            whole += rarity;
            if passage.binary_search(token).is_ok() {
                covered += rarity;
            }
        }
        if whole > 0.0 { covered / whole } else { 0.0 }
    }

    /// Inverse document frequency, as BM25 has it; a word that stands nowhere counts as one that stands once.
    fn rarity(&self, token: Token) -> f32 {
        let all = self.tokens.len().max(1) as f32;
        let with = self.postings.get(&token).map_or(1, Vec::len) as f32;
        ((all - with + 0.5) / (with + 0.5)).ln_1p()
    }
}

/// The `most` best, best first; equal ones in the order of their positions.
pub(super) fn best(mut scores: Vec<(usize, f32)>, most: usize) -> Vec<(usize, f32)> {
    let better = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if most == 0 {
        return Vec::new();
    }
    if scores.len() > most {
        scores.select_nth_unstable_by(most - 1, better);
        scores.truncate(most);
    }
    scores.sort_unstable_by(better);
    scores
}

impl Default for Index {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("passages", &self.tokens.len()).finish_non_exhaustive()
    }
}

/// The part of a query that counts.
pub(super) fn bounded(query: &str) -> &str {
    query.char_indices().nth(MAX_QUERY_CHARS).map_or(query, |(end, _)| &query[..end])
}

fn indexed_text(passage: &Passage) -> String {
    let mut text = format!("{}\n", passage.title).repeat(TITLE_WEIGHT);
    text.push_str(&passage.text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(texts: &[(&str, &str)]) -> Index {
        let passages: Vec<_> = texts
            .iter()
            .map(|(title, text)| {
                let (title, text) = ((*title).into(), (*text).into());
                Arc::new(Passage {
                    title,
                    url: None,
                    text,
                    page: "a.md".into(),
                    audience: crate::knowledge::Audience::Customer,
                })
            })
            .collect();
        Index::new(&passages)
    }

    #[test]
    fn words_are_stemmed_and_stripped_of_stop_words_and_accents() {
        let words = Words::new();
        assert_eq!(words.tokenize("Hello, where are my DELIVERIES please?"), ["deliveri"]);
        assert_eq!(words.tokenize("delivery café I don’t"), ["deliveri", "cafe"]);
    }

    #[test]
    fn words_on_two_lines_stay_two_words() {
        assert_eq!(
            Words::new().tokenize("Green tea: 75 °C\nBlack 🍵 tea\tE-mail"),
            ["green", "tea", "75", "c", "black", "tea", "email"]
        );
    }

    #[test]
    fn the_average_length_is_that_of_the_corpus() {
        let index = index(&[("Tea", "green"), ("Tea", "black leaves steeped twice")]);
        // Twice the title, and the text: (2 + 1 + 2 + 4) / 2 words.
        assert!((index.embedder.avgdl() - 4.5).abs() < f32::EPSILON);
    }

    #[test]
    fn a_word_in_the_title_weighs_more_than_one_in_the_text() {
        let index = index(&[("Shipping", "we pack a gift"), ("Gift", "we pack a shipping")]);
        assert_eq!(index.rank("gift", usize::MAX)[0].0, 1);
    }

    #[test]
    fn equal_scores_keep_the_order_of_the_pages() {
        let index = index(&[("Tea", "green"); 20]);
        for _ in 0..10 {
            let order: Vec<_> = index.rank("green", usize::MAX).into_iter().map(|(position, _)| position).collect();
            assert_eq!(order, (0..20).collect::<Vec<_>>());
        }
    }

    #[test]
    fn only_the_beginning_of_an_endless_query_counts() {
        let index = index(&[("Tea", "green"), ("Tea", "black")]);
        let query = format!("green {} black", "x ".repeat(MAX_QUERY_CHARS));
        assert_eq!(index.rank(&query, 9).len(), 1);
        assert_eq!(bounded("äö"), "äö");
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        let index = Index::default();
        assert!(index.rank("tea", usize::MAX).is_empty());
        assert!(index.coverage("tea", 0).abs() < f32::EPSILON);
    }
}
