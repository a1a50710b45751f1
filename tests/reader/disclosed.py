"""Streams that an evidence file discloses (SPEC 12.2 step 9)."""

from dataclasses import dataclass, field

from . import streams
from .answers import Answers
from .header import CHUNK, TAG, Header, sealed_size
from .opening import check_payload
from .refusal import must
from .wire import Record


@dataclass(frozen=True)
class Disclosed:
    """One stream and its data."""

    header_id: bytes
    stream: int
    data: bytes


@dataclass
class _Open:
    header_id: bytes
    header: Header
    stream: int
    secret: bytes
    chunks: list[bytes] = field(default_factory=list)

    @property
    def described(self) -> Record:
        return self.header.core.records("streams")[self.stream]

    @property
    def wanted(self) -> int:
        return -(-self.described.number("padded_size") // CHUNK)


class Disclosing:
    """One disclosure after the other."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.open: _Open | None = None
        self.found: list[Disclosed] = []

    def begin(self, record: Record) -> None:
        self._close()
        header = self.answers.shown(record.data("header_id"))
        stream = record.number("stream")
        must(stream < len(header.core.records("streams")), "context", f"no stream {stream}")
        held = _Open(record.data("header_id"), header, stream, record.data("secret"))
        same = streams.keys(held.secret).commitment == held.described.data("commitment")
        must(same, "decryption", "a secret of another commitment")
        self.open = held

    def chunk(self, sealed: bytes) -> None:
        held = self.open
        must(held is not None and len(held.chunks) < held.wanted, "malformed", "a chunk where none may be")
        if held is not None:
            left = sealed_size(held.described.number("padded_size")) - (CHUNK + TAG) * len(held.chunks)
            must(len(sealed) == min(left, CHUNK + TAG), "decryption", "a chunk of another length")
            streams.open_chunk(
                held.secret, len(held.chunks), sealed, last=len(held.chunks) == held.wanted - 1
            )
            held.chunks.append(sealed)

    def finish(self) -> list[Disclosed]:
        self._close()
        return self.found

    def _close(self) -> None:
        held, self.open = self.open, None
        if held is None:
            return
        sealed = b"".join(held.chunks)
        must(len(held.chunks) == held.wanted, "context", "too few chunks")
        # Length and padding first, as whoever opens chunk by chunk meets them.
        data = streams.open_data(held.described, held.stream, held.secret, sealed)
        must(streams.root(sealed) == held.described.data("root"), "context", "other chunks than the header's")
        if held.stream == 0:
            check_payload(held.header, data)
        self.found.append(Disclosed(held.header_id, held.stream, data))
