//! OpenAI's Chat Completions.

use serde_json::{Value, json};

use super::super::talk::{Answer, Message, Part, Refusal, Reply, Request, Usage, pieces};
use super::{OPENAI_ANSWERS, Wire, base64, fragments, parameters, schema, unnamed};

pub const CHAT: Wire = Wire {
    path: |_| "/v1/chat/completions".to_owned(),
    is_path: |path| path.ends_with("/chat/completions"),
    headers: &[("authorization", "Bearer sk-proj-demo0000000000000000000000000000")],
    request,
    whole,
    events,
    refusal: |refusal| openai_refusal(refusal),
    id_prefix: "chatcmpl-",
    call_prefix: "call_",
    answer_headers: OPENAI_ANSWERS,
    id_header: "x-request-id",
    upstream: "openai",
    pays_for_cache: false,
};

/// The demo's answers are all of one moment.
pub const CREATED: u64 = 1_790_000_000;

fn request(request: &Request) -> Value {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(json!({"role": "system", "content": request.system}));
    }
    request.messages.iter().for_each(|message| put(message, &mut messages));
    let mut body = json!({"model": request.model, "messages": messages});
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "function":
                {"name": tool.name, "description": tool.about, "parameters": parameters(tool)}})
        });
        body["tools"] = tools.collect();
    }
    if !request.schema.is_empty() {
        body["response_format"] = json!({"type": "json_schema", "json_schema":
            {"name": "answer", "strict": true, "schema": schema(request.schema)}});
    }
    if request.streamed {
        body["stream"] = true.into();
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

fn put(message: &Message, out: &mut Vec<Value>) {
    match message {
        Message::User(parts) => match &parts[..] {
            [Part::Text(text)] => out.push(json!({"role": "user", "content": text})),
            parts => {
                out.push(json!({"role": "user", "content": parts.iter().map(part).collect::<Vec<_>>()}));
            }
        },
        Message::Assistant(reply) => out.push(said(reply)),
        Message::Results(outcomes) => out.extend(outcomes.iter().map(
            |outcome| json!({"role": "tool", "tool_call_id": outcome.call.id, "content": outcome.text}),
        )),
    }
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Image(png) => json!({"type": "image_url", "image_url":
            {"url": format!("data:image/png;base64,{}", base64(png))}}),
    }
}

fn said(reply: &Reply) -> Value {
    let content = (!reply.text.is_empty()).then_some(reply.text.as_str());
    let mut message = json!({"role": "assistant", "content": content});
    if !reply.calls.is_empty() {
        let calls = reply.calls.iter().map(|call| {
            json!({"id": call.id, "type": "function", "function":
                {"name": call.name, "arguments": call.arguments.to_string()}})
        });
        message["tool_calls"] = calls.collect();
    }
    message
}

fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input, "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    })
}

fn finish(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() { "stop" } else { "tool_calls" }
}

fn whole(answer: &Answer) -> Value {
    json!({
        "id": answer.id, "object": "chat.completion", "created": CREATED, "model": answer.model,
        "choices": [{"index": 0, "message": said(&answer.reply), "finish_reason": finish(&answer.reply)}],
        "usage": usage(&answer.usage), "service_tier": "default",
    })
}

fn events(answer: &Answer) -> Vec<String> {
    let chunk = |choices: Value, used: Value| {
        unnamed(&json!({
            "id": answer.id, "object": "chat.completion.chunk", "created": CREATED, "model": answer.model,
            "choices": choices, "usage": used,
        }))
    };
    let delta =
        |delta: Value| chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]), Value::Null);
    let mut events = vec![delta(json!({"role": "assistant", "content": ""}))];
    events.extend(pieces(&answer.reply.text).into_iter().map(|piece| delta(json!({"content": piece}))));
    for (index, call) in answer.reply.calls.iter().enumerate() {
        events.push(delta(json!({"tool_calls": [{"index": index, "id": call.id, "type": "function",
            "function": {"name": call.name, "arguments": ""}}]})));
        let arguments = call.arguments.to_string();
        events.extend(
            fragments(&arguments).into_iter().map(|piece| {
                delta(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
            }),
        );
    }
    let last = json!([{"index": 0, "delta": {}, "finish_reason": finish(&answer.reply)}]);
    events.push(chunk(last, Value::Null));
    events.push(chunk(json!([]), usage(&answer.usage)));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// How OpenAI says no, in any of its formats.
pub fn openai_refusal(refusal: &Refusal) -> Value {
    json!({"error": {"message": refusal.message, "type": refusal.kind, "param": null, "code": refusal.kind}})
}
