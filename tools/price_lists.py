"""Reads the two price lists that tools/prices.py works from, each into the same form: for a model
{(from, tier, hours, above): {unit: price}}, with the units and the conditions of src/price/table.txt.
"""

import re
from decimal import Decimal

# The conditions of a plain price.
BASE = ("", "", "", 0)

UNITS = {
    "input_mtok": "input", "output_mtok": "output", "output_reasoning_mtok": "reasoning",
    "cache_read_mtok": "cache_read", "cache_write_mtok": "cache_write", "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "audio_input", "output_audio_mtok": "audio_output", "cache_audio_read_mtok": "audio_cache_read",
    "input_image_mtok": "image_input", "output_image_mtok": "image_output",
    "input_mchars": "characters", "audio_hours": "audio_hour", "input_audio_hours": "audio_hour",
    "web_searches_kcount": "web_search/k", "storage_searches_kcount": "file_search/k",
    "social_searches_kcount": "social_search/k", "code_executions_kcount": "code_execution/k",
    "rerank_searches_kcount": "rerank_search/k", "input_document_kpages": "page/k", "requests_kcount": "call/k",
}

# litellm's names without `_cost`, its unit, and ours.
COSTS = {
    "input_cost_per_token": ("input", 10**6), "output_cost_per_token": ("output", 10**6),
    "output_cost_per_reasoning_token": ("reasoning", 10**6),
    "cache_read_input_token_cost": ("cache_read", 10**6),
    "cache_creation_input_token_cost": ("cache_write", 10**6),
    "cache_creation_input_token_cost_above_1hr": ("cache_write_1h", 10**6),
    "cache_creation_input_token_cost_above_12hr": ("cache_write_12h", 10**6),
    "input_cost_per_audio_token": ("audio_input", 10**6), "output_cost_per_audio_token": ("audio_output", 10**6),
    "cache_read_input_audio_token_cost": ("audio_cache_read", 10**6),
    "input_cost_per_image_token": ("image_input", 10**6), "output_cost_per_image_token": ("image_output", 10**6),
    "input_cost_per_character": ("characters", 10**6), "input_cost_per_request": ("call/k", 10**3),
}
TIERS = {"batches": "batch", "priority": "priority", "flex": "flex", "ultrafast": "ultrafast"}
MODES = {"chat", "completion", "responses", "embedding", "rerank", "audio_transcription", "audio_speech",
         "image_generation", "realtime", "moderation", None}


def number(value):
    """Dollars as the table writes them: no exponent, no zeros at the end, six decimals at most."""
    value = round(Decimal(str(value)), 6)
    return format(value.normalize(), "f") if value else "0"


def literals(match):
    """The ids that a pattern of genai-prices names outright."""
    kind = type(match).__name__
    if kind == "ClauseOr":
        for part in match.or_:
            yield from literals(part)
    elif kind == "ClauseAnd":
        for part in match.and_:
            if type(part).__name__ in ("ClauseStartsWith", "ClauseEquals"):
                yield from literals(part)
    elif kind in ("ClauseEquals", "ClauseStartsWith", "ClauseContains", "ClauseEndsWith"):
        yield next(iter(vars(match).values()))


def tiered(prices):
    """One set of prices of genai-prices as {above: {unit: price}}."""
    rows = {}
    for key, price in vars(prices).items():
        unit = UNITS.get(key)
        if price is None or unit is None:
            continue
        if hasattr(price, "tiers"):
            rows.setdefault(0, {})[unit] = number(price.base)
            for tier in price.tiers:
                rows.setdefault(tier.start, {})[unit] = number(tier.price)
        else:
            rows.setdefault(0, {})[unit] = number(price)
    return rows


def genai_rows(model):
    """A model of genai-prices as {(from, tier, hours, above): {unit: price}}."""
    prices = model.prices
    if not isinstance(prices, list):
        prices = [type("Only", (), {"constraint": None, "prices": model.prices})]
    epochs, latest = {"": {}}, ""
    for one in prices:
        latest = since(one) or latest
        first = getattr(one.constraint, "start_time", None)
        # Hours are listed last, without a date: they hold for the newest prices, which they are multiples of.
        hours = f"{first:%H:%M}-{one.constraint.end_time:%H:%M}" if first else ""
        for above, row in tiered(one.prices).items():
            epochs.setdefault(latest, {})[(hours, above)] = row
    variants = []
    for variant in model.price_variants or []:
        tier = variant.when.get("service_tier") or variant.when.get("processing") or variant.when.get("speed")
        if len(variant.when) == 1 and tier not in (None, "default"):
            variants.append((tier, since(variant), tiered(variant.prices)))
    # A tier's date is the day someone looked. It held as long as the price that it is a part of, so the first of a
    # tier within a price's time goes back to that price's beginning; a later one changed something.
    dates, seen, bases = {}, set(), sorted(epochs)
    for at, (tier, start, _) in sorted(enumerate(variants), key=lambda one: one[1][1]):
        base = max(each for each in bases if each <= start)
        dates[at] = start if (tier, base) in seen else base
        seen.add((tier, base))
    rows = {}
    for start in sorted({*bases, *dates.values()}):
        for (hours, above), row in epochs[max(each for each in bases if each <= start)].items():
            rows[(start, "", hours, above)] = dict(row)
        for at, (tier, _, prices) in enumerate(variants):
            if dates[at] <= start:
                for above, row in prices.items():
                    for unit, price in row.items():
                        rows.setdefault((start, tier, "", above), {}).setdefault(unit, price)
    return {when: row for when, row in rows.items() if row}


def since(one):
    start = getattr(one.constraint, "start_date", None)
    return start.isoformat() if start else ""


def litellm_rows(entry):
    """An entry of litellm's list, in the same form."""
    rows = {}

    def put(tier, above, unit, price):
        rows.setdefault(("", tier, "", above), {}).setdefault(unit, number(price))

    for key, value in entry.items():
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            continue
        name, tier, above = key, "", 0
        for suffix, ours in TIERS.items():
            if name.endswith("_" + suffix):
                name, tier = name[: -len(suffix) - 1], ours
        if found := re.fullmatch(r"(.*)_above_(\d+)k_tokens", name):
            name, above = found[1], int(found[2]) * 1000
        if name in COSTS:
            unit, per = COSTS[name]
            if value or unit in ("input", "output"):
                put(tier, above, unit, Decimal(str(value)) * per)
        elif name == "input_cost_per_second" and entry.get("mode") == "audio_transcription" and "input_cost_per_token" not in entry:
            put(tier, above, "audio_hour", Decimal(str(value)) * 3600)
        elif name == "input_cost_per_query" and entry.get("mode") == "rerank":
            put("", 0, "rerank_search/k", Decimal(str(value)) * 1000)
    for step in entry.get("tiered_pricing") or []:
        if "range" in step:
            for key, value in step.items():
                if key in COSTS and value:
                    put("", int(step["range"][0]), COSTS[key][0], Decimal(str(value)) * COSTS[key][1])
    search = entry.get("search_context_cost_per_query")
    if isinstance(search, dict) and len(set(search.values())) == 1 and rows:
        put("", 0, "web_search/k", Decimal(str(next(iter(search.values())))) * 1000)
    base = rows.get(BASE, {})
    if entry.get("mode") == "rerank" and "rerank_search/k" in base:
        rows = {BASE: {"rerank_search/k": base["rerank_search/k"]}}
    for row in rows.values():
        if row.get("reasoning") == row.get("output", base.get("output")):
            row.pop("reasoning", None)
        for kind, plain in (("audio_input", "input"), ("image_input", "input"), ("image_output", "output")):
            if row.get(kind) == row.get(plain, base.get(plain)):
                row.pop(kind, None)
    if entry.get("mode") in ("embedding", "moderation") and base.get("output") == "0":
        base.pop("output")
    # Nothing but zeros is a price that nobody wrote down, and thousands for a million tokens are in the wrong unit.
    prices = [Decimal(price) for row in rows.values() for price in row.values()]
    known = any(prices) and max(prices) < 1000
    return {when: row for when, row in rows.items() if row} if known else {}
