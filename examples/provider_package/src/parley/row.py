"""The provider as a row: where it is, and how its key travels."""

from modelway.catalog.rows import Provider

PROVIDER = Provider(
    name="parley",
    title="Parley",
    base_url="https://api.parley.example/v1",
    base_url_env=("PARLEY_URL",),
    dialects=("parley-lines",),
    operations=("chat",),
    api_key_env=("PARLEY_API_KEY",),
    default_model="parley-1",
    models=("parley-*",),
    docs="https://docs.parley.example/talk",
    checked="2026-11-21",
)
