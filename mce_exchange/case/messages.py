"""What hotlines say: one header, one body (SPEC section 7)."""

from dataclasses import dataclass, field
from datetime import datetime

from mce_exchange.case.codes import DeclineReason, ExchangeStatus, MessageKind, ResponseStatus
from mce_exchange.case.entities import Case, Handling, LegalBasis, LocalizedText, Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHeader:
    """Who says it, about which case, under which handling."""

    message_id: str
    exchange_status: ExchangeStatus
    sender_id: str
    recipient_ids: tuple[str, ...]
    sent_at: datetime
    default_language: str
    handling: Handling
    case_id: str | None = None
    in_reply_to: str | None = None
    reply_by: datetime | None = None
    legal: LegalBasis | None = None
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReport:
    """Opens or shares a case. The sender is its lead."""

    case: Case
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseUpdate:
    """Changes a case (the lead), or proposes to (anybody else)."""

    case: Case
    mask: tuple[str, ...]
    base_revision: int
    rectification: bool = False
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingReport:
    """Passes on a tip."""

    sighting: Sighting
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InformationRequest:
    """Asks for facts."""

    request_id: str
    questions: tuple[LocalizedText, ...]
    paths: tuple[str, ...] = ()
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InformationResponse:
    """Answers, or says why not."""

    request_id: str
    status: ResponseStatus
    answers: tuple[LocalizedText, ...] = ()
    fragment: Case | None = None
    decline: DeclineReason | None = None
    unknown: bytes = field(default=b"", repr=False)


Body = CaseReport | CaseUpdate | SightingReport | InformationRequest | InformationResponse

KINDS: dict[type[Body], MessageKind] = {
    CaseReport: MessageKind.CASE_REPORT,
    CaseUpdate: MessageKind.CASE_UPDATE,
    SightingReport: MessageKind.SIGHTING_REPORT,
    InformationRequest: MessageKind.INFORMATION_REQUEST,
    InformationResponse: MessageKind.INFORMATION_RESPONSE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMessage:
    """The content of a message. `body` is None for a kind that only newer software knows."""

    header: CaseHeader
    body: Body | None
    unknown: bytes = field(default=b"", repr=False)

    @property
    def kind(self) -> MessageKind | None:
        """What it is, which follows from the body."""
        return KINDS[type(self.body)] if self.body is not None else None
