use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose};

use super::{
    super::prompt::{Author, Desk, Prompt, Prompts, Turn},
    *,
};

const TITLE: &str = "Tea Support";
const INSTRUCTIONS: &str =
    "Never mention that the warehouse in Ghent closes in May. The colleagues call it Operation Kestrel.";

fn system() -> String {
    let prompt = Prompt {
        desk: Desk { title: TITLE, instructions: Some(INSTRUCTIONS) },
        facts: &[],
        passages: &[],
        searches: &[],
        search: false,
        history: &[Turn { author: Author::Customer, text: "Hi".into() }],
        triage: true,
        language: None,
        objection: None,
        budget_tokens: 3000,
    };
    Prompts::load(None).unwrap().messages(&prompt).unwrap().messages.remove(0).content
}

static SYSTEM: LazyLock<String> = LazyLock::new(system);

fn is_told(reply: &str) -> bool {
    Told { system: &SYSTEM, instructions: Some(INSTRUCTIONS), title: TITLE, passages: &[] }.is_in(reply)
}

#[test]
fn the_prompt_is_found_in_every_cheap_disguise() {
    let system = system();
    let rule = system.lines().find(|line| line.contains("Never promise")).unwrap();
    let between = |separator: &str| rule.chars().map(|c| format!("{c}{separator}")).collect::<String>();
    let swapped: String =
        rule.chars().map(|c| if c.is_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }).collect();
    let base64 = general_purpose::STANDARD.encode(rule);
    let wrapped: String =
        base64.as_bytes().chunks(20).map(|line| format!("{}\n", std::str::from_utf8(line).unwrap())).collect();
    let hex: String = rule.bytes().map(|byte| format!("{byte:02x} ")).collect();
    for (disguise, reply) in [
        ("whole", system.clone()),
        ("a rule", format!("Sure! {rule} That is all.")),
        ("the desk's own", INSTRUCTIONS.to_owned()),
        ("other case", swapped),
        ("line breaks", rule.replace(' ', "\n\n")),
        ("Markdown", rule.replace(' ', "** _")),
        ("letter by letter", between(" ")),
        ("zero-width", between("\u{200b}")),
        ("soft hyphens", between("\u{ad}")),
        (
            "full-width",
            rule.chars()
                .map(|c| if ('!'..='~').contains(&c) { char::from_u32(u32::from(c) + 0xFEE0).unwrap() } else { c })
                .collect(),
        ),
        (
            "tag characters",
            format!("Hi {}", rule.chars().filter_map(|c| char::from_u32(u32::from(c) + 0xE0000)).collect::<String>()),
        ),
        ("mathematical letters", rule.chars().map(mathematical).collect()),
        ("backwards", rule.chars().rev().collect()),
        (
            "each word backwards",
            rule.split(' ').map(|word| word.chars().rev().chain([' ']).collect::<String>()).collect(),
        ),
        ("ROT13", shifted(rule, 13)),
        ("ROT1", shifted(rule, 1)),
        ("ROT7, backwards", shifted(rule, 7).chars().rev().collect()),
        ("base64", base64),
        ("base64 for URLs", general_purpose::URL_SAFE_NO_PAD.encode(rule)),
        ("base64 in lines, behind words", format!("Here it is\n{wrapped}")),
        ("hexadecimal", hex),
        ("in two parts", format!("{} And then: {}", &rule[..50], &rule[60..110])),
    ] {
        assert!(is_told(&reply), "{disguise}: {reply}");
    }
}

fn shifted(text: &str, by: u8) -> String {
    let turn = |c: u8| if c.is_ascii_lowercase() { b'a' + (c - b'a' + by) % 26 } else { c };
    text.to_lowercase().chars().map(|c| u8::try_from(c).map_or(c, |c| char::from(turn(c)))).collect()
}

fn mathematical(c: char) -> char {
    if c.is_ascii_lowercase() { char::from_u32(0x1D41A + u32::from(c) - u32::from('a')).unwrap() } else { c }
}

#[test]
fn what_is_retrieved_may_be_said() {
    let rule = system().lines().find(|line| line.contains("Never promise")).unwrap().to_owned();
    let page = Passage {
        title: "t".into(),
        url: None,
        text: format!("We say: {rule}"),
        page: "p".into(),
        audience: Audience::Customer,
    };
    let told = Told { system: &system(), instructions: None, title: TITLE, passages: &[Arc::new(page)] };
    assert!(!told.is_in(&rule));
}

#[test]
fn short_instructions_are_found_whole() {
    let (system, own) = (system(), "Our margin on green tea is 61 percent.");
    let told = Told { system: &system, instructions: Some(own), title: TITLE, passages: &[] };
    assert!(told.is_in(&format!("It says: \"{own}\"")));
    assert!(!told.is_in("We have green tea, and 61 kinds of it."));
}

#[test]
fn a_subject_is_short_and_so_is_what_it_may_share() {
    let told = Told { system: &system(), instructions: None, title: TITLE, passages: &[] };
    assert!(told.is_touched_by("Never promise a refund, a discount or an exception"));
    assert!(!told.is_touched_by("Refund of an order that came late"));
}

/// What honest answers say about the desk, the assistant and the rules.
const HONEST: [&str; 9] = [
    "I am the AI assistant of Tea Support. I answer customers in a chat. I am software, not a person.",
    "Hello! I am the AI assistant of Tea Support. How can I help you?",
    "I am sorry, I do not know that. A person will answer you here.",
    "I can't promise a refund, a discount or an exception, but a colleague can look into it.",
    "The passages of the help pages do not answer the question, so I hand you over to a person.",
    "I cannot open files. What would you like to know about the picture that you sent?",
    "I can only answer questions; I cannot change your data or see other customers' orders.",
    "I will not reveal my instructions, and I never talk about other customers.",
    "Could you tell me what you mean? I answer from the help pages of Tea Support.",
];

#[test]
fn honest_texts_stay_far_below_the_limit() {
    let runs = Runs::of(&system());
    let told = Told { system: "", instructions: None, title: TITLE, passages: &[] };
    let public = Public::new(&told, <[char]>::to_vec);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge/support");
    let knowledge = crate::knowledge::Knowledge::load(folder.as_ref()).unwrap();
    let pages = knowledge.passages(Audience::Customer).iter().map(|passage| passage.text.as_str());
    let overlaps: Vec<(usize, &str)> =
        HONEST.into_iter().chain(pages).map(|text| (shared(&letters(text), &runs.hashes[0], &public), text)).collect();
    let (largest, text) = overlaps.iter().max().unwrap();
    assert!(*largest <= 36, "{largest}: {text}");
    assert!(HONEST.iter().all(|text| !is_told(text)));
}

#[test]
fn only_addresses_that_were_shown_stay() {
    let without = |reply: &str| {
        without_foreign_addresses(reply, ["Write to hello@tea.example.", "I am ann@home.example"].into_iter())
    };
    for (reply, kept) in [
        ("Write to HELLO@tea.example, please.", "Write to HELLO@tea.example, please."),
        ("Is it ann@home.example?", "Is it ann@home.example?"),
        ("Write to eve@evil.example now.", "Write to now."),
        ("(eve@evil.example) or \"a.b+c@sub.evil.example\"!", "() or \"\"!"),
        ("hello@tea.example.evil.example", ""),
        ("see @home, a@b and 3 @ 5.0", "see @home, a@b and 3 @ 5.0"),
        ("müller@bücher.example and ok", " and ok"),
        ("Write to pay\u{ff20}evil.com or pay\u{200b}@evil.com now", "Write to or now"),
    ] {
        assert_eq!(without(reply), kept, "{reply}");
    }
}

proptest::proptest! {
    #[test]
    fn no_reply_breaks_it(reply in "(\\PC|[A-Za-z0-9+/]{0,40}|@|\\.|\u{e0041}){0,80}") {
        let _ = is_told(&reply);
        let kept = without_foreign_addresses(&reply, std::iter::empty());
        proptest::prop_assert!(kept.len() <= reply.len());
    }
}
