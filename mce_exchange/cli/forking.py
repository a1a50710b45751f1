"""`mce evidence fork|anchor`: proof that the relay showed two logs, and what members compare to find it."""

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mce_exchange import limits
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, read_file
from mce_exchange.cli.home import open_desk
from mce_exchange.client.forking import compare, evidence_of_forks, forks
from mce_exchange.errors import UsageError
from mce_exchange.keyfile import replace_file


def fork(
    *,
    note: Annotated[
        list[Path] | None, Parameter(help="Anchors of other members, compared with this home's log first.")
    ] = None,
    out: Annotated[Path, Parameter(help="The file to write, if there is a fork.")],
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the proof of every fork of the log that this home knows; exit 1 if there is one.

    Anybody verifies it offline: `mce evidence verify`. Ask two witnesses for their anchor, and compare.

    Example: mce evidence fork --note be.anchor --home pt --out fork.evidence
    """
    with open_desk(common, secret) as desk:
        for path in note or ():
            compare(desk.home, desk.follower, read_file(path, limits.NOTE), now=int(time.time()))
        found = forks(desk.home, desk.follower)
        if found:
            replace_file(out, b"".join(evidence_of_forks(desk.home, desk.identity, desk.follower, found)))
    text = f"{len(found)} fork(s). Wrote {out}." if found else "No fork: what was compared is of one log."
    common.say({"forks": len(found), "file": str(out) if found else None}, text)
    return int(bool(found))


def anchor(
    *,
    out: Annotated[Path, Parameter(help="The file to write.")],
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the newest anchor that this home has verified, for another member to compare: it is no secret.

    Example: mce evidence anchor --home be --out be.anchor
    """
    with open_desk(common, secret) as desk:
        # Whoever has cosigned it: a view that is shown to few is found by its own newest anchor.
        note = desk.home.logbook.anchor()
        if note is None:
            raise UsageError(
                "no anchor has come yet", remedy="let the node run until the relay's next anchor"
            )
        opened = desk.follower.state.open_anchor(note)
        size, text = opened.checkpoint.size, opened.text
    replace_file(out, note)
    common.say({"file": str(out), "size": size, "witnesses": text}, f"Wrote {out}: {size} entries, {text}.")
    return 0
