//! Corrections, retractions, reactions.

use super::*;

fn reactions(inner: &str) -> Vec<String> {
    match read(&format!(
        "<message type='chat'><reactions xmlns='urn:xmpp:reactions:0' id='q'>{inner}</reactions></message>"
    )) {
        Ok(Inbound::Reactions(Reactions { id, emojis, from, to })) => {
            assert_eq!(
                (id.as_str(), from.as_str(), to.as_str()),
                ("q", "alice@home.example/phone", "support@help.example")
            );
            emojis
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn reactions_are_what_is_listed() {
    assert_eq!(reactions("<reaction>👍🏽</reaction><reaction> ❤️ </reaction>"), ["👍🏽", "❤️"]);
    assert!(reactions("").is_empty());
    assert!(reactions("<reaction/><reaction> </reaction><reaction xmlns='x'>👍</reaction><bogus/>").is_empty());
    assert_eq!(reactions("<reaction>👍</reaction><reaction>👍</reaction>"), ["👍"]);
    assert!(reactions(&format!("<reaction>{}</reaction>", "x".repeat(65))).is_empty());
    assert_eq!(reactions("<reaction>pay at http://evil.example</reaction><reaction>👍</reaction>"), ["👍"]);
    let many: String = ('😀'..='😏').map(|face| format!("<reaction>{face}</reaction>")).collect();
    assert_eq!(reactions(&many), ["😀", "😁", "😂", "😃"]);
    let nameless =
        "<message type='chat'><reactions xmlns='urn:xmpp:reactions:0'><reaction>👍</reaction></reactions></message>";
    assert_eq!(read(nameless), Err(Ignored::NoBody));
}

#[test]
fn a_reaction_s_fallback_is_no_question() {
    let list = "<reactions xmlns='urn:xmpp:reactions:0' id='q'><reaction>👍</reaction></reactions>";
    let fallback =
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reactions:0'><body start='0' end='8'/></fallback>";
    let go = |body: &str, fallback: &str| {
        read(&format!("<message type='chat'><body>{body}</body>{list}{fallback}</message>"))
    };
    assert!(matches!(go("&gt; Hello\n👍", ""), Ok(Inbound::Chat(_))));
    let whole = fallback.replace(" start='0' end='8'", "");
    assert!(matches!(go("&gt; Hello\n👍", &whole), Ok(Inbound::Reactions(_))));
    // Words of one's own beside it are words.
    let Ok(Inbound::Chat(chat)) = go("&gt; Hello\nThanks", fallback) else { panic!() };
    assert_eq!(chat.body, "Thanks");
}

#[test]
fn a_correction_names_the_message_it_corrects() {
    let corrected = chat("<body>order 17</body><replace xmlns='urn:xmpp:message-correct:0' id='m0'/>");
    assert_eq!((corrected.corrects.as_deref(), corrected.body.as_str()), (Some("m0"), "order 17"));
    assert_eq!(chat("<body>x</body><replace xmlns='urn:xmpp:message-correct:0' id=''/>").corrects, None);
    // Words corrected to nothing are no words: taking back has a way of its own (XEP-0424).
    let empty = "<message type='chat'><body/><replace xmlns='urn:xmpp:message-correct:0' id='m0'/></message>";
    assert_eq!(read(empty), Err(Ignored::NoBody));
}

#[test]
fn retractions_never_become_text() {
    for retract in [
        "<retract xmlns='urn:xmpp:message-retract:1' id='a'/>",
        "<apply-to xmlns='urn:xmpp:fasten:0' id='a'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>",
    ] {
        let Ok(Inbound::Retraction(got)) =
            read(&format!("<message type='chat'>{retract}<body>/me retracted</body></message>"))
        else {
            panic!()
        };
        assert_eq!(got.retracts, "a");
    }
}

#[test]
fn a_retraction_without_an_id_retracts_nothing() {
    for retract in [
        "<retract xmlns='urn:xmpp:message-retract:1'/>",
        "<apply-to xmlns='urn:xmpp:fasten:0'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>",
        "<apply-to xmlns='urn:xmpp:fasten:0' id='a'/>",
    ] {
        assert_eq!(read(&format!("<message type='chat'>{retract}</message>")), Err(Ignored::NoBody), "{retract}");
    }
}
