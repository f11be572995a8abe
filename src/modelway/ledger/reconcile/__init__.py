"""The ledger against what a provider says that was used and billed, day by day and model by model."""
