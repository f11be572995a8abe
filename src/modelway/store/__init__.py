"""State that processes share: leases, cache and records, in memory, SQLite, PostgreSQL or Valkey."""
