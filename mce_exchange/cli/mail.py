"""`mce send`, `inbox`, `read`, `ack`, `refuse`: what a desk does."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from mce_exchange import case
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, open_desk, open_home
from mce_exchange.client import desk
from mce_exchange.client.dispatch import Manner
from mce_exchange.client.identity import Identity
from mce_exchange.errors import UsageError
from mce_exchange.hotline.receiving import Refusal
from mce_exchange.store.home import Home
from mce_exchange.text import one_line, safe_name

_DEADLINES = {"none": 0, "1h": 1, "24h": 2, "72h": 3}
Reason = Literal["by-person", "policy"]


def register(app: App) -> None:
    """Add the commands."""
    for command in (send, inbox, read, ack, refuse):
        app.command(command)


def send(
    *,
    to: Annotated[list[str], Parameter(help="Members to send to.")],
    message: Annotated[Path, Parameter(help="A case message as JSON; `mce read --json` shows the form.")],
    attach: Annotated[list[Path], Parameter(help="Files to attach, in the order of the case.")] = [],  # noqa: B006 # cyclopts reads it, nobody writes it
    urgent: Annotated[bool, Parameter(negative="", help="Use the relay's urgent reserve.")] = False,
    deadline: Annotated[Literal["none", "1h", "24h", "72h"], Parameter(help="When to be told.")] = "none",
    supersedes: Annotated[str, Parameter(help="The id of a message that this one replaces.")] = "",
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Hand over a case message: encrypted, signed and durable when this returns. A running node sends it.

    Example: mce send --home be --to hotline.pt.example --message report.json --attach photo.png
    """
    try:
        text = message.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"cannot read {message}") from None
    parsed = case.from_json(text)
    case.check(parsed)
    manner = Manner(
        urgent=urgent, deadline_class=_DEADLINES[deadline], supersedes=_id(supersedes) if supersedes else b""
    )
    with open_desk(common, secret, time.time) as opened, ExitStack() as stack:
        files = [desk.open_file(path, stack) for path in attach]
        header_id = opened.dispatch.send(case.encode(parsed), to, files, manner)
        running = _node_runs(opened.home)
    told = "The running node sends it." if running else "No node runs: `mce run` sends it."
    common.say({"id": header_id.hex(), "to": to, "node": running}, f"Handed over {header_id.hex()}. {told}")
    return 0


def inbox(
    *,
    all: Annotated[bool, Parameter(name="--all", negative="", help="Answered ones too.")] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """List messages that wait for an answer.

    Example: mce inbox --home pt
    """
    with open_home(common, secret) as home:
        held = home.inbox.all() if all else home.inbox.in_state("ready")
        table = [
            {
                "id": one.header_id.hex(),
                "sender": one.sender,
                "state": one.state,
                "reason": one.reason,
                "at": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(one.at)),
                "kind": _kind(home, one.header_id) if one.state in ("ready", "acknowledged") else "",
            }
            for one in held
        ]
    lines = [f"{r['id']}  {r['at']}  {r['sender']}  {r['state']}  {r['kind']} {r['reason']}" for r in table]
    common.say({"messages": table}, "\n".join(lines) or "Nothing waits for an answer.")
    return 0


def read(
    id: Annotated[str, Parameter(help="The message's id, or its first letters.")],
    *,
    save: Annotated[Path | None, Parameter(help="Decrypt the attachments into this folder.")] = None,
    locale: Annotated[str, Parameter(help="The language of labels, as en or pt.")] = "en",
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Show a message; with --save, its attachments become files.

    Example: mce read 1f0c --home pt --save photos
    """
    with open_home(common, secret) as home:
        received = home.inbox.find(_match(home, id))
        if received is None or received.state in ("locked", "fetching"):
            raise UsageError(f"message {id} is not here, or not whole yet")
        body = home.inbox.body(received.header_id)
        message = case.decode(body.content)
        saved = []
        for number, one in enumerate(body.attachments):
            if save is not None:
                path = save / f"{number + 1}-{safe_name(one.name, number=number + 1)}"
                save.mkdir(mode=0o700, parents=True, exist_ok=True)
                desk.save_attachment(home, received.header_id, number, path)
                saved.append(str(path))
        names = [f"{one_line(one.name)} ({one.size} bytes)" for one in body.attachments]
    if common.json:
        print(case.to_json(message))
        return 0
    head = f"message {received.header_id.hex()} from {received.sender}\n"
    tail = "".join(f"\nattachment {i + 1}: {name}" for i, name in enumerate(names))
    tail += "".join(f"\nsaved {path}" for path in saved)
    common.say({}, head + case.render(message, locale=locale) + tail)
    return 0


def ack(
    ids: Annotated[list[str], Parameter(help="Ids of messages, or their first letters.")],
    *,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Acknowledge messages: signed, in the log for ever, never given again.

    Example: mce ack 1f0c 77ab --home pt
    """
    with open_home(common, secret) as home:
        found = [_match(home, one).hex() for one in ids]
        desk.acknowledge(home, Identity.of(home), found)
    common.say({"acknowledged": found}, f"Acknowledged {len(found)} message(s).")
    return 0


def refuse(
    id: Annotated[str, Parameter(help="The message's id, or its first letters.")],
    *,
    reason: Annotated[Reason, Parameter(help="Why; the sender and the log see it.")] = "by-person",
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Refuse a message: signed, in the log for ever, never given again.

    Example: mce refuse 1f0c --home pt --reason policy
    """
    code = {"by-person": Refusal.BY_PERSON, "policy": Refusal.POLICY}[reason]
    with open_home(common, secret) as home:
        found = _match(home, id).hex()
        desk.refuse(home, Identity.of(home), found, code)
    common.say({"refused": found, "reason": reason}, f"Refused {found}.")
    return 0


def _id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise UsageError("an id has 64 hex digits")
    return found


def _match(home: Home, text: str) -> bytes:
    """The one message whose id begins so."""
    found = [one.header_id for one in home.inbox.all() if one.header_id.hex().startswith(text.lower())]
    if len(found) != 1 or not text:
        raise UsageError(f"{len(found)} messages have an id that begins with {text!r}")
    return found[0]


def _kind(home: Home, header_id: bytes) -> str:
    kind = case.decode(home.inbox.body(header_id).content).kind
    return kind.name if kind else "newer kind"


def _node_runs(home: Home) -> bool:
    return home.locked
