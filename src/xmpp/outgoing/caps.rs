//! Entity capabilities (XEP-0115): a disco#info answer in 28 characters, so that clients ask once for all who say the same.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::{Digest, Sha1};
use xmpp_parsers::{minidom::Element, ns};

/// The verification string of a disco#info payload (XEP-0115 §5.1).
///
/// `xmpp-parsers` has one, too, but sorts features together with the `<` behind them: `vcard-temp` would come after
/// `vcard-temp:x:update`, and clients that sort as the XEP says would not believe us.
#[must_use]
pub fn ver(info: &Element) -> String {
    STANDARD.encode(Sha1::digest(verified(info)))
}

/// The text that is hashed.
fn verified(info: &Element) -> String {
    let identities = info.children().filter(|child| child.is("identity", ns::DISCO_INFO)).map(|identity| {
        let language = identity.attr_ns("http://www.w3.org/XML/1998/namespace", "lang");
        let of = |name| identity.attr(name).unwrap_or_default();
        [of("category"), of("type"), language.unwrap_or_default(), of("name")].join("/")
    });
    let features = info.children().filter(|child| child.is("feature", ns::DISCO_INFO));
    let features = features.filter_map(|feature| feature.attr("var")).map(str::to_owned);
    [sorted(identities), sorted(features)].concat()
}

/// Sorted by octets (RFC 4790 §9.3), which is how Rust compares strings; then a `<` behind each.
fn sorted(texts: impl Iterator<Item = String>) -> String {
    let mut texts: Vec<String> = texts.collect();
    texts.sort_unstable();
    texts.into_iter().flat_map(|text| [text, "<".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(children: &str) -> Element {
        format!("<query xmlns='http://jabber.org/protocol/disco#info'>{children}</query>").parse().unwrap()
    }

    const FEATURES: &str = "<feature var='http://jabber.org/protocol/muc'/>\
                            <feature var='http://jabber.org/protocol/disco#items'/>\
                            <feature var='http://jabber.org/protocol/caps'/>\
                            <feature var='http://jabber.org/protocol/disco#info'/>";

    #[test]
    fn the_simple_example_of_the_standard() {
        // XEP-0115 §5.2, with its features in another order.
        let info = info(&format!("<identity category='client' name='Exodus 0.9.1' type='pc'/>{FEATURES}"));
        assert_eq!(ver(&info), "QgayPKawpkPSDYmwT/WM94uAlu0=");
    }

    #[test]
    fn identities_are_sorted_with_their_language() {
        // XEP-0115 §5.3 up to its form, which we have none of.
        let info = info(&format!(
            "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>\
             <identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>{FEATURES}"
        ));
        assert_eq!(
            verified(&info),
            "client/pc/el/Ψ 0.11<client/pc/en/Psi 0.11<http://jabber.org/protocol/caps<\
             http://jabber.org/protocol/disco#info<http://jabber.org/protocol/disco#items<http://jabber.org/protocol/muc<"
        );
    }

    #[test]
    fn a_feature_comes_before_the_one_that_it_begins() {
        let info = info("<feature var='vcard-temp:x:update'/><feature var='vcard-temp'/>");
        assert_eq!(verified(&info), "vcard-temp<vcard-temp:x:update<");
    }
}
