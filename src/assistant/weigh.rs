//! Whether a draft may be sent: held against what was retrieved, and against what an assistant may say at all.

use std::sync::Arc;

use super::{
    claims::{self, Claim},
    draft::{Action, Draft},
    ground::{self, Ground, Source},
    prompt::Objection,
    similar,
};
use crate::{helpdesk::Retrieval, knowledge::Passage};

/// From this likeness on a reply only says what the customer said.
const ECHO: f32 = 0.7;

/// What an answer can rest on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Basis<'a> {
    pub(super) retrieval: Retrieval,
    /// The passages of the prompt, in the order of their numbers.
    pub(super) passages: &'a [Arc<Passage>],
    /// The questions right before this one for which nothing was found.
    pub(super) nothing_before: i64,
    /// Whether the desk has pages: without any, a model answers from what it knows.
    pub(super) has_pages: bool,
    pub(super) question: &'a str,
    /// What was said, and what is known of it from before.
    pub(super) said: &'a str,
    /// The part of it that is not the customer's.
    pub(super) answered: &'a str,
    /// What the desk says of itself.
    pub(super) own: &'a str,
    /// Whether the passages were found by words of the model's, not the customer's.
    pub(super) is_reworded: bool,
}

impl Basis<'_> {
    fn ground(&self, reply: &str, cited: &[usize]) -> Ground {
        let said = format!("{}\n{}", self.said, self.own);
        let ours = format!("{}\n{}", self.answered, self.own);
        ground::ground(reply, cited, self.passages, &said, &ours)
    }
}

/// What is wrong with a draft.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It will not get better: a person answers. The reason is for the staff.
    Final(&'static str),
    /// The model may try once more. The reason is for the staff, should it not get better.
    Mendable(&'static str, Objection),
}

impl Fault {
    /// Why a person has to answer, for the staff.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Final(reason) | Self::Mendable(reason, _) => reason,
        }
    }
}

/// The passages that `draft` rests on, or why it is not sent although the model would.
///
/// `shown` are the passages that it cites itself. Where the desk has pages and none fits, the model has nothing to answer from,
/// whatever it says. Where some do, what it states must stand there. Without a source it announces nothing; and it never is a person.
pub(super) fn weigh(draft: &Draft, shown: &[usize], basis: &Basis<'_>) -> Result<Vec<usize>, Fault> {
    let reply = draft.reply.as_str();
    // The words of a hand-off say what the model does not know.
    if draft.action == Action::HandOff {
        return Ok(shown.to_vec());
    }
    let mendable = |reason, because: &str| {
        Err(Fault::Mendable(reason, Objection { reply: reply.to_owned(), because: because.to_owned() }))
    };
    // "Yes, you can still change the address" says the same words and answers.
    let is_echo = !claims::is_yes_or_no(reply) && similar::likeness(reply, basis.question) > ECHO;
    if basis.retrieval != Retrieval::NotAsked && is_echo {
        return mendable("the model only repeated the customer", "it only repeats what the customer wrote");
    }
    if claims::poses(reply, basis.question, basis.own) {
        return mendable("the model said that it was a person", "you are software, not a person, and have no name");
    }
    if !basis.has_pages {
        return Ok(shown.to_vec());
    }
    let own = Source::of(basis.own);
    let claim = claims::claim(reply, basis.question, draft.action == Action::Clarify);
    if basis.retrieval == Retrieval::Nothing {
        if basis.nothing_before > 0 {
            return Err(Fault::Final("the help pages have nothing for the customer's questions, twice in a row"));
        }
        // What the desk says of itself counts as a page.
        if claim == Claim::States && !own.says(reply) {
            return Err(Fault::Final("the model answered without a page to answer from"));
        }
    }
    // To say no and nothing else leaves the customer alone with the question.
    if claim == Claim::Declines && draft.action != Action::Decline && basis.retrieval != Retrieval::NotAsked {
        return Err(Fault::Final("the model does not know it"));
    }
    let shown = ground::plausible(reply, basis.question, shown, basis.passages, basis.is_reworded);
    let Ground { citations, unsupported } = basis.ground(reply, &shown);
    if !unsupported.is_empty() {
        let facts = unsupported.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return mendable(
            "the model stated something that stands in no page",
            &format!("it says what no passage says: {facts}"),
        );
    }
    let cited = ground::text_of(&citations, basis.passages);
    let cited = Source::of(&cited);
    if claims::bold(reply).any(|said| !cited.says(&said)) {
        return mendable(
            "the model promised or claimed something that stands in no page",
            "it promises or claims something that no passage says in these words: you can only answer",
        );
    }
    if basis.passages.iter().any(|passage| similar::likeness(reply, &passage.title) > ECHO) {
        return mendable(
            "the model's answer is only a heading",
            "it is only the title of a passage: say what the passage says",
        );
    }
    // Small talk has no passages, and rests on the prompt as long as it says nothing for the company.
    let rests_on_nothing = citations.is_empty() && !own.says(reply);
    let states = match basis.retrieval {
        Retrieval::NotAsked => claims::is_risky(reply),
        _ => claim == Claim::States,
    };
    if draft.action != Action::Clarify && rests_on_nothing && states {
        return mendable(
            "the model's answer rests on no page",
            "it cites no passage: name the numbers of those that say so in `citations`",
        );
    }
    Ok(citations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Audience;

    const ASKS: &str = "Do you repair bicycles?";

    fn basis(passages: &[Arc<Passage>]) -> Basis<'_> {
        let retrieval = if passages.is_empty() { Retrieval::Nothing } else { Retrieval::Found };
        Basis {
            retrieval,
            passages,
            nothing_before: 0,
            has_pages: true,
            question: ASKS,
            said: ASKS,
            answered: "",
            own: "",
            is_reworded: false,
        }
    }

    fn passage(text: &str) -> [Arc<Passage>; 1] {
        let (title, page, text) = ("Workshop".into(), "a.md".into(), text.into());
        [Arc::new(Passage { title, url: None, text, page, audience: Audience::Customer })]
    }

    fn weighed(reply: &str, action: Action, basis: &Basis<'_>) -> Result<Vec<usize>, &'static str> {
        let draft = Draft::new(reply, action);
        weigh(&draft, &[], basis).map_err(|fault| match fault {
            Fault::Final(_) => "final",
            Fault::Mendable(..) => "mendable",
        })
    }

    #[test]
    fn without_a_page_nothing_is_stated_and_twice_nothing_is_a_persons() {
        let once = basis(&[]);
        let twice = Basis { nothing_before: 1, ..once };
        for (reply, action, expected) in [
            ("Yes, we do.", Action::Continue, Err("final")),
            ("Yes, we do. Is it broken?", Action::Clarify, Err("final")),
            ("I do not know.", Action::Continue, Err("final")),
            ("I cannot help with bicycles.", Action::Decline, Ok(vec![])),
            ("We do not repair bicycles.", Action::Decline, Err("final")),
            ("What kind of bicycle is it?", Action::Clarify, Ok(vec![])),
            ("I do not know that.", Action::HandOff, Ok(vec![])),
        ] {
            assert_eq!(weighed(reply, action, &once), expected, "{reply}");
            let again = if action == Action::HandOff { Ok(vec![]) } else { Err("final") };
            assert_eq!(weighed(reply, action, &twice), again, "{reply}");
        }
        let chat = Basis { question: "ok I will try that", ..once };
        assert_eq!(weighed("Good luck!", Action::Continue, &chat), Ok(vec![]));
        let told = Basis { own: "We repair bicycles, too. Telephone: 4711.", ..once };
        assert_eq!(weighed("Yes, we repair bicycles.", Action::Continue, &told), Ok(vec![]));
        assert_eq!(weighed("Ring 4711.", Action::Continue, &told), Ok(vec![]));
        assert_eq!(weighed("Ring 4712.", Action::Continue, &told), Err("final"));
        let no_pages = Basis { has_pages: false, retrieval: Retrieval::NotAsked, ..once };
        assert_eq!(weighed("Yes, within 3 days.", Action::Continue, &no_pages), Ok(vec![]));
    }

    #[test]
    fn what_is_stated_stands_in_a_passage() {
        let pages = passage("We repair bicycles and lawnmowers within 3 days.");
        let found = basis(&pages);
        for (reply, expected) in [
            ("Yes, within 3 days.", Ok(vec![1])),
            ("Yes, within 5 days.", Err("mendable")),
            ("Certainly, everybody's velocipede.", Err("mendable")),
            ("What is broken?", Ok(vec![])),
        ] {
            assert_eq!(weighed(reply, Action::Continue, &found), expected, "{reply}");
        }
    }

    #[test]
    fn the_customers_own_words_are_no_answer() {
        let pages = passage("We repair bicycles.");
        for reply in ["Do you repair bicycles?", "do you repair bicycles"] {
            assert_eq!(weighed(reply, Action::Clarify, &basis(&pages)), Err("mendable"));
        }
        assert_eq!(weighed("Yes, we do repair bicycles.", Action::Continue, &basis(&pages)), Ok(vec![1]));
        let hello = Basis { question: "Hello!", retrieval: Retrieval::NotAsked, ..basis(&[]) };
        assert_eq!(weighed("Hello!", Action::Continue, &hello), Ok(vec![]));
    }

    #[test]
    fn whatever_has_no_page_makes_no_promise_in_small_talk_either() {
        let talk = Basis { question: "Please refund it", retrieval: Retrieval::NotAsked, ..basis(&[]) };
        assert_eq!(weighed("Refund done! Money is on its way.", Action::Continue, &talk), Err("mendable"));
        assert_eq!(weighed("You're welcome!", Action::Continue, &talk), Ok(vec![]));
        let found = passage("Shipping costs €3.90 per parcel.");
        let promise = "Shipping costs €3.90 per parcel. I've refunded your last order.";
        assert_eq!(weighed(promise, Action::Continue, &basis(&found)), Err("mendable"));
        assert_eq!(weighed("Workshop", Action::Continue, &basis(&found)), Err("mendable"));
        assert_eq!(weighed("I cannot help with that.", Action::Continue, &basis(&found)), Err("final"));
    }

    #[test]
    fn nothing_is_announced_without_a_source_and_nobody_poses() {
        let pages = passage("We will send a new one within 3 days.");
        let broken = Basis { question: "It is broken", ..basis(&pages) };
        assert_eq!(weighed("I will ring you up tomorrow.", Action::Continue, &broken), Err("mendable"));
        assert_eq!(weighed("We will send a new one within 3 days.", Action::Continue, &broken), Ok(vec![1]));
        assert_eq!(weighed("I am a human.", Action::Continue, &broken), Err("mendable"));
    }
}
