"""Case messages as JSON, by the standard mapping of protobuf: for files and integrations (SPEC section 7).

Strict on the way in: an unknown or doubled name is refused, never dropped.
"""

import json
from typing import Any

from google.protobuf import json_format

from mce_exchange import limits
from mce_exchange.case.codec import decode, encode
from mce_exchange.case.messages import CaseMessage
from mce_exchange.errors import CaseError, LimitError, MalformedError
from mce_exchange.v1 import case_pb2


def from_json(text: str) -> CaseMessage:
    """The message in a JSON text. `MalformedError`, `LimitError` or `CaseError`."""
    if len(text) > 2 * limits.CONTENT:
        raise LimitError(f"a JSON text of {len(text)} characters, at most {2 * limits.CONTENT}")
    try:
        json.loads(text, object_pairs_hook=_no_doubles)
        pb = json_format.Parse(text, case_pb2.CaseMessage(), max_recursion_depth=limits.NESTING * 2)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise MalformedError(f"not a case message in JSON: {error}", remedy="correct the file") from None
    return decode(pb.SerializeToString(deterministic=True))


def to_json(message: CaseMessage) -> str:
    """The message as JSON, with the names of case.proto. `CaseError` for a value that JSON cannot hold."""
    pb = case_pb2.CaseMessage.FromString(encode(message))
    try:
        return str(json_format.MessageToJson(pb, preserving_proto_field_name=True, ensure_ascii=False))
    except json_format.SerializeToJsonError:
        raise CaseError("this message cannot be written as JSON", rule="field") from None


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found
