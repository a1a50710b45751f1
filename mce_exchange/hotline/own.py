"""Whether the Directory says of a member what its own card asked for (SPEC section 8.9, threat D1)."""

from collections.abc import Container, Mapping
from dataclasses import replace

from mce_exchange.directory.model import Member, SigningKey, Status


def as_asked(
    card: Member, before: Member | None, after: Member | None, revoked: Container[bytes] = ()
) -> bool:
    """Whether our record is our card, key by key; what is only the federation's to say is as it was before.

    That is the policy, which no card carries, and whose a key is that stood there before. A key that has
    ended is no addition only if we had it. A revoked one signs no more, whether a version ends it or not.
    """
    if after is None or after.status is not Status.ACTIVE:
        return False
    labels = {key.public.id: key.label for key in (*before.keys, *before.board_keys)} if before else {}
    listed = {key.public.id for key in (*after.keys, *after.board_keys)}
    asked = {key.public.id for key in (*card.keys, *card.board_keys)}
    wanted = replace(
        card,
        policy=before.policy if before else {},
        keys=_labelled(card.keys, labels),
        board_keys=_labelled(card.board_keys, labels),
    )
    return listed <= labels.keys() | asked and _living(after, revoked) == _living(wanted, revoked)


def _labelled(keys: tuple[SigningKey, ...], labels: Mapping[bytes, str]) -> tuple[SigningKey, ...]:
    return tuple(replace(key, label=labels.get(key.public.id, key.label)) for key in keys)


def _living(member: Member, revoked: Container[bytes]) -> Member:
    return replace(member, keys=_ids(member.keys, revoked), board_keys=_ids(member.board_keys, revoked))


def _ids(keys: tuple[SigningKey, ...], revoked: Container[bytes]) -> tuple[SigningKey, ...]:
    """Living keys without their versions, in an order of their own."""
    living = [key for key in keys if not key.life.removed and key.public.id not in revoked]
    bare = [replace(key, life=replace(key.life, added=0)) for key in living]
    return tuple(sorted(bare, key=lambda key: key.public.id))
