//! The text of a message.

use super::*;

#[test]
fn the_best_body_is_taken() {
    assert_eq!(body("<body xml:lang='de'>a</body><body>b</body><body xml:lang='en'>c</body>"), "b");
    assert_eq!(body("<body xml:lang='de'>a</body><body xml:lang='en'>c</body>"), "c");
    assert_eq!(body("<body xml:lang='de'>a</body><body xml:lang='fr'>c</body>"), "a");
    assert_eq!(body("<body>one</body><body>two</body>"), "one");
    assert_eq!(body("<body xml:lang='en'>one</body><body xml:lang='en'>two</body>"), "one");
    assert_eq!(body("<body> </body><body xml:lang='de'>a</body>"), "a");
    assert_eq!(body("<body xmlns='other'>a</body><body>b</body>"), "b");
}

#[test]
fn a_body_is_trimmed_at_its_end_only() {
    assert_eq!(body("<body>  a\n b \n\t </body>"), "  a\n b");
    assert_eq!(body("<body>x<b>y</b></body>"), "x");
    assert_eq!(body("loose text<body>x</body>"), "x");
    for blank in ["", "<body/>", "<body> \n\u{A0}</body>", "<subject>s</subject>"] {
        assert_eq!(read(&format!("<message type='chat'>{blank}</message>")), Err(Ignored::NoBody), "{blank}");
    }
    let mut nul = element("<message from='a@b' to='help.example'><body/></message>");
    nul.children_mut().next().unwrap().append_text_node("a\0b\0");
    let Ok(Inbound::Chat(chat)) = inbound(&nul, DOMAIN) else { panic!() };
    assert_eq!(chat.body, "ab");
}

#[test]
fn a_reply_s_quote_is_stripped() {
    let reply = |body: &str, fallback: &str| {
        let chat = chat(&format!(
            "<body>{body}</body><reply xmlns='urn:xmpp:reply:0' to='support@help.example' id='q'/>{fallback}"
        ));
        assert_eq!(chat.reply_to.as_deref(), Some("q"));
        chat.body
    };
    let range = |start: &str, end: &str| {
        format!(
            "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='{start}' end='{end}'/></fallback>"
        )
    };
    let quote = "&gt; é😀\nYes";
    assert_eq!(reply(quote, &range("0", "5")), "Yes");
    assert_eq!(reply(quote, ""), "> é😀\nYes");
    // Ranges that make no sense.
    for (start, end) in
        [("5", "0"), ("-1", "5"), ("x", "5"), ("0", "y"), ("3", "3"), ("900", "1000"), ("0", "99999999999999999999999")]
    {
        assert_eq!(reply(quote, &range(start, end)), "> é😀\nYes", "{start}-{end}");
    }
    assert_eq!(reply(quote, &range("4", "900")), "> é😀");
    // All of it: then the words are not only a quote.
    assert_eq!(reply(quote, &range("0", "900")), "> é😀\nYes");
    assert_eq!(reply(quote, "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'/>"), "> é😀\nYes");
    // Several, overlapping and out of order.
    assert_eq!(reply("abcdefgh", &format!("{}{}{}", range("4", "6"), range("0", "2"), range("1", "3"))), "dgh");
    // For something else, or without a reply.
    assert_eq!(reply("abc", &range("0", "1").replace("reply:0", "other:0")), "abc");
    assert_eq!(body(&format!("<body>abc</body>{}", range("0", "1"))), "abc");
}
