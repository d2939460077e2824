//! How good the assistant is: labelled conversations, put before the real pipeline, and judged by rules.
//!
//! `case` reads the file, `run` asks the assistant, `judge` says what it was worth (by the assistant's `facts` and `language`), `report`
//! counts and `table` shows. `sample` is what ships. All but `run` is pure. What is measured, and what is not, stands in
//! `docs/evaluation.md`.

mod case;
mod judge;
mod report;
mod run;
pub mod sample;
pub mod table;

pub use case::{Case, CaseError, Decision, Suite};
pub use report::{Confusion, Figures, Rate, Report, Thresholds};
pub use run::{Ran, Subject};
