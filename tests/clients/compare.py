#!/usr/bin/env python3
"""Compares two runs of the same driver: one that spoke to the provider, one that spoke to it through a relay.

usage: compare.py DIRECT.jsonl THROUGH.jsonl [--results DIRECT THROUGH]

Per scenario, the provider must have seen the same requests (method, target, headers with their order and case and
values, hash of the body's bytes, trailers), sent the same bytes in answer and seen the same end; and the client must
have made the same of it. Prints `ok NAME` or `FAIL NAME: why` for each; the exit code says whether all are the same.

Left out: Host and the hop-by-hop headers (those that Connection names, too), which a relay writes itself, and what is
another value in each run: a form's boundary, a WebSocket's key, an SDK's idempotency key. Scenarios named h2_… reach
the relay over HTTP/2, which has lower-case header names only: there, names are compared without case and order.
"""

import argparse
import collections
import itertools
import json
import re
import sys

REWRITTEN = {"host", "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
VOLATILE = {"sec-websocket-key", "idempotency-key", "x-stainless-idempotency-key"}


def headers(record):
    found = []
    listed = ",".join(value for name, value in record["headers"] if name.lower() == "connection")
    dropped = REWRITTEN | {name.strip().lower() for name in listed.split(",")}
    for name, value in record["headers"]:
        if name.lower() in dropped:
            continue
        if name.lower() in VOLATILE:
            value = "(another one in each run)"
        if name.lower() == "content-type":
            value = re.sub(r"boundary=\S+", "boundary=(another one in each run)", value)
        found.append([name, value])
    if record["scenario"].startswith("h2_"):
        found = sorted([name.lower(), value] for name, value in found)
    return found


def comparable(record):
    """What must be the same of a request, in the order in which a difference is best reported."""
    kept = {key: record.get(key) for key in ("method", "target", "status", "end", "trailers")}
    # Trailers are relayed by name, and names have no case.
    kept["trailers"] = [[name.lower(), value] for name, value in kept["trailers"] or []]
    kept["headers"] = headers(record)
    kept["body"] = record["parts"] or record["body_sha256"]
    kept["body_len"] = record["body_len"]
    if record.get("end") not in ("client_left", "cut"):
        kept["sent"] = [record.get("sent_sha256"), record.get("sent_len")]
    for key in ("frames_in", "frames_out", "closed"):
        kept[key] = record.get(key)
    return kept


def scenarios(path):
    """The log's requests by scenario, in an order that does not depend on which of two parallel ones came first."""
    found = collections.defaultdict(list)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            found[record["scenario"] or "(control)"].append(record)
    for records in found.values():
        records.sort(key=lambda record: (record["target"], record["body_len"], str(comparable(record)["body"]), str(record.get("frames_in")), record["n"]))
    return found


def difference(one, other):
    """The first difference between two requests, in words; None where there is none."""
    one, other = comparable(one), comparable(other)
    for key, value in one.items():
        if value == other.get(key):
            continue
        if isinstance(value, list) and isinstance(other.get(key), list):
            pairs = itertools.zip_longest(value, other[key], fillvalue="nothing")
            index, pair = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
            return f"{key}[{index}]: {pair[0]} directly, {pair[1]} through the relay"
        return f"{key}: {value} directly, {other.get(key)} through the relay"
    return None


def requests_differ(direct, through):
    if len(direct) != len(through):
        return f"{len(direct)} requests directly, {len(through)} through the relay"
    for number, (one, other) in enumerate(zip(direct, through), 1):
        if why := difference(one, other):
            return f"request {number} of {len(direct)}, {one['method']} {one['target']}: {why}"
    return None


def results(path):
    with open(path, encoding="utf-8") as lines:
        return dict(json.loads(line) for line in lines)


def received(value):
    """Every `received` in a result: what a client without an SDK read off the wire."""
    if isinstance(value, dict):
        inner = [found for key in value for found in received(value[key])]
        return inner + ([value["received"]] if "received" in value else [])
    return [found for item in value for found in received(item)] if isinstance(value, list) else []


def result_differs(name, direct, through, records):
    if name not in direct or name not in through:
        return "no result directly" if name not in direct else "no result through the relay"
    if direct[name] != through[name]:
        return f"another result: {first_difference(direct[name], through[name])}"
    sent = {(record.get("sent_sha256"), record.get("sent_len")) for record in records}
    for got in received(through[name]):
        if (got["sha256"], got["len"]) not in sent:
            return f"the client read {got['len']} bytes that the provider never sent"
    return None


def first_difference(one, other, at=""):
    if type(one) is type(other) and isinstance(one, list) and len(one) == len(other):
        return next(first_difference(a, b, f"{at}[{i}]") for i, (a, b) in enumerate(zip(one, other)) if a != b)
    if type(one) is type(other) and isinstance(one, dict) and one.keys() == other.keys():
        return next(first_difference(one[key], other[key], f"{at}.{key}") for key in one if one[key] != other[key])
    return f"{at or 'all'}: {str(one)[:300]} directly, {str(other)[:300]} through the relay"


def main():
    parser = argparse.ArgumentParser(description="Compares the logs of two runs.")
    parser.add_argument("direct")
    parser.add_argument("through")
    parser.add_argument("--results", nargs=2)
    arguments = parser.parse_args()
    direct, through = scenarios(arguments.direct), scenarios(arguments.through)
    read = [results(path) for path in arguments.results] if arguments.results else [{}, {}]
    failed = 0
    names = list(dict.fromkeys([*direct, *through, *read[0], *read[1]]))
    if not direct:
        names.append("(nothing was logged)")
    for name in names:
        why = requests_differ(direct.get(name, []), through.get(name, []))
        if why is None and (name in read[0] or name in read[1]):
            why = result_differs(name, *read, through.get(name, []))
        failed += why is not None
        print(f"FAIL same {name}: {why}" if why else f"ok same {name}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
