"""What is measured: nginx, a bare server, the gateway of this checkout, and peers where installed."""

from __future__ import annotations

import json
import os
import shutil
import string
import sys
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from processes import free_port, spawn, wait_ready
from workloads import KEY, PATHS, Dialect, key_header

HERE = Path(__file__).parent
PEERS = HERE / "peers" / "peers.toml"


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a system is to run."""

    directory: Path
    upstream_port: int
    models: dict[str, str]
    cpu: int | None


@dataclass(kw_only=True)
class System:
    """A server that can be started; ``command`` empty: the mock upstream itself."""

    name: str
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    port: int
    ready_path: str = "/"
    ready_seconds: float = 10.0
    paths: dict[Dialect, str] = field(default_factory=lambda: dict(PATHS))
    headers: tuple[tuple[str, str], ...] = ()
    model_prefix: str = ""
    crosses: bool = False
    """Translates between dialects."""
    streams: bool = True
    dialects: tuple[Dialect, ...] = ("openai", "anthropic")
    log: Path | None = None

    def start(self, cpu: int | None):
        """Starts it and waits until it answers; (process, seconds that took)."""
        began = time.monotonic()
        process = spawn(self.command, cpu=cpu, environment=self.environment, log=self.log)
        try:
            wait_ready(process, self.port, self.ready_path, self.ready_seconds)
        except RuntimeError as error:
            process.kill()
            tail = self.log.read_text(errors="replace")[-800:] if self.log else ""
            raise RuntimeError(f"{self.name}: {error}\n{tail}") from error
        return process, time.monotonic() - began

    def request_headers(self, dialect: Dialect) -> tuple[tuple[str, str], ...]:
        return (key_header(dialect), *self.headers)


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A system that is not measured, and why."""

    name: str
    reason: str


NGINX = string.Template("""\
daemon off;
worker_processes 1;
pid $directory/nginx.pid;
error_log $directory/nginx.error.log error;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $directory/nginx-body;
    proxy_temp_path $directory/nginx-proxy;
    fastcgi_temp_path $directory/nginx-fastcgi;
    uwsgi_temp_path $directory/nginx-uwsgi;
    scgi_temp_path $directory/nginx-scgi;
    client_max_body_size 32m;
    client_body_buffer_size 256k;
    keepalive_requests 100000000;
    upstream mock { server 127.0.0.1:$upstream; keepalive 512; keepalive_requests 100000000; }
    server {
        listen 127.0.0.1:$port backlog=4096;
        location = /ready { access_log off; return 200; }
        location / {
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }
    }
}
""")


def nginx(site: Site) -> System | Absent:
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        return Absent(name="nginx", reason="nginx is not installed")
    port = free_port()
    config = site.directory / "nginx.conf"
    text = NGINX.substitute(directory=site.directory, port=port, upstream=site.upstream_port)
    config.write_text(text)
    command = [
        binary,
        "-p",
        str(site.directory),
        "-c",
        str(config),
        "-e",
        str(site.directory / "e"),
    ]
    return System(name="nginx", command=command, port=port, ready_path="/ready")


def direct(site: Site) -> System:
    """The mock upstream without anything in between: what load and loopback take themselves."""
    return System(name="direct", port=site.upstream_port)


def bare(site: Site) -> System:
    """Server alone: uvicorn with a fixed answer: the part of a gateway's time that is its server's."""
    port = free_port()
    serve = [sys.executable, "-m", "uvicorn", "bare_asgi:app", "--app-dir", str(HERE)]
    options = ["--port", str(port), "--no-access-log", "--log-level", "error", "--backlog", "4096"]
    return System(
        name="uvicorn",
        command=[*serve, *options, "--lifespan", "off", "--loop", "uvloop", "--http", "httptools"],
        port=port,
        streams=False,
        log=site.directory / "uvicorn.log",
    )


def modelway(site: Site) -> System | Absent:
    """The gateway of this checkout, authentication on."""
    script = Path(sys.executable).parent / "modelway"
    if not script.exists():
        return Absent(
            name="modelway", reason=f"{script} is not there: scripts/environment makes it"
        )
    port = free_port()
    url = f"http://127.0.0.1:{site.upstream_port}"
    providers = {
        "mock-openai": {"like": "openai", "base_url": f"{url}/v1", "api_key": KEY},
        "mock-anthropic": {"like": "anthropic", "base_url": f"{url}/v1", "api_key": KEY},
    }
    config = site.directory / "modelway.yaml"
    # JSON is YAML.
    settings = {
        "providers": providers,
        "models": site.models,
        "gateway": {"keys": [KEY]},
        "transport": {"idle_connections_per_host": 512},
    }
    config.write_text(json.dumps(settings, indent=1))
    command = [str(script), "serve", "--config", str(config), "--port", str(port)]
    return System(
        name="modelway",
        command=command,
        environment={"MODELWAY_STATE": str(site.directory / "state")},
        port=port,
        ready_path="/health/ready",
        crosses=True,
        log=site.directory / "modelway.log",
    )


def peers(site: Site) -> list[System | Absent]:
    """The rows of ``peers/peers.toml``; ``peers/README.md`` says how each is installed."""
    found: list[System | Absent] = []
    for name, row in tomllib.loads(PEERS.read_text())["gateway"].items():
        root = Path(os.environ.get("BENCH_PEERS", HERE / "build" / "peers"))
        port = free_port()
        values = {
            "root": str(root),
            "port": str(port),
            "upstream": f"http://127.0.0.1:{site.upstream_port}",
            "config": str(site.directory / f"{name}.config"),
            "key": KEY,
        }
        command = [string.Template(word).substitute(values) for word in row["command"]]
        if not shutil.which(command[0]):
            found.append(
                Absent(name=name, reason=f"not installed: see bench/peers/README.md ({name})")
            )
            continue
        entry = string.Template(row.get("model", ""))
        entries = [
            entry.substitute(values, alias=alias, model=model.partition("/")[2])
            for alias, model in site.models.items()
            if model.startswith("mock-openai/")
        ]
        text = string.Template(row.get("config", "")).substitute(values, models="\n".join(entries))
        Path(values["config"]).write_text(text)
        headers = {
            k: string.Template(v).substitute(values) for k, v in row.get("headers", {}).items()
        }
        environment = row.get("environment", {})
        found.append(
            System(
                name=name,
                command=command,
                environment={
                    k: string.Template(v).substitute(values) for k, v in environment.items()
                },
                port=port,
                ready_path=row["ready"],
                ready_seconds=row.get("ready_seconds", 60.0),
                paths={"openai": row.get("path", PATHS["openai"])},
                headers=tuple(headers.items()),
                model_prefix=row.get("model_prefix", ""),
                dialects=("openai",),
                log=site.directory / f"{name}.log",
            )
        )
    return found
