"""What the scripted provider makes agents do: pure functions from a request to the next turn, whatever the dialect.

A marker in the user's text names a script. A script is a list of rounds; a round is what one answer asks for: commands
to run, agents to start. When all rounds are over, the answer is a text. How far a conversation is, its history says:
one round for each answer with calls since the user's last text with a marker. So the provider keeps no state of its
own, and any number of agents may speak to it at the same time.
"""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Run:
    """The agent's own tool for commands is to run this one."""

    command: str


@dataclasses.dataclass(frozen=True)
class Ask:
    """The agent's own tool for sub-agents is to start one with this prompt."""

    prompt: str
    background: bool = False


LEAF, LEFT, RIGHT = "SCN-LEAF write the note", "SCN-LEFT write one note", "SCN-RIGHT write the other note"
SCRIPTS = {
    "SCN-PLAIN": [],
    "SCN-TOOLS": [[Run("echo tool-says-hi | tee note.txt")], [Run("wc -c note.txt | tee count.txt")]],
    "SCN-PAR": [[Run("echo one | tee one.txt"), Run("echo two | tee two.txt")]],
    "SCN-FAIL": [[Run("cat missing.txt")]],
    "SCN-RETRY": [[Run("echo again | tee note.txt")]],
    "SCN-SUB": [[Ask(LEAF)]],
    "SCN-NEST": [[Ask("SCN-MIDDLE pass it on")]],
    "SCN-MIDDLE": [[Ask(LEAF)]],
    "SCN-TWINS": [[Ask(LEFT), Ask(RIGHT)]],
    "SCN-BACK": [[Ask(LEAF, background=True)]],
    "SCN-LEAF": [[Run("echo leaf | tee note.txt")]],
    "SCN-LEFT": [[Run("echo left | tee left.txt")]],
    "SCN-RIGHT": [[Run("echo right | tee right.txt")]],
}
# What only a sub-agent is asked ends with another text, so that no driver takes it for the end of the whole.
INNER = {"SCN-MIDDLE", "SCN-LEAF", "SCN-LEFT", "SCN-RIGHT"}
MARKER = re.compile(r"SCN-[A-Z]+")
STARTED = re.compile(r'"agent_id": ?"([^"]+)"')
DONE, INNER_DONE, WAITING = "SCENARIO DONE", "PART DONE", "WAITING FOR THE OTHERS"
# What the commands leave behind in the agent's folder, by which a test knows that they were really run.
NOTE, COUNT = {"note.txt": "tool-says-hi\n"}, {"count.txt": "13 note.txt\n"}
LEFT_BEHIND = {
    "SCN-TOOLS": NOTE | COUNT,
    "SCN-PAR": {"one.txt": "one\n", "two.txt": "two\n"},
    "SCN-RETRY": {"note.txt": "again\n"},
    "SCN-SUB": {"note.txt": "leaf\n"},
    "SCN-NEST": {"note.txt": "leaf\n"},
    "SCN-TWINS": {"left.txt": "left\n", "right.txt": "right\n"},
    "SCN-BACK": {"note.txt": "leaf\n"},
}

# How agents call what runs a command, what starts another agent, what waits for one that was not waited for, and what
# a sub-agent must end with.
RUNNERS = ("Bash", "exec_command", "run_shell_command", "run_command")
STARTERS = ("Agent", "spawn_agent", "invoke_agent", "ask_helper")
WAITERS = ("wait_agent",)
FINISHERS = ("complete_task",)


@dataclasses.dataclass
class Tool:
    name: str
    properties: dict
    namespace: str | None = None


@dataclasses.dataclass
class Said:
    """One message of a conversation, as far as the script cares."""

    role: str  # user, assistant, tool
    text: str = ""
    calls: tuple = ()  # names of the tools that an answer asked for


def text_of(value):
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, map(text_of, value)))
    if isinstance(value, dict):
        return text_of(value.get("text") or value.get("content") or value.get("output") or "")
    return ""


# --- What a request says, dialect by dialect --------------------------------------------------------------------


def tools_of(body):
    """The tools a request offers. Responses have folders of tools; Gemini lists of lists."""
    found = []
    for entry in body.get("tools") or []:
        folder = entry.get("name") if entry.get("type") == "namespace" else None
        listed = entry.get("functionDeclarations") or (entry.get("tools") if folder else None)
        for tool in listed or [entry.get("function") or entry]:
            schema = next((tool[key] for key in SCHEMA_KEYS if tool.get(key)), {})
            if tool.get("name"):
                found.append(Tool(tool["name"], schema.get("properties") or {}, folder))
    return found


SCHEMA_KEYS = ("parameters", "parametersJsonSchema", "parameters_json_schema", "input_schema")


def blocks_history(messages):
    """Anthropic messages and OpenAI chat."""
    for message in messages:
        role, content = message.get("role"), message.get("content")
        blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
        results = [block for block in blocks if block.get("type") == "tool_result"]
        if role == "tool":
            yield Said("tool", text_of(content))
        elif role == "assistant":
            calls = [call["function"]["name"] for call in message.get("tool_calls") or []]
            calls += [block["name"] for block in blocks if block.get("type") == "tool_use"]
            yield Said("assistant", text_of(content), tuple(calls))
        elif role == "user":
            for result in results:
                yield Said("tool", text_of(result.get("content")))
            texts = [block for block in blocks if block not in results]
            if said := text_of(texts if blocks else content):
                yield Said("user", said)


def items_history(items):
    """OpenAI responses: each call is an item of its own; those of one answer stand together."""
    calls = ()
    for item in [{"role": "user", "content": items}] if isinstance(items, str) else items:
        kind = item.get("type", "message")
        if kind in ("function_call", "custom_tool_call"):
            calls += (item["name"],)
            continue
        if calls and kind != "reasoning":
            yield Said("assistant", "", calls)
            calls = ()
        if kind.endswith("_output"):
            yield Said("tool", text_of(item.get("output")))
        elif kind == "message" and item.get("role") in ("user", "assistant"):
            yield Said(item["role"], text_of(item.get("content")))
    if calls:
        yield Said("assistant", "", calls)


def parts_history(contents):
    """Gemini."""
    for content in contents:
        parts = content.get("parts") or []
        if content.get("role") == "model":
            calls = tuple(part["functionCall"]["name"] for part in parts if "functionCall" in part)
            yield Said("assistant", text_of(parts), calls)
            continue
        for part in parts:
            if "functionResponse" in part:
                yield Said("tool", str(part["functionResponse"].get("response")))
        if said := text_of([part for part in parts if "text" in part]):
            yield Said("user", said)


# --- What comes next --------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Place:
    """How far a conversation is in its script."""

    marker: str | None
    rounds: list  # of the answers that asked for something, what they asked for
    waits: int  # how many of the agents that were started were waited for
    started: list  # the agents that a call started without waiting for them
    last: Said | None

    @property
    def finished(self):
        return self.marker is None or len(self.rounds) >= len(SCRIPTS[self.marker])


def place_of(history):
    history = list(history)
    marked = [
        (index, found)
        for index, said in enumerate(history)
        if said.role == "user" and (found := [m for m in MARKER.findall(said.text) if m in SCRIPTS])
    ]
    if not marked:
        return Place(None, [], 0, [], None)
    start, found = marked[-1]
    since = history[start:]
    rounds = [said.calls for said in since if said.calls and said.calls[0] not in WAITERS]
    waits = sum(said.calls[:1] != () and said.calls[0] in WAITERS for said in since)
    started = [id for said in since if said.role == "tool" for id in STARTED.findall(said.text)]
    return Place(found[-1], rounds, waits, started, history[-1])


def next_turn(place, tools):
    """A text, and the calls to make as (tool, arguments)."""
    if place.marker is None:
        return "Hello.", []
    if not place.finished:
        return "", [call_of(step, tools) for step in SCRIPTS[place.marker][len(place.rounds)]]
    if place.waits < len(place.started) and (waiter := find(tools, WAITERS)):
        # One at a time: waiting for several ends with the first of them, whichever that is.
        return "", [(waiter, {"targets": [place.started[place.waits]], "timeout_ms": 30_000})]
    if place.last.role == "tool" and "Async agent launched" in place.last.text:
        return WAITING, []
    answer = INNER_DONE if place.marker in INNER else DONE
    if finisher := find(tools, FINISHERS):
        return "", [(finisher, {"result": {"response": answer}})]
    return answer, []


def find(tools, names):
    return next((tool for name in names for tool in tools if tool.name == name), None)


def call_of(step, tools):
    tool = find(tools, RUNNERS if isinstance(step, Run) else STARTERS)
    if tool is None:
        raise LookupError(f"no tool for {step} among {[tool.name for tool in tools]}")
    values = run_values(step) if isinstance(step, Run) else ask_values(step)
    return tool, {key: value for key, value in values.items() if key in tool.properties}


def run_values(step):
    """The arguments, by every name that an agent's tool for commands has for them."""
    return {
        "cmd": step.command,
        "command": step.command,
        "description": "a step of the script",
        "is_background": False,
    }


def ask_values(step):
    return {
        "description": "part of the script",
        "prompt": step.prompt,
        "message": step.prompt,
        "input": step.prompt,
        "subagent_type": "general-purpose",
        "agent_name": "generalist",
        "run_in_background": step.background,
    }
