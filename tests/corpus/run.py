#!/usr/bin/env python3
"""Sends a corpus of recorded exchanges through a running wiretape, and checks what came of it.

usage: tests/corpus/run.py FOLDER [--wiretape FILE] [--work FOLDER] [--only FILE…] [--limit N]

FOLDER holds the corpus: *.jsonl.gz with an exchange a line, and tools/replay.py and tools/compare.py, its provider and
its judge. Every exchange is answered by that provider in random chunks, as it is or in gzip, br or zstd; some requests
are sent compressed; some answers have CR LF line ends and comments, some break off. Each is asked for directly too.

Checked: every relayed body is the same bytes as without wiretape; every exchange is recorded once; stored bodies come
back as they were; what was read is what the corpus expects, in at least 99.5 % of the judged fields (99 % where only
responses are known). Prints `ok` and `FAIL` lines. Needs brotli and zstandard from PyPI."""

import argparse, ast, base64, collections, gzip, hashlib, http.client, json, os, pathlib, random, re, signal, socket
import subprocess, sys, tempfile, threading, time, urllib.parse, zlib

THRESHOLDS = {"generations": 99.5, "response_only": 99.0}
ENCODINGS = ["none", "none", "gzip", "br", "zstd"]
WORKERS = 4
# Headers that frame a message are this client's own; credentials would be of no use.
LEFT_OUT = {"host", "content-length", "transfer-encoding", "connection", "content-encoding", "accept-encoding", "expect",
            "upgrade", "te", "keep-alive", "trailer"}


def records(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def body_of(body):
    if not body:
        return b""
    return base64.b64decode(body["b64"]) if "b64" in body else body["text"].encode("utf-8", "surrogatepass")


class Plan:
    """How a record is sent: the same every time."""

    def __init__(self, record):
        chance = random.Random(record["id"])
        self.encoding = chance.choice(ENCODINGS)
        self.truncate = 0.6 if chance.random() < 0.03 else None
        self.request_encoding = chance.choice(["gzip", "zstd"]) if chance.random() < 0.1 else None
        if record["status"] in (204, 304) or not record["response_body"]:
            self.encoding = "none"

    def request(self, record):
        body = body_of(record["request_body"])
        headers = []
        for name, value in record["request_headers"]:
            if name.lower() not in LEFT_OUT and "\n" not in value and not name.lower().startswith("x-wiretape"):
                headers.append((name, value))
        if self.request_encoding == "gzip" and body:
            body, coding = gzip.compress(body, mtime=0), "gzip"
            headers.append(("content-encoding", coding))
        elif self.request_encoding == "zstd" and body:
            import zstandard
            body, coding = zstandard.ZstdCompressor().compress(body), "zstd"
            headers.append(("content-encoding", coding))
        headers += [("x-corpus-id", record["id"]), ("x-corpus-encoding", self.encoding)]
        if self.truncate:
            headers.append(("x-corpus-truncate", str(self.truncate)))
        return headers, body


def target(record):
    url = urllib.parse.urlsplit(record["url"])
    path = urllib.parse.quote(url.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = urllib.parse.quote(url.query, safe="/%:@!$&'()*+,;=~-._?[]")
    return path + ("?" + query if query else "")


def ask(connection, record, prefix, labels):
    """Sends a record's request; returns status, body bytes, and whether the answer broke off."""
    headers, body = Plan(record).request(record)
    connection.putrequest(record["method"], prefix + target(record), skip_host=True, skip_accept_encoding=True)
    connection.putheader("host", "127.0.0.1")
    for name, value in headers + labels:
        connection.putheader(name, value.encode("latin-1", "ignore"))
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    got = b""
    try:
        while True:
            piece = response.read1(65536)
            if not piece:
                break
            got += piece
        broken = bool(response.length)
        response.close()
    except (http.client.IncompleteRead, ConnectionError, ValueError) as why:
        got += getattr(why, "partial", b"")
        broken = True
    if broken or response.will_close or Plan(record).truncate:
        connection.close()
    return response.status, got, broken


def same(direct, relayed, plan):
    """Whether two answers are the same. A gzip stream holds the time it was made at: bytes 4 to 7."""
    if plan.encoding == "gzip" and direct[1][:2] == b"\x1f\x8b" == relayed[1][:2]:
        direct, relayed = [(status, body[:4] + body[8:], broken) for status, body, broken in (direct, relayed)]
    return direct == relayed


def drive(todo, port, prefix_of, labels_of, results):
    def work():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            try:
                record = todo.pop()
            except IndexError:
                return
            for _ in range(2):
                try:
                    results[record["id"]] = ask(connection, record, prefix_of(record), labels_of(record))
                    break
                except (OSError, http.client.HTTPException) as why:
                    connection.close()
                    results[record["id"]] = (0, repr(why).encode(), True)
                    again = isinstance(why, (http.client.RemoteDisconnected, BrokenPipeError))
                    if not again or Plan(record).truncate:
                        break

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def config(folder, providers, port, listen, web):
    lines = ["[proxy]", f'listen = "127.0.0.1:{listen}"', "[web]", f'listen = "127.0.0.1:{web}"']
    for provider in providers:
        lines += [f"[upstream.{json.dumps(provider)}]", f'url = "http://127.0.0.1:{port}"', f'provider = "{provider}"']
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def wait_for(port, process):
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit("wiretape ended at its start")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("wiretape does not listen")


def judged(record):
    """A record as the corpus' judge takes it."""
    usage = record.get("usage") or {}
    cached = (usage.get("cache_read") or 0) + (usage.get("cache_write") or 0)
    out = {
        "id": record["labels"]["corpus"],
        "model": record.get("response_model"),
        "response_id": record.get("response_id"),
        "finish_reason": finish(record.get("finish_reason_raw")),
        "output_text": record.get("output_text"),
        "reasoning_text": record.get("reasoning_text"),
        "tool_calls": record.get("tool_calls"),
        "error": record.get("error"),
        "stream_complete": record.get("complete"),
        "usage": None,
    }
    if usage:
        estimated = usage.get("source") == "estimated"
        out["usage"] = {"estimated": True} if estimated else {
            "input_total": usage.get("input"),
            "input_uncached": max(0, (usage.get("input") or 0) - cached),
            "cache_read": usage.get("cache_read"),
            "cache_write": usage.get("cache_write"),
            "output_total": usage.get("output"),
            "reasoning": usage.get("reasoning"),
        }
    return out


def finish(word):
    """Google's clients may ask for numbers in the place of words."""
    return int(word) if isinstance(word, str) and word.isdigit() else word


def raw_body(side):
    return base64.b64decode(side["body_b64"]) if "body_b64" in side else side.get("body", "").encode()


def less_secrets(kept, sent, redactions):
    """Whether `kept` is `sent` but for what was taken out, where the record says that something was."""
    if not redactions or b"[redacted:" not in kept:
        return kept == sent
    at = 0
    for piece in re.split(rb"\[redacted:[^\]]*\]", kept):
        found = sent.find(piece, at)
        if found < 0 or at == 0 and found > 0:
            return False
        at = found + len(piece)
    return at == len(sent)


class Report:
    def __init__(self):
        self.failed = 0

    def check(self, good, text):
        print(("ok " if good else "FAIL ") + text, flush=True)
        self.failed += not good


def judge(report, name, corpus, work, recorded):
    path = work / f"{name}.judged.jsonl"
    path.write_text("".join(json.dumps(judged(record)) + "\n" for record in recorded))
    tool = corpus / "tools" / "compare.py"
    run = subprocess.run([sys.executable, tool, corpus / f"{name}.jsonl.gz", path, "200"], capture_output=True, text=True)
    (work / f"{name}.compare.txt").write_text(run.stdout + run.stderr)
    totals = re.search(r"^TOTAL (.*)$", run.stdout, re.M)
    counts = ast.literal_eval(totals.group(1)) if totals else {}
    good = sum(count for key, count in counts.items() if key.endswith(" ok"))
    bad = sum(count for key, count in counts.items() if key.endswith(" DIFF"))
    share = 100 * good / (good + bad) if good + bad else 0
    report.check(share >= THRESHOLDS[name], f"{name}: {good} of {good + bad} judged fields are equal, {share:.3f} %")
    for line in run.stdout.splitlines():
        if line.startswith("DIFF"):
            print("    " + line[:220])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--wiretape", default="target/release/wiretape")
    options.add_argument("--work", type=pathlib.Path)
    options.add_argument("--only", nargs="*", default=["generations", "response_only", "aux"])
    options.add_argument("--limit", type=int)
    options = options.parse_args()
    work = options.work or pathlib.Path(tempfile.mkdtemp(prefix="wiretape-corpus-"))
    work.mkdir(parents=True, exist_ok=True)
    report = Report()

    names = [name for name in options.only if (options.folder / f"{name}.jsonl.gz").exists()]
    corpora = {name: records(options.folder / f"{name}.jsonl.gz")[: options.limit] for name in names}
    everything = {record["id"]: record for name in names for record in corpora[name]}
    files = [options.folder / f"{name}.jsonl.gz" for name in names]
    replay = subprocess.Popen([sys.executable, options.folder / "tools" / "replay.py", *files, "--port", "0"],
                              stdout=subprocess.PIPE, text=True)
    port = int(replay.stdout.readline())
    listen, web = free_port(), free_port()
    providers = sorted({record["provider"] for record in everything.values()})
    path = config(work, providers, port, listen, web)
    environment = dict(os.environ, WIRETAPE_HOME=str(work / "home"), WIRETAPE_CONFIG=str(path))
    log = open(work / "wiretape.log", "w")
    wiretape = subprocess.Popen([options.wiretape, "serve"], env=environment, stdout=log, stderr=log)
    try:
        wait_for(listen, wiretape)
        began = time.time()
        direct, relayed = {}, {}
        drive(list(everything.values()), port, lambda _: "", lambda _: [], direct)
        drive(list(everything.values()), listen, lambda record: "/" + record["provider"],
              lambda record: [("x-wiretape-corpus", record["id"])], relayed)
        print(f"{len(relayed)} exchanges, each directly and relayed, in {time.time() - began:.0f} s")
        other = [one for one in everything if not same(direct[one], relayed[one], Plan(everything[one]))]
        whole = [one for one in other if not Plan(everything[one]).truncate]
        for one in whole[:10]:
            print("    ", one, everything[one]["provider"], [(s, len(b), b[:60], w) for s, b, w in (direct[one], relayed[one])])
        report.check(not whole, f"{len(everything) - len(whole)} of {len(everything)} relayed answers are the same bytes")
    finally:
        wiretape.send_signal(signal.SIGTERM)
        wiretape.wait(timeout=120)
        replay.kill()
        replay.wait()

    out = work / "export.jsonl"
    subprocess.run([options.wiretape, "export", "--format", "jsonl", "--raw", "-o", out], env=environment, check=True)
    found = collections.defaultdict(list)
    for line in open(out, encoding="utf-8"):
        record = json.loads(line)
        if "corpus" in record.get("labels", {}):
            found[record["labels"]["corpus"]].append(record)
    missing = [one for one in everything if one not in found]
    report.check(not missing, f"{len(found)} of {len(everything)} exchanges are recorded, missing {missing[:5]}")
    exchanges = {one: {record["exchange_id"] for record in records} for one, records in found.items()}
    twice = [one for one, ids in exchanges.items() if len(ids) > 1]
    report.check(not twice, f"each once: {len(twice)} are there twice")
    wrong = []
    for one, list_ in found.items():
        raw, record = list_[0]["raw"], everything[one]
        sent = Plan(record).request(record)[1]
        # What something was taken out of has been decoded for that.
        if raw["request"].get("decoded"):
            sent = body_of(record["request_body"])
        if not less_secrets(raw_body(raw["request"]), sent, raw.get("redactions")):
            wrong.append((one, "request", raw.get("redactions")))
        status, received, _ = relayed[one]
        kept = raw_body(raw["response"])
        if not status and Plan(record).truncate:
            continue  # Nothing of it had reached the client before it broke off.
        # Of an answer that broke off, more may have reached the proxy than the client.
        if raw["response"].get("decoded"):
            received = body_of(record["response_body"])
        if not less_secrets(kept, received, raw.get("redactions")) and not (Plan(record).truncate and (kept.startswith(received) or received.startswith(kept))):
            wrong.append((one, "response", raw.get("redactions")))
    for line in wrong[:10]:
        print("    ", line)
    report.check(not wrong, f"stored bodies come back as they were: {len(wrong)} differ")
    for name in names:
        if name in THRESHOLDS:
            whole = [record for record in corpora[name] if not Plan(record).truncate]
            judge(report, name, options.folder, work, [found[record["id"]][0] for record in whole if record["id"] in found])
    verified = subprocess.run([options.wiretape, "verify"], env=environment)
    report.check(verified.returncode == 0, "wiretape verify finds nothing wrong")
    print(f"what was found is in {work}")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
