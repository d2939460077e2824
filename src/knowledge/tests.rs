//! How well the sample knowledge is found, measured on a labelled set of questions; who finds what; and how a shelf follows
//! its folder.

mod endpoint;
mod shelf;

use super::*;

/// The classes of questions that a page answers.
const ANSWERABLE: [&str; 3] = ["natural", "paraphrased", "other language"];

fn sample_folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge/support"))
}

fn sample() -> Knowledge {
    Knowledge::load(sample_folder()).unwrap()
}

fn labelled() -> Vec<Question> {
    serde_json::from_str(include_str!("../../tests/data/retrieval.json")).unwrap()
}

/// The weights that `scripts/model embeddings` fetches.
fn model() -> LocalModel {
    load("DESKBRIDGE_KNOWLEDGE__MODEL", "data/models/minilm")
}

/// The multilingual ones.
fn other_model() -> LocalModel {
    load("DESKBRIDGE_KNOWLEDGE__MULTILINGUAL_MODEL", "data/models/universal")
}

fn load(variable: &str, usual: &str) -> LocalModel {
    let folder = std::env::var_os(variable).map(std::path::PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(usual));
    LocalModel::load(&folder).unwrap_or_else(|error| panic!("{error}; scripts/model embeddings fetches it"))
}

/// The tally of a class, `split` of it.
fn tally(measured: &Measured, split: &str, class: &str) -> Tally {
    measured[&(split.to_owned(), class.to_owned())]
}

/// Every floor and ceiling holds: `(split, class, first, of the first three, right, at most wrong)`.
fn holds(measured: &Measured, floors: &[(&str, &str, usize, usize, usize, usize)]) {
    for (split, class, first, first_three, right, wrong) in floors {
        let seen = tally(measured, split, class);
        let is_kept = seen.first >= *first
            && seen.first_three >= *first_three
            && seen.right >= *right
            && seen.wrong + seen.mistaken <= *wrong;
        assert!(is_kept, "{split} {class}: {seen:?}");
    }
}

#[test]
fn the_labelled_questions_are_what_they_are_said_to_be() {
    let knowledge = sample();
    let questions = labelled();
    let of = |class: &str| questions.iter().filter(|asked| asked.class == class).count();
    assert_eq!(ANSWERABLE.map(of), [48, 40, 25]);
    assert_eq!(of("unanswerable"), 36);
    let passages = knowledge.passages(Audience::Customer);
    let index = index::Index::new(passages);
    for asked in &questions {
        assert!(["tune", "check"].contains(&asked.split.as_str()), "{asked:?}");
        assert_eq!(asked.page.is_none(), asked.class == "unanswerable", "{asked:?}");
        let Some(page) = &asked.page else { continue };
        let mut own = (0..passages.len()).filter(|position| passages[*position].page == *page).peekable();
        assert!(own.peek().is_some(), "{asked:?}");
        if asked.class == "paraphrased" {
            let shares = own.any(|position| index.coverage(&asked.question, position) > 0.0);
            assert!(!shares, "{asked:?} shares a word with {page}");
        }
    }
}

/// The floors are what was measured. A change that moves them is fine when it moves them up; then they move with it.
#[tokio::test]
async fn words_keep_their_measured_quality() {
    let measured = measure(&Shelf::of(&sample(), None), &labelled()).await;
    holds(
        &measured,
        &[
            ("tune", "natural", 22, 23, 20, 1),
            ("check", "natural", 22, 24, 20, 1),
            ("tune", "unanswerable", 0, 0, 0, 1),
            ("check", "unanswerable", 0, 0, 0, 0),
        ],
    );
}

#[tokio::test]
#[ignore = "needs the weights that `scripts/model embeddings` fetches; `make test` runs it"]
async fn meaning_keeps_its_measured_quality() {
    let folder = tempfile::tempdir().unwrap();
    let meaning = Meaning {
        embedder: Arc::new(Embedder::local(model(), Some(other_model()))),
        similarity: SIMILARITY,
        cache: Some(folder.path().join("support.vectors")),
    };
    let shelf = Shelf::open(sample_folder(), Some(meaning.clone())).unwrap();
    let synced = shelf.embed(|_, _| ()).await.unwrap();
    assert_eq!(synced.embedded, shelf.current().passages(Audience::Agent).len());
    let measured = measure(&shelf, &labelled()).await;
    holds(
        &measured,
        &[
            ("tune", "natural", 24, 24, 24, 0),
            ("tune", "paraphrased", 12, 16, 4, 0),
            ("tune", "other language", 13, 13, 8, 0),
            ("tune", "unanswerable", 0, 0, 0, 2),
            ("check", "natural", 22, 24, 21, 1),
            ("check", "paraphrased", 14, 18, 9, 0),
            ("check", "other language", 10, 12, 10, 0),
            ("check", "unanswerable", 0, 0, 0, 3),
        ],
    );

    // A second shelf on the same cache embeds nothing.
    let again = Shelf::open(sample_folder(), Some(meaning)).unwrap();
    assert!(again.current().has_vectors());
    assert_eq!(again.embed(|_, _| ()).await.unwrap(), Synced { embedded: 0, kept: synced.embedded, dropped: 0 });
}

/// Figures that the model's authors publish for these sentences.
#[tokio::test]
#[ignore = "needs the weights that `scripts/model embeddings` fetches; `make test` runs it"]
async fn meaning_is_the_models_own() {
    let texts =
        ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"];
    let vectors = Embedder::local(model(), None).passages(texts.map(str::to_owned).to_vec()).await.unwrap();
    let seen = [1, 2, 3].map(|other| embedder::cosine(&vectors[0], &vectors[other]));
    for (seen, published) in seen.into_iter().zip([0.695, 0.943, 0.257]) {
        assert!((seen - published).abs() < 0.002, "{seen} is not {published}");
    }
}

/// Figures of the program that the other model is published with.
#[tokio::test]
#[ignore = "needs the weights that `scripts/model embeddings` fetches; `make test` runs it"]
async fn meaning_is_the_other_models_own() {
    let texts = ["gato preto correu", "o gato preto correu pelo jardim", "the black cat ran through the garden"];
    let vectors = Embedder::local(other_model(), None).passages(texts.map(str::to_owned).to_vec()).await.unwrap();
    let seen = [1, 2].map(|other| embedder::cosine(&vectors[0], &vectors[other]));
    for (seen, published) in seen.into_iter().zip([0.824, 0.747]) {
        assert!((seen - published).abs() < 0.002, "{seen} is not {published}");
    }
}

#[test]
fn every_sample_page_has_a_title_and_an_address_and_none_is_left_out() {
    let knowledge = sample();
    assert_eq!(knowledge.skipped(), []);
    assert!(knowledge.pages().iter().all(|page| page.url.is_some() && page.passages > 0));
    let passages = knowledge.passages(Audience::Customer);
    assert!(passages.iter().all(|passage| passage.text.split_whitespace().count() <= MAX_PASSAGE_WORDS));
}

#[test]
fn a_hit_carries_the_passage_with_its_source() {
    let results = sample().search("How long is a gift card valid?", Audience::Customer, 2, None);
    assert!(results.found && results.hits.len() == 2);
    let hit = &results.hits[0];
    assert_eq!(hit.passage.title, "Gift cards › How long a gift card is valid");
    assert_eq!(hit.passage.url.as_deref(), Some("https://tea.example/help/gift-cards"));
    assert!(hit.passage.text.contains("3 years"));
}

#[test]
fn a_question_without_content_words_finds_nothing() {
    let knowledge = sample();
    for question in ["", "   ", "what is it?", "hello, please help", "???", "\u{1f375}"] {
        assert!(!knowledge.search(question, Audience::Customer, 3, None).found, "{question:?}");
    }
    assert!(!Knowledge::default().search("shipping", Audience::Customer, 3, None).found);
}

#[test]
fn what_is_found_does_not_depend_on_how_much_is_asked_for() {
    let knowledge = sample();
    for limit in [0, 1, 3, 1000] {
        let results = knowledge.search("gift card for the subscription", Audience::Customer, limit, None);
        assert!(results.found && results.hits.len() <= limit, "{limit}");
        assert!(results.hits.is_sorted_by(|a, b| a.score >= b.score));
    }
    let unanswerable = knowledge.search("Do you sell coffee machines?", Audience::Customer, 2, None);
    assert!(!unanswerable.hits.is_empty() && unanswerable.answers().is_empty());
}

/// Pages with one number each: their cosine with the question is that number.
fn on_a_scale(cosines: &[f32]) -> Knowledge {
    let passages = cosines.iter().enumerate().map(|(place, cosine)| Passage {
        title: String::new(),
        url: None,
        text: format!("{cosine}"),
        page: format!("{place}.md"),
        audience: Audience::Customer,
    });
    let keys: std::collections::HashMap<Key, Vector> = cosines
        .iter()
        .map(|cosine| (cache::key(&format!("\n{cosine}")), [*cosine, (1.0 - cosine * cosine).sqrt()].into()))
        .collect();
    Knowledge::from_passages(passages.collect()).with_vectors(|key| keys.get(key).cloned())
}

#[test]
fn an_answer_stands_out_or_is_near_beyond_doubt() {
    let found = |cosines: &[f32]| {
        let asked = Asked { vector: &[1.0, 0.0], other: &[], similarity: 0.3 };
        let results = on_a_scale(cosines).search("what is it?", Audience::Customer, 1, Some(asked));
        assert_eq!(results.hits.len(), 1);
        results.found
    };
    assert!(found(&[0.1, 0.4, 0.2]));
    assert!(!found(&[0.1, 0.4, 0.35]), "as near to another page");
    assert!(!found(&[0.1, 0.29, 0.2]), "too far");
    assert!(found(&[0.7, 0.7]), "two pages that say the same");
    assert!(!found(&[0.5]), "a single page stands out from nothing");
}

/// By the first number of each vector for one model, and by the second for the other.
#[test]
fn what_one_model_finds_nothing_near_the_other_is_asked() {
    let passages = ["own.md", "other.md"].map(|page| Passage {
        title: String::new(),
        url: None,
        text: page.to_owned(),
        page: page.to_owned(),
        audience: Audience::Customer,
    });
    let search = |vectors: [[f32; 2]; 2], other: &[f32]| {
        let [own, others] = vectors.map(Vector::from);
        let of = |key: &Key| Some(if *key == cache::key("\nown.md") { own.clone() } else { others.clone() });
        let knowledge = Knowledge::from_passages(passages.to_vec()).with_vectors(of);
        let asked = Asked { vector: &[1.0], other, similarity: 0.3 };
        let results = knowledge.search("what is it?", Audience::Customer, 1, Some(asked));
        (results.hits[0].passage.page.clone(), results.found)
    };
    let (own, other) = ("own.md".to_owned(), "other.md".to_owned());
    assert_eq!(search([[0.2, 0.1], [0.1, 0.4]], &[1.0]), (other.clone(), true));
    assert_eq!(search([[0.2, 0.1], [0.1, 0.4]], &[]), (own.clone(), false), "there is none");
    assert_eq!(search([[0.5, 0.1], [0.1, 0.9]], &[1.0]), (own.clone(), true), "nobody asked it");
    assert_eq!(search([[0.2, 0.1], [0.1, 0.15]], &[1.0]), (own, false), "it is farther off");
    assert_eq!(search([[0.2, 0.35], [0.1, 0.4]], &[1.0]), (other.clone(), false), "as near to another page");
    assert_eq!(search([[0.2, 0.1], [0.1, 0.29]], &[1.0]), (other, false), "too far");
}
