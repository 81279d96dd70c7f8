"""A scripted provider: an agent that looks something up and then answers, in the forms of OpenAI and Anthropic.

Answers hang on what is asked alone, so that every run is the same: a call without a tool's result is answered by a call of a
tool, one with it by words. Usage has cached and reasoning tokens in it.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OPENAI_MODEL = "gpt-4.1"
ANTHROPIC_MODEL = "claude-opus-5"
_counter = [0]
_lock = threading.Lock()


def _number():
    with _lock:
        _counter[0] += 1
        return _counter[0]


def openai_chat(request):
    results = [m for m in request["messages"] if m["role"] == "tool"]
    number = _number()
    if request.get("tools") and not results:
        message = {"role": "assistant", "content": None, "tool_calls": [{
            "id": f"call_{number}", "type": "function",
            "function": {"name": "look_up", "arguments": json.dumps({"what": "tides"})}}]}
        reason = "tool_calls"
    else:
        message = {"role": "assistant", "content": "High water is at noon."}
        reason = "stop"
    return {
        "id": f"chatcmpl-{number:06d}", "object": "chat.completion", "created": 1, "model": OPENAI_MODEL + "-2025-04-14",
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": {"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280,
                  "prompt_tokens_details": {"cached_tokens": 1000},
                  "completion_tokens_details": {"reasoning_tokens": 30}},
    }


def anthropic_messages(request):
    last = request["messages"][-1]["content"]
    has_result = isinstance(last, list) and any(part.get("type") == "tool_result" for part in last)
    number = _number()
    if request.get("tools") and not has_result:
        content = [{"type": "text", "text": "Let me look."},
                   {"type": "tool_use", "id": f"toolu_{number}", "name": "look_up", "input": {"what": "tides"}}]
        reason = "tool_use"
    else:
        content = [{"type": "text", "text": "High water is at noon."}]
        reason = "end_turn"
    return {
        "id": f"msg_{number:06d}", "type": "message", "role": "assistant", "model": ANTHROPIC_MODEL,
        "content": content, "stop_reason": reason, "stop_sequence": None,
        "usage": {"input_tokens": 200, "output_tokens": 80, "cache_read_input_tokens": 900,
                  "cache_creation_input_tokens": 100},
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        if "messages" in self.path:
            status, answer = 200, anthropic_messages(request)
        elif request.get("model") == "none":
            status, answer = 404, {"error": {"message": "no such model", "type": "invalid_request_error",
                                             "code": "model_not_found"}}
        else:
            status, answer = 200, openai_chat(request)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def start():
    """Runs until the process ends. Its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
