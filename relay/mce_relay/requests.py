"""How much a request holds, counted on the wire: a parser turns two bytes into an object of a hundred."""

from typing import Any, Final

from mce_relay.refusals import refusal

MOST: Final = 8192
"""Fields in one request, at all depths: 64 envelopes to 64 recipients have half as many."""
_WIDTH: Final = {1: 8, 5: 4}


def elements(descriptor: Any, data: bytes) -> int:
    """The number of fields of a message and of those inside it; "too_large" above `MOST`, "malformed"."""
    return MOST - _count(descriptor, data, 0, len(data), MOST)


def _count(descriptor: Any, data: bytes, at: int, end: int, left: int) -> int:
    while at < end:
        left -= 1
        if left < 0:
            raise refusal("too_large", f"a request of more than {MOST} fields")
        tag, at = _varint(data, at)
        wire_type = tag & 7
        if wire_type == 0:
            _, at = _varint(data, at)
        elif wire_type == 2:
            size, at = _varint(data, at)
            field = descriptor.fields_by_number.get(tag >> 3)
            if field is not None and field.message_type is not None and at + size <= end:
                left = _count(field.message_type, data, at, at + size, left)
            at += size
        elif wire_type in _WIDTH:
            at += _WIDTH[wire_type]
        else:
            raise refusal("malformed", "a group or an unknown wire type")
    if at != end:
        raise refusal("malformed", "a field that is longer than what holds it")
    return left


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise refusal("malformed", "a number that has no end")
