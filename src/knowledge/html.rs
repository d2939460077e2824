//! From HTML to Markdown, so that there is one way to cut pages.

use std::{
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use htmd::{Element, HtmlToMarkdown, Node, element_handler::Handlers};

/// How deep elements may be nested: the converter recurses, and a page must not be able to end the process.
const MAX_DEPTH: usize = 200;

/// What a reader does not see, or what is the same on every page.
const LEFT_OUT: [&str; 12] =
    ["script", "style", "noscript", "template", "iframe", "object", "svg", "form", "button", "nav", "footer", "img"];

/// The page's `<title>` and its text as Markdown.
///
/// # Errors
/// When elements are nested too deep.
pub(super) fn to_markdown(source: &str) -> Result<(Option<String>, String), String> {
    if opens_deeper(source, MAX_DEPTH) {
        return Err(too_deep());
    }
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
    let tree = converter.html_to_tree(source).map_err(|error| format!("is no HTML: {error}"))?;
    if is_deeper(&tree, MAX_DEPTH) {
        return Err(too_deep());
    }
    let text = converter.tree_to_markdown(&tree);
    let title = title.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok((title.map(|title| title.trim().to_owned()).filter(|title| !title.is_empty()), text))
}

fn too_deep() -> String {
    format!("has elements nested more than {MAX_DEPTH} deep")
}

/// Whether more elements are open at once than that, as the tags say: the parser takes minutes for thousands.
fn opens_deeper(source: &str, most: usize) -> bool {
    let mut open = 0_usize;
    for tag in source.split('<').skip(1) {
        let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).take(20).collect();
        if name.is_empty() || CLOSED_BY_NEXT.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            continue;
        }
        open = if closes { open.saturating_sub(1) } else { open + 1 };
        if open > most {
            return true;
        }
    }
    false
}

/// Elements without an end, or whose end may be left out.
const CLOSED_BY_NEXT: [&str; 24] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "p", "li",
    "dt", "dd", "tr", "td", "th", "thead", "tbody", "option", "colgroup",
];

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
        for element in ["<div>", "<b>", "<TABLE><tr><td>", "<ul><li>", "<a>x</a><i><p>"] {
            assert!(to_markdown(&element.repeat(20_000)).is_err(), "{element}");
        }
    }

    #[test]
    fn ends_that_are_left_out_are_no_nesting() {
        let page = "<p>One<br><p>Two".repeat(1000) + "<ul>" + &"<li>Item<img src=x>".repeat(1000);
        assert!(to_markdown(&page).unwrap().1.contains("Two"));
    }
}
