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
fn every_list_can_be_given_in_the_environment_as_one_value_or_place_by_place() {
    let lists = |vars: &[(&str, &str)]| {
        let config = parse("http.trusted_proxies = [\"::1\"]", vars).unwrap();
        let networks = |networks: &[Network]| networks.iter().map(|network| network.0.to_string()).collect::<Vec<_>>();
        let desk = config.desk[0].clone();
        let agents = desk.agents.iter().map(|agent| agent.jid.to_string()).collect();
        [
            networks(&config.webhooks.allow_private),
            networks(&config.http.trusted_proxies),
            config.attachments.types,
            config.auth.audience,
            desk.holidays,
            agents,
            desk.hours,
        ]
    };
    let keys = [
        ("WEBHOOKS__ALLOW_PRIVATE", ["10.1.2.3/32", "10.8.0.0/16", "fd00::/8"]),
        ("HTTP__TRUSTED_PROXIES", ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]),
        ("ATTACHMENTS__TYPES", ["image/png", "text/plain", "video/mp4"]),
        ("AUTH__AUDIENCE", ["a", "b", "c"]),
        ("DESK__0__HOLIDAYS", ["2026-12-25", "2026-12-26", "2027-01-01"]),
        ("DESK__0__AGENTS", ["max@example.org", "eve@example.org", "ann@example.org"]),
        ("DESK__0__HOURS", ["Mon 09:00-12:00, 13:00-17:00", "Tue 09:00-12:00", "Wed 09:00-12:00"]),
    ];
    let expected = keys.map(|(_, items)| items.map(str::to_owned).to_vec());
    let rest = [
        ("DESKBRIDGE_DESK__0__NAME", "support".to_owned()),
        ("DESKBRIDGE_AUTH__JWKS_URL", "https://id.example.org/certs".to_owned()),
        ("DESKBRIDGE_AUTH__ISSUER", "https://id.example.org".to_owned()),
        ("DESKBRIDGE_AUTH__ROLES", "staff=agent".to_owned()),
    ];
    let check = |vars: Vec<(String, String)>| {
        let rest = rest.iter().map(|(name, value)| (*name, value.as_str()));
        let vars: Vec<_> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(rest).collect();
        assert_eq!(lists(&vars), expected, "{vars:?}");
    };
    for separator in [",", ", ", ";", " ; "] {
        let joined = |(key, items): (&str, [&str; 3])| {
            let separator = if key.ends_with("HOURS") { "; " } else { separator };
            (format!("DESKBRIDGE_{key}"), items.join(separator))
        };
        check(keys.map(joined).to_vec());
    }
    // Whatever order the environment has.
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let placed = |(key, items): (&str, [&str; 3])| {
            order.map(|place| (format!("DESKBRIDGE_{key}__{place}"), items[place].to_owned()))
        };
        check(keys.map(placed).concat());
    }
    let many: Vec<_> = (0..12).rev().map(|n| (format!("DESKBRIDGE_ATTACHMENTS__TYPES__{n}"), n.to_string())).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let types = parse("attachments.types = []", &many).unwrap().attachments.types;
    assert_eq!(types, (0..12).map(|n| n.to_string()).collect::<Vec<_>>());
    for vars in [
        &[("DESKBRIDGE_HTTP__TRUSTED_PROXIES__1", "::1")][..],
        &[("DESKBRIDGE_HTTP__TRUSTED_PROXIES", "::1"), ("DESKBRIDGE_HTTP__TRUSTED_PROXIES__0", "::1")],
    ] {
        let message = complaint("", vars);
        assert!(message.contains("http.trusted_proxies") && message.contains("counted from 0"), "{message}");
    }
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
