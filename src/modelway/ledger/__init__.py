"""What was spent: written down before it is asked for, settled when it is over, and kept."""
