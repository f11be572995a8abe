"""A stand-in for providers: every dialect over real HTTP on loopback, scripted, offline, free."""
