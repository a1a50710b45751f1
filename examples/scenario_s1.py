"""A synthetic scenario: a parental abduction from Belgium to Portugal, Spain on the way.

Nobody in it exists. Five messages: Belgium reports to Portugal and Spain with a photograph, Portugal
reports a sighting, Belgium updates the case and asks, Portugal answers in part.
"""

import hashlib
import random
import struct
import uuid
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mce_exchange.case.codes import (
    AgeBasis,
    Art6Basis,
    AttachmentKind,
    CaseCategory,
    CaseStatus,
    CaseSubcategory,
    ContactChannel,
    CountryRole,
    DeclineReason,
    DisappearanceReason,
    ExchangeStatus,
    HagueStatus,
    HairColour,
    InfoCredibility,
    LocationPrecision,
    MediationStatus,
    NameType,
    Pap,
    PresenceStatus,
    RelatedRole,
    RemovalType,
    ResponseStatus,
    RiskLevel,
    Sex,
    SourceReliability,
    Tlp,
    TransferBasis,
    TranslationMethod,
    TravelMode,
    Tristate,
    VerificationStatus,
)
from mce_exchange.case.entities import (
    Attachment,
    Case,
    Child,
    CountryInvolvement,
    Disappearance,
    Handling,
    LegalBasis,
    LocalizedText,
    Location,
    Name,
    ParentalAbduction,
    PhysicalDescription,
    RelatedPerson,
    Sighting,
)
from mce_exchange.case.messages import (
    Body,
    CaseHeader,
    CaseMessage,
    CaseReport,
    CaseUpdate,
    InformationRequest,
    InformationResponse,
    SightingReport,
)

AGENCIES = {"be": "hotline.be.example", "pt": "hotline.pt.example", "es": "hotline.es.example"}
CASE_ID = "hotline.be.example/0192f0c4-7b1e-7aaa-8bbb-000000000001"


@dataclass(frozen=True, kw_only=True)
class ScenarioS1:
    """The messages. `canary` is a word of the case that must never be seen outside the hotlines."""

    canary: str
    start: datetime = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

    def report(self, photo: bytes) -> CaseMessage:
        """Step 1: Belgium to Portugal and Spain."""
        return self._message("be", ["pt", "es"], CaseReport(case=self._case(1, photo)), minutes=0)

    def sighting(self) -> CaseMessage:
        """Step 3: Portugal to Belgium."""
        seen = Sighting(
            sighting_id="hotline.pt.example/0192f0c4-7b1e-7aaa-8bbb-000000000002",
            seen_from=self.start + timedelta(hours=20),
            place=Location(
                country="PT",
                locality="Faro",
                latitude=37.02,
                longitude=-7.93,
                uncertainty_m=2000,
                precision=LocationPrecision.LOCALITY,
            ),
            presence=PresenceStatus.BELIEVED_ALIVE,
            reliability=SourceReliability.B,
            credibility=InfoCredibility.TWO,
            verification=VerificationStatus.UNVERIFIED,
            channel=ContactChannel.PHONE,
            text=(_text(f"Uma criança com um {self.canary} amarelo na estação.", "pt"),),
            informant_withheld=True,
        )
        return self._message("pt", ["be"], SightingReport(sighting=seen), minutes=60 * 21)

    def update(self) -> CaseMessage:
        """Step 3: Belgium believes it."""
        body = CaseUpdate(case=self._case(2, b""), mask=("status", "countries"), base_revision=1)
        return self._message("be", ["pt", "es"], body, minutes=60 * 22)

    def request(self) -> CaseMessage:
        """Step 4: Belgium asks."""
        body = InformationRequest(
            request_id="request-1", questions=(_text("Op welke school is het kind ingeschreven?", "nl"),)
        )
        return self._message("be", ["pt"], body, minutes=60 * 22 + 5, reply_by=60 * 24)

    def response(self) -> CaseMessage:
        """Step 4: Portugal answers in part."""
        body = InformationResponse(
            request_id="request-1",
            status=ResponseStatus.PARTIAL,
            answers=(_text(f"Há um registo; o nome {self.canary} não pode ser confirmado.", "pt"),),
            decline=DeclineReason.LEGAL_RESTRICTION,
        )
        return self._message("pt", ["be"], body, minutes=60 * 23)

    def _message(
        self, sender: str, to: list[str], body: Body, *, minutes: int, reply_by: int | None = None
    ) -> CaseMessage:
        header = CaseHeader(
            message_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{CASE_ID}/{sender}/{minutes}")),
            exchange_status=ExchangeStatus.EXERCISE,
            case_id=CASE_ID,
            sender_id=AGENCIES[sender],
            recipient_ids=tuple(AGENCIES[one] for one in to),
            sent_at=self.start + timedelta(minutes=minutes),
            reply_by=self.start + timedelta(minutes=minutes + reply_by) if reply_by else None,
            default_language={"be": "nl", "pt": "pt", "es": "es"}[sender],
            handling=Handling(tlp=Tlp.AMBER, pap=Pap.AMBER),
            legal=LegalBasis(
                purpose="Finding a missing child (synthetic exercise)",
                art6=(Art6Basis.D_VITAL_INTERESTS,),
                transfer=TransferBasis.INTRA_EEA,
                retain_until=self.start + timedelta(days=365),
                review_at=self.start + timedelta(days=90),
            ),
        )
        return CaseMessage(header=header, body=body)

    def _case(self, revision: int, photo: bytes) -> Case:
        roles = [("BE", CountryRole.DISAPPEARANCE), ("PT", CountryRole.SUSPECTED_DESTINATION)]
        if revision > 1:
            roles[1] = ("PT", CountryRole.LOCATED)
        return Case(
            case_id=CASE_ID,
            revision=revision,
            record_expiry=self.start + timedelta(days=300),
            status=CaseStatus.OPEN if revision == 1 else CaseStatus.LOCATED,
            category=CaseCategory.PARENTAL_ABDUCTION,
            subcategory=CaseSubcategory.WRONGFUL_REMOVAL,
            lead_agency_id=AGENCIES["be"],
            opened_at=self.start - timedelta(hours=2),
            updated_at=self.start,
            child=self._child(),
            disappearance=self._disappearance(),
            related_persons=(self._father(),),
            countries=tuple(CountryInvolvement(country=c, roles=(role,)) for c, role in roles),
            parental_abduction=ParentalAbduction(
                removal_type=RemovalType.REMOVAL,
                removal_date="2026-11-23",
                hague_status=HagueStatus.NOT_APPLIED,
                mediation=MediationStatus.OFFERED,
            ),
            risk_level=RiskLevel.HIGH,
            attachments=(_photo(photo),) if photo else (),
            narrative=(_text(f"Synthetisch geval. Herkenbaar aan een {self.canary} knuffel.", "nl"),),
        )

    def _child(self) -> Child:
        return Child(
            person_id="child-1",
            names=(
                Name(
                    name_type=NameType.LEGAL,
                    full_text=f"Lina Voorbeeld-{self.canary}",
                    given_names=("Lina",),
                    surnames=(f"Voorbeeld-{self.canary}",),
                    script="Latn",
                ),
            ),
            birth_date="2020-03",
            age_basis=AgeBasis.DOCUMENTED,
            sex=Sex.FEMALE,
            nationalities=("BE",),
            languages=("nl", "pt"),
            physical=PhysicalDescription(
                height_cm_min=112, height_cm_max=118, hair_colours=(HairColour.BROWN,)
            ),
            habitual_residence=Location(country="BE", locality="Gent", precision=LocationPrecision.LOCALITY),
        )

    def _disappearance(self) -> Disappearance:
        return Disappearance(
            last_seen_from=self.start - timedelta(hours=18),
            last_seen_to=self.start - timedelta(hours=16),
            time_zone="Europe/Brussels",
            last_seen_place=Location(country="BE", locality="Gent", precision=LocationPrecision.LOCALITY),
            reasons=(DisappearanceReason.CUSTODY_DISPUTE,),
            travel_modes=(TravelMode.CAR,),
            police_informed=Tristate.YES,
        )

    def _father(self) -> RelatedPerson:
        name = Name(name_type=NameType.LEGAL, full_text="Rui Exemplo", script="Latn")
        return RelatedPerson(
            person_id="person-1",
            roles=(RelatedRole.FATHER, RelatedRole.ABDUCTOR),
            names=(name,),
            nationalities=("PT",),
            holds_custody=Tristate.NO,
        )


def _text(text: str, language: str) -> LocalizedText:
    return LocalizedText(text=text, language=language, method=TranslationMethod.ORIGINAL)


def _photo(photo: bytes) -> Attachment:
    return Attachment(
        attachment_id="photo-1",
        kind=AttachmentKind.PHOTO,
        media_type="image/png",
        sha256=hashlib.sha256(photo).digest(),
        size_bytes=len(photo),
        person_id="child-1",
        is_current=True,
        metadata_stripped=True,
    )


def photograph(width: int = 640, height: int = 480) -> bytes:
    """A PNG of coloured noise, about 900 KiB, the same at every call: no person is in it."""
    noise = random.Random(116_000)  # not for secrets: a picture that is the same in every run

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + noise.randbytes(3 * width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    image = zlib.compress(rows, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", image) + chunk(b"IEND", b"")
