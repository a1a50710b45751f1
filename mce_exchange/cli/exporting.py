"""`mce evidence export`: the one command about evidence that needs a home."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, progress
from mce_exchange.cli.home import open_desk
from mce_exchange.client.proving import evidence_of
from mce_exchange.keyfile import replace_file


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
