#!/usr/bin/env python3
"""The tree of what was recorded, as text: sessions, their traces, and in each the observations, nested as they say.

usage: tree.py [FILE]        FILE is what `wiretape export --format jsonl` wrote; without it stdin

Only what is the same in each run is told: no ids, no times, no tokens. Children stand in the order of their start, and
tools of one answer in the order it asked for them.

  session s1 (said:header:x-claude-code-session-id)
    trace "words of the user" ok
      generation chat claude-sonnet-4-5 tool_call
        tool Bash {"command":"ls"} ok gap
      generation chat claude-sonnet-4-5 error 529
      generation chat claude-sonnet-4-5 stop attempt 2

A session's reason is that of its link; how it was inferred may change without the tree being another one, so that of
an inferred one is not told. A trace ends as its last step on the main line did.
"""

import collections
import json
import re
import sys

# Ids that differ from run to run: UUIDs, and what is long and hexadecimal.
VOLATILE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4,12}){4}|\b[0-9a-f]{16,}\b")
WORDS_SHOWN, ARGUMENTS_SHOWN = 60, 72


def shortened(text, length):
    text = " ".join(VOLATILE.sub("<id>", text).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def words_of(generation):
    """What the user said last. Agents put notes of their own beside it, as elements: those are nobody's words."""
    users = [message for message in generation.get("input") or [] if message.get("role") == "user"]
    parts = users[-1].get("parts") or [] if users else []
    texts = [part.get("content") or "" for part in parts if part.get("type") == "text"]
    return " ".join(text for text in texts if not text.lstrip().startswith("<"))


def told(observation):
    """Whether it is part of the tree: what no dialect knows is none, unless it says what it was for."""
    return observation.get("operation") != "http" or "side" in observation


def line_of(observation):
    words = [observation["type"], observation["name"]]
    status = observation.get("status", "?")
    if observation["type"] == "tool":
        tool = observation.get("tool") or {}
        arguments = json.dumps(tool.get("arguments"), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        words += [shortened(arguments, ARGUMENTS_SHOWN), status]
        words += ["is_error"] if tool.get("is_error") else []
        words += [tool["duration_source"]] if "duration_source" in tool else []
    elif status == "ok":
        words += [observation.get("finish_reason") or "ok"]
    else:
        words += [status, str(observation.get("http_status") or "")]
    if observation.get("attempt", 1) > 1:
        words.append(f"attempt {observation['attempt']}")
    if "side" in observation:
        words.append(f"side {observation['side']}")
    return " ".join(filter(None, words))


class Tree:
    def __init__(self, observations):
        self.all = sorted(filter(told, observations), key=lambda each: each["start_time"])
        self.by_id = {each["id"]: each for each in self.all}
        self.shown = set()
        self.children = collections.defaultdict(list)
        for each in self.all:
            self.children[each.get("parent_id")].append(each)

    def sessions(self):
        """One text for each session, in the order of their start; without a number."""
        found = collections.defaultdict(list)
        for each in self.all:
            found[each.get("session_id")].append(each)
        return ["\n".join(self.session(id, members)) for id, members in found.items()]

    def session(self, id, members):
        yield f"session ({'none' if id is None else session_reason(members)})"
        traces = collections.defaultdict(list)
        for each in members:
            traces[each["trace_id"]].append(each)
        for trace in traces.values():
            yield from self.trace(trace)

    def trace(self, members):
        main = [each for each in members if "parent_id" not in each and "side" not in each] or members
        ended = main[-1].get("status")
        yield f'  trace "{shortened(words_of(main[0]), WORDS_SHOWN)}" {ended}'
        for each in members:
            if mark := self.stray(each):
                yield from self.nested(each, 2, f" ({mark})")
            elif "parent_id" not in each:
                yield from self.nested(each, 2)
        for each in members:
            if each["id"] not in self.shown:
                yield from self.nested(each, 2, " (its own ancestor)")

    def stray(self, observation):
        """What is wrong with its parent, if it names one that it cannot be shown below."""
        if "parent_id" not in observation:
            return None
        parent = self.by_id.get(observation["parent_id"])
        if parent is None:
            return "parent missing"
        if parent["trace_id"] != observation["trace_id"]:
            return "parent in another trace"
        if parent.get("session_id") != observation.get("session_id"):
            return "parent in another session"
        return None

    def nested(self, observation, depth, mark=""):
        self.shown.add(observation["id"])
        yield "  " * depth + line_of(observation) + mark
        children = [each for each in self.children[observation["id"]] if not self.stray(each)]
        children = [each for each in children if each["id"] not in self.shown]
        asked = [call.get("id") for call in observation.get("tool_calls") or []]

        def place(child):
            id = (child.get("tool") or {}).get("call_id")
            return (asked.index(id) if id in asked else len(asked), child["start_time"])

        for child in sorted(children, key=place):
            yield from self.nested(child, depth + 1)


def session_reason(members):
    """Why the first of them is in this session."""
    links = [link for each in members[:1] for link in each.get("links") or [] if link.get("to") == "session"]
    if not links:
        return "no reason"
    reason = links[0]["reason"]
    return reason if reason.startswith("said:") else reason.split(":")[0]


def numbered(sessions):
    """Sessions as one text, with their numbers."""
    texts = [text.replace("session (", f"session s{n} (", 1) for n, text in enumerate(sessions, 1)]
    return "".join(f"{text}\n" for text in texts)


def read(lines):
    return Tree([json.loads(line) for line in lines if line.strip()])


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") if len(sys.argv) > 1 else sys.stdin as file:
        print(numbered(read(file).sessions()), end="")
