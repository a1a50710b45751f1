"""Anchors: the committed checkpoint, frozen with a time and the log's ML-DSA-44 line (SPEC section 9)."""

from mce_exchange.directory.public import PublicState
from mce_exchange.errors import LogError, ProtocolError
from mce_exchange.log.anchor import Anchor, sign_anchor
from mce_relay.sequencer import Group
from mce_relay.store.protocol import Reader
from mce_relay.values import RelayKeys


def freeze(keys: RelayKeys, group: Group) -> bytes:
    """Sign and store an anchor of what is committed, not of what this group adds; the note."""
    note = sign_anchor(
        group.head.checkpoint, time=group.now, ed25519=keys.log_ed25519, ml_dsa_44=keys.log_ml_dsa_44
    )
    group.tx.put_anchor(group.head.size, note)
    return note


def newest(reader: Reader, state: PublicState) -> Anchor | None:
    """The newest stored anchor that holds: what is embedded in Statements is never taken on trust.

    One that is damaged counts as none, so that the next one takes its place.
    """
    note = reader.anchor(0)
    try:
        return state.open_anchor(note) if note else None
    except (ProtocolError, LogError):
        return None
