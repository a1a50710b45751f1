"""`mce witness`: the keys with which this member cosigns anchors, and whether it does (SPEC section 9.3)."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret
from mce_exchange.cli.home import Desk, open_desk
from mce_exchange.client.witnessing import make_witness
from mce_exchange.directory.records import decode_witness
from mce_exchange.keyfile import replace_file
from mce_exchange.primitives.verify import sha256

witness = App(name="witness")


@witness.default
@witness.command
def show(*, common: Common = COMMON, secret: Secret = SECRET) -> int:
    """Show the federation's witnesses, the newest anchor with its quorum, and what this home has cosigned.

    Exit 1 if the Directory names a witness of this member that has lost its keys or its state.

    Example: mce witness show --home be
    """
    with open_desk(common, secret) as desk:
        directory, member = desk.follower.state.directory, desk.identity.member
        living = directory.witnesses(desk.follower.size + 1)
        states = _states(desk)
        kept = desk.home.logbook.witnessed()
        anchor = desk.follower.state.open_anchor(kept[2]) if kept else None
    lost = [one.name for one in living if one.member == member and states.get(one.name) is None]
    table = [{"name": one.name, "member": one.member, "cosigned": states.get(one.name)} for one in living]
    quorum = f"{directory.quorum.k} of {directory.quorum.n}"
    lines = [f"witnesses: {quorum} must cosign"]
    lines += [f"{one.name} of {one.member}" for one in living]
    lines += [f"cosigned here: {name}, up to {size} entries" for name, size in states.items()]
    lines += [
        f"newest anchor with its quorum: {anchor.checkpoint.size} entries, {anchor.text}" if anchor else ""
    ]
    lines += [f"LOST: witness {name} signs nothing more here: `mce witness key --lost`" for name in lost]
    values = {
        "quorum": quorum,
        "witnesses": table,
        "cosigned": states,
        "anchor": anchor.checkpoint.size if anchor else None,
        "lost": lost,
    }
    common.say(values, "\n".join(filter(None, lines)))
    return int(bool(lost))


def _states(desk: Desk) -> dict[str, int]:
    """What each pair of keys held here has cosigned last, unless that is lost."""
    found = {one.name: desk.home.witness.state(one) for one in desk.home.witness.held()}
    return {name: state.size for name, state in found.items() if state is not None}


@witness.command
def key(
    *,
    out: Annotated[Path, Parameter(help="The card, for the federation.")],
    name: Annotated[str, Parameter(help="The witness's name in cosignatures; this member's id.")] = "",
    lost: Annotated[
        bool, Parameter(help="What was cosigned before is not known here any more: those keys sign nothing.")
    ] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Make witness keys; they cosign by themselves as soon as a Directory names them.

    A home that was restored from a backup has lost what it cosigned since: new keys, with --lost.

    Example: mce witness key --home be --out be.witness
    """
    with open_desk(common, secret) as desk:
        card = make_witness(desk.home, desk.identity, desk.follower.state, name, lost=lost)
    replace_file(out, card)
    made, digest = decode_witness(card), sha256(card)
    # What `mce directory show` says to the roots before they sign.
    key_id = sha256(made.ed25519 + made.ml_dsa_44).hex()
    words = fingerprints.words(digest)
    text = f"Made witness keys, {key_id}. Give {out} to the federation, and compare by telephone:"
    values = {"file": str(out), "key": key_id, "fingerprint": digest.hex(), "words": words}
    common.say(values, f"{text}\n{digest.hex()}\n{words}")
    return 0
