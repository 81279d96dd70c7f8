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


class Turn:
    """A request as read: what to say, and whether to ask for the tool."""

    def __init__(self, body, history, result):
        seed = digest(dumps(body).encode())
        self.id = seed[:20]
        self.model = body.get("model") or "mock-model"
        self.asks = bool(body.get("tools")) and result is None
        said = "\n".join(texts(history))
        self.text = (
            f"The tool says: {result} — naïve, 日本語, 🚀."
            if result is not None
            else f"Heard {len(said)} characters, sha256 {digest(said.encode())[:16]} — naïve, 日本語, 🚀."
        )
        self.thought = "Let me think about that… 考え中."
        self.input_tokens = len(dumps(body)) // 4
        self.output_tokens = 12


# --- OpenAI chat completions ------------------------------------------------------------------------------------


def chat(body):
    results = [m["content"] for m in body.get("messages", []) if m.get("role") == "tool"]
    turn = Turn(body, body.get("messages", []), "".join(texts(results[-1])) if results else None)
    usage = {
        "prompt_tokens": turn.input_tokens,
        "completion_tokens": turn.output_tokens,
        "total_tokens": turn.input_tokens + turn.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    finish = "tool_calls" if turn.asks else "stop"
    message = {"role": "assistant", "content": None if turn.asks else turn.text}
    call = {"id": f"call_{turn.id}", "type": "function"}
    if turn.asks:
        message["tool_calls"] = [call | {"function": {"name": "get_weather", "arguments": dumps(ARGUMENTS)}}]
    common = {"id": f"chatcmpl-{turn.id}", "created": CREATED, "model": turn.model}
    whole = common | {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": usage,
    }

    def chunk(delta, finish=None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return common | {"object": "chat.completion.chunk", "choices": [choice]}

    events = [chunk({"role": "assistant", "content": None if turn.asks else ""})]
    if turn.asks:
        opening = {"index": 0} | call | {"function": {"name": "get_weather", "arguments": ""}}
        events.append(chunk({"tool_calls": [opening]}))
        for part in pieces(dumps(ARGUMENTS)):
            events.append(chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}))
    else:
        events += [chunk({"content": part}) for part in pieces(turn.text)]
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
    turn = Turn(body, history, "".join(texts(results[-1])) if results else None)
    if turn.asks:
        item = {
            "id": f"fc_{turn.id}",
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_{turn.id}",
            "name": "get_weather",
            "arguments": dumps(ARGUMENTS),
        }
    else:
        content = {"type": "output_text", "text": turn.text, "annotations": [], "logprobs": []}
        item = {
            "id": f"msg_{turn.id}",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [content],
        }
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
        "output": [item],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": turn.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": turn.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": turn.input_tokens + turn.output_tokens,
        },
    }
    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    at = {"item_id": item["id"], "output_index": 0}
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    if turn.asks:
        opened = item | {"status": "in_progress", "arguments": ""}
        events.append({"type": "response.output_item.added", "output_index": 0, "item": opened})
        for part in pieces(item["arguments"]):
            events.append({"type": "response.function_call_arguments.delta", "delta": part} | at)
        events.append({"type": "response.function_call_arguments.done"} | at | {"name": item["name"]})
        events[-1]["arguments"] = item["arguments"]
    else:
        opened = item | {"status": "in_progress", "content": []}
        at |= {"content_index": 0}
        events.append({"type": "response.output_item.added", "output_index": 0, "item": opened})
        events.append({"type": "response.content_part.added", "part": content | {"text": ""}} | at)
        for part in pieces(turn.text):
            events.append({"type": "response.output_text.delta", "delta": part, "logprobs": []} | at)
        events.append({"type": "response.output_text.done", "text": turn.text, "logprobs": []} | at)
        events.append({"type": "response.content_part.done", "part": content} | at)
    events.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    events.append({"type": "response.completed", "response": whole})
    for number, event in enumerate(events):
        event["sequence_number"] = number
    return whole, events


def responses(body):
    whole, events = responses_events(body)
    return whole, [f"event: {event['type']}\ndata: {dumps(event)}\n\n".encode() for event in events]


# --- Anthropic messages -----------------------------------------------------------------------------------------


def messages(body):
    blocks = [b for m in body.get("messages", []) if isinstance(m.get("content"), list) for b in m["content"]]
    results = [block.get("content") for block in blocks if block.get("type") == "tool_result"]
    turn = Turn(body, body.get("messages", []), "".join(texts(results[-1])) if results else None)
    content = []
    if body.get("thinking"):
        content.append({"type": "thinking", "thinking": turn.thought, "signature": turn.id})
    if turn.asks:
        content.append({"type": "text", "text": "I will look."})
        content.append(
            {"type": "tool_use", "id": f"toolu_{turn.id}", "name": "get_weather", "input": ARGUMENTS}
        )
    else:
        content.append({"type": "text", "text": turn.text})
    stop = "tool_use" if turn.asks else "end_turn"
    usage = {
        "input_tokens": turn.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
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
    return whole, [f"event: {event['type']}\ndata: {dumps(event)}\n\n".encode() for event in events]


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
    turn = Turn(body | {"model": model}, body.get("contents", []), result)
    usage = {
        "promptTokenCount": turn.input_tokens,
        "candidatesTokenCount": turn.output_tokens,
        "totalTokenCount": turn.input_tokens + turn.output_tokens,
    }

    def reply(part, last):
        candidate = {"content": {"role": "model", "parts": [part]}, "index": 0}
        if last:
            candidate["finishReason"] = "STOP"
        return {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": model,
            "responseId": turn.id,
        }

    call = {"functionCall": {"id": f"fc-{turn.id}", "name": "get_weather", "args": ARGUMENTS}}
    spoken = [call] if turn.asks else [{"text": part} for part in pieces(turn.text)]
    replies = [reply(part, index == len(spoken) - 1) for index, part in enumerate(spoken)]
    whole = reply(call if turn.asks else {"text": turn.text}, True)
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
