"""Padded sizes: what the relay learns of a length (SPEC section 6, threat E14).

Plaintext is `u64 length || data || zeros`; the prefix counts. A payload has at least 8 KiB, an
attachment at least 64 KiB; sizes double up to 1 MiB and follow Padmé above, which leaks
O(log log n) bits and adds at most 12 %.
"""

from typing import Final

from mce_exchange import limits
from mce_exchange.errors import LimitError, MalformedError

PREFIX: Final = 8
_PAYLOAD_LEAST: Final = 8 * limits.KIB
_ATTACHMENT_LEAST: Final = 64 * limits.KIB


def padded_size(length: int, *, payload: bool) -> int:
    """The padded size in bytes of `length` bytes of data; `LimitError` above the cap."""
    size = _bucket(length + PREFIX, payload=payload)
    cap = limits.PAYLOAD_PADDED if payload else limits.ATTACHMENT_PADDED
    if size > cap:
        raise LimitError(f"{length} bytes of data need {size} padded, at most {cap}")
    return size


def is_padded_size(size: int, *, payload: bool) -> bool:
    """Whether `size` is one of the sizes that `padded_size` gives."""
    cap = limits.PAYLOAD_PADDED if payload else limits.ATTACHMENT_PADDED
    return 0 < size <= cap and _bucket(size, payload=payload) == size


def prefix(length: int) -> bytes:
    """The 8 bytes before the data."""
    return length.to_bytes(PREFIX, "big")


def read_prefix(data: bytes, size: int, *, payload: bool) -> int:
    """The data's length from the first 8 plaintext bytes of a stream of `size` padded bytes.

    `MalformedError` unless it pads to just this size: one length has one padding.
    """
    length = int.from_bytes(data[:PREFIX], "big")
    if len(data) < PREFIX or length > size - PREFIX or _bucket(length + PREFIX, payload=payload) != size:
        raise MalformedError(f"{length} bytes of data do not pad to {size}")
    return length


def _bucket(total: int, *, payload: bool) -> int:
    least = _PAYLOAD_LEAST if payload else _ATTACHMENT_LEAST
    if total <= limits.MIB:
        return max(least, 1 << (total - 1).bit_length())
    # Padmé: keep as many leading bits as the exponent has bits, round the rest up.
    exponent = total.bit_length() - 1
    free = (1 << (exponent - exponent.bit_length())) - 1
    return (total + free) & ~free
