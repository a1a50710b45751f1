"""What hotlines say to each other: the case model of this version (SPEC section 7).

`messages` and `entities` are the values, `codes` the lists, `codec` the bytes, `rules` what must
hold, `acts` what two persons may have to sign, `labels` and `render` what a person reads. Nothing here
knows keys, networks or the log.
"""

from mce_exchange.case.acts import act_of
from mce_exchange.case.codec import check_bytes, decode, encode, has_unknown
from mce_exchange.case.json_form import from_json, to_json
from mce_exchange.case.messages import (
    CaseHeader,
    CaseMessage,
    CaseReport,
    CaseUpdate,
    InformationRequest,
    InformationResponse,
    SightingReport,
)
from mce_exchange.case.render import render
from mce_exchange.case.rules import Finding, check, validate

__all__ = [
    "CaseHeader",
    "CaseMessage",
    "CaseReport",
    "CaseUpdate",
    "Finding",
    "InformationRequest",
    "InformationResponse",
    "SightingReport",
    "act_of",
    "check",
    "check_bytes",
    "decode",
    "encode",
    "from_json",
    "has_unknown",
    "render",
    "to_json",
    "validate",
]
