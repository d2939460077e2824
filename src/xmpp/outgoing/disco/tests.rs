//! What we say to others and what `doap.xml` says to readers (XEP-0453) are held together here.

use std::{collections::BTreeSet, fs, path::Path};

use super::*;

const DOAP: &str = "http://usefulinc.com/ns/doap#";
const XMPP: &str = "https://linkmauve.fr/ns/xmpp-doap#";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// A XEP as `doap.xml` declares it.
struct Declared {
    xep: u16,
    status: String,
    version: String,
}

fn declared() -> Vec<Declared> {
    // The parser is one for streams, which have no comments.
    let (head, rest) = include_str!("../../../../doap.xml").split_once("<!--").expect("the comment on top");
    let (_, rest) = rest.split_once("-->").unwrap();
    let root: Element = format!("{head}{}", rest.trim_start()).parse().unwrap();
    let project = root.get_child("Project", DOAP).expect("a project");
    let supported = project.children().filter_map(|child| child.get_child("SupportedXep", XMPP));
    let declared = supported.map(|entry| {
        let text = |name| entry.get_child(name, XMPP).map(Element::text).unwrap_or_default();
        let xep = entry.get_child("xep", XMPP).and_then(|xep| xep.attr_ns(RDF, "resource")).expect("a XEP");
        let number = xep.strip_prefix("https://xmpp.org/extensions/xep-").and_then(|rest| rest.strip_suffix(".html"));
        let xep = number.unwrap_or_else(|| panic!("{xep}")).parse().unwrap();
        Declared { xep, status: text("status"), version: text("version") }
    });
    declared.collect()
}

#[test]
fn every_feature_is_declared() {
    let declared: BTreeSet<u16> = declared().iter().map(|entry| entry.xep).collect();
    for Feature { var, xep, .. } in FEATURES {
        assert!(declared.contains(xep), "{var} is XEP-{xep:04}, which doap.xml does not have");
    }
}

#[test]
fn a_declaration_is_complete_and_in_its_place() {
    let declared = declared();
    for Declared { xep, status, version } in &declared {
        assert!(matches!(&**status, "complete" | "partial"), "XEP-{xep:04}: {status:?}");
        assert!(version.starts_with(|c: char| c.is_ascii_digit()), "XEP-{xep:04}: {version:?}");
    }
    assert!(declared.is_sorted_by(|one, next| one.xep < next.xep), "by number, each once");
}

/// Not every XEP has a feature to announce. What is declared without one must at least be named where it is implemented.
#[test]
fn what_is_declared_is_somewhere_in_the_code() {
    let mut code = String::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/xmpp"), &mut code);
    for Declared { xep, .. } in declared() {
        let has_feature = FEATURES.iter().any(|feature| feature.xep == xep);
        assert!(has_feature || code.contains(&format!("XEP-{xep:04}")), "nothing in src/xmpp is about XEP-{xep:04}");
    }
}

/// Everything but tests.
fn read(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, code);
        } else if path.file_name().is_some_and(|name| name != "tests.rs") {
            *code += &fs::read_to_string(&path).unwrap();
        }
    }
}

#[test]
fn a_feature_is_announced_once() {
    let vars: BTreeSet<_> = FEATURES.iter().map(|feature| feature.var).collect();
    assert_eq!(vars.len(), FEATURES.len());
    assert!(FEATURES.is_sorted_by_key(|feature| feature.xep));
}
