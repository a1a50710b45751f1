"""The good envelope, and how it is taken apart and sealed again for a fault below its signatures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from mce_exchange import header
from mce_exchange.log import merkle
from mce_exchange.primitives import kem
from mce_exchange.primitives.stream import stream_keys, stream_secret
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import Sealed
from mce_exchange.v1 import envelope_pb2
from tools.vectors import expression, raw
from tools.vectors.files import Written
from tools.vectors.world import ATTACHMENT, CONTENT_KEY, MESSAGE_REF, RECIPIENTS, World

CHUNK: Final = 262_144
SEALED_CHUNK: Final = CHUNK + 16
CORE: Final = ((1, 0),)
Nonce = Callable[[int, bool], bytes]


@dataclass(frozen=True)
class Base:
    """The envelope of the vectors and the world that it stands in."""

    world: World
    index: int
    sealed: Sealed
    attachment: bytes
    content: bytes

    @property
    def body(self) -> bytes:
        """The header's body."""
        return self.sealed.statement.body

    @property
    def core(self) -> bytes:
        """The core as carried."""
        return self.sealed.header.core_bytes

    @property
    def whole_attachment(self) -> "Stream":
        """The attachment, sealed by hand."""
        return Stream(1, padded(ATTACHMENT, self.sealed.header.core.streams[1].padded_size))

    def statement(self, body: bytes, *keys: str) -> bytes:
        """A header Statement of this body, by `be-1` unless others are named."""
        return self.world.sign("header", body, *(keys or ("be-1",))).raw

    def with_core(self, how: raw.Change, *path: tuple[int, int], keys: Sequence[str] = ()) -> bytes:
        """The header with its core, or the message at `path` in it, changed and signed again."""
        return self.statement(raw.change(self.body, (*CORE, *path), how), *keys)

    def with_body(self, how: raw.Change, *path: tuple[int, int]) -> bytes:
        """The header with its outer message changed and signed again."""
        return self.statement(raw.change(self.body, path, how))

    def prekey(self, place: int) -> tuple[bytes, bytes]:
        """Id and public key that a place's wrap is for."""
        known = self.world.state_before(self.index).prekeys[RECIPIENTS[place]][0]
        return known.id, known.public_key

    def wrapped(self, core: bytes, keys: Mapping[int, bytes] | None = None) -> list[bytes]:
        """Wraps for this core, of the content key or, at a place, of another one."""
        return [
            kem.wrap(
                (keys or {}).get(place, CONTENT_KEY),
                self.prekey(place)[1],
                header.wrap_info(sha256(core), place, self.prekey(place)[0]),
            )
            for place in range(len(RECIPIENTS))
        ]

    def listing(self, core: bytes, wraps: Sequence[bytes]) -> bytes:
        """A header's body that lists these wraps."""
        made = envelope_pb2.Header(core=core)
        for place, wrap in enumerate(wraps):
            made.wraps.add(prekey_id=self.prekey(place)[0], digest=sha256(wrap))
        return made.SerializeToString(deterministic=True)

    def sealed_again(self, core: bytes, wraps: Sequence[bytes] | None = None) -> dict[str, bytes]:
        """Input of a vector whose header and wraps fit this core."""
        wraps = self.wrapped(core) if wraps is None else wraps
        return {"statement": self.statement(self.listing(core, wraps)), "wrap": wraps[0]}

    def core_with(self, *changes: tuple[raw.Change, tuple[tuple[int, int], ...]]) -> bytes:
        """The core with each message at a path changed."""
        core = self.core
        for how, path in changes:
            core = raw.change(core, path, how)
        return core

    def stream_core(self, index: int, made: "Stream") -> bytes:
        """The core that describes this stream at its place."""
        core = raw.change(self.core, ((8, index),), raw.put(1, made.root))
        return raw.change(core, ((8, index),), raw.put(2, made.padded_size))


def right_nonce(counter: int, last: bool) -> bytes:
    """As SPEC 6.2 has it."""
    return counter.to_bytes(11, "big") + bytes([last])


@dataclass
class Stream:
    """A stream sealed by hand from any plaintext, padding and nonces."""

    index: int
    plain: bytes
    nonce: Nonce = right_nonce
    key: bytes = b""
    parts: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.key or stream_keys(stream_secret(CONTENT_KEY, MESSAGE_REF, self.index))[0]
        plain = [self.plain[at : at + CHUNK] for at in range(0, len(self.plain), CHUNK)]
        self.chunks = [
            (self.nonce(number, number == len(plain) - 1), part) for number, part in enumerate(plain)
        ]
        # The library's own cipher takes no nonce but the right one.
        cipher = ChaCha20Poly1305(self.key)
        self.parts = [cipher.encrypt(nonce, part, None) for nonce, part in self.chunks]

    @property
    def sealed(self) -> bytes:
        """Its ciphertext."""
        return b"".join(self.parts)

    @property
    def root(self) -> bytes:
        """Over its chunks."""
        return merkle.root([merkle.leaf_hash(part) for part in self.parts])

    @property
    def padded_size(self) -> int:
        """As the header says it."""
        return len(self.plain)

    @property
    def written(self) -> Written:
        """Too long for hex: key, nonces and plaintexts instead."""
        chunks: list[Any] = [[nonce.hex(), expression.plain(part)] for nonce, part in self.chunks]
        return Written({"aead": {"key": self.key.hex(), "chunks": chunks}})


def padded(data: bytes, size: int, *, length: int | None = None, filler: bytes = b"\0") -> bytes:
    """Length prefix, data and padding up to `size`."""
    head = (len(data) if length is None else length).to_bytes(8, "big") + data
    return head + (filler * size)[: size - len(head)]
