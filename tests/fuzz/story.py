"""Case messages to begin with: those of the scenario, and for each kind one with every field filled."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from examples.scenario_s1 import ScenarioS1
from mce_exchange import case
from mce_exchange.v1 import case_pb2
from tests.federation import NOW_MINUTES

_DEEP: Final = 6
_DATES: Final = ("birth_date", "age_as_of", "as_of", "removal_date", "taken_on")
_COUNTRIES: Final = ("country", "issuer_country", "nationalities", "used_in")
_PHONES: Final = ("phones", "phone_e164")
_TEXTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(_DATES, "2014-05-31"),
    **dict.fromkeys(_COUNTRIES, "BE"),
    **dict.fromkeys(_PHONES, "+351211234567"),
    **dict.fromkeys(("language", "default_language", "languages", "working_languages"), "pt"),
    **dict.fromkeys(("sender_id", "lead_agency_id", "agency_id", "recipient_ids"), "hotline.be.example"),
    **dict.fromkeys(("case_id", "message_id"), "hotline.be.example/1"),
    "media_type": "image/jpeg",
}


@cache
def cases() -> tuple[bytes, ...]:
    """Good messages."""
    story = ScenarioS1(canary="canary")
    said = (story.report(b"photo"), story.sighting(), story.update(), story.request(), story.response())
    return (*map(case.encode, said), *_full())


@cache
def _full() -> tuple[bytes, ...]:
    made = []
    descriptor: Any = case_pb2.CaseMessage.DESCRIPTOR
    for field in descriptor.oneofs_by_name["body"].fields:
        message = case_pb2.CaseMessage()
        message.header.MergeFromString(
            _filled(descriptor.fields_by_name["header"].message_type, 0).SerializeToString()
        )
        message.header.kind = case_pb2.MessageKind.Value(f"MESSAGE_KIND_{field.name.upper()}")
        getattr(message, field.name).CopyFrom(_filled(field.message_type, 0))
        made.append(message.SerializeToString(deterministic=True))
    return tuple(made)


@cache
def _filled(descriptor: Descriptor, depth: int) -> Message:
    made: Message = GetMessageClass(descriptor)()
    if descriptor.full_name == "google.protobuf.Timestamp":
        made.FromSeconds(NOW_MINUTES * 60)  # type: ignore[attr-defined]  # a Timestamp, by its name
        return made
    for field in descriptor.fields:
        held = getattr(made, field.name)
        if field.message_type is not None:
            if depth < _DEEP:
                inner = _filled(field.message_type, depth + 1)
                held.append(inner) if field.is_repeated else held.CopyFrom(inner)
        elif field.is_repeated:
            held.append(_value(field))
        else:
            setattr(made, field.name, _value(field))
    return made


def _value(field: FieldDescriptor) -> object:
    if field.enum_type is not None:
        return min(number for number in field.enum_type.values_by_number if number)
    if field.type == field.TYPE_STRING:
        return _TEXTS.get(field.name, "case")
    if field.type == field.TYPE_BYTES:
        return bytes(32)
    return True if field.type == field.TYPE_BOOL else 1
