use std::time::Duration;

use super::*;
use crate::config::Attachments;

fn config(text: &str) -> Config {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Config::load(Some(file.path())).unwrap()
}

fn desk(keys: &str) -> Desk {
    desks(&config(&format!("[[desk]]\nname = \"support\"\n{keys}"))).unwrap().remove(0)
}

fn refused(keys: &str) -> String {
    desks(&config(&format!("[[desk]]\nname = \"support\"\n{keys}"))).unwrap_err().to_string()
}

#[test]
fn what_the_example_shows_as_defaults_is_what_counts_without_a_file() {
    let example = include_str!("../../../deskbridge.example.toml");
    let is_key =
        |line: &str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let whole: Vec<&str> =
        example.lines().map(|line| line.strip_prefix("# ").filter(|line| is_key(line)).unwrap_or(line)).collect();
    let shown = config(&whole.join("\n").replace("change me", "hush"));
    assert_eq!(shown.attachments, Attachments::default());
    let (shown, default) = (&desks(&shown).unwrap()[0], Desk::new("support", "Support"));
    assert_eq!(shown.rules, default.rules);
    assert_eq!((shown.limits, shown.assistant), (default.limits, default.assistant));
    assert_eq!((&shown.name, &shown.title, shown.texts.language()), (&default.name, &default.title, Language::English));
    assert_eq!((shown.description.is_empty(), &shown.avatar), (false, &default.avatar));
    assert_eq!(shown.hours.describe(), "Mon–Thu 09:00–12:00, 13:00–17:00; Fri 09:00–14:00 (Europe/Berlin)");
    assert_eq!(shown.texts.greeting("Tea").unwrap(), "Welcome to Tea!");
    let agents: Vec<_> = shown.agents.iter().map(|agent| (agent.jid.as_str(), agent.name.as_deref())).collect();
    assert_eq!(agents, [("max@example.org", None), ("eve@example.org", Some("Eve"))]);
    // The other texts that it shows are the language's own.
    for line in whole.iter().filter(|line| line.starts_with("hand_off") || line.starts_with("out_of_hours")) {
        let key = line.split(' ').next().unwrap();
        let shown: toml::Table = toml::from_str(line).unwrap();
        let ours = crate::helpdesk::texts::Text::ALL.into_iter().find(|text| text.key() == key).unwrap();
        assert_eq!(shown[key].as_str().unwrap(), Language::English.text(ours));
    }
}

#[test]
fn a_desk_has_its_own_times_and_else_the_assistants_or_the_defaults() {
    let config = config(
        "[assistant]\nquiet_window = \"1s\"\n[[desk]]\nname = \"a\"\n\
         [[desk]]\nname = \"b\"\nquiet_window = \"2s\"\nclaim_timeout = \"never\"\nnudge_after = \"0s\"\n\
         reopen_window = \"1d\"\nresolve_after = \"1h\"\nassistant = false",
    );
    let desks = desks(&config).unwrap();
    assert_eq!(desks[0].rules, Rules { quiet_window: Duration::from_secs(1), ..Rules::default() });
    assert!(desks[0].assistant && !desks[1].assistant);
    let own = Rules {
        quiet_window: Duration::from_secs(2),
        reopen_window: Duration::from_hours(24),
        claim_timeout: None,
        nudge_after: None,
        resolve_after: Duration::from_hours(1),
    };
    assert_eq!(desks[1].rules, own);
}

#[test]
fn limits_can_be_changed_and_lifted_one_by_one_or_all_at_once() {
    let some = "[desk.limits]\nmessages_per_minute = 5\nnew_tickets_per_day = 0";
    assert_eq!(desk("").limits, Limits::default());
    assert_eq!(
        desk(some).limits,
        Limits { messages_per_minute: Some(5), new_tickets_per_day: None, ..Limits::default() }
    );
    assert_eq!(desk(&format!("{some}\n[limits]\nenabled = false")).limits, Limits::NONE);
}

#[test]
fn budgets_are_numbers_and_0_is_none() {
    let own = "[desk.limits]\nanswers_per_ticket = 3\ntokens_per_customer_day = 0\ntokens_per_desk_month = 1000";
    let expected = Limits {
        answers_per_ticket: Some(3),
        tokens_per_customer_day: None,
        tokens_per_desk_month: Some(1000),
        ..Limits::default()
    };
    assert_eq!(desk(own).limits, expected);
    let off = config(&format!("[limits]\nenabled = false\n[[desk]]\nname = \"support\"\n{own}"));
    assert_eq!(desks(&off).unwrap()[0].limits, Limits::NONE);
    assert_eq!(desk("").still_looking_after, None);
    assert_eq!(desk("still_looking_after = \"8s\"").still_looking_after, Some(Duration::from_secs(8)));
}

#[test]
fn a_desk_speaks_its_language_and_its_own_words() {
    let texts = desk("language = \"de\"\n[desk.texts]\nnudge = \"Na?\"").texts;
    assert_eq!((texts.nudge().as_str(), texts.welcome().as_str()), ("Na?", "Gern geschehen!"));
}

#[test]
fn complaints_name_the_key() {
    for (keys, start) in [
        ("time_zone = \"UTC\"\nhours = [\"Mon 09:00-12:00\", \"Tue\"]", "configuration key desk[0].hours[1]: 'Tue'"),
        ("hours = [\"Mon 09:00-12:00\"]", "configuration key desk[0].time_zone: "),
        ("time_zone = \"Berlin\"", "configuration key desk[0].time_zone: "),
        ("language = \"fr\"", "configuration key desk[0].language: "),
        ("[desk.texts]\nnudge = \"{desk}?\"", "configuration key desk[0].texts.nudge: "),
    ] {
        let message = refused(keys);
        assert!(message.starts_with(start), "{message}");
    }
}
