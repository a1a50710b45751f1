"""What `mce-relay check` looks at, and what mends it."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mce_exchange.directory import trust
from mce_exchange.directory.compose import body_of
from mce_exchange.directory.model import Directory
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import MceError, StoreError, UsageError
from mce_exchange.log.merkle import Tree
from mce_relay import boot, inspection
from mce_relay.config import Config
from mce_relay.core import ATTACHMENTS
from mce_relay.keyring import FILE, Keyring, Rings
from mce_relay.known import Known
from mce_relay.server import check_names, read_directory
from mce_relay.store.protocol import RESTORE
from mce_relay.store.sqlite import FILE as DATABASE
from mce_relay.store.sqlite import SqliteStore
from mce_relay.values import NoMetrics

_ASK: Final = "ask its sender to send it again by another message; the log itself is not hurt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing looked at; `remedy` is empty when it is in order."""

    name: str
    text: str
    remedy: str = ""


def look(config: Config, passphrase: str, *, deep: bool = False) -> Iterator[Found]:
    """Everything that has to be in order before `serve`, each on its own; `deep` hashes attachments too."""
    yield from _permissions(config)
    try:
        rings = Rings.read(config.keys, passphrase)
        yield Found(name="keys", text=f"{FILE} opens")
        bundle = read_directory(config.genesis)
        network_id = trust.network_id_of(body_of(bundle.statement)[0])
        trust.open_genesis(bundle, network_id=network_id)
        yield Found(name="genesis", text=f"network {network_id.hex()}")
        yield from _data(config, rings, deep=deep)
    except MceError as error:
        yield Found(name="stopped here", text=str(error), remedy=error.remedy)
    yield _disk(config.data)


def _permissions(config: Config) -> Iterator[Found]:
    for path in (config.keys, config.keys / FILE, config.data):
        try:
            mode = path.stat().st_mode
        except OSError:
            # What is not there, or not for us to see, is told where it is read.
            continue
        if mode & 0o077:
            wanted = "700" if stat.S_ISDIR(mode) else "600"
            yield Found(name="permissions", text=f"others may read {path}", remedy=f"chmod {wanted} {path}")


def _disk(path: Path) -> Found:
    there = next(one for one in (path, *path.parents) if one.exists())
    free = os.statvfs(there)
    gigabytes = free.f_bavail * free.f_frsize / 1e9
    remedy = "free space, or move data to a larger disk" if gigabytes < 1 else ""
    return Found(name="disk", text=f"{gigabytes:.1f} GB free", remedy=remedy)


def _data(config: Config, rings: Rings, *, deep: bool) -> Iterator[Found]:
    if not (config.data / DATABASE).exists():
        yield Found(name="log", text="empty: `serve` begins it with the genesis")
        return
    store = SqliteStore(config.data)
    store.open()
    try:
        faults = store.faults()
        text = inspection.listed(faults) if faults else "its structure is whole"
        yield Found(name="database", text=text, remedy=RESTORE if faults else "")
        head, tree, relay = boot.start(store, read_directory(config.genesis), rings.keys, NoMetrics())
        version = head.state.directory.version
        yield Found(
            name="log", text=f"{head.size} entries fit the last checkpoint; Directory version {version}"
        )
        with store.read() as reader:
            anchored = reader.anchor(0) is not None
        yield _known(config, head.state, tree, anchored=anchored)
        keyring = rings.used(head.state.directory, head.size, relay)
        yield _doors(config, keyring, head.state.directory, relay)
        with store.read() as reader:
            for name, found, remedy in (
                ("statements", inspection.damaged_statements(reader, tree), RESTORE),
                ("messages", inspection.damaged_messages(reader, tree), _ASK),
                ("anchors", inspection.damaged_anchors(reader, head.state, tree), RESTORE),
                (
                    "attachments",
                    inspection.damaged_attachments(reader, config.data / ATTACHMENTS, deep=deep),
                    _ASK,
                ),
            ):
                text = f"damaged: {inspection.listed(found)}" if found else "as signed"
                yield Found(name=name, text=text, remedy=remedy if found else "")
    finally:
        store.close()


def _known(config: Config, state: PublicState, tree: Tree, *, anchored: bool) -> Found:
    try:
        Known(config.anchor_file).check(state, tree, anchored=anchored)
    except StoreError as error:
        return Found(name="known anchor", text=str(error), remedy=error.remedy)
    return Found(name="known anchor", text="the log has the one that is kept outside of it")


def _doors(config: Config, keyring: Keyring, directory: Directory, relay: str) -> Found:
    try:
        check_names(config.id, keyring.door, directory, relay)
    except UsageError as error:
        return Found(name="door", text=str(error), remedy=error.remedy)
    return Found(name="door", text=f"{relay}, as the Directory has it")
