"""The stages of a message, what proves each, and what that says and does not say (SPEC section 12.4).

Events are those of ETSI EN 319 522-1, clause 6; "none" where it knows no such event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mce_exchange.v1 import statement_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A row of the table."""

    name: str
    proof: str
    event: str
    asserts: str
    asserts_not: str


ACCEPTED: Final = Stage(
    name="accepted",
    proof="`header`, under an anchor",
    event="A.1 SubmissionAcceptance",
    asserts="the sender signed this header, and the log held it at this entry when the anchor was made",
    asserts_not="that anybody received it",
)
UNDELIVERABLE: Final = Stage(
    name="undeliverable",
    proof="`undeliverable`",
    event="D.2 ContentConsignmentFailure",
    asserts="the relay accepted the message and says that it cannot serve this recipient",
    asserts_not="anything by the recipient",
)
DELIVERED: Final = Stage(
    name="delivered",
    proof="`delivered`",
    event="E.1 ContentHandover",
    asserts="the recipient's node had the message durable, opened and valid",
    asserts_not="that a person read it",
)
REJECTED: Final = Stage(
    name="refused",
    proof="`refused`: policy, by person, number used",
    event="C.4 ConsignmentRejection",
    asserts="the recipient did not accept it, for this reason",
    asserts_not="anything about its content",
)
UNOPENED: Final = Stage(
    name="refused",
    proof="`refused`: cannot open, content invalid, attachment invalid",
    event="E.2 ContentHandoverFailure",
    asserts="the recipient's node says that what came does not open, or is not valid",
    asserts_not="whose fault that is; anything about its content",
)
KEYLESS: Final = Stage(
    name="refused for now",
    proof="`refused`: prekey not held",
    event="none",
    asserts="the recipient's node holds no key for it and waits for another wrap",
    asserts_not="a final answer",
)
REWRAPPED: Final = Stage(
    name="re-wrapped",
    proof="`re-wrap`",
    event="none",
    asserts="the sender wrapped the same content key for this recipient again",
    asserts_not="that it opens",
)
OVERDUE: Final = Stage(
    name="overdue",
    proof="`overdue`",
    event="C.5 AcceptanceRejectionExpiry",
    asserts="in the tree of the anchor inside stood no final answer of this recipient",
    asserts_not="that none was made, before or after; that the recipient had the message",
)
VOID: Final = Stage(
    name="void",
    proof="`void`",
    event="none",
    asserts="the sender says that no message has or will have this number to this recipient",
    asserts_not="that the annulled message was never seen by anybody",
)
ERASED: Final = Stage(
    name="erased",
    proof="`erasure`",
    event="none",
    asserts="its author says that it destroyed the part named",
    asserts_not="absence: nobody can prove that",
)
CONTESTED: Final = Stage(
    name="contested",
    proof="`contest`",
    event="none",
    asserts="a member says that this change in its name was not made by it",
    asserts_not="what the truth is; it changes no verdict",
)
TABLE: Final = (
    ACCEPTED,
    UNDELIVERABLE,
    DELIVERED,
    REJECTED,
    UNOPENED,
    KEYLESS,
    REWRAPPED,
    OVERDUE,
    VOID,
    ERASED,
    CONTESTED,
)
_REFUSALS: Final = MappingProxyType(
    {
        pb.REFUSAL_CODE_PREKEY_NOT_HELD: KEYLESS,
        pb.REFUSAL_CODE_CANNOT_OPEN: UNOPENED,
        pb.REFUSAL_CODE_CONTENT_INVALID: UNOPENED,
        pb.REFUSAL_CODE_ATTACHMENT_INVALID: UNOPENED,
        pb.REFUSAL_CODE_NUMBER_USED: REJECTED,
        pb.REFUSAL_CODE_POLICY: REJECTED,
        pb.REFUSAL_CODE_BY_PERSON: REJECTED,
    }
)
BY_TYPE: Final[Mapping[str, Stage]] = MappingProxyType(
    {
        "header": ACCEPTED,
        "undeliverable": UNDELIVERABLE,
        "delivered": DELIVERED,
        "re-wrap": REWRAPPED,
        "overdue": OVERDUE,
        "void": VOID,
        "erasure": ERASED,
        "contest": CONTESTED,
    }
)


def of_refusal(code: int) -> Stage:
    """The stage that a refusal with this code is."""
    return _REFUSALS[pb.RefusalCode.ValueType(code)]
