use super::*;

fn parse(source: &str) -> Result<FrontMatter, String> {
    FrontMatter::split(source).map(|(front, _)| front)
}

#[test]
fn reads_what_it_knows_and_leaves_the_rest_alone() {
    let source = "---\ntitle: \"Gift: cards\"\nurl: https://tea.example/g\ntags: [gift, 2026]\nlanguage: en\n\
                  audience: agents\nlayout: page\n---\nText";
    let (front, text) = FrontMatter::split(source).unwrap();
    let expected = FrontMatter {
        title: Some("Gift: cards".into()),
        url: Some("https://tea.example/g".into()),
        tags: vec!["gift".into(), "2026".into()],
        language: Some("en".into()),
        audience: Audience::Agent,
    };
    assert_eq!((front, text), (expected, "Text"));
    assert_eq!(parse("---\ntags: a, b\n---\n").unwrap().tags, ["a", "b"]);
}

#[test]
fn a_page_without_is_for_customers() {
    for source in ["Text", "", "---\n---\nText", "---\n# nothing\n---\nText"] {
        assert_eq!(parse(source).unwrap().audience, Audience::Customer, "{source:?}");
    }
}

#[test]
fn what_may_have_meant_to_keep_customers_out_is_an_error() {
    for source in [
        "---\naudience: agents\nText without an end",
        "---\naudience: staff\n---\n",
        "---\naudience: Agents\n---\n",
        "---\naudience:\n---\n",
        "---\naudience: [agents]\n---\n",
        "---\naudience: agents\naudience: customers\n---\n",
        "---\nAudience: agents\n---\n",
        "---\naudiance: agents\n---\n",
        "---\naudience: agents\n  title: x\n---\n",
        "---\naudience agents\n---\n",
        "---\n- audience: agents\n---\n",
        "---\ntitle: [x\naudience: agents\n---\n",
        "---\ntitle: \"\naudience: agents\na: \"\n---\n",
        "---\ntitle: '\naudience: agents\na: '\naudience: customers\n---\n",
        "---\ntitle: \"\nAudience: agents\n\"\n---\n",
        "---\n\u{430}udience: agents\n---\n",
        "---\naud\u{456}ence: agents\n---\n",
        "---\nf\u{fc}r: agents\n---\n",
    ] {
        assert!(parse(source).is_err(), "{source:?} gives {:?}", parse(source));
    }
}

#[test]
fn an_audience_that_is_not_read_as_front_matter_is_an_error() {
    for source in [
        "Text\n---\naudience: agents\n---",
        "\u{200b}---\naudience: agents\n---\nText",
        "\u{3164}---\naudience: agents\n---\nText",
        "----\naudience: agents\n----\n",
        "+++\naudience = \"agents\"\n+++\n",
        "<!-- x -->\n---\naudience: agents\n---\n",
        "<!-- audience: agents -->\nText",
        "---\raudience: agents\r---\rText",
        "---\u{2028}audience: agents\u{2028}---\u{2028}Text",
        "--- \u{430}udience: agents\n---",
        "{\"title\": \"x\", \"audience\": \"agents\"}\nText",
        "AUDIENCE\u{ff1a}agents",
        "\u{1d41a}\u{1d42e}\u{1d41d}\u{1d422}\u{1d41e}\u{1d427}\u{1d41c}\u{1d41e}: agents",
        "au\u{ad}di\u{200d}ence : agents",
        "**Audience**: agents",
        "#+AUDIANCE: agents",
        "---\n---\n---\naudience: agents\n---\n",
        "---\ntitle: x\n---\naudience: agents\nText",
    ] {
        assert!(parse(source).is_err(), "{source:?} gives {:?}", parse(source));
    }
    let shown = parse("+++\naudience = 'agents'").unwrap_err();
    assert!(shown.contains("audience = 'agents'"), "{shown}");
}

#[test]
fn words_about_an_audience_are_none() {
    for source in [
        "Our audience: people who drink tea",
        "Audience",
        "audit: yes\naudio = on",
        "---\n# audience: agents\ntitle: x\n---\nText",
        "---\naudience: customers\n---\nAudience: everybody",
    ] {
        assert_eq!(parse(source).unwrap().audience, Audience::Customer, "{source:?}");
    }
}

#[test]
fn an_error_names_the_line_of_the_file() {
    let error = parse("\n---\ntitle: x\nurl: [\n---\n").unwrap_err();
    assert!(error.contains("line 4") || error.contains("line 5"), "{error}");
}

#[test]
fn white_space_does_not_hide_it() {
    for source in ["\n\n---\naudience: agents\n---\n", "---  \naudience: agents\n--- \n", " ---\naudience: agents\n..."]
    {
        assert_eq!(parse(source).unwrap().audience, Audience::Agent, "{source:?}");
    }
}

#[test]
fn only_web_addresses_are_taken_as_urls() {
    for url in ["javascript:alert(1)", "https://", "http://a b", "/help"] {
        assert_eq!(parse(&format!("---\nurl: {url}\n---\nx")).unwrap().url, None, "{url}");
    }
}

proptest::proptest! {
    #[test]
    fn agents_only_stays_so_whatever_stands_around_it(
        before in "(title: [a-z \":\\[{}#&*!|>'%@`-]{0,12}\n){0,2}",
        after in "([a-z]{1,5}: [a-z \":\\[{}#&*!|>'%@`-]{0,12}\n){0,2}",
    ) {
        let source = format!("---\n{before}audience: agents\n{after}---\nText");
        // Not understood is as good: such a page is not used.
        if let Ok((front, _)) = FrontMatter::split(&source) {
            proptest::prop_assert_eq!(front.audience, Audience::Agent);
        }
    }
}
