"""Answers that are kept: found again by exactly the same question, or by one that means the same."""
