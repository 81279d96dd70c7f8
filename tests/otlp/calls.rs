//! An agent's calls: a question, a tool, an answer.

use serde_json::{Value, json};

use super::provider::{Asked, provider};
use super::support::Recorder;

/// Answers a call without a tool's result by asking for the tool, and one with it by words. A model that is `bad-model` is
/// not there.
pub fn model() -> String {
    provider(|mut asked: Asked| {
        let request = asked.json();
        if request["model"] == "bad-model" {
            return asked.answer(
                "404 Not Found",
                "Content-Type: application/json\r\n",
                r#"{"error":{"message":"none"}}"#,
            );
        }
        let messages = request["messages"].as_array().unwrap().clone();
        let has_result = messages.iter().any(|message| message["role"] == "tool");
        let turn = messages.len();
        let (message, reason) = if has_result || request["tools"].is_null() {
            (json!({"role": "assistant", "content": "At noon."}), "stop")
        } else {
            let function = json!({"name": "look_up", "arguments": "{\"what\":\"tides\"}"});
            let call = json!({"id": "call_1", "type": "function", "function": function});
            (json!({"role": "assistant", "content": null, "tool_calls": [call]}), "tool_calls")
        };
        let id = format!("chatcmpl-{}-{turn}", request["user"].as_str().unwrap_or("x"));
        asked.json_answer(&json!({
            "id": id, "object": "chat.completion", "created": 1, "model": "gpt-4.1-2025-04-14",
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280,
                "prompt_tokens_details": {"cached_tokens": 1000},
                "completion_tokens_details": {"reasoning_tokens": 30}}
        }));
    })
}

/// A call of one user's, and its answer.
pub fn call(recorder: &Recorder, user: &str, headers: &str, messages: &Value, tools: bool) -> Value {
    let mut body = json!({"model": "gpt-4.1", "user": user, "temperature": 0, "messages": messages});
    if tools {
        let function = json!({"name": "look_up", "parameters": {"type": "object"}});
        body["tools"] = json!([{"type": "function", "function": function}]);
    }
    let answer = recorder.post("/~tag=a/v1/chat/completions", headers, body.to_string()).rest();
    let text = String::from_utf8(answer).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// A whole turn: two calls with a tool's between them. Four spans, with the root.
pub fn turn(recorder: &Recorder, user: &str, headers: &str) {
    let mut messages = vec![json!({"role": "user", "content": format!("When is high water, asks {user}?")})];
    let answer = call(recorder, user, headers, &json!(messages), true);
    messages.push(answer["choices"][0]["message"].clone());
    messages.push(json!({"role": "tool", "tool_call_id": "call_1", "content": "noon"}));
    call(recorder, user, headers, &json!(messages), true);
}

/// How many spans a turn makes.
pub const SPANS: usize = 4;
