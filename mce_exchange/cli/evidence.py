"""`mce evidence verify|show`: proof in a file, judged without network or home, where neither is installed."""

import io
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, BinaryIO, Final, cast

from cyclopts import App, Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange.audit.records import read_records
from mce_exchange.audit.report import Fact, Message, Report
from mce_exchange.audit.verify import Reading, Take, verify_evidence
from mce_exchange.cli import lazy
from mce_exchange.cli.common import COMMON, Common, progress
from mce_exchange.cli.extracting import Extracting
from mce_exchange.errors import LimitError, UsageError
from mce_exchange.keyfile import replace_file_with
from mce_exchange.limits import MIB
from mce_exchange.text import inert_json

evidence = App(name="evidence")
lazy.add(
    evidence,
    "mce_exchange.cli.exporting:export",
    "mce_exchange.cli.exporting:disclose",
    "mce_exchange.cli.forking:fork",
    "mce_exchange.cli.forking:anchor",
)
File = Annotated[Path, Parameter(help="An evidence file.")]
_MOST_SHOWN: Final = 100_000


@evidence.command
def verify(
    file: File,
    *,
    fingerprint: Annotated[str, Parameter(help="The root fingerprint: 64 hex digits or 24 words.")],
    extract: Annotated[Path | None, Parameter(help="Write what is disclosed into this folder.")] = None,
    out: Annotated[
        Path | None,
        Parameter(help="Write every finding into this file, a line of JSON each, and sum up here."),
    ] = None,
    common: Common = COMMON,
) -> int:
    """Judge an evidence file: no network, no home, no trust beyond the fingerprint typed in.

    Example: mce evidence verify case.evidence --fingerprint "abandon ability ..."
    """
    network_id = fingerprints.read_fingerprint(fingerprint)
    if out and out.exists() and file.exists() and out.samefile(file):
        raise UsageError(f"{out} is the evidence itself: name another file for the findings")
    extracting = Extracting(extract) if extract else None
    made: list[Path] = []
    try:
        take = extracting.take if extracting else None
        with _open(file) as source, progress(common) as told:
            watched = cast(BinaryIO, _Watched(source, lambda done, total: told("verifying", done, total)))
            report = _judge(watched, network_id, take, out)
        if extracting:
            made = extracting.keep(report.disclosed)
    finally:
        if extracting:
            extracting.forget()
    lines = ["This holds:", *report.lines(), *(f"wrote {path}" for path in made)]
    values = report.to_json() | ({"extracted": [str(path) for path in made]} if extract else {})
    common.say(values, "\n".join(lines))
    return 0


def _judge(source: BinaryIO, network_id: bytes, take: Take | None, out: Path | None) -> Report:
    if out is None:
        return verify_evidence(source, network_id=network_id, take=take)
    reading = Reading(source, network_id=network_id, take=take)
    report = reading.read()
    replace_file_with(out, (_line(one) for one in reading.findings()))
    return report


def _line(one: Message | Fact) -> bytes:
    return inert_json(json.dumps(asdict(one), ensure_ascii=False)).encode() + b"\n"


class _Watched:
    """A file on its way in, with progress each megabyte or so."""

    def __init__(self, file: BinaryIO, told: Callable[[int, int], None]) -> None:
        self._file, self._told = file, told
        self._done = self._next = 0
        self._size = os.fstat(file.fileno()).st_size

    def read(self, size: int) -> bytes:
        """As the file's."""
        data = self._file.read(size)
        self._done += len(data)
        if self._done >= self._next:
            self._told(self._done, self._size)
            self._next = self._done + MIB
        return data


@evidence.command
def show(file: File, *, common: Common = COMMON) -> int:
    """List a file's records without judging them.

    Example: mce evidence show case.evidence
    """
    table: list[dict[str, str | int]] = []
    with _open(file) as source:
        for record in read_records(source):
            if len(table) == _MOST_SHOWN:
                raise LimitError(f"more than {_MOST_SHOWN} records: have them judged, with a list in a file")
            table.append({"kind": record.kind, "bytes": len(record.data)})
    lines = [f"{one['kind']}: {one['bytes']} bytes" for one in table]
    common.say({"records": table}, "\n".join(["Nothing here has been verified.", *lines]))
    return 0


def _open(file: Path) -> io.BufferedReader:
    try:
        return file.open("rb")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a file's name"
        raise UsageError(f"cannot read {file}: {why}") from None
