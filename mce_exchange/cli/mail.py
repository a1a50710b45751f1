"""`mce send`, `inbox`, `read`, `ack`, `refuse`: what a desk does."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from mce_exchange import case, limits
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, progress, read_file
from mce_exchange.cli.home import open_desk, open_home
from mce_exchange.client import behind, desk
from mce_exchange.client.attaching import Progress
from mce_exchange.client.dispatch import Manner
from mce_exchange.errors import UsageError
from mce_exchange.hotline.lives import warnings
from mce_exchange.hotline.receiving import Refusal
from mce_exchange.sealing import AttachmentInfo
from mce_exchange.store.home import Home
from mce_exchange.store.inbox import Received
from mce_exchange.text import one_line, safe_name

_DEADLINES = {"none": 0, "1h": 1, "24h": 2, "72h": 3}
Reason = Literal["by-person", "policy"]


def send(
    *,
    to: Annotated[list[str], Parameter(help="Members to send to.")],
    message: Annotated[
        Path, Parameter(help="A case message as JSON: the `message` that `mce read --json` shows.")
    ],
    attach: Annotated[list[Path], Parameter(help="Files to attach, in the order of the case.")] = [],  # noqa: B006 # cyclopts reads it, nobody writes it
    urgent: Annotated[bool, Parameter(help="Send it first, and use the relay's urgent reserve.")] = False,
    deadline: Annotated[Literal["none", "1h", "24h", "72h"], Parameter(help="When to be told.")] = "none",
    supersedes: Annotated[str, Parameter(help="The id of a message that this one replaces.")] = "",
    second: Annotated[str, Parameter(help="The second person's name, where there are several.")] = "",
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Hand over a case message: encrypted, signed and durable when this returns. A running node sends it.

    What this hotline's policy reserves to two persons awaits the second one first.

    Example: mce send --home be --to hotline.pt.example --message report.json --attach photo.png
    """
    try:
        text = read_file(message, 8 * limits.CONTENT).decode()
    except UnicodeDecodeError:
        raise UsageError(f"{message} is not text in UTF-8") from None
    content = case.encode(case.from_json(text))
    act = case.check_bytes(content)
    manner = Manner.checked(
        urgent=urgent, deadline_class=_DEADLINES[deadline], supersedes=supersedes, second=second
    )
    with open_desk(common, secret) as opened:
        with progress(common) as told:
            opened.dispatch.check(to, manner)
            encrypted = opened.dispatch.encrypt(content, to, attach, act=act, progress=told)
        header_id = opened.dispatch.send(encrypted, manner)
        sent, running = opened.home.outbox.find(header_id), opened.home.locked
        warned = [text for member in to for text in warnings(opened.follower.state, member)]
        if behind.is_behind(opened.home):
            warned.append(behind.WAITS)
    state = sent.state if sent else "queued"
    where = "The running node sends it." if running else "No node runs: `mce run` sends it."
    if state == "awaiting":
        where = "It awaits its second person, a day at most: `mce approve`."
    text = "".join(f"WARNING {one_line(one)}\n" for one in warned)
    common.say(
        {"id": header_id.hex(), "to": to, "state": state, "node": running, "warnings": warned},
        f"{text}Handed over {header_id.hex()}. {where}",
    )
    return 0


def inbox(
    *,
    all: Annotated[bool, Parameter(name="--all", help="Answered ones too.")] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """List messages that wait for an answer.

    Example: mce inbox --home pt
    """
    with open_home(common, secret) as home, home.database.read():
        table = [_row(home, one) for one in home.inbox.each(None if all else "ready")]
    lines = [
        f"{r['id']}  {r['at']}  {r['sender']}  {r['state']}{'  URGENT' if r['urgent'] else ''}"
        f"  {r['kind']} {r['reason']}"
        for r in table
    ]
    common.say({"messages": table}, "\n".join(lines) or "Nothing waits for an answer.")
    return 0


def _row(home: Home, one: Received) -> dict[str, Any]:
    whole = one.state in ("ready", "acknowledged")
    return {
        "id": one.header_id.hex(),
        "sender": one.sender,
        "state": one.state,
        "reason": one.reason,
        "urgent": one.urgent,
        "at": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(one.at)),
        "kind": _kind(home, one) if whole else "",
    }


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
    with open_home(common, secret) as home, progress(common) as told:
        received = desk.whole(home, id)
        header_id = received.header_id
        body = home.inbox.body(header_id)
        message = case.decode(body.content)
        shown = list(_attachments(home, header_id, body.attachments, save, told))
    if common.json:
        head = {"id": header_id.hex(), "sender": received.sender, "state": received.state}
        common.say({**head, "message": json.loads(case.to_json(message)), "attachments": shown}, "")
        return 0
    text = f"message {header_id.hex()} from {received.sender}\n{case.render(message, locale=locale)}"
    for one in shown:
        text += f"\nattachment {one['number']}: {one_line(str(one['name']))} ({one['size']} bytes)"
        text += f"\nsaved {one_line(str(one['saved']))}" if one["saved"] else ""
    common.say({}, text)
    return 0


def _attachments(
    home: Home, header_id: bytes, infos: tuple[AttachmentInfo, ...], save: Path | None, told: Progress
) -> Iterator[dict[str, object]]:
    for number, one in enumerate(infos):
        path = None
        if save is not None:
            path = save / f"{number + 1}-{safe_name(one.name, number=number + 1)}"
            try:
                save.mkdir(mode=0o700, parents=True, exist_ok=True)
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or "not a folder's name"
                raise UsageError(f"cannot make the folder {save}: {why}") from None
            desk.save(home, desk.attachment(home, header_id, number), path, progress=told)
        yield {
            "number": number + 1,
            "name": one.name,
            "media_type": one.media_type,
            "size": one.size,
            "saved": str(path) if path else None,
        }


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
        found = list(dict.fromkeys(desk.find(home, one, outgoing=False).hex() for one in ids))
        desk.acknowledge(home, found)
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
    with open_desk(common, secret) as opened:
        found = desk.find(opened.home, id, outgoing=False).hex()
        desk.refuse(opened.home, opened.identity, found, code)
    common.say({"refused": found, "reason": reason}, f"Refused {found}.")
    return 0


def _kind(home: Home, one: Received) -> str:
    if not one.readable:
        return "erased"
    kind = case.decode(home.inbox.body(one.header_id).content).kind
    return kind.name if kind else "newer kind"
