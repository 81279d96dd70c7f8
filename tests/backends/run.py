"""Real backends and real SDKs: what wiretape sends is asked back from Phoenix and MLflow, and what applications send joins
the calls that it recorded. Everything runs on loopback.

usage: run.py --wiretape FILE --packages DIR --work DIR

DIR of packages holds virtual environments: backends (Phoenix, MLflow), sdks (OpenTelemetry, Langfuse), llmetry (OpenLLMetry).
Says `ok …` or `FAIL …` for each thing that should be.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import provider  # noqa: E402

PATIENCE = 120
PROJECT = "wiretape"
TOOL = {"name": "look_up", "description": "Looks something up", "parameters": {
    "type": "object", "properties": {"what": {"type": "string"}}}}
OPENAI_TOOLS = [{"type": "function", "function": TOOL}]
ANTHROPIC_TOOLS = [{"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["parameters"]}]
children = []


def check(what, good, shown=None):
    print(f"ok {what}" if good else f"FAIL {what}: {shown!r:.2000}", flush=True)


def same(what, found, expected):
    check(what, found == expected, {"found": found, "expected": expected})


def free_port():
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return own.getsockname()[1]


def fetch(url, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def until(what, condition):
    deadline = time.monotonic() + PATIENCE
    last = None
    while time.monotonic() < deadline:
        try:
            last = condition()
            if last:
                return last
        except (OSError, urllib.error.URLError, KeyError, ValueError) as why:
            last = why
        time.sleep(0.3)
    raise TimeoutError(f"never: {what}: {last!r:.500}")


def answers(url):
    def condition():
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    return condition


def spawn(arguments, log, **env):
    # Of this machine's settings only the path; a group of its own, for those that start others.
    child = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=open(log, "ab"), stderr=subprocess.STDOUT, start_new_session=True,
        env={"PATH": os.environ["PATH"], "HOME": str(log.parent), **env})
    children.append(child)
    return child


def end(child, how=signal.SIGKILL):
    try:
        os.killpg(child.pid, how)
    except ProcessLookupError:
        pass
    child.wait(timeout=30)


class Phoenix:
    def __init__(self, python, work):
        self.python, self.work, self.port, self.grpc = python, work, free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        (self.work / "phoenix").mkdir(exist_ok=True)
        self.child = spawn(
            [self.python.parent / "phoenix", "serve"], self.work / "phoenix.log", PHOENIX_HOST="127.0.0.1",
            PHOENIX_PORT=str(self.port), PHOENIX_GRPC_PORT=str(self.grpc), PHOENIX_WORKING_DIR=str(self.work / "phoenix"),
            PHOENIX_TELEMETRY_ENABLED="false", PHOENIX_ALLOW_EXTERNAL_RESOURCES="false")

    def ready(self):
        until("Phoenix answers", answers(f"{self.url}/healthz"))

    def spans(self, project):
        return fetch(f"{self.url}/v1/projects/{project}/spans?limit=1000")["data"]


class MLflow:
    def __init__(self, python, work):
        self.python, self.work, self.port = python, work, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (work / "mlflow").mkdir(exist_ok=True)
        spawn([python.parent / "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
               "--backend-store-uri", f"sqlite:///{work}/mlflow/mlflow.db",
               "--artifacts-destination", str(work / "mlflow" / "artifacts")],
              work / "mlflow.log", MLFLOW_DISABLE_TELEMETRY="true")

    def ready(self):
        until("MLflow answers", answers(f"{self.url}/health"))

    def traces(self):
        script = (
            "import json, mlflow\n"
            "for t in mlflow.search_traces(locations=['0'], return_type='list'):\n"
            "    i = t.info\n"
            "    print(json.dumps({'state': str(i.state), 'metadata': i.trace_metadata, 'asked': i.request_preview,\n"
            "        'answered': i.response_preview, 'spans': [{'id': s.span_id, 'name': s.name, 'type': s.span_type,\n"
            "        'parent': s.parent_id, 'in': s.inputs, 'out': s.outputs, 'cost': s.attributes.get('mlflow.llm.cost'),\n"
            "        'tokens': s.attributes.get('mlflow.chat.tokenUsage')} for s in t.data.spans]}, default=str))\n")
        done = subprocess.run([self.python, "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True,
                              env={"PATH": os.environ["PATH"], "MLFLOW_TRACKING_URI": self.url,
                                   "MLFLOW_DISABLE_TELEMETRY": "true", "HOME": str(self.work)})
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class Recorder:
    """wiretape, in a data folder of its own."""

    def __init__(self, binary, work, name, upstream, settings=()):
        self.binary, self.home = binary, work / name
        self.proxy, self.web = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.settings = [f"upstream.openai.url={upstream}", f"upstream.anthropic.url={upstream}", *settings]
        self.log = work / f"{name}.log"
        self.child = spawn(
            [binary, "serve", "--listen", self.proxy[7:], "--web-listen", self.web[7:], *self.sets()], self.log,
            WIRETAPE_HOME=str(self.home))
        until("wiretape answers", answers(f"{self.web}/healthz"))

    def sets(self):
        return [word for own in self.settings for word in ("--set", own)]

    def run(self, *arguments):
        done = subprocess.run([self.binary, *arguments, *self.sets()], capture_output=True, text=True, timeout=PATIENCE,
                              env={"PATH": os.environ["PATH"], "WIRETAPE_HOME": str(self.home)})
        return done.stdout, done.stderr, done.returncode

    def records(self):
        return [json.loads(line) for line in self.run("export")[0].splitlines()]

    def exports(self):
        return {own["destination"]: own for own in fetch(f"{self.web}/readyz")["exports"]}

    def sent(self, counts):
        def condition():
            exports = self.exports()
            return all(exports[name]["sent"] >= count and exports[name]["waiting"] == 0 for name, count in counts.items())
        try:
            until(f"{counts} are sent", condition)
        except TimeoutError:
            print(f"exports: {self.exports()}", flush=True)
            raise

    def ask_openai(self, question, labels):
        """A turn with a tool: two calls, and four spans with the root."""
        messages = [{"role": "system", "content": "You know tides."}, {"role": "user", "content": question}]
        body = {"model": provider.OPENAI_MODEL, "temperature": 0, "messages": messages, "tools": OPENAI_TOOLS}
        answer = fetch(f"{self.proxy}/~{labels}/v1/chat/completions", body)["choices"][0]["message"]
        messages += [answer, {"role": "tool", "tool_call_id": answer["tool_calls"][0]["id"], "content": "noon"}]
        fetch(f"{self.proxy}/~{labels}/v1/chat/completions", body)

    def ask_anthropic(self, question, labels):
        messages = [{"role": "user", "content": question}]
        body = {"model": provider.ANTHROPIC_MODEL, "max_tokens": 100, "system": "You know tides.", "messages": messages,
                "tools": ANTHROPIC_TOOLS}
        answer = fetch(f"{self.proxy}/~{labels}/v1/messages", body)["content"]
        messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": answer[1]["id"], "content": "noon"}]}]
        fetch(f"{self.proxy}/~{labels}/v1/messages", body)


def phoenix_has(phoenix, project, count):
    def condition():
        spans = phoenix.spans(project)
        return spans if len(spans) >= count else None
    return until(f"Phoenix has {count} spans", condition)


def check_phoenix(label, spans, count):
    same(f"{label}: each span once", sorted(s["context"]["span_id"] for s in spans),
         sorted({s["context"]["span_id"] for s in spans}))
    same(f"{label}: so many", len(spans), count)
    ids = {s["context"]["span_id"] for s in spans}
    same(f"{label}: no orphan", [s["name"] for s in spans if s["parent_id"] and s["parent_id"] not in ids], [])
    kinds = sorted({s["span_kind"] for s in spans})
    same(f"{label}: kinds", kinds, ["AGENT", "LLM", "TOOL"])
    claude = [s for s in spans if s["name"] == f"chat {provider.ANTHROPIC_MODEL}"][0]["attributes"]
    for key, value in {
        "llm.model_name": provider.ANTHROPIC_MODEL, "llm.token_count.prompt": 1200, "llm.token_count.completion": 80,
        "llm.token_count.prompt_details.cache_read": 900, "llm.token_count.prompt_details.cache_write": 100,
        "session.id": "s-2", "user.id": "bob", "llm.input_messages.0.message.content": "You know tides.",
    }.items():
        same(f"{label}: {key}", claude.get(key), value)
    gpt = [s for s in spans if s["name"] == f"chat {provider.OPENAI_MODEL}"]
    gpt = [s["attributes"] for s in gpt if s["attributes"].get("output.value") == "High water is at noon."][0]
    same(f"{label}: reasoning", gpt.get("llm.token_count.completion_details.reasoning"), 30)
    check(f"{label}: cost", gpt.get("llm.cost.total", 0) > 0, gpt)
    same(f"{label}: answer", gpt.get("llm.output_messages.0.message.content"), "High water is at noon.")
    tool = [s for s in spans if s["span_kind"] == "TOOL"][0]
    same(f"{label}: a tool's arguments", json.loads(tool["attributes"]["input.value"]), {"what": "tides"})
    same(f"{label}: a tool's result", tool["attributes"]["output.value"], "noon")
    root = [s for s in spans if s["parent_id"] is None and s["attributes"].get("session.id") == "s-1"][0]
    same(f"{label}: what was asked and answered", [root["attributes"].get(f"{side}.value") for side in ("input", "output")],
         ["When is high water?", "High water is at noon."])


def check_mlflow(traces):
    same("MLflow: all traces", len(traces), 2)
    check("MLflow: every trace is over", all("OK" in t["state"] for t in traces), [t["state"] for t in traces])
    for session, user, cached in [("s-1", "ann", {"cache_read_input_tokens": 2000}),
                                  ("s-2", "bob", {"cache_read_input_tokens": 1800, "cache_creation_input_tokens": 200})]:
        found = [t for t in traces if t["metadata"].get("mlflow.trace.session") == session]
        same(f"MLflow: session {session}", len(found), 1)
        trace = found[0]
        same(f"MLflow: user of {session}", trace["metadata"].get("mlflow.trace.user"), user)
        same(f"MLflow: types of {session}", sorted(s["type"] for s in trace["spans"]),
             ["AGENT", "CHAT_MODEL", "CHAT_MODEL", "TOOL"])
        tokens = json.loads(trace["metadata"]["mlflow.trace.tokenUsage"])
        expected = {"input_tokens": 2400, "output_tokens": 160, "total_tokens": 2560, **cached}
        same(f"MLflow: tokens of {session}", tokens, expected)
        same(f"MLflow: answer of {session}", json.loads(trace["answered"]), "High water is at noon.")
        tool = [s for s in trace["spans"] if s["type"] == "TOOL"][0]
        same(f"MLflow: tool of {session}", [tool["in"], tool["out"]], [{"what": "tides"}, "noon"])
        model = [s for s in trace["spans"] if s["type"] == "CHAT_MODEL"][0]
        cost = model["cost"] if isinstance(model["cost"], dict) else json.loads(model["cost"] or "{}")
        check(f"MLflow: cost of {session}", cost.get("total_cost", 0) > 0, model)
        check(f"MLflow: messages of {session}", "You know tides." in json.dumps(model["in"]), model["in"])


def backends(options, work):
    python = options.packages / "backends" / "bin" / "python"
    phoenix, mlflow = Phoenix(python, work), MLflow(python, work)
    phoenix.ready()
    mlflow.ready()
    quick = {"settle": "200ms", "idle": "1s"}
    settings = [f"export.phoenix.{key}={value}" for key, value in {
        "kind": "phoenix", "url": phoenix.url, "project": PROJECT, **quick}.items()]
    settings += [f"export.mlflow.{key}={value}" for key, value in {"kind": "mlflow", "url": mlflow.url, **quick}.items()]
    recorder = Recorder(options.wiretape, work, "live", provider.start(), settings)
    recorder.ask_openai("When is high water?", "session=s-1,user=ann,tag=sea")
    recorder.ask_anthropic("When is high water in Brest?", "session=s-2,user=bob")
    recorder.sent({"phoenix": 8, "mlflow": 8})
    check_phoenix("Phoenix", phoenix_has(phoenix, PROJECT, 8), 8)
    check_mlflow(mlflow.traces())

    end(phoenix.child)
    for number in range(3):
        recorder.ask_openai(f"When is high water, {number}?", f"session=s-3,user=u{number}")
    until("Phoenix is missed", lambda: recorder.exports()["phoenix"]["last_error"])
    recorder.sent({"mlflow": 20})
    phoenix.start()
    phoenix.ready()
    recorder.sent({"phoenix": 20})
    spans = phoenix_has(phoenix, PROJECT, 20)
    check_phoenix("Phoenix, killed and started again", spans, 20)
    same("nothing is parked", recorder.run("push", "--parked")[0], "")
    return phoenix, mlflow


def application(options, recorder, name, packages):
    done = subprocess.run(
        [options.packages / packages / "bin" / "python", pathlib.Path(__file__).parent / "apps.py", name, recorder.proxy,
         recorder.web], capture_output=True, text=True, timeout=PATIENCE,
        env={"PATH": os.environ["PATH"], "HOME": str(recorder.home)})
    check(f"{name} runs", done.returncode == 0, done.stderr[-1500:])


def check_application(recorder, name, session, steps):
    """The application's steps and its call are one trace, and the call is counted once."""
    def condition():
        records = [r for r in recorder.records() if r.get("session_id") == session]
        return records if {r["name"] for r in records} >= set(steps) and any("exchange_id" in r for r in records) else None
    records = until(f"{name}'s steps are there", condition)
    same(f"{name}: one trace", len({r["trace_id"] for r in records}), 1)
    calls = [r for r in records if r["type"] == "generation"]
    same(f"{name}: one call", [("exchange_id" in r, r["usage"]["input"]) for r in calls], [(True, 1200)])
    by_id = {r["id"]: r for r in records}
    same(f"{name}: the call's place", by_id.get(calls[0].get("parent_id"), {}).get("name"), steps[0])
    doubles = [r["parent_id"] for r in records if r.get("side") == "double"]
    same(f"{name}: what its SDK saw of it", doubles, [] if name == "opentelemetry" else [calls[0]["id"]])
    same(f"{name}: its user", {r.get("user") for r in records if r["type"] != "generation"}, {"eve"})


def applications(options, work):
    recorder = Recorder(options.wiretape, work, "apps", provider.start())
    for name, packages, session, steps in [
        ("opentelemetry", "sdks", "otel-1", ["handle request", "look up documents", "approve"]),
        ("openllmetry", "llmetry", "llmetry-1", ["answer.task", "tides.workflow"]),
        ("langfuse", "sdks", "langfuse-1", ["handle request", "check"]),
    ]:
        application(options, recorder, name, packages)
        check_application(recorder, name, session, steps)
    return recorder


def push_all(recorder, *where):
    def condition():
        _, said, code = recorder.run("push", *where)
        if code != 0:
            raise RuntimeError(said)
        # Traces that ended just now are left out, and sent when they are over; what is there already stays as it is.
        return "still under way" not in said
    until("all is pushed", condition)


def pushed(recorder, phoenix, mlflow):
    """What applications sent and what was recorded goes out together, after the fact."""
    push_all(recorder, "--url", phoenix.url, "--kind", "phoenix", "--project", "pushed")
    spans = phoenix_has(phoenix, "pushed", 13)
    same("pushed: each span once", len({s["context"]["span_id"] for s in spans}), 13)
    ids = {s["context"]["span_id"] for s in spans}
    same("pushed: no orphan", [s["name"] for s in spans if s["parent_id"] and s["parent_id"] not in ids], [])
    same("pushed: kinds", sorted({s["span_kind"] for s in spans}), ["AGENT", "CHAIN", "LLM", "RETRIEVER"])
    same("pushed: calls", len([s for s in spans if s["span_kind"] == "LLM"]), 3)

    before = {span["id"] for trace in mlflow.traces() for span in trace["spans"]}
    push_all(recorder, "--url", mlflow.url, "--kind", "mlflow")
    traces = [t for t in mlflow.traces() if not before & {span["id"] for span in t["spans"]}]
    of_phoenix = {s["context"]["trace_id"] for s in spans}
    same("pushed to MLflow: traces", len(traces), len(of_phoenix))
    check("pushed to MLflow: every trace is over", all("OK" in t["state"] for t in traces), [t["state"] for t in traces])
    all_spans = [span for trace in traces for span in trace["spans"]]
    same("pushed to MLflow: spans", sorted(span["id"] for span in all_spans), sorted(ids))
    same("pushed to MLflow: calls", len([s for s in all_spans if s["type"] == "CHAT_MODEL"]), 3)


def guarded(what, act, *arguments):
    try:
        return act(*arguments)
    except Exception:
        check(what, False, traceback.format_exc())
        return None


def main():
    parser = argparse.ArgumentParser()
    for name in ("wiretape", "packages", "work"):
        parser.add_argument(f"--{name}", required=True, type=lambda path: pathlib.Path(path).resolve())
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    try:
        started = guarded("backends", backends, options, options.work)
        recorder = guarded("applications", applications, options, options.work)
        if started and recorder:
            guarded("pushed", pushed, recorder, *started)
    finally:
        for child in children:
            if child.poll() is None:
                end(child)


if __name__ == "__main__":
    main()
