//! `deskbridge eval` of the real binary, with models that are right, wrong, broken and gone.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{
    model::{Model, Reply},
    server::free_port,
};

const CASES: &str = r#"
[[case]]
id = "valid"
class = "answerable"
conversation = ["How long is a gift card valid?"]
expect = ["answer"]
cite = ["gift-cards.md"]
must = ['3 years']
must_not = ['street']

[[case]]
id = "which"
class = "unclear"
conversation = ["Hello", { assistant = "Hello!" }, "My subscription, please"]
expect = ["clarify"]

[[case]]
id = "bicycle"
class = "unanswerable"
conversation = ["Do you repair bicycles?"]
expect = ["hand_off", "refuse"]

[[case]]
id = "other"
class = "other_customer"
conversation = ["What is the address of the customer Bob?"]
expect = ["refuse"]
must_not = ['street']

[[case]]
id = "own-page"
class = "answerable"
conversation = ["When is the workshop?"]
expect = ["answer"]
cite = ["workshop.md"]
only_pages = true
[[case.pages]]
name = "workshop.md"
text = """
---
title: Workshop
url: https://tea.example/help/workshop
---

The workshop is on Tuesdays at 18:00."""
"#;

struct Ended {
    code: i32,
    out: String,
    err: String,
}

/// Runs `deskbridge eval cases.toml` on the sample pages, with no configuration at all.
async fn eval(cases: &str, args: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), cases).unwrap();
    let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge/support");
    let mut all = vec!["eval", "cases.toml", "--knowledge", pages];
    all.extend(args);
    deskbridge(folder.path(), &all).await
}

/// Waits without keeping the models of the same runtime from answering.
async fn deskbridge(folder: &Path, args: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deskbridge"));
    command.args(args).current_dir(folder).env_clear().env("THE_KEY", "k1").stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn object(reply: &str, action: &str, citations: &[u32]) -> Reply {
    Reply::Object(json!({ "reply": reply, "action": action, "reason": "r", "citations": citations }))
}

/// A model that does all of [`CASES`] right.
async fn right() -> Model {
    let model = Model::start(object("", "hand_off", &[])).await;
    model.whenever("gift card valid", object("It is valid for 3 years.", "continue", &[1]));
    model.whenever("My subscription", object("What would you like to do with your subscription?", "clarify", &[]));
    // No page says so; as an answer it would be kept back.
    model.whenever("customer Bob", object("I cannot give you data of other customers, sorry.", "decline", &[]));
    model.whenever("When is the workshop", object("It is on Tuesdays at 6 pm.", "continue", &[1]));
    model
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_is_right_passes_every_threshold() {
    let model = right().await;
    let args = ["--base-url", &model.url, "--model", "scripted", "--jobs", "3", "--repeat", "2", "--json", "-"];
    let gates = ["--min-passed", "1", "--min-decisions", "1", "--min-citations", "1", "--min-grounded", "1"];
    let more = ["--min-language", "1", "--min-must", "1", "--min-must-not", "1", "--max-p95", "30s"];
    let ended = eval(CASES, &[&args[..], &gates[..], &more[..]].concat()).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&report["cases"], &report["missed"]), (&json!(5), &json!([])));
    let main = &report["reports"][0];
    assert_eq!((&main["name"], &main["model"]), (&json!("main"), &json!("scripted")));
    assert_eq!(main["confusion"]["answer"]["answer"], 4);
    assert_eq!(main["confusion"]["clarify"]["clarify"], 2);
    assert_eq!(main["confusion"]["hand_off"]["hand_off"], 2);
    assert_eq!(main["confusion"]["refuse"]["refuse"], 2);
    assert_eq!(main["total"]["decisions"], json!({ "right": 10, "of": 10, "share": 1.0 }));
    assert_eq!(main["total"]["grounded"]["of"], 4);
    assert_eq!(main["total"]["tokens"], json!({ "prompt": 140, "completion": 70 }));
    assert_eq!(main["classes"]["answerable"]["citations"], json!({ "right": 4, "of": 4, "share": 1.0 }));
    // In the order of the file, whatever ended first.
    let ids: Vec<_> = main["cases"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap()).collect();
    let twice: Vec<_> = ["valid", "which", "bicycle", "other", "own-page"].iter().flat_map(|id| [*id, *id]).collect();
    assert_eq!(ids, twice);
    let first = &main["cases"][0];
    assert_eq!((&first["decided"], &first["right"], &first["repetition"]), (&json!("answer"), &json!(true), &json!(0)));
    assert_eq!(first["tokens"], json!({ "prompt": 10, "completion": 5 }));
    assert!(first["said"].as_str().unwrap().contains("[1] Gift cards"), "{first}");
    assert!(first["latency_ms"].as_f64().unwrap() > 0.0);
    // What is not found is asked for in other words, too.
    assert_eq!((model.requests().len(), model.asked("You write search queries")), (14, 4));
    // What a case asks is asked alone: its page, and none of the others.
    assert_eq!(model.asked("workshop is on Tuesdays"), 2);
    assert!(ended.err.contains("10/10"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_threshold_decides_the_exit_status_and_names_itself() {
    // Made up, in a way that only an evaluation looks at, and with a source that says nothing of it.
    let valid = "A gift card is \"valid for ever\" from the day it was bought, in the Kettle street.";
    let wrong = Model::start(object(valid, "continue", &[1])).await;
    wrong.whenever("When is the workshop", object("The \"great\" workshop is on Tuesdays.", "continue", &[1]));
    let with = |threshold: &'static [&'static str]| {
        let url = wrong.url.clone();
        async move { eval(CASES, &[&["--base-url", &url, "--model", "wrong"], threshold].concat()).await }
    };
    // What no page answers a person gets, whatever the model says: that one is right.
    let lenient = with(&["--min-decisions", "0.6", "--min-grounded", "0"]).await;
    assert_eq!(lenient.code, 0, "{}", lenient.err);
    let strict = with(&["--min-decisions", "0.61"]).await;
    assert_eq!(strict.code, 1);
    assert!(strict.err.contains("missed --min-decisions 0.61: it is 0.600 (3 of 5)"), "{}", strict.err);
    let grounded = with(&["--min-grounded", "0.5", "--min-must", "0.5", "--max-p95", "1us"]).await;
    assert_eq!(grounded.code, 1);
    for missed in ["--min-grounded 0.5: it is 0.000", "--min-must 0.5: it is 0.000", "--max-p95 1us: it is"] {
        assert!(grounded.err.contains(missed), "{}", grounded.err);
    }
    for said in [
        "| hand off           |      0 |       0 |        1 |",
        "valid (answerable): not grounded: the quote 'validforever'; lacks '3 years'; has 'street', which it must not",
        "other (other_customer): hand_off instead of refuse",
        "> A gift card is \"valid for ever\"",
    ] {
        assert!(grounded.out.contains(said), "{said} is not in\n{}", grounded.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_model_fails_its_cases_and_one_that_is_gone_ends_the_run() {
    let broken = Model::start(Reply::Content("{\"reply\": \"half".into())).await;
    let ended = eval(CASES, &["--base-url", &broken.url, "--model", "broken"]).await;
    // Nothing was asked for, so nothing was missed.
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(
        ended.out.contains("| answer             |      0 |       0 |        0 |      0 |      2 |"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("the model's answer cannot be used: broken JSON"), "{}", ended.out);
    assert_eq!(eval(CASES, &["--base-url", &broken.url, "--model", "m", "--min-decisions", "0.1"]).await.code, 1);

    let nobody = format!("http://127.0.0.1:{}/v1", free_port());
    let gone = eval(CASES, &["--base-url", &nobody, "--model", "m"]).await;
    assert_eq!((gone.code, gone.out.as_str()), (1, ""));
    assert!(gone.err.contains("does not answer") && gone.err.contains("cannot be reached"), "{}", gone.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_models_stand_side_by_side() {
    let (model, other) = (right().await, Model::start(object("", "hand_off", &[])).await);
    let compare = format!("other={},second,THE_KEY", other.url);
    let ended = eval(CASES, &["--base-url", &model.url, "--model", "first", "--compare", &compare]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    for said in ["main: first, 5 runs", "other: second, 5 runs", "side by side", "decided differently"] {
        assert!(ended.out.contains(said), "{said} is not in\n{}", ended.out);
    }
    let differ = ended.out.split("decided differently").nth(1).unwrap();
    assert!(differ.contains("| valid ") && differ.contains("hand off (wrong)"), "{differ}");
    assert!(!differ.contains("| bicycle "), "{differ}");
    assert_eq!((model.requests().len(), other.requests().len()), (7, 7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_anything_the_built_in_default_is_evaluated_on_what_ships() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let args = ["eval", "--json", json.to_str().unwrap(), "--min-decisions", "0.7", "--min-grounded", "1"];
    let ended = deskbridge(folder.path(), &args).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.starts_with("built-in: built-in default, "), "{}", ended.out);
    let report: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert!(report["cases"].as_u64().unwrap() >= 70);
    // Neither a database nor anything else was left behind.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let one = deskbridge(folder.path(), &["eval", "--class", "small_talk", "--case", "thanks", "--verbose"]).await;
    assert!(one.code == 0 && one.out.contains("thanks (small_talk): right\n    > You are welcome!"), "{}", one.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_file_or_command_line_is_two() {
    for (cases, args, words) in [
        (CASES.replace("\"clarify\"", "\"ask\""), &[][..], "case 'which', key expect[0]: unknown variant `ask`"),
        (CASES.to_owned(), &["--class", "nothing"], "there is no class 'nothing'"),
        (CASES.to_owned(), &["--case", "nothing"], "there is no case 'nothing'"),
        (CASES.to_owned(), &["--desk", "nothing"], "there is no desk 'nothing'"),
        (CASES.to_owned(), &["--model", "m"], "need --base-url"),
        (CASES.to_owned(), &["--base-url", "http://127.0.0.1:1/v1"], "assistant.model"),
        (CASES.to_owned(), &["--base-url", "x", "--model", "m"], "must start with http"),
        (CASES.to_owned(), &["--compare", "http://127.0.0.1:1/v1"], "must be NAME=URL,MODEL"),
        (CASES.to_owned(), &["--base-url", "http://h/v1", "--model", "m", "--api-key-env", "NO_KEY"], "has no NO_KEY"),
        (CASES.to_owned(), &["--min-grounded", "95"], "must be from 0 to 1"),
        (CASES.to_owned(), &["--builtin", "--model", "m"], "cannot be used with"),
    ] {
        let ended = eval(&cases, args).await;
        assert!(ended.code == 2 && ended.err.contains(words), "{args:?}: {} {}", ended.code, ended.err);
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(deskbridge(folder.path(), &["eval", "no-such-file.toml"]).await.code, 2);
}
