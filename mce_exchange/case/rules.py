"""The rules of the case model for the kinds of this version, each one small function (SPEC section 7).

The sender runs them before sealing, the recipient after opening. A finding has the rule's id, a
field path, whether it refuses or only flags, and a sentence for a caseworker, who reads it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final, TypeVar

from mce_exchange.case.codes import (
    AttachmentKind,
    CaseCategory,
    IdentifierKind,
    Pap,
    RiskFactor,
    Tlp,
    TransferBasis,
)
from mce_exchange.case.dates import Span, age_on, read_edtf
from mce_exchange.case.entities import Attachment, Case, Child, Identifier, Location
from mce_exchange.case.messages import (
    CaseMessage,
    CaseReport,
    CaseUpdate,
    InformationResponse,
    SightingReport,
)
from mce_exchange.case.places import EEA, is_country
from mce_exchange.errors import CaseError

T = TypeVar("T")
_E164: Final = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_MEDIA: Final = frozenset({"image/jpeg", "image/png", "application/pdf", "audio/mpeg", "audio/mp4"})
_MEDIA_BYTES: Final = 20 * 1000 * 1000
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_HELD_BY: Final = frozenset(kind for kind in IdentifierKind if kind.name.endswith("HELD_BY"))
_SPECIAL: Final = frozenset({RiskFactor.DISABILITY, RiskFactor.MEDICATION, RiskFactor.SEXUAL_EXPLOITATION})
_CLOSED: Final = frozenset({RiskFactor.SEXUAL_EXPLOITATION, RiskFactor.TRAFFICKING})
_STRICT: Final = frozenset({Tlp.RED, Tlp.AMBER_STRICT})
_EDTF_FIELDS: Final = frozenset({"birth_date", "age_as_of", "as_of", "removal_date", "taken_on"})
_COUNTRY_FIELDS: Final = frozenset({"country", "issuer_country", "nationalities", "used_in"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found. `refuses` or only flags; `sentence` is for a caseworker."""

    rule: str
    path: str
    sentence: str
    refuses: bool = True


Trail = tuple["Trail", str | int] | tuple[()]


class Walk:
    """One way through a message for all rules: texts as (trail, field name, text), entities by kind."""

    def __init__(self, message: CaseMessage) -> None:
        self.texts: list[tuple[Trail, str, str]] = []
        self._entities: dict[type[Any], list[tuple[Trail, Any]]] = {}
        self._go(message, (), "")

    def of(self, kind: type[T]) -> Iterator[tuple[str, T]]:
        """Every entity of a kind with its path."""
        return ((_path(trail), one) for trail, one in self._entities.get(kind, ()))

    def _go(self, value: Any, trail: Trail, name: str) -> None:
        if isinstance(value, str):
            self.texts.append((trail, name, value))
        elif isinstance(value, tuple):
            for i, one in enumerate(value):
                self._go(one, (trail, i), name)
        elif names := _names(value.__class__):
            self._entities.setdefault(type(value), []).append((trail, value))
            for inner in names:
                self._go(getattr(value, inner), (trail, inner), inner)


Rule = Callable[[CaseMessage, Walk], Iterator[Finding]]


def validate(message: CaseMessage) -> tuple[Finding, ...]:
    """Everything that the rules find, in their order."""
    walk = Walk(message)
    return tuple(finding for rule in RULES.values() for finding in rule(message, walk))


def check(message: CaseMessage) -> None:
    """Raise `CaseError` for the first finding that refuses."""
    for finding in validate(message):
        if finding.refuses:
            raise CaseError(finding.sentence, rule=finding.rule, path=finding.path)


def v1_dates(message: CaseMessage, walk: Walk) -> Iterator[Finding]:
    """Dates are written as known, never filled up."""
    for trail, name, text in walk.texts:
        if name in _EDTF_FIELDS and (bad := _edtf_fault(text, path := _path(trail))):
            yield Finding("V1", path, bad)


def v2_age(message: CaseMessage, _: Walk) -> Iterator[Finding]:
    """A missing child is under 18, as far as anybody can know."""
    case = _case(message)
    if case is None or not case.child.birth_date or _edtf_fault(case.child.birth_date, ""):
        return
    born = read_edtf(case.child.birth_date, path="")
    day = case.disappearance.last_seen_from.date()
    youngest, oldest = age_on(born.last, day), age_on(born.first, day)
    path = "case.child.birth_date"
    if youngest >= 18:
        yield Finding(
            "V2", path, "Whoever was 18 when last seen is no missing child: check the date of birth."
        )
    elif oldest >= 18 and not case.child.age_disputed:
        yield Finding("V2", path, "The child may have been 18: set age_disputed; a minor is presumed.")


def v3_age_without_birth_date(message: CaseMessage, _: Walk) -> Iterator[Finding]:
    """Without a date of birth, an age range and its day."""
    case = _case(message)
    if case is not None and not case.child.birth_date:
        child = case.child
        if child.age_min is None or child.age_max is None or not child.age_as_of:
            yield Finding(
                "V3", "case.child", "Give a date of birth, or the youngest and oldest age and as of when."
            )
        elif child.age_min > child.age_max:
            yield Finding("V3", "case.child.age_min", "The youngest age is above the oldest.")


def v4_last_seen(message: CaseMessage, _: Walk) -> Iterator[Finding]:
    """Nobody is seen after the message that says so."""
    for path, start, end in _seen(message):
        # Subtracted, for there is no time five minutes after the last one.
        if not start <= (end or start) or (end or start) - message.header.sent_at > _CLOCKS_DIFFER:
            yield Finding("V4", path, "The times are in the wrong order, or after this message was written.")


def v9_parental_abduction(message: CaseMessage, _: Walk) -> Iterator[Finding]:
    """A parental abduction needs what a return under the Hague Convention needs."""
    case = _case(message)
    if case is None or case.category is not CaseCategory.PARENTAL_ABDUCTION:
        return
    if case.parental_abduction is None:
        yield Finding(
            "V9", "case.parental_abduction", "Say when and how the child was taken, and who had custody."
        )
    elif not _edtf_fault(case.parental_abduction.removal_date, ""):
        removed = read_edtf(case.parental_abduction.removal_date, path="")
        if (message.header.sent_at.date() - removed.first).days >= 365:
            sentence = "A year after the removal the court may refuse a return: act on the Hague file."
            yield Finding("V9", "case.parental_abduction.removal_date", sentence, refuses=False)
    if case.child.habitual_residence is None:
        yield Finding("V9", "case.child.habitual_residence", "Say where the child lived before.")


def v10_special_categories(message: CaseMessage, _: Walk) -> Iterator[Finding]:
    """Health, sexual and criminal facts need a ground of their own."""
    case, legal = _case(message), message.header.legal
    if case is None:
        return
    if (case.child.care_needs or _SPECIAL & set(case.risk_factors)) and not (legal and legal.art9):
        yield Finding(
            "V10", "header.legal.art9", "Health or exploitation is named: say which exception allows it."
        )
    if any(person.offence_data for person in case.related_persons) and not (legal and legal.art10_law):
        yield Finding("V10", "header.legal.art10_law", "Offences are named: say which law allows it.")


def v10_legal_basis(message: CaseMessage, _: Walk) -> Iterator[Finding]:
    """Whatever holds personal data says why it may be sent."""
    if message.body is not None and message.header.legal is None:
        yield Finding("V10", "header.legal", "Say on what legal basis this is sent.")


def v11_third_countries(message: CaseMessage, _: Walk) -> Iterator[Finding]:
    """A transfer inside the EEA has only recipients inside it, as far as the message names them."""
    case, legal = _case(message), message.header.legal
    if case is None or legal is None or legal.transfer is not TransferBasis.INTRA_EEA:
        return
    for i, agency in enumerate(case.agencies):
        if agency.agency_id in message.header.recipient_ids and agency.country not in EEA:
            sentence = f"{agency.country} is outside the EEA: name another ground for the transfer."
            yield Finding("V11", f"case.agencies[{i}].country", sentence)


def v12_held_elsewhere(message: CaseMessage, walk: Walk) -> Iterator[Finding]:
    """Biometric data is never sent, only who holds it."""
    for path, one in walk.of(Identifier):
        if one.kind in _HELD_BY and (one.value or not one.held_by):
            yield Finding("V12", path, "Name who holds this data; the data itself is never sent.")


def v13_exploitation(message: CaseMessage, _: Walk) -> Iterator[Finding]:
    """Exploitation is told to few and acted on by fewer."""
    case, handling = _case(message), message.header.handling
    if case is None or not _CLOSED & set(case.risk_factors):
        return
    if handling.tlp not in _STRICT or handling.pap not in (Pap.RED, Pap.AMBER):
        yield Finding(
            "V13", "header.handling", "Exploitation: TLP RED or AMBER_STRICT, and PAP RED or AMBER."
        )
    if handling.publication_allowed:
        yield Finding("V13", "header.handling.publication_allowed", "Exploitation is never published.")


def v14_attachments(message: CaseMessage, walk: Walk) -> Iterator[Finding]:
    """Attachments of known types, up to 20 MB, without metadata."""
    for path, one in walk.of(Attachment):
        if one.media_type not in _MEDIA or one.size_bytes > _MEDIA_BYTES or len(one.sha256) != 32:
            yield Finding("V14", path, "JPEG, PNG, PDF, MP3 or M4A, at most 20 MB, with its SHA-256.")
        if one.kind is AttachmentKind.PHOTO and not one.metadata_stripped:
            yield Finding(
                "V14", f"{path}.metadata_stripped", "Take place and device out of the photograph first."
            )


def v15_places(message: CaseMessage, walk: Walk) -> Iterator[Finding]:
    """Coordinates have an uncertainty; a protected address is not spread."""
    loose = message.header.handling.tlp not in _STRICT
    for path, place in walk.of(Location):
        exact = place.latitude is not None or place.longitude is not None
        if exact and (place.uncertainty_m is None or place.latitude is None or place.longitude is None):
            yield Finding("V15", path, "Coordinates come in pairs, with their uncertainty in metres.")
        elif exact and not (abs(place.latitude or 0) <= 90 and abs(place.longitude or 0) <= 180):
            yield Finding("V15", path, "These coordinates are not on earth.")
        if place.protected_address and loose and (exact or place.address_lines or place.postal_code):
            yield Finding("V15", path, "A protected address is told under AMBER_STRICT or RED only.")


def v16_phones(message: CaseMessage, walk: Walk) -> Iterator[Finding]:
    """Telephone numbers work from abroad."""
    for trail, name, text in walk.texts:
        if name in ("phones", "phone_e164") and not _E164.fullmatch(text):
            yield Finding(
                "V16", _path(trail), "Write the number with its country: +351..., 116000 as short code."
            )


def v18_retention(message: CaseMessage, _: Walk) -> Iterator[Finding]:
    """Reviewed before it ends, kept no longer than allowed."""
    legal, case = message.header.legal, _case(message)
    if legal is not None and legal.review_at > legal.retain_until:
        yield Finding("V18", "header.legal.review_at", "The review is after the end of retention.")
    if legal is not None and case is not None and case.record_expiry > legal.retain_until:
        yield Finding("V18", "case.record_expiry", "The record would outlive its retention.")


def v19_normal_text(message: CaseMessage, walk: Walk) -> Iterator[Finding]:
    """Text is in Unicode's composed form, so that searching finds it."""
    for trail, _, text in walk.texts:
        if not unicodedata.is_normalized("NFC", text):
            yield Finding("V19", _path(trail), "Write this text in composed characters (NFC).")


def v21_lead(message: CaseMessage, _: Walk) -> Iterator[Finding]:
    """Only the lead opens a case."""
    body = message.body
    if isinstance(body, CaseReport) and body.case.lead_agency_id != message.header.sender_id:
        yield Finding("V21", "case.lead_agency_id", "Only the lead hotline reports a case as its own.")
    if (case := _case(message)) and message.header.case_id != case.case_id:
        yield Finding("V21", "header.case_id", "The header names another case than the body.")


def v23_countries(message: CaseMessage, walk: Walk) -> Iterator[Finding]:
    """Countries by ISO 3166-1: GB and GR, never UK and EL."""
    for trail, name, text in walk.texts:
        if name in _COUNTRY_FIELDS and not is_country(text):
            yield Finding("V23", _path(trail), "Use the ISO code of the country: GB, not UK; GR, not EL.")


def v24_yellow_notice(message: CaseMessage, _: Walk) -> Iterator[Finding]:
    """Whether the police could ask for a Yellow Notice with what is known."""
    case = _case(message)
    if case is not None and isinstance(message.body, CaseReport) and _notice_ready(case.child, case):
        yield Finding("V24", "case", "Enough is known for a Yellow Notice: tell the police.", refuses=False)


RULES: Final[dict[str, Rule]] = {
    rule.__name__: rule
    for rule in (
        v1_dates,
        v2_age,
        v3_age_without_birth_date,
        v4_last_seen,
        v9_parental_abduction,
        v10_special_categories,
        v10_legal_basis,
        v11_third_countries,
        v12_held_elsewhere,
        v13_exploitation,
        v14_attachments,
        v15_places,
        v16_phones,
        v18_retention,
        v19_normal_text,
        v21_lead,
        v23_countries,
        v24_yellow_notice,
    )
}


def _case(message: CaseMessage) -> Case | None:
    body = message.body
    if isinstance(body, InformationResponse):
        return body.fragment
    return body.case if isinstance(body, CaseReport | CaseUpdate) else None


def _notice_ready(child: Child, case: Case) -> bool:
    named = any(name.surnames and name.given_names for name in child.names)
    shown = child.physical is not None or any(one.kind is AttachmentKind.PHOTO for one in case.attachments)
    return bool(named and child.sex and child.birth_date and shown)


def _seen(message: CaseMessage) -> Iterator[tuple[str, Any, Any]]:
    case = _case(message)
    if case is not None:
        seen = case.disappearance
        yield "case.disappearance", seen.last_seen_from, seen.last_seen_to
    if isinstance(message.body, SightingReport):
        yield "sighting", message.body.sighting.seen_from, message.body.sighting.seen_to


def _edtf_fault(text: str, path: str) -> str:
    try:
        _: Span = read_edtf(text, path=path)
    except CaseError as error:
        return str(error)
    return ""


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """An entity's fields; none of what is no entity."""
    return (
        tuple(field.name for field in fields(kind) if field.name != "unknown") if is_dataclass(kind) else ()
    )


def _path(trail: Trail) -> str:
    """A field's path, as a caseworker's message names it: from the header or from what the body is."""
    text = ""
    while trail:
        trail, step = trail
        text = f"[{step}]{text}" if isinstance(step, int) else f".{step}{text}"
    return text.removeprefix(".").removeprefix("body.")
