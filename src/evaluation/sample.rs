//! What is evaluated when nothing is named: the shipped cases, on the sample pages.

use super::case::{CaseError, Suite};
use crate::knowledge::{Knowledge, Passage};

const CASES: &str = include_str!("../../evals/support.toml");

const PAGES: [(&str, &str); 16] = [
    ("allergens.md", include_str!("../../knowledge/support/allergens.md")),
    ("brewing.md", include_str!("../../knowledge/support/brewing.md")),
    ("change-address.md", include_str!("../../knowledge/support/change-address.md")),
    ("contact.md", include_str!("../../knowledge/support/contact.md")),
    ("damaged-parcel.md", include_str!("../../knowledge/support/damaged-parcel.md")),
    ("gift-cards.md", include_str!("../../knowledge/support/gift-cards.md")),
    ("invoice.md", include_str!("../../knowledge/support/invoice.md")),
    ("loyalty.md", include_str!("../../knowledge/support/loyalty.md")),
    ("password.md", include_str!("../../knowledge/support/password.md")),
    ("pause-subscription.md", include_str!("../../knowledge/support/pause-subscription.md")),
    ("payment.md", include_str!("../../knowledge/support/payment.md")),
    ("privacy.md", include_str!("../../knowledge/support/privacy.md")),
    ("returns.md", include_str!("../../knowledge/support/returns.md")),
    ("shipping.md", include_str!("../../knowledge/support/shipping.md")),
    ("subscription.md", include_str!("../../knowledge/support/subscription.md")),
    ("wholesale.md", include_str!("../../knowledge/support/wholesale.md")),
];

/// The shipped cases.
///
/// # Errors
/// None, as a test of `case` shows.
pub fn suite() -> Result<Suite, CaseError> {
    Suite::parse(CASES)
}

/// The passages of the sample pages, `knowledge/support`, in the order of their paths.
#[must_use]
pub fn passages() -> Vec<Passage> {
    // A test shows that none is left out.
    PAGES.iter().filter_map(|(name, text)| Knowledge::cut(name, text).ok()).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Audience;

    #[test]
    fn every_sample_page_is_compiled_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge/support");
        let loaded = Knowledge::load(folder.as_ref()).unwrap();
        let loaded: Vec<Passage> =
            loaded.passages(Audience::Customer).iter().map(|passage| (**passage).clone()).collect();
        assert_eq!(passages(), loaded);
    }
}
