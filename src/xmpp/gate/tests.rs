use std::{
    collections::VecDeque,
    task::Waker,
    time::{Duration, Instant},
};

use futures::StreamExt;
use proptest::{prelude::*, sample::select};
use rxml::{Parse, Parser, error::EndOrError};
use tokio::io::AsyncWriteExt;
use tokio_xmpp::xmlstream::{ReadError, StreamHeader, Timeouts, initiate_stream};
use xmpp_parsers::{minidom::Element, ns};

use super::*;
use crate::xmpp::stanza::inbound;

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
     xmlns:stream='http://etherx.jabber.org/streams' id='1' from='help.example'>";
const FOOTER: &str = "</stream:stream>";

/// A socket that hands out one piece at each read.
struct Pieces(VecDeque<Vec<u8>>);

impl Pieces {
    /// Cuts at the given lengths, over and over.
    fn cut(mut bytes: &[u8], lengths: &[usize]) -> Self {
        let mut pieces = VecDeque::new();
        let mut lengths = lengths.iter().cycle();
        while !bytes.is_empty() {
            let len = lengths.next().map_or(bytes.len(), |len| (*len).clamp(1, bytes.len()));
            pieces.push_back(bytes[..len].to_vec());
            bytes = &bytes[len..];
        }
        Self(pieces)
    }
}

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(mut piece) = self.0.pop_front() {
            let rest = piece.split_off(piece.len().min(buffer.remaining()));
            buffer.put_slice(&piece);
            if !rest.is_empty() {
                self.0.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

struct Passed {
    out: Vec<u8>,
    error: Option<io::Error>,
    rejected: Vec<Rejected>,
}

impl Passed {
    fn text(&self) -> &str {
        assert!(self.error.is_none(), "{:?}", self.error);
        std::str::from_utf8(&self.out).unwrap()
    }

    fn reasons(&self) -> Vec<Reason> {
        self.rejected.iter().map(|rejected| rejected.reason).collect()
    }
}

fn pass(bytes: &[u8], lengths: &[usize]) -> Passed {
    let (gate, reports) = Gate::new(Pieces::cut(bytes, lengths), Limits::default());
    pass_through(gate, reports)
}

fn pass_through(mut gate: Gate<Pieces>, mut reports: mpsc::Receiver<Rejected>) -> Passed {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut out, mut rejected) = (Vec::new(), Vec::new());
    let error = loop {
        match Pin::new(&mut gate).poll_fill_buf(&mut cx) {
            Poll::Pending => panic!("the pieces are always there"),
            Poll::Ready(Err(error)) => break Some(error),
            Poll::Ready(Ok([])) => break None,
            Poll::Ready(Ok(bytes)) => {
                out.extend_from_slice(bytes);
                let len = bytes.len();
                Pin::new(&mut gate).consume(len);
            }
        }
        while let Ok(report) = reports.try_recv() {
            rejected.push(report);
        }
    };
    while let Ok(report) = reports.try_recv() {
        rejected.push(report);
    }
    Passed { out, error, rejected }
}

/// One stanza between the header and a good stanza: it must pass or be rejected, and the good one must pass.
fn alone(stanza: &str) -> Result<(), Reason> {
    let passed = pass(format!("{HEADER}{stanza}<presence/>{FOOTER}").as_bytes(), &[7, 100, 3]);
    match passed.reasons()[..] {
        [] => assert_eq!(passed.text(), format!("{HEADER}{stanza}<presence/>{FOOTER}")),
        [reason] => {
            assert_eq!(passed.text(), format!("{HEADER}<presence/>{FOOTER}"));
            return Err(reason);
        }
        ref more => panic!("{more:?}"),
    }
    Ok(())
}

fn message(inner: &str) -> String {
    format!(
        "<message from='eve@evil.example/x' to='support@help.example' id='m1' type='chat'><body>hi</body>{inner}</message>"
    )
}

fn nested(levels: usize) -> String {
    message(&format!("<a xmlns='x'>{}{}</a>", "<a>".repeat(levels), "</a>".repeat(levels)))
}

fn parse(mut bytes: &[u8]) -> Result<(), rxml::Error> {
    let mut parser = Parser::default();
    loop {
        match parser.parse(&mut bytes, false) {
            Ok(Some(_)) => {}
            Ok(None) | Err(EndOrError::NeedMoreData) => return Ok(()),
            Err(EndOrError::Error(error)) => return Err(error),
        }
    }
}

#[test]
fn a_flood_of_one_is_kept_back_whatever_it_sends_and_others_pass() {
    let eve = message("");
    let (deep, ann) = (nested(100), message("").replace("eve@evil", "ann@evil"));
    let ours = "<iq from='help.example' to='help.example' id='fence' type='get'><ping/></iq>";
    let stream = format!("{HEADER}{}{}{ann}{ours}{FOOTER}", eve.repeat(3000), deep.repeat(3000));
    let rate = Rate { burst: Duration::from_millis(10), each_second: Duration::ZERO, reports: 5 };
    let (gate, reports) = Gate::new(Pieces::cut(stream.as_bytes(), &[CHUNK_BYTES]), Limits::default());
    let passed = pass_through(gate.limited(rate, "help.example"), reports);
    let text = passed.text();
    let some = text.matches("eve@evil").count();
    assert!((10..300).contains(&some), "{some}");
    assert!(text.ends_with(&format!("{ann}{ours}{FOOTER}")));
    assert_eq!(passed.reasons()[..5], [Reason::TooMuch; 5]);
    // As often as the clock has gone on by a second meanwhile.
    assert!(passed.rejected.len() <= 5 * 60, "{}", passed.rejected.len());
}

/// What a hostile client can get a server to pass on, and what becomes of it.
fn poisons() -> Vec<(&'static str, String, Result<(), Reason>)> {
    use Reason::{Malformed, NotAllowed, TokenTooLong, TooDeep, TooLarge, TooManyAttributes, TooManyElements};
    let attributes = |count| (0..count).map(|n| format!(" a{n}='v'")).collect::<String>();
    vec![
        ("deep, just allowed", nested(62), Ok(())),
        ("deep", nested(63), Err(TooDeep)),
        ("deep enough to overflow the stack", nested(20_000), Err(TooDeep)),
        ("wide, just allowed", message(&"<b xmlns='x'/>".repeat(1998)), Ok(())),
        ("wide", message(&"<b xmlns='x'/>".repeat(1999)), Err(TooManyElements)),
        ("long value, just allowed", message(&format!("<a xmlns='x' b='{}'/>", "y".repeat(8000))), Ok(())),
        ("long value", message(&format!("<a xmlns='x' b='{}'/>", "y".repeat(8001))), Err(TokenTooLong)),
        ("long name", message(&format!("<{} xmlns='x'/>", "n".repeat(9000))), Err(TokenTooLong)),
        ("long namespace", message(&format!("<a xmlns='{}'/>", "u".repeat(9000))), Err(TokenTooLong)),
        ("long id", format!("<message id='{}'/>", "i".repeat(9000)), Err(TokenTooLong)),
        ("long body", message(&format!("<body>{}</body>", "z".repeat(250_000))), Ok(())),
        ("large", message(&format!("<body>{}</body>", "z".repeat(600_000))), Err(TooLarge)),
        ("control characters by reference", message("<a xmlns='x' b='&#9;&#10;&#13;'>&#13;&#9;</a>"), Ok(())),
        ("control character", message("<body>\u{1}</body>"), Err(Malformed)),
        ("control character by reference", message("<body>&#1;</body>"), Err(Malformed)),
        ("U+FFFE in a value", message("<a xmlns='x' b='\u{FFFE}\u{FFFF}'/>"), Err(Malformed)),
        ("U+FFFE in text", message("<body>\u{FFFE}</body>"), Err(Malformed)),
        ("C1", message("<a xmlns='x' b='\u{85}\u{80}\u{9f}'>\u{85}</a>"), Ok(())),
        ("beyond the BMP", message("<a xmlns='x' b='😀'>\u{10FFFF}</a>"), Ok(())),
        ("prefix", message("<p:a xmlns:p='urn:p' p:b='1'><p:c/></p:a>"), Ok(())),
        ("unknown prefix", message("<p:a/>"), Err(Malformed)),
        ("unknown prefix of an attribute", message("<a p:b='1'/>"), Err(Malformed)),
        ("the stream's prefix", message("<stream:error/>"), Ok(())),
        ("xml:lang and friends", message("<a xml:space='preserve' xml:base='q' xml:lang='en'/>"), Ok(())),
        ("names beyond ASCII", message("<é xmlns='x' ü='1'/>"), Ok(())),
        ("names with points", message("<a.b-c_d xmlns='x' e.f-g_h='1'/>"), Ok(())),
        ("empty namespace", message("<a xmlns=''><b xmlns='x'/></a>"), Ok(())),
        ("a client's namespace", message("<message xmlns='jabber:client'/>"), Ok(())),
        ("quotes and brackets", message("<a b=\"it's &quot;q&quot; &lt;&gt;&amp;>\">&lt;&amp;]]&gt;</a>"), Ok(())),
        ("a slash in a value", message("<a  b = '/>'  c='&lt;/a>' ><b/></a >"), Ok(())),
        ("]]> in text", message("<body>]]></body>"), Err(Malformed)),
        ("many attributes", message(&format!("<a{}/>", attributes(3996))), Ok(())),
        ("too many attributes", message(&format!("<a{}/>", attributes(3997))), Err(TooManyAttributes)),
        ("doubled attribute", message("<a b='1' b='2'/>"), Err(Malformed)),
        ("doubled by its namespace", message("<a xmlns:p='u' xmlns:q='u' p:z='1' q:z='2'/>"), Err(Malformed)),
        ("two namespaces, one name", message("<a xmlns:p='u1' xmlns:q='u2' p:z='1' q:z='2'/>"), Ok(())),
        ("odd namespace", message("<a xmlns='http://x/y?z&amp;w=&apos;'/>"), Ok(())),
        ("unknown entity", message("<body>&nbsp;</body>"), Err(Malformed)),
        ("lone ampersand", message("<body>a & b</body>"), Err(Malformed)),
        ("mismatched tags", message("<a></b>"), Err(Malformed)),
        ("wrong end", "<message></presence>".to_owned(), Err(Malformed)),
        ("CDATA", message("<body><![CDATA[<a> ]] > </message>]]></body>"), Ok(())),
        ("comment", message("<!-- </message> -- > <a> -->"), Err(NotAllowed)),
        ("instruction", message("<?php echo '</message>' > ?>"), Err(NotAllowed)),
        ("doctype", message("<!DOCTYPE a [<!ENTITY b '</message>]>'>]>"), Err(NotAllowed)),
        ("nameless", "<message><></></message>".to_owned(), Err(Malformed)),
        ("blank in front of the name", "< message></message>".to_owned(), Err(Malformed)),
    ]
}

#[test]
fn each_poison_meets_its_end() {
    for (name, stanza, expected) in poisons() {
        assert_eq!(alone(&stanza), expected, "{name}");
    }
}

#[test]
fn bytes_that_are_no_utf8_are_refused() {
    let mut bytes = format!("{HEADER}<message><body>").into_bytes();
    bytes.extend_from_slice(b"\xC3\x28\xED\xA0\x80</body></message><presence/>");
    let passed = pass(&bytes, &[1]);
    assert_eq!(passed.text(), format!("{HEADER}<presence/>"));
    assert_eq!(passed.reasons(), [Reason::Malformed]);
}

#[test]
fn the_stream_s_own_elements_pass() {
    let stream = format!(
        "{HEADER}<handshake/>\n  \t<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>{FOOTER}"
    );
    for lengths in [&[1][..], &[1000], &[13, 1]] {
        let passed = pass(stream.as_bytes(), lengths);
        assert_eq!(passed.text(), stream);
        assert!(passed.rejected.is_empty());
    }
}

#[test]
fn an_unfinished_stanza_does_not_pass() {
    let passed = pass(format!("{HEADER}<presence/><message><body>hi</body").as_bytes(), &[5]);
    assert_eq!(passed.text(), format!("{HEADER}<presence/>"));
}

#[test]
fn what_stands_between_stanzas_is_dropped_and_reported_once() {
    for junk in [
        "text",
        "&amp;",
        "<!-- a -->",
        "<?a?><?b?>",
        "<![CDATA[ <a> ]]>",
        "<!DOCTYPE a [ <!ENTITY b '>'> ]>",
        "a<!--b-->c",
    ] {
        let passed = pass(format!("{HEADER}<iq/>{junk}<presence/>").as_bytes(), &[2]);
        let released = passed.text().replace(' ', "");
        assert_eq!(released, format!("{HEADER}<iq/><presence/>").replace(' ', ""), "{junk}");
        assert_eq!(passed.reasons(), [Reason::OutsideStanza], "{junk}");
    }
}

#[test]
fn nothing_passes_behind_the_footer() {
    let passed = pass(format!("{HEADER}{FOOTER}<presence/>text").as_bytes(), &[4]);
    assert_eq!(passed.text(), format!("{HEADER}{FOOTER}"));
}

#[test]
fn a_broken_header_or_footer_is_an_error() {
    for stream in
        ["<p:stream>".to_owned(), "<!-- a --><a>".to_owned(), format!("{HEADER}<iq/></wrong>"), " ".repeat(20_000)]
    {
        let passed = pass(stream.as_bytes(), &[50]);
        assert_eq!(passed.error.unwrap().kind(), io::ErrorKind::InvalidData, "{stream}");
        parse(&passed.out).unwrap();
    }
}

#[test]
fn the_header_s_own_namespaces_count() {
    let header = "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'>";
    let passed = pass(format!("{header}<a:b/><db:x/>").as_bytes(), &[9]);
    assert_eq!(passed.text(), format!("{header}<db:x/>"));
}

#[test]
fn the_report_tells_whom_to_answer() {
    let id = "i".repeat(1000);
    let stanza =
        format!("<iq a='{}' id='{id}' type='get' to='help.example' from='eve@evil.example/x'/>", "v".repeat(9000));
    let passed = pass(format!("{HEADER}{stanza}").as_bytes(), &[11]);
    let head = passed.rejected[0].head.clone().unwrap();
    assert_eq!(head.name, "iq");
    assert_eq!(head.from.unwrap().as_str(), "eve@evil.example/x");
    assert_eq!(head.to.unwrap().as_str(), "help.example");
    assert_eq!(head.id.unwrap(), id);
    assert_eq!(head.kind.as_deref(), Some("get"));
}

#[test]
fn a_refused_stanza_is_not_kept_in_memory() {
    let (mut gate, mut reports) = Gate::new((), Limits::default());
    gate.sift(HEADER.as_bytes()).unwrap();
    gate.sift(message("").strip_suffix("</message>").unwrap().as_bytes()).unwrap();
    let chunk = "<a>text".repeat(10_000);
    for _ in 0..1000 {
        gate.sift(chunk.as_bytes()).unwrap();
        assert!(gate.held.capacity() <= 2 * 512 * 1024, "{}", gate.held.capacity());
    }
    let end = "</a>".repeat(10_000);
    for _ in 0..1000 {
        gate.sift(end.as_bytes()).unwrap();
    }
    assert!(reports.try_recv().is_err());
    gate.sift(b"</message>").unwrap();
    assert_eq!(reports.try_recv().unwrap().head.unwrap().id.as_deref(), Some("m1"));
    assert!(gate.held.capacity() <= HEAD_BYTES);
    assert_eq!(gate.out, HEADER);
}

#[test]
fn reports_that_nobody_reads_do_not_pile_up() {
    let (mut gate, mut reports) = Gate::new((), Limits::default());
    gate.sift(HEADER.as_bytes()).unwrap();
    gate.sift("<message>&x;</message>".repeat(1000).as_bytes()).unwrap();
    assert_eq!(std::iter::from_fn(|| reports.try_recv().ok()).count(), REPORTS);
}

/// The whole way, with tokio-xmpp's own reader behind the gate: no poison ends the stream or touches its neighbours.
#[tokio::test]
async fn tokio_xmpp_survives_every_poison() {
    let (mut server, client) = tokio::io::duplex(64 * 1024);
    let (gate, _reports) = Gate::new(client, Limits::default());
    let writer = tokio::spawn(async move {
        server.write_all(HEADER.as_bytes()).await.unwrap();
        for (n, (_, stanza, _)) in poisons().into_iter().enumerate() {
            server.write_all(stanza.as_bytes()).await.unwrap();
            server.write_all(format!(" <presence id='after-{n}'/>").as_bytes()).await.unwrap();
        }
        server.write_all(FOOTER.as_bytes()).await.unwrap();
        server
    });
    let header = StreamHeader { from: None, to: Some("help.example".into()), id: None };
    let pending = initiate_stream(gate, ns::COMPONENT, header, Timeouts::default()).await.unwrap();
    let mut stream = pending.skip_features::<Element>();
    let mut presences = 0;
    loop {
        match stream.next().await {
            Some(Ok(element)) => {
                let _ = inbound(&element, "help.example");
                if element.name() == "presence" {
                    assert_eq!(element.attr("id"), Some(&*format!("after-{presences}")));
                    presences += 1;
                }
            }
            Some(Err(ReadError::StreamFooterReceived)) => break,
            other => panic!("after {presences}: {other:?}"),
        }
    }
    assert_eq!(presences, poisons().len());
    drop(writer.await.unwrap());
}

fn costly() -> Vec<(&'static str, String)> {
    let prefixed = (0..1900).map(|n| format!(" xmlns:p{n}='u{n}'")).collect::<String>();
    let used = (0..1900).map(|n| format!(" p{n}:a='v'")).collect::<String>();
    let mut attributes = 0;
    let many = std::iter::from_fn(|| {
        attributes += 1;
        (attributes < 3900).then(|| format!(" a{attributes}='v'"))
    });
    vec![
        ("2000 elements, flat", message(&"<b xmlns='x'/>".repeat(1990))),
        (
            "2000 elements, 62 deep",
            message(&format!("{}{}{}", "<a>".repeat(61), "<b/>".repeat(1900), "</a>".repeat(61))),
        ),
        ("3900 attributes", message(&format!("<a{}/>", many.collect::<String>()))),
        (
            "1900 prefixes looked up through 60 levels",
            message(&format!("<a{prefixed}>{}<b{used}/>{}</a>", "<c>".repeat(60), "</c>".repeat(60))),
        ),
        ("260 KB of text", message(&format!("<body>{}</body>", "z".repeat(260_000)))),
        ("50,000 references", message(&format!("<body>{}</body>", "&amp;".repeat(50_000)))),
        (
            "bodies and ids",
            message(&"<body/><stanza-id xmlns='urn:xmpp:sid:0' by='eve@evil.example' id='1'/>".repeat(990)),
        ),
        ("2000 unfit delays", message(&"<delay xmlns='urn:xmpp:delay' stamp='x'/>".repeat(1990))),
        (
            "1900 fallback ranges over 200 KB",
            message(&format!(
                "<body>{}</body><reply xmlns='urn:xmpp:reply:0' id='1'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>{}</fallback>",
                "z".repeat(200_000),
                "<body start='1' end='2'/>".repeat(1900)
            )),
        ),
    ]
}

/// What the costliest stanzas within the limits take from the wire to the value: this is how long others wait.
/// Run it with `cargo test --lib -- --ignored --nocapture costliest`.
#[test]
#[ignore = "measures time, which depends on the machine and its neighbours"]
fn the_costliest_stanzas_take_less_than_100_ms() {
    let mut slowest = Duration::ZERO;
    for (name, stanza) in costly() {
        let start = Instant::now();
        let passed = pass(format!("{HEADER}{stanza}").as_bytes(), &[CHUNK_BYTES]);
        let gate = start.elapsed();
        assert!(passed.rejected.is_empty(), "{name}: {:?}", passed.reasons());
        let element: Element = format!("{HEADER}{stanza}{FOOTER}").parse().unwrap();
        let element = element.children().next().unwrap();
        let parsed = start.elapsed();
        inbound(element, "help.example").unwrap();
        let total = start.elapsed();
        eprintln!(
            "{name}: {} bytes, gate {gate:?}, parser {:?}, inbound {:?}",
            stanza.len(),
            parsed - gate,
            total - parsed
        );
        slowest = slowest.max(total);
    }
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
}

fn good_stanza() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "<presence/>",
            "<message from='a@b' to='x'><body>h&gt;i &lt;</body><a b=\"x>y'/>\"/></message>",
            "<iq type='get' id='1'><q xmlns='u'/></iq>",
            "<message><body>é😀<![CDATA[</message>]]></body></message>",
            "<message  a = 'q/'  ><body/></message >",
            "<p:a xmlns:p='u' p:b='&#x1F600;'><p:c/></p:a>",
        ])
        .prop_map(str::to_owned),
        "[a-zé😀 \\n]{0,200}".prop_map(|text| format!("<message><body>{text}</body></message>")),
        (0..62_usize).prop_map(nested),
        (7900..8001_usize).prop_map(|len| format!("<iq id='{}'><q/></iq>", "é".repeat(len / 2))),
    ]
}

fn bad_stanza() -> impl Strategy<Value = String> {
    let bad = poisons().into_iter().filter(|(_, stanza, verdict)| verdict.is_err() && stanza.len() < 20_000);
    prop_oneof![
        4 => select(bad.map(|(_, stanza, _)| stanza).collect::<Vec<_>>()),
        1 => (63..500_usize).prop_map(nested),
        1 => (8001..12_000_usize).prop_map(|len| message(&format!("<a b='{}'/>", "x".repeat(len)))),
    ]
}

fn near_xml() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        6 => select(vec![
            "<", ">", "/", "</", "/>", "<a", "<a>", "</a>", "<a/>", "<message>", "</message>", "<p:a", " xmlns:p='u'", " xmlns='u'",
            " b='", "'", "\"", "=", " ", "\r", "\n", "&amp;", "&#xFFFE;", "&", ";", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>",
            "<!DOCTYPE", "[", "]", "\u{FFFE}", "é", "</stream:stream>", "<stream:stream>", "<?xml version='1.0'?>", "!", "-",
        ])
        .prop_map(|part| part.as_bytes().to_vec()),
        1 => good_stanza().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_good_pass_and_the_bad_are_reported(
        stanzas in prop::collection::vec(prop_oneof![good_stanza().prop_map(Ok), bad_stanza().prop_map(Err)], 0..12),
        lengths in prop::collection::vec(1..3000_usize, 1..20),
        small in any::<bool>(),
    ) {
        let lengths: Vec<_> = lengths.into_iter().map(|len| if small { len % 7 + 1 } else { len }).collect();
        let (mut stream, mut expected, mut bad) = (HEADER.to_owned(), HEADER.to_owned(), 0);
        for stanza in &stanzas {
            let (Ok(text) | Err(text)) = stanza;
            stream += text;
            stream += "\n";
            match stanza {
                Ok(good) => expected += good,
                Err(_) => bad += 1,
            }
            expected += "\n";
        }
        let passed = pass((stream + FOOTER).as_bytes(), &lengths);
        prop_assert_eq!(passed.text(), expected + FOOTER);
        prop_assert_eq!(passed.rejected.len(), bad);
        for rejected in passed.rejected {
            prop_assert!(rejected.head.is_some() || rejected.reason == Reason::Malformed);
        }
    }

    #[test]
    fn what_passes_always_parses(bytes in near_xml(), lengths in prop::collection::vec(1..50_usize, 1..5), headed in prop::bool::weighted(0.9)) {
        let mut stream = if headed { HEADER.as_bytes().to_vec() } else { Vec::new() };
        stream.extend_from_slice(&bytes);
        let passed = pass(&stream, &lengths);
        prop_assert_eq!(parse(&passed.out), Ok(()), "{:?}", String::from_utf8_lossy(&passed.out));
        // However the bytes are cut, the outcome is the same.
        let whole = pass(&stream, &[stream.len().max(1)]);
        prop_assert_eq!(passed.reasons(), whole.reasons());
        prop_assert_eq!(passed.error.is_some(), whole.error.is_some());
        if passed.error.is_none() && passed.reasons().iter().all(|reason| *reason != Reason::OutsideStanza) {
            prop_assert_eq!(passed.out, whole.out);
        }
    }
}
