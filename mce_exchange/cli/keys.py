"""`mce key`: the life of every key, and how keys change hands in the open (SPEC sections 8.3 to 8.7)."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, read_file
from mce_exchange.cli.directory.common import read_public
from mce_exchange.cli.home import Desk, open_desk
from mce_exchange.client import door as doors
from mce_exchange.client import keeping
from mce_exchange.errors import LimitError, MalformedError, UsageError
from mce_exchange.hotline.changing import Reason
from mce_exchange.hotline.lives import KeyLife, warnings
from mce_exchange.keyfile import replace_file
from mce_exchange.log.checkpoint import size_of
from mce_exchange.primitives.verify import sha256
from mce_exchange.statement import Statement
from mce_exchange.text import one_line
from mce_exchange.v1 import statement_pb2

key = App(name="key")
ReasonName = Literal["compromised", "lost", "left"]
Before = Annotated[
    str,
    Parameter(
        help="Since when what it signed is in doubt, as 2026-03-01 or 2026-03-01T14:30 (UTC): not to come,"
        " not before the key began. Without it: since the newest anchor."
    ),
]


@key.default
@key.command(name="list")
def show(
    member: Annotated[str, Parameter(help="Whose; without it, this home's own.")] = "",
    *,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Show the whole life of every key of a member, with who contests it; exit 1 if somebody does.

    Made, in the log since an entry and a Directory's version, ended or revoked with its cut, contested,
    given by a board; of this home's own also what is in use and what is destroyed.

    Example: mce key list --home be
    """
    with open_desk(common, secret) as desk:
        state, who = desk.follower.state, member or desk.identity.member
        if who != desk.identity.member and who not in state.directory.members:
            raise UsageError(f"{who!r} is no member in Directory version {state.directory.version}")
        own, found = who == desk.identity.member, _lives(desk, who)
        if own:
            found += keeping.made_here(desk.home, desk.identity, state)
        table = [_row(desk, one, own=own) for one in found]
        warned = warnings(state, who)
    as_of = {"version": state.directory.version, "log_size": state.size}
    lines = [f"keys of {who} as of Directory version {state.directory.version}, log size {state.size}"]
    lines += [_line(row) for row in table]
    lines += [f"WARNING {one}" for one in warned]
    common.say({"member": who, "as_of": as_of, "keys": table, "warnings": warned}, "\n".join(lines))
    return int(any(row["contested"] for row in table))


def _lives(desk: Desk, who: str) -> list[KeyLife]:
    return keeping.lives_of(desk.home, desk.follower.state, who)


def _row(desk: Desk, one: KeyLife, *, own: bool) -> dict[str, Any]:
    secrets, held = desk.home.secrets, None
    if own and one.kind == "signing":
        held = one.id in secrets.signing_ids()
    elif own and one.kind == "prekey":
        held = bool(secrets.names(f"prekey/{one.id.hex()}"))
    state = "destroyed" if one.state == "followed" and held is False else one.state
    return {
        "kind": one.kind,
        "id": one.id.hex(),
        "state": state,
        "in_use": own and one.kind == "signing" and one.id in desk.identity.author.signers,
        "held": held,
        "since_version": one.version or None,
        "since_index": None if one.state == "made" else one.since,
        "end_version": one.end_version or None,
        "end_index": one.until or None,
        "cut": one.cut if one.state == "revoked" else None,
        "contested": list(one.contested),
        "by_board": one.by_board,
        "person": one.person or None,
        "destroyed": own and one.kind == "prekey" and not held and state != "lives",
        # What a peer compares by telephone before it wraps an old message for this one (SPEC section 9.5).
        "words": fingerprints.words(one.id) if one.kind == "prekey" and state == "lives" else None,
    }


def _line(row: dict[str, Any]) -> str:
    text = f"{row['kind']} {row['id']}: {row['state']}"
    text += (
        f", since entry {row['since_index']}" if row["since_index"] is not None else ", not in the log yet"
    )
    text += f" (version {row['since_version']})" if row["since_version"] else ""
    text += f", until entry {row['end_index']}" if row["end_index"] else ""
    text += f" (version {row['end_version']})" if row["end_version"] else ""
    text += f", disputed from entry {row['cut']}" if row["cut"] is not None else ""
    text += ", given by its board" if row["by_board"] else ""
    text += f", of another person: {one_line(row['person'])}" if row["person"] else ""
    text += ", in use here" if row["in_use"] else ""
    text += ", its private half is destroyed" if row["destroyed"] else ""
    text += f", CONTESTED by {', '.join(row['contested'])}" if row["contested"] else ""
    return text + (f"\n  {row['words']}" if row["words"] else "")


@key.command
def new(
    *,
    out: Annotated[Path, Parameter(help="The card that lists old and new keys, for the federation.")],
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Make the next signing key. It is used by itself as soon as a Directory has it.

    Example: mce key new --home be --out be.card
    """
    with open_desk(common, secret) as desk:
        key_id, card = keeping.make_key(desk.home, desk.identity, desk.follower.state)
    return _carded(common, card, out, f"Made key {key_id.hex()}.", key_id)


@key.command
def add(
    file: Annotated[Path, Parameter(help="The public half of a second person's key: a file ending in .pub.")],
    *,
    name: Annotated[str, Parameter(help="Whose it is: everybody reads it, and she is told apart by it.")],
    out: Annotated[Path, Parameter(help="The card that lists it, for the federation.")],
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the card with a second person's key. Once entered, she signs what takes two persons.

    Example: mce key add second.key.pub --name "Head of the night desk" --home be --out be.card
    """
    public = read_public(file)
    with open_desk(common, secret) as desk:
        card = keeping.add_person(desk.home, desk.identity, desk.follower.state, public, name=name)
    return _carded(common, card, out, f"Key {public.id.hex()} of {one_line(name)} is on the card.", public.id)


@key.command
def retire(
    id: Annotated[str, Parameter(help="The key's id, or its first letters.")],
    *,
    out: Annotated[Path, Parameter(help="The card without it, for the federation.")],
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the card without a key: what it signed stays valid, it signs nothing more once entered.

    Example: mce key retire 1f0c --home be --out be.card
    """
    with open_desk(common, secret) as desk:
        key_id = _find(desk, id)
        card = keeping.retire_key(desk.home, desk.identity, desk.follower.state, key_id)
    return _carded(common, card, out, f"Key {key_id.hex()} is not on the new card.", key_id)


def _carded(common: Common, card: bytes, out: Path, text: str, key_id: bytes) -> int:
    replace_file(out, card)
    digest = sha256(card)
    words = fingerprints.words(digest)
    text += f" Give {out} to the federation, and compare by telephone:\n{digest.hex()}\n{words}"
    common.say({"key_id": key_id.hex(), "file": str(out), "fingerprint": digest.hex(), "words": words}, text)
    return 0


@key.command
def revoke(
    id: Annotated[str, Parameter(help="The key's id, or its first letters.")],
    *,
    reason: Annotated[ReasonName, Parameter(help="Why; everybody reads it.")],
    before: Before = "",
    out: Annotated[Path | None, Parameter(help="Also a file, that others take with `mce key take`.")] = None,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Revoke a key: it counts no more, here at once, elsewhere as soon as they have log or file.

    What it signed before the cut stays valid. What it signed from there up to the revocation's own entry in
    the log stays delivered, and is disputed: everybody who got it is told. --before reaches back 30 days by
    the log's clock; only the federation's roots together go further.

    Example: mce key revoke 1f0c --reason compromised --home be --out be.revocation
    """
    then = read_date(before) if before else None
    with open_desk(common, secret) as desk:
        key_id = _find(desk, id)
        made = keeping.revoke_key(
            desk.home,
            desk.identity,
            desk.follower.state,
            key_id,
            reason=Reason[reason.upper()],
            before=then,
        )
    cut = size_of(statement_pb2.Revocation.FromString(made.body).cut)
    text = f"Revoked {key_id.hex()}. What it signed from entry {cut} on is disputed."
    return _queued(common, made, out, text)


@key.command
def take(
    file: Annotated[Path, Parameter(help="A revocation, suspension or contest, as its author wrote it.")],
    *,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Take a public Statement from a file: a revocation counts here at once, and all go on to the log.

    Example: mce key take be.revocation --home pt
    """
    raw = read_file(file, limits.STATEMENT)
    try:
        statements.decode(raw)
    except (MalformedError, LimitError):
        raise UsageError(
            f"{file} is no signed Statement", remedy="give the file that its author's command wrote"
        ) from None
    with open_desk(common, secret) as desk:
        taken = keeping.take(desk.home, desk.identity, desk.follower.state, raw)
    return _queued(common, taken, None, f"Took a {taken.type}.")


@key.command
def door(
    *,
    out: Annotated[Path | None, Parameter(help="Also a file, that others take with `mce key take`.")] = None,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Exchange the key of this home's door. The node goes over to it by itself, and the old one ends.

    A backup from before holds the old key, which opens no door then: make another one.

    Example: mce key door --home be
    """
    with open_desk(common, secret) as desk:
        made = doors.exchange(desk.home, desk.identity, desk.follower.state)
    text = "Made another door. Back up once the node has gone over to it: an older backup stays outside."
    return _queued(common, made, out, text)


@key.command
def contest(
    index: Annotated[int, Parameter(help="The log index that the alarm names.")],
    *,
    out: Annotated[Path | None, Parameter(help="Also a file, that others take with `mce key take`.")] = None,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Say, signed and to everybody, that a change in this member's name was not made here.

    Example: mce key contest 4711 --home be
    """
    with open_desk(common, secret) as desk:
        made = keeping.contest(desk.home, desk.identity, index)
    return _queued(common, made, out, f"Contested entry {index}.")


def _queued(common: Common, made: Statement, out: Path | None, text: str) -> int:
    if out is not None:
        replace_file(out, made.raw)
        text += f" Wrote {out}."
    common.say(
        {"type": made.type, "file": str(out) if out else None}, f"{text} The node hands it to the log."
    )
    return 0


def _find(desk: Desk, text: str) -> bytes:
    ids = {one.id for one in _lives(desk, desk.identity.member) if one.kind == "signing"}
    ids |= set(desk.home.secrets.signing_ids())
    found = [one for one in ids if text and one.hex().startswith(text.lower())]
    if len(found) != 1:
        many = "several keys have" if found else "no signing key of this member has"
        raise UsageError(f"{many} an id that begins with {text!r}", remedy="`mce key list` shows them")
    return found[0]


def read_date(text: str) -> int:
    """POSIX seconds of a minute or a day's beginning, UTC; `UsageError`, also for one that has not come."""
    form = "%Y-%m-%dT%H:%M" if "T" in text else "%Y-%m-%d"
    try:
        then = int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise UsageError(f"{text!r} is no time as 2026-03-01 or 2026-03-01T14:30") from None
    if then > time.time():
        raise UsageError(f"{text} has not come yet")
    return then
