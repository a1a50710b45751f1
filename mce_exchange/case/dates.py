"""Dates as people know them: EDTF level 1, never made more exact than they are (rules V1, V2)."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from mce_exchange.errors import CaseError

# ASCII digits only: in Unicode's others one date could be written in many ways.
_PART: Final = re.compile(r"(\d{3})X|(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?", re.ASCII)
_SUFFIXES: Final = "~?%"


@dataclass(frozen=True, slots=True)
class Span:
    """The first and last day that a date may mean."""

    first: date
    last: date


def read_edtf(text: str, *, path: str) -> Span:
    """`YYYY`, `YYYY-MM`, `YYYY-MM-DD`, `201X`, or `a/b` of these; `~ ? %` widens by the unit it stands at.

    Raises `CaseError` (V1) for anything else.
    """
    parts = text.split("/")
    if len(parts) > 2:
        raise _bad(path)
    spans = [_part(part, path) for part in parts]
    span = Span(spans[0].first, spans[-1].last)
    if span.first > span.last:
        raise _bad(path)
    return span


def _part(text: str, path: str) -> Span:
    bare = text[:-1] if text[-1:] and text[-1] in _SUFFIXES else text
    match = _PART.fullmatch(bare)
    if match is None:
        raise _bad(path)
    decade, year, month, day = match.groups()
    try:
        if decade:
            span, unit = Span(date(int(decade) * 10, 1, 1), date(int(decade) * 10 + 9, 12, 31)), 3653
        elif day:
            exact = date(int(year), int(month), int(day))
            span, unit = Span(exact, exact), 1
        elif month:
            first = date(int(year), int(month), 1)
            span, unit = Span(first, (first + timedelta(31)).replace(day=1) - timedelta(1)), 31
        else:
            span, unit = Span(date(int(year), 1, 1), date(int(year), 12, 31)), 366
        if bare != text:
            span = Span(span.first - timedelta(unit), span.last + timedelta(unit))
    except (ValueError, OverflowError):
        raise _bad(path) from None
    return span


def _bad(path: str) -> CaseError:
    return CaseError(
        f"{path} is no date that can be worked with: write 2014, 2014-05 or 2014~", rule="V1", path=path
    )


def age_on(born: date, on: date) -> int:
    """Whole years; born on 29 February, a birthday is 1 March in other years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
