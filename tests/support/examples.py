"""How many examples a property is drawn that is run for every pair of something."""

from hypothesis import settings

few = settings(max_examples=max(5, settings().max_examples // 4))
"""A quarter of what the profile says: the pairs make up for it."""
