"""How each agent is started, on its own: with a fresh home, in a fresh folder, and with nothing of the machine's own
environment. What they are asked, `script.py` has the answers to."""

import dataclasses
import json
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
CODEX_MODEL, CLAUDE_MODEL, GEMINI_MODEL = "gpt-5.1-codex", "claude-sonnet-4-5", "gemini-2.5-flash"


@dataclasses.dataclass
class Place:
    """Where an agent lives and whom it calls."""

    tools: pathlib.Path  # where the agents are installed
    home: pathlib.Path
    work: pathlib.Path
    base: str  # the recorder's address, or the provider's own; empty where `wiretape run` is to say it

    def pointed(self, **paths):
        """Variables that point at the base URL."""
        return {name: self.base + path for name, path in paths.items()} if self.base else {}

    def environment(self, **more):
        common = {
            "PATH": f"{self.tools}/npm/node_modules/.bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
        }
        # What leads calls elsewhere to nowhere (see isolate.py).
        kept = {name: os.environ[name] for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY") if name in os.environ}
        return common | kept | more


@dataclasses.dataclass
class Command:
    words: list
    environment: dict


def claude(place, question, *options, **more):
    environment = place.environment(
        **place.pointed(ANTHROPIC_BASE_URL=""),
        ANTHROPIC_API_KEY="sk-ant-fake",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_AUTOUPDATER="1",
        # It runs commands unasked as root only in a sandbox, which the test is.
        IS_SANDBOX="1",
        **more,
    )
    words = ["claude", *options, "-p", question, "--model", CLAUDE_MODEL, "--dangerously-skip-permissions"]
    return Command(words, environment)


def codex(place, question, socket=False):
    """Codex with the provider that it knows speaks over a socket, with one of the user's own over HTTP."""
    if not place.base:
        provider = ""
    elif socket:
        provider = f'openai_base_url = "{place.base}/v1"\n'
    else:
        provider = (
            'model_provider = "scripted"\n[model_providers.scripted]\nname = "scripted"\nwire_api = "responses"\n'
            f'base_url = "{place.base}/v1"\nenv_key = "OPENAI_API_KEY"\n'
        )
    folder = place.home / ".codex"
    folder.mkdir(exist_ok=True)
    general = f'model = "{CODEX_MODEL}"\ncheck_for_update_on_startup = false\nagents.max_depth = 2\n'
    (folder / "config.toml").write_text(general + provider, encoding="utf-8")
    words = ["codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", question]
    return Command(words, place.environment(OPENAI_API_KEY="sk-fake-openai", CODEX_API_KEY="sk-fake-openai"))


def codex_socket(place, question):
    return codex(place, question, socket=True)


def gemini(place, question):
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
        "general": {"disableAutoUpdate": True, "enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
    }
    folder = place.home / ".gemini"
    folder.mkdir(exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    environment = place.environment(
        **place.pointed(GOOGLE_GEMINI_BASE_URL=""), GEMINI_API_KEY="fake-google", GEMINI_CLI_TRUST_WORKSPACE="true"
    )
    return Command(["gemini", "-p", question, "-m", GEMINI_MODEL, "--yolo"], environment)


def framework(place, name, *questions):
    environment = place.environment(
        **place.pointed(OPENAI_BASE_URL="/v1", ANTHROPIC_BASE_URL="", GOOGLE_GEMINI_BASE_URL=""),
        OPENAI_API_KEY="sk-fake-openai",
        ANTHROPIC_API_KEY="sk-ant-fake",
        GEMINI_API_KEY="fake-google",
        LANGSMITH_TRACING="false",
    )
    return Command([str(place.tools / "venv/bin/python"), str(HERE / "frameworks.py"), name, *questions], environment)


def once(agent, question, **options):
    """One process of that agent with one question."""
    return lambda place: [agent(place, question, **options)]


def framed(name, *questions):
    return lambda place: [framework(place, name, *questions)]


def resumed(place):
    """Two processes, the second of which goes on with the session of the first."""
    return [claude(place, FIRST), claude(place, "SCN-PLAIN and now say so", "-c")]


FIRST = "SCN-TOOLS run the steps"
TOOLS, PARALLEL, FAILING = FIRST, "SCN-PAR run both", "SCN-FAIL read the file"
RETRIED, SUB, NESTED, TWINS = "SCN-RETRY run it", "SCN-SUB pass it on", "SCN-NEST pass it down", "SCN-TWINS share it"
THANKS = "SCN-PLAIN thank you"

# By name: from a place to the processes to run there, one after the other.
RUNS = {
    "claude-plain": once(claude, "SCN-PLAIN say so"),
    "claude-tools": once(claude, TOOLS),
    "claude-parallel": once(claude, PARALLEL),
    "claude-failing": once(claude, FAILING),
    "claude-retry": once(claude, RETRIED),
    "claude-subagent": once(claude, SUB),
    "claude-nested": once(claude, NESTED),
    "claude-twins": once(claude, TWINS),
    "claude-background": once(claude, "SCN-BACK start it"),
    "claude-resumed": resumed,
    "claude-hints": once(claude, NESTED, CLAUDE_CODE_GATEWAY_HINT_HEADERS="1"),
    "codex-tools": once(codex, TOOLS),
    "codex-parallel": once(codex, PARALLEL),
    "codex-retry": once(codex, RETRIED),
    "codex-subagent": once(codex, SUB),
    "codex-nested": once(codex, NESTED),
    "codex-socket-tools": once(codex_socket, TOOLS),
    "codex-socket-subagent": once(codex_socket, SUB),
    "codex-socket-twins": once(codex_socket, TWINS),
    "gemini-tools": once(gemini, TOOLS),
    "gemini-parallel": once(gemini, PARALLEL),
    "gemini-subagent": once(gemini, SUB),
    "pydantic-tools": framed("pydantic_chat", TOOLS),
    "pydantic-parallel": framed("pydantic_gemini", PARALLEL),
    "pydantic-helper": framed("pydantic_helper", SUB),
    "pydantic-conversation": framed("pydantic_chat", TOOLS, THANKS),
    "pydantic-retry": framed("pydantic_chat", RETRIED),
    "openai-agents-tools": framed("openai_agents", TOOLS),
    "openai-agents-parallel": framed("openai_agents_chat", PARALLEL),
    "openai-agents-nested": framed("openai_agents_helper", NESTED),
    "openai-agents-conversation": framed("openai_agents", TOOLS, THANKS),
    "langgraph-tools": framed("langgraph_chat", TOOLS),
    "langgraph-parallel": framed("langgraph_anthropic", PARALLEL),
}
# Started by `wiretape run`, which alone says where they are to call: the same trees. Of Codex' providers it points that
# which Codex knows.
STARTED = [
    "claude-subagent",
    "claude-retry",
    "codex-socket-tools",
    "codex-socket-subagent",
    "gemini-tools",
    "langgraph-parallel",
]
# At the same time through one recorder, which must find the same trees. One is there twice, with the same words.
TOGETHER = [
    "claude-nested",
    "claude-background",
    "codex-tools",
    "codex-socket-twins",
    "gemini-subagent",
    "pydantic-tools",
    "pydantic-tools",
    "openai-agents-nested",
    "langgraph-tools",
]
