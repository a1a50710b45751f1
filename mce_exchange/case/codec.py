"""Case messages between bytes and values (SPEC section 7).

The values mirror case.proto by name, so one walk over both serves every entity. What is not known
here is kept byte for byte, entity by entity, and written back behind the known fields.
"""

import dataclasses
import math
import re
import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache, partial
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from mce_exchange import limits, wire
from mce_exchange.case.acts import act_of
from mce_exchange.case.messages import KINDS, Body, CaseHeader, CaseMessage
from mce_exchange.case.rules import check
from mce_exchange.directory.model import Act
from mce_exchange.errors import CaseError, LimitError
from mce_exchange.v1 import case_pb2

_Reader = Callable[[Any, str], object]
_MASK: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*(\.[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*)*")
_BODIES: Final[Mapping[type[Body], str]] = {kind: code.name.lower() for kind, code in KINDS.items()}


def encode(message: CaseMessage) -> bytes:
    """The bytes that are sealed. `CaseError` for a value outside the model, `LimitError` above the cap."""
    if not isinstance(message, CaseMessage):
        raise CaseError("this is no case message", rule="kind")
    if message.body is None:
        raise CaseError("this kind of message can be read by newer software only", rule="kind", path="body")
    pb = case_pb2.CaseMessage()
    try:
        _fill(pb.header, message.header)
        pb.header.kind = case_pb2.MessageKind.ValueType(KINDS[type(message.body)])
        field = getattr(pb, _BODIES[type(message.body)])
        field.SetInParent()
        _fill(field, message.body)
        pb.MergeFromString(message.unknown)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError, DecodeError):
        # Values of other types than the model's: the calling program is wrong, not what it says.
        raise CaseError("this is not made of the values of the case model", rule="field") from None
    data = pb.SerializeToString(deterministic=True)
    if len(data) > limits.CONTENT:
        raise LimitError(f"a case message of {len(data)} bytes, at most {limits.CONTENT}")
    return data


def decode(data: bytes) -> CaseMessage:
    """The message in some bytes. `MalformedError`, `LimitError`, `CaseError` for what has no place."""
    pb = wire.parse(case_pb2.CaseMessage, data, cap=limits.CONTENT, keep_unknown=True)
    name = pb.WhichOneof("body")
    kind = next((kind for kind, field in _BODIES.items() if field == name), None)
    body = _read(kind, getattr(pb, _BODIES[kind]), _BODIES[kind]) if kind else None
    header = _read(CaseHeader, pb.header, "header")
    message = CaseMessage(header=header, body=body, unknown=_unknown(pb))
    if message.kind is not None and int(pb.header.kind) != message.kind:
        raise CaseError("the header names another kind than the body has", rule="kind", path="header.kind")
    return message


def check_bytes(data: bytes) -> Act | None:
    """Raise `ProtocolError` unless these bytes are a message that breaks no rule: what a recipient asks.

    The answer is the act that the sender's policy may reserve to two persons, if it is one.
    """
    message = decode(data)
    # A kind that only newer software knows is kept and shown as such; its rules are not ours.
    if message.body is not None:
        check(message)
    return act_of(message)


def has_unknown(value: object) -> bool:
    """Whether anything in it was written by newer software and is not shown."""
    if dataclasses.is_dataclass(value):
        return bool(getattr(value, "unknown", b"")) or any(
            has_unknown(getattr(value, field.name)) for field in dataclasses.fields(value)
        )
    return isinstance(value, tuple) and any(map(has_unknown, value))


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return {name: hint for name, hint in get_type_hints(kind).items() if name != "unknown"}


def _fill(pb: Message, value: Any) -> None:
    for name in _hints(value.__class__):
        held = getattr(value, name)
        if held is None or held == ():
            continue
        field = getattr(pb, name)
        if isinstance(field, FieldMask):
            field.paths.extend(held)
        elif isinstance(held, tuple):
            _fill_list(field, held)
        elif isinstance(held, datetime):
            _fill_time(field, held, name)
        elif dataclasses.is_dataclass(held):
            field.SetInParent()
            _fill(field, held)
        else:
            _set(pb, name, held)
    pb.MergeFromString(getattr(value, "unknown", b""))


def _set(pb: Message, name: str, held: object) -> None:
    try:
        setattr(pb, name, held)
    except (ValueError, TypeError):
        raise CaseError("a value that does not fit its field", rule="field", path=name) from None


def _fill_list(field: Any, held: tuple[object, ...]) -> None:
    for one in held:
        if dataclasses.is_dataclass(one):
            _fill(field.add(), one)
        else:
            field.append(one)


def _fill_time(field: Timestamp, held: datetime, name: str) -> None:
    if held.tzinfo is None:
        raise CaseError("a time without a zone means another time elsewhere", rule="time", path=name)
    field.FromDatetime(held)
    field.SetInParent()


def _read(kind: Any, pb: Message, path: str) -> Any:
    values = {name: read(pb, f"{path}.{name}") for name, read in _readers(kind, pb.DESCRIPTOR)}
    return kind(**values, unknown=_unknown(pb))


@cache
def _readers(kind: Any, descriptor: Any) -> tuple[tuple[str, _Reader], ...]:
    """How each field of an entity is read, worked out once from its type hint."""
    return tuple(
        (name, _reader(name, hint, required=descriptor.fields_by_name[name].has_presence))
        for name, hint in _hints(kind).items()
    )


def _reader(name: str, hint: Any, *, required: bool) -> _Reader:
    if get_origin(hint) is tuple:
        item = _item(get_args(hint)[0])

        def read_list(pb: Any, path: str) -> object:
            held = getattr(pb, name)
            items = held.paths if isinstance(held, FieldMask) else held
            if isinstance(held, FieldMask) and not all(map(_MASK.fullmatch, held.paths)):
                raise CaseError(f"{path} holds what is no field's name", rule="field", path=path)
            return tuple([item(one, f"{path}[{i}]") for i, one in enumerate(items)])

        return read_list
    optional = get_origin(hint) in (Union, types.UnionType)
    one = _item(next(arg for arg in get_args(hint) if arg is not type(None)) if optional else hint)

    def read(pb: Any, path: str) -> object:
        if (optional or required) and not pb.HasField(name):
            if optional:
                return None
            raise CaseError(f"{path} is missing", rule="required", path=path)
        return one(getattr(pb, name), path)

    return read


def _item(hint: Any) -> _Reader:
    if dataclasses.is_dataclass(hint):
        return partial(_read, hint)
    if hint is datetime:
        return _time
    if issubclass(hint, IntEnum):
        return partial(_code, hint)
    return _number if hint is float else _plain


def _plain(held: Any, path: str) -> object:
    return held


def _number(held: float, path: str) -> object:
    if not math.isfinite(held):
        raise CaseError(f"{path} is no number", rule="field", path=path)
    return held


def _code(kind: type[IntEnum], held: int, path: str) -> int:
    try:
        return kind(held)
    except ValueError:
        if not held:
            raise CaseError(f"{path} is missing", rule="required", path=path) from None
        # A newer list has more values; the number is kept and shown as one.
        return held


def _time(held: Timestamp, path: str) -> datetime:
    try:
        return held.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise CaseError(f"{path} is no time", rule="time", path=path) from None


def _unknown(pb: Message) -> bytes:
    """What is left of a message when everything known is taken out: its unknown fields, as they came."""
    if not len(UnknownFieldSet(pb)):
        return b""
    rest: Any = type(pb)()
    rest.CopyFrom(pb)
    for field in pb.DESCRIPTOR.fields:
        rest.ClearField(field.name)
    return bytes(rest.SerializeToString())
