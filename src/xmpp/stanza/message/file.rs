//! Files that come with a message: where they are, by whichever of the three specifications a client knows.

use xmpp_parsers::{minidom::Element, ns};

use super::SFS;

/// XEP-0385, and the references in it (XEP-0372).
const SIMS: &str = "urn:xmpp:sims:1";
const REFERENCE: &str = "urn:xmpp:reference:0";
/// XEP-0103.
const URL_DATA: &str = "http://jabber.org/protocol/url-data";
/// Files of one message that are looked at.
const MAX_FILES: usize = 8;
/// The longest URL, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// Each URL once, in the order of the message.
pub(super) fn urls(stanza: &Element) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for url in stanza.children().flat_map(named_by).filter(|url| is_web(url)) {
        if !urls.contains(&url) {
            urls.push(url);
        }
        if urls.len() == MAX_FILES {
            break;
        }
    }
    urls
}

/// The URL of an encrypted file (XEP-0454), which is all of a body: it needs no other element.
pub(super) fn encrypted(body: &str) -> Option<String> {
    let url = body.trim();
    (url.starts_with("aesgcm://") && is_web(url)).then(|| url.to_owned())
}

fn named_by(child: &Element) -> Vec<String> {
    let children = |element: &Element, name: &str, namespace: &str| {
        element.children().filter(|part| part.is(name, namespace)).cloned().collect::<Vec<_>>()
    };
    if child.is("x", ns::OOB) {
        // Without a `url` it has nothing to say (XEP-0066 §3).
        return children(child, "url", ns::OOB).iter().map(|url| url.text().trim().to_owned()).collect();
    }
    if child.is("file-sharing", SFS) {
        let sources = children(child, "sources", SFS);
        let targets = sources.iter().flat_map(|sources| children(sources, "url-data", URL_DATA));
        return targets.filter_map(|data| data.attr("target").map(str::to_owned)).take(1).collect();
    }
    if child.is("reference", REFERENCE) {
        let sharing = children(child, "media-sharing", SIMS);
        let sources = sharing.iter().flat_map(|sharing| children(sharing, "sources", SIMS));
        let references = sources.flat_map(|sources| children(&sources, "reference", REFERENCE));
        return references
            .filter_map(|source| source.attr("uri").map(str::to_owned))
            .filter(|uri| is_web(uri))
            .take(1)
            .collect();
    }
    Vec::new()
}

/// A URL of a file. Whether it is to be fetched is not for a parser to say: an encrypted one (XEP-0454) is named, too.
fn is_web(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    let known = ["https", "http", "aesgcm"];
    let is_known = scheme.is_some_and(|scheme| known.iter().any(|known| scheme.eq_ignore_ascii_case(known)));
    is_known && url.len() <= MAX_URL_BYTES && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}
