//! One page: its front matter and its sections.

use super::{
    front_matter::{Audience, FrontMatter},
    html,
};

/// A page as far as the index needs to understand it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Path relative to the knowledge folder, with `/` between its parts.
    pub(super) name: String,
    /// From the front matter, else the first heading of level 1, else what HTML calls its title, else the file name.
    pub(super) title: String,
    /// Where a customer can read the page: `http` or `https`, from the front matter.
    pub(super) url: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) language: Option<String>,
    pub(super) audience: Audience,
    pub(super) sections: Vec<Section>,
}

/// The text under one heading, up to the next heading of any level.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// The headings that lead here, below the title, outermost first.
    pub(super) headings: Vec<String>,
    pub(super) text: String,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Markdown,
    Html,
    Text,
}

impl Format {
    /// By the end of a file's name; other files are no pages.
    pub(super) fn of(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }
}

impl Page {
    /// Parses a page, in the format that its name says.
    ///
    /// Headings are the `#` kind (ATX); a `#` in a fenced code block is text. Plain text has none.
    ///
    /// # Errors
    /// When the front matter is not understood, or HTML is nested too deep.
    pub(super) fn parse(name: String, source: &str) -> Result<Self, String> {
        let source = source.strip_prefix('\u{feff}').unwrap_or(source).replace("\r\n", "\n");
        let (front, body) = FrontMatter::split(&source)?;
        match Format::of(&name).unwrap_or(Format::Markdown) {
            Format::Markdown => Ok(Self::cut(name, front, None, body)),
            Format::Html => {
                let (title, body) = html::to_markdown(body)?;
                Ok(Self::cut(name, front, title, &body))
            }
            Format::Text => {
                let title = front.title.unwrap_or_else(|| title_from(&name));
                let text = body.trim().to_owned();
                let sections = if text.is_empty() { Vec::new() } else { vec![Section { headings: Vec::new(), text }] };
                let FrontMatter { url, tags, language, audience, .. } = front;
                Ok(Self { name, title, url, tags, language, audience, sections })
            }
        }
    }

    /// By headings. `called` is the title that counts when neither front matter nor a heading has one.
    fn cut(name: String, front: FrontMatter, called: Option<String>, body: &str) -> Self {
        let FrontMatter { mut title, url, tags, language, audience } = front;
        let mut sections = Vec::new();
        let mut path: Vec<(usize, String)> = Vec::new();
        let mut text = String::new();
        let mut fence: Option<&str> = None;
        for line in body.lines() {
            let trimmed = line.trim_start();
            match fence {
                Some(mark) if trimmed.starts_with(mark) => fence = None,
                Some(_) => {}
                None => fence = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark)),
            }
            let Some((level, heading)) = heading(line).filter(|_| fence.is_none()) else {
                text.push_str(line);
                text.push('\n');
                continue;
            };
            push_section(&mut sections, &path, &mut text);
            // The page's own title at the top of its text would only repeat itself.
            if level == 1 && (title.is_none() || title.as_deref() == Some(heading)) {
                title = Some(heading.to_owned());
                path.clear();
                continue;
            }
            path.retain(|(above, _)| *above < level);
            path.push((level, heading.to_owned()));
        }
        push_section(&mut sections, &path, &mut text);

        let title = title.or(called).unwrap_or_else(|| title_from(&name));
        Self { name, title, url, tags, language, audience, sections }
    }
}

fn push_section(sections: &mut Vec<Section>, path: &[(usize, String)], text: &mut String) {
    let body = text.trim();
    if !body.is_empty() {
        let headings = path.iter().map(|(_, heading)| heading.clone()).collect();
        sections.push(Section { headings, text: body.to_owned() });
    }
    text.clear();
}

/// An ATX heading (CommonMark §4.2): one to six `#`, a space, the text, perhaps closing `#`.
fn heading(line: &str) -> Option<(usize, &str)> {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let line = line.trim();
    let level = line.len() - line.trim_start_matches('#').len();
    if !(1..=6).contains(&level) || indent > 3 {
        return None;
    }
    let text = line[level..].strip_prefix([' ', '\t'])?.trim();
    let open = text.trim_end_matches('#');
    let text = if open.is_empty() || open.ends_with(' ') { open.trim() } else { text };
    (!text.is_empty()).then_some((level, text))
}

fn title_from(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let words = stem.replace(['-', '_'], " ");
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(source: &str) -> Page {
        Page::parse("help/gift-cards.md".into(), source).unwrap()
    }

    fn section(headings: &[&str], text: &str) -> Section {
        Section { headings: headings.iter().map(|heading| (*heading).to_owned()).collect(), text: text.into() }
    }

    #[test]
    fn reads_front_matter_and_nested_headings() {
        let page = parse(
            "---\ntitle: \"Gift cards\"\nurl: https://tea.example/g\nauthor: x\n---\nIntro.\n\n## Use\nA\n### Online\nB\n## Lost\nC\n",
        );
        assert_eq!(page.title, "Gift cards");
        assert_eq!(page.url.as_deref(), Some("https://tea.example/g"));
        let expected =
            [section(&[], "Intro."), section(&["Use"], "A"), section(&["Use", "Online"], "B"), section(&["Lost"], "C")];
        assert_eq!(page.sections, expected);
    }

    #[test]
    fn takes_the_title_from_the_first_heading_or_else_the_file_name() {
        let page = parse("# Cards\nA\n## Use\nB");
        assert_eq!(page.title, "Cards");
        assert_eq!(page.sections, [section(&[], "A"), section(&["Use"], "B")]);
        assert_eq!(parse("Only text").title, "Gift cards");
    }

    #[test]
    fn a_byte_order_mark_and_windows_line_ends_do_not_hide_the_front_matter() {
        let page = parse("\u{feff}---\r\ntitle: Cards\r\n---\r\nText\r\n");
        assert_eq!((page.title.as_str(), page.sections), ("Cards", vec![section(&[], "Text")]));
    }

    #[test]
    fn a_hash_in_code_is_not_a_heading() {
        let page = parse("## Real\n```\n# comment\n```\n#hashtag\n    # indented\n## Closed ##\nx");
        let code = "```\n# comment\n```\n#hashtag\n    # indented";
        assert_eq!(page.sections, [section(&["Real"], code), section(&["Closed"], "x")]);
    }

    #[test]
    fn html_is_cut_by_its_headings_as_well() {
        let source =
            "---\naudience: agents\n---\n<title>Cards</title><h2>Use</h2><p>A &amp; B</p><h2>Lost</h2><p>C</p>";
        let page = Page::parse("a.html".into(), source).unwrap();
        assert_eq!((page.title.as_str(), page.audience), ("Cards", Audience::Agent));
        assert_eq!(page.sections, [section(&["Use"], "A & B"), section(&["Lost"], "C")]);
    }

    #[test]
    fn plain_text_has_no_headings() {
        let page = Page::parse("opening-hours.txt".into(), "# 1 is open\n\n# 2 is closed\n").unwrap();
        assert_eq!(page.title, "Opening hours");
        assert_eq!(page.sections, [section(&[], "# 1 is open\n\n# 2 is closed")]);
        assert_eq!(Page::parse("empty.txt".into(), " \n").unwrap().sections, []);
    }

    proptest::proptest! {
        #[test]
        fn no_section_is_empty(source in "(---\n|# |## |```\n|title: |\\PC|<p>|<h1>|\n){0,40}", end in "md|html|txt") {
            if let Ok(page) = Page::parse(format!("a.{end}"), &source) {
                proptest::prop_assert!(page.sections.iter().all(|section| !section.text.is_empty()));
            }
        }
    }
}
