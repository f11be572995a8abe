"""What went wrong with a PostgreSQL, in words that say what to do, and never a password."""

from __future__ import annotations

import ssl

import asyncpg

from modelway.errors import ConfigError

FAULTS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConfigError,
)
"""What a call may raise when it is not our own mistake."""

_TO_FIX = (
    ConfigError,
    ssl.SSLCertVerificationError,
    asyncpg.ClientConfigurationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)


def is_to_fix(error: Exception) -> bool:
    """Whether this is for an operator to change, not for time to heal."""
    return isinstance(error, _TO_FIX)


def told(error: Exception, place: str, user: str, timeout_s: float) -> str:
    """What happened to the store at ``place``, and what to do."""
    where = f"the store on PostgreSQL at {place}"
    match error:
        case ConfigError():
            return error.message
        case TimeoutError():
            return f"{where} did not answer within {timeout_s:g} s: see whether the server is well"
        case asyncpg.ReadOnlySQLTransactionError():
            return f"{where} can only be read: ask the primary, which ?target_session_attrs=primary finds"
        case asyncpg.ClientConfigurationError():
            # its own words may have parts of the URL in them
            return f"{where} has a URL, or PG variables, that asyncpg cannot use: correct them"
        case asyncpg.InsufficientPrivilegeError():
            return f"{where} refuses: {_line(error)}; as an owner run: {_grants(user)}"
        case asyncpg.InvalidAuthorizationSpecificationError():
            return f"{where} does not let us in: {_line(error)}. Correct the URL or the role"
        case asyncpg.InvalidCatalogNameError():
            return f"{where}: {_line(error)}. Create it, or correct the URL"
        case (
            asyncpg.InvalidSchemaNameError()
            | asyncpg.UndefinedFunctionError()
            | asyncpg.UndefinedTableError()
        ):
            return (
                f"{where} has lost its schema: {_line(error)}. Restore it, or restart for a new one"
            )
        case asyncpg.PostgresError():
            return f"{where} failed: {_line(error)} (SQLSTATE {error.sqlstate})"
        case OSError():
            return f"{where} cannot be reached: {error.strerror or type(error).__name__}"
    return f"{where} broke the connection ({type(error).__name__})"


def _line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _grants(user: str) -> str:
    return "; ".join(
        [
            f'GRANT USAGE ON SCHEMA modelway TO "{user}"',
            f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA modelway TO "{user}"',
            f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA modelway TO "{user}"',
        ]
    )
