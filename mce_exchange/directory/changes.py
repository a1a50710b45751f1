"""What the federation changes from one version to the next, each as a function of a draft (SPEC section 8.3).

Nothing is forgotten: a key, relay or witness that goes keeps its record with the version that ended it,
and one that has gone never comes back. `version` is the one being written.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Act, Directory, Life, Living, Member, Relay, SigningKey, Status
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import RelayCard
from mce_exchange.errors import UsageError
from mce_exchange.keys import PublicKey
from mce_exchange.log.anchor import Quorum, WitnessKey
from mce_exchange.log.checkpoint import LogKey


def carried(state: PublicState) -> tuple[Draft, list[str]]:
    """The next version as it begins: what the log has decided since the last one, and each in a sentence.

    A revoked key ends, and the key that a board gave its member enters with the doors in force: a version
    that went on listing the lost key would tell every joiner that it lives (SPEC section 8.8).
    """
    draft, told = Draft.of(state.directory), []
    for member in state.directory.members.values():
        living = [key for key in member.keys if not key.life.removed]
        lost = [key for key in living if key.public.id in state.revoked]
        given = [
            one.holder.key
            for key_id, one in state.recovered.items()
            if one.holder.id == member.id and key_id not in {*state.revoked, *state.directory.holders}
        ]
        if member.status is Status.LEFT or not (lost or given):
            continue
        told += [f"{member.id}: its key {key.public.id.hex()} is revoked" for key in lost]
        told += [f"{member.id}: its board gave it key {key.public.id.hex()}" for key in given]
        stay = [key for key in living if key not in lost]
        after = replace(
            member,
            keys=_keys(member.keys, [*stay, *given], state.directory.version + 1),
            certificates=state.certificates(member.id) if given else member.certificates,
        )
        draft = _with(draft, after)
    return draft, told


def relisted(following: Directory, state: PublicState) -> list[str]:
    """What a version that somebody else wrote leaves out of that: it changes no verdict, and misleads."""
    return [
        f"{member.id}: key {key.public.id.hex()} is listed as living and is revoked"
        for member in following.members.values()
        for key in member.keys
        if not key.life.removed and key.public.id in state.revoked
    ]


def enter(draft: Draft, member: Member) -> Draft:
    """A new member, by its card; `UsageError` if its id is taken."""
    if member.id in {one.id for one in draft.members}:
        raise UsageError(
            f"{member.id} is a member already", remedy="`mce directory change --renew` updates it"
        )
    return replace(draft, members=(*draft.members, member))


def renew(draft: Draft, card: Member, *, version: int) -> Draft:
    """A member's record as its new card says: keys that the card lists live, the others end."""
    before = _member(draft, card.id)
    after = replace(
        card,
        status=before.status,
        # A hijacked desk that renews its card sheds no second person by it.
        policy=before.policy,
        keys=_keys(before.keys, card.keys, version),
        board_keys=_keys(before.board_keys, card.board_keys, version),
    )
    return _with(draft, after)


def leave(draft: Draft, member_id: str, *, version: int) -> Draft:
    """A member goes: its keys and its witness end, its record and what it signed stay."""
    before = _member(draft, member_id)
    after = replace(
        before,
        status=Status.LEFT,
        certificates=(),
        # A key that would only enter with this version ends with the member, unlisted.
        keys=_keys([key for key in before.keys if key.life.added], (), version),
        board_keys=_keys(before.board_keys, (), version),
        board_threshold=0,
    )
    draft = _without_witnesses(draft, lambda one: one.member == member_id, version)
    return _with(draft, after)


def set_status(draft: Draft, member_id: str, status: Status) -> Draft:
    """Confirm a suspension, or let a member take part again."""
    return _with(draft, replace(_member(draft, member_id), status=status))


def set_policy(draft: Draft, member_id: str, acts: Iterable[Act]) -> Draft:
    """The acts that need two persons of this member; all others need one."""
    return _with(draft, replace(_member(draft, member_id), policy=dict.fromkeys(acts, 2)))


def rotate_roots(
    draft: Draft,
    *,
    add: Sequence[PublicKey] = (),
    end: Sequence[bytes] = (),
    threshold: int = 0,
    version: int,
) -> Draft:
    """Root keys that come and go (by key id), and how many must sign from here on; 0 leaves that."""
    living = [key.public for key in draft.root_keys if not key.life.removed]
    unknown = set(end) - {one.id for one in living}
    if unknown:
        raise UsageError(f"no living root key has the id {min(unknown).hex()}")
    stay = [new_key(one) for one in (*living, *add) if one.id not in end]
    wanted = threshold or draft.root_threshold
    if not 1 <= wanted <= len(stay):
        raise UsageError(f"a threshold of {wanted} for {len(stay)} root keys")
    return replace(draft, root_keys=_keys(tuple(draft.root_keys), stay, version), root_threshold=wanted)


def succeed_relay(draft: Draft, card: RelayCard, *, version: int) -> Draft:
    """The log goes on under another operator or with new keys: every other relay and log key ends.

    A relay that is in the Directory goes on by its new card: its address, its doors, what it signs with.
    """
    relays: list[Relay] = []
    for one in draft.relays:
        if one.id == card.relay.id:
            return _renew_relay(draft, one, card, version=version)
        ended = replace(one, life=_ended(one.life, version), keys=_keys(one.keys, (), version))
        relays.append(one if one.life.removed else ended)
    if card.log_key in {one.value for one in draft.log_keys}:
        raise UsageError("this log key has been used: a log key never comes back")
    return replace(draft, relays=(*relays, card.relay), log_keys=_log_keys(draft, card, version))


def close(draft: Draft, successor: bytes) -> Draft:
    """The log ends with this version; `successor` is the id of the network that goes on, or empty."""
    return replace(draft, closed=True, successor=successor)


def set_witnesses(
    draft: Draft,
    *,
    add: Sequence[WitnessKey] = (),
    end: Sequence[str] = (),
    quorum: int | None = None,
    version: int,
) -> Draft:
    """Witnesses that come, each in place of its member's and of its name's, and go by name.

    `quorum` of all that live then must cosign an anchor, 0 for nobody; None leaves that, if it still holds.
    """
    living = {one.value.name for one in draft.witness_keys if not one.life.removed}
    unknown = set(end) - living
    if unknown:
        raise UsageError(f"no living witness is called {min(unknown)}")
    used = {one.value for one in draft.witness_keys}
    again = next((one for one in add if one in used), None)
    if again is not None:
        raise UsageError(f"this key of witness {again.name} has been used: a witness key never comes back")
    gone = {*end, *(one.name for one in add)}
    members = {one.member for one in add}
    draft = _without_witnesses(draft, lambda one: one.name in gone or one.member in members, version)
    keys = (*draft.witness_keys, *(Living(value=one, life=Life(added=0)) for one in add))
    n = sum(not one.life.removed for one in keys)
    wanted = draft.quorum if quorum is None else Quorum(quorum, n if quorum else 0)
    if wanted.n not in (0, n) or (wanted.n and not wanted.n < 2 * wanted.k <= 2 * wanted.n):
        least = n // 2 + 1
        raise UsageError(
            f"a quorum of {wanted.k} of {wanted.n} for {n} witnesses",
            remedy=f"say --quorum: {least} to {n}, or 0",
        )
    return replace(draft, witness_keys=keys, quorum=wanted)


def _without_witnesses(draft: Draft, ends: Callable[[WitnessKey], bool], version: int) -> Draft:
    return replace(
        draft,
        witness_keys=[
            replace(one, life=_ended(one.life, version)) if not one.life.removed and ends(one.value) else one
            for one in draft.witness_keys
        ],
    )


def _renew_relay(draft: Draft, before: Relay, card: RelayCard, *, version: int) -> Draft:
    if before.life.removed:
        raise UsageError(f"{before.id} has ended", remedy="choose another relay id")
    after = replace(card.relay, life=before.life, keys=_keys(before.keys, card.relay.keys, version))
    relays = tuple(after if one.id == before.id else one for one in draft.relays)
    return replace(draft, relays=relays, log_keys=_log_keys(draft, card, version))


def _log_keys(draft: Draft, card: RelayCard, version: int) -> tuple[Living[LogKey], ...]:
    """The card's log key lives, and no other."""
    known = {one.value: one.life for one in draft.log_keys}
    if card.log_key in known:
        if known[card.log_key].removed:
            raise UsageError("this log key has ended: a log key never comes back")
        return tuple(draft.log_keys)
    ended = [
        one if one.life.removed else replace(one, life=_ended(one.life, version)) for one in draft.log_keys
    ]
    return (*ended, Living(value=card.log_key, life=Life(added=0)))


def _keys(before: Sequence[SigningKey], wanted: Sequence[SigningKey], version: int) -> tuple[SigningKey, ...]:
    """What was there, ended unless wanted; then what is new."""
    ids = {key.public.id for key in wanted}
    kept = []
    for key in before:
        if key.life.removed and key.public.id in ids:
            raise UsageError(f"key {key.public.id.hex()} has ended: a key never comes back")
        ends = not key.life.removed and key.public.id not in ids
        if ends and not key.life.added:
            raise UsageError(
                f"key {key.public.id.hex()}, which the member's board gave, is not on this card",
                remedy="let it enter first, without the card; or ask the member for its newest card",
            )
        kept.append(replace(key, life=_ended(key.life, version)) if ends else key)
    known = {key.public.id for key in before}
    return (*kept, *(new_key(key.public, label=key.label) for key in wanted if key.public.id not in known))


def _ended(life: Life, version: int) -> Life:
    return replace(life, removed=version)


def _member(draft: Draft, member_id: str) -> Member:
    for one in draft.members:
        if one.id == member_id:
            return one
    raise UsageError(f"{member_id} is no member")


def _with(draft: Draft, member: Member) -> Draft:
    return replace(draft, members=tuple(member if one.id == member.id else one for one in draft.members))
