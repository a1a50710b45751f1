"""Matrix Synapse: to-device messages between two users of one server, in an environment of its own."""

import asyncio
import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.frame import NotRun
from bench.peers.processes import ROOT, Server, free_port, listens, serving
from bench.peers.worker import Config, Gate, body, paced

UVLOOP: Final = True
SETTINGS: Final = (
    "SQLite; aiohttp on uvloop; at most 16 requests under way; long polling sync of to-device messages"
    " only; base64, because Matrix carries JSON; no presence, rate limits lifted"
)
_LOCK: Final = ROOT / "requirements-bench-synapse.txt"
_KEPT: Final = Path(sys.prefix) / "synapse"
_UNDER_WAY: Final = 16
_SECRET: Final = "synthetic"
_FILTER: Final = json.dumps(
    {
        "presence": {"types": []},
        "account_data": {"types": []},
        "room": {"rooms": [], "account_data": {"types": []}},
    }
)


def fetch() -> str:
    """Make its environment from the lock file; a sentence if that failed."""
    if (_KEPT / "ready").exists():
        return ""
    pip = [str(_KEPT / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        for command in (
            [sys.executable, "-m", "venv", str(_KEPT)],
            [*pip, "--require-hashes", "-r", str(_LOCK)],
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        return f"matrix-synapse: {type(error).__name__}"
    (_KEPT / "ready").touch()
    return ""


@contextmanager
def serve(folder: Path) -> Iterator[tuple[Server, Config]]:
    """A homeserver that knows two users and speaks to no other server."""
    if not (_KEPT / "ready").exists():
        raise NotRun("matrix-synapse was not fetched")
    port = free_port()
    lifted = {"per_second": 100_000, "burst_count": 100_000}
    config = {
        "server_name": "localhost",
        "pid_file": str(folder / "pid"),
        "listeners": [
            {
                "port": port,
                "type": "http",
                "bind_addresses": ["127.0.0.1"],
                "resources": [{"names": ["client"], "compress": False}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "synapse.db")}},
        "signing_key_path": str(folder / "signing.key"),
        "media_store_path": str(folder / "media"),
        "registration_shared_secret": _SECRET,
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "report_stats": False,
        "presence": {"enabled": False},
        "federation_domain_whitelist": [],
        "log_config": str(folder / "log.json"),
        **{f"rc_{name}": lifted for name in ("message", "registration")},
    }
    (folder / "homeserver.yaml").write_text(json.dumps(config))
    (folder / "log.json").write_text(json.dumps({"version": 1, "root": {"level": "WARNING"}}))
    command = [str(_KEPT / "bin/python"), "-m", "synapse.app.homeserver"]
    files = ["--config-path", str(folder / "homeserver.yaml")]
    subprocess.run(
        [*command, *files, "--generate-keys"], cwd=folder, check=True, capture_output=True, timeout=60
    )
    with serving(
        [*command, *files], ready=lambda: listens(port), log=folder / "out.log", seconds=90
    ) as server:
        url = f"http://127.0.0.1:{port}"
        users = [_register(url, name) for name in ("be", "pt")]
        yield server, {"url": url, "users": users}


def _register(url: str, name: str) -> dict[str, str]:
    """Access token and device of a new user."""
    path = f"{url}/_synapse/admin/v1/register"
    with urllib.request.urlopen(path, timeout=30) as answer:
        nonce = json.load(answer)["nonce"]
    parts = (nonce, name, "synthetic", "notadmin")
    mac = hmac.new(_SECRET.encode(), "\0".join(parts).encode(), hashlib.sha1).hexdigest()
    asked = {"nonce": nonce, "username": name, "password": "synthetic", "admin": False, "mac": mac}
    request = urllib.request.Request(path, json.dumps(asked).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        made: dict[str, str] = json.load(answer)
    return made


def _session(user: dict[str, str]) -> Any:
    import aiohttp

    return aiohttp.ClientSession(headers={"Authorization": f"Bearer {user['access_token']}"})


async def send(config: Config, gate: Gate) -> Config:
    """Send to the other's device; each answer says that the server has stored it."""
    filling = bytes.fromhex(config["filling"])
    us, them = config["users"]
    free = asyncio.Semaphore(_UNDER_WAY)
    async with _session(us) as session:

        async def put(number: int) -> None:
            try:
                content = {"body": base64.b64encode(body(number, filling)).decode()}
                sent = {"messages": {them["user_id"]: {them["device_id"]: content}}}
                path = f"{config['url']}/_matrix/client/v3/sendToDevice/mail/{number}"
                async with session.put(path, json=sent) as answer:
                    answer.raise_for_status()
                    await answer.read()
            finally:
                free.release()

        await gate()
        handed, start = [], time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(config["count"]):
                handed.append(await paced(number, start, config["rate"]))
                await free.acquire()
                group.create_task(put(number))
        done = time.perf_counter()
    return {"handed": handed, "done": done}


async def take(config: Config, gate: Gate) -> Config:
    """Sync; the next sync's `since` acknowledges what the one before brought."""
    given: dict[int, float] = {}
    async with _session(config["users"][1]) as session:

        async def sync(since: str, wait: int) -> Any:
            asked = {"filter": _FILTER, "set_presence": "offline", "timeout": str(wait)}
            path = f"{config['url']}/_matrix/client/v3/sync"
            async with session.get(path, params={**asked, **({"since": since} if since else {})}) as answer:
                answer.raise_for_status()
                return json.loads(await answer.read())

        since = (await sync("", 0))["next_batch"]
        await gate()
        while len(given) < config["count"]:
            found = await sync(since, 30_000)
            since = found["next_batch"]
            for event in found.get("to_device", {}).get("events", ()):
                content = base64.b64decode(event["content"]["body"])
                given[int.from_bytes(content[:8], "big")] = time.perf_counter()
        await sync(since, 0)
        done = time.perf_counter()
    return {"given": [given[number] for number in range(config["count"])], "done": done}
