"""`mce run` and `mce status`: the node in the foreground, and how it is."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from cyclopts import Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange.cli.arrival import Arrival
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, progress
from mce_exchange.cli.home import Desk, open_desk
from mce_exchange.client import desk as acts
from mce_exchange.client import erasure
from mce_exchange.client.diagnose import diagnose
from mce_exchange.client.facade import Hotline
from mce_exchange.client.facade import open_home as open_node
from mce_exchange.errors import TransportError, UsageError
from mce_exchange.store import settings
from mce_exchange.store.alarms import Raised
from mce_exchange.store.home import Home
from mce_exchange.store.settings import BEHIND
from mce_exchange.text import one_line

_DAY = 24 * 3600.0
_AGAIN_SECONDS = 0.5


def run(
    *,
    once: Annotated[
        bool, Parameter(help="End when all is sent and received, and what was due is done.")
    ] = False,
    patience: Annotated[
        float, Parameter(help="With --once: how many seconds to bear with the relay.")
    ] = 60.0,
    on_arrival: Annotated[
        str, Parameter(help="Run this command when messages arrive; it is told nothing of them.")
    ] = "",
    anchor_seconds: Annotated[float, Parameter(help="How often to fetch the newest anchor.")] = 30.0,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Run the node until SIGTERM or Ctrl-C: send, receive, keep keys fresh, raise alarms.

    Example: mce run --home pt --on-arrival "notify-send 'a case has come'"
    """
    for seconds in (patience, anchor_seconds):
        if not 0.05 <= seconds <= _DAY:
            raise UsageError("seconds are from 0.05 to one day")
    arrival = Arrival(on_arrival)
    # A home's proxy is the way out; gRPC would let the environment's no_proxy lead past it.
    os.environ["no_grpc_proxy"] = ""  # noqa: SIM112 # gRPC reads it so
    passphrase = secret.read(f"the home {common.home}")
    return asyncio.run(_run(common, passphrase, arrival, anchor_seconds, patience if once else None))


async def _run(
    common: Common, passphrase: str, arrival: Arrival, anchor_seconds: float, patience: float | None
) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    with progress(common) as told:
        async with open_node(
            common.home,
            passphrase,
            anchor_seconds=anchor_seconds,
            call_seconds=patience or 60.0,
            progress=told,
        ) as hotline:
            common.say({"ready": hotline.member}, f"{hotline.member}: the node runs.")
            tasks = [
                asyncio.create_task(stop.wait()),
                asyncio.create_task(_alarms(common, hotline)),
                asyncio.create_task(_arrivals(common, hotline, arrival)),
                asyncio.create_task(arrival.run()),
            ]
            if patience is not None:
                tasks.append(asyncio.create_task(_once(hotline, patience)))
            _, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            # A node that fails fails them all: each is looked at, one is told, none leaves a traceback.
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended
    return 0


async def _once(hotline: Hotline, patience: float) -> None:
    # What is due is judged by the log as followed, and goes to it as well.
    await _patiently(partial(hotline.idle, patience), patience)
    await _patiently(hotline.look, patience)
    await _patiently(partial(hotline.idle, patience), patience)


async def _patiently(work: Callable[[], Awaitable[None]], patience: float) -> None:
    """Once more after a call that was lost, as when the node goes over to the relay's new door meanwhile."""
    end = time.monotonic() + patience
    while True:
        try:
            return await work()
        except TransportError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(_AGAIN_SECONDS)


async def _alarms(common: Common, hotline: Hotline) -> None:
    async for alarm in hotline.alarms(unseen=True):
        common.say(
            {"alarm": alarm.kind, "about": alarm.about, "text": alarm.text, "at": alarm.at},
            f"ALARM {_alarm(alarm)}",
        )


async def _arrivals(common: Common, hotline: Hotline, arrival: Arrival) -> None:
    async for item in hotline.inbox():
        common.say({"arrived": item.id, "sender": item.sender}, f"arrived {item.id} from {item.sender}")
        arrival.wake()


def status(
    *,
    connect: Annotated[bool, Parameter(help="Try the relay's door too.")] = False,
    message: Annotated[str, Parameter(help="How far a message of ours is, by its id.")] = "",
    seen: Annotated[bool, Parameter(help="The alarms shown have been seen: do not show them again.")] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Where this node stands; exit 1 if an alarm waits to be seen or the relay's door stays shut.

    Example: mce status --home pt --connect
    """
    with open_desk(common, secret) as opened:
        alarms = opened.home.alarms.all(unseen=True)
        values = _values(opened)
        if connect:
            values["relay"] = diagnose(opened.home)
        if message:
            values["message"] = _sent(opened.home, message)
        if seen and alarms:
            opened.home.alarms.mark_seen(alarms[-1].id)
    lines = [f"{name.replace('_', ' ')}: {one_line(str(value))}" for name, value in values.items()]
    lines += [f"ALARM {_alarm(alarm)}" for alarm in alarms]
    values["alarms"] = [{"alarm": a.kind, "about": a.about, "text": a.text, "at": a.at} for a in alarms]
    common.say(values, "\n".join(lines))
    return int(bool(alarms and not seen) or values.get("relay", "open") != "open")


def _values(opened: Desk) -> dict[str, Any]:
    home, state = opened.home, opened.follower.state
    prekey = state.prekey(opened.identity.member)
    return {
        "member": opened.identity.member,
        "network_id": opened.identity.network_id.hex(),
        "words": fingerprints.words(opened.identity.network_id),
        "network": state.directory.name,
        "exercise": state.directory.exercise,
        "directory_version": state.directory.version,
        "entered": _entered(opened),
        "log_size": opened.follower.size,
        "node_runs": home.locked,
        "behind": home.settings.find(BEHIND) is not None,
        "prekey_epoch": prekey.epoch if prekey else 0,
        "awaiting_approval": home.outbox.count("awaiting"),
        "queued": home.outbox.count("queued"),
        "accepted": home.outbox.count("accepted"),
        "unanswered": home.outbox.unanswered(),
        "inbox": home.inbox.count("ready"),
        "fetching": home.inbox.count("fetching"),
        "locked": home.inbox.count("locked"),
        "retention_days": home.settings.number(settings.RETENTION_DAYS),
        "not_erased": sum(1 for _ in erasure.holders(home, int(time.time()))),
    }


def _entered(opened: Desk) -> str:
    entered = opened.identity.entered(opened.home, opened.follower.state)
    if entered is None:
        return "no: give the federation your card (`mce card --out`)"
    return "as the card says" if entered else "not as the newest card says"


def _alarm(alarm: Raised) -> str:
    return f"{alarm.kind}: {one_line(alarm.text)} ({one_line(alarm.about)})"


def _sent(home: Home, id_: str) -> dict[str, Any]:
    found = home.outbox.find(acts.find(home, id_, outgoing=True))
    if found is None:
        raise UsageError(f"no message {id_} was sent from here")
    return {
        "id": found.header_id.hex(),
        "state": found.state,
        "reason": found.reason,
        "log_index": found.log_index,
        "deliveries": [{"member": d.member, "status": d.status} for d in found.deliveries],
    }
