"""Prekeys: which to send to, when the next is due, when a private half must go (promise 8, SPEC 9)."""

from itertools import pairwise
from typing import Final

from mce_exchange.directory.known import Prekey
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import UsageError

_AHEAD_MINUTES: Final = 24 * 60
GRACE_DAYS: Final = 30
_DRAIN_MINUTES: Final = 7 * 24 * 60


def to_send(state: PublicState, member: str, *, now_minutes: int) -> Prekey:
    """The newest logged prekey of a recipient, up to 30 days past its nominal end.

    `UsageError` says that a person has to telephone: nothing else would be safe.
    """
    telephone = f"telephone {member}: {phone(state, member)}"
    if state.directory.closed:
        raise UsageError("the federation has ended this log: nothing more is sent in it", remedy=telephone)
    if not state.takes_part(member):
        raise UsageError(f"{member} takes no part in this network now", remedy=telephone)
    newest = state.prekey(member)
    if newest is None:
        raise UsageError(f"{member} has published no prekey", remedy=telephone)
    if now_minutes > newest.nominal_end_minutes + GRACE_DAYS * 24 * 60:
        raise UsageError(f"{member}'s newest prekey ended more than 30 days ago", remedy=telephone)
    return newest


def due(state: PublicState, me: str, *, now_minutes: int) -> bool:
    """Whether our next prekey has to be published: a day before the newest ends."""
    newest = state.prekey(me)
    if state.directory.closed:
        return False
    return newest is None or now_minutes >= newest.nominal_end_minutes - _AHEAD_MINUTES


def to_destroy(state: PublicState, me: str, *, now_minutes: int) -> list[Prekey]:
    """Ours whose private halves must go: a successor is logged, all below it followed, seven days ago.

    The caller has followed the log up to `state.size` and holds nothing unopened from before.
    """
    known = state.prekeys.get(me, ())
    return [
        old
        for old, successor in pairwise(known)
        if successor.index < state.size and now_minutes > successor.not_before_minutes + _DRAIN_MINUTES
    ]


def phone(state: PublicState, member: str) -> str:
    """Whom to call, as the Directory has it."""
    found = state.directory.members.get(member)
    return found.phone if found and found.phone else "no number in the Directory"
