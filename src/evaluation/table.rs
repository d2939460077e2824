//! Reports for people.

use std::{fmt::Write, time::Duration};

use super::{
    case::{Decision, Suite},
    report::{Figures, Rate, Report},
    run::Ran,
};

/// Characters of a reply that are shown.
const BEGINNING: usize = 160;

/// One report: the decisions, the classes, and at the end what went wrong (`all`: every case).
#[must_use]
pub fn report(report: &Report, suite: &Suite, all: bool) -> String {
    let mut text = format!("{}: {}, {} runs\n\n", report.name, report.model, report.runs.len());
    confusion(&mut text, report);
    let mut rows = vec![heading("class")];
    rows.extend(report.classes.iter().map(|(class, figures)| row(class, figures)));
    rows.push(row("all", &report.total));
    text.push('\n');
    text += &aligned(&rows);
    let shown: Vec<&Ran> = report.runs.iter().filter(|ran| all || !ran.verdict.is_right()).collect();
    if !shown.is_empty() {
        text.push_str(if all { "\nEvery case:\n" } else { "\nNot right:\n" });
    }
    for ran in shown {
        run(&mut text, ran, suite);
    }
    text
}

fn confusion(text: &mut String, report: &Report) {
    let name = |decision: Decision| decision.name().replace('_', " ");
    let mut rows = vec![vec!["expected \\ decided".to_owned()]];
    rows[0].extend(Decision::ALL.map(name));
    for expected in Decision::ALL.into_iter().filter(|expected| *expected != Decision::Failed) {
        let mut row = vec![name(expected)];
        row.extend(Decision::ALL.map(|decided| report.confusion.count(expected, decided).to_string()));
        rows.push(row);
    }
    *text += &aligned(&rows);
}

fn heading(first: &str) -> Vec<String> {
    [
        first,
        "runs",
        "passed",
        "decisions",
        "citations",
        "grounded",
        "language",
        "must",
        "must not",
        "p50",
        "p95",
        "tokens",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn row(name: &str, figures: &Figures) -> Vec<String> {
    let mut row = vec![name.to_owned(), figures.passed.of.to_string()];
    row.extend(figures.rates().map(|(_, rate)| shown(rate)));
    row.extend([seconds(figures.latency(50)), seconds(figures.latency(95)), tokens(figures)]);
    row
}

fn shown(rate: Rate) -> String {
    rate.share().map_or_else(|| "–".to_owned(), |share| format!("{:.0} % of {}", share * 100.0, rate.of))
}

fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.1 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

fn tokens(figures: &Figures) -> String {
    let [prompt, completion] = figures.tokens;
    if prompt + completion == 0 { "–".to_owned() } else { format!("{prompt} + {completion}") }
}

fn run(text: &mut String, ran: &Ran, suite: &Suite) {
    let Some(case) = suite.cases.get(ran.case) else { return };
    let problems = if ran.verdict.is_right() { "right".to_owned() } else { ran.verdict.problems.join("; ") };
    let again = if ran.repetition > 0 { format!(", once more ({})", ran.repetition + 1) } else { String::new() };
    let _ = writeln!(text, "  {} ({}{again}): {problems}", case.id, case.class);
    if !ran.said.is_empty() {
        let _ = writeln!(text, "    > {}", beginning(&ran.said));
    }
}

fn beginning(reply: &str) -> String {
    let line = reply.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(BEGINNING) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

/// Several reports side by side, and the cases in which they differ.
#[must_use]
pub fn side_by_side(reports: &[Report], suite: &Suite) -> String {
    let mut rows = vec![vec!["side by side".to_owned()]];
    rows[0].extend(reports.iter().map(|report| report.name.clone()));
    let names: Vec<&str> = Figures::default().rates().map(|(name, _)| name).to_vec();
    for (place, name) in names.iter().enumerate() {
        let mut row = vec![name.replace('_', " ")];
        row.extend(reports.iter().map(|report| shown(report.total.rates()[place].1)));
        rows.push(row);
    }
    for (name, percent) in [("p50", 50), ("p95", 95)] {
        let mut row = vec![name.to_owned()];
        row.extend(reports.iter().map(|report| seconds(report.total.latency(percent))));
        rows.push(row);
    }
    let mut row = vec!["tokens".to_owned()];
    row.extend(reports.iter().map(|report| tokens(&report.total)));
    rows.push(row);

    let mut differ = vec![vec!["decided differently".to_owned()]];
    differ[0].extend(reports.iter().map(|report| report.name.clone()));
    for (number, case) in suite.cases.iter().enumerate() {
        let of = |report: &Report| {
            let runs = report.runs.iter().filter(|ran| ran.case == number);
            let words = runs.map(|ran| match ran.verdict.decision {
                true => ran.decided.name().replace('_', " "),
                false => format!("{} (wrong)", ran.decided.name().replace('_', " ")),
            });
            words.collect::<Vec<_>>().join(", ")
        };
        let decisions: Vec<String> = reports.iter().map(of).collect();
        if decisions.windows(2).any(|pair| pair[0] != pair[1]) {
            let mut row = vec![case.id.clone()];
            row.extend(decisions);
            differ.push(row);
        }
    }
    let mut text = aligned(&rows);
    if differ.len() > 1 {
        text.push('\n');
        text += &aligned(&differ);
    }
    text
}

/// A Markdown table that is readable as it stands.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (column, width) in widths.iter().enumerate() {
            let cell = row.get(column).map(String::as_str).unwrap_or_default();
            let space = " ".repeat(width - cell.chars().count());
            // Names to the left, figures to the right.
            let cell = if column == 0 { format!("| {cell}{space}") } else { format!(" | {space}{cell}") };
            text.push_str(&cell);
        }
        text.push_str(" |\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let end = if column == 0 { "-" } else { ":" };
                let _ = write!(text, "|{}{end}", "-".repeat(width + 1));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{super::judge::Verdict, *};

    fn sample(name: &str, second: Decision) -> (Suite, Report) {
        let suite = Suite::parse(
            "[[case]]\nid = 'one'\nclass = 'a'\nconversation = ['x']\nexpect = ['answer', 'clarify']\n\
             [[case]]\nid = 'two'\nclass = 'b'\nconversation = ['x']\nexpect = ['hand_off']\n",
        )
        .unwrap();
        let ran = |case, decided, verdict| Ran {
            case,
            repetition: 0,
            decided,
            said: "A reply\nof two lines".into(),
            verdict,
            latency: Duration::from_millis(1500),
            tokens: [1200, 40],
        };
        let right = Verdict { decision: true, grounded: Some(true), citation: Some(true), ..Verdict::default() };
        let is_right = second == Decision::HandOff;
        let problems = if is_right { vec![] } else { vec![format!("{} instead of hand_off", second.name())] };
        let other = Verdict { decision: is_right, problems, ..Verdict::default() };
        let runs = vec![ran(0, Decision::Clarify, right), ran(1, second, other)];
        let report = Report::new(name, "some-model", &suite, runs);
        (suite, report)
    }

    #[test]
    fn a_report() {
        let (suite, one) = sample("main", Decision::Answer);
        insta::assert_snapshot!(report(&one, &suite, false));
    }

    #[test]
    fn two_side_by_side() {
        let (suite, one) = sample("main", Decision::Answer);
        let (_, other) = sample("other", Decision::HandOff);
        insta::assert_snapshot!(side_by_side(&[one, other], &suite));
    }
}
