//! Passages: the pieces of a page that are found, quoted and given to the model.

use super::{
    front_matter::Audience,
    page::{Page, Section},
};

/// The most words a passage holds; longer sections are cut at paragraphs.
///
/// About 270 tokens: two passages leave room for the conversation in a small model's context, and each takes a local
/// model about three seconds to read.
pub const MAX_PASSAGE_WORDS: usize = 200;

/// A piece of a help page that can answer a question by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The page's title and the headings that lead to the passage, joined by ` › `.
    pub title: String,
    /// Where the customer can read the page, if it says so.
    pub url: Option<String>,
    /// The passage itself, Markdown, at most [`MAX_PASSAGE_WORDS`] words.
    pub text: String,
    /// The page's path relative to the knowledge folder.
    pub page: String,
    /// Who may read the page.
    pub audience: Audience,
}

impl Passage {
    /// Its title, and under it its text: all that it says.
    #[must_use]
    pub fn whole(&self) -> String {
        format!("{}\n{}", self.title, self.text)
    }
}

/// Cuts a page into passages, in reading order.
pub(super) fn split(page: &Page) -> Vec<Passage> {
    page.sections.iter().flat_map(|section| split_section(page, section)).collect()
}

fn split_section<'a>(page: &'a Page, section: &'a Section) -> impl Iterator<Item = Passage> + 'a {
    let mut title = page.title.clone();
    for heading in &section.headings {
        title.push_str(" › ");
        title.push_str(heading);
    }
    pieces(&section.text).into_iter().map(move |text| Passage {
        title: title.clone(),
        url: page.url.clone(),
        text,
        page: page.name.clone(),
        audience: page.audience,
    })
}

/// Paragraphs, packed greedily up to the limit; a paragraph over the limit is cut between words.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut words_in_last = MAX_PASSAGE_WORDS;
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let words = paragraph.split_whitespace().count();
        if words > MAX_PASSAGE_WORDS {
            let words: Vec<_> = paragraph.split_whitespace().collect();
            pieces.extend(words.chunks(MAX_PASSAGE_WORDS).map(|chunk| chunk.join(" ")));
            words_in_last = MAX_PASSAGE_WORDS;
            continue;
        }
        match pieces.last_mut() {
            Some(last) if words_in_last + words <= MAX_PASSAGE_WORDS => {
                last.push_str("\n\n");
                last.push_str(paragraph);
                words_in_last += words;
            }
            _ => {
                pieces.push(paragraph.to_owned());
                words_in_last = words;
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(count: usize) -> String {
        vec!["tea"; count].join(" ")
    }

    fn lengths(text: &str) -> Vec<usize> {
        pieces(text).iter().map(|piece| piece.split_whitespace().count()).collect()
    }

    #[test]
    fn joins_the_title_and_the_headings() {
        let page = Page::parse("a.md".into(), "---\ntitle: Tea\nurl: https://t.example\n---\n## Green\n### Hot\n75 °C")
            .unwrap();
        let expected = Passage {
            title: "Tea › Green › Hot".into(),
            url: Some("https://t.example".into()),
            text: "75 °C".into(),
            page: "a.md".into(),
            audience: Audience::Customer,
        };
        assert_eq!(split(&page), [expected]);
    }

    #[test]
    fn cuts_long_sections_at_paragraphs() {
        let text = [words(120), words(80), words(1)].join("\n\n");
        assert_eq!(lengths(&text), [200, 1]);
        assert_eq!(lengths(&words(200)), [200]);
    }

    #[test]
    fn cuts_an_endless_paragraph_between_words() {
        let text = format!("{}\n\n{}\n\n{}", words(3), words(450), words(5));
        assert_eq!(lengths(&text), [3, 200, 200, 50, 5]);
    }
}
