"""Code lists about law, consent and handling."""

from enum import IntEnum


class Art6Basis(IntEnum):
    """Lawfulness of processing."""

    A_CONSENT = 1
    B_CONTRACT = 2
    C_LEGAL_OBLIGATION = 3
    D_VITAL_INTERESTS = 4
    E_PUBLIC_TASK = 5
    F_LEGITIMATE_INTERESTS = 6


class Art9Basis(IntEnum):
    """Exception for special categories."""

    A_EXPLICIT_CONSENT = 1
    B_SOCIAL_PROTECTION = 2
    C_VITAL_INTERESTS = 3
    D_NONPROFIT_MEMBERS = 4
    E_MADE_PUBLIC = 5
    F_LEGAL_CLAIMS = 6
    G_SUBSTANTIAL_PUBLIC_INTEREST = 7
    H_HEALTH_CARE = 8
    I_PUBLIC_HEALTH = 9
    J_ARCHIVE_RESEARCH = 10


class TransferBasis(IntEnum):
    """Ground for sending it to a country."""

    INTRA_EEA = 1
    ART45_ADEQUACY = 2
    ART46_SAFEGUARDS = 3
    ART49_A_EXPLICIT_CONSENT = 4
    ART49_D_PUBLIC_INTEREST = 5
    ART49_E_LEGAL_CLAIMS = 6
    ART49_F_VITAL_INTERESTS = 7


class ConsentGiver(IntEnum):
    """Who gives a consent."""

    CHILD = 1
    PARENT = 2
    CAREGIVER = 3
    GUARDIAN = 4
    OTHER = 5


class ConsentScope(IntEnum):
    """To what."""

    SERVICES = 1
    SHARING_OTHER_ORGS = 2
    TRACING = 3
    PUBLICITY = 4
    STATISTICS = 5


class ConsentState(IntEnum):
    """Whether it is given."""

    GIVEN = 1
    REFUSED = 2
    WITHDRAWN = 3
    NOT_SOUGHT = 4
    OVERRIDDEN = 5


class ShareAudience(IntEnum):
    """With whom information may be shared."""

    FAMILY = 1
    AUTHORITIES = 2
    UNHCR = 3
    OTHER_ORGANISATIONS = 4
    OTHERS = 5


class WithholdReason(IntEnum):
    """Why it is to be withheld."""

    FEAR_OF_HARM = 1
    CHILD_TELLS_THEMSELVES = 2
    OTHER = 3


class Tlp(IntEnum):
    """Who may read it."""

    RED = 1
    AMBER_STRICT = 2
    AMBER = 3
    GREEN = 4
    CLEAR = 5


class Pap(IntEnum):
    """What may be done with it."""

    RED = 1
    AMBER = 2
    GREEN = 3
    CLEAR = 4


class AgencyType(IntEnum):
    """What an agency is."""

    HOTLINE_116000 = 1
    MCE_SECRETARIAT = 2
    POLICE = 3
    JUDICIAL = 4
    HAGUE_CENTRAL_AUTHORITY = 5
    SOCIAL_SERVICES = 6
    GUARDIAN = 7
    FAMILY_MEDIATOR = 8
    RECEPTION_FACILITY = 9
    IMMIGRATION_AUTHORITY = 10
    HEALTH = 11
    SHELTER = 12
    OTHER_NGO = 13
