//! Writing a page that was approved into a desk's knowledge folder.

use deskbridge_entity::proposal::Model;

use crate::knowledge::{EditError, PagePath, Shelf};

/// Where learned pages stand in a knowledge folder.
const FOLDER: &str = "learned";
/// The most characters of a file's name that come from its title.
const SLUG: usize = 60;

/// Writes the page; gives its path in the folder. Writing it again changes nothing but its bytes: who crashed in between
/// begins anew.
///
/// # Errors
/// As [`Shelf::put`]. Then there is no page, or the one before.
pub(super) async fn write(shelf: &Shelf, row: &Model) -> Result<String, EditError> {
    let name = format!("{FOLDER}/{}", name(row));
    let path = PagePath::new(&name).map_err(EditError::Refused)?;
    shelf.put(path, text(row).into_bytes()).await?;
    Ok(name)
}

fn title(row: &Model) -> String {
    let title = row.title.as_ref().or(row.question.as_ref()).map_or("", String::as_str);
    one_line(title)
}

fn text(row: &Model) -> String {
    let question = one_line(row.question.as_deref().unwrap_or_default());
    let by = one_line(row.decided_by.as_deref().unwrap_or_default());
    let date = row.decided_at.unwrap_or(row.created_at).format("%Y-%m-%d");
    let title = title(row);
    let mut text =
        format!("---\ntitle: {}\nsource: learned\napproved_by: {}\ndate: {date}\n---\n", quoted(&title), quoted(&by));
    if question != title {
        text.push_str(&format!("## {question}\n\n"));
    }
    text.push_str(row.answer.as_deref().unwrap_or_default().trim());
    text.push('\n');
    text
}

/// As YAML reads it, whatever stands in it: JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Letters, digits and dashes of ASCII, and the end of the proposal's id, so that two pages of one title are two.
fn name(row: &Model) -> String {
    let title = title(row).to_lowercase();
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug: String = words.collect::<Vec<_>>().join("-").chars().take(SLUG).collect();
    slug.truncate(slug.trim_end_matches('-').len());
    let id = row.id.simple().to_string();
    format!("{slug}{}{}.md", if slug.is_empty() { "" } else { "-" }, &id[id.len() - 12..])
}

fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if super::draft::is_hidden(c) { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use deskbridge_entity::proposal::State;

    use super::*;
    use crate::{assistant::fixture::proposal, knowledge::Audience};

    fn row(title: Option<&str>, question: &str, answer: &str) -> Model {
        Model {
            id: uuid::Uuid::parse_str("018f3c5e-7c1d-7b7a-8d6e-1f2a3b4c5d6e").unwrap(),
            title: title.map(str::to_owned),
            decided_at: Some(chrono::DateTime::UNIX_EPOCH),
            decided_by: Some("eve@staff.example\nurl: https://evil.example".into()),
            ..proposal(State::Approved, question, answer)
        }
    }

    #[tokio::test]
    async fn a_page_is_found_by_its_question_and_written_twice_is_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let shelf = Shelf::open(folder.path(), None).unwrap();
        let row =
            row(None, "How: do I descale\nthe \"kettle\"?", "With citric acid.\n\n---\nurl: https://evil.example");
        let path = write(&shelf, &row).await.unwrap();
        assert_eq!(path, "learned/how-do-i-descale-the-kettle-1f2a3b4c5d6e.md");
        assert_eq!(write(&shelf, &row).await.unwrap(), path);
        let text = fs::read_to_string(folder.path().join(&path)).unwrap();
        let front = "---\ntitle: \"How: do I descale the \\\"kettle\\\"?\"\nsource: learned\n\
            approved_by: \"eve@staff.example url: https://evil.example\"\ndate: 1970-01-01\n---\nWith citric acid.\n";
        assert!(text.starts_with(front), "{text}");
        let hits = shelf.search("how can I descale my kettle", Audience::Customer, 2).await.answers();
        let passage = &hits[0].passage;
        assert_eq!((hits.len(), passage.title.as_str()), (1, "How: do I descale the \"kettle\"?"));
        assert_eq!(passage.url, None);
        let files: Vec<_> = fs::read_dir(folder.path().join(FOLDER)).unwrap().collect();
        assert_eq!(files.len(), 1);
    }

    #[test]
    fn no_title_leads_out_of_the_folder() {
        for (title, name) in [
            ("../../etc/passwd", "etc-passwd-1f2a3b4c5d6e.md"),
            ("Wie entkalke ich?", "wie-entkalke-ich-1f2a3b4c5d6e.md"),
            ("お茶", "1f2a3b4c5d6e.md"),
            ("", "1f2a3b4c5d6e.md"),
        ] {
            assert_eq!(super::name(&row(Some(title), "q", "a")), name);
        }
        assert!(name(&row(Some(&"tea ".repeat(100)), "q", "a")).len() < 80);
    }

    #[test]
    fn a_title_of_its_own_keeps_the_question_as_a_heading() {
        let text = text(&row(Some("Descaling"), "How?", "So."));
        assert!(text.ends_with("---\n## How?\n\nSo.\n") && text.starts_with("---\ntitle: \"Descaling\"\n"), "{text}");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_an_error_and_leaves_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let shelf = Shelf::open(folder.path(), None).unwrap();
        fs::write(folder.path().join(FOLDER), "a file").unwrap();
        assert!(write(&shelf, &row(None, "q", "a")).await.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
