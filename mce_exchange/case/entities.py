"""What a case is made of: entities as values, equal in names and order to case.proto (SPEC section 7).

Absent is `None` or an empty tuple. `unknown` holds the bytes of fields that newer software wrote;
they travel on as they came.
"""

from dataclasses import dataclass, field
from datetime import datetime

from mce_exchange.case.codes import (
    AgeBasis,
    AgencyType,
    Art6Basis,
    Art9Basis,
    AttachmentKind,
    Build,
    CaseCategory,
    CaseStatus,
    CaseSubcategory,
    ConsentGiver,
    ConsentScope,
    ConsentState,
    ContactChannel,
    CountryRole,
    DisappearanceReason,
    EyeColour,
    HagueStatus,
    HairColour,
    IdentifierKind,
    InfoCredibility,
    LocationPrecision,
    MarkKind,
    MediationStatus,
    NameType,
    Pap,
    PlaceKind,
    PresenceStatus,
    RelatedRole,
    RemovalType,
    RiskFactor,
    RiskLevel,
    RomanisationScheme,
    Sex,
    ShareAudience,
    SisCategory,
    SourceReliability,
    Tlp,
    TransferBasis,
    TranslationMethod,
    TravelMode,
    Tristate,
    VerificationStatus,
    WithholdReason,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalizedText:
    """Free text, its language, and who wrote it so."""

    text: str
    language: str
    method: TranslationMethod
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Romanisation:
    """A name in Latin letters."""

    text: str
    scheme: RomanisationScheme
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name as a document or a person gives it."""

    name_type: NameType
    full_text: str
    script: str
    given_names: tuple[str, ...] = ()
    surnames: tuple[str, ...] = ()
    language: str | None = None
    romanisations: tuple[Romanisation, ...] = ()
    used_in: tuple[str, ...] = ()
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place, as precise as it may be said."""

    country: str
    precision: LocationPrecision
    subdivision: str | None = None
    locality: str | None = None
    address_lines: tuple[str, ...] = ()
    postal_code: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    uncertainty_m: int | None = None
    place_kind: PlaceKind | None = None
    protected_address: bool = False
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A distinguishing mark."""

    mark_kind: MarkKind
    body_part: LocalizedText | None = None
    permanent: bool = False
    description: tuple[LocalizedText, ...] = ()
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalDescription:
    """What the child looks like."""

    as_of: str | None = None
    height_cm_min: int | None = None
    height_cm_max: int | None = None
    weight_kg_min: int | None = None
    weight_kg_max: int | None = None
    build: Build | None = None
    hair_colours: tuple[HairColour, ...] = ()
    eye_colours: tuple[EyeColour, ...] = ()
    marks: tuple[Mark, ...] = ()
    clothing: tuple[LocalizedText, ...] = ()
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """Who may read it and what may be done with it. Entities may only tighten it."""

    tlp: Tlp
    pap: Pap
    named_readers: tuple[str, ...] = ()
    allowed_types: tuple[AgencyType, ...] = ()
    excluded_types: tuple[AgencyType, ...] = ()
    onward_needs_originator: bool = False
    publication_allowed: bool = False
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A consent, given or not."""

    giver: ConsentGiver
    scope: ConsentScope
    state: ConsentState
    at: datetime
    audience: tuple[ShareAudience, ...] = ()
    withhold_reason: tuple[WithholdReason, ...] = ()
    override_reason: str | None = None
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalBasis:
    """Why this may be processed and sent."""

    purpose: str
    art6: tuple[Art6Basis, ...]
    transfer: TransferBasis
    retain_until: datetime
    review_at: datetime
    art9: tuple[Art9Basis, ...] = ()
    art10_law: str | None = None
    national_law: str | None = None
    consents: tuple[Consent, ...] = ()
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What an attachment of the message is; it travels beside, in the order of this list."""

    attachment_id: str
    kind: AttachmentKind
    media_type: str
    sha256: bytes
    size_bytes: int
    person_id: str | None = None
    taken_on: str | None = None
    is_current: bool = False
    caption: tuple[LocalizedText, ...] = ()
    metadata_stripped: bool = False
    publication_consent: bool = False
    handling: Handling | None = None
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """Who works on a case."""

    agency_id: str
    agency_type: AgencyType
    name: tuple[LocalizedText, ...]
    country: str
    phone_e164: str | None = None
    short_code: str | None = None
    email: str | None = None
    working_languages: tuple[str, ...] = ()
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A reference to another file, never the data in it."""

    kind: IdentifierKind
    value: str | None = None
    issuer_country: str | None = None
    held_by: str | None = None
    sis_category: SisCategory | None = None
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryInvolvement:
    """A country and what it has to do with the case."""

    country: str
    roles: tuple[CountryRole, ...]
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentalAbduction:
    """Facts for a return under the Hague Convention 1980."""

    removal_type: RemovalType
    removal_date: str
    hague_status: HagueStatus
    mediation: MediationStatus
    custody_grounds: tuple[LocalizedText, ...] = ()
    central_authority_ids: tuple[str, ...] = ()
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where and when somebody says the child was."""

    sighting_id: str
    seen_from: datetime
    place: Location
    presence: PresenceStatus
    reliability: SourceReliability
    credibility: InfoCredibility
    verification: VerificationStatus
    seen_to: datetime | None = None
    contact_with_child: bool = False
    channel: ContactChannel | None = None
    text: tuple[LocalizedText, ...] = ()
    informant_withheld: bool = False
    handling: Handling | None = None
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedPerson:
    """Somebody near the child, or suspected."""

    person_id: str
    roles: tuple[RelatedRole, ...]
    names: tuple[Name, ...] = ()
    birth_date: str | None = None
    sex: Sex | None = None
    nationalities: tuple[str, ...] = ()
    physical: PhysicalDescription | None = None
    location: Location | None = None
    phones: tuple[str, ...] = ()
    holds_custody: Tristate = Tristate.UNKNOWN
    offence_data: bool = False
    may_be_contacted: bool = False
    handling: Handling | None = None
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disappearance:
    """When, where and how."""

    last_seen_from: datetime
    time_zone: str
    last_seen_place: Location
    last_seen_to: datetime | None = None
    reasons: tuple[DisappearanceReason, ...] = ()
    circumstances: tuple[LocalizedText, ...] = ()
    travel_modes: tuple[TravelMode, ...] = ()
    vehicle_text: LocalizedText | None = None
    has_travel_document: Tristate = Tristate.UNKNOWN
    prior_episodes: int | None = None
    police_informed: Tristate = Tristate.UNKNOWN
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """The child. Race, ethnicity and religion are absent on purpose."""

    person_id: str
    names: tuple[Name, ...]
    age_basis: AgeBasis
    sex: Sex
    birth_date: str | None = None
    age_min: int | None = None
    age_max: int | None = None
    age_as_of: str | None = None
    age_disputed: bool = False
    nationalities: tuple[str, ...] = ()
    stateless: bool = False
    birth_place: Location | None = None
    languages: tuple[str, ...] = ()
    physical: PhysicalDescription | None = None
    care_needs: tuple[LocalizedText, ...] = ()
    habitual_residence: Location | None = None
    phones: tuple[str, ...] = ()
    online_handles: tuple[str, ...] = ()
    child_wishes: tuple[LocalizedText, ...] = ()
    unknown: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One child's case. One hotline leads; its copy is the original, all others are clones."""

    case_id: str
    revision: int
    record_expiry: datetime
    status: CaseStatus
    category: CaseCategory
    lead_agency_id: str
    opened_at: datetime
    updated_at: datetime
    child: Child
    disappearance: Disappearance
    countries: tuple[CountryInvolvement, ...]
    risk_level: RiskLevel
    subcategory: CaseSubcategory | None = None
    participant_ids: tuple[str, ...] = ()
    report_channel: ContactChannel | None = None
    related_persons: tuple[RelatedPerson, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    parental_abduction: ParentalAbduction | None = None
    risk_factors: tuple[RiskFactor, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    agencies: tuple[Agency, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    narrative: tuple[LocalizedText, ...] = ()
    unknown: bytes = field(default=b"", repr=False)
