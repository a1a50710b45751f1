"""A report as one HTML page: no script, nothing fetched, good on paper, words from outside inert (H11)."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from time import gmtime, strftime
from typing import Final

from mce_exchange.audit import charts
from mce_exchange.audit.alarms import Alarm
from mce_exchange.audit.survey import Count, Proven, Survey
from mce_exchange.text import one_line

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #16202c; --paper: #fff; --soft: #56606c; --line: #c9d0d8;
  --flow: #1f5fa8; --few: #6b7480; --alarm: #9c1c1c; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e8edf3; --paper: #12181f; --soft: #a9b4c0; --line: #3a4552;
  --flow: #7fb4ee; --few: #a9b4c0; --alarm: #ff9d9d; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
p.soft { color: var(--soft); } a { color: var(--flow); } strong.alarm { color: var(--alarm); }
code { overflow-wrap: anywhere; } svg { width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 14px; }
.flow { fill: none; stroke: var(--flow); stroke-opacity: .65; }
path.few { fill: none; stroke: var(--few); stroke-dasharray: 4 4; }
.bar { fill: var(--flow); } rect.few { fill: var(--few); }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid var(--line); }
@media print { :root { --ink: #000; --paper: #fff; --soft: #333; --line: #999; --flow: #1f5fa8; --few: #555;
  --alarm: #7c0f0f; } body { font-size: 11pt; max-width: none; margin: 0; }
  table, svg, tr { break-inside: avoid; } h2 { break-after: avoid; } }
"""


def page(found: Survey) -> str:
    """The page, whole."""
    name = _text(found.network) + (" (exercise)" if found.exercise else "")
    title = f"Audit report of {name}, {_day(found.since)} to {_day(found.until)}"
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    body = "".join(
        (
            f"<h1>{title}</h1>",
            _head(found),
            _flows(found),
            _section(
                "Time to an answer", "From acceptance to each recipient's final answer.", found.answered
            ),
            _section("Overdue", "Deadlines at which the log held no final answer.", found.overdue),
            _section("Overdue answers came", "Counted from the relay's notice.", found.late_by),
            _section("Erasures", "Of the period's messages. Who says so proves no absence.", found.erasures),
            _changes(found.changes),
            _anomalies(found.anomalies),
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        f" style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">"
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _head(found: Survey) -> str:
    return (
        f"<p>As of Directory version {found.directory_version}, log size {found.log_size}; network"
        f" <code>{found.network_id}</code>. At least {found.about} messages were accepted,"
        " by the log's clock.</p>"
        '<p class="soft">Counts from 1 to 4 are given as “fewer than 5”, all others are rounded down'
        " to fives. The log dates an entry to the next anchor. No content was read for this report.</p>"
    )


def _flows(found: Survey) -> str:
    rows = [(one.sender, one.recipient, one.text) for one in found.flows]
    return (
        "<h2>Messages between countries</h2><p>Each recipient counted; dashed lines are fewer than 5.</p>"
        f"{charts.flows(found.flows) if rows else ''}{_table(('from', 'to', 'messages'), rows)}"
    )


def _section(title: str, text: str, counts: Sequence[Count]) -> str:
    rows = [(one.name, one.text) for one in counts]
    picture = charts.bars(title, counts) if any(one.count != 0 for one in counts) else ""
    return f"<h2>{escape(title)}</h2><p>{escape(text)}</p>{picture}{_table(('', 'count'), rows)}"


def _changes(found: Iterable[Alarm]) -> str:
    rows = [(_time(one.at), _entry(one), one.text) for one in found]
    return f"<h2>Changes of keys and members</h2>{_table(('logged', 'entry', 'what'), rows)}"


def _anomalies(found: Sequence[Proven]) -> str:
    rows = "".join(
        f"<tr><td>{_time(one.alarm.at)}</td><td>{_entry(one.alarm)}</td>"
        f'<td><strong class="alarm">{one.alarm.kind}</strong> {_text(one.alarm.text)}'
        f"{_message(one.alarm)}</td><td>{_proof(one)}</td></tr>"
        for one in found
    )
    table = f"{_columns(('raised', 'entry', 'what', 'proof'))}{rows}</tbody></table>" if rows else _NONE
    return (
        "<h2>Anomalies</h2><p>Each proof is an evidence file: <code>mce evidence verify FILE --fingerprint"
        f" WORDS</code> judges it without this report.</p>{table}"
    )


_NONE: Final = "<p>None.</p>"


def _proof(one: Proven) -> str:
    if not one.proof:
        return "in the log as watched"
    data = base64.b64encode(one.proof).decode()
    name = f"{one.alarm.kind}-{one.alarm.id}.evidence"
    return f'<a download="{name}" href="data:application/octet-stream;base64,{data}">{name}</a>'


def _message(one: Alarm) -> str:
    return f"<br><code>{one.header_id}</code>" if one.header_id else ""


def _entry(one: Alarm) -> str:
    return "" if one.log_index is None else str(one.log_index)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return _NONE
    lines = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"{_columns(head)}{lines}</tbody></table>"


def _columns(head: Sequence[str]) -> str:
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' if cell else "<td></td>" for cell in head)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>"


def _text(text: str) -> str:
    return escape(one_line(text))


def _day(at: int) -> str:
    return strftime("%Y-%m-%d", gmtime(at))


def _time(at: int) -> str:
    return strftime("%Y-%m-%d %H:%M", gmtime(at)) if at else "before the first date"
