"""Attachments as files: parts in order, synced before they are answered, resumable (SPEC section 9).

Two files an attachment, named by its root in hex only: the ciphertext, and the leaf hash of each
chunk. Ciphertext is synced before its hashes, so what the hashes cover is on disk after any crash,
and that is what is "held". The RFC 6962 root over the hashes is compared once all are there.
"""

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from mce_exchange import limits
from mce_exchange.errors import StoreError
from mce_exchange.log import merkle
from mce_exchange.padding import is_padded_size
from mce_exchange.primitives.verify import equal
from mce_relay.engine import CHUNK, Rules, share, today
from mce_relay.refusals import refusal
from mce_relay.sequencer import Group, Sequencer
from mce_relay.store.protocol import Store, Upload
from mce_relay.values import AttachmentState

LEAVES: Final = ".leaves"
"""How the file of leaf hashes is named after that of the ciphertext."""
_OURS: Final = re.compile(r"[0-9a-f]{64}(\.leaves)?").fullmatch
_THREADS: Final = 4
T = TypeVar("T")
P = ParamSpec("P")


class Blobs:
    """The attachments of one relay. Calls for one root are taken one after another."""

    def __init__(self, *, folder: Path, store: Store, sequencer: Sequencer, rules: Rules) -> None:
        self._folder = folder
        self._store = store
        self._sequencer = sequencer
        self._rules = rules
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        # Of their own: whoever syncs many parts keeps nobody from reading the log.
        self._threads = ThreadPoolExecutor(_THREADS, "mce-relay-blobs")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    async def sweep(self) -> None:
        """Remove files that no upload stands for: erased, given up, or never begun."""
        for root in await self._off(self._stray):
            async with self._lock(root):
                # Asked again under the lock: the same attachment may be on its way once more.
                if await self._off(self._find, root) is None:
                    await self._off(self._remove, root)

    async def status(self, member: str, root: bytes) -> AttachmentState:
        """How much of a member's own upload is held."""
        async with self._lock(root):
            upload = await self._off(self._find, root)
            if upload is None or upload.owner != member:
                return AttachmentState(held=0, complete=False)
            return await self._state(upload)

    async def put(self, member: str, *, root: bytes, size: int, offset: int, data: bytes) -> AttachmentState:
        """Take the next part: whole chunks, or what is left."""
        check_part(root, size, offset, data)
        async with self._lock(root):
            upload = await self._off(self._find, root)
            if upload is None:
                _expect_offset(offset, 0)
                upload = await self._sequencer.run(_reserve(self._rules, member, root, size), author=member)
            if upload.owner != member or upload.size != size:
                raise refusal("wrong_context", f"attachment {root.hex()} has another owner or size")
            if upload.complete:
                return AttachmentState(held=size, complete=True)
            held = await self._off(self._held, upload)
            if held < size:
                _expect_offset(offset, held)
                await self._off(self._write, upload, offset, data)
            return await self._state(upload)

    async def leaf_hashes(self, root: bytes) -> bytes:
        """The leaf hashes, 32 bytes each; `StoreError` if the file is gone."""
        return await self._off(self._leaves, root)

    async def part(self, root: bytes, offset: int) -> bytes:
        """At most `limits.PART` bytes from an offset on."""
        return await self._off(self._read, self._path(root), offset, limits.PART)

    async def _state(self, upload: Upload) -> AttachmentState:
        """What is held; an upload whose last chunk is there is judged by its root first."""
        held = await self._off(self._held, upload)
        if held < upload.size or upload.complete:
            return AttachmentState(held=held, complete=upload.complete)
        if not await self._off(self._fits, upload.root):
            await self._sequencer.run(_forget(upload), author=upload.owner)
            await self._off(self._remove, upload.root)
            raise refusal("wrong_context", f"{upload.size} bytes are not {upload.root.hex()}: discarded")
        await self._sequencer.run(_complete(upload), author=upload.owner)
        return AttachmentState(held=held, complete=True)

    async def _off(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, partial(work, *arguments, **named)
        )

    def _fits(self, root: bytes) -> bool:
        """Whether what is held hashes up to the root; its names are on disk before anybody relies on it."""
        leaves = self._leaves(root)
        hashes = (leaves[at : at + limits.HASH] for at in range(0, len(leaves), limits.HASH))
        with _typed():
            _sync_folder(self._folder)
        return equal(merkle.root(hashes), root)

    def _leaves(self, root: bytes) -> bytes:
        return self._read(self._path(root, LEAVES), 0, limits.ATTACHMENT_PADDED)

    def _lock(self, root: bytes) -> asyncio.Lock:
        return self._locks.setdefault(root, asyncio.Lock())

    def _find(self, root: bytes) -> Upload | None:
        with self._store.read() as reader:
            return reader.upload(root)

    def _held(self, upload: Upload) -> int:
        try:
            chunks = self._path(upload.root, LEAVES).stat().st_size // limits.HASH
        except FileNotFoundError:
            return 0
        return min(chunks * CHUNK, upload.size)

    def _write(self, upload: Upload, offset: int, data: bytes) -> None:
        view = memoryview(data)
        hashes = b"".join(merkle.leaf_hash(view[at : at + CHUNK]) for at in range(0, len(view), CHUNK))
        _store_at(self._path(upload.root), offset, data)
        _store_at(self._path(upload.root, LEAVES), offset // CHUNK * limits.HASH, hashes)
        if offset == 0:
            with _typed():
                _sync_folder(self._folder)

    def _read(self, path: Path, offset: int, most: int) -> bytes:
        with _typed(), path.open("rb") as file:
            file.seek(offset)
            return file.read(most)

    def _remove(self, root: bytes) -> None:
        with _typed():
            for path in (self._path(root), self._path(root, LEAVES)):
                path.unlink(missing_ok=True)
            _sync_folder(self._folder)

    def _stray(self) -> set[bytes]:
        with _typed():
            if not self._folder.is_dir():
                self._folder.mkdir(mode=0o700)
                _sync_folder(self._folder.parent)
            # Files are listed before the rows are read: a row is older than its files. Others are not ours.
            found = {bytes.fromhex(path.stem) for path in self._folder.iterdir() if _OURS(path.name)}
        with self._store.read() as reader:
            return found - reader.roots()

    def _path(self, root: bytes, suffix: str = "") -> Path:
        # Hex of 32 checked bytes: no caller's text ever becomes part of a path (threat H6).
        return self._folder / (root.hex() + suffix)


def check_part(root: bytes, size: int, offset: int, data: bytes) -> None:
    """Bounds before anything is looked up: a size that padding gives, whole chunks, not beyond the end."""
    if len(root) != limits.HASH:
        raise refusal("malformed", f"a root of {len(root)} bytes")
    chunks = -(-size // CHUNK)
    if len(data) > limits.PART or not is_padded_size(size - chunks * limits.TAG, payload=False):
        raise refusal("too_large", f"a part of {len(data)} bytes of an attachment of {size}")
    end = offset + len(data)
    if not 0 <= offset < end <= size or offset % CHUNK or (len(data) % CHUNK and end != size):
        raise refusal("wrong_offset", f"{len(data)} bytes at {offset} of {size} are not whole chunks")


def _expect_offset(offset: int, held: int) -> None:
    if offset != held:
        raise refusal("wrong_offset", f"{held} bytes are held, the part is for {offset}")


def _reserve(rules: Rules, member: str, root: bytes, size: int) -> Callable[[Group], Upload]:
    def work(group: Group) -> Upload:
        if not group.state.takes_part(member):
            raise refusal("not_admitted", f"{member} does not take part now")
        usage = today(group, member)
        held = usage.held + size
        # Nobody says here whether an attachment is urgent: it leaves the reserve alone.
        if held > share(rules.settings.quotas.bytes_per_member, rules, urgent=False):
            raise refusal("quota", f"{member} would take {held} bytes")
        upload = Upload(root=root, owner=member, size=size, started=group.now)
        group.tx.put_upload(upload)
        group.tx.put_usage(member, replace(usage, held=held))
        return upload

    return work


def _forget(upload: Upload) -> Callable[[Group], None]:
    return lambda group: forget(group, upload)


def forget(group: Group, upload: Upload) -> None:
    """Give up an upload that no message names, and its share of the quota."""
    usage = today(group, upload.owner)
    group.tx.remove_upload(upload.root)
    group.tx.put_usage(upload.owner, replace(usage, held=usage.held - upload.size))


def _complete(upload: Upload) -> Callable[[Group], None]:
    def work(group: Group) -> None:
        if group.tx.upload(upload.root) is None:
            raise refusal("not_found", f"attachment {upload.root.hex()} was given up meanwhile")
        group.tx.put_upload(replace(upload, complete=True))

    return work


def _store_at(path: Path, offset: int, data: bytes) -> None:
    """Write and sync; what stood beyond is a torn write of an earlier try."""
    with _typed():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, offset)
            while data:
                written = os.pwrite(descriptor, data, offset)
                data, offset = data[written:], offset + written
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _typed() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"an attachment's file failed: {os.strerror(error.errno or 0)}") from error
