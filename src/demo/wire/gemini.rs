//! Gemini's generateContent.

use serde_json::{Value, json};

use super::super::talk::{Answer, Message, Part, Refusal, Reply, Request, Usage, pieces};
use super::{Wire, base64, parameters, schema, unnamed};

pub const GEMINI: Wire = Wire {
    path: |request| {
        let method = if request.streamed { "streamGenerateContent?alt=sse" } else { "generateContent" };
        format!("/v1beta/models/{}:{method}", request.model)
    },
    is_path: |path| path.contains(":generateContent") || path.contains(":streamGenerateContent"),
    headers: &[("x-goog-api-key", "AIzaSyDemo00000000000000000000000000000")],
    request,
    whole: |answer| response(answer, &parts(&answer.reply), true),
    events,
    refusal,
    id_prefix: "",
    call_prefix: "",
    answer_headers: &[("server", "scaffolding on HTTPServer2")],
    id_header: "x-request-id",
    upstream: "gemini",
    pays_for_cache: false,
};

fn request(request: &Request) -> Value {
    let contents: Vec<Value> = request.messages.iter().map(content).collect();
    let mut body = json!({"contents": contents});
    if !request.system.is_empty() {
        body["systemInstruction"] = json!({"parts": [{"text": request.system}]});
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(
            |tool| json!({"name": tool.name, "description": tool.about, "parameters": parameters(tool)}),
        );
        body["tools"] = json!([{"functionDeclarations": tools.collect::<Vec<_>>()}]);
    }
    let mut settings = json!({"temperature": 0.2});
    if request.reasons {
        settings["thinkingConfig"] = json!({"includeThoughts": true});
    }
    if !request.schema.is_empty() {
        settings["responseMimeType"] = "application/json".into();
        settings["responseJsonSchema"] = schema(request.schema);
    }
    body["generationConfig"] = settings;
    body
}

fn content(message: &Message) -> Value {
    match message {
        Message::User(parts) => json!({"role": "user", "parts": parts.iter().map(part).collect::<Vec<_>>()}),
        Message::Assistant(reply) => {
            // Thoughts are not sent back.
            let own = Reply { reasoning: String::new(), ..reply.clone() };
            json!({"role": "model", "parts": parts(&own)})
        }
        Message::Results(outcomes) => {
            let results = outcomes.iter().map(|outcome| {
                json!({"functionResponse":
                    {"name": outcome.call.name, "response": {"output": outcome.text}}})
            });
            json!({"role": "user", "parts": results.collect::<Vec<_>>()})
        }
    }
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"text": text}),
        Part::Image(png) => json!({"inlineData": {"mimeType": "image/png", "data": base64(png)}}),
    }
}

fn parts(reply: &Reply) -> Vec<Value> {
    let mut parts = Vec::new();
    if !reply.reasoning.is_empty() {
        parts.push(json!({"text": reply.reasoning, "thought": true}));
    }
    if !reply.text.is_empty() {
        parts.push(json!({"text": reply.text}));
    }
    let calls = reply.calls.iter();
    parts.extend(calls.map(|call| json!({"functionCall": {"name": call.name, "args": call.arguments}})));
    parts
}

fn usage(usage: &Usage) -> Value {
    let mut used = json!({
        "promptTokenCount": usage.input, "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.input + usage.output,
    });
    if usage.cached > 0 {
        used["cachedContentTokenCount"] = usage.cached.into();
    }
    if usage.reasoning > 0 {
        used["thoughtsTokenCount"] = usage.reasoning.into();
    }
    used
}

fn response(answer: &Answer, parts: &[Value], last: bool) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if last {
        candidate["finishReason"] = "STOP".into();
    }
    json!({"candidates": [candidate], "usageMetadata": usage(&answer.usage),
        "modelVersion": answer.model, "responseId": answer.id})
}

fn events(answer: &Answer) -> Vec<String> {
    let mut all = Vec::new();
    for part in parts(&answer.reply) {
        let Some(text) = part.get("text").and_then(Value::as_str) else {
            all.push(part);
            continue;
        };
        let thought = part.get("thought").cloned();
        all.extend(pieces(text).into_iter().map(|piece| {
            let mut part = json!({"text": piece});
            if let Some(thought) = &thought {
                part["thought"] = thought.clone();
            }
            part
        }));
    }
    let last = all.len().saturating_sub(1);
    let events = all.into_iter().enumerate();
    events.map(|(at, part)| unnamed(&response(answer, &[part], at == last))).collect()
}

fn refusal(refusal: &Refusal) -> Value {
    json!({"error": {"code": refusal.status, "message": refusal.message, "status": refusal.kind}})
}
