"""`mce evidence export|verify|show`: proof in a file, judged without network or home."""

import io
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange.audit.records import read_records
from mce_exchange.audit.verify import verify_evidence
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, open_desk, progress
from mce_exchange.client.proving import evidence_of
from mce_exchange.errors import UsageError
from mce_exchange.keyfile import replace_file

evidence = App(name="evidence", help="Proof of who sent what to whom, when it arrived, that it was erased.")
File = Annotated[Path, Parameter(help="An evidence file.")]


def register(app: App) -> None:
    """Add the commands."""
    app.command(evidence)


@evidence.command
def export(
    ids: Annotated[list[str], Parameter(help="Ids of messages sent or received, or their first letters.")],
    *,
    out: Annotated[Path, Parameter(help="The file to write.")],
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the evidence of messages, from the home alone; it holds no content.

    Example: mce evidence export 1f0c --home be --out case.evidence
    """
    with open_desk(common, secret) as desk, progress(common) as told:
        data = bytearray()
        for piece in evidence_of(desk.home, desk.identity, desk.follower, ids):
            data += piece
            told("collecting", len(data), None)
    replace_file(out, data)
    common.say({"file": str(out), "bytes": len(data)}, f"Wrote {out}, {len(data)} bytes.")
    return 0


@evidence.command
def verify(
    file: File,
    *,
    fingerprint: Annotated[str, Parameter(help="The root fingerprint: 64 hex digits or 24 words.")],
    common: Common = COMMON,
) -> int:
    """Judge an evidence file: no network, no home, no trust beyond the fingerprint typed in.

    Example: mce evidence verify case.evidence --fingerprint "abandon ability ..."
    """
    report = verify_evidence(_open(file), network_id=fingerprints.read_fingerprint(fingerprint))
    common.say(report.to_json(), "\n".join(["This holds:", *report.lines()]))
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
