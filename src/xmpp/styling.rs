//! From Markdown, which models write, to message styling (XEP-0393), which chat clients show.
//!
//! The text is not written anew from its parse: only the marks are edited, so whatever is no Markdown stays as it was,
//! letter by letter. The parser says what a mark is; some things that it takes for marks are prose all the same
//! (`2*3*4`, `__init__`), and those stay, too.

mod table;

use std::{borrow::Cow, ops::Range};

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use table::Table;

/// The text as clients show it by XEP-0393. Plain text comes back as it is.
#[must_use]
pub fn from_markdown(text: &str) -> Cow<'_, str> {
    let mut edits = Styler::new(text).edits();
    if edits.is_empty() {
        return Cow::Borrowed(text);
    }
    edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
    let styled = apply(text, 0..text.len(), &edits);
    // Marks around nothing: better shown than an empty message.
    if styled.trim().is_empty() { Cow::Borrowed(text) } else { Cow::Owned(styled) }
}

/// Puts `with` in the place of a part of the source.
struct Edit {
    at: Range<usize>,
    with: String,
}

/// The part `within` of the source with its edits, which are in order. Of two that overlap the first counts.
fn apply(source: &str, within: Range<usize>, edits: &[Edit]) -> String {
    let mut styled = String::with_capacity(within.len());
    let mut done = within.start;
    for edit in edits.iter().filter(|edit| within.start <= edit.at.start && edit.at.end <= within.end) {
        if edit.at.start < done {
            continue;
        }
        styled.push_str(&source[done..edit.at.start]);
        styled.push_str(&edit.with);
        done = edit.at.end;
    }
    styled.push_str(&source[done..within.end]);
    styled
}

/// A link or image whose text is being read.
struct Link {
    at: Range<usize>,
    /// Where its text begins, and how far it has been read.
    text: Range<usize>,
    url: String,
}

struct Styler<'a> {
    source: &'a str,
    edits: Vec<Edit>,
    /// Addresses that stand in the text as they are: their characters are no marks.
    urls: Vec<Range<usize>>,
    links: Vec<Link>,
    tables: Vec<Table>,
    in_heading: bool,
    in_code: bool,
    /// The end of the last text, to see what was left out before the next.
    read: usize,
}

impl<'a> Styler<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            edits: Vec::new(),
            urls: bare_urls(source),
            links: Vec::new(),
            tables: Vec::new(),
            in_heading: false,
            in_code: false,
            read: 0,
        }
    }

    fn edits(mut self) -> Vec<Edit> {
        let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES;
        for (event, at) in Parser::new_ext(self.source, options).into_offset_iter() {
            self.see(event, at);
        }
        let mut edits = std::mem::take(&mut self.edits);
        edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
        for table in self.tables {
            let with = table.flat(|cell| apply(self.source, cell, &edits));
            edits.retain(|edit| edit.at.start < table.at.start || edit.at.end > table.at.end);
            edits.push(Edit { at: table.at, with });
        }
        edits
    }

    fn edit(&mut self, at: Range<usize>, with: impl Into<String>) {
        self.edits.push(Edit { at, with: with.into() });
    }

    fn see(&mut self, event: Event<'_>, at: Range<usize>) {
        match event {
            Event::Start(Tag::Strong) => self.span(at, 2, if self.in_heading { "" } else { "*" }),
            Event::Start(Tag::Emphasis) => self.span(at, 1, "_"),
            Event::Start(Tag::Strikethrough) => {
                let width = if self.source[at.clone()].starts_with("~~") { 2 } else { 1 };
                self.span(at, width, "~");
            }
            Event::Start(Tag::Heading { .. }) => self.heading(at),
            Event::End(TagEnd::Heading(_)) => self.in_heading = false,
            Event::Start(Tag::Link { link_type: LinkType::Autolink | LinkType::Email, .. }) => {
                self.edit(at.start..at.start + 1, "");
                self.edit(at.end - 1..at.end, "");
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let mark = if self.source[at.clone()].starts_with('!') { 2 } else { 1 };
                let text = at.start + mark..at.start + mark;
                self.links.push(Link { at, text, url: dest_url.into_string() });
            }
            Event::End(TagEnd::Link | TagEnd::Image) => self.end_link(&at),
            Event::Start(Tag::Item) if self.source[at.clone()].starts_with(['-', '*', '+']) => {
                self.edit(at.start..at.start + 1, "•");
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                self.in_code = true;
                if matches!(kind, CodeBlockKind::Fenced(_)) {
                    self.fence(&at);
                }
            }
            Event::End(TagEnd::CodeBlock) => self.in_code = false,
            Event::Start(Tag::Table(_)) => self.tables.push(Table::new(at)),
            Event::Start(tag @ (Tag::TableHead | Tag::TableRow)) => {
                if let Some(table) = self.tables.last_mut() {
                    table.row(tag == Tag::TableHead);
                }
            }
            Event::Start(Tag::TableCell) => {
                if let Some(table) = self.tables.last_mut() {
                    table.cell(at);
                }
            }
            Event::Text(text) if !self.in_code => self.text(&text, &at),
            Event::Code(_) => self.code(&at),
            Event::InlineHtml(tag) if is_line_break(&tag) => {
                let with = if self.tables.last().is_some_and(|table| table.at.end >= at.end) { " " } else { "\n" };
                self.edit(at.clone(), with);
                self.reach(at.end);
            }
            // The other way to break a line is two spaces at its end, and those nobody sees.
            Event::HardBreak if self.source[at.clone()].starts_with('\\') => self.edit(at.start..at.start + 1, ""),
            Event::Text(_) | Event::InlineHtml(_) => self.reach(at.end),
            _ => {}
        }
    }

    /// Notes how far the text was read.
    fn reach(&mut self, end: usize) {
        self.read = self.read.max(end);
        if let Some(link) = self.links.last_mut() {
            link.text.end = link.text.end.max(end);
        }
    }

    /// Marks of `width` bytes on both sides of a span become `mark`.
    fn span(&mut self, at: Range<usize>, width: usize, mark: &str) {
        if at.len() < 2 * width || self.is_prose(&at, width) {
            return;
        }
        // A span of message styling ends with its line (XEP-0393 §5).
        let mark = if self.source[at.clone()].contains('\n') { "" } else { mark };
        if mark.is_empty() && self.neighbours(&at).into_iter().flatten().any(char::is_alphanumeric) {
            // Without them two words would become one.
            return;
        }
        self.edit(at.start..at.start + width, mark);
        self.edit(at.end - width..at.end, mark);
    }

    /// The characters before and behind a part.
    fn neighbours(&self, at: &Range<usize>) -> [Option<char>; 2] {
        [self.source[..at.start].chars().next_back(), self.source[at.end..].chars().next()]
    }

    /// Whether somebody who writes plain text may have meant just these characters.
    fn is_prose(&self, at: &Range<usize>, width: usize) -> bool {
        // 2*3*4. Letters without spaces between the words, as in Chinese, are another matter.
        if self.neighbours(at).into_iter().flatten().any(|c| c.is_ascii_alphanumeric()) {
            return true;
        }
        let inner = &self.source[at.start + width..at.end - width];
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        (width == 2 && self.source[at.start..].starts_with("__") && inner.chars().all(is_name))
            || self.urls.iter().any(|url| url.start <= at.start && at.end <= url.end)
    }

    fn heading(&mut self, at: Range<usize>) {
        let whole = &self.source[at.clone()];
        let line = whole.trim_end();
        let (skipped, title) = if line.starts_with('#') {
            let title = line.trim_start_matches('#').trim_start();
            let skipped = line.len() - title.len();
            // Closing marks count only behind a space.
            let open = title.trim_end_matches('#');
            let closed = open.len() < title.len() && (open.is_empty() || open.ends_with([' ', '\t']));
            (skipped, if closed { open.trim_end() } else { title })
        } else {
            // Underlined. More than one line is rather a paragraph above a rule.
            match line.split_once('\n') {
                Some((title, rest)) if !rest.contains('\n') => (0, title.trim_end()),
                _ => return,
            }
        };
        if title.is_empty() {
            return;
        }
        let start = at.start + skipped;
        let end = start + title.len();
        self.in_heading = true;
        self.edit(at.start..start, "*");
        self.edit(end..at.start + line.len(), "*");
    }

    fn end_link(&mut self, at: &Range<usize>) {
        let Some(Link { at: whole, text, url }) = self.links.pop() else { return };
        let shown = self.source[text.clone()].trim();
        self.edit(whole.start..text.start, "");
        // An address must not run into the words beside it.
        let [before, after] =
            self.neighbours(&whole).map(|c| if c.is_some_and(char::is_alphanumeric) { " " } else { "" });
        let rest = if url.is_empty() {
            String::new()
        } else if shown == url || url.strip_prefix("mailto:") == Some(shown) {
            after.to_owned()
        } else if shown.is_empty() {
            format!("{before}{url}{after}")
        } else {
            format!(" ({url})")
        };
        self.edit(text.end..whole.end, rest);
        self.reach(at.end);
    }

    /// Message styling knows fences of backticks only (XEP-0393 §5.1.2).
    fn fence(&mut self, at: &Range<usize>) {
        let block = self.source[at.clone()].trim_end();
        if !block.starts_with("~~~") || block.contains("```") {
            return;
        }
        let length = |line: &str| line.len() - line.trim_start_matches('~').len();
        self.edit(at.start..at.start + length(block), "```");
        let last = block.rfind('\n').map_or(block.len(), |end| end + 1);
        let closing = &block[last..];
        let tildes = closing.trim_start();
        if tildes.starts_with("~~~") {
            let start = at.start + last + (closing.len() - tildes.len());
            self.edit(start..start + length(tildes), "```");
        }
    }

    fn text(&mut self, text: &str, at: &Range<usize>) {
        let source = &self.source[at.clone()];
        let skipped = self.source[..at.start].ends_with('\\') && self.read < at.start;
        if skipped && !source.starts_with('\\') && source.starts_with(|c: char| c.is_ascii_punctuation()) {
            self.edit(at.start - 1..at.start, "");
        } else if source.starts_with('&') && source.ends_with(';') && source != text {
            self.edit(at.clone(), text);
        }
        self.reach(at.end);
    }

    /// Message styling has no spans between two backticks.
    fn code(&mut self, at: &Range<usize>) {
        let span = &self.source[at.clone()];
        let ticks = span.len() - span.trim_start_matches('`').len();
        if ticks > 1 && span.len() > 2 * ticks && !span[ticks..span.len() - ticks].contains('`') {
            self.edit(at.start..at.start + ticks, "`");
            self.edit(at.end - ticks..at.end, "`");
        }
        self.reach(at.end);
    }
}

fn is_line_break(tag: &str) -> bool {
    matches!(tag.to_ascii_lowercase().as_str(), "<br>" | "<br/>" | "<br />")
}

/// From the scheme to the next white space.
fn bare_urls(source: &str) -> Vec<Range<usize>> {
    let begin = |colon: usize| {
        let scheme = source[..colon].bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
        colon - scheme
    };
    let end = |colon: usize| source[colon..].find(char::is_whitespace).map_or(source.len(), |length| colon + length);
    source.match_indices("://").map(|(colon, _)| begin(colon)..end(colon)).collect()
}

#[cfg(test)]
mod tests;
