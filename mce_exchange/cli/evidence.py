"""`mce evidence verify|show`: proof in a file, judged without network or home, where neither is installed."""

import io
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange.audit.records import read_records
from mce_exchange.audit.verify import verify_evidence
from mce_exchange.cli import lazy
from mce_exchange.cli.common import COMMON, Common
from mce_exchange.cli.extracting import Extracting
from mce_exchange.errors import UsageError

evidence = App(name="evidence")
lazy.add(
    evidence,
    "mce_exchange.cli.exporting:export",
    "mce_exchange.cli.exporting:disclose",
    "mce_exchange.cli.forking:fork",
    "mce_exchange.cli.forking:anchor",
)
File = Annotated[Path, Parameter(help="An evidence file.")]


@evidence.command
def verify(
    file: File,
    *,
    fingerprint: Annotated[str, Parameter(help="The root fingerprint: 64 hex digits or 24 words.")],
    extract: Annotated[Path | None, Parameter(help="Write what is disclosed into this folder.")] = None,
    common: Common = COMMON,
) -> int:
    """Judge an evidence file: no network, no home, no trust beyond the fingerprint typed in.

    Example: mce evidence verify case.evidence --fingerprint "abandon ability ..."
    """
    network_id = fingerprints.read_fingerprint(fingerprint)
    extracting = Extracting(extract) if extract else None
    made: list[Path] = []
    try:
        take = extracting.take if extracting else None
        report = verify_evidence(_open(file), network_id=network_id, take=take)
        if extracting:
            made = extracting.keep(report.disclosed)
    finally:
        if extracting:
            extracting.forget()
    lines = ["This holds:", *report.lines(), *(f"wrote {path}" for path in made)]
    common.say({**report.to_json(), "extracted": [str(path) for path in made]}, "\n".join(lines))
    return 0


@evidence.command
def show(file: File, *, common: Common = COMMON) -> int:
    """List a file's records without judging them.

    Example: mce evidence show case.evidence
    """
    table = [{"kind": record.kind, "bytes": len(record.data)} for record in read_records(_open(file))]
    lines = [f"{one['kind']}: {one['bytes']} bytes" for one in table]
    common.say({"records": table}, "\n".join(["Nothing here has been verified.", *lines]))
    return 0


def _open(file: Path) -> io.BufferedReader:
    try:
        return file.open("rb")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a file's name"
        raise UsageError(f"cannot read {file}: {why}") from None
