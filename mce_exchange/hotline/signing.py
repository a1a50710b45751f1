"""Which of our signing keys is in use, and revocations that reached us before the log (SPEC 8.3, 8.4).

The newest of ours that lives signs: so a rotation switches by itself the moment its Directory comes,
and a revoked key signs nothing more, however the revocation came.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from mce_exchange import statement as statements
from mce_exchange.directory.model import Holder, Kind
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import MceError
from mce_exchange.log.checkpoint import size_of
from mce_exchange.v1 import statement_pb2


def in_use(state: PublicState, me: str, held: Sequence[bytes]) -> bytes | None:
    """The id among `held` (in the order of making) to sign with at the next index; None if none ever lived.

    If none lives, the one that did last: it still signs a contest (SPEC section 8.5), nothing else.
    """
    known = [
        (state.lives(holder, state.size), since(state, holder), place, key_id)
        for place, key_id in enumerate(held)
        if (holder := state.holder(key_id))
        and (holder.kind, holder.id) == (Kind.MEMBER, me)
        and key_id not in state.revoked
    ]
    return max(known)[-1] if known else None


def lives_now(state: PublicState, key_id: bytes) -> bool:
    """Whether a signature by this key would count at the next index, status and role of its member aside."""
    holder = state.holder(key_id)
    return holder is not None and state.lives(holder, state.size) and key_id not in state.revoked


def since(state: PublicState, holder: Holder) -> int:
    """The log index that added a key: a Directory's, or a board recovery's if that came first."""
    key_id, life = holder.key.public.id, holder.key.life
    added = [state.directory.indices[life.added - 1]] if life.added else []
    added += [state.recovered[key_id].index] if key_id in state.recovered else []
    return min(added)


def obeying(state: PublicState, revocations: Iterable[bytes], *, index: int = 0) -> PublicState:
    """The state with revocations that the log has not brought yet, as if it brought them now, or at an index.

    For what this node does, never for a verdict: those are everybody's, and of the log alone.
    """
    obeyed = state
    for raw in revocations:
        decoded = statements.decode(raw)
        body = statement_pb2.Revocation.FromString(decoded.body)
        if body.key_id in state.revoked:
            continue
        # One that does not hold (yet) by what we have followed changes nothing.
        with suppress(MceError):
            obeyed = obeyed.after(raw, index=max(index, obeyed.size, size_of(body.cut)))
    return replace(obeyed, size=state.size)
