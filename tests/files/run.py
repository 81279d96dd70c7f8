"""Opens what is exported with the programs that it is for: pyarrow and duckdb, a validator of archives and another proxy,
Harbor's models of trajectories, and a check of fine-tuning files by the vendor's documentation.

usage: run.py --wiretape FILE --work FOLDER --node-modules FOLDER

What is exported is what `wiretape demo` records. Prints a line `ok NAME` or `FAIL NAME: WHY` for each check.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
from datetime import datetime

import duckdb
import pyarrow.parquet
from harbor.models.trajectories.trajectory import Trajectory

LIMIT = 120


class Run:
    def __init__(self, arguments):
        self.wiretape = arguments.wiretape
        self.modules = arguments.node_modules
        self.work = pathlib.Path(arguments.work)
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.failed = 0

    def call(self, home, *words):
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "WIRETAPE_HOME": str(self.work / home)}
        done = subprocess.run(
            [self.wiretape, *words], env=environment, capture_output=True, text=True, timeout=LIMIT, cwd=self.work
        )
        assert done.returncode == 0, f"{words}: {done.returncode}: {done.stderr[-500:]}"
        return done

    def export(self, form, *words):
        file = self.work / f"{form}.out"
        self.call("home", "export", "--format", form, "-o", str(file), *words)
        return file

    def check(self, name, work):
        try:
            told = work()
            print(f"ok {name}: {told}")
        except Exception as why:  # Whatever it is, it is the check that failed.
            self.failed += 1
            print(f"FAIL {name}: {type(why).__name__}: {str(why)[:500]}")


def lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


# Columns that stand elsewhere in a record, by the way there.
ELSEWHERE = {
    "error_type": ("error", "type"), "error_message": ("error", "message"), "input_tokens": ("usage", "input"),
    "output_tokens": ("usage", "output"), "total_tokens": ("usage", "total"), "cache_read_tokens": ("usage", "cache_read"),
    "cache_write_tokens": ("usage", "cache_write"), "reasoning_tokens": ("usage", "reasoning"),
    "usage_source": ("usage", "source"), "input_cost": ("cost", "input"), "output_cost": ("cost", "output"),
    "cost": ("cost", "total"), "cost_source": ("cost", "source"), "tool_name": ("tool", "name"),
    "tool_call_id": ("tool", "call_id"), "tool_is_error": ("tool", "is_error"), "client": ("client", "name"),
    "client_version": ("client", "version"), "cost_json": ("cost",), "tags_json": ("tags",),
}  # fmt: skip
TIMES = {"start_time", "first_token_time", "end_time"}
# Objects, lists and numbers as JSON in text.
AS_JSON = {
    "system", "input", "output", "tools", "tool_calls", "server_tool_calls", "tool", "parameters", "error", "usage",
    "cost_json", "links", "labels", "tags_json", "losses", "problems", "redactions", "extra", "input_from_history",
    "annotations", "raw",
}  # fmt: skip
# What lists show, and records do not have.
BESIDE = {"input_preview", "output_preview"}


def expected(record, column):
    value = record
    for key in ELSEWHERE.get(column, (column,)):
        value = value.get(key) if isinstance(value, dict) else None
    if column == "tags" and value is not None:
        return ",".join(value)
    if column == "finish_reason_raw" and isinstance(value, list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return value


def shown(cell, column):
    if cell is None:
        return None
    if column in TIMES:
        return cell.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    return json.loads(cell) if column in AS_JSON else cell


def parquet(run):
    records = lines(run.export("jsonl", "--raw"))
    file = run.export("parquet", "--raw")
    rows = pyarrow.parquet.read_table(file).to_pylist()
    assert len(rows) == len(records) > 100, (len(rows), len(records))
    known = set()
    for row, record in zip(rows, records):
        for column, cell in row.items():
            if column in BESIDE:
                continue
            # One name in two places: the record's `cost` is an object, the column is its sum.
            assert shown(cell, column) == expected(record, column), (record["id"], column, cell, expected(record, column))
        known |= {(ELSEWHERE.get(column, (column,)))[0] for column, cell in row.items() if cell is not None}
        missing = {key for key in record if key not in known and key not in row}
        assert not missing, missing
    con = duckdb.connect()
    # Times as numbers: the zone is the session's matter.
    exact = ", ".join(f"epoch_us({name}) AS {name}" for name in sorted(TIMES))
    cursor = con.execute(f"SELECT * REPLACE ({exact}) FROM read_parquet('{file}')")
    names = [column[0] for column in cursor.description]
    again = [dict(zip(names, row)) for row in cursor.fetchall()]
    micros = lambda value: round(value.timestamp() * 1e6) if isinstance(value, datetime) else value  # noqa: E731
    for mine, theirs in zip(rows, again, strict=True):
        for column in mine:
            assert micros(mine[column]) == theirs[column], (column, mine[column], theirs[column])
    cost = con.execute(f"SELECT sum(cost) FROM read_parquet('{file}')").fetchone()[0]
    total = sum(record.get("cost", {}).get("total", 0) for record in records)
    assert abs(cost - total) < 1e-9, (cost, total)
    return f"{len(rows)} rows of {len(names)} columns, read alike by pyarrow and duckdb"


def archive_validates(run):
    file = run.export("har")
    done = subprocess.run(
        ["node", "tests/files/validate.mjs", run.modules, str(file)], capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def archive_opens(run):
    """Another proxy reads it, and finds in it what the records say."""
    from mitmproxy.io import FlowReader

    records = {}
    for record in lines(run.export("jsonl", "--raw")):
        if "raw" in record:
            records[record["exchange_id"]] = record["raw"]
    with open(run.export("har"), "rb") as file:
        flows = list(FlowReader(file).stream())
    assert len(flows) == len(records), (len(flows), len(records))
    texts = sorted((raw["request"].get("body", ""), raw["response"].get("body", "")) for raw in records.values())
    found = sorted(
        (flow.request.get_text(strict=False) or "", flow.response.get_text(strict=False) or "") for flow in flows
    )
    assert found == texts
    return f"{len(flows)} flows"


def archive_comes_back(run):
    """What another proxy writes of it is taken in, and read as the same calls."""
    dump = pathlib.Path(sys.executable).parent / "mitmdump"
    back = run.work / "back.har"
    subprocess.run(
        [str(dump), "-q", "-n", "-r", str(run.export("har")), "--set", f"hardump={back}"],
        check=True, timeout=LIMIT, env={**os.environ, "HOME": str(run.work)},
    )  # fmt: skip
    run.call("back", "import", str(back))
    told = lambda record: (record["name"], record.get("output_text"), record.get("usage", {}).get("raw", {}))  # noqa: E731
    spoken = lambda all: sorted((json.dumps(told(one)) for one in all if one["type"] == "generation"))  # noqa: E731
    before = spoken(lines(run.export("jsonl")))
    file = run.work / "back.jsonl"
    run.call("back", "export", "-o", str(file))
    after = spoken(lines(file))
    assert before == after, [one for one in zip(before, after) if one[0] != one[1]][:1]
    return f"{len(after)} generations"


def trajectories(run):
    read = [Trajectory.model_validate_json(line) for line in run.export("atif").read_text("utf-8").splitlines()]
    agents = sum(len(one.subagent_trajectories or []) for one in read)
    calls = sum(len(step.tool_calls or []) for one in read for step in one.steps)
    assert read and agents and calls
    return f"{len(read)} trajectories, {agents} agents within, {calls} calls of tools"


KEYS = {
    "system": {"role", "content", "name"}, "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls", "weight", "refusal"}, "tool": {"role", "content", "tool_call_id"},
}  # fmt: skip


def fine_tuning(run):
    """What the vendor's documentation asks of a file for chat models."""
    examples = lines(run.export("openai-finetune"))
    assert len(examples) >= 10, "at least ten are needed"
    for example in examples:
        assert set(example) <= {"messages", "tools", "parallel_tool_calls"}, set(example)
        messages, open_calls = example["messages"], {}
        assert messages and any(message["role"] == "assistant" for message in messages)
        for message in messages:
            assert set(message) <= KEYS[message["role"]], message
            if message["role"] == "tool":
                open_calls.pop(message["tool_call_id"])
                assert isinstance(message["content"], str)
                continue
            assert not open_calls, f"no result of {open_calls}"
            assert message.get("content") or message.get("tool_calls"), message
            assert message.get("weight", 1) in (0, 1)
            for call in message.get("tool_calls", []):
                assert set(call) == {"id", "type", "function"} and call["type"] == "function"
                assert isinstance(json.loads(call["function"]["arguments"]), dict)
                assert call["function"]["name"] in {tool["function"]["name"] for tool in example["tools"]}
                open_calls[call["id"]] = call
        assert messages[-1]["role"] == "assistant"
        for tool in example.get("tools", []):
            assert tool["type"] == "function" and tool["function"]["name"]
    last = {json.dumps(example["messages"]) for example in examples}
    assert len(last) == len(examples), "one conversation twice"
    for one in examples:
        head = json.dumps(one["messages"])[:-1]
        longer = [other for other in last if other.startswith(head + ",")]
        assert not longer, "a conversation that another goes on from"
    return f"{len(examples)} examples"


def main():
    parser = argparse.ArgumentParser()
    for flag in ("--wiretape", "--work", "--node-modules"):
        parser.add_argument(flag, required=True)
    run = Run(parser.parse_args())
    run.call("home", "demo", "--once", "--pace", "0", "--home", str(run.work / "home"))
    run.check("parquet is what the records say", lambda: parquet(run))
    run.check("an archive validates", lambda: archive_validates(run))
    run.check("an archive opens in another proxy", lambda: archive_opens(run))
    run.check("an archive of another proxy is taken in", lambda: archive_comes_back(run))
    run.check("trajectories are what Harbor reads", lambda: trajectories(run))
    run.check("fine-tuning files are as documented", lambda: fine_tuning(run))
    sys.exit(run.failed > 0)


if __name__ == "__main__":
    main()
