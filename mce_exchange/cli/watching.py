"""`mce audit watch`: the monitor over this home."""

import signal
import threading
import time
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from mce_exchange.audit.alarms import Alarm
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, progress
from mce_exchange.cli.home import open_home
from mce_exchange.client.watching import Watching
from mce_exchange.errors import StoreError, UsageError
from mce_exchange.text import one_line

_DAY = 24 * 3600.0


def watch(
    *,
    once: Annotated[bool, Parameter(help="Look at what is there, then end.")] = False,
    every: Annotated[float, Parameter(help="Seconds between two looks.")] = 30.0,
    silent: Annotated[float, Parameter(help="Alarm after so many seconds without an anchor.")] = 3600.0,
    seen: Annotated[bool, Parameter(help="The alarms shown so far have been seen.")] = False,
    metrics: Annotated[
        Path | None, Parameter(help="Write metrics in the Prometheus text format into this file.")
    ] = None,
    state: Annotated[Path | None, Parameter(help="Where it keeps its state, in place of the home.")] = None,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Check every entry that this home's node was shown; exit 1 if an alarm waits to be seen.

    Signatures, numbers, daily marks, Directory changes, deadlines and erasures, from one anchor to the
    next. `mce run` brings the log; this may end and begin again anywhere. An auditor's home is shown
    every Statement, a member's those to which it is a party.

    Example: mce audit watch --home audit --once --metrics mce.prom
    """
    for seconds in (every, silent):
        if not 0.05 <= seconds <= 30 * _DAY:
            raise UsageError("seconds are from 0.05 to thirty days")
    stop = threading.Event()
    for name in () if once else (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with open_home(common, secret) as home, progress(common) as bars:
        watching = Watching(home, state=state)
        alarms, shown = watching.watch.alarms, 0
        try:
            while True:
                same = watching.look(
                    int(time.time()),
                    silent_seconds=int(silent),
                    told=lambda done, total: bars("entries", done, total),
                )
                for alarm in alarms.all(shown, unseen=True):
                    shown = alarm.id
                    _say(common, alarm)
                if metrics:
                    _write(watching, metrics)
                if once or not same or stop.wait(every):
                    break
            if seen:
                with watching.watch.ledger.write():
                    alarms.mark_seen()
            waits = not same or any(not alarm.news for alarm in alarms.all(unseen=True))
            size = watching.watch.size
        finally:
            watching.close()
    common.say(
        {"checked": size, "alarms": waits}, f"{size} entries checked{', ALARMS WAIT' if waits else ''}."
    )
    return int(waits)


def _say(common: Common, alarm: Alarm) -> None:
    values: dict[str, Any] = {
        "alarm": alarm.kind,
        "news": alarm.news,
        "about": alarm.about,
        "text": alarm.text,
        "at": alarm.at,
        "entry": alarm.log_index,
        "message": alarm.header_id,
    }
    word = "news" if alarm.news else "ALARM"
    common.say(values, f"{word} {alarm.kind}: {one_line(alarm.text)} ({one_line(alarm.about)})")


def _write(watching: Watching, path: Path) -> None:
    """Numbers and kinds only: no member, no id."""
    watch, registry = watching.watch, CollectorRegistry()
    directory = watch.state.directory
    for name, text, value in (
        ("entries_checked", "Log entries checked", watch.size),
        ("anchor_timestamp_seconds", "Time of the newest anchor, by the log's clock", watch.now),
        ("directory_version", "Directory version in force", directory.version),
        ("directory_expiry_timestamp_seconds", "When it expires", directory.expires_minutes * 60),
        (
            "alarms_unseen",
            "Alarms that wait to be seen",
            sum(not a.news for a in watch.alarms.all(unseen=True)),
        ),
        ("look_timestamp_seconds", "When the monitor looked last", time.time()),
    ):
        Gauge(f"mce_audit_{name}", text, registry=registry).set(value)
    kinds = Gauge("mce_audit_alarms", "Alarms and news ever raised", ["kind"], registry=registry)
    for kind, count in watch.alarms.counts().items():
        kinds.labels(str(kind)).set(count)
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from None
