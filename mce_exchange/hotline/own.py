"""Whether the Directory says of a member what its own card asked for (SPEC section 8.9, threat D1)."""

from dataclasses import replace

from mce_exchange.directory.model import Member, SigningKey, Status


def as_asked(card: Member, before: Member | None, after: Member | None) -> bool:
    """Whether our record is our card, key by key; what is only the federation's to say is as it was before.

    That is the policy, which no card carries. A key that has ended is no addition only if we had it.
    """
    if after is None or after.status is not Status.ACTIVE:
        return False
    known = {key.public.id for key in (*before.keys, *before.board_keys)} if before else set()
    listed = {key.public.id for key in (*after.keys, *after.board_keys)}
    asked = {key.public.id for key in (*card.keys, *card.board_keys)}
    wanted = replace(card, policy=before.policy if before else {})
    return listed <= known | asked and _living(after) == _living(wanted)


def _living(member: Member) -> Member:
    return replace(member, keys=_ids(member.keys), board_keys=_ids(member.board_keys))


def _ids(keys: tuple[SigningKey, ...]) -> tuple[SigningKey, ...]:
    """Living keys without their versions and labels, in an order of their own."""
    living = [key for key in keys if not key.life.removed]
    bare = [replace(key, life=replace(key.life, added=0), label="") for key in living]
    return tuple(sorted(bare, key=lambda key: key.public.id))
