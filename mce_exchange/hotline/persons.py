"""Who signs beside the desk what its policy reserves to two persons (SPEC section 8.1)."""

from collections.abc import Iterable

from mce_exchange.directory.model import Act
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import UsageError
from mce_exchange.hotline.signing import lives_now, since


def needs_two(state: PublicState, me: str, acts: Iterable[Act | None]) -> bool:
    """Whether the policy in force asks two persons of this member for any of these acts."""
    directory = state.directory
    return me in directory.members and any(act and directory.persons(me, act) > 1 for act in acts)


def others(state: PublicState, me: str, key_id: bytes) -> dict[str, bytes]:
    """The other persons of a member by their labels, each with its newest living key's id."""
    record = state.directory.members.get(me)
    holders = [state.holder(key.public.id) for key in (record.keys if record else ())]
    desk = state.holder(key_id)
    found: dict[str, tuple[int, bytes]] = {}
    for one in holders:
        if one is None or not lives_now(state, one.key.public.id):
            continue
        label, candidate = one.key.label, (since(state, one), one.key.public.id)
        if label != (desk.key.label if desk else "") and candidate > found.get(label, (-1, b"")):
            found[label] = candidate
    return {label: id_ for label, (_, id_) in found.items()}


def second(state: PublicState, me: str, key_id: bytes, wanted: str = "") -> bytes:
    """The id of the key that signs beside `key_id`: the other person's, or that of the one who is `wanted`.

    Raises `UsageError` if there is none, or several and none of them is named.
    """
    known = others(state, me, key_id)
    if not known:
        raise UsageError(
            "this takes two persons, and no other person of this member has a living key",
            remedy="make one with `mce second`, and let the federation enter it",
        )
    if wanted or len(known) > 1:
        if wanted not in known:
            names = ", ".join(sorted(known))
            raise UsageError(
                f"this takes two persons: name the second one of {names}", remedy="use --second NAME"
            )
        return known[wanted]
    return next(iter(known.values()))
