"""A Statement's fixed bytes, what its blocks sign, its id and its log entry (SPEC 4.1, 4.2, 9.3)."""

from dataclasses import dataclass

from .primitives import ED25519, ML_DSA_65, sha256, u8_prefixed
from .refusal import must
from .schema import limit

BLOCK = 32 + ED25519 + ML_DSA_65
# Each type's message, and its class in the log.
TYPES = {
    "header": ("Header", 0),
    "delivered": ("Delivered", 0),
    "refused": ("Refused", 0),
    "void": ("Void", 0),
    "high-water": ("HighWater", 0),
    "re-wrap": ("ReWrap", 0),
    "undeliverable": ("Undeliverable", 0),
    "overdue": ("Overdue", 0),
    "erasure": ("Erasure", 0),
    "prekey": ("Prekey", 1),
    "tls-keys": ("TlsKeys", 1),
    "revocation": ("Revocation", 1),
    "suspension": ("Suspension", 1),
    "clock": ("Clock", 1),
    "contest": ("Contest", 1),
    "board-recovery": ("BoardRecovery", 1),
    "directory": ("Directory", 1),
}


@dataclass(frozen=True)
class Block:
    """One signer's two signatures."""

    key_id: bytes
    ed25519: bytes
    ml_dsa_65: bytes


@dataclass(frozen=True)
class Statement:
    """The parts of a Statement, and the bytes they came as."""

    raw: bytes
    type: str
    body: bytes
    blocks: tuple[Block, ...]

    @property
    def log_class(self) -> int:
        return TYPES[self.type][1]

    def id(self, network_id: bytes) -> bytes:
        return sha256(b"mce1-id\0" + network_id + u8_prefixed(self.type.encode()) + self.body)

    def signed(self, network_id: bytes, key_id: bytes) -> bytes:
        return b"mce1\0" + network_id + u8_prefixed(self.type.encode()) + key_id + self.body

    def entry(self) -> bytes:
        return bytes([1, self.log_class]) + sha256(self.raw)


def parse(raw: bytes) -> Statement:
    """4.3 step 1."""
    must(len(raw) <= limit("statement"), "limit", f"a Statement of {len(raw)} bytes")
    rest = _Rest(raw)
    length = rest.number(1)
    must(length <= limit("type name"), "limit", f"a type of {length} bytes")
    type_ = rest.take(length)
    size = rest.number(4)
    must(size <= limit("statement body"), "limit", f"a body of {size} bytes")
    body = rest.take(size)
    count = rest.number(1)
    must(count <= limit("signatures"), "limit", f"{count} blocks")
    must(count > 0, "malformed", "no block")
    must(len(rest.data) - rest.at == count * BLOCK, "malformed", "blocks that do not fill the rest")
    must(type_ in {name.encode() for name in TYPES}, "suite", "an unknown type")
    blocks = tuple(Block(rest.take(32), rest.take(ED25519), rest.take(ML_DSA_65)) for _ in range(count))
    return Statement(raw, type_.decode(), body, blocks)


class _Rest:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        must(size <= len(self.data) - self.at, "malformed", "a Statement that is cut short")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")
