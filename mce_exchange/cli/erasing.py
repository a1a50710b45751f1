"""`mce erase`, `mce retention`, `mce holders`: content goes, and who by the log still holds some."""

import time
from typing import Annotated

from cyclopts import Parameter

from mce_exchange.cli.common import COMMON, SECRET, Common, Secret
from mce_exchange.cli.home import open_home
from mce_exchange.client import erasure
from mce_exchange.errors import UsageError
from mce_exchange.store import settings

_MOST_DAYS = 36_500


def erase(
    ids: Annotated[list[str], Parameter(help="Ids of messages, or their first letters.")],
    *,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Destroy the content of answered messages here, for ever; the node then says so in the log.

    The signed header, the acknowledgements and the log's proofs stay: evidence needs no content.

    Example: mce erase 1f0c 77ab --home pt
    """
    with open_home(common, secret) as home:
        found = [erasure.erase_now(home, one, int(time.time())).hex() for one in ids]
    common.say({"erased": found}, f"Erased the content of {len(found)} message(s).")
    return 0


def retention(
    days: Annotated[
        int | None, Parameter(help="Destroy content so many days after its answer; 0 keeps it.")
    ] = None,
    *,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """How long this home keeps the content of answered messages; the running node obeys.

    Example: mce retention 365 --home pt
    """
    with open_home(common, secret) as home:
        if days is not None:
            if days != 0 and not 7 <= days <= _MOST_DAYS:
                raise UsageError(f"content is kept for 7 to {_MOST_DAYS} days, or with 0 until `mce erase`")
            home.settings.put(settings.RETENTION_DAYS, str(days))
        days = home.settings.number(settings.RETENTION_DAYS)
    text = f"Content goes {days} days after its answer." if days else "Content stays until `mce erase`."
    common.say({"retention_days": days}, text)
    return 0


def holders(
    id: Annotated[str, Parameter(help="A message's id, or its first letters; without it: who is late.")] = "",
    *,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Who has not said in the log that its part of a message is gone; exit 1 if somebody is late.

    Example: mce holders 1f0c --home be
    """
    now = int(time.time())
    with open_home(common, secret) as home, home.database.read():
        found = list(erasure.holders(home, now, text=id))
    table = [
        {
            "id": one.header_id.hex(),
            "holder": one.member or "relay",
            "what": one.what,
            "due": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(one.due)) if one.due else "",
        }
        for one in found
    ]
    lines = [f"{r['id']}  {r['holder']} holds {r['what']}  {r['due'] and 'due ' + r['due']}" for r in table]
    common.say({"holders": table}, "\n".join(lines) or "Nobody, by the log.")
    return int(any(one.due and one.due < now for one in found))
