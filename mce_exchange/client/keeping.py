"""What a member does with its keys: the acts behind `mce key`, whether or not its node runs here."""

from collections.abc import Sequence
from dataclasses import replace

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.client.identity import Identity
from mce_exchange.directory.compose import new_key
from mce_exchange.directory.effects import CUT_SECONDS
from mce_exchange.directory.model import Kind, Member, SigningKey, Status
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import decode_card, encode_card
from mce_exchange.errors import UsageError
from mce_exchange.hotline import changing, lives, signing
from mce_exchange.hotline.changing import Reason
from mce_exchange.hotline.lives import KeyLife
from mce_exchange.keys import PrivateKey, PublicKey
from mce_exchange.log.checkpoint import size_of
from mce_exchange.primitives.verify import sha256
from mce_exchange.statement import Statement
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from mce_exchange.text import one_line
from mce_exchange.v1 import statement_pb2


def lives_of(home: Home, state: PublicState, member: str) -> list[KeyLife]:
    """The whole life of every key of a member, as far as this home has followed the log."""
    logged = [(one.index, one.raw) for one in home.logbook.public(lives.TYPES)]
    return lives.lives_of(state, member, logged)


def made_here(home: Home, identity: Identity, state: PublicState) -> list[KeyLife]:
    """Keys of this home that the log does not have yet: signing keys, a door, prekeys."""
    found = [("signing", key_id) for key_id in home.secrets.signing_ids() if state.holder(key_id) is None]
    door = home.settings.find(settings.NEXT_DOOR)
    if door and door not in state.certificates(identity.member):
        found.append(("door", sha256(door)))
    for raw in home.publishing.unseen("prekey", state.size):
        found.append(("prekey", statements.decode(raw).id(identity.network_id)))
    return [KeyLife(kind=kind, id=id_, state="made", since=0) for kind, id_ in found]


def make_key(home: Home, identity: Identity, state: PublicState) -> tuple[bytes, bytes]:
    """The next signing key, kept, and a card that lists it beside the living ones: (key id, card)."""
    key = PrivateKey.generate()
    card = next_card(home, identity, state)
    ours = tuple(one for one in card.keys if one.public.id != key.public.id)
    data = encode_card(replace(card, keys=(*ours, new_key(key.public))))
    with home.database.write():
        home.secrets.put_signing(key)
        home.settings.put(settings.CARD, data)
    return key.public.id, data


def add_person(home: Home, identity: Identity, state: PublicState, public: PublicKey, *, name: str) -> bytes:
    """A card that lists the key of another person than the desk, by her name; the private half stays hers."""
    if public.id in home.secrets.signing_ids():
        raise UsageError("this key is the desk's own: it makes no second person")
    card = next_card(home, identity, state)
    if not 0 < len(name.encode()) <= limits.DISPLAY_NAME or one_line(name) != name:
        raise UsageError(f"a person's name here has 1 to {limits.DISPLAY_NAME} bytes of plain text")
    if public.id in {key.public.id for key in card.keys}:
        raise UsageError(f"{public.id.hex()} is on the card already", remedy="see `mce key`")
    data = encode_card(replace(card, keys=(*card.keys, new_key(public, label=name))))
    decode_card(data)
    home.settings.put(settings.CARD, data)
    return data


def retire_key(home: Home, identity: Identity, state: PublicState, key_id: bytes) -> bytes:
    """A card without one of the living keys; `UsageError` if this home could then sign nothing."""
    card = next_card(home, identity, state)
    stay = tuple(key for key in card.keys if key.public.id != key_id)
    if len(stay) == len(card.keys):
        raise UsageError(f"{key_id.hex()} is no living key of {identity.member}", remedy="see `mce key`")
    held = set(home.secrets.signing_ids())
    if not any(key.public.id in held and signing.lives_now(state, key.public.id) for key in stay):
        raise UsageError(
            "without this key this home could sign nothing",
            remedy="`mce key new` first, and let it be entered",
        )
    data = encode_card(replace(card, keys=stay))
    home.settings.put(settings.CARD, data)
    return data


def next_card(home: Home, identity: Identity, state: PublicState) -> Member:
    """The newest card, with the keys of it that have not ended meanwhile and with today's doors."""
    me = identity.member
    card = decode_card(home.settings.get(settings.CARD))
    record = state.directory.members.get(me)
    # Whose a key is stays as the Directory says: the first of one id counts.
    keys = [key for key in record.keys if not key.life.removed] if record else []
    keys += [one.holder.key for one in state.recovered.values() if one.holder.id == me]
    keys += card.keys
    ended = {key.public.id for key in record.keys if key.life.removed} if record else set()
    living: dict[bytes, SigningKey] = {}
    for key in keys:
        if key.public.id not in ended and key.public.id not in state.revoked:
            living.setdefault(key.public.id, new_key(key.public, label=key.label))
    doors = state.certificates(me) if record else card.certificates
    return replace(
        card,
        status=Status.ACTIVE,
        keys=tuple(living.values()),
        certificates=doors or card.certificates,
    )


def revoke_key(
    home: Home,
    identity: Identity,
    state: PublicState,
    key_id: bytes,
    *,
    reason: Reason,
    before: int | None = None,
) -> Statement:
    """Sign and queue a revocation, obeyed here at once. The cut is the newest anchor held, or of before then.

    Another living key of ours signs, or, if there is none, the key itself.
    """
    holder = state.holder(key_id)
    if holder is None or (holder.kind, holder.id) != (Kind.MEMBER, identity.member):
        raise UsageError(f"{key_id.hex()} is no key of {identity.member}", remedy="see `mce key`")
    held = sorted(home.secrets.signing_ids(), key=key_id.__eq__)
    chosen = next((one for one in held if signing.lives_now(state, one)), None)
    if chosen is None:
        raise UsageError(
            "no living key of this member is here to sign with",
            remedy="ask the federation: `mce directory revoke`",
        )
    author = replace(identity.author, keys=(home.secrets.signing_key(chosen),))
    cut = cut_of(home, state, [key_id], before, together=False)
    made = changing.revocation(author, key_id, cut=cut, reason=reason)
    check(state, made.raw)
    with home.database.write():
        home.publishing.put(made)
    identity.switch(home, state)
    return made


def cut_of(
    home: Home, state: PublicState, key_ids: Sequence[bytes], before: int | None, *, together: bool
) -> bytes:
    """The anchor from which these keys' signatures are disputed: the newest, or the newest not after a time.

    Raises `UsageError` for a time at which none of them lived yet, and, unless the threshold of roots signs
    `together`, for one more than 30 days back: the log would move that cut (SPEC section 8.4).
    """
    held = _anchors(home, state)
    found = [one for one in held if before is None or one[0] <= before]
    if not found:
        raise UsageError(
            "this home holds no anchor from then",
            remedy="let the node run for ten minutes; or choose a later date",
        )
    time, note = max(found, key=lambda one: size_of(one[1]))
    if not together and state.ticks and time < state.ticks[-1].time - CUT_SECONDS:
        raise UsageError(
            "only the federation's threshold disputes what is more than 30 days old",
            remedy="choose a later date, or ask for `mce directory revoke --before`",
        )
    begun = min((signing.since(state, holder) for one in key_ids if (holder := state.holder(one))), default=0)
    if any(size_of(note) < size_of(later) <= begun for _, later in held):
        raise UsageError("the key had not begun then", remedy="choose a later date; see `mce key list`")
    return note


def anchor_of(home: Home, state: PublicState) -> bytes:
    """The newest anchor that this home has verified."""
    return cut_of(home, state, (), None, together=True)


def _anchors(home: Home, state: PublicState) -> list[tuple[int, bytes]]:
    """Times and notes; the log's own clock reaches back further than the anchors of the last two days."""
    held = home.logbook.anchors()
    for one in home.logbook.public(("clock",)):
        note = statement_pb2.Clock.FromString(statements.decode(one.raw).body).anchor
        held.append((state.open_anchor(note).time, note))
    return held


def take(home: Home, identity: Identity, state: PublicState, raw: bytes) -> Statement:
    """A public Statement from a file: a revocation is obeyed at once, and all go to the log from here."""
    statement = statements.decode(raw)
    if not statement.public or statement.type == statements.DIRECTORY:
        raise UsageError(
            f"a Statement of type {statement.type} is not taken from a file",
            remedy="a Directory goes by `mce directory publish`",
        )
    check(state, raw)
    with home.database.write():
        home.publishing.put(statement)
    identity.switch(home, state)
    return statement


def check(state: PublicState, raw: bytes) -> None:
    """Everybody's judgement, before it leaves the house; its anchor may be ahead of what we have followed."""
    statement = statements.decode(raw)
    statements.lint(statement)
    body = statements.BODIES[statement.type].FromString(statement.body)
    note = getattr(body, "cut", b"") or getattr(body, "anchor", b"")
    index = max(state.size, size_of(note) if note else 0)
    state.after(raw, index=index)


def contest(home: Home, identity: Identity, index: int) -> Statement:
    """Sign and queue: the public Statement at this log index, in our name, was not made by us."""
    found = next((one for one in home.logbook.public(tuple(statements.PUBLIC)) if one.index == index), None)
    if found is None:
        raise UsageError(
            f"entry {index} is no public Statement that this home has followed",
            remedy="see the alarm's number",
        )
    made = changing.contest(identity.author, statements.decode(found.raw).id(identity.network_id))
    with home.database.write():
        home.publishing.put(made)
    return made
