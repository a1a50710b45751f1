"""This member's witness, if the Directory names one: it cosigns what it has followed (SPEC section 9.3).

Runs on the home's thread. Whatever is wrong stops the cosigning and raises an alarm, and nothing else.
"""

from mce_exchange.client.identity import Identity
from mce_exchange.client.record import Record
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import encode_witness
from mce_exchange.errors import ForkError, LogError, MceError, UsageError
from mce_exchange.hotline.follow import Follower
from mce_exchange.log.anchor import SKEW, Anchor, Cosigner
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.primitives.verify import equal
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home
from mce_exchange.store.witness import State

_NEW_KEY = "make new keys and give their card to the federation: `mce witness key --lost`"


def make_witness(
    home: Home, identity: Identity, state: PublicState, name: str = "", *, lost: bool = False
) -> bytes:
    """New keys, kept, and their card for the federation; those that the Directory names sign on meanwhile.

    `lost`: none of the keys before sign anything more, at once. Their name is the member's id by default.
    """
    made = Cosigner(
        name=name or identity.member,
        member=identity.member,
        ed25519=Ed25519Key.generate(),
        ml_dsa_44=MlDsa44Key.generate(),
    )
    card = encode_witness(made.public)
    named = () if lost else state.directory.witnesses(state.size + 1)
    with home.database.write():
        for one in home.witness.held():
            if one.public not in named:
                home.witness.destroy(one)
        home.witness.put(made)
    return card


class Witnessing:
    """Of several pairs of keys the one signs that the Directory names for the anchor's size."""

    def __init__(self, record: Record, follower: Follower) -> None:
        self._record = record
        self._home = record.home
        self._follower = follower

    def lines(self, note: bytes, other: bytes | None = None) -> tuple[int, bytes] | None:
        """Size and lines to hand in for the relay's newest anchor; None if there is nothing to sign.

        `other` is an anchor that the relay shows as well: it, too, may bear a cosignature of ours.
        """
        anchor = self._follower.state.open_anchor(note)
        cosigner = self._mine(anchor)
        if cosigner is None or anchor.checkpoint.size > self._follower.tree.size:
            return None
        shown = [anchor] if other is None else [anchor, self._follower.state.open_anchor(other)]
        try:
            # Read, judged and written in one transaction: no other process signs in between (threat L2).
            with self._home.database.write():
                before = self._home.witness.state(cosigner)
                check(before, cosigner.name, anchor, shown, self._follower, now=self._record.now)
                if cosigner.name in anchor.times:
                    return None
                self._home.witness.advance(cosigner, anchor.checkpoint, note)
        except (LogError, UsageError) as error:
            self._stopped(cosigner.name, error)
            return None
        # The state is on disk; from here on a crash costs a signature, and never one that is forgotten.
        return anchor.checkpoint.size, cosigner.lines(note, time=self._record.now)

    def _mine(self, anchor: Anchor) -> Cosigner | None:
        named = self._follower.state.directory.witnesses(anchor.checkpoint.size)
        ours = [one for one in named if one.member == self._record.me]
        if not ours:
            return None
        found = next((one for one in self._home.witness.held() if one.public in ours), None)
        if found is None:
            self._stopped(ours[0].name, UsageError("its keys are not in this home", remedy=_NEW_KEY))
        return found

    def _stopped(self, name: str, error: MceError) -> None:
        text = f"witness {name} does not cosign: {error}; {error.remedy}"
        notes = error.notes if isinstance(error, ForkError) else ()
        kind = Alarm.FORK if notes else Alarm.WITNESS_STOPPED
        with self._home.database.write():
            self._record.alarm(kind, f"witness {name}: {error}", text, notes=notes)


def check(
    state: State | None, name: str, anchor: Anchor, shown: list[Anchor], follower: Follower, *, now: int
) -> None:
    """Raise unless a witness in this state may cosign the anchor (SPEC section 9.3, points 2 and 3).

    The log has been followed to the anchor's size, so its tree is compared: no proof says more.
    """
    tree, new = follower.tree, anchor.checkpoint
    if state is None or any(name in one.times and one.checkpoint.size > state.size for one in shown):
        raise UsageError("what it has cosigned is not known here any more", remedy=_NEW_KEY)
    if new.size < state.size:
        raise LogError(f"an anchor of {new.size} entries, after one of {state.size}")
    if not equal(tree.root(new.size), new.root) or not equal(tree.root(state.size), state.root):
        raise ForkError(
            f"the log is not the one cosigned at {state.size} entries",
            notes=(state.note or anchor.note, anchor.note),
        )
    if anchor.frozen > now + SKEW:
        raise UsageError(
            f"the log's time is {anchor.frozen - now} seconds ahead of this machine's clock",
            remedy="set the clock; if it is right, tell the federation about its relay's",
        )
