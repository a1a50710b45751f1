"""Anchors: the committed checkpoint, frozen with a time, and what witnesses add to it (SPEC section 9.3)."""

from mce_exchange.directory.public import PublicState
from mce_exchange.errors import LogError, ProtocolError
from mce_exchange.log import note as notes
from mce_exchange.log.anchor import SKEW, Anchor, are_both, attach, sign_anchor
from mce_exchange.log.checkpoint import size_of
from mce_relay.hand import serving
from mce_relay.known import Known
from mce_relay.refusals import refusal, refusing
from mce_relay.sequencer import Group
from mce_relay.store.protocol import Reader
from mce_relay.values import RelayKeys


def freeze(keys: RelayKeys, group: Group, known: Known) -> None:
    """Sign and store an anchor of what is committed, not of what this group adds."""
    head = group.head
    keys = serving(keys, head.state.directory, head.size)
    note = sign_anchor(
        head.checkpoint, time=group.now, ed25519=keys.log_ed25519, ml_dsa_44=keys.log_ml_dsa_44
    )
    # Known before it is stored: a copy of the store that lacks it is found out (threat L3).
    known.keep(note)
    _put(group, head.state.open_anchor(note))


def newest(reader: Reader, state: PublicState, *, witnessed: bool = False) -> Anchor | None:
    """The newest stored anchor that holds: what is embedded in Statements is never taken on trust.

    One that is damaged counts as none, so that the next one takes its place.
    """
    note = reader.anchor(0, witnessed=witnessed)
    try:
        return state.open_anchor(note) if note else None
    except (ProtocolError, LogError):
        return None


def cosign(group: Group, *, member: str, size: int, lines: bytes) -> None:
    """Attach the two lines of a member's witness to the anchor of a size; `RefusedError`.

    An older size than the newest is as good: both are of one tree. A repeated cosignature takes the
    place of the one before.
    """
    if group.successor is not None:
        raise refusal("moved", "this relay has given its log away")
    witness = next((one for one in group.state.directory.witnesses(size) if one.member == member), None)
    if witness is None:
        raise refusal("wrong_context", f"no witness of {member} lives at tree size {size}")
    note = group.tx.anchor(size)
    if note is None or size_of(note) != size:
        raise refusal("not_found", f"no anchor of size {size}")
    with refusing():
        given = notes.parse_lines(lines)
    # A line by any other key would be carried along unchecked (threat L2).
    if not are_both(given, witness):
        raise refusal("malformed", f"not one line of each key of witness {witness.name}")
    try:
        anchor = group.state.open_anchor(attach(note, given))
    except LogError as error:
        raise refusal("bad_signature", str(error)) from None
    time = anchor.times[witness.name]
    # One wrong clock moves no median by itself; a time to come would be a false assertion (threat L2).
    if abs(time - group.now) > SKEW:
        raise refusal(
            "wrong_context", f"a cosignature {abs(time - group.now)} seconds from the relay's clock"
        )
    _put(group, anchor)


def _put(group: Group, anchor: Anchor) -> None:
    group.tx.put_anchor(anchor.checkpoint.size, anchor.note, witnessed=anchor.witnessed)
