"""One message or attachment shown to a third party: just what its author sent, and nothing else opened.

The secret `s_i` derives the commitment in the header, the sealed chunks hash to the root in the header,
every chunk opens, and a payload names the same sender and recipients inside (SPEC 12.2, threat E5).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from mce_exchange.audit.report import Disclosed
from mce_exchange.errors import ContextError, MalformedError
from mce_exchange.header import Header
from mce_exchange.log import merkle
from mce_exchange.opened import Opening, read_payload
from mce_exchange.primitives.verify import equal
from mce_exchange.v1 import evidence_pb2


class _Headers(Protocol):
    def header(self, header_id: bytes) -> Header: ...


@dataclass
class _Open:
    header: Header
    header_id: bytes
    stream: int
    opening: Opening
    tree: merkle.Frontier = field(default_factory=merkle.Frontier)
    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    payload: bytes = b""


class Disclosing:
    """Takes `disclosure` and `chunk` records, in the memory of one chunk and, of a payload, of all of it."""

    def __init__(self, headers: _Headers, take: Callable[[bytes, int, bytes], None]) -> None:
        self._headers = headers
        self._take = take
        self._open: _Open | None = None
        self._found: list[Disclosed] = []

    def begin(self, record: evidence_pb2.EvidenceDisclosure) -> None:
        """A stream's secret; its chunks follow. `ContextError` for a stream that is not shown."""
        self._close()
        header = self._headers.header(record.header_id)
        if record.stream >= len(header.core.streams):
            raise ContextError(f"message {record.header_id.hex()} has no stream {record.stream}")
        stream = header.core.streams[record.stream]
        opening = Opening(record.secret, stream, payload=record.stream == 0)
        self._open = _Open(header, record.header_id, record.stream, opening)

    def chunk(self, sealed: bytes) -> None:
        """The next sealed chunk."""
        held = self._open
        if held is None or held.opening.whole:
            raise MalformedError("a chunk record where none may be")
        held.tree.append(merkle.leaf_hash(sealed))
        data = held.opening.feed(sealed)
        held.digest.update(data)
        held.size += len(data)
        if held.stream == 0:
            held.payload += data
        self._take(held.header_id, held.stream, data)

    def finish(self) -> tuple[Disclosed, ...]:
        """All of them; `ContextError` for a ciphertext that is not the one in the header."""
        self._close()
        return tuple(self._found)

    def _close(self) -> None:
        held, self._open = self._open, None
        if held is None:
            return
        root = held.header.core.streams[held.stream].root
        if not held.opening.whole or not equal(held.tree.root, root):
            raise ContextError("this ciphertext is not the one that the header commits to")
        if held.stream == 0:
            read_payload(held.header.core, held.payload)
        self._found.append(
            Disclosed(
                header_id=held.header_id.hex(),
                stream=held.stream,
                size=held.size,
                sha256=held.digest.hexdigest(),
            )
        )
