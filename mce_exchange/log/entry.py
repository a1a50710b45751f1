"""What a leaf of the log is: version, class, and the digest of a signed Statement (SPEC section 9).

Digests of signed Statements cannot be guessed from what they say: signatures are hedged, headers
hold 32 random bytes (threat L8).
"""

from dataclasses import dataclass
from typing import Final, Self

from mce_exchange import limits
from mce_exchange.errors import MalformedError
from mce_exchange.log.merkle import leaf_hash

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class LogEntry:
    """34 bytes: version 1, class 1 for public and 0 for private, SHA-256 of the signed Statement."""

    public: bool
    digest: bytes

    def encode(self) -> bytes:
        """The leaf's data."""
        return bytes((_VERSION, self.public)) + self.digest

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The reverse; `MalformedError`."""
        if len(data) != limits.LOG_ENTRY or data[0] != _VERSION or data[1] > 1:
            raise MalformedError("a log entry of another version, class or length")
        return cls(bool(data[1]), data[2:])

    @property
    def leaf_hash(self) -> bytes:
        """Its hash in the tree."""
        return leaf_hash(self.encode())


def leaf_hashes(entries: bytes) -> list[bytes]:
    """The hashes of any number of entries that follow each other; `MalformedError` if one is none."""
    size = limits.LOG_ENTRY
    versions, classes = set(entries[::size]), set(entries[1::size])
    if len(entries) % size or not versions <= {_VERSION} or not classes <= {0, 1}:
        raise MalformedError("a log entry of another version, class or length")
    return [leaf_hash(entries[at : at + size]) for at in range(0, len(entries), size)]
