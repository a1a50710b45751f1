"""Words for codes: countries and languages from CLDR, our own lists in English (SPEC section 7)."""

from enum import IntEnum

from babel import Locale, UnknownLocaleError

from mce_exchange.errors import UsageError


def locale_of(name: str) -> Locale:
    """A CLDR locale; `UsageError` if there is none."""
    try:
        return Locale.parse(name, sep="-" if "-" in name else "_")
    except (UnknownLocaleError, ValueError):
        raise UsageError(f"no locale {name!r}", remedy="name one like en, pt or pl") from None


def country(code: str, locale: Locale) -> str:
    """A country's name, or its code where CLDR has none."""
    return str(locale.territories.get(code, code))


def language(tag: str, locale: Locale) -> str:
    """A language's name by its primary subtag, or the tag; tags are never rewritten."""
    return str(locale.languages.get(tag.split("-")[0], tag))


def code(value: int) -> str:
    """A code's word, or its number if only newer software has one."""
    if isinstance(value, IntEnum):
        return value.name.replace("_", " ").capitalize()
    return f"code {value} (newer software)"
