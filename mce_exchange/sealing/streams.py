"""One stream: data of any length becomes padded, encrypted chunks and a root over them (SPEC section 6).

Memory stays at a few chunks whatever the size. Data of unknown length is sealed in one pass: the
length stands in the first chunk, so that chunk is kept back and written last. Threads beside the one
that reads and writes encrypt and hash the chunks of a longer stream, each chunk by itself.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import BinaryIO, Final, TypeVar

from mce_exchange import limits, padding
from mce_exchange.errors import ContextError, DecryptionError, LimitError, MalformedError
from mce_exchange.header import Stream
from mce_exchange.log import merkle
from mce_exchange.primitives.stream import StreamKey
from mce_exchange.primitives.verify import equal

_T = TypeVar("_T")
_R = TypeVar("_R")

SEALED_CHUNK: Final = limits.CHUNK + limits.TAG
_THREADS: Final = 2
_AHEAD: Final = 4


def seal_stream(secret: bytes, source: BinaryIO, sink: BinaryIO, *, payload: bool) -> tuple[Stream, int]:
    """Encrypt `source` to its end into the seekable `sink`: the header's view of it, and the data's length.

    Raises `LimitError` above the cap; what the sink then holds is of no use.
    """
    key, pieces = StreamKey(secret), _Pieces(source, payload=payload)

    def work(piece: tuple[int, bytes, bool]) -> tuple[bytes, bytes]:
        counter, plain, last = piece
        sealed = key.seal_chunk(counter, plain, last=last)
        return sealed, merkle.leaf_hash(sealed)

    leaves = [b""]
    sink.seek(SEALED_CHUNK)
    for sealed, leaf in _beside(work, pieces.rest()):
        sink.write(sealed)
        leaves.append(leaf)
    sealed, leaves[0] = work((0, pieces.head(), len(leaves) == 1))
    sink.seek(0)
    sink.write(sealed)
    stream = Stream(root=merkle.root(leaves), padded_size=pieces.size, commitment=key.commitment)
    return stream, pieces.length


class _Pieces:
    """Padded plaintext in chunks: the rest first, then the head, whose prefix is the length of all data."""

    def __init__(self, source: BinaryIO, *, payload: bool) -> None:
        self._source = source
        self._payload = payload
        self._first = source.read(limits.CHUNK - padding.PREFIX)
        self.length = len(self._first)

    @property
    def size(self) -> int:
        """Padded, once the rest has been taken."""
        return padding.padded_size(self.length, payload=self._payload)

    def rest(self) -> Iterator[tuple[int, bytes, bool]]:
        """Counter, plaintext and whether it is the last, from chunk 1 on."""
        counter = 1
        chunk = self._read() if self.length == limits.CHUNK - padding.PREFIX else b""
        while len(chunk) == limits.CHUNK and (following := self._read()):
            yield counter, chunk, False
            counter, chunk = counter + 1, following
        # `chunk` is the data's last piece beyond the first chunk; zeros fill up to the padded size.
        for at in range(counter * limits.CHUNK, self.size, limits.CHUNK):
            length = min(limits.CHUNK, self.size - at)
            yield at // limits.CHUNK, chunk + bytes(length - len(chunk)), at + length == self.size
            chunk = b""

    def _read(self) -> bytes:
        chunk = self._source.read(limits.CHUNK)
        self.length += len(chunk)
        cap = limits.PAYLOAD_PADDED if self._payload else limits.ATTACHMENT_PADDED
        if self.length + padding.PREFIX > cap:
            raise LimitError(f"more than {cap - padding.PREFIX} bytes of data")
        return chunk

    def head(self) -> bytes:
        """Chunk 0."""
        head = padding.prefix(self.length) + self._first
        return head + bytes(min(limits.CHUNK, self.size) - len(head))


def _beside(work: Callable[[_T], _R], items: Iterator[_T]) -> Iterator[_R]:
    """`map` in threads, a few items ahead of who takes the results, which come in order.

    A stream of one chunk starts no thread.
    """
    begun = [item for _, item in zip(range(2), items, strict=False)]
    if len(begun) < 2:
        yield from map(work, begun)
        return
    under_way: deque[Future[_R]] = deque()
    with ThreadPoolExecutor(_THREADS, "chunks") as pool:
        for item in chain(begun, items):
            under_way.append(pool.submit(work, item))
            if len(under_way) > _AHEAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def sealed_chunks(stream: Stream, source: BinaryIO) -> Iterator[bytes]:
    """The ciphertext's chunks, just as many and as long as the header says; else `MalformedError`."""
    left = stream.ciphertext_size
    while left:
        chunk = source.read(min(SEALED_CHUNK, left))
        if len(chunk) != min(SEALED_CHUNK, left):
            raise MalformedError(f"a stream that ends {left - len(chunk)} bytes early")
        left -= len(chunk)
        yield chunk
    if source.read(1):
        raise MalformedError("a stream longer than its header says")


def root_of(stream: Stream, source: BinaryIO) -> bytes:
    """The RFC 6962 root over the ciphertext's chunks, 32 bytes."""
    return merkle.root([merkle.leaf_hash(chunk) for chunk in sealed_chunks(stream, source)])


def open_stream(secret: bytes, stream: Stream, source: BinaryIO, *, payload: bool) -> Iterator[bytes]:
    """The data, piece by piece; `DecryptionError` at the first thing that is wrong.

    A piece is genuine but the stream is not whole until the iterator ends: show nothing before
    (threat E13). The commitment is compared first, so one ciphertext has one plaintext (E5).
    """
    key = _committed_key(secret, stream)
    yield from _data(
        _beside(partial(_open, key, stream), enumerate(sealed_chunks(stream, source))), stream, payload
    )


def open_as_signed(secret: bytes, stream: Stream, source: BinaryIO, *, payload: bool) -> Iterator[bytes]:
    """The same and the root in one pass: `ContextError` at the end for another ciphertext than was signed."""
    key, leaves = _committed_key(secret, stream), []

    def work(numbered: tuple[int, bytes]) -> tuple[bytes, bytes]:
        return _open(key, stream, numbered), merkle.leaf_hash(numbered[1])

    def opened() -> Iterator[bytes]:
        for plain, leaf in _beside(work, enumerate(sealed_chunks(stream, source))):
            leaves.append(leaf)
            yield plain

    yield from _data(opened(), stream, payload)
    if not equal(merkle.root(leaves), stream.root):
        raise ContextError("this ciphertext is not the one that the header commits to")


def _committed_key(secret: bytes, stream: Stream) -> StreamKey:
    key = StreamKey(secret)
    if not equal(key.commitment, stream.commitment):
        raise DecryptionError
    return key


def _open(key: StreamKey, stream: Stream, numbered: tuple[int, bytes]) -> bytes:
    counter, chunk = numbered
    return key.open_chunk(counter, chunk, last=counter == stream.chunks - 1)


def _data(chunks: Iterator[bytes], stream: Stream, payload: bool) -> Iterator[bytes]:
    """Without prefix and padding, which are checked."""
    left = -1
    for plain in chunks:
        if left < 0:
            left = _data_length(plain, stream.padded_size, payload=payload)
            plain = plain[padding.PREFIX :]
        if plain[left:] != bytes(max(0, len(plain) - left)):
            raise DecryptionError
        if left and plain:
            yield plain[:left]
        left -= min(left, len(plain))


def _data_length(plain: bytes, size: int, *, payload: bool) -> int:
    try:
        return padding.read_prefix(plain, size, payload=payload)
    except MalformedError:
        raise DecryptionError from None
