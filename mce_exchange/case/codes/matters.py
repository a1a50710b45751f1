"""Code lists about cases, sightings and requests."""

from enum import IntEnum


class MessageKind(IntEnum):
    """What a case message is."""

    CASE_REPORT = 1
    CASE_UPDATE = 2
    SIGHTING_REPORT = 5
    INFORMATION_REQUEST = 6
    INFORMATION_RESPONSE = 7


class ExchangeStatus(IntEnum):
    """Whether this is the real thing."""

    ACTUAL = 1
    EXERCISE = 2
    SYSTEM = 3
    TEST = 4


class CaseStatus(IntEnum):
    """Where a case stands."""

    OPEN = 1
    LOCATED = 2
    CLOSED = 3
    DUPLICATE = 4
    ERASED = 5


class CaseCategory(IntEnum):
    """Why a child is missing, in MCE's figures."""

    RUNAWAY = 1
    PARENTAL_ABDUCTION = 2
    MISSING_IN_MIGRATION = 3
    CRIMINAL_ABDUCTION = 4
    LOST_INJURED = 5
    OTHERWISE_MISSING = 6


class CaseSubcategory(IntEnum):
    """The same, finer."""

    FROM_HOME = 1
    FROM_INSTITUTION = 2
    PUSHED_OUT = 3
    WRONGFUL_REMOVAL = 4
    WRONGFUL_RETENTION = 5
    DOMESTIC_ABDUCTION = 6
    FROM_RECEPTION = 7
    IN_TRANSIT = 8
    BY_STRANGER = 9
    BY_KNOWN_PERSON = 10
    CAUSE_UNKNOWN = 11


class DisappearanceReason(IntEnum):
    """What lies behind it, as far as known."""

    HOME_PROBLEMS = 1
    INSTITUTION_PROBLEMS = 2
    SCHOOL_PROBLEMS = 3
    ABUSE = 4
    EXPLOITATION_OR_GROOMING = 5
    SUBSTANCE_USE = 6
    MENTAL_HEALTH = 7
    CUSTODY_DISPUTE = 8
    FAMILY_REUNIFICATION = 9
    FEAR_OF_RETURN = 10
    OTHER = 11
    UNKNOWN = 12


class CountryRole(IntEnum):
    """What a country has to do with a case."""

    DISAPPEARANCE = 1
    HABITUAL_RESIDENCE = 2
    FIRST_REGISTRATION = 3
    TRANSIT = 4
    SIGHTING = 5
    SUSPECTED_DESTINATION = 6
    LOCATED = 7
    FAMILY = 8


class RiskLevel(IntEnum):
    """How urgent the lead hotline thinks it is."""

    HIGH = 1
    MEDIUM = 2
    LOW = 3


class RiskFactor(IntEnum):
    """What makes it so."""

    YOUNG_AGE = 1
    MEDICATION = 2
    DISABILITY = 3
    SUICIDE = 4
    TRAFFICKING = 5
    FORCED_MARRIAGE = 6
    FGM = 7
    GENDER_BASED_VIOLENCE = 8
    TERRORISM = 9
    ARMED_GROUP = 10
    SEXUAL_EXPLOITATION = 11
    CRIMINAL_EXPLOITATION = 12
    ONLINE_GROOMING = 13
    ABUSE_AT_HOME = 14
    SMUGGLING_DEBT = 15
    UNACCOMPANIED = 16
    CHILD_MOTHER = 17
    ARMED_COMPANION = 18
    REPEAT_MISSING = 19
    OTHER = 20


class SisCategory(IntEnum):
    """The category of an alert on a child in SIS."""

    PROTECT_OWN_SAFETY = 1
    PROTECT_PREVENT_THREAT = 2
    NO_PROTECTION_NEEDED = 3
    ABDUCTION_RISK = 4
    TRAFFICKING_OR_GBV_RISK = 5
    TERRORISM_RISK = 6
    ARMED_GROUP_RISK = 7


class IdentifierKind(IntEnum):
    """What a number or reference is."""

    HOTLINE_CASE = 1
    POLICE_FILE = 2
    NATIONAL_REGISTER = 3
    PASSPORT = 4
    ID_CARD = 5
    RESIDENCE_PERMIT = 6
    ASYLUM_FILE = 7
    UNHCR_ID = 8
    ICRC_REF = 9
    SIS_ALERT = 10
    YELLOW_NOTICE = 11
    HAGUE_FILE = 12
    COURT_FILE = 13
    DNA_HELD_BY = 14
    FINGERPRINTS_HELD_BY = 15
    EURODAC_HELD_BY = 16
    DENTAL_HELD_BY = 17


class TravelMode(IntEnum):
    """How a child travels."""

    ON_FOOT = 1
    CAR = 2
    COACH = 3
    TRAIN = 4
    FERRY = 5
    FLIGHT = 6
    LORRY = 7
    UNKNOWN = 8


class PresenceStatus(IntEnum):
    """What a sighting says of the child."""

    INFORMATION_SOUGHT = 1
    IS_CHILD_SPEAKING = 2
    BELIEVED_ALIVE = 3
    BELIEVED_MISSING = 4
    BELIEVED_DEAD = 5


class VerificationStatus(IntEnum):
    """Whether the lead hotline believes a sighting."""

    UNVERIFIED = 1
    PENDING = 2
    VERIFIED = 3
    FALSELY_ATTRIBUTED = 4
    REJECTED = 5


class SourceReliability(IntEnum):
    """How reliable a source is."""

    A = 1
    B = 2
    C = 3
    D = 4
    E = 5
    F = 6


class InfoCredibility(IntEnum):
    """How credible its information is."""

    ONE = 1
    TWO = 2
    THREE = 3
    FOUR = 4
    FIVE = 5
    SIX = 6


class LocationPrecision(IntEnum):
    """How precise a place is meant to be."""

    EXACT = 1
    STREET = 2
    LOCALITY = 3
    SUBDIVISION = 4
    COUNTRY = 5


class PlaceKind(IntEnum):
    """What kind of place it is."""

    HOME = 1
    SCHOOL = 2
    STREET = 3
    TRANSPORT_HUB = 4
    RECEPTION_CENTRE = 5
    CARE_INSTITUTION = 6
    SHELTER = 7
    BORDER = 8
    HOSPITAL = 9
    ONLINE = 10
    OTHER = 11


class ContactChannel(IntEnum):
    """How a report or tip came in."""

    PHONE = 1
    SMS = 2
    EMAIL = 3
    CHAT = 4
    SOCIAL_MEDIA = 5
    IN_PERSON = 6
    PARTNER = 7


class AttachmentKind(IntEnum):
    """What an attachment is."""

    PHOTO = 1
    AGE_PROGRESSED = 2
    POSTER = 3
    AUDIO = 4
    DOCUMENT = 5
    COURT_ORDER = 6


class ResponseStatus(IntEnum):
    """How far a question is answered."""

    COMPLETE = 1
    PARTIAL = 2
    NO_INFORMATION = 3
    DECLINED = 4
    DEFERRED = 5


class DeclineReason(IntEnum):
    """Why something is not done or not told."""

    NO_MANDATE = 1
    LEGAL_RESTRICTION = 2
    CONSENT_MISSING = 3
    NO_CAPACITY = 4
    OTHER_BODY_COMPETENT = 5
    CRITERIA_NOT_MET = 6
    OTHER = 7


class RemovalType(IntEnum):
    """How a parent took a child away."""

    REMOVAL = 1
    RETENTION = 2


class HagueStatus(IntEnum):
    """Where the return proceedings stand."""

    NOT_APPLIED = 1
    APPLIED = 2
    COURT_PENDING = 3
    RETURN_ORDERED = 4
    RETURN_REFUSED = 5
    WITHDRAWN = 6


class MediationStatus(IntEnum):
    """Where mediation stands."""

    NOT_OFFERED = 1
    OFFERED = 2
    ONGOING = 3
    AGREED = 4
    FAILED = 5
