"""A gateway on a real socket, in a thread of its own, for tests that talk to it as clients do."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from modelway.call import Credential
from modelway.config.settings import Caller, Settings
from modelway.gateway.app import Gateway
from modelway.gateway.authorise import Keys, open_keys
from modelway.gateway.operating import operated
from modelway.gateway.serve import listen, new_event_loop, run
from modelway.opening import open_engine

KEY = "mw-test-key-0123456789abcdef"
ADMIN = Caller(credential=Credential(name="admin", secret=KEY), admin=True)


class Served(NamedTuple):
    """A running gateway; ``url`` has no ``/v1``."""

    url: str
    key: str
    gateway: Gateway
    loop: asyncio.AbstractEventLoop


@contextlib.contextmanager
def served(config: Mapping[str, Any] | Path, state: Any, **kwargs: Any) -> Iterator[Served]:
    """Serve this configuration until the block ends; one that is a file is watched."""
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    started = threading.Event()
    box: dict[str, Any] = {}

    async def main() -> None:
        opened = await open_engine(config, environment={"MODELWAY_STATE": str(state)})
        keys = rekeyed(opened.engine.settings)
        gateway = Gateway(opened.engine, keys, opened=opened, rekey=rekeyed, **kwargs)
        stop = asyncio.Event()
        box.update(gateway=gateway, loop=asyncio.get_running_loop(), stop=stop)
        async with contextlib.AsyncExitStack() as around:
            if isinstance(config, Path):
                await around.enter_async_context(operated(gateway, opened))
            await until(stop, gateway)
        await opened.aclose()

    async def until(stop: asyncio.Event, gateway: Gateway) -> None:
        serving = asyncio.create_task(run(gateway, listening, started.set))
        await stop.wait()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving

    def rekeyed(settings: Settings) -> Keys:
        return open_keys(state, [ADMIN, *settings.gateway.keys])[0]

    def work() -> None:
        loop = new_event_loop()
        try:
            loop.run_until_complete(main())
        except BaseException as error:
            box["error"] = error
            raise
        finally:
            started.set()
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    thread = threading.Thread(target=work, name="gateway")
    thread.start()
    try:
        assert started.wait(20), "the gateway did not start"
        if "error" in box:
            raise box["error"]
        yield Served(url, KEY, box["gateway"], box["loop"])
    finally:
        if "stop" in box:
            with contextlib.suppress(RuntimeError):
                box["loop"].call_soon_threadsafe(box["stop"].set)
        thread.join(20)
        assert not thread.is_alive()
