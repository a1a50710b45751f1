"""`mce evidence export|disclose`: the commands about evidence that need a home."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, instant, progress
from mce_exchange.cli.home import open_desk
from mce_exchange.client.disclosing import disclosure_of
from mce_exchange.client.exporting import Exporting, period
from mce_exchange.client.proving import evidence_of
from mce_exchange.errors import UsageError
from mce_exchange.keyfile import replace_file_with

Out = Annotated[Path, Parameter(help="The file to write.")]


def export(
    ids: Annotated[
        list[str] | None, Parameter(help="Ids of messages sent or received, or their first letters.")
    ] = None,
    *,
    out: Out,
    since: Annotated[
        str, Parameter(name="--from", help="In place of ids: all that was logged from this time (UTC) on.")
    ] = "",
    until: Annotated[
        str, Parameter(name="--to", help="Up to this time, as 2026-11-30 or 2026-11-30T12:00.")
    ] = "",
    resume: Annotated[bool, Parameter(help="Go on with an export that was cut off.")] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the evidence of messages, or of a period, from the home alone; it holds no content.

    A member's home has what it is a party to, an auditor's has everything. A period is the smallest that
    the log's clock knows: to ten minutes in the last two days, to a day before.

    Example: mce evidence export 1f0c --home be --out case.evidence
    """
    if bool(ids) + bool(since or until) + resume != 1:
        raise UsageError("give ids, or --from and --to, or --resume")
    begin, end = instant(since), instant(until)
    with open_desk(common, secret) as desk:
        if ids:
            return _write(common, out, evidence_of(desk.home, desk.identity, desk.follower, ids))
        exporting = Exporting(desk.home, desk.identity, desk.follower, out)
        with desk.home.database.read(), progress(common) as bars:

            def told(done: int, total: int) -> None:
                bars("entries", done, total)

            chosen = None if resume else period(desk.home, desk.follower, begin, end)
            written = exporting.begin(chosen, told) if chosen else exporting.resume(told)
    common.say({"file": str(out), "bytes": written}, f"Wrote {out}, {written} bytes.")
    return 0


def disclose(
    id: Annotated[str, Parameter(help="The message's id, or its first letters.")],
    *,
    out: Out,
    attachment: Annotated[
        int, Parameter(help="Disclose this attachment, counted from 1, in place of the message.")
    ] = 0,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the evidence of one message with its text, or one attachment, opened for whoever reads the file.

    Nothing else is opened by it, and it cannot be taken back.

    Example: mce evidence disclose 1f0c --home be --attachment 1 --out court.evidence
    """
    with open_desk(common, secret) as desk:
        return _write(common, out, disclosure_of(desk.home, desk.identity, desk.follower, id, attachment))


def _write(common: Common, out: Path, pieces: Iterable[bytes]) -> int:
    written = 0

    def counted() -> Iterable[bytes]:
        nonlocal written
        with progress(common) as told:
            for piece in pieces:
                yield piece
                written += len(piece)
                told("writing", written, None)

    replace_file_with(out, counted())
    common.say({"file": str(out), "bytes": written}, f"Wrote {out}, {written} bytes.")
    return 0
