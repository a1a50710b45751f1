"""`mce audit report`: a period on one page, and as JSON."""

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mce_exchange.audit.page import page
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, instant, progress
from mce_exchange.cli.home import open_desk
from mce_exchange.client.reporting import report as made_of
from mce_exchange.client.watching import Watching
from mce_exchange.keyfile import replace_file


def report(
    *,
    out: Annotated[Path, Parameter(help="The page to write: one HTML file, which fetches nothing.")],
    since: Annotated[str, Parameter(name="--from", help="From this time (UTC) on, as 2026-11-01.")] = "",
    until: Annotated[str, Parameter(name="--to", help="Up to this time.")] = "",
    state: Annotated[Path | None, Parameter(help="The monitor's state, in place of the home's.")] = None,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Report on a period: flows between countries, answers, erasures, changes, every anomaly with its proof.

    The monitor looks first, as `mce audit watch --once`. Counts from 1 to 4 are suppressed. With --json
    the same is told as JSON, too.

    Example: mce audit report --home audit --from 2026-11-01 --to 2026-12-01 --out november.html
    """
    begin, end = instant(since), instant(until)
    with open_desk(common, secret) as desk, progress(common) as bars:
        watching = Watching(desk.home, state=state)
        try:
            watching.look(
                int(time.time()),
                silent_seconds=3600,
                told=lambda done, total: bars("entries", done, total),
            )
            found = made_of(desk.home, desk.identity, desk.follower, watching.watch, begin, end)
        finally:
            watching.close()
    replace_file(out, page(found).encode())
    text = f"Wrote {out}: {len(found.anomalies)} anomalies, {len(found.changes)} changes."
    common.say({"file": str(out), **found.to_json()}, text)
    return 0
