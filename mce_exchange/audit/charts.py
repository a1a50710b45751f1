"""Pictures of a report: inline SVG without a script; what each shows stands in a table beside it too."""

from collections.abc import Sequence
from html import escape
from typing import Final

from mce_exchange.audit.survey import Count, Flow
from mce_exchange.text import one_line

_ROW: Final = 34
_WIDTH: Final = 640
_LEFT: Final = 150
_RIGHT: Final = 490
_BAR_LEFT: Final = 170
_BAR_MOST: Final = 360


def flows(found: Sequence[Flow]) -> str:
    """Senders on the left, recipients on the right; a line's width is the count, a dashed one is small."""
    senders = sorted({one.sender for one in found})
    recipients = sorted({one.recipient for one in found})
    height = _ROW * (max(len(senders), len(recipients), 1) + 1)
    most = max((one.count or 1 for one in found), default=1)
    parts = []
    for one in found:
        y1, y2 = (_y(names, name) for names, name in ((senders, one.sender), (recipients, one.recipient)))
        middle = (_LEFT + _RIGHT) // 2
        width = 1.5 if one.count is None else 1.5 + 16 * one.count / most
        style = "few" if one.count is None else "flow"
        parts.append(
            f'<path class="{style}" stroke-width="{width:.1f}"'
            f' d="M{_LEFT} {y1}C{middle} {y1} {middle} {y2} {_RIGHT} {y2}"/>'
        )
    for names, x, anchor in ((senders, _LEFT - 10, "end"), (recipients, _RIGHT + 10, "start")):
        parts += [
            f'<text x="{x}" y="{_y(names, name) + 5}" text-anchor="{anchor}">{_text(name)}</text>'
            for name in names
        ]
    return _svg("Messages between countries", height, parts)


def bars(title: str, found: Sequence[Count]) -> str:
    """A bar for each category."""
    most = max((one.count or 1 for one in found), default=1)
    parts = []
    for row, one in enumerate(found):
        y = _ROW * row + _ROW // 2
        width = 3.0 if one.count is None else _BAR_MOST * one.count / most
        style = "few" if one.count is None else "bar"
        parts += [
            f'<text x="{_BAR_LEFT - 10}" y="{y + 5}" text-anchor="end">{_text(one.name)}</text>',
            f'<rect class="{style}" x="{_BAR_LEFT}" y="{y - 10}" width="{width:.1f}" height="20"/>',
            f'<text x="{_BAR_LEFT + width + 8:.1f}" y="{y + 5}">{_text(one.text)}</text>',
        ]
    return _svg(title, _ROW * len(found), parts)


def _text(text: str) -> str:
    return escape(one_line(text))


def _y(names: Sequence[str], name: str) -> int:
    return _ROW * (names.index(name) + 1)


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    name = _text(title)
    # The table says the same in words: to a reader of screens the picture is one image with a name.
    return (
        f'<svg role="img" aria-label="{name}, as in the table" viewBox="0 0 {_WIDTH} {max(height, _ROW)}">'
        f"{''.join(parts)}</svg>"
    )
