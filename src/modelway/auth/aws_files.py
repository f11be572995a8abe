"""Profiles of AWS's shared files.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html, 2026-11-21. What both files
say of a profile is one profile; where they differ, the credentials file is right.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from modelway.auth.surroundings import Surroundings, read_file
from modelway.errors import ConfigError


class Profile(NamedTuple):
    name: str
    values: Mapping[str, str]


async def find_profile(around: Surroundings, name: str) -> Profile:
    """A profile by name, or that of AWS_PROFILE, or the default one; ConfigError for an unknown name."""
    said = name or around.named("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    name = said or "default"
    config = await _read(around, "AWS_CONFIG_FILE", "config")
    credentials = await _read(around, "AWS_SHARED_CREDENTIALS_FILE", "credentials")
    sections = [
        file[section]
        for file, section in (
            (config, name if name == "default" else f"profile {name}"),
            (credentials, name),
        )
        if file.has_section(section)
    ]
    if not sections and said:
        raise ConfigError(f"there is no AWS profile {name!r} in the shared files", param="profile")
    return Profile(name, {key: value for section in sections for key, value in section.items()})


async def _read(around: Surroundings, variable: str, name: str) -> configparser.RawConfigParser:
    # no section gives values to the others, and a key without value is a fault
    parser = configparser.RawConfigParser(default_section="\0", strict=False)
    said = around.named(variable)
    path = Path(said) if said else around.home() / ".aws" / name
    if not said and not path.is_file():
        return parser
    content = await read_file(path, "the AWS file")
    try:
        parser.read_string(content.decode())
    except (configparser.Error, UnicodeDecodeError):
        # the parser's own words quote the line, which may hold a key
        raise ConfigError(f"the AWS file {path} is not a valid file of sections") from None
    return parser
