//! How much two texts have in common, in letters: enough to know a page that says the same again. Pure.

use std::collections::HashSet;

/// Three characters each.
type Trigrams = HashSet<[char; 3]>;

/// From here on two texts say nearly the same.
pub(super) const NEARLY: f32 = 0.5;
/// The share of an answer's words from which on a passage has said it.
pub(super) const COVERED: f32 = 0.8;
/// With fewer words nothing can be told.
const FEW: usize = 3;

/// Shorter words say little.
const LONG_WORD: usize = 4;

/// How alike two texts are, from 0 to 1, whatever their case, marks and spaces (Jaccard, of trigrams).
#[must_use]
pub(super) fn likeness(one: &str, other: &str) -> f32 {
    let (one, other) = (trigrams(one), trigrams(other));
    let both = one.intersection(&other).count();
    let all = one.len() + other.len() - both;
    if all == 0 { 0.0 } else { share(both, all) }
}

/// The share of `answer`'s longer words that stand in `passage`, from 0 to 1.
#[must_use]
pub(super) fn coverage(answer: &str, passage: &str) -> f32 {
    let (answer, passage) = (words(answer), words(passage));
    let said = answer.iter().filter(|word| passage.contains(*word)).count();
    if answer.is_empty() { 0.0 } else { share(said, answer.len()) }
}

/// As [`coverage`], of the words of `answer` that `question` does not have; `None` where there are too few to tell.
#[must_use]
pub(super) fn coverage_of_new(answer: &str, question: &str, passage: &str) -> Option<f32> {
    let (answer, question, passage) = (words(answer), words(question), words(passage));
    let new: Vec<&String> = answer.difference(&question).collect();
    let said = new.iter().filter(|word| passage.contains(**word)).count();
    (new.len() >= FEW).then(|| share(said, new.len()))
}

#[expect(clippy::cast_precision_loss, reason = "texts are far shorter than 16 million characters")]
fn share(part: usize, whole: usize) -> f32 {
    part as f32 / whole as f32
}

fn words(text: &str) -> HashSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= LONG_WORD);
    words.map(str::to_lowercase).collect()
}

fn trigrams(text: &str) -> Trigrams {
    let plain: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let plain = plain.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let letters: Vec<char> = format!(" {plain} ").chars().collect();
    letters.windows(3).filter_map(|three| three.try_into().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_in_other_dress_is_alike_and_another_matter_is_not() {
        let question = "How do I descale the kettle?";
        assert!(likeness(question, "how do i  DESCALE the kettle") > 0.99);
        assert!(likeness(question, "How do I descale a kettle?") > NEARLY);
        assert!(likeness(question, "How long is a gift card valid?") < 0.2);
        assert!(likeness("", "") < 0.1 && likeness("?!", question) < 0.1);
    }

    #[test]
    fn a_passage_covers_an_answer_that_it_says_with_more_words() {
        let page = "Boil water with two spoons of citric acid, wait twenty minutes, then rinse the kettle well.";
        assert!(coverage("Boil citric acid, wait twenty minutes, rinse well.", page) > COVERED);
        assert!(coverage("Send the kettle back to us within thirty days.", page) < 0.5);
        assert!(coverage("ok", page) < 0.1);
    }
}
