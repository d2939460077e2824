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
        ("[our page](https://tea.example/help/returns) helps", "[our page](https://tea.example/help/returns) helps"),
        ("<https://evil.example> (http://e.example)!", "!"),
        ("ftp://e.example/x and xmpp://e.example", " and"),
        ("no link: 3://4, ://, example.org", "no link:, ://, example.org"),
        ("[here](evil.com/x) and [here](evil.com).", "here and here."),
        ("Log in at evil-tea.com/login, now", "Log in at, now"),
        ("xn--evl-fma.com/x or evil.com:8080/x or 10.0.0.1/x or evil.Com/x or evil.com?a=b end", " or or or or end"),
        ("see www\u{3002}evil\u{3002}com and ww\u{200b}w.evil.com end", "see and end"),
        ("https:\\\\evil.com and \u{ff48}ttps\u{ff1a}//evil.com end", " and end"),
        ("https://\nevil.com/x end", "\n end"),
        ("https://\u{a0}evil.com/x end", "\u{a0} end"),
        ("<a href=\"evil.com\">x</a>", "<a href=\"\">x</a>"),
        ("ldap:x zoommtg:x ms-word:x webcal:x steam:x monero:x lightning:x web+tea:x end", " end"),
        ("tea.example/help/returns stays", "tea.example/help/returns stays"),
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
        "See tea.example, a.b//c.d and awww.",
        "Note:this, 9:00, Account: Profile, e.g./i.e. a.m./p.m. bzw./usw. and invoice.pdf/receipt.pdf, 1.2/3, v1.2.3/4.",
        "Mr.Smith/Mrs.Smith, a sentence.And/or none, Nr.12/13, Steam: yes, 50\u{20ac}/kg, \u{bd} \u{2122} \u{2026} \u{ff0c}\u{3002}",
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} C:\\Users and \\* help@tea.example/x",
        "שלום\u{200f} עולם, مرحبا",
    ] {
        assert_eq!(without_foreign_links(prose, &[]), prose);
    }
}

/// It took 65 seconds, and eight times as long for twice the length.
#[test]
fn links_within_links_take_no_longer_than_they_are_long() {
    let nested = |n: usize| format!("Yes {}{}tg:a{}", "tg:.".repeat(n), "t(".repeat(n), ")g:a".repeat(n));
    for text in [nested(590), "](tg:a(".repeat(2_000), "a.".repeat(5_000), ":".repeat(10_000), "//".repeat(5_000)] {
        let started = std::time::Instant::now();
        assert!(found(&without_foreign_links(&text, &[])).is_empty());
        assert!(started.elapsed().as_secs() < 20, "{} {:?}", &text[..20], started.elapsed());
    }
    assert!(without_foreign_links(&nested(590), &[]).starts_with("Yes"));
}

proptest::proptest! {
    #[test]
    fn no_foreign_scheme_survives(reply in "(https?://|www\\.|//|mailto:|Tel:|javascript:|data:|[a-z\\[\\]()<> .,/:1é\u{202e}]|HTTP://e\\.x){0,30}") {
        let kept = without_foreign_links(&reply, &[]);
        proptest::prop_assert!(found(&kept).is_empty(), "{kept:?}");
    }
}
