"""`mce directory …`: the federation's ceremony, by files: roots, genesis, next versions, signatures."""

import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange import limits, wire
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, open_desk
from mce_exchange.directory import compose, trust
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Life, Living
from mce_exchange.directory.records import Bundle, RelayCard, decode_card
from mce_exchange.errors import DirectoryError, UsageError
from mce_exchange.keyfile import read_keyfile, replace_file, write_keyfile
from mce_exchange.keys import PrivateKey, PublicKey
from mce_exchange.primitives.vault import Cost
from mce_exchange.statement import Statement
from mce_exchange.v1 import directory_pb2

directory = App(name="directory", help="The federation's Directory: make, sign, publish.")
_LABEL: Final = b"mce-root"
Out = Annotated[Path, Parameter(help="The file to write.")]
File = Annotated[Path, Parameter(help="A Directory file.")]


def register(app: App) -> None:
    """Add the commands."""
    app.command(directory)


@directory.command
def root(
    *,
    out: Out,
    quick: Annotated[bool, Parameter(negative="", help="Cheap key derivation, for exercises.")] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Make a root key, sealed by a passphrase, and its public half beside it (OUT.pub).

    Example: mce directory root --out root1.key
    """
    if out.exists():
        raise UsageError(f"{out} exists: a root key is never overwritten")
    key = PrivateKey.generate()
    passphrase = secret.read(f"the root key {out}", confirm=True)
    write_keyfile(out, key.seed, passphrase, label=_LABEL, cost=Cost.INTERACTIVE if quick else Cost.MODERATE)
    public = out.with_name(out.name + ".pub")
    replace_file(public, key.public.ed25519 + key.public.ml_dsa_65)
    id_ = key.public.id
    common.say(
        {"key_id": id_.hex(), "words": fingerprints.words(id_), "public": str(public)},
        f"Made {out}. Its id: {id_.hex()}\n{fingerprints.words(id_)}",
    )
    return 0


@directory.command
def genesis(
    *,
    name: Annotated[str, Parameter(help="The network's name for people.")],
    root: Annotated[list[Path], Parameter(help="Public halves of the root keys.")],
    threshold: Annotated[int, Parameter(help="How many roots must sign.")],
    relay_card: Annotated[Path, Parameter(help="From `mce-relay init`.")],
    member_card: Annotated[list[Path], Parameter(help="From `mce card --out`.")],
    out: Out,
    exercise: Annotated[bool, Parameter(negative="", help="Not the real network.")] = False,
    common: Common = COMMON,
) -> int:
    """Write version 1, unsigned. Each root then signs it with `mce directory sign`.

    Example: mce directory genesis --name "Exercise" --root r1.key.pub --threshold 1 --relay-card relay.card
    --member-card be.card --out genesis.directory --exercise
    """
    card = RelayCard.decode(_read(relay_card))
    keys = [_public(_read(path)) for path in root]
    draft = Draft(
        name=name,
        exercise=exercise,
        root_keys=tuple(new_key(key) for key in keys),
        root_threshold=threshold,
        members=tuple(decode_card(_read(path)) for path in member_card),
        relays=(card.relay,),
        log_keys=(Living(value=card.log_key, life=Life(added=0)),),
    )
    bundle = compose.genesis(draft, random=secrets.token_bytes(32), now_minutes=int(time.time() // 60))
    return _written(common, bundle, out)


@directory.command
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
    with open_desk(common, secret, time.time) as desk:
        current = desk.follower.state.directory
    cards = [decode_card(_read(path)) for path in member_card]
    for one in cards:
        if one.id in current.members:
            raise UsageError(f"{one.id} is a member already")
    draft = Draft.of(current)
    draft = replace(draft, members=(*draft.members, *cards))
    bundle = compose.successor(draft, current=current, now_minutes=int(time.time() // 60))
    return _written(common, bundle, out)


@directory.command
def sign(
    file: File,
    *,
    key: Annotated[Path, Parameter(help="A root key of `mce directory root`.")],
    fingerprint: Annotated[str, Parameter(help="The root fingerprint, for all versions but the first.")] = "",
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Add one root's signature to a Directory file, in place. The key never leaves this machine.

    Example: mce directory sign genesis.directory --key root1.key
    """
    private = PrivateKey.from_seed(read_keyfile(key, secret.read(f"the root key {key}"), label=_LABEL))
    bundle = Bundle.decode(_read(file))
    network_id = fingerprints.read_fingerprint(fingerprint) if fingerprint else None
    return _written(common, compose.sign_directory(bundle, private, network_id=network_id), file)


@directory.command
def show(file: File, *, common: Common = COMMON) -> int:
    """Say what a Directory file holds; a genesis that is signed is verified by its own roots.

    Example: mce directory show genesis.directory
    """
    bundle = Bundle.decode(_read(file))
    return _written(common, bundle, None)


@directory.command
def publish(
    file: File,
    *,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Hand a signed next version to the log, through this home's node; anybody may.

    Example: mce directory publish v2.directory --home office
    """
    bundle = Bundle.decode(_read(file))
    body, blocks = compose.body_of(bundle.statement)
    with open_desk(common, secret, time.time) as desk:
        current = desk.follower.state.directory
        # The same judgement as everybody's, before it leaves the house.
        following = trust.open_next(current, bundle, index=max(desk.follower.tree.size, current.index + 1))
        with desk.home.database.write():
            desk.home.publishing.put(Statement("directory", body, blocks), members=bundle.members)
    common.say(
        {"version": following.version}, f"Version {following.version} waits for the node to publish it."
    )
    return 0


def _written(common: Common, bundle: Bundle, out: Path | None) -> int:
    body, blocks = compose.body_of(bundle.statement)
    if out is not None:
        replace_file(out, bundle.encode())
    values: dict[str, object] = {
        "file": str(out) if out else None,
        "signatures": [block.signer.hex() for block in blocks],
        "members": len(bundle.members),
    }
    lines = [f"{len(bundle.members)} members, {len(blocks)} signatures"]
    parsed = wire.parse(directory_pb2.Directory, body, cap=limits.STATEMENT_BODY)
    values["version"] = parsed.version
    lines.append(f"version {parsed.version} of {parsed.name}")
    if parsed.version == 1:
        fingerprint = trust.network_id_of(body)
        values |= {"fingerprint": fingerprint.hex(), "words": fingerprints.words(fingerprint)}
        lines.append(f"root fingerprint: {fingerprint.hex()}\n{fingerprints.words(fingerprint)}")
        try:
            trust.open_genesis(bundle, network_id=fingerprint)
            values["valid"] = True
            lines.append("signed by its threshold of roots")
        except DirectoryError as error:
            values["valid"] = False
            lines.append(str(error))
    common.say(values, "\n".join(lines))
    return 0


def _public(data: bytes) -> PublicKey:
    return PublicKey(data[:32], data[32:])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
