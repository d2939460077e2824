//! Presence.

use super::*;

fn presence(xml: &str) -> PresenceKind {
    match read(xml) {
        Ok(Inbound::Presence(presence)) => presence.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn presence_in_all_its_kinds() {
    let plain = PresenceKind::Available { show: None, status: None, priority: 0 };
    assert_eq!(presence("<presence />"), plain);
    assert_eq!(
        presence("<presence ><show>xa</show><status> gone </status><priority>-5</priority></presence>"),
        PresenceKind::Available { show: Some(Show::Xa), status: Some("gone".into()), priority: -5 }
    );
    for show in Show::ALL {
        let PresenceKind::Available { show: got, .. } =
            presence(&format!("<presence ><show>{}</show></presence>", show.name()))
        else {
            panic!()
        };
        assert_eq!(got, Some(show));
    }
    for odd in [
        "<show>bogus</show>",
        "<show/>",
        "<priority>1000</priority>",
        "<priority/>",
        "<priority>x</priority>",
        "<status/>",
        "loose",
    ] {
        assert_eq!(presence(&format!("<presence >{odd}</presence>")), plain, "{odd}");
    }
    for (kind, expected) in [
        ("unavailable", PresenceKind::Unavailable),
        ("subscribe", PresenceKind::Subscribe),
        ("subscribed", PresenceKind::Subscribed),
        ("unsubscribe", PresenceKind::Unsubscribe),
        ("unsubscribed", PresenceKind::Unsubscribed),
        ("probe", PresenceKind::Probe),
        ("error", PresenceKind::Error),
    ] {
        assert_eq!(presence(&format!("<presence type='{kind}'/>")), expected);
    }
    assert_eq!(read("<presence type='bogus'/>"), Err(Ignored::UnknownType));
}
