//! The built-in default: what answers when no language model is configured.
//!
//! It quotes one passage of the help pages, with its source, or hands off. It writes no sentence of its own about the
//! company, so it cannot be wrong about anything but the choice of the passage.

use std::{slice, sync::Arc};

use super::{
    draft::{Action, Draft},
    sources,
};
use crate::{
    helpdesk::{
        Texts,
        phrases::{self, SmallTalk},
        texts::Text,
    },
    knowledge::Passage,
};

/// Answers `question`, the customer's last lines, with `passage`, which the help pages have for it.
///
/// `first` is true for the first answer in a ticket: only that one says that no language model is configured. The reply
/// is in the desk's words and ready to send: its source is already appended.
#[must_use]
pub fn answer(passage: Option<&Arc<Passage>>, question: &str, first: bool, texts: &Texts) -> Draft {
    let notice = if first { texts.no_model() } else { None };
    let introduced = |reply: &str, separator: &str| match &notice {
        Some(notice) => format!("{notice}{separator}{reply}"),
        None => reply.to_owned(),
    };
    if phrases::asks_for_person(question) {
        return Draft::hand_off("", "the customer asked for a person");
    }
    match phrases::small_talk(question) {
        Some(SmallTalk::Thanks) => return Draft::new(texts.welcome(), Action::Continue),
        Some(SmallTalk::Farewell) => return Draft::new(texts.plain(Text::Goodbye), Action::Continue),
        Some(SmallTalk::Acknowledgement) => return Draft::new(texts.plain(Text::Noted), Action::Continue),
        Some(SmallTalk::Greeting) => return Draft::new(introduced(&texts.hello(), " "), Action::Continue),
        None => {}
    }
    let Some(passage) = passage else {
        let reply = introduced(&texts.nothing_found(), " ");
        return Draft::hand_off(
            reply,
            "the help pages have no answer to the question (no language model is configured)",
        );
    };
    let (text, citations) = sources::cleaned(&passage.text, &[1], slice::from_ref(passage));
    let quoted = sources::with_sources(&text, &citations, slice::from_ref(passage));
    Draft { citations, ..Draft::new(introduced(&quoted, "\n\n"), Action::Continue) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{Audience, Knowledge};

    const NOTICE: &str = "No language model is configured here, so I quote our help pages.";

    fn answer(knowledge: &Knowledge, question: &str, first: bool) -> Draft {
        let found = knowledge.search(question, Audience::Customer, 1, None).answers();
        super::answer(found.first().map(|hit| &hit.passage), question, first, &Texts::default())
    }

    fn knowledge() -> Knowledge {
        Knowledge::from_passages(vec![
            Passage {
                title: "Gift cards › How long a gift card is valid".into(),
                url: Some("https://tea.example/help/gift-cards".into()),
                text: "A gift card is valid for 3 years.".into(),
                page: "gift-cards.md".into(),
                audience: Audience::Customer,
            },
            Passage {
                title: "Visiting us".into(),
                url: None,
                text: "Kettle Lane 4.".into(),
                page: "visit.md".into(),
                audience: Audience::Customer,
            },
        ])
    }

    #[test]
    fn quotes_the_passage_with_its_source() {
        let draft = answer(&knowledge(), "How long is my gift card valid?", false);
        assert_eq!(draft.action, Action::Continue);
        assert_eq!(draft.citations, [1]);
        assert_eq!(
            draft.reply,
            "A gift card is valid for 3 years.\n\n\
             [1] Gift cards › How long a gift card is valid – https://tea.example/help/gift-cards"
        );
    }

    #[test]
    fn says_once_that_no_model_is_configured() {
        let draft = answer(&knowledge(), "How long is my gift card valid?", true);
        assert!(
            draft.reply.starts_with("No language model is configured here, so I quote our help pages.\n\nA gift card")
        );
        assert!(answer(&knowledge(), "Hello", true).reply.starts_with(NOTICE));
        assert_eq!(answer(&knowledge(), "Hello", false).reply, "Hello! What can I look up for you?");
    }

    #[test]
    fn hands_off_what_it_cannot_find() {
        let draft = answer(&knowledge(), "Do you repair bicycles?", false);
        assert_eq!(draft.action, Action::HandOff);
        assert_eq!(draft.reply, "I found nothing that answers this. A person will answer you here.");
        assert!(draft.reason.unwrap().contains("no answer"));
        let first = answer(&knowledge(), "Do you repair bicycles?", true).reply;
        assert_eq!(first, format!("{NOTICE} I found nothing that answers this. A person will answer you here."));
    }

    #[test]
    fn hands_off_whoever_asks_for_a_person_whatever_else_is_asked() {
        let draft = answer(&knowledge(), "How long is my gift card valid? I want to talk to a person!", true);
        assert_eq!(draft, Draft::hand_off("", "the customer asked for a person"));
    }

    #[test]
    fn small_talk_gets_a_short_line_and_no_person() {
        for (said, reply) in [
            ("Thanks a lot!", "You are welcome!"),
            ("Ok great 👍", "Good. If anything else comes up, just write."),
            ("👍", "Good. If anything else comes up, just write."),
            ("ok bye", "Goodbye!"),
        ] {
            assert_eq!(answer(&knowledge(), said, false), Draft::new(reply, Action::Continue), "{said}");
        }
    }
}
