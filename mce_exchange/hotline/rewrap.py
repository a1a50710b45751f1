"""When a content key may be wrapped again without asking a person (SPEC section 9, threats E1, D1).

Only for a message of ours that is not delivered and was refused with `prekey_not_held`, once, and
only to a prekey that was in the log, and alive, below the header's own index: so nobody who takes
over a recipient later can have old messages wrapped for keys of its own.
"""

from mce_exchange.directory.known import Prekey
from mce_exchange.directory.public import PublicState


def target(state: PublicState, member: str, *, header_index: int, prekey_id: bytes) -> Prekey | None:
    """The prekey to wrap to, or None: a question to a person."""
    known = [one for one in state.prekeys.get(member, ()) if one.index < header_index]
    newest = known[-1] if known else None
    return newest if newest and newest.id != prekey_id else None
