"""`mce run` and `mce status`: the node in the foreground, and how it is."""

import asyncio
import shlex
import signal
import sys
import time
from typing import Annotated, Any

from cyclopts import App, Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, open_desk
from mce_exchange.client.diagnose import diagnose
from mce_exchange.client.facade import Hotline
from mce_exchange.client.facade import open_home as open_node
from mce_exchange.errors import UsageError
from mce_exchange.store.home import Home
from mce_exchange.text import one_line


def register(app: App) -> None:
    """Add the commands."""
    app.command(run)
    app.command(status)


def run(
    *,
    once: Annotated[bool, Parameter(negative="", help="End when all is sent and received.")] = False,
    on_arrival: Annotated[
        str, Parameter(help="Run this command at each arrival; it is told nothing of the content.")
    ] = "",
    anchor_seconds: Annotated[float, Parameter(help="How often to fetch the newest anchor.")] = 30.0,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Run the node until SIGTERM or Ctrl-C: send, receive, keep keys fresh, raise alarms.

    Example: mce run --home pt --on-arrival "notify-send 'a case has come'"
    """
    passphrase = secret.read(f"the home {common.home}")
    return asyncio.run(_run(common, passphrase, once, shlex.split(on_arrival), anchor_seconds))


async def _run(
    common: Common, passphrase: str, once: bool, on_arrival: list[str], anchor_seconds: float
) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with open_node(common.home, passphrase, anchor_seconds=anchor_seconds) as hotline:
        common.say({"ready": hotline.member}, f"{hotline.member}: the node runs.")
        sys.stdout.flush()
        tasks = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(_alarms(common, hotline)),
            asyncio.create_task(_arrivals(common, hotline, on_arrival)),
        ]
        if once:
            tasks.append(asyncio.create_task(hotline.idle()))
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        for task in done:
            task.result()
    return 0


async def _alarms(common: Common, hotline: Hotline) -> None:
    async for alarm in hotline.alarms():
        common.say(
            {"alarm": alarm.kind, "about": alarm.about, "text": alarm.text, "at": alarm.at},
            f"ALARM {alarm.kind}: {one_line(alarm.text)} ({one_line(alarm.about)})",
        )
        sys.stdout.flush()


async def _arrivals(common: Common, hotline: Hotline, command: list[str]) -> None:
    async for item in hotline.inbox():
        common.say({"arrived": item.id, "sender": item.sender}, f"arrived {item.id} from {item.sender}")
        sys.stdout.flush()
        if command:
            # Content-free: no id, no sender, nothing of the message is handed over.
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
            )
            await process.wait()


def status(
    *,
    connect: Annotated[bool, Parameter(negative="", help="Try the relay's door too.")] = False,
    message: Annotated[str, Parameter(help="How far a message of ours is, by its id.")] = "",
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Where this node stands; exit 1 if an alarm waits to be seen or the relay's door stays shut.

    Example: mce status --home pt --connect
    """
    with open_desk(common, secret, time.time) as desk:
        home, state = desk.home, desk.follower.state
        prekey = state.prekey(desk.identity.member)
        sent = home.outbox.all()
        values: dict[str, Any] = {
            "member": desk.identity.member,
            "network_id": desk.identity.network_id.hex(),
            "words": fingerprints.words(desk.identity.network_id),
            "network": state.directory.name,
            "exercise": state.directory.exercise,
            "directory_version": state.directory.version,
            "log_size": desk.follower.tree.size,
            "node_runs": home.locked,
            "prekey_epoch": prekey.epoch if prekey else 0,
            "queued": sum(one.state == "queued" for one in sent),
            "accepted": sum(one.state == "accepted" for one in sent),
            "unanswered": sum(d.status == "waiting" for one in sent for d in one.deliveries),
            "inbox": len(home.inbox.in_state("ready")),
            "locked": len(home.inbox.in_state("locked")),
            "alarms": [f"{alarm.kind}: {alarm.text}" for alarm in home.alarms.all(unseen=True)],
        }
        if connect:
            values["relay"] = diagnose(home)
        if message:
            values["message"] = _sent(home, message)
    lines = [f"{name.replace('_', ' ')}: {one_line(str(value))}" for name, value in values.items()]
    common.say(values, "\n".join(lines))
    return int(bool(values["alarms"]) or values.get("relay", "open") != "open")


def _sent(home: Home, id_: str) -> dict[str, Any]:
    found = [one for one in home.outbox.all() if id_ and one.header_id.hex().startswith(id_.lower())]
    if len(found) != 1:
        raise UsageError(f"{len(found)} messages sent from here have an id that begins with {id_!r}")
    return {
        "id": found[0].header_id.hex(),
        "state": found[0].state,
        "reason": found[0].reason,
        "log_index": found[0].log_index,
        "deliveries": [{"member": d.member, "status": d.status} for d in found[0].deliveries],
    }
