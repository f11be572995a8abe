"""Recorded exchanges with providers: one file, written by a transport and played by another."""

from modelway.transport.cassette.auto import Auto
from modelway.transport.cassette.format import (
    Cassette,
    CassetteError,
    CassetteMissError,
    CassetteWriteError,
    read_cassette,
)
from modelway.transport.cassette.matching import Matching
from modelway.transport.cassette.player import Player
from modelway.transport.cassette.recorder import Recorder

__all__ = [
    "Auto",
    "Cassette",
    "CassetteError",
    "CassetteMissError",
    "CassetteWriteError",
    "Matching",
    "Player",
    "Recorder",
    "read_cassette",
]
