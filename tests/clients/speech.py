"""What the scripted provider says, dialect by dialect: pure functions from a request body to a reply and its events.

One story for all: where the caller offers tools and has sent no tool result yet, ask for one call of `get_weather`;
where it has, answer with that result in the text; else answer with the digest of what was said. Everything (ids
included) follows from the request alone, so that the same call gets the same bytes, directly or through a relay.
"""

import base64
import hashlib
import json
import struct

CREATED = 1_780_000_000
ARGUMENTS = {"city": "Tromsø", "days": 3}


def dumps(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def digest(data):
    return hashlib.sha256(data).hexdigest()


def pieces(text, size=6):
    return [text[i : i + size] for i in range(0, len(text), size)]


def texts(value):
    """Every text a message holds, in order, whatever the dialect wraps it in."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, dict):
        return texts(value.get("text") or value.get("content") or value.get("parts") or [])
    return []


class Call:
    """One call of a tool that an answer asks for."""

    def __init__(self, id, name, arguments, namespace=None):
        self.id, self.name, self.arguments, self.namespace = id, name, arguments, namespace


class Turn:
    """What to say: a text or calls of tools or both, and the tokens to account for. The dialects put it into words."""

    thought = "Let me think about that… 考え中."
    text, before_calls = "", ""
    calls = ()
    cached_tokens = written_tokens = reasoning_tokens = 0
    output_tokens = 12

    def __init__(self, id, model, input_tokens):
        self.id, self.model, self.input_tokens = id, model, input_tokens


def story(body, history, result):
    """The turn of the one story for all; `result` is what a tool answered, if one did."""
    seed = digest(dumps(body).encode())
    turn = Turn(seed[:20], body.get("model") or "mock-model", len(dumps(body)) // 4)
    if body.get("tools") and result is None:
        turn.before_calls = "I will look."
        turn.calls = (Call(turn.id, "get_weather", ARGUMENTS),)
    elif result is not None:
        turn.text = f"The tool says: {result} — naïve, 日本語, 🚀."
    else:
        said = "\n".join(texts(history))
        turn.text = f"Heard {len(said)} characters, sha256 {digest(said.encode())[:16]} — naïve, 日本語, 🚀."
    return turn


# --- OpenAI chat completions ------------------------------------------------------------------------------------


def chat(body):
    results = [m["content"] for m in body.get("messages", []) if m.get("role") == "tool"]
    return chat_reply(story(body, body.get("messages", []), "".join(texts(results[-1])) if results else None), body)


def chat_reply(turn, body):
    usage = {
        "prompt_tokens": turn.input_tokens,
        "completion_tokens": turn.output_tokens,
        "total_tokens": turn.input_tokens + turn.output_tokens,
        "prompt_tokens_details": {"cached_tokens": turn.cached_tokens},
    }
    if turn.reasoning_tokens:
        usage["completion_tokens_details"] = {"reasoning_tokens": turn.reasoning_tokens}
    finish = "tool_calls" if turn.calls else "stop"
    message = {"role": "assistant", "content": turn.text or None}
    calls = []
    for call in turn.calls:
        function = {"name": call.name, "arguments": dumps(call.arguments)}
        calls.append({"id": f"call_{call.id}", "type": "function", "function": function})
    if calls:
        message["tool_calls"] = calls
    common = {"id": f"chatcmpl-{turn.id}", "created": CREATED, "model": turn.model}
    whole = common | {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": usage,
    }

    def chunk(delta, finish=None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return common | {"object": "chat.completion.chunk", "choices": [choice]}

    events = [chunk({"role": "assistant", "content": "" if turn.text else None})]
    events += [chunk({"content": part}) for part in pieces(turn.text)]
    for index, call in enumerate(calls):
        opening = {"index": index} | call | {"function": call["function"] | {"arguments": ""}}
        events.append(chunk({"tool_calls": [opening]}))
        for part in pieces(call["function"]["arguments"]):
            events.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]}))
    events.append(chunk({}, finish))
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append(common | {"object": "chat.completion.chunk", "choices": [], "usage": usage})
    frames = [f"data: {dumps(event)}\n\n".encode() for event in events]
    return whole, frames + [b"data: [DONE]\n\n"]


# --- OpenAI responses -------------------------------------------------------------------------------------------


def responses_events(body):
    history = body.get("input") or ""
    items = history if isinstance(history, list) else []
    results = [item["output"] for item in items if item.get("type") == "function_call_output"]
    return responses_reply(story(body, history, "".join(texts(results[-1])) if results else None), body)


def responses_items(turn):
    items = []
    if turn.text:
        content = {"type": "output_text", "text": turn.text, "annotations": [], "logprobs": []}
        items.append(
            {
                "id": f"msg_{turn.id}",
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [content],
            }
        )
    for call in turn.calls:
        item = {"id": f"fc_{call.id}", "type": "function_call", "status": "completed", "call_id": f"call_{call.id}"}
        if call.namespace:
            item["namespace"] = call.namespace
        items.append(item | {"name": call.name, "arguments": dumps(call.arguments)})
    return items


def responses_reply(turn, body):
    """The response and its events, not yet framed: they go over HTTP and over sockets."""
    items = responses_items(turn)
    whole = {
        "id": f"resp_{turn.id}",
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": turn.model,
        "output": items,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": turn.input_tokens,
            "input_tokens_details": {"cached_tokens": turn.cached_tokens},
            "output_tokens": turn.output_tokens,
            "output_tokens_details": {"reasoning_tokens": turn.reasoning_tokens},
            "total_tokens": turn.input_tokens + turn.output_tokens,
        },
    }
    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(items):
        events += responses_item_events(index, item)
    events.append({"type": "response.completed", "response": whole})
    for number, event in enumerate(events):
        event["sequence_number"] = number
    return whole, events


def responses_item_events(index, item):
    at = {"item_id": item["id"], "output_index": index}
    if item["type"] == "function_call":
        opened = item | {"status": "in_progress", "arguments": ""}
        events = [{"type": "response.output_item.added", "output_index": index, "item": opened}]
        for part in pieces(item["arguments"]):
            events.append({"type": "response.function_call_arguments.delta", "delta": part} | at)
        events.append({"type": "response.function_call_arguments.done"} | at | {"name": item["name"]})
        events[-1]["arguments"] = item["arguments"]
    else:
        (content,) = item["content"]
        opened = item | {"status": "in_progress", "content": []}
        at |= {"content_index": 0}
        events = [{"type": "response.output_item.added", "output_index": index, "item": opened}]
        events.append({"type": "response.content_part.added", "part": content | {"text": ""}} | at)
        for part in pieces(content["text"]):
            events.append({"type": "response.output_text.delta", "delta": part, "logprobs": []} | at)
        events.append({"type": "response.output_text.done", "text": content["text"], "logprobs": []} | at)
        events.append({"type": "response.content_part.done", "part": content} | at)
    events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return events


def responses(body):
    whole, events = responses_events(body)
    return whole, named_frames(events)


def named_frames(events):
    return [f"event: {event['type']}\ndata: {dumps(event)}\n\n".encode() for event in events]


# --- Anthropic messages -----------------------------------------------------------------------------------------


def messages(body):
    blocks = [b for m in body.get("messages", []) if isinstance(m.get("content"), list) for b in m["content"]]
    results = [block.get("content") for block in blocks if block.get("type") == "tool_result"]
    turn = story(body, body.get("messages", []), "".join(texts(results[-1])) if results else None)
    return messages_reply(turn, body)


def messages_reply(turn, body):
    content = []
    if body.get("thinking"):
        content.append({"type": "thinking", "thinking": turn.thought, "signature": turn.id})
    if text := turn.before_calls if turn.calls else turn.text:
        content.append({"type": "text", "text": text})
    for call in turn.calls:
        content.append({"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": call.arguments})
    stop = "tool_use" if turn.calls else "end_turn"
    usage = {
        "input_tokens": turn.input_tokens - turn.cached_tokens - turn.written_tokens,
        "cache_creation_input_tokens": turn.written_tokens,
        "cache_read_input_tokens": turn.cached_tokens,
        "output_tokens": turn.output_tokens,
    }
    whole = {
        "id": f"msg_{turn.id}",
        "type": "message",
        "role": "assistant",
        "model": turn.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }
    begun = whole | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    events = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(content):
        events += messages_block(index, block)
        if index == 0:
            events.insert(2, {"type": "ping"})
    delta = {"stop_reason": stop, "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": turn.output_tokens}})
    events.append({"type": "message_stop"})
    return whole, named_frames(events)


def messages_block(index, block):
    kind = block["type"]
    if kind == "tool_use":
        opened = block | {"input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in pieces(dumps(block["input"]))]
    elif kind == "thinking":
        opened = {"type": kind, "thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": part} for part in pieces(block["thinking"])]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    else:
        opened = {"type": kind, "text": ""}
        deltas = [{"type": "text_delta", "text": part} for part in pieces(block["text"])]
    return [
        {"type": "content_block_start", "index": index, "content_block": opened},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


# --- Gemini -----------------------------------------------------------------------------------------------------


def gemini(body, model, as_sse):
    parts = [part for content in body.get("contents", []) for part in content.get("parts", [])]
    results = [part["functionResponse"] for part in parts if "functionResponse" in part]
    result = dumps(results[-1].get("response")) if results else None
    return gemini_reply(story(body | {"model": model}, body.get("contents", []), result), as_sse)


def gemini_reply(turn, as_sse):
    usage = {
        "promptTokenCount": turn.input_tokens,
        "candidatesTokenCount": turn.output_tokens,
        "totalTokenCount": turn.input_tokens + turn.output_tokens,
    }
    if turn.cached_tokens:
        usage["cachedContentTokenCount"] = turn.cached_tokens

    def reply(parts, last):
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
        if last:
            candidate["finishReason"] = "STOP"
        return {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": turn.model,
            "responseId": turn.id,
        }

    asked = [
        {"functionCall": {"id": f"fc-{call.id}", "name": call.name, "args": call.arguments}} for call in turn.calls
    ]
    spoken = [{"text": part} for part in pieces(turn.text)] + asked
    replies = [reply([part], index == len(spoken) - 1) for index, part in enumerate(spoken)]
    whole = reply(([{"text": turn.text}] if turn.text else []) + asked, True)
    if as_sse:
        return whole, [f"data: {dumps(each)}\r\n\r\n".encode() for each in replies]
    frames = [("[" if index == 0 else ",\r\n") + dumps(each) for index, each in enumerate(replies)]
    return whole, [frame.encode() for frame in frames] + [b"]\n"]


# --- Smaller endpoints ------------------------------------------------------------------------------------------


def embeddings(body):
    given = body.get("input")
    inputs = given if isinstance(given, list) else [given]
    data = []
    for index, text in enumerate(inputs):
        vector = struct.unpack("<8f", struct.pack("<8f", *(b / 256 for b in digest(str(text).encode())[:8].encode())))
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack("<8f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"prompt_tokens": len(inputs), "total_tokens": len(inputs)}
    return {"object": "list", "data": data, "model": body.get("model"), "usage": usage}


def models():
    names = ["mock-model", "ft:mock-model:team/one"]
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "mock"} for name in names]
    data = [entry | {"type": "model", "display_name": entry["id"], "created_at": "2026-05-28T00:00:00Z"} for entry in data]
    return {"object": "list", "data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}


def error(status, path):
    """The error a provider of that path would send, so that each SDK raises its own typed error."""
    kinds = {400: "invalid_request_error", 429: "rate_limit_error", 529: "overloaded_error"}
    kind, message = kinds.get(status, "api_error"), f"mock says {status}: naïve 日本語"
    if "/messages" in path:
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_mock"}
    if "/v1beta/" in path:
        names = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED"}
        return {"error": {"code": status, "message": message, "status": names.get(status, "INTERNAL")}}
    return {"error": {"message": message, "type": kind, "param": None, "code": f"mock_{status}"}}
