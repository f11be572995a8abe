"""Experiments: units split over arms, what became of them, and what may be concluded at any time."""
