"""What is made from code and measurements: pages of the command line and of each provider's row, the
tables of what crosses the dialects, and the README's table of costs, from bench/README.md.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from cyclopts.docs.markdown import generate_markdown_docs

from modelway.catalog.load import providers
from modelway.catalog.rows import Place, Provider, Quirks
from modelway.cli.app import build
from modelway.testing import crossing
from modelway.testing.crossing import Verdict
from modelway.testing.subjects import ANSWERS, QUESTIONS, STATES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
_MADE = "<!-- written by scripts/docs: edit {source}, not this page -->\n"
_EXAMPLES = re.compile(r"^(?:For example|Examples):\n((?:    .+\n)+)", re.MULTILINE)
_AUTH = {
    "bearer": "`Authorization: Bearer`",
    "x-api-key": "`x-api-key`",
    "api-key": "`api-key`",
    "x-goog-api-key": "`x-goog-api-key`",
    "none": "none",
}
_SIGNERS = {
    "aws": "signed (SigV4) with AWS credentials",
    "google": "a token of Google credentials",
    "entra": "a token of Microsoft Entra ID",
}


def pages() -> dict[Path, str]:
    """Every generated page: path → text."""
    rows = providers().values()
    made = {DOCS / "providers" / f"{row.name}.md": provider_page(row) for row in rows}
    made[DOCS / "providers" / "README.md"] = providers_page(rows)
    made[DOCS / "cli.md"] = cli_page()
    made[DOCS / "dialects.md"] = dialects_page()
    made[ROOT / "README.md"] = readme()
    return made


# ---------------------------------------------------------------- what it costs

_COSTS = {
    "gateway: a request of 1 KB, same dialect": ("whole-1k-c32", "nginx"),
    "gateway: a request of 100 KB, same dialect": ("whole-100k-c32", "nginx"),
    "gateway: a request of 1 KB, another dialect": ("cross-anthropic-openai", "nginx"),
    "gateway: a streamed event, 60 paced streams": ("paced", "nginx"),
    "gateway: a streamed event, in a burst": ("burst", "nginx"),
    "SDK: a call": ("sdk-call", "openai"),
    "SDK: a streamed event, 60 paced streams": ("sdk-paced", "openai"),
}
"""What is said → the benchmark's row, and the system to compare with."""
_FIGURES = re.compile(r"(<!-- figures: .*? -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def readme() -> str:
    """The README with the figures that bench/README.md has now."""
    text = (ROOT / "README.md").read_text("utf-8")
    table = _costs((ROOT / "bench" / "README.md").read_text("utf-8"))
    return _FIGURES.sub(lambda found: f"{found[1]}\n{table}\n{found[2]}", text)


def _costs(bench: str) -> str:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in bench.splitlines()]
    found = {(row[0], row[1]): row for row in rows if len(row) > 3}
    lines = ["| CPU time | modelway | beside it | target |", "|---|---|---|---|"]
    for said, (name, other) in _COSTS.items():
        ours, theirs = found.get((name, "modelway")), found.get((name, other))
        if ours is not None:
            beside = f"{_figure(theirs)} ({other})" if theirs else ""
            lines.append(f"| {said} | {_figure(ours)} | {beside} | {ours[-1].partition(';')[0]} |")
    return "\n".join(lines) + "\n"


def _figure(row: list[str]) -> str:
    return row[2].partition("/")[0]


# ---------------------------------------------------------------- the command line


def cli_page() -> str:
    parts = [
        "# The command line\n",
        _MADE.format(source="src/modelway/cli"),
        (
            "`modelway COMMAND --help` says what stands here. Answers go to standard output, everything\n"
            "else to standard error. Every command that lists something takes `--json`.\n"
        ),
        (
            "| exit code | means |\n|---|---|\n| 0 | all went well |\n"
            "| 1 | a provider or the network failed |\n| 2 | wrong usage or configuration |\n"
            "| 130 | Ctrl-C |\n"
        ),
        (
            "`modelway --install-completion` installs completion for your shell. With `MODELWAY_DEBUG=1` a\n"
            "fault of modelway's own shows its traceback.\n"
        ),
        *[_command(name) for name in build() if not name.startswith("-")],
    ]
    return "\n".join(parts)


def _command(name: str) -> str:
    """One command's section, as it describes itself, with its examples as a block."""
    for one in [name for name in sys.modules if name.startswith("modelway.cli.")]:
        if one != "modelway.cli.app":  # what was loaded for another page has lost its own help
            del sys.modules[one]
    app = build(name)
    others = [one for one in app if one not in {name, *app[name]} and not one.startswith("-")]
    text = generate_markdown_docs(app, exclude_commands=others)
    begin = text.index(f"\n## modelway {name}\n") + 1
    end = text.find("\n## ", begin)
    section = text[begin:] if end < 0 else text[begin : end + 1]
    section = _EXAMPLES.sub(_as_console, section)
    section = re.sub(r" +\*\[default: \(\)\]\*| +\*\[default: \"\"\]\*", "", section)
    return re.sub(r"\n{3,}", "\n\n", section).rstrip() + "\n"


def _as_console(found: re.Match[str]) -> str:
    lines = [f"$ {line.strip()}" for line in found[1].splitlines()]
    return "```console\n" + "\n".join(lines) + "\n```\n"


# ---------------------------------------------------------------- what crosses the dialects

_CROSSINGS = re.compile(r"(<!-- crossings: .*? -->\n).*", re.DOTALL)
_CLIENTS = {
    "openai-chat": "OpenAI's Chat Completions",
    "openai-responses": "OpenAI's Responses",
    "anthropic-messages": "Anthropic's Messages",
    "gemini": "Gemini's generateContent",
    "bedrock-converse": "Bedrock's Converse",
    "cohere": "Cohere's chat",
    "ollama": "Ollama's chat",
}


def dialects_page() -> str:
    """The page with the tables as they are now; what is above the mark is written by hand."""
    text = (DOCS / "dialects.md").read_text("utf-8")
    return _CROSSINGS.sub(lambda found: found[1] + "\n" + _crossings(), text)


def _crossings() -> str:
    notes: dict[str, int] = {}
    parts = ["## From the SDK\n", _table(_asked(None), notes)]
    for client in crossing.CLIENTS:
        parts.append(f"## From a client of {_CLIENTS[client]} API: `{client}`\n")
        parts += ["Asked:\n", _table(_asked(client), notes)]
        parts += ["Answered, whole and streamed:\n", _table(_answered(client), notes)]
    listed = [
        f"{number}. {why[0].upper()}{why[1:].rstrip('.')}.\n" for why, number in notes.items()
    ]
    return "\n".join(parts) + "\n## Notes\n\n" + "".join(listed)


def _asked(client: str | None) -> dict[str, list[Verdict]]:
    rows = {
        name: [crossing.question(client, one, subject) for one in crossing.PROVIDERS]
        for name, subject in QUESTIONS.items()
    }
    state = {
        f"sent back in a tool loop: {name}": [
            crossing.returned(client, one, name) for one in crossing.PROVIDERS
        ]
        for name in STATES
    }
    return rows | state


def _answered(client: str) -> dict[str, list[Verdict]]:
    return {
        name: [crossing.answer(client, one, name, subject) for one in crossing.PROVIDERS]
        for name, subject in ANSWERS.items()
    }


def _table(rows: dict[str, list[Verdict]], notes: dict[str, int]) -> str:
    titles = [one.title for one in crossing.PROVIDERS]
    lines = [f"| | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    for name, verdicts in rows.items():
        cells = [_verdict(verdict, notes) for verdict in verdicts]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _verdict(verdict: Verdict, notes: dict[str, int]) -> str:
    """The cell: a word, and the numbers of its notes."""
    words = {"fetched": "as bytes", "unsaid": "no words", "untold": "never"}
    numbers = [str(notes.setdefault(why, len(notes) + 1)) for why in verdict.why]
    word = words.get(verdict.kind, verdict.kind)
    return f"{word} ({', '.join(numbers)})" if numbers else word


# ---------------------------------------------------------------- providers


def providers_page(rows: object) -> str:
    lines = [
        "# Providers\n",
        _MADE.format(source="src/modelway/catalog/providers.toml"),
        "Each is a row of data, compared with the host's own documentation on the day it names. A host that",
        "is not here needs [a few lines of configuration](../write-a-provider.md).\n",
        "| provider | dialects | key | default model | compared |",
        "|---|---|---|---|---|",
    ]
    for row in rows:  # type: ignore[attr-defined]
        key = _variables(row.api_key_env) or "none"
        lines.append(
            f"| [{row.title}]({row.name}.md): `{row.name}` | {_dialects(row)} | {key} | "
            f"{_code(row.default_model)} | {row.checked} |"
        )
    return "\n".join(lines) + "\n"


def provider_page(row: Provider) -> str:
    parts = [
        f"# {row.title}\n",
        _MADE.format(source="src/modelway/catalog/providers.toml"),
        _facts(row),
        _use(row),
        "In a configuration:\n\n```yaml\n" + _configuration(row) + "```\n",
    ]
    if notes := _notes(row):
        parts.append("What modelway does for this host:\n\n" + "".join(f"- {n}\n" for n in notes))
    parts.append(f"Source: <{row.docs}>, compared on {row.checked}.\n")
    return "\n".join([part for part in parts if part])


def _facts(row: Provider) -> str:
    rows = [
        ("name", f"`{row.name}`"),
        ("other names", ", ".join([f"`{alias}`" for alias in row.aliases])),
        (
            "base URL",
            "none: no connection is made"
            if row.in_process
            else _code(row.base_url) or "to be configured",
        ),
        *[(f"base URL of {name}", f"`{url}`") for name, url in row.base_urls.items()],
        *[(f"base URL at `{place}`", f"`{url}`") for place, url in row.base_url_at.items()],
        ("URL variable", _variables(row.base_url_env)),
        *[(name, _place(place)) for name, place in row.places.items()],
        ("dialects", _dialects(row)),
        ("key", _variables(row.api_key_env) + ("" if row.key_required else " (optional)")),
        ("sent as", _AUTH[row.auth] if row.api_key_env else ""),
        *[(f"sent as, in {name}", _AUTH[kind]) for name, kind in row.auths.items()],
        ("without a key", _SIGNERS[row.signer] if row.signer else ""),
        *[(f"{name} goes as", f"`{hosting}`") for name, hosting in row.hostings.items()],
        ("default model", _code(row.default_model)),
        ("models by bare name", ", ".join([f"`{model}`" for model in row.models])),
    ]
    told = [f"| {name} | {value} |" for name, value in rows if value and value != " (optional)"]
    return "\n".join(["| | |", "|---|---|", *told]) + "\n"


def _place(place: Place) -> str:
    default = f"`{place.default}` unless said" if place.default else ""
    return "; ".join([part for part in (_variables(place.env), default) if part])


def _use(row: Provider) -> str:
    model = f"{row.name}/{row.default_model or 'MODEL'}"
    if not row.base_url:
        return ""
    ask = f'$ modelway ask -m {model} "Why is the sky blue?"'
    if row.key_required:
        return f"```console\n$ export {row.api_key_env[0]}=…\n{ask}\n```\n"
    if row.in_process:
        model = f"{row.name}/path/to/model.gguf"
        return (
            "```console\n$ pip install 'modelway[local]'\n"
            f'$ modelway ask -m {model} "Why is the sky blue?"\n```\n'
        )
    start = "$ modelway simulate\n" if row.name == "simulator" else ""
    if row.signer:
        wanted = [place.env[0] for place in row.places.values() if not place.default]
        start = "".join([f"$ export {name}=…\n" for name in (*wanted, *row.api_key_env[:1])])
    return f"```console\n{start}{ask}\n```\n"


def _configuration(row: Provider) -> str:
    fields = []
    if not row.base_url:
        return (
            'providers:\n  house:\n    like: openai-compatible\n    base_url: "http://10.0.0.5:8000/v1"\n'
            "    default_model: my-model\n"
        )
    fields += [f"{name}: my-{name}" for name, place in row.places.items() if not place.default]
    if row.key_required:
        fields.append(f'api_key: "${{{row.api_key_env[0]}}}"')
    elif row.in_process:
        fields.append("models_dir: ~/models")
    elif row.local:
        fields.append(f'base_url: "{row.base_url}"')
    if row.default_model:
        fields.append(f"default_model: {row.default_model}")
    return f"providers:\n  {row.name}:\n" + "".join(f"    {field}\n" for field in fields)


def _notes(row: Provider) -> list[str]:
    quirks = row.quirks
    notes = [f"`{old}` is sent as `{new}`." for old, new in quirks.rename.items()]
    if quirks.drop:
        names = ", ".join([f"`{name}`" for name in quirks.drop])
        notes.append(f"Left out, with a warning, because it is refused: {names}.")
    if not quirks.stream_usage:
        notes.append("`stream_options` is not sent: the host refuses it.")
    if not quirks.json_schema:
        notes.append("A JSON schema is sent as `json_object`, with a warning.")
    if quirks.max_stop is not None:
        notes.append(f"At most {quirks.max_stop} stop sequences are sent.")
    if "openai-chat" in row.dialects:
        notes += _chat_notes(quirks)
    if quirks.cache_control:
        notes.append("Cache breakpoints are sent as `cache_control`.")
    if row.local:
        notes.append("Timeouts are long: 600 s to the first byte, 300 s between bytes.")
    return notes


def _chat_notes(quirks: Quirks) -> list[str]:
    notes = [f"Earlier reasoning goes back in `{quirks.reasoning_field}`."]
    if quirks.reasoning_field == "none":
        notes = ["Earlier reasoning is not sent back, with a warning."]
    if quirks.reasoning_switch != "none":
        notes.append(f"Reasoning is switched on and off by `{quirks.reasoning_switch}`.")
    return notes


def _dialects(row: Provider) -> str:
    return ", ".join([f"`{name}`" for name in row.dialects])


def _variables(names: tuple[str, ...]) -> str:
    return " or ".join([f"`{name}`" for name in names])


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    kept = set(pages())
    for path in (DOCS / "providers").glob("*.md"):
        if path not in kept:
            path.unlink()
