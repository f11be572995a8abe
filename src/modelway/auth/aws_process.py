"""AWS keys that a program prints: a profile's ``credential_process``, where that is allowed.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html, 2026-11-21.
"""

from __future__ import annotations

import asyncio
import shlex

from modelway.auth.aws_metadata import machine_lease
from modelway.auth.refreshing import Lease
from modelway.auth.sigv4 import AwsKeys
from modelway.errors import AuthenticationError, ConfigError

_TIMEOUT_S = 60.0


async def process_keys(command: str) -> Lease[AwsKeys]:
    """Runs the program without a shell; what it prints, and what it says of faults, is not quoted."""
    try:
        process = await asyncio.create_subprocess_exec(
            *shlex.split(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except (OSError, ValueError):
        raise ConfigError("the profile's credential_process cannot be started") from None
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            printed, _ = await process.communicate()
    except TimeoutError:
        raise AuthenticationError("the profile's credential_process takes too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise AuthenticationError(
            f"the profile's credential_process failed with status {process.returncode}; run it by hand"
        )
    return machine_lease(printed, "the profile's credential_process")
