#!/usr/bin/env python3
"""What tree.py makes of a few handwritten records. Prints `ok NAME` or `FAIL NAME: why`."""

import json
import sys

import tree

TRACE, OTHER = "1" * 32, "2" * 32
SAID = [{"to": "session", "reason": "said:header:x-session", "confidence": 1.0}]
GUESSED = [{"to": "session", "reason": "inferred:first-turn", "confidence": 0.9}]


def record(id, at, type="generation", **more):
    """A generation of the main line where nothing else is said."""
    common = {"id": id, "trace_id": TRACE, "session_id": "a", "type": type, "status": "ok", "links": SAID}
    return common | {"name": "chat m", "start_time": f"2026-01-01T00:00:{at:02}.000000Z"} | more


def asked(text, *notes):
    parts = [{"type": "text", "content": each} for each in (*notes, text)]
    return [{"role": "user", "parts": parts}]


def tool(id, at, parent, name, **more):
    status = more.pop("status", "ok")
    return record(id, at, "tool", name=name, parent_id=parent, status=status, tool={"call_id": f"c-{id}"} | more)


def calls(*ids):
    return [{"id": f"c-{id}", "name": "x"} for id in ids]


CASES = {
    "nesting": (
        [
            record("g1", 1, finish_reason="tool_call", input=asked("do it", "<note>hm</note>"), tool_calls=calls("t1")),
            tool("t1", 2, "g1", "Agent", arguments={"prompt": "part"}, duration_source="gap"),
            record("g2", 3, parent_id="t1", finish_reason="tool_call", tool_calls=calls("t2")),
            tool("t2", 4, "g2", "Bash", arguments={"command": "ls"}, is_error=True, status="error"),
            record("g3", 5, parent_id="t1", finish_reason="stop"),
            record("g4", 6, finish_reason="stop"),
        ],
        """\
session s1 (said:header:x-session)
  trace "do it" ok
    generation chat m tool_call
      tool Agent {"prompt":"part"} ok gap
        generation chat m tool_call
          tool Bash {"command":"ls"} error is_error
        generation chat m stop
    generation chat m stop
""",
    ),
    "order_of_asking": (
        [
            tool("t1", 2, "g1", "first", arguments={}),
            tool("t2", 2, "g1", "second", arguments={}, status="open"),
            record("g1", 1, finish_reason="tool_call", input=asked("go"), tool_calls=calls("t1", "t2")),
        ],
        """\
session s1 (said:header:x-session)
  trace "go" ok
    generation chat m tool_call
      tool first {} ok
      tool second {} open
""",
    ),
    "attempts_sides_and_probes": (
        [
            record("h", 0, "span", name="HEAD /", operation="http"),
            record("w", 1, side="prewarm", finish_reason="stop"),
            record("g1", 2, status="error", http_status=529, input=asked("go")),
            record("g2", 3, attempt=2, finish_reason="stop"),
        ],
        """\
session s1 (said:header:x-session)
  trace "go" ok
    generation chat m stop side prewarm
    generation chat m error 529
    generation chat m stop attempt 2
""",
    ),
    "strays": (
        [
            record("g1", 1, finish_reason="stop", input=asked("one")),
            tool("t1", 2, "nobody", "lost", arguments={"id": "01234567-89ab-cdef-0123-456789abcdef"}),
            record("g2", 3, trace_id=OTHER, parent_id="g1", status="error", http_status=500, input=asked("two")),
            record("g3", 4, session_id="b", trace_id="3" * 32, links=GUESSED, finish_reason="stop", input=asked("3")),
            record("g5", 6, parent_id="t5", finish_reason="tool_call"),
            tool("t5", 7, "g5", "loop", arguments=[]),
            record("g4", 5, session_id=None, trace_id="4" * 32, input=asked("four"), finish_reason="length"),
        ],
        """\
session s1 (said:header:x-session)
  trace "one" ok
    generation chat m stop
    tool lost {"id":"<id>"} ok (parent missing)
    generation chat m tool_call (its own ancestor)
      tool loop [] ok
  trace "two" error
    generation chat m error 500 (parent in another trace)
session s2 (inferred)
  trace "3" ok
    generation chat m stop
session s3 (none)
  trace "four" ok
    generation chat m length
""",
    ),
}


def main():
    failed = 0
    for name, (records, expected) in CASES.items():
        found = tree.numbered(tree.read(map(json.dumps, records)).sessions())
        if found == expected:
            print(f"ok {name}")
        else:
            failed += 1
            print(f"FAIL {name}:\n{found}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
