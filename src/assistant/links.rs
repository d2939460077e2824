//! Which links may stay in a reply.

/// Schemes of links that need no `//`, as clients and browsers follow them.
const SCHEMES: [&str; 31] = [
    "about",
    "bitcoin",
    "blob",
    "callto",
    "cid",
    "data",
    "facetime",
    "file",
    "ftp",
    "geo",
    "http",
    "https",
    "intent",
    "irc",
    "javascript",
    "magnet",
    "mailto",
    "market",
    "matrix",
    "sip",
    "sips",
    "skype",
    "sms",
    "smsto",
    "tel",
    "tg",
    "vbscript",
    "viber",
    "view-source",
    "whatsapp",
    "xmpp",
];

/// Removes every link (`scheme://…`, `//…`, `www.…`, or a known scheme such as `mailto:…`) that is not one of `allowed`; a
/// trailing slash makes no difference. Characters that change the direction of what follows are removed, too: with
/// them an address can be made to look like another.
///
/// Of a Markdown link `[text](address)` the text stays. Addresses without a scheme, such as `tea.example/help`, stay:
/// they cannot be told from words.
#[must_use]
pub fn without_foreign_links(reply: &str, allowed: &[&str]) -> String {
    // What stood around a removed link may form a new one; each round is shorter than the last.
    let mut text: String = reply.chars().filter(|c| !is_direction_control(*c)).collect();
    loop {
        let kept = remove_links(&text, allowed);
        if kept.len() == text.len() {
            return kept;
        }
        text = kept;
    }
}

/// Embeddings, overrides and isolates (UAX #9 §2). The mere marks U+200E and U+200F stay: they change nothing else.
fn is_direction_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn remove_links(reply: &str, allowed: &[&str]) -> String {
    let is_allowed = |link: &str| allowed.iter().any(|url| url.trim_end_matches('/') == link.trim_end_matches('/'));
    let mut kept = String::with_capacity(reply.len());
    let mut rest = reply;
    while let Some((start, end)) = next_link(rest) {
        let link = &rest[start..end];
        kept.push_str(&rest[..start]);
        rest = &rest[end..];
        if is_allowed(link) {
            kept.push_str(link);
            continue;
        }
        if kept.ends_with("](") && rest.contains(')') {
            // `[text](address "title")`: only the text stays.
            let text_start = kept.rfind('[').unwrap_or(kept.len() - 2);
            let text = kept[text_start..kept.len() - 2].trim_start_matches('[').to_owned();
            kept.truncate(text_start);
            kept.push_str(&text);
            rest = behind_parenthesis(rest);
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
    }
    kept.push_str(rest);
    kept
}

/// What stands behind the `)` that closes a parenthesis opened before `text`; addresses may hold pairs of them.
fn behind_parenthesis(text: &str) -> &str {
    let mut open = 1_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' if open == 1 => return &text[at + 1..],
            ')' => open -= 1,
            '\n' => break,
            _ => {}
        }
    }
    text.split_once(')').map_or("", |(_, rest)| rest)
}

/// Where a link begins that has a scheme without `//`. A colon in prose has a space behind it.
fn scheme_without_slashes(lower: &str) -> Option<usize> {
    lower.match_indices(':').find_map(|(colon, _)| {
        let word = lower[..colon].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '-').len();
        // `see-mailto:` is a link, too.
        let name =
            SCHEMES.iter().filter(|scheme| lower[word..colon].ends_with(**scheme)).max_by_key(|name| name.len())?;
        let start = colon - name.len();
        if lower[word..start].ends_with(|c: char| c.is_ascii_alphanumeric()) {
            return None;
        }
        let target = &lower[colon + 1..];
        let end = target.find(char::is_whitespace).unwrap_or(target.len());
        let is_target = match *name {
            // RFC 2397: there is a comma, and what stands behind it is the point.
            "data" => target[..end].trim_end_matches(',').contains(','),
            "tel" | "sms" | "smsto" | "callto" => {
                target.starts_with(|c: char| c == '+' || c == '(' || c.is_ascii_digit())
            }
            _ => target.starts_with(|c: char| !c.is_whitespace() && !".,;:!?)]}*_…\"'".contains(c)),
        };
        is_target.then_some(start)
    })
}

/// Where a link begins that takes its scheme from the page (RFC 3986 §4.2): `//host.example`.
fn without_scheme(lower: &str) -> Option<usize> {
    lower.match_indices("//").map(|(at, _)| at).find(|at| {
        let host = lower[*at..].trim_start_matches('/');
        let host = &host[..host.find(|c: char| !(c.is_alphanumeric() || "-._".contains(c))).unwrap_or(host.len())];
        let has_dot = host.trim_matches(|c| ".-_".contains(c)).contains('.');
        has_dot && host.starts_with(char::is_alphanumeric) && !lower[..*at].ends_with(char::is_alphanumeric)
    })
}

/// Every link in `text`, as it is written.
pub fn links_in(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (start, end) = next_link(rest)?;
        let link = &rest[start..end];
        rest = &rest[end..];
        Some(link)
    })
}

/// The byte range of the first link in `text`.
fn next_link(text: &str) -> Option<(usize, usize)> {
    // ASCII lower case keeps every byte in its place.
    let lower = text.to_ascii_lowercase();
    let with_scheme = lower.match_indices("://").find_map(|(at, _)| {
        let scheme = lower[..at].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+-.".contains(c));
        (scheme.len() < at).then_some(scheme.len())
    });
    let bare = lower
        .match_indices("www.")
        .map(|(at, _)| at)
        .find(|at| !lower[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '.'));
    let start =
        [with_scheme, bare, scheme_without_slashes(&lower), without_scheme(&lower)].into_iter().flatten().min()?;
    let length = text[start..].find(|c: char| c.is_whitespace() || c.is_control() || "<>\"'`()[]{}|\\".contains(c));
    let link = &text[start..length.map_or(text.len(), |length| start + length)];
    let link = link.trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '…']);
    Some((start, start + link.len().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETURNS: &str = "https://tea.example/help/returns";

    #[test]
    fn removes_links_that_were_not_retrieved() {
        let cases = [
            ("See https://evil.example/a?b=c#d.", "See."),
            ("See https://tea.example/help/returns.", "See https://tea.example/help/returns."),
            ("See https://tea.example/help/returns/ now", "See https://tea.example/help/returns/ now"),
            ("See https://tea.example/help/returnsx now", "See now"),
            ("a HTTPS://EVIL.example b www.evil.example c", "a b c"),
            ("[our page](https://evil.example \"x\") helps", "our page helps"),
            (
                "[our page](https://tea.example/help/returns) helps",
                "[our page](https://tea.example/help/returns) helps",
            ),
            ("<https://evil.example> (http://e.example)!", "!"),
            ("ftp://e.example/x and xmpp://e.example", " and"),
            ("no link: 3://4, ://, example.org", "no link:, ://, example.org"),
            ("中文https://evil.example。好", "中文"),
            ("Write to mailto:eve@evil.example.", "Write to."),
            ("[Write](MAILTO:eve@evil.example?subject=x) or call tel:+4930123!", "Write or call!"),
            ("[Click](javascript:alert(document.cookie)) me", "Click me"),
            ("JavaScript:alert and vbscript:x and view-source:x end", " and and end"),
            ("xmpp:eve@evil.example?message, sms:0123 or data:text/html;base64,AAAA here", ", or here"),
            ("see-mailto:eve@evil.example now", "see- now"),
            ("[x](//evil.example/a) and //evil.example/b, (//evil.example)", "x and,"),
            ("///evil.example and ://evil.example end", " and : end"),
            ("this/www.evil.example/x or that", "this/ or that"),
            ("https:evil.example and http:/evil.example end", " and end"),
            ("a\u{202e}b\u{2066}c\u{2069} java\u{202d}script:alert end\u{200f}", "abc end\u{200f}"),
        ];
        for (reply, expected) in cases {
            assert_eq!(without_foreign_links(reply, &[RETURNS]), expected, "{reply}");
        }
    }

    #[test]
    fn prose_stays_as_it_is() {
        for prose in [
            "and/or, note: this, 10:30, 3:2, and//or, // comment, //comment, 1//2.",
            "Data: 5, data:yes, file: a.txt, Tel: 030 123, hotel:5, the mailto: scheme, XMPP: yes, e-mail: help@tea.example",
            "**about:** us; \"data:\" 'mailto:' (javascript:) sip:. a:b c::d std::mem http: https:",
            "See tea.example/help, a.b//c.d and awww.",
            "שלום\u{200f} עולם, مرحبا",
        ] {
            assert_eq!(without_foreign_links(prose, &[]), prose);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_foreign_scheme_survives(reply in "(https?://|www\\.|//|mailto:|Tel:|javascript:|data:|[a-z\\[\\]()<> .,/:1é\u{202e}]|HTTP://e\\.x){0,30}") {
            let kept = without_foreign_links(&reply, &[]);
            proptest::prop_assert!(next_link(&kept).is_none(), "{kept:?}");
        }
    }
}
