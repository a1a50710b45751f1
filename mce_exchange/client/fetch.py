"""Attachments on their way to us: resumed where they stopped, checked chunk by chunk, whole or not at all."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.client.identity import Identity
from mce_exchange.client.relay import Relay
from mce_exchange.errors import DecryptionError, LogError, MalformedError
from mce_exchange.header import Stream, read_header
from mce_exchange.hotline import answers
from mce_exchange.hotline.answers import About
from mce_exchange.hotline.receiving import Refusal
from mce_exchange.log import merkle
from mce_exchange.primitives.verify import equal
from mce_exchange.sealing import open_stream
from mce_exchange.store.home import Home
from mce_exchange.store.inbox import Received

_CHUNK: Final = limits.CHUNK + limits.TAG


class Fetch:
    """Fetches what messages in state `fetching` need and makes them `ready`."""

    def __init__(
        self,
        home: Home,
        identity: Identity,
        relay: Relay,
        run: Callable[..., Awaitable[object]],
    ) -> None:
        self._home = home
        self._identity = identity
        self._relay = relay
        self._run = run

    async def message(self, received: Received) -> None:
        """All attachments of one message; raises `TransportError`, or `LogError` for false bytes."""
        header = read_header(statements.decode(received.statement))
        for stream in header.core.streams[1:]:
            if not self._home.attachments.has(stream.root):
                await self._stream(stream)
        await self._run(self._judge, received)

    async def _stream(self, stream: Stream) -> None:
        with self._home.attachments.partial(stream.root) as file:
            # What is here was checked before it was written; a cut last chunk is fetched again.
            held = file.seek(0, 2) // _CHUNK * _CHUNK
            held = min(held, stream.ciphertext_size)
            file.truncate(held)
            pieces = self._relay.download(stream.root, held)
            await _take(pieces, stream, file, held)
            await self._run(self._home.attachments.keep_partial, stream.root, file)

    def _judge(self, received: Received) -> None:
        """Decrypt to the end before anyone sees the message (threat E13)."""
        header = read_header(statements.decode(received.statement))
        body = self._home.inbox.body(received.header_id)
        position = header.recipient_index(self._identity.member)
        about = About(header_id=received.header_id, index=received.log_index, position=position)
        try:
            for stream, secret, info in zip(
                header.core.streams[1:], body.secrets[1:], body.attachments, strict=True
            ):
                with self._home.attachments.path(stream.root).open("rb") as file:
                    size = sum(map(len, open_stream(secret, stream, file, payload=False)))
                if size != info.size:
                    raise DecryptionError
        except (DecryptionError, MalformedError):
            with self._home.database.write():
                self._home.inbox.move(received.header_id, state="refused", reason="cannot_open")
                self._home.publishing.put(answers.refused(self._identity.author, about, Refusal.CANNOT_OPEN))
            return
        with self._home.database.write():
            self._home.inbox.move(received.header_id, state="ready")


@dataclass
class _Leaves:
    """The leaf hashes of the whole, once they have been shown to hash up to the signed root."""

    hashes: bytes = b""

    def check(self, stream: Stream, hashes: bytes) -> None:
        if len(hashes) != stream.chunks * limits.HASH:
            raise LogError(f"{len(hashes)} bytes of leaf hashes for {stream.chunks} chunks")
        leaves = [hashes[i : i + limits.HASH] for i in range(0, len(hashes), limits.HASH)]
        if not equal(merkle.root(leaves), stream.root):
            raise LogError("the relay's leaf hashes are not those of this attachment")
        self.hashes = hashes

    def leaf(self, number: int) -> bytes:
        return self.hashes[number * limits.HASH : (number + 1) * limits.HASH]


async def _take(
    pieces: AsyncIterator[tuple[bytes, bytes]], stream: Stream, file: BinaryIO, held: int
) -> None:
    """Write chunks that hash to their signed leaves, and nothing else; memory is one part."""
    leaves, rest = _Leaves(), b""
    async for hashes, data in pieces:
        if hashes:
            leaves.check(stream, hashes)
        rest += data
        if not leaves.hashes or len(rest) > limits.PART + _CHUNK:
            raise LogError("the relay sends data before its leaf hashes, or too much at once")
        while rest and (len(rest) >= _CHUNK or held + len(rest) >= stream.ciphertext_size):
            chunk, rest = rest[:_CHUNK], rest[_CHUNK:]
            if not equal(merkle.leaf_hash(chunk), leaves.leaf(held // _CHUNK)):
                raise LogError("a chunk of an attachment is not the one that was signed")
            file.write(chunk)
            held += len(chunk)
    if held != stream.ciphertext_size or rest:
        raise LogError("an attachment that ends early")
