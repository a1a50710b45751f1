"""What a header's parts must say about each other (SPEC 5.1, 5.2, 6.3)."""

from dataclasses import dataclass

from .primitives import sha256, u16
from .refusal import must
from .schema import limit
from .wire import Record, decode

CHUNK, TAG = 262_144, 16
PAYLOAD_LEAST, ATTACHMENT_LEAST, POWER_OF_TWO_MOST = 8 << 10, 64 << 10, 1 << 20


@dataclass(frozen=True)
class Header:
    """A header's body: the core as carried, and decoded."""

    core_bytes: bytes
    core: Record
    wraps: tuple[Record, ...]

    @property
    def recipients(self) -> list[str]:
        return [recipient.text("member") for recipient in self.core.records("recipients")]


def read(body: bytes) -> Header:
    outer = decode("Header", body)
    core_bytes = outer.data("core")
    return Header(core_bytes, decode("HeaderCore", core_bytes), tuple(outer.records("wraps")))


def check(header: Header) -> None:
    """5.1, once the signatures hold."""
    core = header.core
    must(core.number("suite") == 1, "suite", f"suite {core.number('suite')}")
    names = header.recipients
    must(len(set(names)) == len(names), "context", "a recipient stands twice")
    must(core.text("sender") not in names, "context", "the sender is a recipient")
    must(len(header.wraps) == len(names), "context", "not one wrap for each recipient")
    for recipient in core.records("recipients"):
        first = recipient.number("sequence") == 1
        must(first != recipient.has("previous_id"), "context", "previous_id does not fit the number")
    for place, stream in enumerate(core.records("streams")):
        size = stream.number("padded_size")
        least = ATTACHMENT_LEAST if place else PAYLOAD_LEAST
        must(is_padded_size(size, least), "malformed", f"stream {place}: {size} is no padded size")
        if place == 0:
            must(size <= limit("payload padded"), "malformed", f"a payload of {size} bytes")


def is_padded_size(size: int, least: int) -> bool:
    return size >= least and padded(size, least) == size


def padded(size: int, least: int) -> int:
    """6.3, of the data with its length prefix."""
    if size <= least:
        return least
    if size <= POWER_OF_TWO_MOST:
        return 1 << (size - 1).bit_length()
    exponent = size.bit_length() - 1
    low = exponent - exponent.bit_length()
    return (size + (1 << low) - 1) >> low << low


def wrap_info(core_bytes: bytes, index: int, prekey_id: bytes) -> bytes:
    return b"mce1/wrap\0" + sha256(core_bytes) + u16(index) + prekey_id


def sealed_size(padded_size: int) -> int:
    return padded_size + TAG * -(-padded_size // CHUNK)
