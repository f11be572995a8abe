"""What a row of the catalogue says: a provider is data, not code."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

AuthKind: TypeAlias = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "none"]
"""How the key travels: ``Authorization: Bearer``, or a header of this name, or not at all."""

SignerKind: TypeAlias = Literal["aws", "google", "entra"]
"""Whose credentials authorise a request where no key is given: see ``auth``."""

PlaceName: TypeAlias = Literal["region", "project", "location", "resource", "api_version"]


class Quirks(Struct, frozen=True, kw_only=True):
    """The closed set of ways in which a host's wire differs from its dialect's documentation.

    A new one needs three providers that have it.
    """

    rename: dict[str, str] = {}
    """Body field as the dialect names it → as this host names it (``max_completion_tokens`` → …)."""
    drop: tuple[str, ...] = ()
    """Body fields that this host refuses: left out, with a warning."""
    stream_usage: bool = True
    """Whether ``stream_options.include_usage`` is accepted."""
    reasoning_field: Literal["reasoning_content", "reasoning", "reasoning_details", "none"] = (
        "reasoning_content"
    )
    """Where an assistant message carries its reasoning back to this host."""
    reasoning_switch: Literal["none", "thinking", "enable_thinking"] = "none"
    """The body field that switches reasoning, where it is not ``reasoning_effort`` alone: an object
    with a ``type``, or a boolean."""
    json_schema: bool = True
    """Whether ``response_format: json_schema`` is accepted; otherwise ``json_object`` is sent."""
    schema_ignored_in: tuple[str, ...] = ()
    """Dialects in which this host takes a JSON schema, and does not keep to it."""
    schema_subset: str | None = None
    """The row of ``schema.subsets`` that holds at this host; ``None``: its dialect's own."""
    max_stop: int | None = None
    """The most stop sequences that are accepted."""
    developer_role: bool = False
    """Whether the role ``developer`` is known; otherwise ``system`` is sent."""
    cache_control: bool = False
    """Whether content parts take Anthropic's ``cache_control``."""

    def touched(self) -> frozenset[str]:
        """Top-level fields that, in a client's own bytes, this host would refuse or misread.

        ``max_tokens`` is not among them: under either name it is the client's to say.
        """
        names = {*self.rename, *self.drop} - {"max_tokens"}
        if self.max_stop is not None:
            names.add("stop")
        if not self.json_schema:
            names.add("response_format")
        if not self.stream_usage:
            names.add("stream_options")
        return frozenset(names)


class Place(Struct, frozen=True, kw_only=True):
    """A part of a host's address that every account has its own of."""

    env: tuple[str, ...] = ()
    """Variables that may hold it; the first that is set and not empty wins."""
    default: str | None = None


class Provider(Struct, frozen=True, kw_only=True):
    """A host that speaks one or more dialects."""

    name: str
    like: str = ""
    """The catalogue's row that a configured provider was made from, where it is the same host."""
    title: str = ""
    base_url: str
    dialects: tuple[str, ...]
    """In order of preference; the first answers unless a deployment says otherwise."""
    base_urls: dict[str, str] = {}
    """Dialect → base URL, for a dialect that is spoken at another place than ``base_url``."""
    base_url_at: dict[str, str] = {}
    """A place's value → the base URL there, where it is not made like the others'."""
    places: dict[PlaceName, Place] = {}
    """What stands in braces in ``base_url``, or is needed by the hosting."""
    only_for: dict[str, tuple[str, ...]] = {}
    """Dialect → patterns of the models that are spoken to in it, where it is not all of them."""
    hostings: dict[str, str] = {}
    """Dialect → name of the hosting that carries it here, where the host has paths of its own."""
    operations: tuple[str, ...] = ("chat", "models")
    """What the host offers, of what its dialects can say."""
    embed_batch: int | None = None
    """The most inputs that one request for embeddings may have."""
    auth: AuthKind = "bearer"
    auths: dict[str, AuthKind] = {}
    """Dialect → how the key travels there, where it is not ``auth``."""
    signer: SignerKind | None = None
    api_key_env: tuple[str, ...] = ()
    """Variables that may hold the key; the first that is set and not empty wins."""
    base_url_env: tuple[str, ...] = ()
    key_prefix: str | None = None
    """How keys of this provider begin, where that is documented."""
    key_required: bool = True
    local: bool = False
    """Runs on the user's own machine: longer timeouts, no cost, found by its port."""
    in_process: bool = False
    """Runs in this process: its base URL is a name that no connection is made to."""
    headers: dict[str, str] = {}
    """Sent with every request."""
    quirks: Quirks = Quirks()
    default_model: str | None = None
    models: tuple[str, ...] = ()
    """Model names known to be served, for bare names without a provider; a prefix ends in ``*``."""
    aliases: tuple[str, ...] = ()
    docs: str = ""
    checked: str = ""
    """The day on which the row was compared with ``docs``, ISO 8601."""
