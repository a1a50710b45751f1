"""A case message as plain text for a person: every field, nothing that could act (threat H11)."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from babel import Locale

from mce_exchange.case import labels
from mce_exchange.case.codec import has_unknown
from mce_exchange.case.entities import LocalizedText
from mce_exchange.case.messages import CaseMessage
from mce_exchange.text import one_line

_COUNTRIES = frozenset({"country", "issuer_country", "nationalities", "used_in"})
_LANGUAGES = frozenset({"language", "languages", "working_languages", "default_language"})


def render(message: CaseMessage, *, locale: str = "en") -> str:
    """Sections and lines. Free text is badged with its language and origin; unknown fields are told of."""
    chosen = labels.locale_of(locale)
    kind = labels.code(message.kind) if message.kind else "A kind that newer software knows"
    lines = [kind.upper(), "", "Header", *_lines(message.header, chosen, 1)]
    if message.body is not None:
        lines += ["", "Body", *_lines(message.body, chosen, 1)]
    if has_unknown(message):
        lines += ["", "Newer software has written more than is shown here."]
    return "\n".join(lines) + "\n"


def _lines(value: Any, locale: Locale, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for field in fields(value):
        held = getattr(value, field.name)
        if field.name == "unknown" or held is None or held in ((), False, ""):
            continue
        label = field.name.replace("_", " ").capitalize()
        for one in held if isinstance(held, tuple) else (held,):
            if is_dataclass(one) and not isinstance(one, LocalizedText):
                yield f"{indent}{label}"
                yield from _lines(one, locale, depth + 1)
            else:
                yield f"{indent}{label}: {_plain(one, field.name, locale)}"


def _plain(value: object, name: str, locale: Locale) -> str:
    if isinstance(value, LocalizedText):
        badge = f"{labels.language(value.language, locale)}, {labels.code(value.method).lower()}"
        return f"{one_line(value.text)} [{one_line(badge)}]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, IntEnum):
        return labels.code(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str) and name in _COUNTRIES:
        return one_line(labels.country(value, locale))
    if isinstance(value, str) and name in _LANGUAGES:
        return one_line(labels.language(value, locale))
    return one_line(str(value))
