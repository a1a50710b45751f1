"""Which act of a member's policy a case message is (SPEC section 7): what two persons may have to sign."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mce_exchange.case.messages import CaseMessage
from mce_exchange.directory.model import Act

ACTS: Final[Mapping[str, Act]] = MappingProxyType(
    {
        "CHILD_ALERT": Act.CHILD_ALERT,
        "TRANSITION_OFFER": Act.TRANSFER,
        "ERASURE_REQUEST": Act.ERASURE_REQUEST,
    }
)
"""By the name of a kind; every other kind is free. Urgency is no kind: the header says it."""


def act_of(message: CaseMessage) -> Act | None:
    """The act that a message is, if it is one. A kind that only newer software knows is none here."""
    return ACTS.get(message.kind.name) if message.kind else None
