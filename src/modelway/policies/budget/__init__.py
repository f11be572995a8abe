"""Budgets: what may be spent in a window of time, by all processes together."""
