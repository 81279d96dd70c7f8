//! Anthropic's Messages.

use serde_json::{Value, json};

use super::super::talk::{Answer, Message, Part, Refusal, Reply, Request, Usage, pieces};
use super::{Wire, base64, fragments, named, parameters};

pub const ANTHROPIC: Wire = Wire {
    path: |_| "/v1/messages".to_owned(),
    is_path: |path| path.ends_with("/messages"),
    headers: &[
        ("anthropic-version", "2023-06-01"),
        ("x-api-key", "sk-ant-api03-demo0000000000000000000000000000"),
    ],
    request,
    whole,
    events,
    refusal,
    id_prefix: "msg_01",
    call_prefix: "toolu_01",
    answer_headers: &[
        ("anthropic-ratelimit-requests-limit", "4000"),
        ("anthropic-ratelimit-requests-remaining", "3981"),
        ("anthropic-ratelimit-tokens-limit", "2000000"),
        ("anthropic-ratelimit-tokens-remaining", "1640000"),
    ],
    id_header: "request-id",
    upstream: "anthropic",
    pays_for_cache: true,
};

const CACHED: fn() -> Value = || json!({"type": "ephemeral"});

fn request(request: &Request) -> Value {
    let mut messages: Vec<Value> = request.messages.iter().map(message).collect();
    // The prefix up to here is to be kept for the next call.
    let blocks = messages.last_mut().and_then(|last| last.get_mut("content")?.as_array_mut());
    if let Some(block) = blocks.and_then(|blocks| blocks.last_mut()) {
        block["cache_control"] = CACHED();
    }
    let tools = request
        .tools
        .iter()
        .map(|tool| json!({"name": tool.name, "description": tool.about, "input_schema": parameters(tool)}));
    let mut body = json!({"model": request.model, "max_tokens": 16_000});
    if !request.system.is_empty() {
        body["system"] = json!([{"type": "text", "text": request.system, "cache_control": CACHED()}]);
    }
    if !request.tools.is_empty() {
        body["tools"] = tools.collect();
    }
    if request.reasons {
        body["thinking"] = json!({"type": "enabled", "budget_tokens": 8_000});
    }
    body["messages"] = messages.into();
    if request.streamed {
        body["stream"] = true.into();
    }
    body
}

fn message(message: &Message) -> Value {
    match message {
        Message::User(parts) => {
            json!({"role": "user", "content": parts.iter().map(part).collect::<Vec<_>>()})
        }
        Message::Assistant(reply) => json!({"role": "assistant", "content": blocks(reply)}),
        Message::Results(outcomes) => {
            let results = outcomes.iter().map(|outcome| {
                let mut block = json!({"type": "tool_result", "tool_use_id": outcome.call.id,
                    "content": [{"type": "text", "text": outcome.text}]});
                if outcome.is_error {
                    block["is_error"] = true.into();
                }
                block
            });
            json!({"role": "user", "content": results.collect::<Vec<_>>()})
        }
    }
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Image(png) => json!({"type": "image", "source":
            {"type": "base64", "media_type": "image/png", "data": base64(png)}}),
    }
}

/// What is sent back of thoughts is signed by the provider.
fn signature(thought: &str) -> String {
    base64(&thought.bytes().rev().take(48).collect::<Vec<_>>())
}

fn blocks(reply: &Reply) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !reply.reasoning.is_empty() {
        let signature = signature(&reply.reasoning);
        blocks.push(json!({"type": "thinking", "thinking": reply.reasoning, "signature": signature}));
    }
    if !reply.text.is_empty() {
        blocks.push(json!({"type": "text", "text": reply.text}));
    }
    blocks.extend(
        reply.calls.iter().map(
            |call| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}),
        ),
    );
    blocks
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input - usage.cached - usage.written,
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": usage.output,
        "service_tier": "standard",
    })
}

fn stop_reason(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() { "end_turn" } else { "tool_use" }
}

fn whole(answer: &Answer) -> Value {
    json!({
        "id": answer.id, "type": "message", "role": "assistant", "model": answer.model,
        "content": blocks(&answer.reply), "stop_reason": stop_reason(&answer.reply), "stop_sequence": null,
        "usage": usage(&answer.usage),
    })
}

fn events(answer: &Answer) -> Vec<String> {
    let mut begun = usage(&answer.usage);
    begun["output_tokens"] = 1.into();
    let start = json!({"type": "message_start", "message": {
        "id": answer.id, "type": "message", "role": "assistant", "model": answer.model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": begun,
    }});
    let mut events = vec![named("message_start", &start), named("ping", &json!({"type": "ping"}))];
    for (index, block) in blocks(&answer.reply).iter().enumerate() {
        let (empty, deltas) = unfolded(block);
        let begin = json!({"type": "content_block_start", "index": index, "content_block": empty});
        events.push(named("content_block_start", &begin));
        events.extend(deltas.into_iter().map(|delta| {
            let data = json!({"type": "content_block_delta", "index": index, "delta": delta});
            named("content_block_delta", &data)
        }));
        let end = json!({"type": "content_block_stop", "index": index});
        events.push(named("content_block_stop", &end));
    }
    let delta = json!({"type": "message_delta",
        "delta": {"stop_reason": stop_reason(&answer.reply), "stop_sequence": null},
        "usage": {"output_tokens": answer.usage.output}});
    events.push(named("message_delta", &delta));
    events.push(named("message_stop", &json!({"type": "message_stop"})));
    events
}

/// A block as it begins, and what then comes to it.
fn unfolded(block: &Value) -> (Value, Vec<Value>) {
    let text = |key: &str| block.get(key).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "thinking" => {
            let parts = pieces(text("thinking")).into_iter();
            let mut deltas: Vec<Value> =
                parts.map(|piece| json!({"type": "thinking_delta", "thinking": piece})).collect();
            deltas.push(json!({"type": "signature_delta", "signature": text("signature")}));
            (json!({"type": "thinking", "thinking": "", "signature": ""}), deltas)
        }
        "tool_use" => {
            let input = block.get("input").map(Value::to_string).unwrap_or_default();
            let parts = fragments(&input).into_iter();
            let deltas = parts.map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
            let empty = json!({"type": "tool_use", "id": text("id"), "name": text("name"), "input": {}});
            (empty, deltas.collect())
        }
        _ => {
            let parts = pieces(text("text")).into_iter();
            let deltas = parts.map(|piece| json!({"type": "text_delta", "text": piece}));
            (json!({"type": "text", "text": ""}), deltas.collect())
        }
    }
}

fn refusal(refusal: &Refusal) -> Value {
    json!({"type": "error", "error": {"type": refusal.kind, "message": refusal.message}})
}
