"""Code lists about people, bodies and names."""

from enum import IntEnum


class Sex(IntEnum):
    """As recorded by an authority."""

    NOT_KNOWN = 0
    MALE = 1
    FEMALE = 2
    NOT_APPLICABLE = 9


class AgeBasis(IntEnum):
    """How an age is known."""

    DOCUMENTED = 1
    FAMILY_STATED = 2
    SELF_DECLARED = 3
    ASSESSED = 4
    ESTIMATED = 5


class NameType(IntEnum):
    """Which name it is."""

    LEGAL = 1
    AT_BIRTH = 2
    PREVIOUS = 3
    ALIAS = 4
    NICKNAME = 5


class RomanisationScheme(IntEnum):
    """How a name was written in Latin letters."""

    ICAO_9303 = 1
    ISO_9 = 2
    ISO_843 = 3
    BGN_PCGN = 4
    DOCUMENT_MRZ = 5
    PHONETIC = 6


class TranslationMethod(IntEnum):
    """Who wrote a text in its language."""

    ORIGINAL = 1
    HUMAN = 2
    MACHINE = 3


class Tristate(IntEnum):
    """Yes, no, or asked and not known."""

    YES = 1
    NO = 2
    UNKNOWN = 3


class Build(IntEnum):
    """A body's build."""

    THIN = 1
    MEDIUM = 2
    ATHLETIC = 3
    HEAVY = 4


class HairColour(IntEnum):
    """The colour of hair."""

    BALD = 1
    BLACK = 2
    BLOND = 3
    BLUE = 4
    BROWN = 5
    GREEN = 6
    GREY = 7
    ORANGE = 8
    PINK = 9
    PURPLE = 10
    RED = 11
    SANDY = 12
    WHITE = 13
    UNKNOWN = 14


class EyeColour(IntEnum):
    """The colour of eyes."""

    BLACK = 1
    BLUE = 2
    BROWN = 3
    GREEN = 4
    GREY = 5
    HAZEL = 6
    MAROON = 7
    MULTICOLOURED = 8
    PINK = 9
    UNKNOWN = 10


class MarkKind(IntEnum):
    """What a distinguishing mark is."""

    SCAR = 1
    BIRTHMARK = 2
    MOLE = 3
    TATTOO = 4
    PIERCING = 5
    MISSING_PART = 6
    PROSTHESIS = 7
    DENTAL = 8
    OTHER = 9


class RelatedRole(IntEnum):
    """Who somebody is to the child."""

    MOTHER = 1
    FATHER = 2
    SIBLING = 3
    GRANDPARENT = 4
    OTHER_FAMILY = 5
    GUARDIAN = 6
    ABDUCTOR = 7
    SUSPECT = 8
    COMPANION = 9
    REPORTER = 10
    CALLER = 11
    WITNESS = 12
    OTHER = 13
