"""Answers for questions that mean the same: found by vectors, and let through by what must be equal."""
