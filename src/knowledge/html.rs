//! From HTML to Markdown, so that there is one way to cut pages.

use std::{
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use htmd::{Element, HtmlToMarkdown, Node, element_handler::Handlers};
use html5ever::{ParseOpts, parse_document, tendril::TendrilSink};
use markup5ever_rcdom::RcDom;

/// How deep elements may be nested: the converter recurses, and a page must not be able to end the process.
const MAX_DEPTH: usize = 200;

/// How many attributes a tag may have: the parser compares each with all before it.
const MAX_ATTRIBUTES: usize = 500;

/// After so many bytes the depth is looked at. The parser walks through all open elements for many a tag and takes minutes
/// for thousands.
const PIECE: usize = 16 * 1024;

/// What a reader does not see, or what is the same on every page.
const LEFT_OUT: [&str; 12] =
    ["script", "style", "noscript", "template", "iframe", "object", "svg", "form", "button", "nav", "footer", "img"];

/// The page's `<title>` and its text as Markdown.
///
/// # Errors
/// When elements are nested too deep, or a tag has too many attributes.
pub(super) fn to_markdown(source: &str) -> Result<(Option<String>, String), String> {
    let tree = tree(source)?;
    let title = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&title);
    let converter = HtmlToMarkdown::builder()
        .skip_tags(LEFT_OUT.to_vec())
        .add_handler(vec!["title"], move |handlers: &dyn Handlers, element: Element| {
            let text = handlers.walk_children(element.node).content;
            seen.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
            None
        })
        .build();
    let text = converter.tree_to_markdown(&tree);
    let title = title.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok((title.map(|title| title.trim().to_owned()).filter(|title| !title.is_empty()), text))
}

fn tree(source: &str) -> Result<Rc<Node>, String> {
    if most_attributes(source) > MAX_ATTRIBUTES {
        return Err(format!("has a tag with more than {MAX_ATTRIBUTES} attributes"));
    }
    let mut parser = parse_document(RcDom::default(), ParseOpts::default());
    let mut rest = source;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
        parser.process(piece.into());
        // What the parser made of it counts: a tag that closes nothing, or the wrong element, says nothing about the depth.
        if is_deeper(&parser.tokenizer.sink.sink.document, MAX_DEPTH) {
            return Err(format!("has elements nested more than {MAX_DEPTH} deep"));
        }
        rest = after;
    }
    Ok(parser.finish().document)
}

/// Where in a tag a character stands (HTML §13.2.5, what matters of it for counting).
#[derive(Clone, Copy)]
enum At {
    Tag,
    Gap,
    Name,
    AfterName,
    BeforeValue,
    Bare,
    Double,
    Single,
}

impl At {
    const ALL: [Self; 8] =
        [Self::Tag, Self::Gap, Self::Name, Self::AfterName, Self::BeforeValue, Self::Bare, Self::Double, Self::Single];

    /// Behind one more character, unless the tag ends with it.
    fn behind(self, c: u8) -> Option<Self> {
        let is_space = c.is_ascii_whitespace();
        let next = match (self, c) {
            (Self::Double, b'"') | (Self::Single, b'\'') => Self::Gap,
            (Self::Double | Self::Single, _) => self,
            (_, b'>') => return None,
            (Self::Tag | Self::Gap | Self::Name | Self::AfterName, b'/') => Self::Gap,
            (Self::Tag | Self::Bare, _) if is_space => Self::Gap,
            (Self::Tag | Self::Bare, _) => self,
            (Self::Gap | Self::AfterName | Self::BeforeValue, _) if is_space => self,
            (Self::Name, _) if is_space => Self::AfterName,
            (Self::Name | Self::AfterName, b'=') => Self::BeforeValue,
            (Self::Gap | Self::Name | Self::AfterName, _) => Self::Name,
            (Self::BeforeValue, b'"') => Self::Double,
            (Self::BeforeValue, b'\'') => Self::Single,
            (Self::BeforeValue, _) => Self::Bare,
        };
        Some(next)
    }
}

/// The most attributes that any tag has, wherever one may begin: what is a comment, a script or a value is left open, so
/// that no page can hide a tag. All readings are followed at once, in one pass.
fn most_attributes(source: &str) -> usize {
    // For each place in a tag: the most attributes that a reading has which is there now.
    let mut readings = [None; At::ALL.len()];
    let mut most = 0;
    let mut before = b' ';
    for c in source.bytes() {
        let mut next = [None; At::ALL.len()];
        for (at, count) in At::ALL.into_iter().zip(readings) {
            let (Some(count), Some(behind)) = (count, at.behind(c)) else { continue };
            let begins = matches!(behind, At::Name) && !matches!(at, At::Name);
            let slot = &mut next[behind as usize];
            *slot = (*slot).max(Some(count + usize::from(begins)));
        }
        if before == b'<' && (c.is_ascii_alphabetic() || c == b'/') {
            let slot = &mut next[At::Tag as usize];
            *slot = (*slot).max(Some(0));
        }
        most = most.max(next[At::Name as usize].unwrap_or(0));
        readings = next;
        before = c;
    }
    most
}

/// Without recursion, since that is what it guards.
fn is_deeper(tree: &Rc<Node>, most: usize) -> bool {
    let mut open = vec![(Rc::clone(tree), 0)];
    while let Some((node, depth)) = open.pop() {
        if depth > most {
            return true;
        }
        open.extend(node.children.borrow().iter().map(|child| (Rc::clone(child), depth + 1)));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_a_reader_sees() {
        let source = "<!doctype html><html><head><title> Gift cards </title><style>p { color: red }</style></head><body>\
            <nav><a href='/'>Home</a></nav><h1>Gift cards</h1><script>track('x')</script><p>Any amount.</p>\
            <h2>Use</h2><ul><li>Online</li><li>In the shop</li></ul><footer>© Tea</footer></body></html>";
        let (title, text) = to_markdown(source).unwrap();
        assert_eq!(title.as_deref(), Some("Gift cards"));
        assert_eq!(text, "# Gift cards\n\nAny amount.\n\n## Use\n\n*   Online\n*   In the shop");
    }

    #[test]
    fn an_endless_nesting_is_refused() {
        assert!(to_markdown(&"<div>".repeat(100)).is_ok());
        for element in ["<div>", "<b>", "<TABLE><tr><td>", "<ul><li>"] {
            assert!(to_markdown(&element.repeat(20_000)).is_err(), "{element}");
        }
        // Not nested, as browsers read it, and no work either.
        assert!(to_markdown(&"<a>x</a><i><p>".repeat(5000)).is_ok());
    }

    /// The parser alone would take minutes.
    #[test]
    fn ends_of_nothing_do_not_hide_a_nesting() {
        for element in
            ["<div></x>", "<div></span>", "<div><object></div></object>", "<span><div></span></div>", "<b><div></b>"]
        {
            let page = format!("<p>{}</p>{}", "Tea. ".repeat(1000), element.repeat(30_000));
            let started = std::time::Instant::now();
            assert!(to_markdown(&page).unwrap_err().contains("nested"), "{element}");
            assert!(started.elapsed().as_secs() < 20, "{element}: {:?}", started.elapsed());
        }
    }

    #[test]
    fn a_tag_with_thousands_of_attributes_is_refused() {
        let tag = |one: &dyn Fn(usize) -> String| (0..5_000).map(one).collect::<String>();
        for attributes in [
            tag(&|n| format!(" a{n}=1")),
            tag(&|n| format!(" a{n}")),
            tag(&|n| format!("/a{n}")),
            tag(&|n| format!(" a{n} = '>'")),
            tag(&|n| format!("a{n}=\"<>\"")),
            tag(&|n| format!(" a{n}=<")),
        ] {
            for before in ["<p ", "</p ", "<!-- <p a=\" --><p ", "<script>'<b a=\\''</script><p "] {
                let page = format!("{before}{attributes}>Text");
                assert!(to_markdown(&page).unwrap_err().contains("attributes"), "{before} {}", &attributes[..20]);
            }
        }
        let words = "two words ".repeat(1000);
        let page = format!("<p title=\"{words}\" {}>Text</p>{words}", "a=1 ".repeat(MAX_ATTRIBUTES - 1));
        assert!(to_markdown(&page).unwrap().1.starts_with("Text"));
    }

    #[test]
    fn ends_that_are_left_out_are_no_nesting() {
        let page = "<p>One<br><p>Two".repeat(1000) + "<ul>" + &"<li>Item<img src=x>".repeat(1000);
        assert!(to_markdown(&page).unwrap().1.contains("Two"));
    }
}
