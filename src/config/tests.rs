use std::time::Duration;

use super::*;

pub(super) fn parse(text: &str, vars: &[(&str, &str)]) -> Result<Config, Error> {
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(Path::new("test.toml"), text, vars)
}

pub(super) fn complaint(text: &str, vars: &[(&str, &str)]) -> String {
    parse(text, vars).unwrap_err().to_string()
}

#[test]
fn defaults_are_one_desk_and_a_local_server() {
    let config = parse("", &[]).unwrap();
    assert_eq!(config.desk[0].name, "support");
    assert_eq!(config.xmpp.server, "127.0.0.1:5347");
    assert_eq!(config.assistant.quiet_window, Duration::from_secs(3));
    assert!(config.limits.enabled);
}

#[test]
fn the_environment_wins_and_reaches_into_lists() {
    let file = "[xmpp]\ndomain = \"a.example\"\n[[desk]]\nname = \"support\"\n";
    let config = parse(
        file,
        &[
            ("DESKBRIDGE_XMPP__DOMAIN", "b.example"),
            ("DESKBRIDGE_XMPP__SECRET", "007\n"),
            ("DESKBRIDGE_ASSISTANT__QUIET_WINDOW", "0ms"),
            ("DESKBRIDGE_ASSISTANT__CONCURRENCY", "64"),
            ("DESKBRIDGE_LIMITS__ENABLED", "false"),
            ("DESKBRIDGE_DESK__0__TITLE", "Help"),
            ("DESKBRIDGE_DESK__1__NAME", "billing"),
            ("DESKBRIDGE_PORT", "tcp://10.0.0.1:80"),
        ],
    )
    .unwrap();
    assert_eq!(config.domain().unwrap(), "b.example");
    assert_eq!(config.component().unwrap().secret.expose(), "007");
    assert_eq!(config.assistant.quiet_window, Duration::ZERO);
    assert_eq!(config.assistant.concurrency, 64);
    assert!(!config.limits.enabled);
    assert_eq!(config.desk[0].title.as_deref(), Some("Help"));
    assert_eq!(config.desk[1].name, "billing");
}

#[test]
fn complaints_name_the_key() {
    assert!(
        complaint("[xmpp]\nsercet = \"x\"", &[]).contains("xmpp.sercet")
            || complaint("[xmpp]\nsercet = \"x\"", &[]).contains("sercet")
    );
    assert!(complaint("", &[("DESKBRIDGE_XMPP__SERCET", "x")]).contains("sercet"));
    assert!(complaint("[assistant]\ntimeout = \"soon\"", &[]).contains("assistant.timeout"));
    assert!(complaint("[http]\nlisten = \"here\"", &[]).contains("http.listen"));
    assert!(complaint("[xmpp]\ndomain = \"me@example.org\"", &[]).contains("xmpp.domain"));
    assert!(complaint("[xmpp]\nserver = \"localhost\"", &[]).contains("xmpp.server"));
    assert!(complaint("[assistant]\nbase_url = \"http://x/v1\"", &[]).contains("assistant.model"));
    assert!(complaint("[[desk]]\nname = \"a\"\n[[desk]]\nname = \"a\"", &[]).contains("desk[1].name"));
    assert!(complaint("[[desk]]\nname = \"Not Ok\"", &[]).contains("desk[0].name"));
    assert!(complaint("xmpp.rooms = \"t@rooms.example\"", &[]).contains("xmpp.rooms"));
    let own = "[xmpp]\ndomain = \"help.example\"\nrooms = \"HELP.example\"";
    assert!(complaint(own, &[]).contains("xmpp.rooms"));
    assert!(complaint("xmpp = 3", &[("DESKBRIDGE_XMPP__DOMAIN", "a.example")]).contains("xmpp.domain"));
}

#[test]
fn what_a_command_needs_is_asked_for_by_name() {
    let config = parse("", &[]).unwrap();
    let message = config.component().unwrap_err().to_string();
    assert!(message.contains("xmpp.domain") && message.contains("DESKBRIDGE_XMPP__DOMAIN"), "{message}");
    assert!(config.jwt_secret().unwrap_err().to_string().contains("DESKBRIDGE_AUTH__JWT_SECRET"));
}

#[test]
fn a_secret_that_can_be_guessed_is_refused() {
    let secret = |length: usize| {
        let config = parse(&format!("[auth]\njwt_secret = \"{}\"", "x".repeat(length)), &[]).unwrap();
        config.jwt_secret().map(drop).map_err(|error| error.to_string())
    };
    assert!(secret(31).unwrap_err().contains("auth.jwt_secret"));
    assert_eq!(secret(32), Ok(()));
}

#[test]
fn secrets_are_not_shown() {
    let config = parse("[auth]\njwt_secret = \"hush\"\n[database]\nurl = \"postgres://me:pw@db/x\"", &[]).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("hush") && !shown.contains("pw@db"), "{shown}");
}

#[test]
fn the_examples_secrets_are_no_secrets() {
    let file = "[auth]\njwt_secret = \"change me: at least thirty-two characters\"";
    let message = complaint(file, &[]);
    assert!(message.contains("auth.jwt_secret") && message.contains("example"), "{message}");
}
