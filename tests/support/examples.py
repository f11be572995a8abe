"""How many examples a property is drawn that is run for each of something, or for every pair."""

from hypothesis import settings

_all = settings().max_examples

few = settings(max_examples=max(5, _all // 4))
"""A quarter of what the profile says: the dialects make up for it."""

fewest = settings(max_examples=_all // 4 if _all >= 1000 else 4)
"""For every pair of dialects, where each is drawn in all of its pairs."""
