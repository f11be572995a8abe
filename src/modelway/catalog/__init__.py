"""Facts about providers and models, as rows of data."""
