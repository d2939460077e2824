use super::super::tests::{complaint, parse};
use super::*;

fn desk(keys: &str) -> Desk {
    parse(&format!("[[desk]]\nname = \"support\"\n{keys}"), &[]).unwrap().desk.remove(0)
}

fn refused(keys: &str) -> String {
    let whole = format!("[xmpp]\ndomain = \"Help.Example.org\"\n[[desk]]\nname = \"support\"\n{keys}");
    complaint(&whole, &[])
}

#[test]
fn times_are_durations_and_some_are_never() {
    let given =
        desk("reopen_window = \"0s\"\nclaim_timeout = \"15m\"\nnudge_after = \"never\"\nquiet_window = \"500ms\"");
    assert_eq!(given.reopen_window, Some(Duration::ZERO));
    assert_eq!(given.claim_timeout, Some(Timeout::After(Duration::from_mins(15))));
    assert_eq!(given.nudge_after, Some(Timeout::Never));
    assert_eq!(given.quiet_window, Some(Duration::from_millis(500)));
    assert_eq!(desk("claim_timeout = \"0s\"").claim_timeout, Some(Timeout::Never));
    assert_eq!((desk("").nudge_after, desk("").resolve_after), (None, None));
}

#[test]
fn learning_needs_a_folder_to_write_to() {
    assert!(desk("learning = true\nknowledge = \"pages\"").learning && !desk("knowledge = \"pages\"").learning);
    let complaint = refused("learning = true");
    assert!(complaint.contains("desk[0].learning") && complaint.contains("knowledge"), "{complaint}");
}

#[test]
fn agents_are_jids_or_tables() {
    let given = desk("agents = [\"max@example.org\", { jid = \"Eve@example.org\", name = \" Eve \" }]");
    let agent = |jid: &str, name: Option<&str>| Agent { jid: jid.parse().unwrap(), name: name.map(str::to_owned) };
    assert_eq!(given.agents, [agent("max@example.org", None), agent("eve@example.org", Some("Eve"))]);
}

#[test]
fn the_environment_gives_lists_texts_and_limits() {
    let config = parse(
        "",
        &[
            ("DESKBRIDGE_DESK__0__NAME", "support"),
            ("DESKBRIDGE_DESK__0__ASSISTANT", "false"),
            ("DESKBRIDGE_DESK__0__HOURS", "Mon 09:00-12:00, 13:00-17:00; Tue 09:00-12:00"),
            ("DESKBRIDGE_DESK__0__AGENTS", "max@example.org; eve@example.org"),
            ("DESKBRIDGE_DESK__0__HOLIDAYS__0", "2026-12-25"),
            ("DESKBRIDGE_DESK__0__TEXTS__NUDGE", "Well?"),
            ("DESKBRIDGE_DESK__0__LIMITS__MESSAGES_PER_MINUTE", "5"),
            ("DESKBRIDGE_DESK__0__NUDGE_AFTER", "never"),
        ],
    )
    .unwrap();
    let desk = &config.desk[0];
    assert!(!desk.assistant);
    assert_eq!(desk.hours, ["Mon 09:00-12:00, 13:00-17:00", "Tue 09:00-12:00"]);
    assert_eq!(
        desk.agents.iter().map(|agent| agent.jid.as_str()).collect::<Vec<_>>(),
        ["max@example.org", "eve@example.org"]
    );
    assert_eq!(desk.holidays, ["2026-12-25"]);
    assert_eq!(desk.texts["nudge"], "Well?");
    assert_eq!((desk.limits.messages_per_minute, desk.limits.new_tickets_per_day), (Some(5), None));
    assert_eq!(desk.nudge_after, Some(Timeout::Never));
}

#[test]
fn complaints_name_the_key() {
    for (keys, key) in [
        ("claim_timeout = \"soon\"", "desk[0].claim_timeout"),
        ("reopen_window = \"never\"", "desk[0].reopen_window"),
        ("resolve_after = \"0s\"", "desk[0].resolve_after"),
        ("hours = [9]", "desk[0].hours[0]"),
        ("assistant = \"perhaps\"", "desk[0].assistant"),
        ("agents = [\"max@example.org\", \"@\"]", "desk[0].agents[1]"),
        ("agents = [\"max@example.org/phone\"]", "desk[0].agents[0]"),
        ("agents = [\"example.org\"]", "desk[0].agents[0]"),
        ("agents = [7]", "desk[0].agents[0]"),
        ("agents = [{ jid = \"a b@example.org\" }]", "desk[0].agents[0].jid"),
        ("agents = [{ jid = \"eve@example.org\", nmae = \"Eve\" }]", "desk[0].agents[0].nmae"),
        ("agents = [\"eve@help.example.org\"]", "desk[0].agents[0]"),
        ("agents = [\"eve@example.org\", \"EVE@example.org\"]", "desk[0].agents[1]"),
        ("[desk.limits]\nmessages_per_minute = -1", "desk[0].limits.messages_per_minute"),
        ("[desk.limits]\nmessages_per_hour = 1", "desk[0].limits.messages_per_hour"),
        ("[desk.texts]\nnudge = 3", "desk[0].texts.nudge"),
    ] {
        let message = refused(keys);
        assert!(message.contains(&format!("{key}:")), "{key}: {message}");
    }
}
