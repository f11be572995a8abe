"""Writes src/modelway/catalog/model_rows from the two sources; says where they disagree.

The same wheels give the same bytes. Prices are genai-prices' where it has them, for it dates them
and names its sources; litellm adds the classes that it lacks where both agree on input and output.
Windows, caps, modalities and capabilities are litellm's.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from model_corrections import CORRECTIONS, FREE, MAKERS, TRUST_LISTED
from model_facts import FIELDS, facts_of
from model_files import written
from model_hosts import HOSTS, Host
from model_sources import (
    Tariffs,
    conditions_of,
    exact_names,
    genai,
    genai_tariffs,
    litellm,
    litellm_tariffs,
    matches,
)

from modelway.catalog.models import RATES

FOLDER = Path(__file__).parent.parent / "src/modelway/catalog/model_rows"


def main(as_of: str, genai_wheel: Path, litellm_wheel: Path, older_wheel: Path) -> None:
    """``as_of`` is the day on which the sources were looked at: they know of prices to come.

    ``older_wheel`` is a litellm that still lists models which are served no more.
    """
    day = dt.date.fromisoformat(as_of)
    names = [wheel.name.split("-")[:2] for wheel in (genai_wheel, litellm_wheel, older_wheel)]
    labels = [f"{name.replace('_', '-')} {version}" for name, version in names]
    dated, listed = genai(genai_wheel), litellm(litellm_wheel)
    older = litellm(older_wheel)
    listed |= {n: {**one, "older": True} for n, one in older.items() if n not in listed}
    made_from = " + ".join(labels)
    FOLDER.mkdir(exist_ok=True)
    said: list[str] = []
    whole: dict[str, Rows] = {}
    for provider, host in HOSTS.items():
        whole[provider] = rows_of(host, dated, listed, Asked(day, labels, said, provider))
    for name, rows in whole.items():
        lend_facts(name, rows, whole)
        correct(name, rows)
        (FOLDER / f"{name}.json").write_text(written(*rows, as_of, made_from), encoding="utf-8")
        print(f"{name}: {len(rows.models)} models, {len(rows.aliases)} further names")
    print(f"{len(said)} disagreements", *said, sep="\n  ", file=sys.stderr)


class Asked(NamedTuple):
    """What goes with every question to the sources."""

    day: dt.date
    labels: list[str]
    said: list[str]
    """How they disagree."""
    provider: str = ""
    """Ours."""


class Rows(NamedTuple):
    models: dict[str, dict[str, Any]]
    aliases: dict[str, str]


def rows_of(
    host: Host,
    dated: dict[str, list[dict[str, Any]]],
    listed: dict[str, dict[str, Any]],
    asked: Asked,
) -> Rows:
    """Every name that either source has, each with what both say of it."""
    models = [model for source in host.genai for model in dated[source]]
    facts = {
        bare(name, host.prefixes): model
        for name, model in sorted(listed.items(), key=lambda item: -len(item[0]))
        if model.get("litellm_provider") in host.litellm
        and not re.search(host.drop, bare(name, host.prefixes))
    }
    found = Rows({}, {})
    taken: dict[str, list[str]] = {}
    snapshots: dict[str, str] = {}
    for name, stated in sorted(facts.items(), key=lambda item: bool(item[1].get("older"))):
        owner = next((each for each in models if matches(each["match"], name)), None)
        if owner is not None and stated.get("older") and owner["id"] in taken:
            snapshots[name] = owner["id"]
            continue
        if owner is not None:
            taken.setdefault(owner["id"], []).append(name)
        row = merged(name, owner, stated, asked)
        if row is not None:
            found.models[name] = row
    for model in models:
        names = [each for each in names_of(model) if not re.search(host.drop, each)]
        if not names:
            continue
        name = names[0]
        if name not in found.models:
            like = sorted(taken.get(model["id"], []), key=lambda name: (len(name), name))
            row = merged(name, model, facts[like[0]] if like else {}, asked)
            if row is None:
                continue
            found.models[name] = row
        for each in names:
            first = next((one for one in models if matches(one["match"], each)), None)
            if each not in found.models and first is model:
                found.aliases.setdefault(each, name)
    for name, owner_id in snapshots.items():
        _place(name, facts[name], owner_id, found, asked)
    if asked.provider == "huggingface":
        _routed(found, dated, asked)
    _fold_aliases(found, taken)
    _name_newest(found)
    return found


def _place(name: str, facts: dict[str, Any], owner: str, found: Rows, asked: Asked) -> None:
    """A name that only the older list has: another of its owner's, or a row where it cost else."""
    kept = found.aliases.get(owner, owner)
    row = found.models.get(kept, {})
    if name in found.models or name in found.aliases:
        return
    before = _plain(litellm_tariffs(facts), None)
    compared = ("input", "output", "input_audio", "output_audio")
    if any(
        all(each.get(rate) == before[rate] for rate in compared if rate in before)
        for each in row.get("tariffs", ())
    ):
        found.aliases[name] = kept
    elif (own := merged(name, None, facts, asked)) is not None:
        found.models[name] = own


def bare(name: str, prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


def _routed(found: Rows, dated: dict[str, list[dict[str, Any]]], asked: Asked) -> None:
    """The router's models by the names that say who answers: ``org/model:provider``."""
    for source, models in dated.items():
        if not source.startswith("huggingface_"):
            continue
        for model in models:
            row = merged(model["id"], model, {}, asked)
            if row is not None:
                found.models[f"{model['id']}:{source.removeprefix('huggingface_')}"] = row


def merged(
    name: str,
    model: dict[str, Any] | None,
    facts: dict[str, Any],
    asked: Asked,
) -> dict[str, Any] | None:
    provider = asked.provider
    labels = [asked.labels[0], asked.labels[2 if facts.get("older") else 1]]
    dated = genai_tariffs(model) if model is not None else []
    # An older list has no say where there is a newer one.
    listed = [] if dated and facts.get("older") else litellm_tariffs(facts)
    own = (
        f"{provider}/{name}" not in TRUST_LISTED
        and model is not None
        and (name in names_of(model) if provider != "bedrock" else not _REGION.match(name))
    )
    tariffs, source, quarrel = priced(dated, listed, labels, asked.day, own=own)
    if quarrel:
        asked.said.append(f"{provider}/{name}: {quarrel}")
    row, sources = facts_of(facts, labels[1])
    if model is not None and "context_tokens" not in row and model.get("context_window"):
        row["context_tokens"] = model["context_window"]
        sources["context_tokens"] = labels[0]
    if "mode" not in row:
        row["mode"] = _mode(name, tariffs)
    tariffs, reason = without_zeros(provider, name, tariffs)
    if provider in {"gemini", "vertex"} and "audio" in row.get("inputs", ()):
        # Sound costs what text costs, where the table has no line of its own for it.
        # Source: https://ai.google.dev/gemini-api/docs/pricing, 2026-11-21.
        for each in tariffs:
            if "input" in each:
                each.setdefault("input_audio", each["input"])
    if provider == "openrouter":
        # What is written costs its input too; the price of writing is that of five minutes' storage.
        # Source: https://openrouter.ai/docs/features/prompt-caching, 2026-11-21.
        for each in tariffs:
            if 0 < each.get("cache_write", 0) < each.get("input", 0) / 2:
                each["cache_write"] += each["input"]
    if tariffs:
        row["tariffs"] = tariffs
        sources["tariffs"] = source
    elif reason:
        row["why_unpriced"] = reason
    useful = tariffs or row["mode"] in {"chat", "complete", "embed", "rerank"}
    return {**row, "_sources": sources} if useful and len(row) > 1 else None


def _mode(name: str, tariffs: Tariffs) -> str:
    if "embed" in name or "bge" in name:
        return "embed"
    if "rerank" in name:
        return "rerank"
    return "chat" if any("output" in each for each in tariffs) else "other"


def names_of(model: dict[str, Any]) -> list[str]:
    """Its id, and what its rule lists or has names begin with."""
    plain = re.sub(r"-(latest|0)$", "", model["id"])
    named = exact_names(model["match"])
    return list(
        dict.fromkeys([n for n in (model["id"], *named, plain) if matches(model["match"], n)])
    )


def priced(
    dated: Tariffs, listed: Tariffs, labels: list[str], today: dt.date, *, own: bool
) -> tuple[Tariffs, str, str]:
    """The tariffs, where they are from, and how the sources disagree."""
    if not dated or not listed:
        return dated or listed, labels[0] if dated else labels[1], ""
    standard = [each for each in dated if conditions_of(each)[0] == "standard"]
    days = sorted({each["since"] for each in standard if each.get("since")})
    day = max([each for each in days if each <= today], default=None)
    to_come = [each for each in days if each > today]
    if any(each.get("hours") for each in listed):
        # By the hour and by the day of the week, which the other source cannot say.
        kept = [each for each in dated if each.get("since") != day]
        both = " + ".join(labels)
        return [*kept, *[{**each, "since": day} for each in listed]], both, ""
    last = _plain(standard, day)
    other = _plain(listed, None)
    differing = [
        f"{rate} {last[rate]} or {other[rate]}"
        for rate in ("input", "output")
        if rate in last and rate in other and last[rate] != other[rate]
    ]
    if differing:
        quarrel = f"{', '.join(differing)}: took the {'first' if own else 'second'}"
        return (dated, labels[0], quarrel) if own else (listed, labels[1], quarrel)
    tariffs, added = [dict(each) for each in dated], False
    for each in listed:
        service, _, over, _ = conditions_of(each)
        since = day if service == "standard" or any(t.get("since") for t in tariffs) else None
        same = [t for t in tariffs if conditions_of(t) == (service, since, over, ())]
        # A service or a length that one source has and the other has not is added to the former
        # only for services: a length that is missing may have been abolished.
        if same:
            extra = {r: each[r] for r in RATES if r in each and r not in same[0]}
            if "output" not in same[0] and service == "standard":
                extra.pop("output", None)
            same[0].update(extra)
            added = added or bool(extra)
        elif (
            service != "standard"
            and not to_come
            and not any(
                conditions_of(t)[0] == service and conditions_of(t)[2] == over for t in tariffs
            )
        ):
            tariffs.append({**each, "since": since})
            added = True
    return tariffs, " + ".join(labels) if added else labels[0], ""


def _plain(tariffs: Tariffs, day: dt.date | None) -> dict[str, Any]:
    return next((each for each in tariffs if conditions_of(each) == ("standard", day, 0, ())), {})


def without_zeros(provider: str, name: str, tariffs: Tariffs) -> tuple[Tariffs, str]:
    """A price of 0 stays where we know that the model is free; elsewhere it is no price."""
    free = any(re.search(rule, f"{provider}/{name}") for rule in FREE)
    kept: Tariffs = []
    for each in tariffs:
        rates = {rate: each[rate] for rate in RATES if each.get(rate)}
        if free and not rates:
            rates = dict.fromkeys(("input", "output", "cached", "cache_write"), Decimal(0))
        if rates:
            kept.append({k: v for k, v in each.items() if k not in RATES} | rates)
    reason = "" if kept or not tariffs else "the sources say 0, and no document says it is free"
    return kept, reason


def _fold_aliases(found: Rows, taken: dict[str, list[str]]) -> None:
    """Names of one model of the source, of which the same is known, become one row."""
    for owner, names in taken.items():
        row = found.models.get(owner)
        for name in names:
            if name != owner and name in found.models and found.models[name] == row:
                del found.models[name]
                found.aliases[name] = owner


_REGION = re.compile(r"^[a-z-]+\.[a-z0-9]+\.")
_DATE = re.compile(r"^(.+?)[-@](\d{4}-\d{2}-\d{2}|\d{8})(-v\d+(?::\d+)?)?$")


def _name_newest(found: Rows) -> None:
    """A family's plain name, where nobody lists it, is its newest snapshot's."""
    newest: dict[str, str] = {}
    for name in sorted([*found.models, *found.aliases]):
        if (parsed := _DATE.match(name)) and not parsed[3]:
            newest[parsed[1]] = found.aliases.get(name, name)
    for plain, name in newest.items():
        if plain not in found.models:
            found.aliases.setdefault(plain, name)


def lend_facts(provider: str, rows: Rows, whole: dict[str, Rows]) -> None:
    """What a model can do, from its maker's row, where its host has no word of it. Never prices."""
    if provider != "openrouter":
        return
    for name, row in rows.models.items():
        vendor, _, model = name.partition("/")
        maker = whole.get(MAKERS.get(vendor, ""))
        plain = model.partition(":")[0]
        if maker is None:
            continue
        for spelled in (plain, plain.replace(".", "-")):
            source = maker.models.get(maker.aliases.get(spelled, spelled))
            if source is None:
                continue
            for field in FIELDS:
                if field in source and field not in row:
                    row[field] = source[field]
                    row["_sources"][field] = f"{MAKERS[vendor]}/{spelled}"
            break


def correct(provider: str, rows: Rows) -> None:
    """What documentation says against a source, or that no source says."""
    for correction in CORRECTIONS:
        if correction.provider != provider:
            continue
        for name in correction.models:
            row = rows.models.setdefault(name, {"mode": "chat", "_sources": {}})
            rows.aliases.pop(name, None)
            row.update(correction.says)
            row["_sources"] |= dict.fromkeys(correction.says, correction.docs)


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
