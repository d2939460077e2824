//! One Markdown page: its front matter and its sections.

/// A page as far as the index needs to understand it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Path relative to the knowledge folder, with `/` between its parts.
    pub(super) name: String,
    /// From the front matter, else the first heading of level 1, else the file name.
    pub(super) title: String,
    /// Where a customer can read the page: `http` or `https`, from the front matter.
    pub(super) url: Option<String>,
    pub(super) sections: Vec<Section>,
}

/// The text under one heading, up to the next heading of any level.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// The headings that lead here, below the title, outermost first.
    pub(super) headings: Vec<String>,
    pub(super) text: String,
}

impl Page {
    /// Parses a page. Any text is a page: what is not understood stays text.
    ///
    /// Front matter is a block of `key: value` lines between two `---` lines at the very top. Headings are the `#`
    /// kind (ATX); a `#` in a fenced code block is text.
    pub(super) fn parse(name: String, source: &str) -> Self {
        let source = source.strip_prefix('\u{feff}').unwrap_or(source).replace("\r\n", "\n");
        let (front, body) = split_front_matter(&source);
        let mut title = front.and_then(|front| value(front, "title"));
        let url = front.and_then(|front| value(front, "url")).filter(|url| is_web_address(url));

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

        let title = title.unwrap_or_else(|| title_from(&name));
        Self { name, title, url, sections }
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

fn split_front_matter(source: &str) -> (Option<&str>, &str) {
    let Some(rest) = source.strip_prefix("---\n") else {
        return (None, source);
    };
    if let Some(body) = rest.strip_prefix("---\n") {
        return (None, body);
    }
    if let Some((front, body)) = rest.split_once("\n---\n") {
        return (Some(front), body);
    }
    match rest.strip_suffix("\n---") {
        Some(front) => (Some(front), ""),
        None => (None, source),
    }
}

fn value(front: &str, key: &str) -> Option<String> {
    let line = front.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'))?;
    let value = line.trim();
    let unquoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    Some(unquoted.unwrap_or(value).trim().to_owned()).filter(|value| !value.is_empty())
}

/// Only such an address may be shown to a customer as a source.
fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control()))
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
        Page::parse("help/gift-cards.md".into(), source)
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
    fn front_matter_that_is_not_closed_is_text() {
        let page = parse("---\ntitle: x\n");
        assert_eq!(page.title, "Gift cards");
        assert_eq!(page.sections, [section(&[], "---\ntitle: x")]);
    }

    #[test]
    fn only_web_addresses_are_taken_as_urls() {
        for url in ["javascript:alert(1)", "https://", "http://a b", "/help"] {
            assert_eq!(parse(&format!("---\nurl: {url}\n---\nx")).url, None, "{url}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_page(source in "(---\n|# |## |```\n|title: |\\PC|\n){0,40}") {
            let page = parse(&source);
            proptest::prop_assert!(page.sections.iter().all(|section| !section.text.is_empty()));
        }
    }
}
