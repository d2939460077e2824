//! Files as crashes and people leave them.

use tempfile::TempDir;

use super::*;

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("changes.jsonl")
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("sync.json")
    }

    fn open(&self) -> Result<Journal, Failure> {
        Journal::open(&self.out(), &self.state())
    }

    fn text(&self) -> String {
        fs::read_to_string(self.out()).unwrap()
    }

    /// Two pages of one line each.
    fn fill(&self) {
        let mut journal = self.open().unwrap();
        assert_eq!(journal.cursor(), None);
        journal.append(b"{\"seq\":1}\n", "one".to_owned()).unwrap();
        journal.append(b"{\"seq\":2}\n", "two".to_owned()).unwrap();
    }

    fn refused(&self) -> String {
        let Err(Failure::Other(error)) = self.open() else { panic!("was opened") };
        format!("{error:#}")
    }
}

#[test]
fn what_a_killed_run_left_behind_is_cut_off_wherever_it_was_killed() {
    for torn in [&b"{\"se"[..], b"{\"seq\":3}\n", b"{\"seq\":3}\n{\"seq\":4}\n", b"\0\0\0\0"] {
        let files = Files::new();
        files.fill();
        OpenOptions::new().append(true).open(files.out()).unwrap().write_all(torn).unwrap();
        // The state of a page that was never noted.
        fs::write(beside(&files.state(), ".new"), "{\"vers").unwrap();
        let mut journal = files.open().unwrap();
        assert_eq!(journal.cursor(), Some("two"));
        journal.append(b"{\"seq\":3}\n", "three".to_owned()).unwrap();
        assert_eq!(files.text(), "{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n");
    }
    // Killed before the first page was noted.
    let files = Files::new();
    drop(files.open().unwrap());
    fs::write(files.out(), "{\"seq\":1}\n{").unwrap();
    assert_eq!(files.open().unwrap().cursor(), None);
    assert_eq!(files.text(), "");
}

#[test]
fn who_comes_second_is_told_whichever_file_is_shared() {
    let files = Files::new();
    let first = files.open().unwrap();
    let other = files.folder.path().join("other");
    for (out, state) in [(files.out(), files.state()), (other.clone(), files.state()), (files.out(), other)] {
        assert!(matches!(Journal::open(&out, &state), Err(Failure::Locked(_))));
    }
    drop(first);
    files.open().unwrap();
}

#[test]
fn a_file_that_was_taken_away_or_emptied_is_followed_by_a_new_one() {
    let files = Files::new();
    files.fill();
    for (number, is_moved) in [(3, true), (4, false), (5, true)] {
        if is_moved {
            fs::rename(files.out(), files.folder.path().join("taken")).unwrap();
        } else {
            fs::write(files.out(), "").unwrap();
        }
        let line = format!("{{\"seq\":{number}}}\n");
        let mut journal = files.open().unwrap();
        assert!(journal.cursor().is_some());
        journal.append(line.as_bytes(), number.to_string()).unwrap();
        assert_eq!(files.text(), line);
    }
}

#[test]
fn files_that_do_not_belong_together_are_left_alone() {
    let files = Files::new();
    fs::write(files.out(), "a letter").unwrap();
    assert!(files.refused().contains("is missing"));
    fs::remove_file(files.out()).unwrap();
    files.fill();
    for text in ["{\"seq\":1}\n", "{\"seq\":1}\n{\"seq\":7}\n{\"seq\":8}\n", "x"] {
        fs::write(files.out(), text).unwrap();
        assert!(files.refused().contains("was changed"), "{text}");
        assert_eq!(files.text(), text);
    }
    for state in ["", "{}", "[]", r#"{"version":2,"cursor":null,"length":0,"tail":""}"#] {
        fs::write(files.state(), state).unwrap();
        assert!(files.refused().contains("is no state"), "{state}");
        assert_eq!(fs::read_to_string(files.state()).unwrap(), state);
    }
    let folder = Journal::open(files.folder.path(), &files.folder.path().join("state"));
    assert!(matches!(folder, Err(Failure::Other(_))));
}

#[test]
fn a_file_stays_its_readers_and_an_older_state_is_taken_over() {
    let files = Files::new();
    files.fill();
    let old = fs::read_to_string(files.state()).unwrap().replace(",\"reader\":null", "");
    assert!(!old.contains("reader"), "{old}");
    fs::write(files.state(), old).unwrap();
    let mut journal = files.open().unwrap();
    journal.is_for("ann").unwrap();
    drop(journal);
    let mut journal = files.open().unwrap();
    assert_eq!(journal.cursor(), Some("two"));
    journal.is_for("ann").unwrap();
    let Err(Failure::Reader(state)) = journal.is_for("bob") else { panic!("bob is not ann") };
    assert_eq!(state, files.state());
    journal.is_for("ann").unwrap();
}
