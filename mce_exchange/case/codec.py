"""Case messages between bytes and values (SPEC section 7).

The values mirror case.proto by name, so one walk over both serves every entity. What is not known
here is kept byte for byte, entity by entity, and written back behind the known fields.
"""

import dataclasses
import math
import types
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from mce_exchange import limits, wire
from mce_exchange.case.messages import KINDS, Body, CaseHeader, CaseMessage
from mce_exchange.case.rules import check
from mce_exchange.errors import CaseError, LimitError
from mce_exchange.v1 import case_pb2

_BODIES: Final[Mapping[type[Body], str]] = {kind: code.name.lower() for kind, code in KINDS.items()}


def encode(message: CaseMessage) -> bytes:
    """The bytes that are sealed. `CaseError` for a value outside the model, `LimitError` above the cap."""
    if message.body is None:
        raise CaseError("this kind of message can be read by newer software only", rule="kind", path="body")
    pb = case_pb2.CaseMessage()
    _fill(pb.header, message.header)
    pb.header.kind = case_pb2.MessageKind.ValueType(KINDS[type(message.body)])
    field = getattr(pb, _BODIES[type(message.body)])
    field.SetInParent()
    _fill(field, message.body)
    pb.MergeFromString(message.unknown)
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


def check_bytes(data: bytes) -> None:
    """Raise `ProtocolError` unless these bytes are a message that breaks no rule: what a recipient asks."""
    message = decode(data)
    # A kind that only newer software knows is kept and shown as such; its rules are not ours.
    if message.body is not None:
        check(message)


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
    values = {name: _value(hint, pb, name, f"{path}.{name}") for name, hint in _hints(kind).items()}
    return kind(**values, unknown=_unknown(pb))


def _value(hint: Any, pb: Any, name: str, path: str) -> object:
    field = pb.DESCRIPTOR.fields_by_name[name]
    if get_origin(hint) is tuple:
        held = getattr(pb, name)
        items = held.paths if isinstance(held, FieldMask) else held
        item = get_args(hint)[0]
        return tuple(_one(item, one, f"{path}[{i}]") for i, one in enumerate(items))
    if get_origin(hint) in (Union, types.UnionType):
        if not pb.HasField(name):
            return None
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
    elif field.has_presence and not pb.HasField(name):
        raise CaseError(f"{path} is missing", rule="required", path=path)
    return _one(hint, getattr(pb, name), path)


def _one(hint: Any, held: Any, path: str) -> object:
    if dataclasses.is_dataclass(hint):
        return _read(hint, held, path)
    if hint is datetime:
        return _time(held, path)
    if issubclass(hint, IntEnum):
        return _code(hint, held, path)
    if isinstance(held, float) and not math.isfinite(held):
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
    rest: Any = type(pb)()
    rest.CopyFrom(pb)
    for field in pb.DESCRIPTOR.fields:
        rest.ClearField(field.name)
    return bytes(rest.SerializeToString())
