use proptest::{prelude::*, sample::select};

use super::*;

#[test]
fn marks_are_translated() {
    for (markdown, styled) in [
        ("This is **bold**.", "This is *bold*."),
        ("This is __very bold__.", "This is *very bold*."),
        ("*one* and _two_", "_one_ and _two_"),
        ("***both***", "_*both*_"),
        ("**a _b_ c**", "*a _b_ c*"),
        ("~~gone~~ and ~gone~", "~gone~ and ~gone~"),
        ("# Title", "*Title*"),
        ("### Title ###\ntext", "*Title*\ntext"),
        ("## C#", "*C#*"),
        ("## **Bold** title", "*Bold title*"),
        ("Title\n=====\ntext", "*Title*\ntext"),
        ("See [our page](https://a.example/b).", "See our page (https://a.example/b)."),
        ("[**bold** page](https://a.example)", "*bold* page (https://a.example)"),
        ("[https://a.example](https://a.example)", "https://a.example"),
        ("<https://a.example>", "https://a.example"),
        ("<ann@a.example>", "ann@a.example"),
        ("[ann@a.example](mailto:ann@a.example)", "ann@a.example"),
        ("[](https://a.example)", "https://a.example"),
        ("![A cup](https://a.example/cup.png)", "A cup (https://a.example/cup.png)"),
        ("- one\n- two", "• one\n• two"),
        ("* one\n  * inner\n* two", "• one\n  • inner\n• two"),
        ("+ **one**", "• *one*"),
        ("1. one\n2. two", "1. one\n2. two"),
        ("> quoted\n> more", "> quoted\n> more"),
        ("Run `ls *a* **b**`", "Run `ls *a* **b**`"),
        ("``a b``", "`a b`"),
        ("```rust\nlet a = *b;\n```", "```rust\nlet a = *b;\n```"),
        ("~~~\na **b**\n~~~", "```\na **b**\n```"),
        ("\\*not bold\\* \\# 5\\. \\[x\\]", "*not bold* # 5. [x]"),
        ("tea &amp; cake", "tea & cake"),
        ("one<br>two", "one\ntwo"),
        ("one\\\ntwo", "one\ntwo"),
        ("| Size | Price |\n|---|--:|\n| S | **3 €** |\n| L | 5 € |\n", "*Size | Price*\nS | *3 €*\nL | 5 €\n"),
        (
            "Prices:\n\n|A|B|\n|-|-|\n|1|[x](https://a.example)|\n\nBye **now**",
            "Prices:\n\n*A | B*\n1 | x (https://a.example)\n\nBye *now*",
        ),
        ("这是**重点**内容", "这是*重点*内容"),
        ("**two\nlines**", "two\nlines"),
    ] {
        assert_eq!(from_markdown(markdown), styled, "{markdown}");
    }
}

#[test]
fn prose_stays_as_it_is() {
    for prose in [
        "",
        " ",
        "Hello!\nHow are you?\n\n  Indented\n      deeply\ttoo ",
        "2*3*4 = 24, 2**3**2 too, a * b * c, 3*(4+5)*6",
        "snake_case_names and __init__ and _private and a_b_",
        "a>b, a<b, a <b> c, x->y, 5 > 3 < 7",
        "~5 minutes, ~10 at most, a~b~c",
        "#1 choice, C#, [1] Shipping – https://a.example/_a_/*b*/c",
        "[1] and [x] and (y) and [z](",
        "mail ann_b_c@a.example or https://a.example/?a=1&b=2&copy=3",
        "C:\\Users\\ann, \\\\server, 100%, 50 € & more; AT&T",
        "A paragraph\nof two lines\n---\nand a signature",
        "---",
        "1) one\n2) two",
        "Tea 🍵 – “at most” 'two' ... days",
        "**",
        "``",
        "[]()",
        "\u{0}\u{1}\u{FFFD}",
    ] {
        assert_eq!(from_markdown(prose), prose);
    }
}

/// Words and marks as models mix them.
fn markdown() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "tea",
        "cake",
        "order",
        "7",
        "é",
        "🍵",
        "**",
        "*",
        "_",
        "__",
        "~~",
        "~",
        "`",
        "``",
        "```",
        "\n",
        "\n\n",
        " ",
        "  ",
        "# ",
        "## ",
        "- ",
        "1. ",
        "> ",
        "    ",
        "\t",
        "|",
        "|-|-|\n",
        "\n---\n",
        "\n===\n",
        "](https://a.example/b_c)",
        "[",
        "]",
        "!",
        "(",
        ")",
        "<",
        ">",
        "\\",
        "~~~\n",
        "<br>",
        ".",
        ",",
        "\r\n",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        prop_assert_eq!(from_markdown(&text).trim().is_empty(), text.trim().is_empty());
    }

    #[test]
    fn no_word_is_lost(text in markdown()) {
        let styled = from_markdown(&text);
        // A link's brackets may have been all that stood between two words.
        let mut left: &str = &styled;
        for word in words(&text).into_iter().filter(|word| *word != "br") {
            let Some(at) = left.find(word) else { return Err(TestCaseError::fail(format!("{word} of {text:?} in {styled:?}"))) };
            left = &left[at + word.len()..];
        }
    }

    #[test]
    fn plain_words_stay_as_they_are(text in "[a-zA-Z0-9äöü ,;:?'\"()%$\n]{0,200}") {
        // Four spaces or a tab at the start of a line are code, which stays as well.
        prop_assert_eq!(from_markdown(&text), text.as_str());
    }
}
