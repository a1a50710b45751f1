"""Messages for hypothesis, built from their descriptors, with names, ids and keys of the network.

What is built is mostly what `fields` allows, and now and then one step beyond; so rules that look at
several fields together are reached, which mutation seldom does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from mce_exchange import limits
from mce_exchange.fields import FIELDS, Bound
from tests.federation import NOW_MINUTES
from tests.fuzz import world
from tests.fuzz.wireform import NUMBERS

Bytes = st.SearchStrategy[bytes]

_FREE: Final = Bound(0, 2**63 - 1, 0, 3)
_DEEP: Final = 7
_TEXT: Final = st.one_of(
    st.text(max_size=40),
    st.sampled_from(("2014-05", "201X", "BE", "PT", "XX", "en", "+351211234567", "image/jpeg", "", "a.b")),
)
_EDGES_OF_TIME: Final = (-62_135_596_801, -62_135_596_800, 253_402_300_799, 253_402_300_800, 2**63 - 1)
_WHOLE: Final = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


@cache
def _ids() -> Bytes:
    """32 bytes that stand for something, or do not."""
    prekeys = [world.prekey_id(name) for name in ("be", "es", "pt")]
    known = [*world.keys(), *prekeys, world.header_id(), world.network().state.directory.id]
    return st.one_of(st.sampled_from(known), st.just(bytes(32)), st.binary(min_size=32, max_size=32))


@cache
def _names() -> Mapping[str, st.SearchStrategy[str]]:
    """Texts by field: member ids."""
    member = st.sampled_from(("be", "es", "pt") * 5 + ("audit", "relay", "nobody", "B", "a b", "\u202ea"))
    return {
        **dict.fromkeys(("member", "sender", "recipient", "author", "id"), member),
        "Payload.sender": st.sampled_from(("be", "be", "be", "pt")),
        "Payload.recipients": st.sampled_from(("pt", "pt", "pt", "es")),
    }


@cache
def _things() -> Mapping[str, Bytes]:
    """Bytes by field, or by message and field: keys, anchors, certificates, Statements."""
    people = world.network().people.values()
    keys = [key.public for key in world.keys().values()]
    signers = st.sampled_from(list(world.keys()))
    anchors = st.sampled_from([world.network().anchor(), world.witnessed_anchor(), b"none"])
    return {
        **dict.fromkeys(("signers", "key_id"), signers),
        **dict.fromkeys(("anchor", "cut", "note"), anchors),
        "certificates": st.sampled_from([*(person.door for person in people), b"none"]),
        "Payload.message_ref": st.sampled_from([*[world.sealed().header.core.message_ref] * 3, bytes(32)]),
        "Prekey.public_key": st.sampled_from([person.kem.public for person in people]),
        "SigningKey.ed25519": st.sampled_from([key.ed25519 for key in keys]),
        "SigningKey.ml_dsa_65": st.sampled_from([key.ml_dsa_65 for key in keys]),
        "statement": st.sampled_from([*world.statements().values(), b"none"]),
        "checkpoint": st.sampled_from([world.network().signed_checkpoint(), b"none"]),
        "wraps": st.sampled_from([*world.SENT_WRAPS, world.sealed().wraps[0], b"none"]),
        "payload": st.sampled_from([world.sent_payload(), world.sealed().payload, b"none"]),
    }


_NUMBERS_OF: Final = {
    "HeaderCore.suite": (*[1] * 20, 2),
    "Stream.padded_size": (*(8192, 16384, 65536) * 8, 8193),
    "Timestamp.seconds": (*[NOW_MINUTES * 60] * 40, 0, -1, *_EDGES_OF_TIME),
    "Timestamp.nanos": (*[0] * 60, 999_999_999, -1, 1),
}


def message(kind: type[Message]) -> st.SearchStrategy[Message]:
    """A message of this kind, and of all it holds."""
    descriptor: Any = kind.DESCRIPTOR
    return _message(descriptor, 0)


def body(kind: type[Message]) -> Bytes:
    """Its bytes."""
    return message(kind).map(_bytes)


def _bytes(made: Message) -> bytes:
    return made.SerializeToString(deterministic=True)


@dataclass(frozen=True, slots=True)
class _Part:
    field: FieldDescriptor
    bound: Bound
    value: st.SearchStrategy[Any]
    # Of a oneof: which member, of how many.
    member: tuple[int, int]


@cache
def _parts(descriptor: Descriptor, depth: int) -> list[_Part]:
    if depth > _DEEP:
        return []
    bounds: Mapping[str, Bound] = FIELDS.get(descriptor.full_name, {})
    parts = []
    for field in descriptor.fields:
        bound = bounds.get(field.name, _FREE)
        of = list(field.containing_oneof.fields) if field.containing_oneof else [field]
        member = ([one.name for one in of].index(field.name), len(of))
        parts.append(_Part(field, bound, _value(field, bound, depth), member))
    return parts


@cache
def _message(descriptor: Descriptor, depth: int) -> st.SearchStrategy[Message]:
    @st.composite
    def build(draw: st.DrawFn) -> Message:
        made: Message = GetMessageClass(descriptor)()
        # One draw decides what is there, and seldom one field that slips; of 0, which is drawn often, all.
        shape = draw(st.integers(0, 2**40 - 1))
        for number, part in enumerate(_parts(descriptor, depth)):
            place, members = part.member
            if shape % members != place:
                continue
            count = _count(part, (shape >> (6 + number % 32)) & 3, kept=(shape >> (8 + number % 27)) & 31)
            if shape % 512 == 511 - number:
                count = 0 if count else 1
            _put(made, part.field, [draw(part.value) for _ in range(count)])
        return made

    return build()


def _count(part: _Part, bits: int, kept: int) -> int:
    if part.field.is_repeated:
        return min(part.bound.most, part.bound.least + (0, 0, 1, 2)[bits])
    # Without a bound nothing says what has to be there, so most of it is.
    return int(part.bound.least > 0 or (kept != 31 if part.bound is _FREE else bits != 3))


def _put(made: Message, field: FieldDescriptor, values: list[Any]) -> None:
    held = getattr(made, field.name)
    for value in values:
        if field.is_repeated:
            held.append(value)
        elif field.message_type is None:
            setattr(made, field.name, value)
        else:
            held.CopyFrom(value)
            held.SetInParent()


def _value(field: FieldDescriptor, bound: Bound, depth: int) -> st.SearchStrategy[Any]:
    kind = field.message_type
    if kind is not None:
        return st.deferred(lambda: _message(kind, depth + 1))
    if bound.holds is not None:
        return body(bound.holds)
    names = (".".join(field.full_name.split(".")[-2:]), field.name)
    if field.type == field.TYPE_STRING:
        return next((_names()[name] for name in names if name in _names()), _TEXT)
    if field.type == field.TYPE_BYTES:
        return next((_things()[name] for name in names if name in _things()), _octets(bound))
    if names[0] in _NUMBERS_OF:
        return st.sampled_from(_NUMBERS_OF[names[0]])
    if field.cpp_type in _WHOLE:
        return _number(field, bound)
    return st.booleans() if field.cpp_type == field.CPPTYPE_BOOL else st.floats()


def _number(field: FieldDescriptor, bound: Bound) -> st.SearchStrategy[int]:
    least, most = _WHOLE[field.cpp_type]
    good = [bound.low, bound.low + 1, bound.high, 1, 2, 4, NOW_MINUTES]
    if field.enum_type:
        good = [number for number in field.enum_type.values_by_number if number]
    within = [one for one in good if max(least, bound.low) <= one <= min(most, bound.high)]
    odd = [one for one in (bound.high + 1, bound.low - 1, -1, *NUMBERS) if least <= one <= most]
    # Mostly what the field may hold.
    return st.sampled_from(within * (1 + 40 * len(odd) // len(within)) + odd)


def _octets(bound: Bound) -> Bytes:
    if bound.low == bound.high == limits.HASH:
        return _ids()
    if bound is _FREE:
        return st.one_of(_ids(), st.binary(max_size=40))
    return st.integers(bound.low, min(bound.high, bound.low + 40)).map(bytes)
