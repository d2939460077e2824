//! Which links may stay in a reply.

mod names;
mod view;

use names::{COMMON, FILES, SCHEMES};
pub(super) use view::View;

/// What stood around a removed link may form a new one, so often at most.
const ROUNDS: usize = 4;

/// So far, in bytes, the brackets of a Markdown link are searched.
const REACH: usize = 2000;

/// Removes every link (`scheme://…`, `//…`, `www.…`, `host.example/…`, or a known scheme such as `mailto:…`) that is not
/// one of `allowed`; a trailing slash makes no difference, nor does the scheme for one that has none. Compatibility forms
/// (UAX #15), backslashes and invisible characters hide none. Characters that change the direction of what follows are
/// removed, too: with them an address can be made to look like another.
///
/// Of a Markdown link `[text](address)` the text stays. A mere host, such as `tea.example`, stays unless it is the target
/// of a Markdown or HTML link: it cannot be told from words. The time is in proportion to the length; a text in which
/// links stand within links within links ends before the first that is left.
#[must_use]
pub fn without_foreign_links(reply: &str, allowed: &[&str]) -> String {
    let mut text: String = reply.chars().filter(|c| !is_direction_control(*c)).collect();
    for _ in 0..ROUNDS {
        let kept = remove_links(&text, allowed);
        if kept.len() == text.len() {
            return kept;
        }
        text = kept;
    }
    while let Some((start, _)) = found(&text).into_iter().find(|(start, end)| !is_allowed(&text[*start..*end], allowed))
    {
        text.truncate(start);
    }
    text
}

/// Embeddings, overrides and isolates (UAX #9 §2). The mere marks U+200E and U+200F stay: they change nothing else.
fn is_direction_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn is_allowed(link: &str, allowed: &[&str]) -> bool {
    let bare = |url: &str| url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/').to_owned();
    let link = link.trim_end_matches('/');
    allowed.iter().any(|url| url.trim_end_matches('/') == link || !link.contains(':') && bare(url) == link)
}

fn remove_links(reply: &str, allowed: &[&str]) -> String {
    let mut kept = String::with_capacity(reply.len());
    let mut done = 0;
    for (start, end) in found(reply) {
        // It went with the brackets of the one before.
        if start < done {
            continue;
        }
        kept.push_str(&reply[done..start]);
        done = end;
        if is_allowed(&reply[start..end], allowed) {
            kept.push_str(&reply[start..end]);
            continue;
        }
        let mut rest = &reply[end..];
        if let Some((text_start, behind)) = brackets(&kept, rest) {
            // `[text](address "title")`: only the text stays.
            let text = kept[text_start..kept.len() - 2].trim_start_matches('[').to_owned();
            kept.truncate(text_start);
            kept.push_str(&text);
            rest = behind;
        } else if matches!((kept.chars().last(), rest.chars().next()), (Some('<'), Some('>')) | (Some('('), Some(')')))
        {
            kept.pop();
            rest = &rest[1..];
        }
        // No double space and none before a full stop where the link stood.
        let next = rest.chars().next();
        if next.is_none_or(|c| c.is_whitespace() || ".,;:!?".contains(c)) && kept.ends_with(' ') {
            kept.pop();
        }
        done = reply.len() - rest.len();
    }
    kept.push_str(&reply[done..]);
    kept
}

/// Where `[` stands in `before`, which ends with `](`, and what stands behind the `)` in `after`.
fn brackets<'a>(before: &str, after: &'a str) -> Option<(usize, &'a str)> {
    if !before.ends_with("](") {
        return None;
    }
    let near = &after[..after.floor_char_boundary(REACH)];
    let mut open = 1_usize;
    let balanced = near.char_indices().take_while(|(_, c)| *c != '\n').find(|(_, c)| {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        open == 0
    });
    // Addresses may hold pairs of parentheses, and some hold half a pair.
    let end = balanced.map(|(at, _)| at).or_else(|| near.find(')'))?;
    let from = before.ceil_char_boundary(before.len().saturating_sub(REACH));
    let start = before[from..].rfind('[').map_or(before.len() - 2, |at| from + at);
    Some((start, &after[end + 1..]))
}

/// Every link in `text`, as it is written.
pub fn links_in(text: &str) -> impl Iterator<Item = &str> {
    found(text).into_iter().map(|(start, end)| &text[start..end])
}

/// The byte ranges of all links in `text`. One word holds one at most: it goes on to the word's end.
fn found(text: &str) -> Vec<(usize, usize)> {
    let view = View::of(text);
    let is_end = |c: char| c.is_whitespace() || c.is_control() || "<>\"'`()[]{}|".contains(c);
    let mut found = Vec::new();
    let mut from = 0;
    for word in view.text.split(is_end) {
        let end = from + word.trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '…']).len();
        if let Some(start) = start_in(word, &view.text[..from]) {
            let start = from + start;
            found.push(view.range(start, end.max(start + 1)));
        }
        let next = view.text[from + word.len()..].chars().next();
        from += word.len() + next.map_or(0, char::len_utf8);
    }
    found
}

/// Where a link begins in a word that stands behind `before`.
fn start_in(word: &str, before: &str) -> Option<usize> {
    // ASCII lower case keeps every byte in its place.
    let lower = word.to_ascii_lowercase();
    let with_scheme = lower.find("://").and_then(|first| {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let start = lower[..first].trim_end_matches(is_scheme).len();
        // Without a scheme the next may have one.
        let later = || lower.match_indices("://").map(|(at, _)| at).find(|at| lower[..*at].ends_with(is_scheme));
        if start < first { Some(start) } else { later().map(|at| lower[..at].trim_end_matches(is_scheme).len()) }
    });
    let bare = lower
        .match_indices("www.")
        .map(|(at, _)| at)
        .find(|at| !lower[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '.'));
    let starts = [with_scheme, bare, scheme_without_slashes(&lower), without_scheme(&lower), host(word, before)];
    starts.into_iter().flatten().min()
}

/// Where a link begins that has a scheme without `//`. A colon in prose has a space behind it.
fn scheme_without_slashes(lower: &str) -> Option<usize> {
    lower.match_indices(':').find_map(|(colon, _)| {
        // `see-mailto:` is a link, too.
        let known = SCHEMES.iter().filter(|scheme| lower[..colon].ends_with(**scheme)).max_by_key(|name| name.len());
        let near = &lower[lower.ceil_char_boundary(colon.saturating_sub(40))..colon];
        let family = || ["ms-", "web+"].into_iter().find_map(|prefix| near.rfind(prefix).map(|at| &near[at..]));
        let name = known
            .copied()
            .or_else(|| family().filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))))?;
        let start = colon - name.len();
        if lower[..start].ends_with(|c: char| c.is_ascii_alphanumeric()) {
            return None;
        }
        let target = &lower[colon + 1..];
        let is_target = match name {
            // RFC 2397: there is a comma, and what stands behind it is the point.
            "data" => target.trim_end_matches(',').contains(','),
            "tel" | "sms" | "smsto" | "callto" => target.starts_with(|c: char| c == '+' || c.is_ascii_digit()),
            _ => target.starts_with(|c: char| !".,;:!?*_…".contains(c)),
        };
        is_target.then_some(start)
    })
}

/// Where a link begins that takes its scheme from the page (RFC 3986 §4.2): `//host.example`.
fn without_scheme(lower: &str) -> Option<usize> {
    lower.match_indices("//").map(|(at, _)| at).find(|at| {
        !lower[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '/')
            && begins_with_host(lower[*at..].trim_start_matches('/'))
    })
}

fn begins_with_host(text: &str) -> bool {
    let length = text.find(|c: char| !(c.is_alphanumeric() || "-._".contains(c))).unwrap_or(text.len());
    let host = text[..length].trim_end_matches(['.', '-', '_']);
    host.starts_with(char::is_alphanumeric) && host.contains('.')
}

/// Where a link begins that has no scheme: a host with a path, or any host when it is the target of a link.
fn host(word: &str, before: &str) -> Option<usize> {
    let is_host = |c: char| c.is_alphanumeric() || "-._".contains(c);
    let mut at = 0;
    while at < word.len() {
        let length = word[at..].find(|c: char| !is_host(c)).unwrap_or(word.len() - at);
        let start = at + length - word[at..at + length].trim_start_matches(|c: char| !c.is_alphanumeric()).len();
        let (host, behind) = (&word[start..at + length], &word[at + length..]);
        let ahead = if start == 0 { before } else { &word[..start] };
        let is_target = ["](", "](<", "href=", "href=\"", "href='"].iter().any(|opening| ahead.ends_with(opening));
        // Behind `@` it is a part of an address, which is not this module's.
        if !ahead.ends_with('@') && is_domain(host.trim_end_matches(['.', '-', '_'])) && (is_target || is_path(behind))
        {
            return Some(start);
        }
        let next = behind.chars().next().map_or(1, char::len_utf8);
        at += length + next;
    }
    None
}

/// Whether what stands behind a host makes it an address: `/`, `:8080/`, `?a=b`, `#a`.
fn is_path(behind: &str) -> bool {
    let port = behind.strip_prefix(':').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    port.unwrap_or(behind).starts_with('/')
        || behind.starts_with('?') && behind.contains('=')
        || behind.strip_prefix('#').is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
}

/// Whether a host has a name with a top-level domain, or is an IPv4 address. `e.g`, `1.2`, `invoice.pdf` and
/// `sentence.And` are none.
fn is_domain(host: &str) -> bool {
    let Some((names, top)) = host.rsplit_once('.') else { return false };
    if host.parse::<std::net::Ipv4Addr>().is_ok() {
        return true;
    }
    let lower = top.to_lowercase();
    let is_top = lower.starts_with("xn--") || top.chars().count() >= 2 && top.chars().all(char::is_alphabetic);
    let is_sentence = top.starts_with(char::is_uppercase) && top.chars().skip(1).all(char::is_lowercase);
    names.ends_with(char::is_alphanumeric)
        && is_top
        && !FILES.contains(&lower.as_str())
        && (!is_sentence || COMMON.contains(&lower.as_str()))
}

#[cfg(test)]
mod tests;
