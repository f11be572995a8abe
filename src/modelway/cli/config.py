"""``modelway config``: its commands by name, each in a file of its own."""

from __future__ import annotations

import cyclopts

config = cyclopts.App(
    name="config",
    help="""\
Check a configuration, show what is in force, or write a first one.

Without a file, $MODELWAY_CONFIG is read, else modelway.yaml, .yml or .toml here,
else in ~/.config/modelway, else the environment alone.

For example:
    modelway config init
    modelway config check --online
    modelway config show
""",
)
for _name, _short in (
    ("check", "Find every problem of a configuration at once."),
    ("show", "Show every value in force, and where it came from."),
    ("init", "Write a first configuration, without any key in it."),
):
    config.command(f"modelway.cli.config_{_name}:{_name}", name=_name)
