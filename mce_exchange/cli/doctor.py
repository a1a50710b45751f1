"""`mce doctor` and `mce tidy`: what is wrong here, the command that mends it, and one of those commands."""

import asyncio
import os
import time
from typing import Annotated

from cyclopts import Parameter

from mce_exchange.cli.common import COMMON, SECRET, Common, Secret
from mce_exchange.cli.home import Desk, open_desk, open_home
from mce_exchange.client import doctor as doctors
from mce_exchange.client.diagnose import diagnose
from mce_exchange.client.doctor import Door, Fault, Finding
from mce_exchange.client.tidy import tidy as free
from mce_exchange.errors import StoreError
from mce_exchange.text import one_line


def doctor(
    *,
    offline: Annotated[bool, Parameter(help="Do not try the relay's door.")] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Look for what is wrong here, and name the command that mends it; exit 1 if anything is.

    Example: mce doctor --home be
    """
    found = list(doctors.folder(common.home)) if common.home.is_dir() else []
    try:
        with open_desk(common, secret) as opened:
            door = None if offline else _door(opened)
            looking = doctors.Doctor(opened.home, opened.identity, opened.follower, now=int(time.time()))
            found += looking.findings(door)
    except StoreError:
        # What is wrong with the folder comes first: it can be why the home does not open.
        if not found:
            raise
    table = [{"fault": one.fault, "text": one.text, "commands": list(one.commands)} for one in found]
    text = "\n".join(_text(one) for one in found) or "Nothing is wrong here."
    common.say({"faults": table, "looked_for": list(Fault)}, text)
    return int(bool(found))


def tidy(*, common: Common = COMMON, secret: Secret = SECRET) -> int:
    """Free the disk of what nothing needs: parts of attachments, and those of no message, a week old.

    Example: mce tidy --home be
    """
    with open_home(common, secret) as home:
        freed = free(home)
    common.say({"bytes": freed}, f"Freed {freed} bytes.")
    return 0


def _door(opened: Desk) -> Door:
    # A home's proxy is the way out, as for `mce run`.
    os.environ["no_grpc_proxy"] = ""  # noqa: SIM112 # gRPC reads it so
    answer = diagnose(opened.home)
    shown = asyncio.run(doctors.log_time(opened.home, opened.follower)) if answer == "open" else None
    return Door(answer=answer, time=shown)


def _text(one: Finding) -> str:
    return "\n".join(
        [f"{one.fault}: {one_line(one.text)}", *(f"  mend it: {command}" for command in one.commands)]
    )
