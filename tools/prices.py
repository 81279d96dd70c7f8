#!/usr/bin/env python3
"""Makes src/price/table.txt from the figures of two public price lists, as installed in this Python:

    python3 -m venv venv && venv/bin/pip install genai-prices pydantic httpx2 && venv/bin/pip install --no-deps litellm
    venv/bin/python tools/prices.py --date 2026-11-21 > src/price/table.txt
    venv/bin/python tools/prices.py --date 2026-11-21 --compare
                                                        where the two lists disagree, and which one the table follows

Reads installed packages and nothing else. Only figures are taken: which model, what unit, how many dollars.

How the table is made:
* genai-prices comes first: it knows since when a price holds, and its models carry the ids they are called by.
* litellm's list fills in models that genai-prices does not know, and for those that both know, at the same price of
  input and output, the tiers and kinds of token that genai-prices lacks.
* Where they disagree genai-prices is followed, unless CORRECTIONS says otherwise and why.
* Prices are rounded to a millionth of a dollar per unit (a million tokens): lists that are computed carry noise
  beyond it.
"""

import argparse
import json
import re
import sys
from importlib import metadata, util
from pathlib import Path

from price_lists import BASE, MODES, TIERS, genai_rows, literals, litellm_rows

# Ours: theirs (genai-prices), theirs (litellm's litellm_provider, and the prefix of its keys that is not the id's).
PROVIDERS = {
    "anthropic": (["anthropic"], [("anthropic", "")]),
    "azure": (["azure"], [("azure", "azure/"), ("azure_ai", "azure_ai/"), ("azure_text", "azure/")]),
    "bedrock": (["aws"], [("bedrock_converse", ""), ("bedrock", ""), ("bedrock_mantle", "bedrock_mantle/")]),
    "cerebras": (["cerebras"], [("cerebras", "cerebras/")]),
    "cohere": (["cohere"], [("cohere", "cohere/"), ("cohere_chat", "")]),
    "deepseek": (["deepseek"], [("deepseek", "deepseek/")]),
    "fireworks": (["fireworks"], [("fireworks_ai", "fireworks_ai/"), ("fireworks_ai-embedding-models", "fireworks_ai/")]),
    "gemini": (["google"], [("gemini", "gemini/")]),
    "groq": (["groq"], [("groq", "groq/")]),
    "mistral": (["mistral"], [("mistral", "mistral/")]),
    "moonshot": (["moonshotai"], [("moonshot", "moonshot/")]),
    "openai": (["openai"], [("openai", "openai/"), ("text-completion-openai", "")]),
    "openrouter": (["openrouter"], [("openrouter", "openrouter/")]),
    "perplexity": (["perplexity"], [("perplexity", "perplexity/")]),
    "qwen": ([], [("dashscope", "dashscope/")]),
    "together": (["together"], [("together_ai", "together_ai/")]),
    "vertex": ([], [(f"vertex_ai-{kind}", "vertex_ai/") for kind in (
        "anthropic_models", "language-models", "mistral_models", "llama_models", "ai21_models", "deepseek_models",
        "qwen_models", "zai_models", "openai_models", "embedding-models", "minimax_models", "moonshot_models")]),
    "xai": (["x-ai"], [("xai", "xai/")]),
    "zai": (["zai"], [("zai", "zai/")]),
}

# Whose models a provider serves at their own prices: what stands there need not stand twice. As in src/price/table.rs.
SERVES = {"azure": ["openai", "anthropic", "deepseek", "xai", "moonshot"], "vertex": ["gemini"]}

# Hugging Face's router takes `model:provider`; the price is that provider's.
HUGGINGFACE = ["cerebras", "fireworks-ai", "groq", "hyperbolic", "nebius", "novita", "nscale", "ovhcloud", "publicai",
               "sambanova", "together"]

ORDER = ["input", "output", "reasoning", "cache_read", "cache_write", "cache_write_1h", "cache_write_12h",
         "audio_input", "audio_output", "audio_cache_read", "image_input", "image_output",
         "characters", "audio_hour"]

# Where a list is known to be wrong or silent. Key: (provider, model); value: rows that replace all of that model's.
CORRECTIONS = {
    # genai-prices ends with the discount by the hour that was dropped in September 2025; litellm has today's figures.
    ("deepseek", model): {
        BASE: peak,
        ("2025-09-05", "", "", 0): {"input": "0.56", "cache_read": "0.07", "output": "1.68"},
        ("2025-09-29", "", "", 0): {"input": "0.28", "cache_read": "0.028", "output": "0.42"},
    }
    for model, peak in {
        "deepseek-chat": {"input": "0.27", "cache_read": "0.07", "output": "1.1"},
        "deepseek-reasoner": {"input": "0.55", "cache_read": "0.14", "output": "2.19"},
    }.items()
}
CORRECTIONS |= {
    # genai-prices has the rate of a larger class; litellm's is Together's for mixtures of experts up to 56 billion.
    ("together", "mistralai/mixtral-8x7b-instruct-v0.1"): {BASE: {"input": "0.6", "output": "0.6"}},
    # litellm has zeros, which are left out elsewhere: these two are free.
    ("zai", "glm-4.5-flash"): {BASE: {"input": "0", "output": "0", "cache_read": "0"}},
    ("zai", "glm-4.7-flash"): {BASE: {"input": "0", "output": "0", "cache_read": "0"}},
}
# Since when litellm's figure holds, where genai-prices has only the one before.
LATER = {
    # The names moved on to a newer model: Large 3; Medium 3.5, as genai-prices has it for mistral-medium-latest.
    ("mistral", "mistral-large-latest"): "2025-12-02",
    ("mistral", "mistral-medium"): "2026-06-16",
    ("mistral", "magistral-medium-latest"): "2026-06-16",
    # The model was withdrawn that day, and its name answers with another.
    ("xai", "grok-code-fast-1"): "2026-05-15",
    # As genai-prices has it for the same provider behind Hugging Face's router.
    ("together", "meta-llama/llama-3.3-70b-instruct-turbo"): "2026-10-19",
}
# Kinds of token that the other list may add to a model's plain prices.
SMALL = ("cache_write_1h", "cache_write_12h", "web_search/k", "audio_input", "audio_output", "audio_cache_read",
         "image_input", "image_output")
# Google's price of input is one price for every kind, but where another is listed.
ONE_PRICE = ("gemini", "vertex")
# Fetching pages and running code beside a web search is not billed by the call.
FREE = {"anthropic": {"web_fetch/k": "0"}}
# What models answer as that neither list has.
ALIASES = {
    ("bedrock", "anthropic.claude-v2"): "anthropic.claude-v2:1",
    ("bedrock", "claude-2.0"): "anthropic.claude-v2:1",
    ("bedrock", "claude-2.1"): "anthropic.claude-v2:1",
    ("bedrock", "claude-instant-1.2"): "anthropic.claude-instant-v1",
    ("cerebras", "llama3.3-70b"): "llama-3.3-70b",
    ("mistral", "magistral-medium-2506"): "magistral-medium",
    ("mistral", "magistral-medium-2507"): "magistral-medium",
    ("mistral", "magistral-medium-2509"): "magistral-medium",
    ("openai", "babbage:2023-07-21-v2"): "babbage-002",
    ("openai", "davinci:2023-07-21-v2"): "davinci-002",
}
# Ids that a list matches by a pattern, and that the rules of src/price/name.rs do not lead to.
SEEN = {
    "anthropic": ["claude-2.0", "claude-2.1", "claude-instant-1.2", "claude-sonnet-4-0", "claude-opus-4-0",
                  "claude-opus-4-1", "claude-opus-4", "claude-sonnet-4", "claude-instant-1"],
    "bedrock": ["anthropic.claude-instant-v1", "anthropic.claude-v2", "anthropic.claude-v2:1"],
    "gemini": ["gemini-2.5-flash-preview", "gemini-2.5-pro-preview", "gemini-2.0-flash-exp", "gemini-3-pro-image",
               "gemini-2.5-flash-preview-05-20", "gemini-2.5-flash-preview-04-17", "gemini-1.5-flash-8b"],
    "openai": ["omni-moderation-latest", "text-moderation-latest", "text-moderation-stable", "gpt-4-32k",
               "text-moderation-006", "text-moderation-007"],
}


def dated(model):
    """Whether the rules of src/price/name.rs lead from this id to another by a date or a word at its end."""
    return re.fullmatch(r"(.+?)(-20\d\d-\d\d-\d\d|[-@]20\d{6}|-latest|@default|@latest)", model)


def merge(known, since, rows, tiers):
    """Adds to a model what only the other list has of it: tiers, and kinds of token."""
    listed = {(tier, above): row for (start, tier, hours, above), row in known.items() if start == since and not hours}
    stepped = any(above for (_, _, _, above) in known)
    for (_, tier, _, above), row in sorted(rows.items()):
        mine = listed.get((tier, above))
        if mine is not None:
            for unit in SMALL:
                if unit in row:
                    mine.setdefault(unit, row[unit])
        elif not tier and tiers and above and not stepped:
            known[(since, tier, "", above)] = dict(row)
        elif tier in tiers and (not above or ("", above) in listed):
            plain, theirs = listed.get((tier, 0)), rows.get(("", tier, "", 0), {})
            if plain is None or all(plain.get(unit) == theirs.get(unit) for unit in ("input", "output")):
                known[(since, tier, "", above)] = dict(row)


class Maker:
    def __init__(self, today):
        self.today = today
        from genai_prices.data import providers

        self.lists = {provider.id: provider for provider in providers}
        # Found, not imported: the package wants more than its list.
        folder = Path(util.find_spec("litellm").submodule_search_locations[0])
        self.litellm = json.loads((folder / "model_prices_and_context_window_backup.json").read_text())
        self.rows = {}
        self.same = {}
        self.disagreements = []

    def genai(self, ours, theirs, suffix=""):
        for model in self.lists[theirs].models:
            rows = genai_rows(model)
            ident = model.id.lower().removeprefix("regional.").lstrip("/") + suffix
            provider = "vertex" if ours == "gemini" and "claude" in ident else ours
            if not rows or ident.endswith("-"):
                continue
            for units in FREE.get(provider, {}).items():
                for when, row in rows.items():
                    if when[1:] == ("", "", 0):
                        row.setdefault(*units)
            self.rows[(provider, ident)] = rows
            names = {name.lower().lstrip("/") + suffix for name in literals(model.match)} - {ident}
            names = {name for name in names if " " not in name and name[-1] not in "@-."}
            for name in names:
                if (provider, name) not in self.rows:
                    self.same.setdefault((provider, name), ident)

    def found(self, ours, name):
        """What genai-prices makes of an id, as the key of its rows."""
        for provider in [ours, *SERVES.get(ours, [])]:
            if (provider, name) in self.rows:
                return provider, name
            if (provider, name) in self.same:
                return provider, self.same[(provider, name)]
            for theirs in PROVIDERS[provider][0]:
                model = self.lists[theirs].find_model(name)
                if model:
                    ident = model.id.lower().removeprefix("regional.")
                    for place in (provider, "vertex"):
                        if (place, ident) in self.rows:
                            return place, ident
        return None

    def fill(self, ours, kind, prefix):
        for key, entry in self.litellm.items():
            if entry.get("litellm_provider") != kind or entry.get("mode") not in MODES:
                continue
            name = key.lower().removeprefix(prefix).removeprefix("accounts/fireworks/models/")
            if ours in ("azure", "openai", "gemini", "vertex", "cohere", "xai", "deepseek") and "/" in name:
                continue
            if ours == "bedrock" and ("/" in name or "@" in name):
                continue
            rows = litellm_rows(entry)
            if rows:
                self.add(ours, name, rows)

    def add(self, ours, name, rows):
        place = self.found(ours, name)
        if place is None:
            self.rows[(ours, name)] = rows
            return
        known = self.rows[place]
        newest = max(when[0] for when in known if when[0] <= self.today)
        base, other = known.get((newest, "", "", 0), {}), rows.get(BASE, {})
        if all(base.get(unit, "0") == other.get(unit, "0") for unit in ("input", "output")):
            if place[0] == ours:
                merge(known, newest, rows, () if dated(name) else TIERS.values())
        else:
            self.disagreements.append((ours, name, base, other))
            region = ours == "bedrock" and re.match(r"(us|eu|us-gov|apac|jp|au|ca|in|sa)\.", name)
            if (ours, name) in LATER:
                self.rows[(ours, name)] = {**known, **{(LATER[(ours, name)], *when[1:]): row for when, row in rows.items()}}
                return
            # A region's own price, where the other list has one for all.
            if region or (ours in SERVES and place[0] != ours):
                self.rows[(ours, name)] = rows
                return
        if place[0] == ours and name != place[1] and not dated(name):
            self.same.setdefault((ours, name), place[1])

    def make(self):
        for ours, (theirs, _) in PROVIDERS.items():
            for each in theirs:
                self.genai(ours, each)
        for route in HUGGINGFACE:
            self.genai("huggingface", f"huggingface_{route}", f":{route}")
        for ours, (_, kinds) in PROVIDERS.items():
            for kind, prefix in kinds:
                self.fill(ours, kind, prefix)
        for ours, names in SEEN.items():
            for name in names:
                place = self.found(ours, name)
                if place and place[0] == ours and place[1] != name:
                    self.same.setdefault((ours, name), place[1])
        self.same |= ALIASES
        for place, rows in CORRECTIONS.items():
            self.rows[place] = rows
        for (ours, name), rows in self.rows.items():
            if ours in ONE_PRICE and not any("audio_input" in row for row in rows.values()):
                for row in rows.values():
                    for audio, plain in (("audio_input", "input"), ("audio_cache_read", "cache_read")):
                        if plain in row:
                            row.setdefault(audio, row[plain])
        for place in list(self.same):
            if place in self.rows or (place[0], self.same[place]) not in self.rows:
                del self.same[place]

    def lines(self):
        listed = [((*place, *when), row) for place, rows in self.rows.items() for when, row in rows.items()]
        listed += [((*place, "", "", "", 0), target) for place, target in self.same.items()]
        for (provider, model, since, tier, hours, above), row in sorted(listed, key=lambda one: one[0]):
            words = [provider, model]
            words += [f"from={since}"] * bool(since) + [f"tier={tier}"] * bool(tier)
            words += [f"hours={hours}"] * bool(hours) + [f"above={above}"] * bool(above)
            if isinstance(row, str):
                words.append(f"same={row}")
            else:
                units = sorted(row, key=lambda unit: (ORDER.index(unit) if unit in ORDER else 99, unit))
                words += [f"{unit}={row[unit]}" for unit in units]
            yield " ".join(words)


def show(maker, ours, name):
    """What each list says of a model, and what the table makes of it."""
    print(f"{ours} {name}")
    for theirs in PROVIDERS[ours][0]:
        model = maker.lists[theirs].find_model(name)
        for when, row in sorted(genai_rows(model).items()) if model else []:
            print("  genai-prices", model.id, *filter(None, when), row)
    for kind, prefix in PROVIDERS[ours][1]:
        for key in {name, prefix + name}:
            entry = maker.litellm.get(key, {})
            if entry.get("litellm_provider") == kind:
                for when, row in litellm_rows(entry).items():
                    print("  litellm", *filter(None, when), row)
    target = maker.same.get((ours, name), name)
    for when, row in sorted(maker.rows.get((ours, target), {}).items()):
        print("  table", target, *filter(None, when), row)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--date", required=True, help="the day the figures were taken")
    arguments.add_argument("--compare", action="store_true", help="print disagreements in place of the table")
    arguments.add_argument("--show", nargs="*", default=[], metavar="PROVIDER:MODEL", help="print what each list says")
    arguments = arguments.parse_args()
    maker = Maker(arguments.date)
    maker.make()
    for one in arguments.show:
        show(maker, *one.split(":", 1))
    if arguments.show:
        return
    if arguments.compare:
        for ours, name, base, other in sorted(maker.disagreements, key=lambda one: one[:2]):
            shown = [f"{side.get('input', '-')}/{side.get('output', '-')}" for side in (base, other)]
            print(f"{ours} {name}: genai-prices {shown[0]}, litellm {shown[1]}")
        return
    sources = ", ".join(f"{name} {metadata.version(name)}" for name in ("genai-prices", "litellm"))
    print("# Prices in US dollars: tokens and characters by the million, audio by the hour, /k by the thousand.")
    print("# Made by tools/prices.py; src/price/parse.rs says how it is read. Not to be edited by hand.")
    print(f"@date {arguments.date}\n@source figures from {sources}")
    for line in maker.lines():
        print(line)
    print(f"{len(maker.rows)} models, {len(maker.same)} other names", file=sys.stderr)


if __name__ == "__main__":
    main()
