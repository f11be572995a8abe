"""A stand-in for providers: both dialects over real HTTP on loopback, scripted, offline, free."""
