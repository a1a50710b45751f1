"""Evidence of messages from what a home holds of the log; no network is asked (SPEC section 12)."""

from collections.abc import Iterable, Iterator, Sequence

from mce_exchange.audit.build import Disclosure, Piece, build
from mce_exchange.client import desk
from mce_exchange.client.identity import Identity
from mce_exchange.errors import UsageError
from mce_exchange.hotline.follow import Follower
from mce_exchange.store.home import Home

# What a verdict stands on: prekeys and doors say nothing about who signed a message.
_JUDGING = ("directory", "revocation", "suspension", "board-recovery", "contest")


def evidence_of(
    home: Home,
    identity: Identity,
    follower: Follower,
    ids: Sequence[str],
    *,
    disclosures: Iterable[Disclosure] = (),
) -> Iterator[bytes]:
    """The file, record by record. `UsageError` for an unknown id, or while no anchor covers it yet."""
    note = home.logbook.anchor()
    anchor = follower.state.open_anchor(note) if note else None
    if note is None or anchor is None or anchor.checkpoint.size > follower.size:
        raise UsageError("no anchor has come yet", remedy="let the node run until the relay's next anchor")
    found = {one.index: one for one in home.logbook.public(_JUDGING) if one.index < anchor.checkpoint.size}
    clocks = list(home.logbook.public(("clock",)))
    for taken in [one for one in found.values() if one.type in ("revocation", "board-recovery")]:
        # How old a cut is, is judged by the log's clock: 30 days of it, two entries a day at most.
        below = [one for one in clocks if one.index < taken.index]
        found.update({one.index: one for one in below[-62:]})
    for id_ in ids:
        about = list(home.logbook.about(desk.find_logged(home, id_)))
        if not about:
            raise UsageError(f"message {id_} is not in the log yet")
        found.update({one.index: one for one in about})
    pieces = [Piece(one.index, one.raw, one.members) for one in found.values()]
    return build(
        pieces,
        network_id=identity.network_id,
        tree=follower.tree,
        anchor=note,
        anchor_size=anchor.checkpoint.size,
        disclosures=disclosures,
    )
