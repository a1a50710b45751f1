"""`mce second`, `mce approvals`, `mce approve`, `mce cosign`: what takes two persons (SPEC section 8.1)."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from mce_exchange import case, limits
from mce_exchange import fingerprint as fingerprints
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, read_file
from mce_exchange.cli.directory.common import Out
from mce_exchange.cli.directory.roots import key_made
from mce_exchange.cli.home import open_desk
from mce_exchange.client import approving, carrying, desk
from mce_exchange.client.approving import Approval
from mce_exchange.errors import UsageError
from mce_exchange.keyfile import replace_file
from mce_exchange.passphrase import PassphraseFrom, passphrase_from
from mce_exchange.sealing import AttachmentInfo
from mce_exchange.text import one_line


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class KeySecret:
    """Where the passphrase of the second person's key comes from; without any of these it is asked for."""

    key_passphrase_file: Annotated[Path | None, Parameter(help="Read the key's passphrase here.")] = None
    key_passphrase_fd: Annotated[int | None, Parameter(help="Read it from this file descriptor.")] = None
    key_passphrase_credential: Annotated[
        str | None, Parameter(help="Read it from this systemd credential.")
    ] = None

    def source(self) -> PassphraseFrom:
        """The one that was named."""
        return passphrase_from(
            self.key_passphrase_file, self.key_passphrase_fd, self.key_passphrase_credential
        )


_KEY = KeySecret()
_SIGN = "Sign it as the second person?"
_NOT_SIGNED = "What lies here is not what was signed: reject it, and look who was at this desk."


def second(
    *,
    out: Out,
    quick: Annotated[bool, Parameter(help="Cheap key derivation, for exercises.")] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Make a second person's key, sealed by a passphrase of its own, and its public half (OUT.pub).

    On a machine of that person's, never in a home: `mce key add` puts the public half on the hotline's card.

    Example: mce second --out second.key
    """
    if (out.resolve().parent / "home.key").exists():
        raise UsageError(
            f"{out.parent} is a home: whoever holds it would hold both persons",
            remedy="choose another place, best one that is carried away",
        )
    return key_made(common, secret, out, "second person's key", label=approving.SECOND_LABEL, quick=quick)


def approvals(*, common: Common = COMMON, secret: Secret = SECRET) -> int:
    """List what awaits a second person; exit 1 if anything does.

    Example: mce approvals --home be
    """
    with open_desk(common, secret) as opened:
        found = approving.approvals(opened.home, opened.follower.state)
    lines = [_line(one) for one in found]
    common.say({"approvals": [_values(one) for one in found]}, "\n".join(lines) or "Nothing awaits approval.")
    return int(bool(found))


def approve(
    id: Annotated[str, Parameter(help="The message's id, or its first letters.")],
    *,
    key: Annotated[Path | None, Parameter(help="The second person's key file.")] = None,
    out: Annotated[Path | None, Parameter(help="Write a file to sign elsewhere: `mce cosign`.")] = None,
    signed: Annotated[Path | None, Parameter(help="Take the file that she signed elsewhere.")] = None,
    reject: Annotated[bool, Parameter(help="Say no: it goes nowhere, and its numbers are void.")] = False,
    yes: Annotated[bool, Parameter(help="Ask nothing: for scripts.")] = False,
    locale: Annotated[str, Parameter(help="The language of labels, as en or pt.")] = "en",
    common: Common = COMMON,
    secret: Secret = SECRET,
    key_secret: KeySecret = _KEY,
) -> int:
    """Show a message that awaits a second person, ask her, and add her signature. The node then sends it.

    By her key here; or by files, so that her key stays on a machine of hers: --out, `mce cosign`, --signed.

    Example: mce approve 1f0c --home be --key second.key
    """
    if [key is not None, out is not None, signed is not None, reject].count(True) != 1:
        raise UsageError("approve with one of --key, --out, --signed, or --reject")
    with open_desk(common, secret) as opened:
        home, identity, state = opened.home, opened.identity, opened.follower.state
        header_id = desk.find(home, id, outgoing=True)
        one = approving.approval(home, state, header_id)
        if out is not None:
            replace_file(out, carrying.write(home, identity, header_id))
            text = f"Wrote {out}: it holds the message in the clear. Carry it by hand, then destroy it."
            common.say({"file": str(out), **_values(one)}, text)
            return 0
        if not common.json:
            shown = case.render(one.message, locale=locale) if one.message else _NOT_SIGNED
            common.say({}, f"{_line(one)}\n{shown}{_attached(one.attachments)}")
        now = int(time.time())
        if signed is not None:
            # She was asked where she signed.
            raw = read_file(signed, limits.STATEMENT)
            if approving.signed_by(raw).id(identity.network_id) != header_id:
                raise UsageError(f"{signed} is of another message")
            approving.take(home, identity, state, raw, now=now)
        elif key is None:
            _confirm("Reject it?", common, yes=yes)
            approving.reject(home, identity, header_id, now=now)
        else:
            _confirm(_SIGN, common, yes=yes)
            private = approving.read_second(key, key_secret.source().read(f"the key {key}"))
            approving.approve(home, identity, state, header_id, private, now=now)
        running = home.locked
    done = "Rejected" if reject else "Approved"
    where = "The running node sends it." if running else "No node runs: `mce run` sends it."
    common.say(
        {"id": one.id, "approved": not reject, "node": running, **_values(one)},
        f"{done} {one.id}. {'' if reject else where}",
    )
    return 0


def cosign(
    file: Annotated[Path, Parameter(help="The file that `mce approve --out` wrote.")],
    *,
    key: Annotated[Path, Parameter(help="The second person's key file.")],
    out: Out,
    yes: Annotated[bool, Parameter(help="Ask nothing: for scripts.")] = False,
    locale: Annotated[str, Parameter(help="The language of labels, as en or pt.")] = "en",
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Show what awaits the second person, ask her, and sign it on a machine of hers, without a home.

    Example: mce cosign be.request --key second.key --out be.signed
    """
    request = carrying.read(read_file(file, carrying.MOST))
    core = request.header.core
    to = [one.member for one in core.recipients]
    if not common.json:
        text = f"message {request.id.hex()} of {core.sender}\n  to {', '.join(to)}"
        text += f"{'  URGENT' if core.urgent else ''}\n  in {fingerprints.words(request.network_id)}\n"
        text += case.render(request.message, locale=locale) + _attached(request.attachments)
        common.say({}, text)
    _confirm(_SIGN, common, yes=yes)
    private = approving.read_second(key, secret.read(f"the key {key}"))
    replace_file(out, carrying.sign(request, private))
    common.say(
        {"id": request.id.hex(), "sender": core.sender, "to": to, "urgent": core.urgent, "file": str(out)},
        f"Wrote {out}: take it to the desk, `mce approve --signed`.",
    )
    return 0


def _confirm(question: str, common: Common, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("no terminal to ask at", remedy="a script says --yes, and decides before")
    if common.json:
        # Nobody is asked about what she was not shown.
        raise UsageError("--json shows nobody what to decide", remedy="leave --json out, or say --yes")
    try:
        answer = input(f"{question} Type yes: ")
    except (EOFError, ValueError):
        answer = ""
    if answer.strip() != "yes":
        raise UsageError("not confirmed; nothing was done")


def _line(one: Approval) -> str:
    until = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(one.until))
    kind = one.message.kind.name if one.message and one.message.kind else "newer kind"
    return (
        f"{one.id}  to {', '.join(one.recipients)}{'  URGENT' if one.urgent else ''}  {kind}\n"
        f"  awaits {one_line(one.person) or one.key_id[:16]} until {until}"
    )


def _values(one: Approval) -> dict[str, Any]:
    return {
        "id": one.id,
        "to": one.recipients,
        "urgent": one.urgent,
        "person": one.person,
        "key_id": one.key_id,
        "at": one.at,
        "until": one.until,
        "message": json.loads(case.to_json(one.message)) if one.message else None,
        "attachments": [
            {"name": info.name, "media_type": info.media_type, "size": info.size} for info in one.attachments
        ],
    }


def _attached(attachments: Sequence[AttachmentInfo]) -> str:
    return "".join(
        f"\nattachment {number}: {one_line(info.name)} ({info.size} bytes)"
        for number, info in enumerate(attachments, 1)
    )
