"""What an outsider needs to test a part that they wrote against modelway's own contracts."""
