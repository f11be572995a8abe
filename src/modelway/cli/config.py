"""``modelway config``: its commands by name, each in a file of its own."""

from __future__ import annotations

import cyclopts

from modelway.cli.config_check import check
from modelway.cli.config_init import init
from modelway.cli.config_show import show

config = cyclopts.App(
    name="config",
    help="""\
Check a configuration, show what is in force, or write a first one.

Without a file, $MODELWAY_CONFIG is read, else modelway.yaml, .yml or .toml
here, else in ~/.config/modelway, else the environment alone.

For example:
    modelway config init
    modelway config check --online
    modelway config show
""",
)
for _command in (check, show, init):
    config.command(_command)
