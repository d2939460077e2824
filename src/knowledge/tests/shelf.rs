//! A shelf and its folder.

use std::{fs, time::Duration};

use tempfile::TempDir;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::*;

fn folder(pages: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in pages {
        fs::write(folder.path().join(path), text).unwrap();
    }
    folder
}

fn open(folder: &TempDir) -> Shelf {
    Shelf::open(folder.path(), None).unwrap()
}

fn pages(shelf: &Shelf) -> Vec<String> {
    shelf.current().pages().iter().map(|page| page.path.clone()).collect()
}

async fn finds(shelf: &Shelf, question: &str, audience: Audience) -> bool {
    !shelf.search(question, audience, 3).await.hits.is_empty()
}

#[tokio::test]
async fn a_page_for_agents_never_reaches_a_customer() {
    let folder = folder(&[
        ("returns.md", "# Returns\n\nSend tea back."),
        ("fraud.md", "---\naudience: agents\n---\n# Fraud\n\nBlock stolen cards."),
        ("broken.md", "---\naudience: agent only\n---\n# Embargo\n\nNew harvest."),
    ]);
    let shelf = open(&folder);
    assert!(finds(&shelf, "stolen cards", Audience::Agent).await);
    assert!(!finds(&shelf, "stolen cards", Audience::Customer).await);
    assert!(finds(&shelf, "send tea", Audience::Customer).await && finds(&shelf, "send tea", Audience::Agent).await);
    for audience in [Audience::Customer, Audience::Agent] {
        assert!(!finds(&shelf, "embargo harvest", audience).await, "a page that is not understood is not used");
    }
    let reason = shelf.current().skipped()[0].reason.clone();
    assert!(reason.contains("\"agent only\""), "{reason}");

    // By meaning as well: not even its vector is looked at.
    let knowledge = shelf.current().with_vectors(|_| Some([1.0, 0.0].into()));
    let asked = Asked { vector: &[1.0, 0.0], other: &[], similarity: 0.3 };
    let seen = |audience| knowledge.search("stolen cards", audience, 9, Some(asked)).hits.len();
    assert_eq!((seen(Audience::Customer), seen(Audience::Agent)), (1, 2));
}

#[tokio::test]
async fn a_page_that_becomes_unusable_goes_and_the_others_stay() {
    let folder = folder(&[("a.md", "# A\n\nApples"), ("b.md", "# B\n\nBananas")]);
    let shelf = open(&folder);
    fs::write(folder.path().join("b.md"), "---\naudience: agents\n# B\n\nBananas").unwrap();
    shelf.reload().await.unwrap();
    assert_eq!(pages(&shelf), ["a.md"]);
    assert!(shelf.current().skipped()[0].reason.contains("not closed"));

    // Without the folder, what was known stays known.
    drop(folder);
    assert!(matches!(shelf.reload().await, Err(EditError::Folder(_))));
    assert!(finds(&shelf, "apples", Audience::Customer).await);
}

#[tokio::test]
async fn a_change_in_the_folder_is_noticed() {
    let folder = folder(&[("a.md", "# A\n\nApples")]);
    let library = Library::new([("support".to_owned(), open(&folder))].into());
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(library.clone().keep(stop.clone()));
    let shelf = library.shelf("support").unwrap();
    // Also in a folder that was not there when the watch began, and of pages that go.
    fs::create_dir(folder.path().join("deep")).unwrap();
    until(|| {
        // Again and again: the watch may not have begun with the first.
        fs::write(folder.path().join("deep/b.md"), "# B\n\nBananas").unwrap();
        pages(shelf) == ["a.md", "deep/b.md"]
    })
    .await;
    fs::remove_file(folder.path().join("a.md")).unwrap();
    until(|| pages(shelf) == ["deep/b.md"]).await;
    stop.cancel();
    keeping.await.unwrap();
}

async fn until(mut condition: impl FnMut() -> bool) {
    let met = async {
        while !condition() {
            time::sleep(Duration::from_millis(400)).await;
        }
    };
    time::timeout(Duration::from_secs(30), met).await.expect("the change was not noticed");
}
