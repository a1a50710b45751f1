"""`mce directory genesis|add|change|show`: what the next version of the Directory says."""

import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret
from mce_exchange.cli.directory.common import (
    File,
    Out,
    chain,
    key_id,
    read,
    read_card,
    read_public,
    read_relay_card,
    read_witness,
    written,
)
from mce_exchange.cli.home import open_desk
from mce_exchange.directory import changes, compose, differences, trust
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Act, Directory, Life, Living, Status
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import UsageError
from mce_exchange.statement import DIRECTORY, Statement


def genesis(
    *,
    name: Annotated[str, Parameter(help="The network's name for people.")],
    root: Annotated[list[Path], Parameter(help="Public halves of the root keys.")],
    threshold: Annotated[int, Parameter(help="How many roots must sign.")],
    relay_card: Annotated[Path, Parameter(help="From `mce-relay init`.")],
    member_card: Annotated[list[Path], Parameter(help="From `mce card --out`.")],
    out: Out,
    exercise: Annotated[bool, Parameter(help="Not the real network.")] = False,
    common: Common = COMMON,
) -> int:
    """Write version 1, unsigned. Each root then signs it with `mce directory sign`.

    Example: mce directory genesis --name "Exercise" --root r1.key.pub --threshold 1 --relay-card relay.card
    --member-card be.card --out genesis.directory --exercise
    """
    card = read_relay_card(relay_card)
    if not 1 <= threshold <= len(root):
        raise UsageError(f"a threshold of {threshold} for {len(root)} root keys")
    draft = Draft(
        name=name,
        exercise=exercise,
        root_keys=tuple(new_key(read_public(path)) for path in root),
        root_threshold=threshold,
        members=tuple(read_card(path) for path in member_card),
        relays=(card.relay,),
        log_keys=(Living(value=card.log_key, life=Life(added=0)),),
    )
    bundle = compose.genesis(draft, random=secrets.token_bytes(32), now_minutes=_now())
    return written(common, bundle, out)


def add(
    *,
    member_card: Annotated[list[Path], Parameter(help="Cards of members to enter.")],
    out: Out,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the next version with further members, unsigned, on top of the one this home follows.

    Example: mce directory add --home office --member-card fr.card --out v2.directory
    """
    state = _followed(common, secret)
    draft, decided = changes.carried(state)
    for path in member_card:
        draft = changes.enter(draft, read_card(path))
    return _next(common, state, draft, out, decided)


def change(
    *,
    renew: Annotated[list[Path] | None, Parameter(help="New cards of members: keys not on them end.")] = None,
    leave: Annotated[list[str] | None, Parameter(help="Members that go.")] = None,
    suspend: Annotated[list[str] | None, Parameter(help="Members held back from here on.")] = None,
    resume: Annotated[list[str] | None, Parameter(help="Members that take part again.")] = None,
    two_persons: Annotated[
        list[str] | None, Parameter(help="MEMBER:ACT,ACT - acts that need two persons; MEMBER: for none.")
    ] = None,
    new_root: Annotated[list[Path] | None, Parameter(help="Public halves of roots that come.")] = None,
    end_root: Annotated[list[str] | None, Parameter(help="Key ids of roots that go, whole.")] = None,
    threshold: Annotated[int, Parameter(help="How many roots must sign from here on; 0: as before.")] = 0,
    relay_card: Annotated[
        Path | None, Parameter(help="The relay that goes on with the log, with its keys, after all others.")
    ] = None,
    witness: Annotated[
        list[Path] | None, Parameter(help="Cards of `mce witness key`; each in place of its member's before.")
    ] = None,
    end_witness: Annotated[list[str] | None, Parameter(help="Names of witnesses that go.")] = None,
    quorum: Annotated[
        int | None, Parameter(help="How many of all witnesses must cosign an anchor; 0: nobody witnesses.")
    ] = None,
    close: Annotated[bool, Parameter(negative="", help="The last version: the log ends with it.")] = False,
    goes_on_in: Annotated[
        str, Parameter(help="With --close: the root fingerprint of the next network.")
    ] = "",
    out: Out,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the next version, unsigned, on top of the one this home follows, and say what changes.

    Old and new thresholds sign it. Nothing is forgotten: what ends keeps its record.

    Example: mce directory change --home office --new-root r4.key.pub --end-root 1f0c... --out v3.directory
    """
    state = _followed(common, secret)
    version = state.directory.version + 1
    draft, decided = changes.carried(state)
    for path in renew or ():
        draft = changes.renew(draft, read_card(path), version=version)
    for member in leave or ():
        draft = changes.leave(draft, member, version=version)
    for member in suspend or ():
        draft = changes.set_status(draft, member, Status.SUSPENDED)
    for member in resume or ():
        draft = changes.set_status(draft, member, Status.ACTIVE)
        if member in state.suspended:
            lifted = (*draft.lifted_suspensions, state.suspended[member].id)
            draft = replace(draft, lifted_suspensions=lifted)
    for rule in two_persons or ():
        member, _, acts = rule.partition(":")
        draft = changes.set_policy(draft, member, _acts(acts))
    if new_root or end_root or threshold:
        draft = changes.rotate_roots(
            draft,
            add=[read_public(path) for path in new_root or ()],
            end=[key_id(one) for one in end_root or ()],
            threshold=threshold,
            version=version,
        )
    if relay_card is not None:
        draft = changes.succeed_relay(draft, read_relay_card(relay_card), version=version)
    draft = changes.set_witnesses(
        draft,
        add=[read_witness(path) for path in witness or ()],
        end=end_witness or (),
        quorum=quorum,
        version=version,
    )
    if goes_on_in and not close:
        raise UsageError("only a log that ends goes on in another network", remedy="give --close too")
    if close:
        draft = changes.close(draft, fingerprints.read_fingerprint(goes_on_in) if goes_on_in else b"")
    return _next(common, state, draft, out, decided)


def show(
    file: File,
    *,
    after: Annotated[
        list[Path] | None, Parameter(help="Directory files from version 1 to the one before, in order.")
    ] = None,
    fingerprint: Annotated[str, Parameter(help="The root fingerprint; needed with --after.")] = "",
    common: Common = COMMON,
) -> int:
    """Say what a Directory file holds; with the versions before it, verify it and say what it changes.

    Example: mce directory show v2.directory --after genesis.directory --fingerprint "24 words ..."
    """
    bundle = Bundle.decode(read(file))
    if not after:
        return written(common, bundle, None)
    pinned = fingerprints.read_fingerprint(fingerprint)
    before = chain(after, pinned=pinned)
    return written(common, bundle, None, _told(before, bundle))


def _followed(common: Common, secret: Secret) -> PublicState:
    with open_desk(common, secret) as desk:
        return desk.follower.state


def _next(common: Common, state: PublicState, draft: Draft, out: Path, decided: list[str]) -> int:
    bundle = compose.successor(draft, current=state.directory, now_minutes=_now())
    told = [*decided, *_told(state.directory, bundle)]
    if not told:
        raise UsageError("nothing would change", remedy="`mce directory change --help` lists what can")
    return written(common, bundle, out, told)


def _told(before: Directory, bundle: Bundle) -> list[str]:
    body, blocks = compose.body_of(bundle.statement)
    after = trust.preview(before, Statement(DIRECTORY, body, blocks), bundle.members)
    return differences.between(before, after)


def _acts(text: str) -> list[Act]:
    names = [one.strip().upper().replace("-", "_") for one in text.split(",") if one.strip()]
    try:
        return [Act[name] for name in names]
    except KeyError:
        known = ", ".join(act.name.lower().replace("_", "-") for act in Act)
        raise UsageError(f"an act that is none of {known}") from None


def _now() -> int:
    return int(time.time() // 60)
