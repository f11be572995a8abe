"""``modelway config init``: asks what is needed, and writes a first file without any key in it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelway.catalog import load as catalogue
from modelway.cli import output
from modelway.cli.options import Flag, Several, Switch
from modelway.client import Client
from modelway.config.first_file import Answers, first_file
from modelway.config.load import load
from modelway.config.problems import nearest, shown
from modelway.config.settings import Settings
from modelway.errors import ConfigError
from modelway.opening import only_named
from modelway.transport.url import parse_base_url

_PORT = 4000


def init(
    *,
    provider: Annotated[Several, Parameter(name=["--provider", "-p"])] = (),
    model: Annotated[Several, Parameter(name=["--model", "-m"])] = (),
    base_url: Several = (),
    fallback: Switch = True,
    port: int = _PORT,
    output_file: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("modelway.yaml"),
    force: Flag = False,
    printed: Annotated[bool, Parameter(name="--print", negative="", show_default=False)] = False,
) -> int:
    """Write a first configuration, by asking what is needed.

    It asks nothing with --provider, or where nobody sits at a terminal. Keys are
    never written: the file names the variables that hold them. Where nobody can
    be asked and no provider is named, it takes those whose key is set, and the
    servers on this machine.

    For example:
        modelway config init
        modelway config init --provider openai --provider anthropic
        modelway config init -p vllm --base-url vllm=http://10.0.0.5:8000/v1 --print

    Parameters
    ----------
    provider
        A provider's name; the first one answers by default. May be repeated.
    model
        PROVIDER=MODEL: which of its models answers by default. May be repeated.
    base_url
        PROVIDER=URL, for a server that is not at its usual place. May be repeated.
    fallback
        Whether the providers after the first step in when it fails.
    port
        Where modelway serve is to listen.
    output_file
        The file to write.
    force
        Replace a file that is there.
    printed
        Print the file instead of writing it.
    """
    if output_file.exists() and not force and not printed:
        raise ConfigError(
            f"{output_file} is there already: --force replaces it, --output names another"
        )
    models, urls = _pairs("--model", model), _pairs("--base-url", base_url)
    names = list(dict.fromkeys([*provider, *models, *urls])) if provider or models or urls else []
    if not names and sys.stdin.isatty() and sys.stdout.isatty():
        answers = _interview(fallback=fallback, port=port)
    else:
        answers = Answers(
            providers=[_known(name) for name in names] or _noticed(),
            base_urls={_known(name): url for name, url in urls.items()},
            default_models={_known(name): said for name, said in models.items()},
            fallback=fallback,
            port=port,
        )
    text = first_file(answers)
    load_text(text)
    if printed:
        sys.stdout.write(text)
        return 0
    output_file.write_text(text, encoding="utf-8")
    _say_next(output_file, answers)
    return 0


def load_text(text: str) -> Settings:
    """What ``load`` makes of the file; a fault in it is ours, or in an answer."""
    import yaml  # noqa: PLC0415  # nothing else here needs it

    return load(yaml.safe_load(text))


def _say_next(file: Path, answers: Answers) -> None:
    print(f"wrote {file}")
    missing = [
        row.api_key_env[0]
        for name in answers.providers
        if (row := catalogue.provider(name)) is not None
        and row.key_required
        and not any(os.environ.get(variable) for variable in row.api_key_env)
    ]
    for variable in missing:
        print(f"  export {variable}=…   # its key stays in the environment")
    print("next: modelway config check --online, then modelway ask 'Who are you?'")


# ---------------------------------------------------------------- what is known without asking


def _noticed() -> list[str]:
    """Providers whose keys are set, and servers found on this machine."""
    found = asyncio.run(_look_around())
    if not found:
        raise ConfigError(
            "no key is set and no server was found on this machine: name a provider, as in "
            "modelway config init --provider openai; modelway providers --all lists them"
        )
    return found


async def _look_around() -> list[str]:
    async with Client(load({}, environment=os.environ)) as client:
        settings = await client.settings()
    return [
        one.row.name
        for one in settings.providers.values()
        if catalogue.provider(one.row.name) and not only_named(one) and not one.problem
    ]


def _pairs(flag: str, given: Sequence[str]) -> Mapping[str, str]:
    pairs = [text.partition("=") for text in given]
    if any(not (name and sign and value) for name, sign, value in pairs):
        raise ConfigError(f"{flag} takes PROVIDER=VALUE, as in {flag} ollama=…")
    return {name: value for name, _, value in pairs}


def _known(name: str) -> str:
    row = catalogue.provider(name)
    if row is None:
        near = nearest(name, catalogue.providers(), count=3)
        hint = f"did you mean {', '.join(near)}?" if near else "modelway providers --all lists them"
        raise ConfigError(f"no provider is called {shown(name)}: {hint}")
    return row.name


# ---------------------------------------------------------------- asking


def _interview(*, fallback: bool, port: int) -> Answers:
    noticed = asyncio.run(_look_around())
    print("A first configuration for modelway. Enter takes what stands in [brackets].")
    print("Keys are not asked for: they stay in the environment.\n")
    names = _ask_providers(noticed)
    models: dict[str, str] = {}
    urls: dict[str, str] = {}
    for name in names:
        row = catalogue.providers()[name]
        if row.local or not row.base_url:
            urls[name] = _url(name, row.base_url or "http://localhost:8000/v1")
        said = _answer(f"Which model of {name} answers by default?", row.default_model or "")
        if said:
            models[name] = said
    steps_in = fallback
    if names[1:]:
        steps_in = (
            _answer(f"May {', '.join(names[1:])} step in when {names[0]} fails?", "yes")[:1] in "yY"
        )
    wanted = _answer("On which port is modelway serve to listen?", str(port))
    if not wanted.isdecimal() or not int(wanted) < 65536:
        raise ConfigError("a port is a number from 0 to 65535")
    return Answers(
        providers=names, base_urls=urls, default_models=models, fallback=steps_in, port=int(wanted)
    )


def _ask_providers(noticed: Sequence[str]) -> list[str]:
    usual = ", ".join(noticed) or "openai"
    while True:
        said = _answer("Which providers, the one to ask first first?", usual)
        try:
            return list(dict.fromkeys([_known(name) for name in said.replace(",", " ").split()]))
        except ConfigError as error:
            output.complain(error)


def _url(name: str, usual: str) -> str:
    while True:
        said = _answer(f"Where does {name} listen?", usual)
        try:
            parse_base_url(said)
        except ConfigError as error:
            output.complain(error)
        else:
            return said


def _answer(question: str, usual: str) -> str:
    try:
        said = input(f"{question} [{usual}] " if usual else f"{question} ").strip() or usual
    except EOFError:
        raise ConfigError("nothing was written: the questions were not answered") from None
    prefixes = [row.key_prefix for row in catalogue.providers().values() if row.key_prefix]
    if said.startswith(tuple(prefixes)):
        output.note("that looks like a key: it is not kept; export it as a variable instead")
        return _answer(question, usual)
    return said
