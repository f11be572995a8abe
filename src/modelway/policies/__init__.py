"""Decisions on a call's way, each a pure ``decide`` and a small effect; policies do not know each other."""
