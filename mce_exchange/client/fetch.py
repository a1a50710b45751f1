"""Attachments on their way to us: resumed where they stopped, checked chunk by chunk, whole or not at all.

Several messages are fetched at a time, and one whose attachments do not come waits by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, BinaryIO, Final

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.client.attaching import Progress
from mce_exchange.client.pace import Later
from mce_exchange.client.record import Record
from mce_exchange.client.relay import Relay
from mce_exchange.errors import (
    LogError,
    MalformedError,
    MceError,
    ProtocolError,
    RefusedError,
    StoreError,
    TransportError,
)
from mce_exchange.header import Header, Stream, read_header
from mce_exchange.hotline import answers
from mce_exchange.hotline.answers import About
from mce_exchange.hotline.receiving import Refusal
from mce_exchange.log import merkle
from mce_exchange.primitives.verify import equal
from mce_exchange.sealing import open_as_signed, root_of
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.body import Body
from mce_exchange.store.inbox import Received

_CHUNK: Final = limits.CHUNK + limits.TAG
_PATIENCE_SECONDS: Final = 600
_TRIES: Final = 2


class Fetch:
    """Fetches what messages in state `fetching` need and makes them `ready`."""

    def __init__(
        self,
        record: Record,
        relay: Relay,
        run: Callable[..., Awaitable[Any]],
        *,
        trouble: Callable[[MceError], None],
        progress: Progress,
    ) -> None:
        self._progress = progress
        self._record = record
        self._home = record.home
        self._relay = relay
        self._run = run
        self._trouble = trouble
        self._at_work: set[bytes] = set()
        self._later = Later()

    async def next(self) -> float | None:
        """All attachments of one message: the seconds to wait for more, 0 for at once, None for a change."""
        waiting = await self._run(self._home.inbox.ids, "fetching")
        skip = self._later.waiting() | self._at_work
        header_id = next((one for _, one in waiting if one not in skip), None)
        if header_id is None:
            return self._later.pause()
        self._at_work.add(header_id)
        try:
            received = await self._run(self._home.inbox.find, header_id)
            if received is not None and received.state == "fetching":
                await self._try(received)
        finally:
            self._at_work.discard(header_id)
        return 0

    async def _try(self, received: Received) -> None:
        try:
            await self._message(received)
        except (TransportError, RefusedError, LogError, ProtocolError) as error:
            self._later.put(received.header_id)
            self._trouble(error)
            await self._run(self._tell, received, error)
        else:
            self._later.done(received.header_id)

    def _tell(self, received: Received, error: MceError) -> None:
        """A message that has come, and that nobody sees because its attachments do not, is an alarm."""
        gone = isinstance(error, LogError | RefusedError)
        if gone or self._record.now - received.at > _PATIENCE_SECONDS:
            text = f"a message of {received.sender} is here, its attachments do not come: {error}"
            with self._home.database.write():
                self._record.alarm(Alarm.NO_ATTACHMENT, received.header_id.hex(), text)

    async def _message(self, received: Received) -> None:
        header = read_header(statements.decode(received.statement))
        body: Body = await self._run(self._home.inbox.body, received.header_id)
        for _ in range(_TRIES):
            for stream in header.core.streams[1:]:
                if not self._home.attachments.has(stream.root):
                    await self._stream(stream)
            # Decrypted to the end before anyone sees the message (threat E13), and off the home's thread.
            holds = await asyncio.to_thread(self._holds, header, body)
            if holds is not None:
                await self._run(self._ready if holds else self._refuse, received, header)
                return
        raise StoreError("this home's disk spoils attachments as they are written")

    async def _stream(self, stream: Stream) -> None:
        with self._home.attachments.partial(stream.root) as file:
            told = partial(self._progress, f"download {stream.root.hex()[:8]}", total=stream.ciphertext_size)
            download = _Download(stream, file, told)
            while not await download.go_on(self._relay):
                pass
            await asyncio.to_thread(self._home.attachments.keep_partial, stream.root, file)

    def _holds(self, header: Header, body: Body) -> bool | None:
        """Whether every attachment opens; None if our own disk has spoilt one, which is gone then."""
        for stream, secret, info in zip(
            header.core.streams[1:], body.secrets[1:], body.attachments, strict=True
        ):
            with self._home.attachments.reading(stream.root) as file:
                try:
                    size = sum(map(len, open_as_signed(secret, stream, file, payload=False)))
                except ProtocolError:
                    file.seek(0)
                    if _signed(stream, file):
                        return False
                    self._home.attachments.erase(stream.root)
                    return None
            if size != info.size:
                return False
        return True

    def _ready(self, received: Received, header: Header) -> None:
        with self._home.database.write():
            # Not if a person has refused it meanwhile.
            self._home.inbox.move(received.header_id, state="ready")

    def _refuse(self, received: Received, header: Header) -> None:
        about = About(
            header_id=received.header_id,
            index=received.log_index,
            position=header.recipient_index(self._record.me),
        )
        code = Refusal.CANNOT_OPEN
        with self._home.database.write():
            if self._home.inbox.move(received.header_id, state="refused", reason=code.name.lower()):
                self._home.publishing.put(answers.refused(self._record.identity.author, about, code))
                text = f"a message of {received.sender} was refused: an attachment does not open"
                self._record.alarm(Alarm.REFUSED, received.header_id.hex(), text)


def _signed(stream: Stream, file: BinaryIO) -> bool:
    try:
        return equal(root_of(stream, file), stream.root)
    except MalformedError:
        return False


class _Download:
    """One attachment's ciphertext into a file: memory is one part, and only signed chunks are written."""

    def __init__(self, stream: Stream, file: BinaryIO, told: Callable[[int], None]) -> None:
        self._stream = stream
        self._told = told
        self._file = file
        self._held = 0
        self._leaves = b""

    async def go_on(self, relay: Relay) -> bool:
        """Fetch from where the file ends; False if what it held was not what had been written."""
        size = self._stream.ciphertext_size
        # A cut last chunk is fetched again.
        held = min(self._file.seek(0, 2) // _CHUNK * _CHUNK, size)
        self._held, self._leaves, rest = held, b"", b""
        async with aclosing(relay.download(self._stream.root, held)) as pieces:
            async for hashes, data in pieces:
                if hashes:
                    self._check_leaves(hashes)
                    # After a power cut a file can hold less than its length says.
                    self._held = await asyncio.to_thread(self._checked, held)
                    self._file.truncate(self._held)
                    if self._held != held:
                        return False
                rest += data
                if not self._leaves or len(rest) > limits.PART + _CHUNK:
                    raise LogError("the relay sends data before its leaf hashes, or too much at once")
                rest = self._take(rest)
                self._told(self._held)
        if self._held != size or rest or not self._leaves:
            raise LogError("an attachment that ends early")
        return True

    def _check_leaves(self, hashes: bytes) -> None:
        if len(hashes) != self._stream.chunks * limits.HASH:
            raise LogError(f"{len(hashes)} bytes of leaf hashes for {self._stream.chunks} chunks")
        leaves = [hashes[i : i + limits.HASH] for i in range(0, len(hashes), limits.HASH)]
        if not equal(merkle.root(leaves), self._stream.root):
            raise LogError("the relay's leaf hashes are not those of this attachment")
        self._leaves = hashes

    def _checked(self, held: int) -> int:
        """How many bytes of what the file holds are the signed ones."""
        self._file.seek(0)
        at = 0
        while at < held and self._is(at, self._file.read(min(_CHUNK, held - at))):
            at = min(at + _CHUNK, held)
        self._file.seek(at)
        return at

    def _take(self, rest: bytes) -> bytes:
        while rest and (len(rest) >= _CHUNK or self._held + len(rest) >= self._stream.ciphertext_size):
            chunk, rest = rest[:_CHUNK], rest[_CHUNK:]
            if not self._is(self._held, chunk):
                raise LogError("a chunk of an attachment is not the one that was signed")
            self._file.write(chunk)
            self._held += len(chunk)
        return rest

    def _is(self, at: int, chunk: bytes) -> bool:
        number = at // _CHUNK
        leaf = self._leaves[number * limits.HASH : (number + 1) * limits.HASH]
        return bool(leaf) and equal(merkle.leaf_hash(chunk), leaf)
