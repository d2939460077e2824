//! Tables, which message styling has not: each row becomes a line.

use std::ops::Range;

pub(super) struct Table {
    pub at: Range<usize>,
    rows: Vec<Row>,
}

struct Row {
    is_head: bool,
    cells: Vec<Range<usize>>,
}

impl Table {
    pub(super) fn new(at: Range<usize>) -> Self {
        Self { at, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, is_head: bool) {
        self.rows.push(Row { is_head, cells: Vec::new() });
    }

    pub(super) fn cell(&mut self, at: Range<usize>) {
        if let Some(row) = self.rows.last_mut() {
            row.cells.push(at);
        }
    }

    /// The rows as lines, the head in bold; `text` gives a cell's.
    pub(super) fn flat(&self, text: impl Fn(Range<usize>) -> String) -> String {
        let mut lines = String::new();
        for row in &self.rows {
            let cells: Vec<String> =
                row.cells.iter().map(|cell| text(cell.clone()).trim().trim_matches('|').trim().to_owned()).collect();
            let line = cells.join(" | ");
            let is_bold = row.is_head && !line.contains('*') && cells.iter().any(|cell| !cell.is_empty());
            lines += &if is_bold { format!("*{line}*\n") } else { format!("{line}\n") };
        }
        lines
    }
}
