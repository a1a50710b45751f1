"""Evidence of messages from what a home holds of the log; no network is asked (SPEC section 12)."""

from collections.abc import Iterable, Iterator, Sequence

from mce_exchange.audit.build import Disclosure, Piece, build
from mce_exchange.client import desk
from mce_exchange.client.identity import Identity
from mce_exchange.errors import UsageError
from mce_exchange.hotline.follow import Follower
from mce_exchange.store.home import Home
from mce_exchange.store.logbook import Logged

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
    asked = {}
    for id_ in ids:
        about = list(home.logbook.about(desk.find_logged(home, id_)))
        if not about:
            raise UsageError(f"message {id_} is not in the log yet")
        asked.update({one.index: one for one in about})
    note, size = covering_anchor(home, follower, max(asked, default=0))
    found = {one.index: one for one in judging(home, size)} | asked
    pieces = [Piece(one.index, one.raw, one.members) for _, one in sorted(found.items())]
    return build(
        pieces,
        network_id=identity.network_id,
        tree=follower.tree,
        anchor=note,
        anchor_size=size,
        disclosures=disclosures,
    )


def covering_anchor(home: Home, follower: Follower, index: int) -> tuple[bytes, int]:
    """Note and size of the newest anchor that had its quorum, if it covers an entry; else of the newest.

    `UsageError` if no anchor has come yet.
    """
    kept = home.logbook.witnessed()
    note = kept[2] if kept and kept[0] > index else home.logbook.anchor()
    size = follower.state.open_anchor(note).checkpoint.size if note else 0
    if note is None or size > follower.size:
        raise UsageError("no anchor has come yet", remedy="let the node run until the relay's next anchor")
    return note, size


def judging(home: Home, size: int) -> Iterator[Logged]:
    """What every verdict below a tree size stands on, in log order."""
    found = {one.index: one for one in home.logbook.public(_JUDGING) if one.index < size}
    clocks = list(home.logbook.public(("clock",)))
    for taken in [one for one in found.values() if one.type in ("revocation", "board-recovery")]:
        # How old a cut is, is judged by the log's clock: 30 days of it, two entries a day at most.
        below = [one for one in clocks if one.index < taken.index]
        found.update({one.index: one for one in below[-62:]})
    return (one for _, one in sorted(found.items()))
