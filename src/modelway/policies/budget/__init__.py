"""What may be spent: reserved before a call is sent, settled after, for all processes together."""
