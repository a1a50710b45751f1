"""What `mce-relay check` looks at, and what mends it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from mce_exchange.directory import trust
from mce_exchange.directory.compose import body_of
from mce_exchange.errors import MceError
from mce_relay import boot
from mce_relay.config import Config
from mce_relay.keyring import FILE, Keyring
from mce_relay.server import read_genesis
from mce_relay.store.sqlite import FILE as DATABASE
from mce_relay.store.sqlite import SqliteStore
from mce_relay.values import NoMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing looked at; `remedy` is empty when it is in order."""

    name: str
    text: str
    remedy: str = ""


def look(config: Config, passphrase: str) -> Iterator[Found]:
    """Everything that has to be in order before `serve`, each on its own."""
    for path in (config.keys, config.keys / FILE):
        if path.exists() and path.stat().st_mode & 0o077:
            wanted = "700" if path.is_dir() else "600"
            yield Found(name="permissions", text=f"others may read {path}", remedy=f"chmod {wanted} {path}")
    try:
        keyring = Keyring.read(config.keys, passphrase)
        yield Found(name="keys", text=f"{FILE} opens")
        bundle = read_genesis(config.genesis)
        network_id = trust.network_id_of(body_of(bundle.statement)[0])
        trust.open_genesis(bundle, network_id=network_id)
        yield Found(name="genesis", text=f"network {network_id.hex()}")
        yield from _log(config, keyring)
    except MceError as error:
        yield Found(name="stopped here", text=str(error), remedy=error.remedy)
    free = os.statvfs(config.data if config.data.exists() else config.data.parent)
    gigabytes = free.f_bavail * free.f_frsize / 1e9
    remedy = "free space, or move data to a larger disk" if gigabytes < 1 else ""
    yield Found(name="disk", text=f"{gigabytes:.1f} GB free", remedy=remedy)


def _log(config: Config, keyring: Keyring) -> Iterator[Found]:
    if not (config.data / DATABASE).exists():
        yield Found(name="log", text="empty: `serve` begins it with the genesis")
        return
    store = SqliteStore(config.data)
    store.open()
    try:
        head, _, _ = boot.start(store, read_genesis(config.genesis), keyring.keys, NoMetrics())
        version = head.state.directory.version
        yield Found(
            name="log", text=f"{head.size} entries fit the last checkpoint; Directory version {version}"
        )
    finally:
        store.close()
