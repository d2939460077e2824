use chrono::{DateTime, Utc};
use deskbridge_entity::ticket::Status;

use super::*;
use crate::helpdesk::Hours;

fn replaced(key: &str, text: &str) -> Result<Texts, TextError> {
    Texts::with(Language::English, &BTreeMap::from([(key.to_owned(), text.to_owned())]))
}

fn office() -> Hours {
    Hours::parse(Some("Europe/Berlin"), &["Mon-Fri 09:00-17:00".to_owned()], &[]).unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    format!("{text}:00Z").parse().unwrap()
}

#[test]
fn every_language_has_every_text_with_all_its_placeholders() {
    for (place, text) in Text::ALL.into_iter().enumerate() {
        assert_eq!(text as usize, place, "{text:?} is not in the order of declaration");
        for language in Language::ALL {
            let ours = language.text(text);
            Template::parse(text, ours).unwrap_or_else(|error| panic!("{language:?}: {error}"));
            let default = matches!(text, Text::Greeting);
            assert_eq!(ours.is_empty(), default, "{language:?} {text:?}");
            // The hours are listed where a desk wants them; with nobody there they are of no use, or the opening says more.
            let spare = matches!(text, Text::Greeting | Text::NobodyOnDuty | Text::OutOfHours);
            for name in text.placeholders().iter().filter(|_| !spare) {
                assert!(ours.contains(&format!("{{{name}}}")), "{language:?} {text:?} has no {{{name}}}");
            }
        }
    }
    let keys: std::collections::BTreeSet<_> = Text::ALL.into_iter().map(Text::key).collect();
    assert_eq!(keys.len(), Text::ALL.len(), "two texts have one key");
}

#[test]
fn a_hand_off_tells_the_place_in_the_queue_and_the_hours() {
    let (texts, always, office) = (Texts::default(), Hours::default(), office());
    let wait = Wait { ahead: None, hours: &always, now: utc("2026-11-23T12:00"), on_duty: true, assistant: false };
    assert_eq!(texts.hand_off(&wait), "A person will answer you here.");
    assert_eq!(
        texts.hand_off(&Wait { ahead: Some(0), ..wait }),
        "A person will answer you here. You are next in line."
    );
    let wait = Wait { ahead: Some(2), hours: &office, ..wait };
    assert_eq!(
        texts.hand_off(&wait),
        "A person will answer you here. Before you in line: 2. Our hours: Mon–Fri 09:00–17:00 (Europe/Berlin)."
    );
    assert_eq!(
        texts.hand_off_in("Of course, I get Eve. ", &Wait { on_duty: false, ..wait }),
        "Of course, I get Eve. Before you in line: 2. Nobody is on duty right now, so it may take a while."
    );
    assert_eq!(
        texts.failure(&Wait { ahead: None, now: utc("2026-11-23T20:00"), ..wait }),
        "Sorry, I cannot answer this right now. A person will reply to you here. We are closed right now and open again \
         tomorrow at 09:00."
    );
    let german = Texts::of(Language::German);
    assert_eq!(
        german.hand_off(&Wait { now: utc("2026-11-27T20:00"), ..wait }),
        "Ein Mensch wird Ihnen hier antworten. Vor Ihnen in der Warteschlange: 2. Wir haben gerade geschlossen und sind \
         am Montag um 09:00 Uhr wieder da."
    );
}

#[test]
fn where_nobody_is_there_the_assistant_offers_itself() {
    let (texts, office) = (Texts::default(), office());
    let wait = Wait { ahead: Some(0), hours: &office, now: utc("2026-11-23T12:00"), on_duty: true, assistant: true };
    let offer = "With /new you can ask me something else; this question then no longer waits.";
    let says = |wait: &Wait<'_>| {
        [texts.hand_off(wait), texts.hand_off_in("Eve comes.", wait)].map(|line| line.ends_with(offer))
    };
    assert_eq!(says(&wait), [false, false]);
    assert_eq!(says(&Wait { on_duty: false, ..wait }), [true, true]);
    assert_eq!(says(&Wait { now: utc("2026-11-23T20:00"), ..wait }), [true, true]);
    assert_eq!(says(&Wait { on_duty: false, assistant: false, ..wait }), [false, false]);
    // Where the model has just failed, it is no help.
    assert!(!texts.failure(&Wait { on_duty: false, ..wait }).contains("/new"));
    assert_eq!(texts.place(&wait), "You are next in line.");
    assert_eq!(
        texts.place(&Wait { now: utc("2026-11-23T20:00"), ..wait }),
        "You are next in line. We are closed right now and open again tomorrow at 09:00."
    );
}

#[test]
fn dates_and_what_has_no_subject_are_told_in_the_language() {
    let german = Texts::of(Language::German);
    let day = utc("2026-11-25T12:00").date_naive();
    assert_eq!((german.date(day), Texts::default().date(day)), ("25.11.2026".to_owned(), "2026-11-25".to_owned()));
    assert_eq!(german.reopen_runs("…"), "„ein Gespräch noch ohne Frage“ ist offen. Schreiben Sie einfach.");
    assert_eq!(
        Texts::default().ticket_line("now", "…", Status::Open),
        "now: a conversation without a question yet (we owe you an answer)"
    );
    assert_eq!(german.file_refused(None).split(" hat uns").next(), Some("Ihre Datei"));
}

#[test]
fn an_opening_is_told_by_the_desks_own_day() {
    let (texts, office) = (Texts::default(), office());
    for (now, told) in [
        // In Berlin it is already Monday.
        ("2026-11-22T23:30", Some("today at 09:00")),
        ("2026-11-22T22:30", Some("tomorrow at 09:00")),
        ("2026-11-20T18:00", Some("on Monday at 09:00")),
        ("2026-11-23T12:00", None),
    ] {
        assert_eq!(texts.opening(&office, utc(now)).as_deref(), told, "{now}");
    }
    let mondays = Hours::parse(Some("UTC"), &["Mon 09:00-17:00".to_owned()], &["2026-11-30".to_owned()]).unwrap();
    assert_eq!(texts.opening(&mondays, utc("2026-11-23T18:00")).unwrap(), "on Monday, 2026-12-07, at 09:00");
    let german = Texts::of(Language::German);
    assert_eq!(german.opening(&mondays, utc("2026-11-23T18:00")).unwrap(), "am Montag, 07.12.2026, um 09:00 Uhr");
}

#[test]
fn a_desk_replaces_single_texts() {
    let texts = replaced("greeting", "Welcome to {desk}! {{type}} away.").unwrap();
    assert_eq!(texts.greeting("Tea Support").unwrap(), "Welcome to Tea Support! {type} away.");
    assert_eq!(texts.nudge(), Texts::default().nudge());
    assert_eq!(Texts::default().greeting("Tea Support"), None);

    let texts = replaced("resolved", "").unwrap();
    assert_eq!(texts.resolved(), None);
    let texts = replaced("hand_off", "{queue} A person comes.").unwrap();
    let wait =
        Wait { ahead: None, hours: &Hours::default(), now: utc("2026-11-23T12:00"), on_duty: true, assistant: false };
    assert_eq!(texts.hand_off(&wait), "A person comes.");
    let texts = replaced("too_fast", "{limit}!").unwrap();
    assert_eq!(texts.too_fast(20), "20!");
}

#[test]
fn values_are_never_read_as_templates() {
    let texts = replaced("greeting", "{desk}").unwrap();
    assert_eq!(texts.greeting("{desk} {{ }").unwrap(), "{desk} {{ }");
}

#[test]
fn complaints_name_the_key() {
    for (key, text, start) in [
        ("gretting", "Hello", "gretting: there is no such text"),
        ("greeting", "Hello {name}", "greeting: there is no {name} in it, only {desk}"),
        ("nudge", "Well, {desk}?", "nudge: has no placeholders"),
        ("nudge", "Well {", "nudge: has a single brace"),
        ("nudge", "Well }", "nudge: has a single brace"),
        ("nudge", " ", "nudge: must not be empty"),
        ("failure", "", "failure: must not be empty"),
        ("nudge", "Well\u{1b}", "nudge: '\\u{1b}' cannot be sent"),
        ("days", "Mon Tue", "days: must be 7 words"),
    ] {
        let message = replaced(key, text).unwrap_err().to_string();
        assert!(message.starts_with(start), "{message}");
    }
    assert!("fr".parse::<Language>().unwrap_err().contains("'fr', only in en, de"));
}
