//! OpenAI's Responses.

use serde_json::{Value, json};

use super::super::talk::{Answer, Message, Part, Reply, Request, Usage, pieces};
use super::chat::{CREATED, openai_refusal};
use super::{OPENAI_ANSWERS, Wire, base64, fragments, named, parameters};

pub const RESPONSES: Wire = Wire {
    path: |_| "/v1/responses".to_owned(),
    is_path: |path| path.ends_with("/responses"),
    headers: &[("authorization", "Bearer sk-proj-demo0000000000000000000000000000")],
    request,
    whole: |answer| response(answer, "completed"),
    events,
    refusal: openai_refusal,
    id_prefix: "resp_",
    call_prefix: "call_",
    answer_headers: OPENAI_ANSWERS,
    id_header: "x-request-id",
    upstream: "openai",
    pays_for_cache: false,
};

fn request(request: &Request) -> Value {
    let mut input = Vec::new();
    for message in request.messages {
        match message {
            Message::User(parts) => {
                let content: Vec<Value> = parts.iter().map(part).collect();
                input.push(json!({"type": "message", "role": "user", "content": content}));
            }
            Message::Assistant(reply) => input.extend(items(reply, "")),
            Message::Results(outcomes) => input.extend(outcomes.iter().map(|outcome| {
                json!({"type": "function_call_output", "call_id": outcome.call.id, "output": outcome.text})
            })),
        }
    }
    let mut body = json!({"model": request.model, "instructions": request.system, "input": input});
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "name": tool.name, "description": tool.about, "strict": false,
                "parameters": parameters(tool)})
        });
        body["tools"] = tools.collect();
        body["parallel_tool_calls"] = true.into();
    }
    if request.reasons {
        body["reasoning"] = json!({"effort": "medium", "summary": "auto"});
    }
    body["store"] = false.into();
    if request.streamed {
        body["stream"] = true.into();
    }
    body
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"type": "input_text", "text": text}),
        Part::Image(png) => json!({"type": "input_image",
            "image_url": format!("data:image/png;base64,{}", base64(png))}),
    }
}

/// What an answer consists of. Where it is sent back in a request, items have no status.
fn items(reply: &Reply, status: &str) -> Vec<Value> {
    let mut items = Vec::new();
    if !reply.reasoning.is_empty() {
        items.push(json!({"type": "reasoning", "id": id("rs", &reply.reasoning),
            "summary": [{"type": "summary_text", "text": reply.reasoning}]}));
    }
    if !reply.text.is_empty() {
        items.push(json!({"type": "message", "id": id("msg", &reply.text), "role": "assistant",
            "content": [{"type": "output_text", "text": reply.text, "annotations": []}]}));
    }
    items.extend(reply.calls.iter().map(|call| {
        json!({"type": "function_call", "id": id("fc", &call.id), "call_id": call.id, "name": call.name,
            "arguments": call.arguments.to_string()})
    }));
    if !status.is_empty() {
        items.iter_mut().for_each(|item| item["status"] = status.into());
    }
    items
}

/// An id that follows from what it is the id of.
fn id(prefix: &str, of: &str) -> String {
    let sum = of
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{prefix}_{sum:016x}")
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input, "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    })
}

fn response(answer: &Answer, status: &str) -> Value {
    let done = status == "completed";
    let (output, used) =
        if done { (items(&answer.reply, status), usage(&answer.usage)) } else { (Vec::new(), Value::Null) };
    json!({
        "id": answer.id, "object": "response", "created_at": CREATED, "status": status, "model": answer.model,
        "error": null, "incomplete_details": null, "output": output, "parallel_tool_calls": true,
        "store": false, "usage": used,
    })
}

fn events(answer: &Answer) -> Vec<String> {
    let mut events = Events { sequence: 0, written: Vec::new() };
    for (name, status) in [("response.created", "in_progress"), ("response.in_progress", "in_progress")] {
        events.put(name, json!({"response": response(answer, status)}));
    }
    for (index, item) in items(&answer.reply, "completed").into_iter().enumerate() {
        events.item(index, &item);
    }
    events.put("response.completed", json!({"response": response(answer, "completed")}));
    events.written
}

struct Events {
    sequence: u64,
    written: Vec<String>,
}

impl Events {
    fn put(&mut self, name: &str, mut data: Value) {
        data["type"] = name.into();
        data["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        self.written.push(named(name, &data));
    }

    fn item(&mut self, index: usize, item: &Value) {
        let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (kind, id) = (text("/type"), text("/id"));
        let mut begun = item.clone();
        begun["status"] = "in_progress".into();
        match kind {
            "reasoning" => begun["summary"] = json!([]),
            "message" => begun["content"] = json!([]),
            _ => begun["arguments"] = "".into(),
        }
        self.put("response.output_item.added", json!({"output_index": index, "item": begun}));
        match kind {
            "reasoning" => {
                let at = json!({"item_id": id, "output_index": index, "summary_index": 0});
                let part = |text: &str| json!({"type": "summary_text", "text": text});
                let names = ["response.reasoning_summary_part", "response.reasoning_summary_text"];
                self.part(names, &at, part, text("/summary/0/text"));
            }
            "message" => {
                let at = json!({"item_id": id, "output_index": index, "content_index": 0});
                let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
                self.part(
                    ["response.content_part", "response.output_text"],
                    &at,
                    part,
                    text("/content/0/text"),
                );
            }
            _ => {
                let at = json!({"item_id": id, "output_index": index});
                for piece in fragments(text("/arguments")) {
                    let mut data = at.clone();
                    data["delta"] = piece.into();
                    self.put("response.function_call_arguments.delta", data);
                }
                let mut done = at;
                done["arguments"] = text("/arguments").into();
                self.put("response.function_call_arguments.done", done);
            }
        }
        self.put("response.output_item.done", json!({"output_index": index, "item": item}));
    }

    /// A part of an item's text: added, in pieces, done. The names are those of the part's events and of its text's.
    fn part(&mut self, [part, text]: [&str; 2], at: &Value, made: impl Fn(&str) -> Value, whole: &str) {
        let with = |key: &str, value: Value| {
            let mut data = at.clone();
            data[key] = value;
            data
        };
        self.put(&format!("{part}.added"), with("part", made("")));
        for piece in pieces(whole) {
            self.put(&format!("{text}.delta"), with("delta", piece.into()));
        }
        self.put(&format!("{text}.done"), with("text", whole.into()));
        self.put(&format!("{part}.done"), with("part", made(whole)));
    }
}
