//! Answers that come piece by piece.

use axum::body::Body;
use futures::{StreamExt, stream};

use super::*;

/// How a server answers by this model's name that was asked for pieces, or not.
pub(super) fn respond(model: &str, stream: bool) -> Option<Response> {
    Some(match model {
        "pieces" if stream => events(&PIECES, true),
        "a mark" if stream => {
            let text = PIECES.map(|piece| format!("data: {piece}\n\n")).concat();
            ([(header::CONTENT_TYPE, "text/event-stream")], format!("\u{feff}{text}")).into_response()
        }
        "a line" if stream => {
            let body = stream::iter([Ok::<_, std::io::Error>("data: ".to_owned())]);
            let body = body.chain(stream::repeat_with(|| Ok("a".repeat(4096))));
            ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
        }
        "no letters" if stream => {
            ([(header::CONTENT_TYPE, "text/event-stream")], b"data: {\"choices\":[\xff\xfe]}\n\n".to_vec())
                .into_response()
        }
        "no end" if stream => events(&PIECES[..2], true),
        "breaks off" if stream => events(&PIECES[..2], false),
        "breaks down" if stream => events(&[PIECES[0], r#"{"error":{"message":"out of memory","code":500}}"#], true),
        "no pieces" if stream => {
            let text = json!({ "error": { "message": "Unrecognized request argument: stream_options" } });
            (StatusCode::BAD_REQUEST, text.to_string()).into_response()
        }
        "a page" if stream => ([(header::CONTENT_TYPE, "text/html")], "<html>busy</html>").into_response(),
        "pieces" | "no end" | "no pieces" | "a page" => answered(DRAFT),
        _ => return None,
    })
}

const PIECES: [&str; 4] = [
    r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"{\"reply\":\"He"},"finish_reason":null}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"llo\",\"action\":\"continue\"}"},"finish_reason":null}]}"#,
    r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#,
];

fn events(pieces: &[&str], whole: bool) -> Response {
    let events: Vec<String> = pieces.iter().map(|piece| format!("data: {piece}\n\n")).collect();
    let end = if whole { Ok("data: [DONE]\n\n".to_owned()) } else { Err(std::io::Error::other("gone")) };
    let body = stream::iter(events.into_iter().map(Ok).chain([end]));
    ([(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], Body::from_stream(body)).into_response()
}

/// What comes of asking for pieces, and what a watcher hears of it.
async fn watched(llm: &Llm) -> (Result<Draft, LlmError>, Vec<String>) {
    let heard = Mutex::new(Vec::new());
    let watch = |content: &str| heard.lock().unwrap().push(content.to_owned());
    let body = llm.complete(&question(), FORM, Some(&watch)).await;
    let draft = body.and_then(|body| match wire::read_step(&body, true)? {
        Step::Draft(draft) => Ok(draft),
        Step::Search(query) => panic!("{query}"),
    });
    (draft, heard.into_inner().unwrap())
}

#[tokio::test]
async fn an_answer_is_heard_while_it_grows() {
    let server = Server::start().await;
    let llm = server.llm("pieces");
    let heard = Mutex::new(Vec::new());
    let watch = |content: &str| heard.lock().unwrap().push(wire::reply_so_far(content));
    let body = llm.complete(&question(), FORM, Some(&watch)).await.unwrap();
    assert_eq!(wire::usage(&body), Usage { prompt_tokens: Some(7), completion_tokens: Some(3) });
    assert_eq!(heard.into_inner().unwrap(), [Some("He".to_owned()), Some("Hello".to_owned())]);
    let request: Value = serde_json::from_str(&server.seen.last.lock().unwrap().1).unwrap();
    assert_eq!((&request["stream"], &request["stream_options"]), (&json!(true), &json!({ "include_usage": true })));
    assert_eq!(request["response_format"]["type"], "json_schema");
    // Who is not watched is not asked for pieces, and that changes nothing for the next who is.
    assert_eq!(draft(&llm).await.unwrap().0.reply, "Hi");
    assert_eq!(watched(&llm).await.0.unwrap().reply, "Hello");
}

#[tokio::test]
async fn an_endpoint_that_sends_no_pieces_answers_as_before() {
    let server = Server::start().await;
    // It takes no notice; it ends its streams without a word; it refuses; a proxy answers.
    // Once a stream ended so, a server may have been restarted; after three it is its habit.
    for (model, first) in
        [("good", [1, 1, 1, 1]), ("no end", [2, 2, 2, 1]), ("no pieces", [2, 1, 1, 1]), ("a page", [2, 2, 2, 1])]
    {
        let llm = server.llm(model);
        for expected in first {
            let before = server.requests();
            assert_eq!(watched(&llm).await.0.unwrap().reply, "Hi", "{model}");
            assert_eq!(server.requests() - before, expected, "{model}");
        }
        let request: Value = serde_json::from_str(&server.seen.last.lock().unwrap().1).unwrap();
        assert_eq!(request["response_format"]["type"], "json_schema", "{model}: its form is still asked for");
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_no_letter() {
    let server = Server::start().await;
    assert_eq!(watched(&server.llm("a mark")).await.0.unwrap().reply, "Hello");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn half_an_answer_is_no_answer() {
    let server = Server::start().await;
    for model in ["breaks off", "breaks down"] {
        let (draft, heard) = watched(&server.llm(model)).await;
        assert_eq!(draft, Err(LlmError::Unreachable), "{model}");
        // What a break leaves of what was sent before it is up to the sockets.
        assert!(!heard.is_empty() || model == "breaks off");
    }
    for (model, error) in [
        ("a line", LlmError::Malformed("a line without end")),
        ("no letters", LlmError::Unreachable),
        ("garbage", LlmError::Malformed("not JSON")),
        ("huge", LlmError::Unreachable),
    ] {
        assert_eq!(watched(&server.llm(model)).await.0, Err(error), "{model}");
    }
}
