#!/usr/bin/env python3
"""Runs real agents against a scripted provider, through wiretape, and compares the tree that it recorded with the one
that the script must have led to.

usage: run.py --wiretape FILE --agents DIR --work DIR [--show] [NAME…]

`runs.py` lists the runs; `--agents` is where the agents are installed, as tests/all does it; `--work` gets a folder for
each run, with what everyone said. No run says which session it is: wiretape must find out. For each run it prints
`ok NAME ran` when the agent came to its end, said what it should and really ran its tools, and `ok NAME tree` when
the tree is that in `expected/NAME.txt`; or `FAIL …: why`. `--show` prints the trees.
"""

import argparse
import concurrent.futures
import contextlib
import difflib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import runs
import isolate
import script
import tree

HERE = pathlib.Path(__file__).resolve().parent
AGENT_LIMIT, START_LIMIT, STOP_LIMIT, EXPORT_LIMIT = 60, 15, 15, 60  # seconds
# What agents print beside their answer may hold bytes that are none of any text.
READ = {"encoding": "utf-8", "errors": "replace"}


class Failed(Exception):
    pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port, process, who):
    end = time.monotonic() + START_LIMIT
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise Failed(f"{who} did not start")


GROUPS = set()  # of the processes that run now


@contextlib.contextmanager
def running(words, log, **more):
    """A process in a group of its own, which is gone afterwards with all that it started. What it says and what it says
    of itself are kept apart: written at the same time, the one can come to stand within the other."""
    with open(log, "wb") as out, open(log.with_suffix(".err"), "wb") as error:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=out, stderr=error, start_new_session=True, **more
        )
    GROUPS.add(process.pid)
    try:
        yield process
    finally:
        end_group(process.pid)
        GROUPS.discard(process.pid)
        process.wait()


def end_group(number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(number, signal.SIGKILL)


def told_to_end(number, _frame):
    """At once and leaving nothing behind, whatever the threads are waiting for."""
    for group in list(GROUPS):
        end_group(group)
    os._exit(128 + number)


def stop(process, who):
    process.terminate()
    try:
        code = process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{who} did not stop when asked to") from late
    if code != 0:
        raise Failed(f"{who} ended with {code}")


@contextlib.contextmanager
def provider(folder):
    port = free_port()
    words = [sys.executable, str(HERE / "provider.py"), "--port", str(port), "--log", str(folder / "provider.jsonl")]
    with running(words, folder / "provider.out") as process:
        await_port(port, process, "the provider")
        yield f"http://127.0.0.1:{port}"


class Recorder:
    """A wiretape with a fresh store, in front of that provider."""

    def __init__(self, wiretape, folder, upstream):
        self.wiretape, self.folder = wiretape, folder
        self.config, self.log = folder / "wiretape.toml", folder / "wiretape.log"
        self.port = free_port()
        lines = [f'[proxy]\nlisten = "127.0.0.1:{self.port}"', f'[web]\nlisten = "127.0.0.1:{free_port()}"']
        lines += [f'[upstream.{name}]\nurl = "{upstream}"' for name in ("openai", "anthropic", "gemini")]
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.environment = os.environ | {"WIRETAPE_HOME": str(folder / "wiretape")}

    @contextlib.contextmanager
    def recording(self):
        """While it runs; it has to stop when it is asked to, with all in its store."""
        words = [self.wiretape, "serve", "--config", str(self.config)]
        with running(words, self.log, env=self.environment, cwd=self.folder) as process:
            await_port(self.port, process, "wiretape")
            yield f"http://127.0.0.1:{self.port}"
            stop(process, "wiretape")
        if (at := (said := self.log.read_text(**READ)).find("panicked")) >= 0:
            raise Failed(f"wiretape panicked: {said[at : at + 300]}")

    def tree(self):
        out = self.folder / "records.jsonl"
        words = [self.wiretape, "export", "--format", "jsonl", "--config", str(self.config), "-o", str(out)]
        done = subprocess.run(
            words, env=self.environment, cwd=self.folder, capture_output=True, timeout=EXPORT_LIMIT, check=False, **READ
        )
        if done.returncode != 0:
            raise Failed(f"export ended with {done.returncode}: {done.stderr[-300:]}")
        with open(out, encoding="utf-8") as lines:
            return tree.read(lines)


def run_agent(name, folder, tools, base, before=(), **more):
    """Runs the agent's processes, behind these words, and sees to it that they did what the script says."""
    place = runs.Place(tools, folder / "home", folder / "work", base)
    for each in (place.home, place.work):
        each.mkdir(parents=True)
    for number, command in enumerate(runs.RUNS[name](place), 1):
        log = folder / f"agent-{number}.out"
        words = " ".join(command.words)
        environment = command.environment | more
        with running([*before, *command.words], log, env=environment, cwd=place.work) as process:
            try:
                code = process.wait(AGENT_LIMIT)
            except subprocess.TimeoutExpired as late:
                raise Failed(f"took more than {AGENT_LIMIT} s: {last_of(log)}") from late
        if code != 0:
            raise Failed(f"ended with {code}: {last_of(log)}")
        if all(script.DONE not in file.read_text(**READ) for file in (log, log.with_suffix(".err"))):
            raise Failed(f"did not say {script.DONE}: {last_of(log)}")
        for marker in script.MARKER.findall(words):
            for file, content in script.LEFT_BEHIND.get(marker, {}).items():
                found = place.work / file
                if not found.exists() or found.read_text(**READ) != content:
                    raise Failed(f"no {file} with {content!r} was left behind by {marker}: {last_of(log)}")
    # Caches, most of it; of a run that failed it stays, as agents keep logs there.
    shutil.rmtree(place.home, ignore_errors=True)


def last_of(log):
    said = [file.read_text(**READ) for file in (log, log.with_suffix(".err"))]
    return " | ".join("\n".join(said).split("\n")[-12:])[-800:]


class Report:
    """Says what passed and what failed, a run's lines together."""

    def __init__(self, show):
        self.show, self.failed = show, 0

    def ok(self, what):
        print(f"ok {what}", flush=True)

    def fail(self, what, why):
        self.failed += 1
        print(f"FAIL {what}: {why}", flush=True)

    def compare(self, name, expected, found):
        if self.show:
            print(found, end="")
        if expected == found:
            return self.ok(f"{name} tree")
        # Of a tree, all lines are shown: where a line stands is what matters.
        lines = difflib.unified_diff(expected.splitlines(), found.splitlines(), lineterm="", n=len(expected))
        self.fail(f"{name} tree", "another one was recorded\n    " + "\n    ".join(list(lines)[3:]))


def expected_of(name):
    file = HERE / "expected" / f"{name}.txt"
    return file.read_text(encoding="utf-8") if file.exists() else ""


def unnumbered(text):
    """The sessions of a tree, each on its own, without their numbers."""
    return re.sub(r"^session s\d+ ", "session ", text, flags=re.MULTILINE).split("\nsession ")


def sorted_sessions(texts):
    """Sessions of several trees in an order that does not depend on who came first."""
    sessions = [each.removeprefix("session ").rstrip("\n") for text in texts for each in unnumbered(text)]
    return "".join(f"session {each}\n" for each in sorted(filter(None, sessions)))


def alone(name, arguments, report):
    folder = arguments.work / name
    folder.mkdir()
    with provider(folder) as upstream:
        recorder = Recorder(arguments.wiretape, folder, upstream)
        with recorder.recording() as base:
            run_agent(name, folder, arguments.agents, base)
    report.ok(f"{name} ran")
    report.compare(name, expected_of(name), tree.numbered(recorder.tree().sessions()))


def started(name, arguments, report):
    """By `wiretape run`, with a recorder of its own."""
    folder = arguments.work / f"run-{name}"
    folder.mkdir()
    with provider(folder) as upstream:
        recorder = Recorder(arguments.wiretape, folder, upstream)
        before = [arguments.wiretape, "run", "--config", str(recorder.config), "--"]
        run_agent(name, folder, arguments.agents, "", before, WIRETAPE_HOME=recorder.environment["WIRETAPE_HOME"])
    report.ok(f"run {name} ran")
    told = last_of(folder / "agent-1.out")
    if not re.search(r"wiretape: [\w.-]+: \d+ calls", told):
        raise Failed(f"it does not say what was done: {told}")
    report.compare(f"run {name}", expected_of(name), tree.numbered(recorder.tree().sessions()))


def together(names, arguments, report):
    """All at the same time, through one recorder: the same trees, whoever came first."""
    folder = arguments.work / "together"
    folder.mkdir()
    with provider(folder) as upstream:
        recorder = Recorder(arguments.wiretape, folder, upstream)
        with recorder.recording() as base, concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            tried = [
                pool.submit(run_agent, name, folder / f"{number}-{name}", arguments.agents, base)
                for number, name in enumerate(names)
            ]
            for name, one in zip(names, tried):
                try:
                    one.result()
                    report.ok(f"together {name} ran")
                except Failed as why:
                    report.fail(f"together {name} ran", why)
    found = sorted_sessions([tree.numbered(recorder.tree().sessions())])
    report.compare("together", sorted_sessions(map(expected_of, names)), found)


def attempt(what, run, report):
    began = time.monotonic()
    try:
        run()
    except Failed as why:
        report.fail(what, why)
    except Exception as error:  # noqa: BLE001: one run that goes wrong must not keep the others from being tried
        report.fail(what, f"{type(error).__name__}: {error}")
    print(f"    {what}: {time.monotonic() - began:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wiretape", type=os.path.abspath, required=True)
    parser.add_argument("--agents", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--show", action="store_true", help="print the trees")
    also = "`together` is several agents at once, `run-NAME` one by `wiretape run`"
    parser.add_argument("names", nargs="*", help=f"only these runs; {also}")
    arguments = parser.parse_args()
    arguments.agents, arguments.work = arguments.agents.resolve(), arguments.work.resolve()
    by_run = {f"run-{name}": name for name in runs.STARTED}
    names = arguments.names or [*runs.RUNS, *by_run, "together"]
    if unknown := set(names) - set(runs.RUNS) - set(by_run) - {"together"}:
        parser.error(f"no such run: {', '.join(sorted(unknown))}")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told_to_end)
    if not isolate.isolate():
        print("no network namespace: agents are kept off the network by their settings only", flush=True)
    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    report = Report(arguments.show)
    for name in names:
        if name == "together":
            attempt(name, lambda: together(runs.TOGETHER, arguments, report), report)
        elif name in by_run:
            attempt(name, lambda: started(by_run[name], arguments, report), report)
        else:
            attempt(name, lambda: alone(name, arguments, report), report)
    sys.exit(report.failed > 0)


if __name__ == "__main__":
    main()
